//! Compiles nginx's `log_format` and Apache's `LogFormat` as configured, and reads lines by it.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::access::unescaped;
use crate::targets::{Draft, Target};
use stanch_model::{EventClass, TextField};
use std::collections::BTreeMap;

/// A pattern, compiled: literals, and variables between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    start: String,
    /// Each variable with the literal that ends it; the last one's may be empty.
    variables: Vec<Variable>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Variable {
    name: String,
    target: Option<Target>,
    until: String,
    /// Between quotes, where an escaped quote does not end it.
    quoted: bool,
}

/// Why a pattern cannot be read by.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatternFault {
    #[error("nothing stands between {first} and {second}, so nobody can tell where one ends")]
    Adjacent { first: String, second: String },
    #[error("it has no variable for the time")]
    NoTime,
    #[error("it has no variable at all")]
    NoVariable,
}

impl Pattern {
    /// Compiles a pattern. `names` says where each variable goes: nginx's by name (`remote_addr`), Apache's by
    /// letter with its argument (`h`, `{Referer}i`).
    pub(crate) fn compile(written: &str, names: &BTreeMap<String, Target>) -> Result<Pattern, PatternFault> {
        let pieces = if written.contains('$') { nginx_pieces(written) } else { apache_pieces(written) };
        let mut pattern = Pattern { start: String::new(), variables: Vec::new() };
        for piece in pieces {
            match (piece, pattern.variables.last_mut()) {
                (Piece::Literal(text), None) => pattern.start.push_str(&text),
                (Piece::Literal(text), Some(last)) => last.until.push_str(&text),
                (Piece::Variable(second), Some(last)) if last.until.is_empty() => {
                    return Err(PatternFault::Adjacent { first: last.name.clone(), second });
                }
                (Piece::Variable(name), _) => {
                    let target = names.get(&name).copied();
                    pattern.variables.push(Variable { name, target, until: String::new(), quoted: false });
                }
            }
        }
        if pattern.variables.is_empty() {
            return Err(PatternFault::NoVariable);
        }
        if !pattern.variables.iter().any(|v| v.target == Some(Target::Time)) {
            return Err(PatternFault::NoTime);
        }
        let mut before = pattern.start.clone();
        for variable in &mut pattern.variables {
            variable.quoted = before.ends_with('"') && variable.until.starts_with('"');
            before.clone_from(&variable.until);
        }
        Ok(pattern)
    }

    /// The variables' values, if the line follows the pattern.
    fn values<'a>(&self, text: &'a str) -> Option<Vec<&'a str>> {
        let mut rest = text.strip_prefix(self.start.as_str())?;
        let mut values = Vec::with_capacity(self.variables.len());
        for (i, variable) in self.variables.iter().enumerate() {
            let last = i + 1 == self.variables.len();
            let (value, after) = match (variable.until.as_str(), variable.quoted, last) {
                ("", ..) => (rest, ""),
                (until, true, _) => split_at_quote(rest, until)?,
                (until, false, true) => (rest.strip_suffix(until)?, ""),
                (until, false, false) => rest.split_once(until)?,
            };
            values.push(value);
            rest = after;
        }
        rest.is_empty().then_some(values)
    }
}

/// Splits where an unescaped quote begins the literal `until`.
fn split_at_quote<'a>(text: &'a str, until: &str) -> Option<(&'a str, &'a str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'\\' {
            at += 2;
        } else if let Some(after) = text[at..].strip_prefix(until) {
            return Some((&text[..at], after));
        } else {
            at += 1;
        }
    }
}

enum Piece {
    Literal(String),
    Variable(String),
}

fn nginx_pieces(written: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut parts = written.split('$');
    pieces.extend(parts.next().filter(|p| !p.is_empty()).map(|p| Piece::Literal(p.to_owned())));
    for part in parts {
        let (name, literal) = match part.strip_prefix('{').and_then(|p| p.split_once('}')) {
            Some(braced) => braced,
            None => part.split_at(part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len())),
        };
        pieces.push(Piece::Variable(name.to_owned()));
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.to_owned()));
        }
    }
    pieces
}

