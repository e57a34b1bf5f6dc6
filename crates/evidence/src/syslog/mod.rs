//! Takes a syslog line apart, whichever of its shapes it has, and works out the year that old shapes leave out.

mod years;

pub(crate) use years::Years;

use crate::clock::{local_us, month, numeric_offset, two};

const SECOND_US: i64 = 1_000_000;
/// Characters of a program's name; what is longer is no tag.
const TAG_BYTES_MAX: usize = 128;

/// A line of syslog, taken apart. What the line lacks is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Envelope<'a> {
    /// Facility and severity: `facility * 8 + severity`.
    pub(crate) priority: Option<u8>,
    /// As written: `Mar  2 21:14:05`, or with year, or ISO 8601. [`Years`] reads it.
    pub(crate) time: &'a str,
    pub(crate) host: &'a str,
    pub(crate) program: &'a str,
    /// The process's number, or what else the program names itself by.
    pub(crate) pid: &'a str,
    /// RFC 5424's structured data, brackets included.
    pub(crate) structured: &'a str,
    pub(crate) message: &'a str,
}

/// Takes a line apart: RFC 3164 with and without its priority and year, rsyslog's ISO times, RFC 5424 with and without
/// its length before it. Nothing if no time stands where one must.
pub(crate) fn envelope(text: &str) -> Option<Envelope<'_>> {
    // Octet counting: the message's length stands before it.
    let framed = text.split_once(' ').filter(|(n, rest)| {
        !n.is_empty() && n.len() < 8 && n.bytes().all(|b| b.is_ascii_digit()) && rest.starts_with('<')
    });
    let text = framed.map_or(text, |(_, rest)| rest);
    let (priority, rest) = match priority(text) {
        Some((priority, rest)) => (Some(priority), rest),
        None => (None, text),
    };
    if let Some(numbered) = rest.strip_prefix("1 ").filter(|_| priority.is_some()) {
        return rfc5424(priority, numbered);
    }
    let time = time_bytes(rest)?;
    let after = rest[time..].strip_prefix([' ', ':'])?.trim_start_matches(' ');
    let mut envelope = Envelope { priority, time: &rest[..time], ..Envelope::default() };
    tagged(after, &mut envelope);
    Some(envelope)
}

/// `<34>`.
fn priority(text: &str) -> Option<(u8, &str)> {
    let (number, rest) = text.strip_prefix('<')?.split_once('>')?;
    let priority = number.parse().ok().filter(|p| *p <= 191)?;
    Some((priority, rest))
}

/// Host, program, process and message behind a time. Some relays leave the host out, some write a colon after neither.
fn tagged<'a>(text: &'a str, envelope: &mut Envelope<'a>) {
    if tag(text, envelope) {
        return;
    }
    let (host, rest) = text.split_once(' ').unwrap_or((text, ""));
    envelope.host = host;
    let rest = rest.trim_start_matches(' ');
    if !tag(rest, envelope) {
        envelope.message = rest;
    }
}

/// `sshd[123]: `, `kernel: `, and without a colon only with a process. False if none stands there.
fn tag<'a>(text: &'a str, envelope: &mut Envelope<'a>) -> bool {
    let front = &text.as_bytes()[..text.len().min(TAG_BYTES_MAX)];
    let Some(end) = front.iter().position(|b| matches!(b, b'[' | b':' | b' ')) else { return false };
    if end == 0 || front[end] == b' ' {
        return false;
    }
    let (pid, behind) = if front[end] == b'[' {
        let Some(close) = memchr::memchr(b']', &front[end..]).map(|n| end + n) else { return false };
        (&text[end + 1..close], close + 1)
    } else {
        ("", end)
    };
    let rest = &text[behind..];
    let Some(message) = rest.strip_prefix(':').or_else(|| rest.strip_prefix(' ').filter(|_| behind > end)) else {
        // An IPv6 address has colons too; a tag ends with its line, or before a blank.
        return false;
    };
    if pid.contains(' ') || (front[end] == b':' && !message.is_empty() && !message.starts_with([' ', '\t'])) {
        return false;
    }
    envelope.program = &text[..end];
    envelope.pid = pid;
    envelope.message = message.strip_prefix(' ').unwrap_or(message);
    true
}

