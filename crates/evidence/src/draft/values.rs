//! What values look like: whether a column holds times, addresses, requests, statements.

use crate::clock::Clock;
use crate::targets::{address, request_line};
use stanch_model::Instant;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Moments of which a bare number is taken for one: from 2000 to 2100, in microseconds since 1970.
const PLAUSIBLE_US: std::ops::Range<i64> = 946_684_800_000_000..4_102_444_800_000_000;
/// Distinct values kept of one column.
const DISTINCT_MAX: usize = 64;
/// Share of a column's values that must look like something.
const MOST: f64 = 0.9;

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    Time,
    Ip,
    Method,
    RequestLine,
    Target,
    Url,
    UserAgent,
    Statement,
    Mail,
    Status,
    Number,
    Level,
    Id,
    Json,
    Other,
}

impl Look {
    /// What one value looks like, besides a status, which only all values together show.
    pub(super) fn of(text: &str, clock: &mut Clock) -> Look {
        let text = text.trim();
        let b = text.as_bytes();
        match b.first() {
            None => return Look::Other,
            Some(b'{' | b'[') if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => return Look::Json,
            _ => {}
        }
        if is_ip(text) {
            return Look::Ip;
        }
        let is_number = text.parse::<f64>().is_ok() && !b[0].is_ascii_alphabetic();
        let is_plausible = |t: Instant| !is_number || PLAUSIBLE_US.contains(&t.0);
        if text.len() >= 9 && text.len() <= 64 && clock.any(text).is_ok_and(is_plausible) {
            return Look::Time;
        }
        if is_number {
            return Look::Number;
        }
        if is_method(text) {
            return Look::Method;
        }
        if request_line(text).is_some() && text.contains(" HTTP/") {
            return Look::RequestLine;
        }
        if is_statement(text) {
            return Look::Statement;
        }
        if is_user_agent(text) {
            return Look::UserAgent;
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return Look::Url;
        }
        if b[0] == b'/' && !text.contains(' ') {
            return Look::Target;
        }
        if is_mail(text) {
            return Look::Mail;
        }
        if is_level(text) {
            return Look::Level;
        }
        if is_id(text) { Look::Id } else { Look::Other }
    }
}

pub(super) fn is_ip(text: &str) -> bool {
    let (host, _) = address(text);
    host.parse::<IpAddr>().is_ok()
}

pub(super) fn is_method(text: &str) -> bool {
    const METHODS: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE"];
    METHODS.contains(&text)
}

pub(super) fn is_level(text: &str) -> bool {
    const LEVELS: [&str; 21] = [
        "trace",
        "debug",
        "info",
        "information",
        "notice",
        "warn",
        "warning",
        "error",
        "err",
        "critical",
        "crit",
        "fatal",
        "severe",
        "emerg",
        "emergency",
        "alert",
        "verbose",
        "fine",
        "low",
        "medium",
        "high",
    ];
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text))
}

fn is_statement(text: &str) -> bool {
    const BEGINNINGS: [&str; 10] =
        ["select", "insert", "update", "delete", "with", "replace", "call", "create", "alter", "drop"];
    const INSIDE: [&str; 8] = [" from ", " into ", " set ", " table ", " where ", " values", " as ", "("];
    let Some((first, rest)) = text.split_once(char::is_whitespace) else { return false };
    let rest = rest.to_ascii_lowercase();
    let is_bare = first.eq_ignore_ascii_case("select") && rest.len() < 12;
    BEGINNINGS.iter().any(|word| word.eq_ignore_ascii_case(first))
        && (is_bare || INSIDE.iter().any(|word| format!(" {rest}").contains(word)))
}

fn is_user_agent(text: &str) -> bool {
    const PRODUCTS: [&str; 9] = [
        "Mozilla/",
        "curl/",
        "Wget/",
        "python-requests/",
        "Go-http-client/",
        "okhttp/",
        "Opera/",
        "PostmanRuntime/",
        "Java/",
    ];
    PRODUCTS.iter().any(|product| text.starts_with(product))
}

fn is_mail(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !text.contains([' ', '/', ',']) && !host.ends_with('.')
    })
}

fn is_id(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// What is known of the values under one name.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    /// Records that have it.
    pub(super) records: usize,
    /// Records in which it holds something.
    pub(super) filled: usize,
    looks: BTreeMap<Look, usize>,
    /// Values, as far as there are few.
    pub(super) distinct: BTreeMap<String, usize>,
    has_more: bool,
    codes: usize,
    has_zone: bool,
}

