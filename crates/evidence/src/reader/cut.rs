//! Cuts a line into columns, and gives back values as they were before they were written.

use crate::reader::delimited::{ColumnsPack, Quotes, Written};
use std::borrow::Cow;

/// Cuts a line into ranges. False if a quote never closes.
pub(super) fn cut(text: &str, pack: &ColumnsPack, ranges: &mut Vec<(usize, usize)>) -> bool {
    ranges.clear();
    let bytes = text.as_bytes();
    let mut separator = [0; 4];
    let separator = pack.separator.encode_utf8(&mut separator).as_bytes();
    let mut at = 0;
    loop {
        if pack.repeated {
            while bytes[at..].starts_with(separator) {
                at += separator.len();
            }
            if at == bytes.len() && !ranges.is_empty() {
                return true;
            }
        }
        if pack.quotes != Quotes::Loose && bytes.get(at) == Some(&b'"') {
            let Some(close) = doubled_closing_at(bytes, at + 1, pack.quotes) else { return false };
            let end = memchr::memmem::find(&bytes[close + 1..], separator).map_or(bytes.len(), |n| close + 1 + n);
            // Words behind the closing quote are nobody's way of writing; the column then stays as it stands.
            ranges.push(if end == close + 1 { (at + 1, close) } else { (at, end) });
            if end >= bytes.len() {
                return true;
            }
            at = end + separator.len();
            continue;
        }
        let closing = match bytes.get(at) {
            Some(b'"') if pack.quoted => Some(b'"'),
            Some(b'[') if pack.quoted => Some(b']'),
            _ => None,
        };
        let end = match closing {
            Some(close) => match closing_at(bytes, at + 1, close, separator) {
                Some(end) => {
                    ranges.push((at + 1, end));
                    end + 1
                }
                None => return false,
            },
            None => {
                let end = memchr::memmem::find(&bytes[at..], separator).map_or(bytes.len(), |n| at + n);
                ranges.push((at, end));
                end
            }
        };
        if end >= bytes.len() {
            return true;
        }
        at = end + separator.len();
    }
}

/// Where a quoted column ends: a closing character behind which the line ends or a separator stands. Servers that
/// escape no quotes write them into the middle of a value.
fn closing_at(bytes: &[u8], from: usize, close: u8, separator: &[u8]) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + memchr::memchr2(close, b'\\', bytes.get(at..)?)?;
        if bytes[found] == b'\\' && close == b'"' {
            at = found + 2;
        } else if bytes[found] == close && (found + 1 == bytes.len() || bytes[found + 1..].starts_with(separator)) {
            return Some(found);
        } else {
            at = found + 1;
        }
    }
}

/// Where a quoted column ends in which quotes are written twice.
fn doubled_closing_at(bytes: &[u8], from: usize, quotes: Quotes) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + memchr::memchr(b'"', bytes.get(at..)?)?;
        let is_escaped = quotes == Quotes::DoubledUnlessEscaped && found > from && bytes[found - 1] == b'\\';
        if is_escaped {
            at = found + 1;
        } else if bytes.get(found + 1) == Some(&b'"') {
            at = found + 2;
        } else {
            return Some(found);
        }
    }
}

/// A column's value.
pub(super) fn value<'a>(text: &'a str, (from, to): (usize, usize), pack: &ColumnsPack) -> Cow<'a, str> {
    let is_quoted = from > 0 && text.as_bytes()[from - 1] == b'"';
    let written = plain(&text[from..to], pack.written);
    if pack.quotes != Quotes::Loose && is_quoted && written.contains("\"\"") {
        return Cow::Owned(written.replace("\"\"", "\""));
    }
    written
}

/// A value as it was before it was written.
fn plain(text: &str, written: Written) -> Cow<'_, str> {
    match written {
        Written::Plain => Cow::Borrowed(text),
        Written::Plus if text.contains('+') && !text.starts_with('/') => Cow::Owned(text.replace('+', " ")),
        Written::Plus => Cow::Borrowed(text),
        Written::Percent => percent_encoding::percent_decode_str(text).decode_utf8_lossy(),
        Written::Hex => crate::reader::access::unescaped(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(separator: char, repeated: bool, quotes: Quotes) -> ColumnsPack {
        ColumnsPack {
            separator,
            repeated,
            quoted: true,
            quotes,
            named_behind: None,
            named_first: false,
            comment: None,
            columns: Vec::new(),
            written: Written::Plain,
        }
    }

    fn columns(text: &str, separator: char, repeated: bool) -> Option<Vec<&str>> {
        let pack = pack(separator, repeated, Quotes::Loose);
        let mut ranges = Vec::new();
        cut(text, &pack, &mut ranges).then(|| ranges.iter().map(|(from, to)| &text[*from..*to]).collect())
    }

    #[test]
    fn columns_are_cut_with_quotes_and_brackets() {
        assert_eq!(columns(r#"a "b c" [d e] f"#, ' ', false), Some(vec!["a", "b c", "d e", "f"]));
        assert_eq!(columns(r#"a "b "c" d" e"#, ' ', false), Some(vec!["a", "b \"c", "d\"", "e"]));
        assert_eq!(columns(r#""b \" c" e"#, ' ', false), Some(vec![r#"b \" c"#, "e"]));
        assert_eq!(columns("a \"b", ' ', false), None);
        assert_eq!(columns("a,,b,", ',', false), Some(vec!["a", "", "b", ""]));
        assert_eq!(columns("a   b  ", ' ', true), Some(vec!["a", "b"]));
        assert_eq!(columns("", ' ', true), Some(vec![""]));
    }

    fn values(text: &str, quotes: Quotes) -> Option<Vec<String>> {
        let pack = pack(',', false, quotes);
        let mut ranges = Vec::new();
        let is_whole = cut(text, &pack, &mut ranges);
        is_whole.then(|| ranges.iter().map(|range| value(text, *range, &pack).into_owned()).collect())
    }

    #[test]
    fn quotes_that_are_written_twice_become_one() {
        let doubled = |text| values(text, Quotes::Doubled);
        let said = |words: &[&str]| Some(words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(doubled(r#"a,"b ""c"", d","C:","""#), None);
        assert_eq!(doubled(r#"a,"b ""c"", d","C:","""""#), said(&["a", "b \"c\", d", "C:\\", "\""]));
        assert_eq!(doubled("a,\"b\nc\","), said(&["a", "b\nc", ""]));
        assert_eq!(doubled(r#"a,"b"c,d"#), said(&["a", "\"b\"c", "d"]));
        assert_eq!(doubled("a,\"b"), None);
        let php = values(r#"a,"b \"c,d",e"#, Quotes::DoubledUnlessEscaped);
        assert_eq!(php, said(&["a", "b \\\"c,d", "e"]));
    }
}