/// What stands behind `<34>1 `: time, host, program, process, kind, structured data, message; `-` for what lacks.
fn rfc5424(priority: Option<u8>, text: &str) -> Option<Envelope<'_>> {
    let mut rest = text;
    let mut word = || -> Option<&str> {
        let (word, after) = rest.split_once(' ')?;
        rest = after;
        Some(if word == "-" { "" } else { word })
    };
    let (time, host, program, pid, _kind) = (word()?, word()?, word()?, word()?, word()?);
    if time_bytes(time) != Some(time.len()) {
        return None;
    }
    let structured = structured_bytes(rest);
    let (data, message) = rest.split_at(structured);
    let message = message.strip_prefix(' ').unwrap_or(message);
    Some(Envelope {
        priority,
        time,
        host,
        program,
        pid,
        structured: if data == "-" { "" } else { data },
        message: message.strip_prefix('\u{feff}').unwrap_or(message),
    })
}

/// How long the structured data is: `-`, or `[id a="b"][id …]` in whose values `"`, `\` and `]` are escaped. Nothing if
/// there is none, as where a relay left it out.
fn structured_bytes(text: &str) -> usize {
    let bytes = text.as_bytes();
    if bytes == b"-" || text.starts_with("- ") {
        return 1;
    }
    let mut at = 0;
    while bytes.get(at) == Some(&b'[') {
        let (mut quoted, mut i) = (false, at + 1);
        let end = loop {
            match bytes.get(i) {
                None => return at,
                Some(b'\\') if quoted => i += 1,
                Some(b'"') => quoted = !quoted,
                Some(b']') if !quoted => break i + 1,
                Some(_) => {}
            }
            i += 1;
        };
        // `[12-1] ` begins a message of a relay that left the data out: data has an identifier, then pairs.
        let is_data = text[at..end].contains('=') || text[at..end].contains('@');
        if !is_data || !matches!(bytes.get(end), None | Some(b' ' | b'[')) {
            return at;
        }
        at = end;
    }
    at
}

/// How many bytes at the front are a time.
fn time_bytes(text: &str) -> Option<usize> {
    let b = text.as_bytes();
    if b.first()?.is_ascii_digit() {
        return iso_bytes(text);
    }
    month(b.get(..3)?)?;
    let (_, at) = day_of_month(b)?;
    of_day(b, behind_year(b, at)).map(|us| us.1)
}

/// The day in `Mar  2 `, `Mar 12 ` and, as some write it, `Mar 2 `, and where what follows it begins.
fn day_of_month(b: &[u8]) -> Option<(i64, usize)> {
    let digit = |at: usize| b.get(at).filter(|d| d.is_ascii_digit()).map(|d| i64::from(d - b'0'));
    let (day, end) = match (b.get(3)?, b.get(4)?, b.get(5)?) {
        (b' ', b' ', _) => (digit(5)?, 6),
        (b' ', _, b' ') => (digit(4)?, 5),
        (b' ', _, _) => (digit(4)? * 10 + digit(5)?, 6),
        _ => return None,
    };
    (b.get(end) == Some(&b' ')).then_some((day, end + 1))
}

/// Where the time of day begins: some write the year between.
fn behind_year(b: &[u8], at: usize) -> usize {
    let is_year = b.len() > at + 4 && b[at..at + 4].iter().all(u8::is_ascii_digit) && b[at + 4] == b' ';
    if is_year { at + 5 } else { at }
}

/// `2026-03-02T21:14:05.123456+01:00`, with a `T` so that it is one word.
fn iso_bytes(text: &str) -> Option<usize> {
    let (_, rest) = local_us(text)?;
    let mut end = text.len() - rest.len();
    if text.as_bytes()[10] == b' ' {
        return None;
    }
    let zone = rest.find([' ', ':']).unwrap_or(rest.len());
    // `+01:00` has a colon of its own.
    let zone = if rest.starts_with(['+', '-']) { rest.find(' ').unwrap_or(rest.len()).min(6) } else { zone };
    let zone_text = rest.get(..zone)?;
    if zone_text.eq_ignore_ascii_case("z") || numeric_offset(zone_text).is_some() {
        end += zone;
    }
    Some(end)
}

