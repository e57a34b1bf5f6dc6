//! Finds a pattern's variables in a line. Where a value may hold what ends it, later places are tried too; how often is
//! bounded, so that no line makes it slow.

use super::moment::Parts;
use super::shape::Shape;
use super::{Escape, Goes, Part, Pattern, Variable};
use crate::reader::delimited::Written;

/// What one line may cost: bytes looked at, with an allowance for each place that is tried.
const WORK_PER_BYTE: usize = 32;
const WORK_BESIDES: usize = 200_000;
const TRY_WORK: usize = 16;

/// Why a line gives no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// It does not follow the pattern.
    Other,
    /// It can be read in so many ways that not all were tried.
    Ambiguous,
}

/// Where a value stands in its line.
pub(super) type Range = (usize, usize);

struct Search<'a> {
    parts: &'a [Part],
    text: &'a str,
    is_escaped: bool,
    relaxed: bool,
    /// What is left of it.
    work: usize,
    found: &'a mut Vec<Range>,
}

impl Pattern {
    /// The places of the variables' values, in `found`.
    pub(super) fn find(&self, text: &str, found: &mut Vec<Range>) -> Result<(), Mismatch> {
        let mut work = text.len().saturating_mul(WORK_PER_BYTE).saturating_add(WORK_BESIDES);
        let is_escaped = matches!(self.escape, Escape::Usual | Escape::Json | Escape::As(Written::Hex));
        for relaxed in [false, true] {
            found.clear();
            let mut search = Search { parts: &self.parts, text, is_escaped, relaxed, work, found: &mut *found };
            if search.from(0, 0) {
                return Ok(());
            }
            work = search.work;
        }
        Err(if work == 0 { Mismatch::Ambiguous } else { Mismatch::Other })
    }
}

impl Search<'_> {
    /// Whether so much may still be done.
    fn spend(&mut self, bytes: usize) -> bool {
        self.work = self.work.saturating_sub(bytes + TRY_WORK);
        self.work > 0
    }

    /// Whether the parts from one on follow each other from a place on to the end.
    fn from(&mut self, part: usize, at: usize) -> bool {
        match self.parts.get(part) {
            None => at == self.text.len(),
            Some(Part::Literal(literal)) => {
                let literal = literal.needle();
                self.text.as_bytes()[at..].starts_with(literal) && self.from(part + 1, at + literal.len())
            }
            Some(Part::Variable(variable)) => self.variable(variable, part, at),
        }
    }

    fn variable(&mut self, variable: &Variable, part: usize, at: usize) -> bool {
        let rest = &self.text[at..];
        let longest = match &variable.goes {
            // Where quotes are escaped, they hold any value together; else only its shape does.
            _ if variable.is_quoted && self.is_escaped => rest.len(),
            Goes::Moment(writing) => match writing.read(rest, &mut Parts::default()) {
                Some(length) => return self.take(variable, part, (at, at + length)),
                None => usize::from(rest.starts_with('-')),
            },
            _ => variable.shape.longest(rest, self.relaxed),
        };
        if !self.spend(if variable.is_quoted { 0 } else { longest.min(rest.len()) }) {
            return false;
        }
        let is_held = variable.is_quoted && self.is_escaped;
        if variable.shape.is_fixed() && !is_held {
            return self.take(variable, part, (at, at + longest));
        }
        match self.parts.get(part + 1) {
            None => longest == rest.len() && self.take(variable, part, (at, self.text.len())),
            Some(Part::Literal(_)) => self.up_to_literal(variable, part, (at, at + longest)),
            Some(Part::Variable(_)) if variable.shape.is_bounded() => {
                (0..=longest).rev().any(|n| self.take(variable, part, (at, at + n)))
            }
            Some(Part::Variable(_)) => (0..=longest).any(|n| self.take(variable, part, (at, at + n))),
        }
    }

    /// Tries each place where the literal behind a variable stands.
    fn up_to_literal(&mut self, variable: &Variable, part: usize, (at, last): Range) -> bool {
        // A request may hold blanks and numbers; where no quotes hold it together, its protocol tells its end.
        let by_protocol = variable.shape == Shape::Request && !variable.is_quoted;
        if by_protocol && self.each_literal(variable, part, (at, last), Some(true)) {
            return true;
        }
        self.each_literal(variable, part, (at, last), by_protocol.then_some(false))
    }

    fn each_literal(&mut self, variable: &Variable, part: usize, (at, last): Range, protocol: Option<bool>) -> bool {
        let Some(Part::Literal(literal)) = self.parts.get(part + 1) else { return false };
        let bytes = self.text.as_bytes();
        let mut from = at;
        // Where the last escape seen ends.
        let mut clear = at;
        while from <= last {
            let end = (last + literal.needle().len()).min(bytes.len());
            let Some(found) = literal.find(&bytes[from..end]).map(|n| from + n) else {
                self.spend(end - from);
                return false;
            };
            if !self.spend(found - from) {
                return false;
            }
            from = found + 1;
            if variable.is_quoted && self.is_escaped {
                while let Some(escape) = memchr::memchr(b'\\', bytes.get(clear..found).unwrap_or_default()) {
                    clear += escape + 2;
                }
                if clear > found {
                    continue;
                }
            }
            let is_protocol = || has_protocol(&bytes[at..found]);
            if protocol.is_none_or(|wanted| wanted == is_protocol()) && self.take(variable, part, (at, found)) {
                return true;
            }
        }
        false
    }

    /// Whether the line can go on behind a value that stands there.
    fn take(&mut self, variable: &Variable, part: usize, (from, to): Range) -> bool {
        if !self.text.is_char_boundary(to) || !self.spend(0) {
            return false;
        }
        let is_held = variable.is_quoted && self.is_escaped && variable.shape != Shape::WholeRequest;
        if !is_held && !variable.shape.fits(&self.text[from..to], &self.text[to..]) {
            return false;
        }
        let known = self.found.len();
        self.found.push((from, to));
        if self.from(part + 1, to) {
            return true;
        }
        self.found.truncate(known);
        false
    }
}

