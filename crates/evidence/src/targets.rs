//! Where a named value goes in an event: the closed vocabulary that format packs and store files map onto.

use crate::clock::{Clock, TimeFault};
use crate::json;
use stanch_model::event::Record;
use stanch_model::{EventClass, EventFields, Instant, NumberField, Position, TextField};
use std::borrow::Cow;

/// Where a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A text field.
    Text(TextField),
    /// A number field.
    Number(NumberField),
    /// How long it took, in units of so many microseconds.
    Duration(i64),
    /// How long it took, in nanoseconds.
    Nanoseconds,
    /// The moment, in any writing.
    Time,
    /// `GET /path?query HTTP/1.1`.
    RequestLine,
    /// The query alone, to be put behind the path.
    QueryArgs,
    /// `https://host:port/path?query`: host, port and path apart.
    WholeUrl,
    /// A request line whose target is such a URL.
    WholeRequestLine,
    /// Addresses as proxies pass them on; the last, which the writer saw itself, is the client's.
    LastAddress,
    /// Nothing: it says again what another field says.
    Ignore,
}

impl Target {
    /// The target of that name: an event field's OCSF path or column, or one of the words below.
    pub(crate) fn from_name(name: &str) -> Option<Target> {
        Some(match name {
            "time" => Target::Time,
            "request_line" => Target::RequestLine,
            "request_query" => Target::QueryArgs,
            "whole_url" => Target::WholeUrl,
            "whole_request_line" => Target::WholeRequestLine,
            "last_address" => Target::LastAddress,
            "duration_s" => Target::Duration(1_000_000),
            "duration" | "duration_ms" => Target::Duration(1_000),
            "duration_us" => Target::Duration(1),
            "duration_ns" => Target::Nanoseconds,
            "ignore" => Target::Ignore,
            _ => {
                let text = TextField::from_name(name).map(Target::Text);
                text.or_else(|| NumberField::from_name(name).map(Target::Number))?
            }
        })
    }

    /// The target of that name.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn named(name: &str) -> Result<Target, WordFault> {
        Target::from_name(name).ok_or_else(|| WordFault(name.to_owned()))
    }

    /// Whether a value that goes here says what one that goes to the other would.
    pub(crate) fn fills_the_same(self, other: Target) -> bool {
        let is_address = |t| matches!(t, Target::Text(TextField::SrcIp) | Target::LastAddress);
        let is_duration = |t| matches!(t, Target::Duration(_) | Target::Nanoseconds);
        let is_request_line = |t| matches!(t, Target::RequestLine | Target::WholeRequestLine);
        let is_url = |t| is_request_line(t) || matches!(t, Target::Text(TextField::Url) | Target::WholeUrl);
        let in_request_line = is_request_line(self)
            && matches!(other, Target::Text(TextField::Url | TextField::HttpMethod) | Target::QueryArgs);
        self == other
            || in_request_line
            || is_address(self) && is_address(other)
            || is_duration(self) && is_duration(other)
            || is_url(self) && is_url(other)
    }

    /// The words besides event fields.
    pub(crate) const WORDS: &'static [&'static str] = &[
        "time",
        "request_line",
        "request_query",
        "whole_url",
        "whole_request_line",
        "last_address",
        "duration_s",
        "duration_ms",
        "duration_us",
        "duration_ns",
        "ignore",
    ];

    /// A value in microseconds, if it is a duration that goes to this target.
    pub(crate) fn microseconds(self, value: &str) -> Option<i64> {
        match self {
            Target::Duration(unit_us) => scaled(value, unit_us),
            Target::Nanoseconds => whole(value).map(|ns| ns / 1_000),
            _ => None,
        }
    }
}

/// A name that is no event field and no word.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no event field")]
pub(crate) struct WordFault(pub(crate) String);

/// The pieces of a request line: method, target, and whether it is one at all.
pub(crate) fn request_line(request: &str) -> Option<(&str, &str)> {
    let (method, rest) = request.split_once(' ')?;
    let is_method = method.len() <= 20
        && method.starts_with(|c: char| c.is_ascii_uppercase())
        && method.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'_'));
    if !is_method {
        return None;
    }
    let target = match rest.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => target,
        _ => rest,
    };
    (!target.is_empty()).then_some((method, target))
}

