//! How values are written: by it a value's end is told where no literal tells it.

use serde::Deserialize;

/// How a variable's values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `02/Mar/2026:21:14:05 +0000`.
    Clf,
    /// `2026-03-02T21:14:05+00:00`.
    Iso,
    /// Seconds since 1970, with or without a fraction.
    Epoch,
    /// In the writing that the pattern gives.
    Moment,
    /// Three digits.
    Status,
    /// A whole number.
    Number,
    /// A number with or without a fraction.
    Decimal,
    /// One for each upstream tried: `0.001, 0.002 : 0.003`.
    List,
    /// An address or a host's name, and nothing else.
    Address,
    /// Anything without blanks.
    Word,
    /// A host: no blanks, no slash.
    Host,
    /// A path without its query.
    Path,
    /// `?` and a query, or nothing.
    Query,
    /// A request line; may hold blanks.
    Request,
    /// A request line whose target is a whole URL, as caches write it.
    WholeRequest,
    /// Anything, blanks too.
    Text,
}

impl Shape {
    /// Whether such a value's end can be told by itself, or its beginning by what it begins with.
    pub(super) fn is_bounded(self) -> bool {
        !matches!(self, Shape::List | Shape::Address | Shape::Word | Shape::Request | Shape::WholeRequest | Shape::Text)
    }

    /// Whether such a value is as long as it looks, and never shorter.
    pub(super) fn is_fixed(self) -> bool {
        matches!(self, Shape::Clf | Shape::Iso | Shape::Status)
    }

    /// How long such a value at the beginning of a text can be at most. A lone `-` stands for none in every shape.
    /// `relaxed` lets words hold blanks, as clients that send nonsense make them.
    pub(super) fn longest(self, text: &str, relaxed: bool) -> usize {
        let while_is = |is: fn(u8) -> bool| text.bytes().take_while(|b| is(*b)).count();
        let none = usize::from(text.starts_with('-'));
        let sign = usize::from(text.starts_with(['-', '+']));
        let digits = |from: usize| text.as_bytes()[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        match self {
            Shape::Clf => clf(text).unwrap_or(none),
            Shape::Iso => iso(text).unwrap_or(none),
            Shape::Status if text.bytes().take(3).filter(u8::is_ascii_digit).count() == 3 => 3,
            Shape::Status => none,
            Shape::Number => sign + digits(sign),
            Shape::Epoch | Shape::Decimal => {
                let whole = sign + digits(sign);
                if text.as_bytes().get(whole) == Some(&b'.') { whole + 1 + digits(whole + 1) } else { whole }
            }
            Shape::Address => {
                while_is(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'-' | b'_' | b'%' | b'[' | b']'))
            }
            Shape::Word if !relaxed => while_is(|b| !b.is_ascii_whitespace()),
            Shape::Host if !relaxed => while_is(|b| !b.is_ascii_whitespace() && b != b'/'),
            Shape::Path if !relaxed => while_is(|b| !b.is_ascii_whitespace() && b != b'?'),
            Shape::Path => while_is(|b| b != b'?'),
            Shape::Query if !text.starts_with('?') => none,
            _ => text.len(),
        }
    }

    /// Whether a value is written so. `after` is what stands behind it.
    pub(super) fn fits(self, value: &str, after: &str) -> bool {
        if self == Shape::WholeRequest {
            return value.split(' ').nth(1).is_some_and(|url| url.starts_with("http") && url.contains("://"));
        }
        if value == "-" || value.is_empty() && self != Shape::Status {
            return true;
        }
        match self {
            Shape::Clf => clf(value) == Some(value.len()),
            Shape::Iso => iso(value) == Some(value.len()),
            Shape::Status => value.len() == 3,
            Shape::List => !value.ends_with([',', ':', ' ']) && !after.trim_start().starts_with([',', ':']),
            _ => true,
        }
    }
}

/// The length of a time as servers write it, with or without a fraction and an offset.
fn clf(text: &str) -> Option<usize> {
    let b = text.as_bytes();
    let is_one = b.len() >= 20 && b[2] == b'/' && b[6] == b'/' && b[11] == b':' && b[14] == b':' && b[17] == b':';
    if !is_one {
        return None;
    }
    let digits = |from: usize| b[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = 20;
    if b.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if b.get(end) == Some(&b' ') && matches!(b.get(end + 1), Some(b'+' | b'-')) && digits(end + 2) >= 4 {
        end += 6;
    }
    text.is_char_boundary(end).then_some(end)
}

fn iso(text: &str) -> Option<usize> {
    let is_part = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'T' | b'Z' | b'.' | b',' | b'+');
    let end = text.bytes().take_while(is_part).count();
    (end >= 19 && text.as_bytes()[4] == b'-').then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_tells_where_a_value_ends() {
        for (shape, text, expect) in [
            (Shape::Clf, "02/Mar/2026:21:14:05 +0000 x", 26),
            (Shape::Clf, "02/Mar/2026:21:14:05.123] x", 24),
            (Shape::Clf, "02/Mar/2026", 0),
            (Shape::Iso, "2026-03-02T21:14:05+00:00\"", 25),
            (Shape::Status, "2005", 3),
            (Shape::Status, "-5", 1),
            (Shape::Number, "-15x", 3),
            (Shape::Decimal, "0.125.", 5),
            (Shape::Number, "+15x", 3),
            (Shape::Host, "shop.example/a b", 12),
            (Shape::Path, "/a?b", 2),
            (Shape::Query, "?b", 2),
            (Shape::Query, "b", 0),
            (Shape::Word, "a b", 1),
            (Shape::Address, "192.0.2.1|a", 9),
            (Shape::Text, "a b", 3),
        ] {
            assert_eq!(shape.longest(text, false), expect, "{shape:?} {text}");
        }
        assert!(
            Shape::List.fits("0.1, 0.2", " x") && !Shape::List.fits("0.1,", " 0.2") && !Shape::List.fits("0.1", " : 2")
        );
    }
}
