//! Request targets made readable: what a server, a framework and a database would make of the bytes.

use std::borrow::Cow;

/// Bytes of a target that are looked at; more would only serve to slow the search down.
const TARGET_BYTES_MAX: usize = 16 << 10;
/// Rounds of percent decoding: proxies that decode once more are common, three layers are not.
const ROUNDS_MAX: usize = 2;

/// The target decoded (percent, `%u`, `+`, full-width letters), lower case, SQL comments and runs of white space made one
/// space. Cheap for what needs none of it.
pub(crate) fn decoded(target: &str) -> Cow<'_, str> {
    let target = &target[..target.floor_char_boundary(TARGET_BYTES_MAX)];
    let plain = |b: u8| b.is_ascii_graphic() && !b.is_ascii_uppercase() && !matches!(b, b'%' | b'+');
    if target.bytes().all(plain) && !target.contains("/*") {
        return Cow::Borrowed(target);
    }
    let mut text = plus_as_space(target);
    for _ in 0..ROUNDS_MAX {
        if !text.contains('%') {
            break;
        }
        text = percent_decoded(&text);
    }
    Cow::Owned(flattened(&text))
}

/// `+` is a space in a query only.
fn plus_as_space(target: &str) -> String {
    match target.split_once('?') {
        Some((path, query)) => format!("{path}?{}", query.replace('+', " ")),
        None => target.to_owned(),
    }
}

/// One round of `%41` and `%u0041`; what is not valid stays as it is.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let rest = &bytes[i..];
        if let Some(c) = wide_escape(rest) {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            i += 6;
        } else if let Some(b) = narrow_escape(rest) {
            out.push(b);
            i += 3;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn narrow_escape(rest: &[u8]) -> Option<u8> {
    match rest {
        [b'%', h, l, ..] => Some((hex(*h)? << 4) | hex(*l)?),
        _ => None,
    }
}

fn wide_escape(rest: &[u8]) -> Option<char> {
    match rest {
        [b'%', b'u' | b'U', digits @ ..] if digits.len() >= 4 => {
            let code = digits[..4].iter().try_fold(0u32, |code, d| Some((code << 4) | u32::from(hex(*d)?)))?;
            char::from_u32(code)
        }
        _ => None,
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// Lower case, full-width letters made plain, comments and white space made one space.
fn flattened(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let c = match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            '\u{2018}' | '\u{2019}' | '\u{02bc}' => '\'',
            c => c,
        };
        if c == '/' && chars.peek() == Some(&'*') {
            skip_comment(&mut chars);
            push_space(&mut out);
        } else if c.is_whitespace() || c.is_control() {
            push_space(&mut out);
        } else {
            out.extend(c.to_lowercase());
        }
    }
    out
}

/// Past the comment's end. `/*!50000 union*/` is run by MySQL, so its inside stays.
fn skip_comment(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    chars.next();
    if chars.peek() == Some(&'!') {
        while chars.next_if(|c| *c == '!' || c.is_ascii_digit()).is_some() {}
        return;
    }
    let mut last = ' ';
    for c in chars.by_ref() {
        if last == '*' && c == '/' {
            return;
        }
        last = c;
    }
}

fn push_space(out: &mut String) {
    if !out.ends_with(' ') {
        out.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(target: &str, expect: &str) {
        assert_eq!(decoded(target), expect, "{target}");
    }

    #[test]
    fn every_way_to_hide_a_word_comes_out_plain() {
        check("/a?q=1%20UNION%20SELECT", "/a?q=1 union select");
        check("/a?q=1%2520union", "/a?q=1 union");
        check("/a?q=1/**/un/*x*/ion", "/a?q=1 un ion");
        check("/a?q=1/*!50000union*/", "/a?q=1 union*/");
        check("/a?q=%u0075nion+%EF%BC%B3elect", "/a?q=union select");
        check("/a+b/c?q=a+b", "/a+b/c?q=a b");
        check("/a?q=100%", "/a?q=100%");
        check("/a?q=%ff%4", "/a?q=\u{fffd}%4");
    }

    #[test]
    fn a_plain_target_is_not_copied() {
        assert!(matches!(decoded("/catalogue/?page=3"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn no_target_panics_or_grows(target in ".{0,400}") {
            prop_assert!(decoded(&target).len() <= target.len() * 3);
        }
    }
}
