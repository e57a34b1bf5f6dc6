//! Records whose further lines may look like anything: the text of an error, a statement, a stack trace.

use regex::Regex;
use serde::Deserialize;
use stanch_packs::PackError;

/// Lines of one such stretch, where a pack says no other number.
const LINES_MAX: u64 = 1_000;

/// How such a stretch is told, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpanPack {
    /// A regular expression for a line behind which the record goes on, whatever its lines look like.
    pub opens: String,
    /// One for the line that ends this. A line that begins a record always does.
    #[serde(default)]
    pub closes: Option<String>,
    /// Lines after which it ends at the latest.
    #[serde(default)]
    pub lines_max: Option<u64>,
}

/// One such stretch, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    opens: Regex,
    closes: Option<Regex>,
    lines_max: u64,
}

impl Span {
    /// Compiles one.
    ///
    /// # Errors
    /// If an expression cannot be read.
    pub(crate) fn compile(shown: &str, pack: &SpanPack) -> Result<Span, PackError> {
        let regex = |name: &str, written: &str| {
            Regex::new(written)
                .map_err(|e| PackError::new(shown, format!("`spans` has {name} that cannot be read: {e}")))
        };
        Ok(Span {
            opens: regex("`opens`", &pack.opens)?,
            closes: pack.closes.as_deref().map(|written| regex("`closes`", written)).transpose()?,
            lines_max: pack.lines_max.unwrap_or(LINES_MAX),
        })
    }

    /// Whether a line opens it and does not close it again.
    fn is_opened_by(&self, line: &str) -> bool {
        match (self.opens.find(line), &self.closes) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(found), Some(closes)) => !closes.is_match(&line[found.end()..]),
        }
    }

    fn is_closed_by(&self, line: &str) -> bool {
        self.closes.as_ref().is_some_and(|closes| closes.is_match(line))
    }
}

/// Which stretch a record is in, if it is in one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Open(Option<(usize, u64)>);

impl Open {
    /// Whether the record's next line belongs to it, whatever it looks like.
    pub(super) fn is_open(self) -> bool {
        self.0.is_some()
    }

    /// Looks at a line that was taken into the record.
    pub(super) fn took(&mut self, line: &str, spans: &[Span]) {
        if let Some((at, lines)) = self.0 {
            let ended = spans[at].is_closed_by(line) || lines + 1 >= spans[at].lines_max;
            self.0 = (!ended).then_some((at, lines + 1));
        }
        if self.0.is_none() {
            self.0 = spans.iter().position(|span| span.is_opened_by(line)).map(|at| (at, 0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(opens: &str, closes: Option<&str>, lines_max: Option<u64>) -> Vec<Span> {
        let pack = SpanPack { opens: opens.to_owned(), closes: closes.map(str::to_owned), lines_max };
        vec![Span::compile("x", &pack).unwrap()]
    }

    #[test]
    fn a_stretch_opens_and_closes_by_lines_and_ends_by_itself() {
        let by_line = spans("^Stack trace:$", Some("^  thrown in "), None);
        let mut open = Open::default();
        open.took("PHP Fatal error", &by_line);
        assert!(!open.is_open());
        open.took("Stack trace:", &by_line);
        open.took("anything", &by_line);
        assert!(open.is_open());
        open.took("  thrown in /x.php on line 3", &by_line);
        assert!(!open.is_open());

        let short = spans("^begin", None, Some(2));
        open.took("begin", &short);
        open.took("1", &short);
        assert!(open.is_open());
        open.took("2", &short);
        assert!(!open.is_open());
    }

    #[test]
    fn what_closes_on_the_line_that_opens_it_is_not_open() {
        let one = spans("for query ", Some(" made by .*$"), None);
        let mut open = Open::default();
        open.took("error for query SELECT 1 made by index", &one);
        assert!(!open.is_open());
        open.took("error for query SELECT 1", &one);
        assert!(open.is_open());
    }
}