/// An address without its port, and the port; IPv4 inside IPv6 as IPv4.
pub(crate) fn address(text: &str) -> (&str, Option<i64>) {
    if let Some((inner, rest)) = text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        if inner.contains(':') {
            return (inner, rest.strip_prefix(':').and_then(|p| p.parse().ok()));
        }
        return (text, None);
    }
    if let Some(v4) = text.strip_prefix("::ffff:").filter(|v4| v4.contains('.')) {
        return (v4, None);
    }
    match text.split_once(':') {
        Some((host, port)) if host.contains('.') && !port.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        _ => (text, None),
    }
}

/// A URL's scheme, host, port and target, if it has a scheme and a host.
fn whole_url(url: &str) -> Option<(&str, &str, Option<i64>, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    // Brackets keep the colons of an IPv6 address.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (authority, None),
    };
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+');
    (is_scheme && !host.is_empty()).then_some((scheme, host, port, if target.is_empty() { "/" } else { target }))
}

/// A host without the port that its header may name, and the port.
fn host(text: &str) -> (&str, Option<i64>) {
    match text.rsplit_once(':') {
        // Brackets keep the colons of an IPv6 address.
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => match port.parse() {
            Ok(port) if (0..=65_535).contains(&port) && !host.is_empty() => (host, Some(port)),
            _ => (text, None),
        },
        _ => (text, None),
    }
}

/// The last of several addresses.
fn last_address(list: &str) -> &str {
    list.rsplit(',').map(str::trim).find(|one| !one.is_empty()).unwrap_or(list)
}

/// A record under way: values found under names, before they are put in their places.
#[derive(Default)]
pub(crate) struct Draft<'a> {
    values: Vec<(Target, Cow<'a, str>)>,
    /// Members of the `unmapped` object, without braces.
    unmapped: String,
}

impl<'a> Draft<'a> {
    /// A value that goes to a target.
    pub(crate) fn put(&mut self, target: Target, value: impl Into<Cow<'a, str>>) {
        let mut value = value.into();
        // Protocols have small letters, however a log writes them.
        if target == Target::Text(TextField::Protocol) && value.bytes().any(|b| b.is_ascii_uppercase()) {
            value = Cow::Owned(value.to_ascii_lowercase());
        }
        self.values.push((target, value));
    }

    /// A value without a place, as text.
    pub(crate) fn unmapped_text(&mut self, name: &str, value: &str) {
        json::push_member(&mut self.unmapped, name, value);
    }

    /// A value without a place, JSON already.
    pub(crate) fn unmapped_json(&mut self, name: &str, value: &str) {
        json::push_member_raw(&mut self.unmapped, name, value);
    }

    /// A value without a place, a number where it is written as one.
    pub(crate) fn unmapped_plain(&mut self, name: &str, value: &str) {
        json::push_member_plain(&mut self.unmapped, name, value);
    }

    /// The moment, if one of the values is one. The first that can be read counts.
    pub(crate) fn time(&self, clock: &mut Clock) -> Result<Instant, TimeFault> {
        let mut fault = TimeFault::NotATime;
        for (_, value) in self.values.iter().filter(|(target, _)| *target == Target::Time) {
            match clock.any(value) {
                Ok(t) => return Ok(t),
                Err(e) => fault = e,
            }
        }
        Err(fault)
    }

    /// Puts another value in the place of one.
    pub(crate) fn replace(&mut self, target: Target, value: impl Into<Cow<'a, str>>) {
        self.values.retain(|(t, _)| *t != target);
        self.put(target, value);
    }

    /// A value as it was given.
    pub(crate) fn text(&self, target: Target) -> Option<&str> {
        self.values.iter().find(|(t, _)| *t == target).map(|(_, value)| value.as_ref())
    }

    /// Whether a field was given a value.
    pub(crate) fn has(&self, target: Target) -> bool {
        self.values.iter().any(|(t, _)| *t == target)
    }

