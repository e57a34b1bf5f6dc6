//! Makes foreign text harmless and honest: markup is escaped, and what would be invisible is shown.

use askama::filters::Escaper;
use std::fmt::{self, Write};

/// The escaper behind every template (see `askama.toml`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '<' => dest.write_str("&lt;")?,
                '>' => dest.write_str("&gt;")?,
                '&' => dest.write_str("&amp;")?,
                '"' => dest.write_str("&quot;")?,
                '\'' => dest.write_str("&#39;")?,
                c if is_unseen(c) => write_escape(&mut dest, c)?,
                c => dest.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Text for an HTML or SVG text node or attribute.
pub(crate) fn for_markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    Visible.write_escaped_str(&mut out, text).expect("writing to a String cannot fail");
    out
}

/// Text for a terminal: no control characters, no reordering, nothing unseen.
pub(crate) fn for_terminal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unseen(c) {
            write_escape(&mut out, c).expect("writing to a String cannot fail");
        } else {
            out.push(c);
        }
    }
    out
}

/// Raw bytes for a terminal: as [`for_terminal`], and bytes that are not UTF-8 as `\xff`.
pub(crate) fn bytes_for_terminal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&for_terminal(chunk.valid()));
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}").expect("writing to a String cannot fail");
        }
    }
    out
}

fn write_escape(dest: &mut impl Write, c: char) -> fmt::Result {
    match c {
        '\n' => dest.write_str("\\n"),
        '\r' => dest.write_str("\\r"),
        '\t' => dest.write_str("\\t"),
        c => write!(dest, "\\u{{{:x}}}", c as u32),
    }
}

/// Characters that change how their neighbours look, or look like nothing: controls, direction marks and overrides,
/// zero-width characters, fillers, variation selectors, tags.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markup_and_direction_overrides_are_shown_not_obeyed() {
        assert_eq!(for_markup("<b>\u{202e}gpj.exe\u{0}</b>"), "&lt;b&gt;\\u{202e}gpj.exe\\u{0}&lt;/b&gt;");
        assert_eq!(for_terminal("a\u{1b}[31mred\nb"), "a\\u{1b}[31mred\\nb");
        assert_eq!(bytes_for_terminal(b"ok \xff\x1b \xc3\xa4"), "ok \\xff\\u{1b} ä");
    }

    proptest! {
        #[test]
        fn nothing_unseen_and_no_markup_passes(bytes: Vec<u8>, text: String) {
            let shown = for_markup(&text);
            prop_assert!(!shown.contains(['<', '>', '"', '\'']));
            prop_assert!(!shown.chars().any(is_unseen));
            prop_assert!(!bytes_for_terminal(&bytes).chars().any(is_unseen));
        }
    }
}