/// Whether a request line ends with its protocol.
fn has_protocol(request: &[u8]) -> bool {
    let word = memchr::memrchr(b' ', request).map_or(request, |at| &request[at + 1..]);
    word.starts_with(b"HTTP/") && word[5..].iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

#[cfg(test)]
mod tests {
    use super::super::{Pattern, tests::known};
    use super::*;
    use proptest::prelude::*;

    fn values<'a>(written: &str, text: &'a str) -> Result<Vec<&'a str>, Mismatch> {
        let pattern = Pattern::compile(written, &known()).unwrap();
        let mut found = Vec::new();
        pattern.find(text, &mut found)?;
        Ok(found.into_iter().map(|(from, to)| &text[from..to]).collect())
    }

    #[test]
    fn a_pattern_reads_what_it_wrote() {
        let line = r#"192.0.2.7|10/Oct/2000:13:55:36 -0700|"GET /\"a\" HTTP/1.1" 7"#;
        assert_eq!(
            values(r#"$remote_addr|${time_local}|"$request" $x"#, line).unwrap(),
            ["192.0.2.7", "10/Oct/2000:13:55:36 -0700", r#"GET /\"a\" HTTP/1.1"#, "7"]
        );
        assert_eq!(values("$remote_addr|$time_local", "something else"), Err(Mismatch::Other));
        assert_eq!(
            values(
                r#"%h %l %t \"%r\" %>s \"%{User-Agent}i\""#,
                r#"h - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 "x y""#
            )
            .unwrap(),
            ["h", "-", "10/Oct/2000:13:55:36 -0700", "GET / HTTP/1.0", "200", "x y"]
        );
    }

    #[test]
    fn neighbours_without_anything_between_are_told_apart_by_their_shapes() {
        let line = "10/Oct/2000:13:55:36 -0700200512 shop.example/a?b=c 0.123404";
        assert_eq!(
            values("$time_local$status$body_bytes_sent $host$request_uri $request_time$status", line).unwrap(),
            ["10/Oct/2000:13:55:36 -0700", "200", "512", "shop.example", "/a?b=c", "0.123", "404"]
        );
        assert_eq!(
            values("%t %U%q %>s", "[10/Oct/2000:13:55:36 -0700] /a?b=1 200").unwrap(),
            ["10/Oct/2000:13:55:36 -0700", "/a", "?b=1", "200"]
        );
        assert_eq!(
            values("%t %U%q %>s", "[10/Oct/2000:13:55:36 -0700] /a 200").unwrap(),
            ["10/Oct/2000:13:55:36 -0700", "/a", "", "200"]
        );
    }

    #[test]
    fn values_may_hold_blanks_where_no_quotes_stand() {
        let line = "192.0.2.7 mary jane [10/Oct/2000:13:55:36 -0700] GET /a 200 5 HTTP/1.1 404 10 x 7 y";
        assert_eq!(
            values("%h %u %t %r %>s %b %{User-Agent}i", line).unwrap(),
            ["192.0.2.7", "mary jane", "10/Oct/2000:13:55:36 -0700", "GET /a 200 5 HTTP/1.1", "404", "10", "x 7 y"]
        );
        assert_eq!(
            values("$time_local $host $status", "10/Oct/2000:13:55:36 -0700 no host 400").unwrap(),
            ["10/Oct/2000:13:55:36 -0700", "no host", "400"]
        );
    }

    #[test]
    fn an_escaped_quote_ends_nothing_and_an_open_one_is_no_line_of_the_pattern() {
        let pattern = r#"[$time_local] "$request" "$http_user_agent" $status"#;
        let time = "[10/Oct/2000:13:55:36 -0700]";
        let line = format!(r#"{time} "GET /\\" "x\" 200 \" y" 200"#);
        assert_eq!(values(pattern, &line).unwrap()[1..], [r"GET /\\", r#"x\" 200 \" y"#, "200"]);
        assert_eq!(values(pattern, &format!(r#"{time} "GET /" "x\" 200"#)), Err(Mismatch::Other));
        // A server that escapes nothing.
        let line = format!(r#"{time} "GET /"a"" "say "hi"" 200"#);
        assert_eq!(values(pattern, &line).unwrap()[1..], [r#"GET /"a""#, r#"say "hi""#, "200"]);
    }

    #[test]
    fn a_line_that_can_be_read_in_very_many_ways_is_given_up() {
        let written = format!("$time_local {}$status", "$a $b $c $d $e ".repeat(4));
        let line = format!("10/Oct/2000:13:55:36 -0700 {}x", "a ".repeat(5_000));
        assert_eq!(values(&written, &line), Err(Mismatch::Ambiguous));
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(text in "\\PC{0,60}", end in "[ \"\\\\é0-9/:?-]{0,30}") {
            for written in ["$time_local$status$host$request_uri", r#"%t %U%q "%r" %{%T}t%D"#, "$a$time_local"] {
                let _ = values(written, &format!("{text}{end}"));
            }
        }
    }
}