    /// Puts everything in its place and hands the record to `done`.
    pub(crate) fn finish<T>(
        mut self,
        (time, class, position): (Instant, EventClass, Position),
        done: impl FnOnce(Record<'_>) -> T,
    ) -> T {
        self.join_query();
        self.note_scheme();
        let mut words_of_a_bad_request = None;
        let mut record = Record::new(time, class, position);
        if !self.unmapped.is_empty() {
            self.unmapped.insert(0, '{');
            self.unmapped.push('}');
            record.set_text(TextField::Unmapped, &self.unmapped);
        }
        for (target, value) in &self.values {
            match *target {
                Target::Text(TextField::SrcIp) | Target::LastAddress => {
                    let (ip, port) = address(if *target == Target::LastAddress { last_address(value) } else { value });
                    record.set_text(TextField::SrcIp, ip);
                    if let Some(port) = port {
                        record.set_number(NumberField::SrcPort, port);
                    }
                }
                Target::Text(TextField::Host) => {
                    let (host, port) = host(value);
                    record.set_text(TextField::Host, host);
                    if let Some(port) = port {
                        record.set_number(NumberField::DstPort, port);
                    }
                }
                Target::Text(field) => record.set_text(field, value),
                Target::Number(field) => {
                    // A status below 100 (`-1`, `0`, `000`) says that there was no answer.
                    let is_given = |n: &i64| field != NumberField::HttpStatus || *n >= 100;
                    if let Some(n) = whole(value).filter(is_given) {
                        record.set_number(field, n);
                    }
                }
                Target::Duration(_) | Target::Nanoseconds => {
                    if let Some(us) = target.microseconds(value) {
                        record.set_number(NumberField::DurationUs, us);
                    }
                }
                Target::RequestLine | Target::WholeRequestLine => match request_line(value) {
                    Some((method, url)) => {
                        record.set_text(TextField::HttpMethod, method);
                        set_url(&mut record, url, *target == Target::WholeRequestLine);
                    }
                    None => words_of_a_bad_request = Some(value),
                },
                Target::WholeUrl => set_url(&mut record, value, true),
                Target::Time | Target::QueryArgs | Target::Ignore => {}
            }
        }
        if let Some(words) = words_of_a_bad_request {
            record.set_text(TextField::Message, words);
        }
        if let (None, Some(code)) = (record.text(TextField::Status), record.number(NumberField::HttpStatus)) {
            record.set_text(TextField::Status, if code < 400 { "success" } else { "failure" });
        }
        done(record)
    }

    /// A URL's scheme has no field.
    fn note_scheme(&mut self) {
        let whole = self.values.iter().find_map(|(target, value)| match target {
            Target::WholeUrl => whole_url(value),
            Target::WholeRequestLine => whole_url(request_line(value)?.1),
            _ => None,
        });
        if let Some((scheme, ..)) = whole {
            json::push_member(&mut self.unmapped, "scheme", scheme);
        }
    }

    /// Puts a query that stands apart from its path behind it, unless it stands there already.
    fn join_query(&mut self) {
        let Some(at) = self.values.iter().position(|(t, v)| *t == Target::QueryArgs && !v.is_empty()) else { return };
        let query = self.values[at].1.clone();
        let is_path = |(t, v): &&mut (Target, Cow<'_, str>)| {
            *t == Target::Text(TextField::Url) && !(v.contains('?') && v.ends_with(query.as_ref()))
        };
        if let Some((_, path)) = self.values.iter_mut().find(is_path) {
            let mark = if query.starts_with('?') { "" } else { "?" };
            *path = Cow::Owned(format!("{path}{mark}{query}"));
        }
    }
}

/// Sets the target of a request; if it is a whole URL, its host and port too.
fn set_url<'a>(record: &mut Record<'a>, url: &'a str, is_whole: bool) {
    let Some((_, host, port, target)) = whole_url(url).filter(|_| is_whole) else {
        return record.set_text(TextField::Url, url);
    };
    record.set_text(TextField::Url, target);
    if record.text(TextField::Host).is_none() {
        record.set_text(TextField::Host, host);
    }
    if let Some(port) = port {
        record.set_number(NumberField::DstPort, port);
    }
}

/// A whole number, from text that may carry a fraction.
pub(crate) fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<f64>().ok().and_then(rounded))
}

/// A number of units in microseconds. Of several, as proxies write them for each try, the last.
pub(crate) fn scaled(text: &str, unit_us: i64) -> Option<i64> {
    let last = text.rsplit([',', ' ']).find(|part| !part.is_empty())?;
    let unit_at = last.find(|c: char| c.is_alphabetic() && c != 'e' && c != 'E').unwrap_or(last.len());
    if unit_at == last.len() {
        return number_of(last, unit_us);
    }
    // `1m2.5s`, as Go writes it.
    let (mut rest, mut sum) = (last, 0i64);
    while !rest.is_empty() {
        let number = rest.find(char::is_alphabetic)?;
        let unit = rest[number..].find(|c: char| !c.is_alphabetic()).map_or(rest.len(), |n| number + n);
        let us = match &rest[number..unit] {
            "ns" => number_of(&rest[..number], 1)? / 1_000,
            "us" | "µs" | "μs" => number_of(&rest[..number], 1)?,
            "ms" => number_of(&rest[..number], 1_000)?,
            "s" => number_of(&rest[..number], 1_000_000)?,
            "m" => number_of(&rest[..number], 60_000_000)?,
            "h" => number_of(&rest[..number], 3_600_000_000)?,
            _ => return None,
        };
        sum = sum.checked_add(us)?;
        rest = &rest[unit..];
    }
    Some(sum)
}

