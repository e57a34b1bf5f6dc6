//! Shapes: a statement's text with its literals taken out, so that two million point queries are planned once.
//!
//! One pass over the bytes; no parser. Text that no server would accept still has a shape.

use sha2::{Digest, Sha256};

/// What kind of literal stood at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LiteralKind {
    /// Digits, maybe with a point or an exponent.
    Number,
    /// Quoted text.
    Text,
}

/// A literal and where it stands in the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    pub(crate) kind: LiteralKind,
    /// Bytes of the statement that it takes up, quotes included.
    pub(crate) span: (usize, usize),
    /// Its value, quotes undone.
    pub(crate) value: String,
}

/// A statement taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The text, literals as `?`, white space and comments as one space.
    pub(crate) shape: String,
    pub(crate) literals: Vec<Literal>,
}

/// Takes a statement apart.
pub(crate) fn take(sql: &str) -> Taken {
    let bytes = sql.as_bytes();
    let mut shape = String::with_capacity(sql.len());
    let mut literals = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let from = at;
        match bytes[at] {
            b if b.is_ascii_whitespace() => {
                at = skip(bytes, at, |b| b.is_ascii_whitespace());
                space(&mut shape);
            }
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at = skip(bytes, at, |b| b != b'\n');
                space(&mut shape);
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = block_comment(bytes, at);
                space(&mut shape);
            }
            b'\'' => {
                at = quoted(bytes, at, escapes(&shape));
                // A quote that is never closed reaches to the end.
                let closed = at > from + 1 && bytes[at - 1] == b'\'';
                let inside = &sql[from + 1..if closed { at - 1 } else { at }];
                literals.push(Literal { kind: LiteralKind::Text, span: (from, at), value: inside.replace("''", "'") });
                shape.push('?');
            }
            b'"' => {
                at = quoted_by(bytes, at, b'"');
                shape.push_str(&sql[from..at]);
            }
            b'$' => {
                at = dollar(bytes, at);
                let tag = dollar_tag(bytes, from);
                let closed = tag > 0 && at >= from + 2 * tag && bytes[at - tag..at] == bytes[from..from + tag];
                if closed {
                    let value = sql[from + tag..at - tag].to_owned();
                    literals.push(Literal { kind: LiteralKind::Text, span: (from, at), value });
                    shape.push('?');
                } else {
                    shape.push_str(&sql[from..at]);
                }
            }
            b'0'..=b'9' => {
                at = number(bytes, at);
                let value = sql[from..at].to_owned();
                literals.push(Literal { kind: LiteralKind::Number, span: (from, at), value });
                shape.push('?');
            }
            b if b.is_ascii_alphabetic() || b == b'_' || b >= 0x80 => {
                at = skip(bytes, at, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80);
                shape.push_str(&sql[from..at]);
            }
            _ => {
                at += 1;
                shape.push_str(&sql[from..at]);
            }
        }
    }
    Taken { shape: shape.trim().to_owned(), literals }
}

/// A shape's id: `S-` and the first ten hexadecimal digits of its text's SHA-256.
pub(crate) fn id(shape: &str) -> String {
    let digest = Sha256::digest(shape.as_bytes());
    let mut id = String::from("S-");
    for byte in digest.iter().take(5) {
        id.push_str(&format!("{byte:02x}"));
    }
    id
}

/// Puts bound parameters in place of `$1`, `$2`, …: whole numbers as they are, text quoted, nothing as NULL.
pub(crate) fn bind(sql: &str, parameters: &[Option<String>]) -> String {
    let literals = take(sql).literals;
    let quoted = |at: usize| literals.iter().find(|l| l.span.0 <= at && at < l.span.1).map(|l| l.span.1);
    let (bytes, mut out, mut at, mut copied) = (sql.as_bytes(), String::with_capacity(sql.len()), 0, 0);
    while at < bytes.len() {
        if let Some(end) = quoted(at) {
            at = end;
            continue;
        }
        let end = if bytes[at] == b'$' { skip(bytes, at + 1, |b| b.is_ascii_digit()) } else { at };
        let number = sql.get(at + 1..end).and_then(|digits| digits.parse::<usize>().ok());
        if let Some(value) = number.and_then(|n| parameters.get(n.checked_sub(1)?)) {
            out.push_str(&sql[copied..at]);
            match value {
                None => out.push_str("NULL"),
                Some(v) if v.parse::<i64>().is_ok_and(|n| n.to_string() == *v) => out.push_str(v),
                Some(v) => out.push_str(&format!("'{}'", v.replace('\'', "''"))),
            }
            copied = end;
        }
        at = end.max(at + 1);
    }
    out.push_str(&sql[copied..]);
    out
}

