//! CSV as RFC 4180 has it: fields in quotes, in which quotes are doubled and lines may end; records put together again.

use crate::lines::Line;
use stanch_model::Position;
use std::borrow::Cow;

/// How often a record in several lines is looked at anew before it counts as torn.
const TRIES_MAX: u32 = 64;

/// What cutting a text into fields came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// All of it is fields.
    Whole,
    /// The last field's quotes have not closed.
    Open,
    /// Something stands behind a closing quote.
    Malformed,
}

/// Cuts a record into the ranges of its fields, quotes left out.
pub(crate) fn cut(text: &str, separator: &[u8], ranges: &mut Vec<(usize, usize)>) -> Cut {
    ranges.clear();
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        let end = if bytes.get(at) == Some(&b'"') {
            let Some(close) = closing(bytes, at + 1) else { return Cut::Open };
            ranges.push((at + 1, close));
            close + 1
        } else {
            let end = memchr::memmem::find(&bytes[at..], separator).map_or(bytes.len(), |n| at + n);
            ranges.push((at, end));
            end
        };
        if end == bytes.len() {
            return Cut::Whole;
        }
        if !bytes[end..].starts_with(separator) {
            return Cut::Malformed;
        }
        at = end + separator.len();
    }
}

/// The quote that closes a field; a doubled one stands for itself.
fn closing(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let quote = at + memchr::memchr(b'"', bytes.get(at..)?)?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        at = quote + 2;
    }
}

/// The value of a field that [`cut`] found.
pub(crate) fn value(text: &str, (from, to): (usize, usize)) -> Cow<'_, str> {
    let (field, is_quoted) = (&text[from..to], from > 0 && text.as_bytes()[from - 1] == b'"');
    if is_quoted && field.contains('"') { Cow::Owned(field.replace("\"\"", "\"")) } else { Cow::Borrowed(field) }
}

/// A record whose last field has not closed yet.
pub(crate) struct OpenRecord {
    pub(crate) text: String,
    pub(crate) position: Position,
    pub(crate) lines: u64,
    tries: u32,
}

/// What a further line made of an open record.
pub(crate) enum Grown {
    /// It is still open.
    Open(OpenRecord),
    /// Its quotes may have closed.
    Closed(OpenRecord),
    /// The line cannot belong to it, so that it was torn; the line is to be read by itself.
    Torn(OpenRecord),
}

impl OpenRecord {
    pub(crate) fn new(line: &Line<'_>) -> OpenRecord {
        OpenRecord { text: line.text.to_owned(), position: line.position, lines: 1, tries: 0 }
    }

    /// Takes in a further line.
    pub(crate) fn grow(mut self, line: &Line<'_>, separator: &[u8], bytes_max: usize) -> Grown {
        let odd = first_odd_quote(line.text.as_bytes(), separator);
        if odd == OddQuote::Opens || self.text.len() + line.text.len() > bytes_max {
            return Grown::Torn(self);
        }
        self.text.push('\n');
        self.text.push_str(line.text);
        let end = line.position.offset + u64::from(line.position.length);
        self.position.length = u32::try_from(end - self.position.offset).unwrap_or(u32::MAX);
        self.lines += 1;
        if odd == OddQuote::None {
            return Grown::Open(self);
        }
        self.tries += 1;
        Grown::Closed(self)
    }

    /// Whether it may be put off once more, where its last field has turned out to be open still.
    pub(crate) fn may_go_on(&self) -> bool {
        self.tries < TRIES_MAX
    }
}

/// What the first quote of a line that is not one of a pair tells, if the line goes on inside a field.
#[derive(PartialEq, Eq)]
enum OddQuote {
    None,
    /// It closes the field.
    Closes,
    /// It can only open one: before it stands a separator or nothing, behind it text.
    Opens,
}

fn first_odd_quote(line: &[u8], separator: &[u8]) -> OddQuote {
    let mut at = 0;
    while let Some(quote) = line.get(at..).and_then(|rest| memchr::memchr(b'"', rest)).map(|n| at + n) {
        let rest = &line[quote + 1..];
        if rest.starts_with(b"\"") {
            at = quote + 2;
            continue;
        }
        let begins = quote == 0 || line[..quote].ends_with(separator);
        return if begins && !rest.is_empty() && !rest.starts_with(separator) {
            OddQuote::Opens
        } else {
            OddQuote::Closes
        };
    }
    OddQuote::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(text: &str) -> Result<Vec<String>, Cut> {
        let mut ranges = Vec::new();
        match cut(text, b",", &mut ranges) {
            Cut::Whole => Ok(ranges.iter().map(|range| value(text, *range).into_owned()).collect()),
            fault => Err(fault),
        }
    }

    #[test]
    fn fields_in_quotes_hold_separators_quotes_and_lines() {
        assert_eq!(fields(r#"a,"b,c","d ""e""",f"#).unwrap(), ["a", "b,c", "d \"e\"", "f"]);
        assert_eq!(fields("\"a\nb\",,\"\"").unwrap(), ["a\nb", "", ""]);
        assert_eq!(fields(r#"5" disk,x"#).unwrap(), ["5\" disk", "x"]);
        assert_eq!(fields("a,\"b").unwrap_err(), Cut::Open);
        assert_eq!(fields(r#""a"b,c"#).unwrap_err(), Cut::Malformed);
    }

    proptest! {
        #[test]
        fn what_is_written_as_csv_comes_back(written in proptest::collection::vec("[a\",\n]{0,6}", 1..5)) {
            let line = written.iter().map(|f| format!("\"{}\"", f.replace('"', "\"\""))).collect::<Vec<_>>().join(",");
            prop_assert_eq!(fields(&line), Ok(written));
        }
    }
}
