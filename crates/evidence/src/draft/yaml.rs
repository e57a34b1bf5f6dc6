//! Writes YAML that a person goes on with: comments, short quotes, texts as blocks.

use std::fmt::Write as _;

/// A text as a YAML scalar on one line.
pub(super) fn scalar(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ' | '(' | ')'))
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && !text.ends_with(' ')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        )
        && !text.contains(" -");
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// A text in quotes: single ones, unless it holds what they cannot show.
pub(super) fn quoted(text: &str) -> String {
    if text.chars().any(|c| c.is_control() || c == '\u{feff}' || c == '\u{fffd}') {
        let mut out = String::from("\"");
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                c if c.is_control() || c == '\u{feff}' || c == '\u{fffd}' => {
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
                c => out.push(c),
            }
        }
        out.push('"');
        return out;
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// A list on one line.
pub(super) fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<String> = items.into_iter().map(quoted_if_needed).collect();
    format!("[{}]", items.join(", "))
}

fn quoted_if_needed(item: &str) -> String {
    let is_word = item.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
        && item.starts_with(|c: char| c.is_ascii_alphabetic());
    if is_word { scalar(item) } else { quoted(item) }
}

/// A text over lines under a key, at an indentation; as a block where it can be one.
pub(super) fn text(out: &mut String, indent: &str, key: &str, text: &str) {
    let lines = || text.trim_end_matches('\n').split('\n');
    let is_block = text.ends_with('\n')
        && !text.ends_with("\n\n")
        && !text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{feff}' || c == '\u{fffd}')
        && lines().next().is_some_and(|first| !first.starts_with([' ', '#']) && !first.is_empty())
        && lines().all(|line| !line.ends_with(' ') && !line.is_empty());
    if !is_block {
        let _ = writeln!(out, "{indent}{key}: {}", quoted(text));
        return;
    }
    let _ = writeln!(out, "{indent}{key}: |");
    for line in lines() {
        let _ = writeln!(out, "{indent}  {line}");
    }
}

/// A comment, cut into lines.
pub(super) fn comment(out: &mut String, indent: &str, words: &str) {
    let mut line = String::new();
    for word in words.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() && indent.len() + line.len() + word.len() > 116 {
            let _ = writeln!(out, "{indent}# {line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        let _ = writeln!(out, "{indent}# {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(said in "(\\PC|[\n\t\u{1b}\"'\\\\#: -]){0,30}") {
            let mut out = format!("a: {}\nb: {}\n", scalar(&said), list([said.as_str()]));
            text(&mut out, "", "c", &said);
            comment(&mut out, "", &said);
            #[derive(serde::Deserialize)]
            struct Read { a: String, b: Vec<String>, c: String }
            let read: Read = stanch_packs::parse("x", &out).map_err(|e| TestCaseError::fail(format!("{e}: {out}")))?;
            prop_assert_eq!((&read.a, &read.b[0], &read.c), (&said, &said, &said));
        }
    }
}
