//! Cuts a line of text into pieces: times, addresses, numbers, quoted text, paths, words, marks.

use crate::clock::Clock;
use crate::reader::access::closing_quote;
use regex::Regex;
use std::net::IpAddr;
use std::sync::LazyLock;

/// Pieces looked at in one line.
const PIECES_MAX: usize = 160;

/// The ways of writing a time, as regular expressions that a pack can use.
pub(super) const TIMES: [&str; 9] = [
    r"\d{4}[-/]\d\d[-/]\d\d[T _]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?",
    r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?:\.\d{1,9})? [+-]\d{4}",
    r"\d{4}/\d\d/\d\d - \d\d:\d\d:\d\d",
    r"\d{1,2}[-/ ][A-Z][a-z]{2}[-/ ]\d{4}[ :]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?: (?:UTC|GMT|[A-Z][a-z]+/[A-Z][A-Za-z_]+|[+-]\d{4}))?",
    r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})? \d{4}",
    r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|[+-]\d{4})",
    r"[A-Z][a-z]{2,8} \d{1,2}, \d{4},? \d{1,2}:\d\d(?::\d\d)? ?[AaPp][Mm]",
    r"\d\d/\d\d/\d{4}-\d\d:\d\d:\d\d(?:\.\d{1,9})?",
    r"1\d{9}(?:\.\d{1,9}|\d{3})?",
];

static COMPILED: LazyLock<Vec<Regex>> =
    LazyLock::new(|| TIMES.iter().filter_map(|t| Regex::new(&format!("^(?:{t})")).ok()).collect());

/// A piece of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Where it begins in its line.
    pub(super) at: usize,
}

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// A time, in which of the ways.
    Time(usize),
    Ip,
    Number,
    /// Text in double quotes; `text` is without them.
    Quoted,
    Path,
    Word,
    Space,
    Mark(char),
}

impl Kind {
    /// Whether the piece is a value wherever it stands, not a word of the program.
    pub(super) fn is_value(self) -> bool {
        matches!(self, Kind::Time(_) | Kind::Ip | Kind::Number | Kind::Quoted | Kind::Path)
    }
}

/// A line's pieces. A line of very many is cut off; the rest then belongs to no piece.
pub(super) fn pieces<'a>(line: &'a str, clock: &mut Clock) -> Vec<Piece<'a>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < line.len() && found.len() < PIECES_MAX {
        let (kind, text, length) = next(line, at, clock);
        found.push(Piece { kind, text, at });
        at += length;
    }
    found
}

fn next<'a>(line: &'a str, at: usize, clock: &mut Clock) -> (Kind, &'a str, usize) {
    let rest = &line[at..];
    let first = rest.chars().next().unwrap_or(' ');
    let is_inside = line[..at].chars().next_back().is_some_and(char::is_alphanumeric);
    if first == ' ' || first == '\t' {
        let length = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        return (Kind::Space, &rest[..length], length);
    }
    if !is_inside
        && first.is_ascii_alphanumeric()
        && let Some((way, length)) = time(rest, clock)
    {
        return (Kind::Time(way), &rest[..length], length);
    }
    if first == '"'
        && let Some(close) = closing_quote(&rest[1..]).map(|at| at + 1)
    {
        return (Kind::Quoted, &rest[1..close], close + 1);
    }
    if !is_inside && (first.is_ascii_hexdigit() || first == ':') {
        let run = run(rest, |c| c.is_ascii_hexdigit() || matches!(c, '.' | ':')).trim_end_matches([':', '.']);
        let goes_on = rest[run.len()..].chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
        if run.contains(['.', ':']) && !goes_on {
            if run.parse::<IpAddr>().is_ok() {
                return (Kind::Ip, run, run.len());
            }
            if let Some((host, port)) = run.rsplit_once(':')
                && host.contains('.')
                && host.parse::<IpAddr>().is_ok()
                && port.bytes().all(|b| b.is_ascii_digit())
            {
                return (Kind::Ip, run, run.len());
            }
        }
    }
    if !is_inside
        && (first.is_ascii_digit() || (first == '-' && rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit)))
    {
        let sign = usize::from(first == '-');
        let whole = run(&rest[sign..], |c| c.is_ascii_digit()).len() + sign;
        let fraction =
            rest[whole..].strip_prefix('.').map_or(0, |digits| match run(digits, |c| c.is_ascii_digit()).len() {
                0 => 0,
                length => length + 1,
            });
        let length = whole + fraction;
        let goes_on =
            rest[length..].chars().next().is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'));
        if !goes_on || rest[length..].starts_with(": ") || rest[length..] == *":" || rest[length..] == *"." {
            return (Kind::Number, &rest[..length], length);
        }
    }
    if first == '/' || rest.starts_with("http://") || rest.starts_with("https://") {
        let text = run(rest, |c| !c.is_whitespace() && !matches!(c, '"' | '\'' | ')' | ']' | '>'));
        if text.len() > 1 || !is_inside {
            return (Kind::Path, text, text.len());
        }
    }
    if is_word(first) {
        let text = run(rest, is_word);
        let text = match text.trim_end_matches([':', '.']) {
            "" => text,
            trimmed => trimmed,
        };
        return (Kind::Word, text, text.len());
    }
    (Kind::Mark(first), &rest[..first.len_utf8()], first.len_utf8())
}