/// A time of day from a place on: microseconds since midnight, and where it ends.
fn of_day(b: &[u8], at: usize) -> Option<(i64, usize)> {
    let (hour, minute, second) = (two(b, at)?, two(b, at + 3)?, two(b, at + 6)?);
    if b[at + 2] != b':' || b[at + 5] != b':' || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (mut us, mut end) = ((hour * 3_600 + minute * 60 + second) * SECOND_US, at + 8);
    if b.get(end) == Some(&b'.') && b.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end += 1;
        let mut unit = SECOND_US / 10;
        while let Some(digit) = b.get(end).filter(|d| d.is_ascii_digit()) {
            us += i64::from(digit - b'0') * unit;
            unit /= 10;
            end += 1;
        }
    }
    Some((us, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn shown(text: &str) -> String {
        envelope(text).map_or("none".to_owned(), |e| {
            let priority = e.priority.map_or(String::new(), |p| p.to_string());
            [priority.as_str(), e.time, e.host, e.program, e.pid, e.structured, e.message].join("|")
        })
    }

    #[test]
    fn every_shape_comes_apart() {
        for (line, expect) in [
            ("Mar  2 21:14:05 db1 postgres[12]: [5-1] a", "|Mar  2 21:14:05|db1|postgres|12||[5-1] a"),
            ("Mar 2 21:14:05 db1 cron[9]: x", "|Mar 2 21:14:05|db1|cron|9||x"),
            ("<86>Mar 12 21:14:05 db1 sshd[12]: x", "86|Mar 12 21:14:05|db1|sshd|12||x"),
            ("Mar  2 2026 21:14:05 db1 kernel: x: y", "|Mar  2 2026 21:14:05|db1|kernel|||x: y"),
            ("Mar  2 21:14:05.123 db1 su(pam_unix)[9]: x", "|Mar  2 21:14:05.123|db1|su(pam_unix)|9||x"),
            ("Mar  2 21:14:05 2001:db8::1 cron[9]: x", "|Mar  2 21:14:05|2001:db8::1|cron|9||x"),
            ("Mar  2 21:14:05 cron[9]: x", "|Mar  2 21:14:05||cron|9||x"),
            (
                "Mar  2 21:14:05 db1 last message repeated 2 times",
                "|Mar  2 21:14:05|db1||||last message repeated 2 times",
            ),
            ("2026-03-02T21:14:05.123456+01:00 db1 a/b[7]:  x", "|2026-03-02T21:14:05.123456+01:00|db1|a/b|7|| x"),
            ("2026-03-02T21:14:05Z db1 a: x", "|2026-03-02T21:14:05Z|db1|a|||x"),
            (
                "2026-03-02T21:14:05+00:00 app[postgres.48]: [RED] x",
                "|2026-03-02T21:14:05+00:00||app|postgres.48||[RED] x",
            ),
            (
                "2026-03-02T21:14:05+00:00 d.1-2 app[postgres.48] [RED] x",
                "|2026-03-02T21:14:05+00:00|d.1-2|app|postgres.48||[RED] x",
            ),
            (
                "<165>1 2026-03-02T21:14:05.003Z db1 sshd 7 ID1 [a@1 k=\"v\\\"]\"][b@2 x=\"\"] \u{feff}hello",
                "165|2026-03-02T21:14:05.003Z|db1|sshd|7|[a@1 k=\"v\\\"]\"][b@2 x=\"\"]|hello",
            ),
            (
                "57 <13>1 2026-03-02T21:14:05Z - app postgres.48 - [5-1] x",
                "13|2026-03-02T21:14:05Z||app|postgres.48||[5-1] x",
            ),
            ("<13>1 2026-03-02T21:14:05Z h a - - - x", "13|2026-03-02T21:14:05Z|h|a|||x"),
            ("<13>1 2026-03-02T21:14:05Z h a - - -", "13|2026-03-02T21:14:05Z|h|a|||"),
            ("2026-03-02 21:14:05 UTC [3] LOG:  x", "none"),
            ("Mar  2 25:14:05 db1 a: x", "none"),
            ("<999>Mar  2 21:14:05 db1 a: x", "none"),
            ("hello", "none"),
        ] {
            assert_eq!(shown(line), expect, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(head in "(<[0-9]{1,3}>)?(1 |Mar  2 21:14:05 |2026-03-02T21:14:05Z )?", text in "\\PC{0,60}") {
            let mut clock = Clock::new(TimeZone::UTC, Arc::new(BTreeMap::new()));
            let line = format!("{head}{text}");
            if let Some(e) = envelope(&line) {
                prop_assert!(Years::new(Some(2026), None).instant(e.time, &mut clock).is_ok());
            }
            let _ = Years::new(Some(2026), None).instant(&text, &mut clock);
        }
    }
}
