//! The two ways in which servers write patterns: nginx's with `$`, Apache's with `%`; alone, or as the directive that
//! stands in the configuration.

use crate::reader::delimited::Written;

/// A pattern, cut into pieces.
pub(super) struct Format {
    pub(super) pieces: Vec<Piece>,
    pub(super) escape: Escape,
}

/// What the server does to values that hold quotes or control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// `\x22`, `\"`.
    Usual,
    /// As JSON strings have it.
    Json,
    /// Nothing.
    None,
    /// What the pack says.
    As(Written),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    Variable(String),
}

impl Piece {
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Piece::Variable(name) => Some(name),
            Piece::Literal(_) => None,
        }
    }

    pub(super) fn literal(&self) -> Option<&str> {
        match self {
            Piece::Literal(text) => Some(text),
            Piece::Variable(_) => None,
        }
    }
}

/// Cuts a pattern or a directive.
pub(super) fn read(written: &str) -> Format {
    let written = written.trim();
    if let Some(arguments) = written.strip_prefix("log_format") {
        let words = words(arguments);
        // The name comes first.
        let values: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let escape = match values.iter().find_map(|v| v.strip_prefix("escape=")) {
            Some("json") => Escape::Json,
            Some("none") => Escape::None,
            _ => Escape::Usual,
        };
        let format: String = values.into_iter().filter(|v| !v.starts_with("escape=")).collect();
        return Format { pieces: nginx(&format), escape };
    }
    if let Some(arguments) = written.strip_prefix("LogFormat") {
        return Format { pieces: apache(arguments_first(arguments)), escape: Escape::Usual };
    }
    if let Some(arguments) = written.strip_prefix("CustomLog") {
        let format = arguments.trim_start().split_once(' ').map_or("", |(_file, format)| format);
        return Format { pieces: apache(arguments_first(format)), escape: Escape::Usual };
    }
    if written.starts_with('\'') && written.contains('$') {
        return Format { pieces: nginx(&words(written).concat()), escape: Escape::Usual };
    }
    if !written.contains('$') {
        return Format { pieces: apache(written), escape: Escape::Usual };
    }
    // Who writes objects with nginx lets it escape as JSON has it, or they would be none.
    let escape = if written.starts_with('{') { Escape::Json } else { Escape::Usual };
    Format { pieces: nginx(written), escape }
}

/// The arguments of an nginx directive, up to its semicolon: bare, or in quotes of either kind.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next().filter(|c| *c != ';') {
        let mut word = String::new();
        let mut chars = rest.char_indices();
        let quote = matches!(first, '\'' | '"').then_some(first);
        if quote.is_some() {
            chars.next();
        }
        let mut end = rest.len();
        while let Some((at, c)) = chars.next() {
            let is_end = quote.map_or(c.is_whitespace() || c == ';', |quote| c == quote);
            if is_end {
                end = if quote.is_some() { at + 1 } else { at };
                break;
            }
            match c {
                '\\' => match chars.next() {
                    Some((_, 't')) => word.push('\t'),
                    Some((_, 'n')) => word.push('\n'),
                    Some((_, 'r')) => word.push('\r'),
                    Some((_, c @ ('"' | '\'' | '\\' | ' ' | ';'))) => word.push(c),
                    Some((_, other)) => word.extend(['\\', other]),
                    None => word.push('\\'),
                },
                c => word.push(c),
            }
        }
        words.push(word);
        rest = rest[end..].trim_start();
    }
    words
}

/// The first argument of an Apache directive, its quotes taken off and its escapes left.
fn arguments_first(text: &str) -> &str {
    let text = text.trim();
    let Some(inner) = text.strip_prefix('"') else { return text };
    let mut is_escaped = false;
    let end = inner.char_indices().find(|(_, c)| {
        let is_end = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        is_end
    });
    end.map_or(inner, |(at, _)| &inner[..at])
}

fn nginx(written: &str) -> Vec<Piece> {
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
    // The server ends the line itself.
    if let Some(Piece::Literal(last)) = pieces.last_mut() {
        last.truncate(last.trim_end_matches(['\n', '\r']).len());
        if last.is_empty() {
            pieces.pop();
        }
    }
    pieces
}

fn apache(written: &str) -> Vec<Piece> {
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
                let (name, after) = directive(rest);
                rest = after;
                // `%t` brings its brackets with it.
                let is_bracketed = name == "t";
                if is_bracketed {
                    literal.push('[');
                }
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Variable(name));
                if is_bracketed {
                    literal.push(']');
                }
            }
            other => literal.push(other),
        }
    }
    let literal = literal.trim_end_matches('\n');
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal.to_owned()));
    }
    pieces
}

/// A directive behind its `%`: status conditions and `<`, `>` taken off, its argument kept.
fn directive(text: &str) -> (String, &str) {
    let is_modifier = |c: char| c.is_ascii_digit() || matches!(c, '!' | ',' | '<' | '>');
    let text = text.trim_start_matches(is_modifier);
    let (argument, text) = match text.strip_prefix('{').and_then(|t| t.split_once('}')) {
        Some((argument, after)) => (format!("{{{argument}}}"), after),
        None => (String::new(), text),
    };
    let text = text.trim_start_matches(is_modifier);
    // `%^FB` and `%{VARNAME}^ti` have two letters.
    let letters = if text.starts_with('^') { 3 } else { 1 };
    let end = text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at);
    (format!("{argument}{}", &text[..end]), &text[end..])
}

/// The format of Apache's `%{format}t`.
pub(super) fn time_format(name: &str) -> Option<&str> {
    name.strip_prefix('{').and_then(|n| n.strip_suffix("}t"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(written: &str) -> String {
        let show = |piece: &Piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Variable(name) => format!("<{name}>"),
        };
        read(written).pieces.iter().map(show).collect()
    }

    #[test]
    fn nginx_patterns_alone_and_as_configured() {
        assert_eq!(shown(r#"$a|${b}c "$d""#), r#"<a>|<b>c "<d>""#);
        assert_eq!(shown("log_format main '$a - [$b] '\n   '\"$c\" ' \"$d;\\t$e\";"), "<a> - [<b>] \"<c>\" <d>;\t<e>");
        assert_eq!(shown(r#"log_format j escape=json '{"a":"$a","b":$b}';"#), r#"{"a":"<a>","b":<b>}"#);
        assert_eq!(shown(r"'$a ' '\'$b\''"), "<a> '<b>'");
        let escape = |written: &str| read(written).escape;
        assert_eq!((escape("log_format x '$a';"), escape("$a")), (Escape::Usual, Escape::Usual));
        assert_eq!((escape("log_format x escape=none '$a';"), escape("{\"a\":\"$a\"}")), (Escape::None, Escape::Json));
        assert_eq!(shown("log_format x '$a"), "<a>");
        assert_eq!(shown("log_format"), "");
    }

    #[test]
    fn apache_patterns_alone_and_as_configured() {
        assert_eq!(shown(r#"%h %t \"%r\" %>s %%"#), r#"<h> [<t>] "<r>" <s> %"#);
        assert_eq!(shown(r#"LogFormat "%h \"%r\"" main"#), r#"<h> "<r>""#);
        assert_eq!(shown(r#"CustomLog logs/access_log "%h\t%u" env=!x"#), "<h>\t<u>");
        assert_eq!(
            shown("%400,501{User-agent}i %!200{Referer}i %{X}^ti %^FB %{c}a"),
            "<{User-agent}i> <{Referer}i> <{X}^ti> <^FB> <{c}a>"
        );
        assert_eq!(shown("%"), "<>");
    }
}
