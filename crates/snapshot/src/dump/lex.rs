//! Words of a statement, with where each stands. Never fails: what it does not know is a mark.

use std::borrow::Cow;

/// One word of SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword or an unquoted name.
    Word(&'a str),
    /// A quoted name.
    Name(Cow<'a, str>),
    /// A string, its escapes resolved.
    Text(Cow<'a, str>),
    /// The digits of a `B''` or `X''` string.
    Bits(&'a str),
    /// A number without its sign.
    Number(&'a str),
    /// Anything else.
    Mark(char),
}

/// A word and its first and last byte's place.
#[derive(Clone, Debug)]
pub(super) struct Lexed<'a> {
    pub(super) token: Token<'a>,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// The words of `sql`. `backslash`: whether a backslash escapes in plain strings.
pub(super) fn lex(sql: &str, backslash: bool) -> Vec<Lexed<'_>> {
    let bytes = sql.as_bytes();
    let mut all = Vec::with_capacity(sql.len() / 6);
    let mut at = 0;
    while at < bytes.len() {
        let from = at;
        let token = match bytes[at] {
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b'\'' => text(sql, &mut at, backslash),
            b'e' | b'E' if bytes.get(at + 1) == Some(&b'\'') => {
                at += 1;
                text(sql, &mut at, true)
            }
            b'b' | b'B' | b'x' | b'X' if bytes.get(at + 1) == Some(&b'\'') => {
                let end = after(bytes, at + 2, b'\'');
                at = end;
                Token::Bits(sql[from + 2..end].trim_end_matches('\''))
            }
            b'"' => {
                let (raw, doubled) = quoted(sql, &mut at, b'"');
                Token::Name(if doubled { Cow::Owned(raw.replace("\"\"", "\"")) } else { Cow::Borrowed(raw) })
            }
            b'$' => dollar(sql, &mut at),
            b if b.is_ascii_digit() || (b == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)) => {
                at = number_end(bytes, at);
                Token::Number(&sql[from..at])
            }
            b if is_word(b) => {
                at += bytes[at..].iter().position(|b| !is_word(*b)).unwrap_or(bytes.len() - at);
                Token::Word(&sql[from..at])
            }
            b => {
                at += 1;
                Token::Mark(char::from(b))
            }
        };
        all.push(Lexed { token, from, to: at });
    }
    all
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// The place after the next `end` from `at` on, or the end.
fn after(bytes: &[u8], at: usize, end: u8) -> usize {
    bytes[at..].iter().position(|b| *b == end).map_or(bytes.len(), |n| at + n + 1)
}

fn number_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        let sign = matches!(bytes[at], b'+' | b'-') && matches!(bytes[at - 1], b'e' | b'E');
        if !(bytes[at].is_ascii_alphanumeric() || bytes[at] == b'.' || sign) {
            break;
        }
        at += 1;
    }
    at
}

/// What stands between quotes, and whether it holds doubled ones.
fn quoted<'a>(sql: &'a str, at: &mut usize, quote: u8) -> (&'a str, bool) {
    let bytes = sql.as_bytes();
    let from = *at + 1;
    let mut doubled = false;
    let mut end = from;
    loop {
        let next = after(bytes, end, quote);
        let closed = next > end && bytes[next - 1] == quote;
        if closed && bytes.get(next) == Some(&quote) {
            doubled = true;
            end = next + 1;
            continue;
        }
        *at = next;
        return (&sql[from..if closed { next - 1 } else { next }], doubled);
    }
}

fn text<'a>(sql: &'a str, at: &mut usize, backslash: bool) -> Token<'a> {
    if !backslash {
        let (raw, doubled) = quoted(sql, at, b'\'');
        return Token::Text(if doubled { Cow::Owned(raw.replace("''", "'")) } else { Cow::Borrowed(raw) });
    }
    let bytes = sql.as_bytes();
    let mut out = Vec::new();
    let mut i = *at + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\'' if bytes.get(i + 1) == Some(&b'\'') => {
                out.push(b'\'');
                i += 2;
            }
            b'\'' => {
                i += 1;
                break;
            }
            b'\\' => i = super::copy::unescape_one(bytes, i, &mut out),
            b => {
                out.push(b);
                i += 1;
            }
        }
    }
    *at = i;
    Token::Text(Cow::Owned(String::from_utf8_lossy(&out).into_owned()))
}

fn dollar<'a>(sql: &'a str, at: &mut usize) -> Token<'a> {
    let rest = &sql[*at..];
    let tag = rest[1..].find('$').map(|n| &rest[..n + 2]);
    let tag = tag.filter(|t| t[1..t.len() - 1].bytes().all(is_word) && !t.as_bytes()[1].is_ascii_digit());
    let Some(tag) = tag else {
        *at += 1;
        return Token::Mark('$');
    };
    let body = &rest[tag.len()..];
    let end = body.find(tag);
    *at += end.map_or(rest.len(), |n| n + 2 * tag.len());
    Token::Text(Cow::Borrowed(&body[..end.unwrap_or(body.len())]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_names_and_numbers_lose_their_quotes() {
        let sql = r#"INSERT INTO public."we""ird" VALUES (-1.5e-3, 'O''Hara', E'tab\there\'s', B'101', $x$ raw ' $x$, NULL::text);"#;
        let words: Vec<String> = lex(sql, false).iter().map(|l| format!("{:?}", l.token)).collect();
        insta::assert_snapshot!(words.join("\n"), @r#"
        Word("INSERT")
        Word("INTO")
        Word("public")
        Mark('.')
        Name("we\"ird")
        Word("VALUES")
        Mark('(')
        Mark('-')
        Number("1.5e-3")
        Mark(',')
        Text("O'Hara")
        Mark(',')
        Text("tab\there's")
        Mark(',')
        Bits("101")
        Mark(',')
        Text(" raw ' ")
        Mark(',')
        Word("NULL")
        Mark(':')
        Mark(':')
        Word("text")
        Mark(')')
        Mark(';')
        "#);
    }

    proptest! {
        #[test]
        fn any_text_is_lexed_in_order(sql in "[ -~é\n]{0,120}") {
            let words = lex(&sql, false);
            let mut at = 0;
            for word in &words {
                prop_assert!(word.from >= at && word.to > word.from && word.to <= sql.len());
                at = word.to;
            }
        }
    }
}
