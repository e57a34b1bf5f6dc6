//! What stands before a Rails line's own words: Ruby's logger's severity, time and process, and Rails' tags.

/// Tags looked for on one line.
const TAGS_MAX: usize = 8;

/// A line taken apart.
pub(super) struct Head<'a> {
    /// `2026-03-02T21:14:05.123456`, without a zone.
    pub(super) time: Option<&'a str>,
    pub(super) pid: Option<&'a str>,
    pub(super) level: Option<&'a str>,
    /// The tag that is a request's number.
    pub(super) request: Option<&'a str>,
    /// All tags as they stand.
    pub(super) tags: &'a str,
    pub(super) rest: &'a str,
}

impl<'a> Head<'a> {
    pub(super) fn of(line: &'a str) -> Head<'a> {
        let (time, pid, level, rest) = match logger(line) {
            Some((time, pid, level, rest)) => (Some(time), Some(pid), Some(level), rest),
            None => (None, None, None, line),
        };
        let (tags, request, rest) = tags(rest);
        Head { time, pid, level, request, tags, rest }
    }
}

/// `I, [2026-03-02T21:14:05.123456 #812]  INFO -- shop: ` and what follows.
fn logger(line: &str) -> Option<(&str, &str, &str, &str)> {
    let b = line.as_bytes();
    if b.len() < 32 || !b[0].is_ascii_uppercase() || &b[1..4] != b", [" {
        return None;
    }
    let (inside, rest) = line[4..].split_once(']')?;
    let (time, pid) = inside.split_once(" #")?;
    let is_pid = !pid.is_empty() && pid.len() <= 10 && pid.bytes().all(|b| b.is_ascii_digit());
    if !is_pid || time.len() < 19 || time.len() > 32 {
        return None;
    }
    let (level, rest) = rest.trim_start().split_once(" -- ")?;
    let (_program, rest) = rest.split_once(": ").or_else(|| rest.strip_suffix(':').map(|program| (program, "")))?;
    let is_level = level.bytes().all(|b| b.is_ascii_uppercase());
    is_level.then_some((time, pid, level, rest))
}

/// `[3f2a…] [203.0.113.9] ` at the beginning, and which of them is a request's number.
fn tags(text: &str) -> (&str, Option<&str>, &str) {
    let mut request = None;
    let mut at = 0;
    for _ in 0..TAGS_MAX {
        let Some(inner) = text[at..].strip_prefix('[') else { break };
        let Some((tag, rest)) = inner.split_once(']') else { break };
        let is_tag = !tag.is_empty() && tag.len() <= 64 && !tag.contains(['"', '[', '{', ',']);
        if !is_tag || !(rest.is_empty() || rest.starts_with(' ')) {
            break;
        }
        if is_request(tag) {
            request = request.or(Some(tag));
        }
        at = text.len() - rest.len() + usize::from(!rest.is_empty());
    }
    (text[..at].trim_end(), request, &text[at..])
}

fn is_request(tag: &str) -> bool {
    tag.len() >= 16 && tag.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// Text without the colours that Rails gives its lines for people.
pub(super) fn without_colours(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains("\u{1b}[") {
        return std::borrow::Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let parameters = behind.bytes().take(12).take_while(|b| b.is_ascii_digit() || *b == b';').count();
        rest = match behind.as_bytes().get(parameters) {
            Some(b'm') => &behind[parameters + 1..],
            // Not a colour: it stays, so that nothing is hidden.
            _ => {
                plain.push_str("\u{1b}[");
                behind
            }
        };
    }
    plain.push_str(rest);
    std::borrow::Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_comes_apart() {
        let id = "4c83cc99-a28c-4a35-9921-e6381645d282";
        let line = format!("I, [2026-03-02T21:14:05.123456 #812]  INFO -- : [shop] [{id}] Started");
        let head = Head::of(&line);
        assert_eq!((head.time, head.pid, head.level), (Some("2026-03-02T21:14:05.123456"), Some("812"), Some("INFO")));
        assert_eq!((head.request, head.rest), (Some(id), "Started"));
        let head = Head::of("Started GET \"/\"");
        assert_eq!((head.time, head.request, head.rest), (None, None, "Started GET \"/\""));
        assert_eq!(Head::of("[[\"id\", 1]] x").rest, "[[\"id\", 1]] x");
    }

    #[test]
    fn colours_go_and_other_escapes_stay() {
        assert_eq!(without_colours("\u{1b}[1m\u{1b}[36ma\u{1b}[0m b"), "a b");
        assert_eq!(without_colours("\u{1b}[2Ja"), "\u{1b}[2Ja");
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "([IDF], \\[|#812\\]| -- |: |\\[|\\]|\u{1b}\\[|\\PC){0,20}") {
            let _ = Head::of(&line);
            let _ = without_colours(&line);
        }
    }
}