/// Whether a character can stand in a word, as the pattern of words has it.
pub(super) fn is_word(c: char) -> bool {
    !c.is_whitespace()
        && !c.is_control()
        && !matches!(c, '"' | '\'' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | ',' | ';' | '=' | '|')
}

/// The same as a regular expression.
pub(super) const WORD: &str = r#"[^\s"'()\[\]{}<>,;=|]+"#;

fn run(text: &str, is_part: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    &text[..end]
}

/// Which way of writing a time a text begins with, and how long it is.
fn time(text: &str, clock: &mut Clock) -> Option<(usize, usize)> {
    let window = text.char_indices().nth(48).map_or(text, |(end, _)| &text[..end]);
    COMPILED.iter().enumerate().find_map(|(way, regex)| {
        let length = regex.find(window)?.end();
        let goes_on = text[length..].chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
        (!goes_on && clock.any(&text[..length]).is_ok()).then_some((way, length))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn kinds(line: &str) -> Vec<(Kind, &str)> {
        let mut clock = Clock::new(TimeZone::UTC, Arc::default());
        let found = pieces(line, &mut clock);
        found.into_iter().filter(|p| p.kind != Kind::Space).map(|p| (p.kind, p.text)).collect()
    }

    #[test]
    fn a_line_is_cut_into_what_it_is_made_of() {
        let line = r#"2026-03-02 21:14:05,123 [812] user=kim 203.0.113.9:41 "a \" b" /p?x=1 12.5 12ms failed: 3"#;
        let expect = [
            (Kind::Time(0), "2026-03-02 21:14:05,123"),
            (Kind::Mark('['), "["),
            (Kind::Number, "812"),
            (Kind::Mark(']'), "]"),
            (Kind::Word, "user"),
            (Kind::Mark('='), "="),
            (Kind::Word, "kim"),
            (Kind::Ip, "203.0.113.9:41"),
            (Kind::Quoted, "a \\\" b"),
            (Kind::Path, "/p?x=1"),
            (Kind::Number, "12.5"),
            (Kind::Word, "12ms"),
            (Kind::Word, "failed"),
            (Kind::Word, ":"),
            (Kind::Number, "3"),
        ];
        assert_eq!(kinds(line), expect);
    }

    proptest! {
        #[test]
        fn every_byte_is_in_a_piece(line in "([a-z0-9]{1,4}|[ \"\\\\/:.=\\[\\]-]|é|2026-03-02 21:14:05|203\\.0\\.113\\.9){0,30}") {
            let mut clock = Clock::new(TimeZone::UTC, Arc::default());
            let found = pieces(&line, &mut clock);
            let mut at = 0;
            for piece in &found {
                prop_assert_eq!(piece.at, at);
                at += piece.text.len() + if piece.kind == Kind::Quoted { 2 } else { 0 };
            }
            prop_assert_eq!(at, line.len());
        }
    }
}
