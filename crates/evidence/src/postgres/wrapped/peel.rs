//! Takes off what a container's runtime puts around each line.

use crate::json;
use std::borrow::Cow;

/// A line with what a runtime puts before it taken off.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Peeled<'a> {
    /// When the runtime took it in, where it says so.
    pub(super) time: Option<&'a str>,
    pub(super) text: &'a str,
    /// Whether there was anything to take off.
    pub(super) is_wrapped: bool,
    /// Whether the next line goes on with it.
    pub(super) is_cut: bool,
}

/// Takes off `[pod/…] `, `db-1  | `, and a time with `stderr F` behind it or alone.
pub(super) fn peeled(whole: &str) -> Peeled<'_> {
    let mut text = whole;
    if let Some((_, rest)) = text.strip_prefix("[pod/").and_then(|t| t.split_once("] ")) {
        text = rest;
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some((name, rest)) = text.split_once(" | ")
        && name.len() < 128
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.trim_end().chars().all(is_name)
    {
        text = rest;
    }
    let is_time = |t: &str| t.as_bytes().get(10) == Some(&b'T') && crate::clock::local_us(t).is_some();
    let Some((time, rest)) = text.split_once(' ').filter(|(time, _)| is_time(time)) else {
        return Peeled { time: None, text, is_wrapped: text.len() < whole.len(), is_cut: false };
    };
    let stream = rest.strip_prefix("stdout ").or_else(|| rest.strip_prefix("stderr "));
    match stream.map(|s| (s.get(..1), s.get(1..2), s)) {
        Some((Some(tag @ ("F" | "P")), Some(" ") | None, rest)) => {
            Peeled { time: Some(time), text: rest.get(2..).unwrap_or(""), is_wrapped: true, is_cut: tag == "P" }
        }
        _ => Peeled { time: Some(time), text: rest, is_wrapped: true, is_cut: false },
    }
}

/// A line in Docker's own log: `{"log":"…\n","stream":"stderr","time":"…"}`.
pub(super) struct Docker<'a> {
    pub(super) log: Cow<'a, str>,
    pub(super) time: Option<Cow<'a, str>>,
}

/// Takes Docker's object apart, if it is one.
pub(super) fn docker(text: &str) -> Option<Docker<'_>> {
    if !text.starts_with("{\"log\":") {
        return None;
    }
    let members = json::members(text)?;
    let get = |name: &str| members.iter().find(|(key, _)| key == name).and_then(|(_, raw)| json::text(raw));
    get("stream")?;
    Some(Docker { log: get("log")?, time: get("time") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runtimes_put_before_a_line_comes_off() {
        for (line, time, text, is_cut) in [
            ("2026-03-02T21:14:05.123Z stderr F x y", Some("2026-03-02T21:14:05.123Z"), "x y", false),
            ("2026-03-02T21:14:05.123Z stdout P x", Some("2026-03-02T21:14:05.123Z"), "x", true),
            ("2026-03-02T21:14:05.123Z stdout F", Some("2026-03-02T21:14:05.123Z"), "", false),
            ("2026-03-02T21:14:05.123Z 2026-03-02 x", Some("2026-03-02T21:14:05.123Z"), "2026-03-02 x", false),
            ("[pod/db-0/postgres] {\"a\":1}", None, "{\"a\":1}", false),
            ("db-1  | 2026-03-02 21:14:05 UTC x", None, "2026-03-02 21:14:05 UTC x", false),
            ("SELECT a || b | c", None, "SELECT a || b | c", false),
            ("x", None, "x", false),
        ] {
            let is_wrapped = text != line;
            assert_eq!(peeled(line), Peeled { time, text, is_wrapped, is_cut }, "{line}");
        }
    }
}