fn apache_pieces(written: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = written;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let escaped = rest.chars().next();
                rest = &rest[escaped.map_or(0, char::len_utf8)..];
                literal.push(match escaped {
                    Some('t') => '\t',
                    Some('n') => '\n',
                    Some(other) => other,
                    None => '\\',
                });
            }
            '%' if rest.starts_with('%') => {
                literal.push('%');
                rest = &rest[1..];
            }
            '%' => {
                let (name, after) = apache_directive(rest);
                rest = after;
                // `%t` brings its brackets with it.
                let bracketed = name == "t";
                if bracketed {
                    literal.push('[');
                }
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Variable(name));
                if bracketed {
                    literal.push(']');
                }
            }
            other => literal.push(other),
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    pieces
}

/// A directive behind its `%`: status conditions and `<`, `>` taken off, its argument kept.
fn apache_directive(text: &str) -> (String, &str) {
    let text = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '!' | ',' | '<' | '>'));
    let (argument, text) = match text.strip_prefix('{').and_then(|t| t.split_once('}')) {
        Some((argument, after)) => (format!("{{{argument}}}"), after),
        None => (String::new(), text),
    };
    let text = text.trim_start_matches(['<', '>']);
    // `%^FB` and `%^ti` have two letters.
    let letters = if text.starts_with('^') { 3 } else { 1 };
    let end = text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at);
    (format!("{argument}{}", &text[..end]), &text[end..])
}

/// Reads lines by a compiled pattern.
pub(crate) struct ByPattern {
    pattern: Pattern,
    clock: Clock,
}

impl ByPattern {
    pub(crate) fn new(pattern: Pattern, clock: Clock) -> ByPattern {
        ByPattern { pattern, clock }
    }
}

impl Reader for ByPattern {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let Some(values) = self.pattern.values(line.text) else {
            return harvest.unread(line, "the line does not follow the pattern that the store file gives");
        };
        let mut draft = Draft::default();
        for (variable, value) in self.pattern.variables.iter().zip(values) {
            match variable.target {
                _ if matches!(value, "" | "-") => {}
                Some(target) => draft.put(target, unescaped(value)),
                None => draft.unmapped_text(&variable.name, &unescaped(value)),
            }
        }
        let is_request = draft.has(Target::RequestLine) || draft.has(Target::Text(TextField::Url));
        let class = if is_request { EventClass::HttpActivity } else { EventClass::Base };
        match draft.time(&mut self.clock) {
            Ok(time) => draft.finish((time, class, line.position), |record| harvest.event(record, 1)),
            Err(fault) => harvest.unread(line, fault.reason()),
        }
    }

    fn is_line_by_line(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> BTreeMap<String, Target> {
        [
            ("remote_addr", "src_endpoint.ip"),
            ("time_local", "time"),
            ("request", "request_line"),
            ("h", "src_endpoint.ip"),
        ]
        .into_iter()
        .chain([("t", "time"), ("r", "request_line"), ("{User-Agent}i", "http_request.user_agent")])
        .map(|(name, target)| (name.to_owned(), Target::from_name(target).unwrap()))
        .collect()
    }

    #[test]
    fn an_nginx_pattern_reads_what_it_wrote() {
        let p = Pattern::compile(r#"$remote_addr|${time_local}|"$request" $x"#, &names()).unwrap();
        let line = r#"192.0.2.7|10/Oct/2000:13:55:36 -0700|"GET /\"a\" HTTP/1.1" 7"#;
        let values = p.values(line).unwrap();
        assert_eq!(values, ["192.0.2.7", "10/Oct/2000:13:55:36 -0700", r#"GET /\"a\" HTTP/1.1"#, "7"]);
        assert_eq!(p.values("something else"), None);
    }

    #[test]
    fn an_apache_pattern_reads_what_it_wrote() {
        let p = Pattern::compile(r#"%h %l %t \"%r\" %>s \"%{User-Agent}i\""#, &names()).unwrap();
        let values = p.values(r#"h - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 "x y""#).unwrap();
        assert_eq!(values, ["h", "-", "10/Oct/2000:13:55:36 -0700", "GET / HTTP/1.0", "200", "x y"]);
    }

    #[test]
    fn a_pattern_that_cannot_be_told_apart_says_why() {
        let fault = Pattern::compile("$time_local$request", &names()).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "nothing stands between time_local and request, so nobody can tell where one ends"
        );
        assert_eq!(Pattern::compile("$request", &names()), Err(PatternFault::NoTime));
        assert_eq!(Pattern::compile("text", &names()), Err(PatternFault::NoVariable));
    }
}