fn space(shape: &mut String) {
    if !shape.is_empty() && !shape.ends_with(' ') {
        shape.push(' ');
    }
}

fn skip(bytes: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|b| !wanted(*b)).map_or(bytes.len(), |n| from + n)
}

fn block_comment(bytes: &[u8], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0usize);
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'*')) => (at, depth) = (at + 2, depth + 1),
            (b'*', Some(b'/')) => {
                (at, depth) = (at + 2, depth - 1);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Whether the quote that follows was introduced by `E`, so that backslashes escape.
fn escapes(shape: &str) -> bool {
    let mut tail = shape.chars().rev();
    tail.next().is_some_and(|c| c.eq_ignore_ascii_case(&'e'))
        && tail.next().is_none_or(|c| !c.is_alphanumeric() && c != '_')
}

fn quoted(bytes: &[u8], from: usize, backslash: bool) -> usize {
    let mut at = from + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if backslash => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn quoted_by(bytes: &[u8], from: usize, quote: u8) -> usize {
    bytes[from + 1..].iter().position(|b| *b == quote).map_or(bytes.len(), |n| from + n + 2)
}

/// The length of a dollar quote's tag (`$$` is 2, `$a$` is 3), or 0 where it is none, such as `$1`.
fn dollar_tag(bytes: &[u8], from: usize) -> usize {
    let end = skip(bytes, from + 1, |b| b.is_ascii_alphanumeric() || b == b'_');
    let starts_like_a_parameter = bytes.get(from + 1).is_some_and(u8::is_ascii_digit);
    if bytes.get(end) == Some(&b'$') && !starts_like_a_parameter { end + 1 - from } else { 0 }
}

fn dollar(bytes: &[u8], from: usize) -> usize {
    let tag = dollar_tag(bytes, from);
    if tag == 0 {
        return skip(bytes, from + 1, |b| b.is_ascii_digit()).max(from + 1);
    }
    let (opening, rest) = (&bytes[from..from + tag], &bytes[from + tag..]);
    rest.windows(tag).position(|w| w == opening).map_or(bytes.len(), |n| from + tag + n + tag)
}

fn number(bytes: &[u8], from: usize) -> usize {
    let mut at = skip(bytes, from, |b| b.is_ascii_alphanumeric());
    if bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        at = skip(bytes, at + 1, |b| b.is_ascii_alphanumeric());
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(sql: &str) -> Vec<String> {
        take(sql).literals.into_iter().map(|l| l.value).collect()
    }

    #[test]
    fn statements_that_differ_in_literals_alone_share_a_shape() {
        let a = take("SELECT id FROM t WHERE id = 41  AND n='O''Brien' -- one\n LIMIT 5");
        let b = take("SELECT id FROM t WHERE id = 7 AND n='' /* two /* deep */ */ LIMIT 10");
        assert_eq!(a.shape, "SELECT id FROM t WHERE id = ? AND n=? LIMIT ?");
        assert_eq!(a.shape, b.shape);
        assert_eq!(values("SELECT 1.5e3, 'O''Brien', $$a'b$$, $t$x$t$"), ["1.5e3", "O'Brien", "a'b", "x"]);
    }

    #[test]
    fn names_with_digits_and_parameters_are_no_literals() {
        assert_eq!(
            take("SELECT t1.a2 FROM \"we'ird\" t1 WHERE x=$1").shape,
            "SELECT t1.a2 FROM \"we'ird\" t1 WHERE x=$1"
        );
        assert_eq!(take(r"SELECT E'a\'b', 'c'").literals.len(), 2);
    }

    #[test]
    fn parameters_are_bound_outside_quotes_only() {
        let parameters = [Some("7".to_owned()), Some("O'Brien".to_owned()), None];
        assert_eq!(
            bind("SELECT '$1' WHERE a=$1 AND b=$2 AND c=$3 AND d=$4", &parameters),
            "SELECT '$1' WHERE a=7 AND b='O''Brien' AND c=NULL AND d=$4"
        );
    }

    proptest! {
        #[test]
        fn any_text_has_a_shape_and_its_literals_lie_inside(sql in "\\PC*") {
            let taken = take(&sql);
            for literal in taken.literals {
                prop_assert!(literal.span.0 < literal.span.1 && literal.span.1 <= sql.len());
                prop_assert!(sql.get(literal.span.0..literal.span.1).is_some());
            }
        }

        #[test]
        fn hostile_quoting_never_panics(sql in "[ '\"$a1/*\\-eE\\\\é]*") {
            take(&sql);
        }
    }
}