impl Column {
    /// Takes in a record's value.
    pub(super) fn add(&mut self, value: &str, clock: &mut Clock) {
        self.records += 1;
        if matches!(value.trim(), "" | "-" | "null" | "None" | "(null)") {
            return;
        }
        self.filled += 1;
        let look = Look::of(value, clock);
        *self.looks.entry(look).or_default() += 1;
        let code: Option<u16> = value.trim().parse().ok();
        self.codes += usize::from(code.is_some_and(|code| (100..600).contains(&code)));
        self.has_zone |= look == Look::Time && has_zone(value);
        if self.distinct.len() < DISTINCT_MAX || self.distinct.contains_key(value) {
            *self.distinct.entry(value.to_owned()).or_default() += 1;
        } else {
            self.has_more = true;
        }
    }

    /// What most of its values look like.
    pub(super) fn look(&self) -> Look {
        if self.filled == 0 {
            return Look::Other;
        }
        if self.is_mostly(self.codes) {
            return Look::Status;
        }
        let most = self.looks.iter().max_by_key(|(_, count)| **count);
        match most {
            Some((look, count)) if self.is_mostly(*count) => *look,
            // Targets and URLs stand for each other.
            _ if self.is_mostly(self.count(Look::Target) + self.count(Look::Url)) => Look::Url,
            _ => Look::Other,
        }
    }

    /// Whether its times say their zone.
    pub(super) fn has_zone(&self) -> bool {
        self.has_zone
    }

    /// Its values, if they are few.
    pub(super) fn few(&self) -> Option<impl Iterator<Item = &str>> {
        let is_few = !self.has_more && self.distinct.len() <= 24 && (self.distinct.len() * 2 <= self.filled.max(8));
        is_few.then(|| self.distinct.keys().map(String::as_str))
    }

    fn count(&self, look: Look) -> usize {
        self.looks.get(&look).copied().unwrap_or_default()
    }

    #[expect(clippy::cast_precision_loss, reason = "a sample has few records")]
    fn is_mostly(&self, count: usize) -> bool {
        count as f64 >= MOST * self.filled as f64
    }
}

/// Whether a time says its zone, or is a count since 1970.
fn has_zone(time: &str) -> bool {
    let time = time.trim().trim_end_matches(']');
    let counts = time.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let behind_the_date = time.get(11..).unwrap_or_default();
    counts
        || time.ends_with('Z')
        || behind_the_date.contains(['+', '-'])
        || behind_the_date.split(' ').any(|word| {
            !matches!(word, "AM" | "PM")
                && word.len() >= 3
                && word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'/')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use std::sync::Arc;

    #[test]
    fn values_are_told_by_what_they_look_like() {
        let mut clock = Clock::new(TimeZone::UTC, Arc::default());
        for (text, look) in [
            ("2026-03-02T21:14:05Z", Look::Time),
            ("1772486045250", Look::Time),
            ("203.0.113.9:4711", Look::Ip),
            ("2001:db8::1", Look::Ip),
            ("404", Look::Number),
            ("GET", Look::Method),
            ("GET /a HTTP/1.1", Look::RequestLine),
            ("/a?b=1", Look::Target),
            ("https://shop.example/", Look::Url),
            ("Mozilla/5.0 (X11)", Look::UserAgent),
            ("SELECT email FROM customers", Look::Statement),
            ("select the best of 3", Look::Other),
            ("kim@shop.example", Look::Mail),
            ("WARN", Look::Level),
            ("4c83cc99-a28c-4a35-9921-e6381645d282", Look::Id),
            ("{\"a\":1}", Look::Json),
            ("kim", Look::Other),
        ] {
            assert_eq!(Look::of(text, &mut clock), look, "{text}");
        }
    }

    #[test]
    fn a_time_shows_its_zone_or_does_not() {
        assert!(has_zone("2026-03-02T21:14:05Z") && has_zone("02/Mar/2026:21:14:05 +0100") && has_zone("1772486045"));
        assert!(has_zone("02-Mar-2026 21:14:05 Europe/Berlin"));
        assert!(!has_zone("2026-03-02 21:14:05") && !has_zone("Mar 2, 2026 9:14:05 PM"));
    }
}