fn number_of(text: &str, unit_us: i64) -> Option<i64> {
    #[expect(clippy::cast_precision_loss, reason = "units are small powers of ten")]
    text.parse::<f64>().ok().and_then(|n| rounded(n * unit_us as f64))
}

fn rounded(n: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "its size is checked")]
    (n.is_finite() && n.abs() < 9e18).then(|| n.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_line_comes_apart_even_with_spaces_in_its_target() {
        assert_eq!(request_line("GET /a?b=1 HTTP/1.1"), Some(("GET", "/a?b=1")));
        assert_eq!(request_line("GET /a b HTTP/1.1"), Some(("GET", "/a b")));
        assert_eq!(request_line("GET /old"), Some(("GET", "/old")));
        assert_eq!(request_line("\\x16\\x03\\x01"), None);
        assert_eq!(request_line("-"), None);
        assert_eq!(request_line("- http://shop.example:80- -"), None);
        assert_eq!(request_line("get / HTTP/1.0"), None);
    }

    #[test]
    fn addresses_lose_their_port_and_their_disguise() {
        assert_eq!(address("192.0.2.7:41"), ("192.0.2.7", Some(41)));
        assert_eq!(address("[2001:db8::1]:41"), ("2001:db8::1", Some(41)));
        assert_eq!(address("2001:db8::1"), ("2001:db8::1", None));
        assert_eq!(address("::ffff:192.0.2.7"), ("192.0.2.7", None));
        assert_eq!(address("[local]"), ("[local]", None));
        assert_eq!(address("unix:"), ("unix:", None));
    }

    #[test]
    fn durations_in_all_units_become_microseconds() {
        assert_eq!(scaled("0.012", 1_000_000), Some(12_000));
        assert_eq!(scaled("12ms", 1_000_000), Some(12_000));
        assert_eq!(scaled("0.1, 0.2", 1_000_000), Some(200_000));
        assert_eq!(scaled("-", 1), None);
        assert_eq!(scaled("1e400", 1), None);
        assert_eq!(scaled("1.5e-05", 1_000_000), Some(15));
        assert_eq!(scaled("1m2.5s", 1), Some(62_500_000));
        assert_eq!(scaled("114.941µs", 1), Some(115));
        assert_eq!(scaled("s", 1), None);
        assert_eq!(scaled("5 parsecs", 1), None);
        assert_eq!(Target::Nanoseconds.microseconds("357313"), Some(357));
    }

    #[test]
    fn a_whole_url_comes_apart() {
        assert_eq!(whole_url("https://shop.example:443/a?b"), Some(("https", "shop.example", Some(443), "/a?b")));
        assert_eq!(whole_url("http://[2001:db8::1]:80"), Some(("http", "[2001:db8::1]", Some(80), "/")));
        assert_eq!(whole_url("http://[2001:db8::1]/"), Some(("http", "[2001:db8::1]", None, "/")));
        assert_eq!(whole_url("/a?u=http://x"), None);
        assert_eq!(whole_url("https:///a"), None);
    }

    #[test]
    fn a_host_loses_its_port() {
        assert_eq!(host("shop.example:8443"), ("shop.example", Some(8443)));
        assert_eq!(host("[2001:db8::1]:80"), ("[2001:db8::1]", Some(80)));
        assert_eq!(host("2001:db8::1"), ("2001:db8::1", None));
        assert_eq!(host("shop.example:x"), ("shop.example:x", None));
        assert_eq!(host(":80"), (":80", None));
    }

    #[test]
    fn the_last_of_several_addresses_is_the_one_that_was_seen() {
        assert_eq!(last_address("198.51.100.1, 203.0.113.9"), "203.0.113.9");
        assert_eq!(last_address("203.0.113.9,"), "203.0.113.9");
    }
}
