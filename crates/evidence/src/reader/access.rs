//! Reads access logs of web servers: common, combined, with a virtual host before, with further fields after.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::json;
use crate::lines::Line;
use crate::reader::Reader;
use crate::targets::{Target, address, request_line, scaled, whole};
use serde::Deserialize;
use stanch_model::event::Record;
use stanch_model::{EventClass, Instant, NumberField, TextField};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Which of the access log's shapes a line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Up to status and bytes.
    Common,
    /// With referrer and user agent.
    Combined,
    /// With further fields behind.
    CombinedPlus,
    /// With the virtual host in front.
    VhostCombined,
}

/// The reader. It takes every shape in one file, since a server's configuration changes in the middle of one.
pub(crate) struct Access {
    clock: Clock,
    keys: Arc<BTreeMap<String, Target>>,
    /// While a format is being recognised: lines of other shapes do not count.
    only: Option<Shape>,
    unmapped: String,
}

impl Access {
    pub(crate) fn new(clock: Clock, keys: Arc<BTreeMap<String, Target>>, only: Option<Shape>) -> Access {
        Access { clock, keys, only, unmapped: String::new() }
    }
}

impl Reader for Access {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let parts = match Parts::of(line.text, &mut self.clock) {
            Ok(parts) => parts,
            Err(reason) => return harvest.unread(line, reason),
        };
        if self.only.is_some_and(|only| only != parts.shape()) {
            return harvest.unread(line, "another shape of access log");
        }
        let request = split_request(parts.request);
        let (referrer, agent) = (parts.referrer.and_then(given), parts.agent.and_then(given));
        let mut record = Record::new(parts.time, EventClass::HttpActivity, line.position);
        let (ip, port) = address(parts.client);
        record.set_text(TextField::SrcIp, ip);
        if let Some(port) = port {
            record.set_number(NumberField::SrcPort, port);
        }
        if let Some((host, _)) = parts.vhost.map(|v| v.rsplit_once(':').unwrap_or((v, ""))) {
            record.set_text(TextField::Host, host);
        }
        if let Some(device) = parts.device {
            record.set_text(TextField::Device, device);
        }
        if let Some(user) = parts.user {
            record.set_text(TextField::UserName, user);
        }
        match &request {
            Some((method, target)) => {
                record.set_text(TextField::HttpMethod, method);
                record.set_text(TextField::Url, target);
            }
            None if matches!(parts.request, "" | "-") => {}
            None => record.set_text(TextField::Message, parts.request),
        }
        if let Some(referrer) = &referrer {
            record.set_text(TextField::Referrer, referrer);
        }
        if let Some(agent) = &agent {
            record.set_text(TextField::UserAgent, agent);
        }
        if let Some(status) = parts.status {
            record.set_text(TextField::Status, if status < 400 { "success" } else { "failure" });
            record.set_number(NumberField::HttpStatus, status);
        }
        record.set_number(NumberField::ResponseBytes, parts.bytes);
        if !parts.rest.is_empty() {
            self.unmapped.clear();
            further_fields(parts.rest, &self.keys, &mut record, &mut self.unmapped);
            if !self.unmapped.is_empty() {
                self.unmapped.insert(0, '{');
                self.unmapped.push('}');
                record.set_text(TextField::Unmapped, &self.unmapped);
            }
        }
        harvest.event(record, 1);
    }

    fn is_line_by_line(&self) -> bool {
        true
    }
}

/// A line taken apart; texts still escaped as the server wrote them.
struct Parts<'a> {
    /// The machine that passed the line on, from syslog's head.
    device: Option<&'a str>,
    vhost: Option<&'a str>,
    client: &'a str,
    user: Option<&'a str>,
    time: Instant,
    request: &'a str,
    /// None where there was no answer.
    status: Option<i64>,
    bytes: i64,
    referrer: Option<&'a str>,
    agent: Option<&'a str>,
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str, clock: &mut Clock) -> Result<Parts<'a>, &'static str> {
        let (head, time, after) = at_time(text, clock)?;
        let (device, head) = behind_syslog(head);
        let (vhost, client, user) = who(head).ok_or("no client address before the time")?;
        let after = after.strip_prefix(" \"").ok_or("no quoted request after the time")?;
        let (request, (status, bytes, after)) = request_and_result(after)?;
        let mut parts = Parts {
            device,
            vhost,
            client,
            user,
            time,
            request,
            status,
            bytes,
            referrer: None,
            agent: None,
            rest: after,
        };
        if let Some(quoted) = after.strip_prefix(" \"") {
            // A line cut off behind its status still says who asked for what and got how much.
            if let Some((referrer, agent, rest)) = referrer_and_agent(quoted) {
                (parts.referrer, parts.agent, parts.rest) = (Some(referrer), Some(agent), rest);
            }
        }
        Ok(parts)
    }

    fn shape(&self) -> Shape {
        match (self.vhost.is_some(), self.agent.is_some(), self.rest.is_empty()) {
            (true, _, true) => Shape::VhostCombined,
            (_, _, false) => Shape::CombinedPlus,
            (false, true, true) => Shape::Combined,
            (false, false, true) => Shape::Common,
        }
    }
}

/// What stands before the time in brackets, the time, what stands after it.
fn at_time<'a>(text: &'a str, clock: &mut Clock) -> Result<(&'a str, Instant, &'a str), &'static str> {
    let mut reason = "no time in square brackets";
    let bytes = text.as_bytes();
    for open in memchr::memchr_iter(b'[', bytes).take(8) {
        // A user name may hold a bracket, so a bracket without a time is passed over.
        let inner = &bytes[open + 1..];
        let Some(length) = memchr::memchr(b']', &inner[..inner.len().min(48)]) else { continue };
        let written = &text[open + 1..open + 1 + length];
        let time = clock.clf(written).map_or_else(|| clock.iso(written), Ok);
        match time {
            Ok(time) => return Ok((&text[..open], time, &text[open + length + 2..])),
            Err(_) => reason = "a time in square brackets that cannot be read",
        }
    }
    Err(reason)
}

/// The machine and what stands behind syslog's head, if one stands before the client's address.
fn behind_syslog(head: &str) -> (Option<&str>, &str) {
    let bare = head.strip_prefix('<').and_then(|h| h.split_once('>')).map_or(head, |(_, bare)| bare);
    let b = bare.as_bytes();
    let is_old = b.len() > 16 && b[..3].is_ascii() && b[3] == b' ' && b[9] == b':' && b[12] == b':';
    let is_new = b.len() > 20 && b[4] == b'-' && b[10] == b'T';
    if !is_old && !is_new {
        return (None, head);
    }
    let Some((before, behind)) = bare.split_once(": ") else { return (None, head) };
    let device = before.split_ascii_whitespace().nth(if is_old { 3 } else { 1 });
    (device, behind)
}

/// Virtual host, client, user from what stands before the time.
fn who(head: &str) -> Option<(Option<&str>, &str, Option<&str>)> {
    let head = head.trim();
    let (first, rest) = head.split_once(' ').unwrap_or((head, ""));
    // `shop.example:443 192.0.2.7 - -`; where a name is looked up for the client, an address would have to be its ident.
    let (second, behind) = rest.split_once(' ').unwrap_or((rest, ""));
    if is_host(first) && is_address(second) && (behind.contains(' ') || !is_client(first)) {
        return Some((Some(first), second, user(behind)));
    }
    is_client(first).then(|| (None, first, user(rest)))
}

fn is_address(text: &str) -> bool {
    let (ip, _) = address(text);
    ip.split('%').next().is_some_and(|ip| ip.parse::<IpAddr>().is_ok())
}

fn is_client(text: &str) -> bool {
    is_address(text) || (is_host(text) && !text.contains(':')) || text == "unix:"
}

fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text != "-"
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'*'))
}

/// The user from `ident user`; the name may hold spaces.
fn user(rest: &str) -> Option<&str> {
    let user = rest.split_once(' ').map_or("", |(_ident, user)| user).trim();
    (!matches!(user, "" | "-" | "\"\"")).then_some(user)
}

type Result3<'a> = (Option<i64>, i64, &'a str);

/// The request up to its closing quote; status, bytes and the rest behind it.
fn request_and_result(text: &str) -> Result<(&str, Result3<'_>), &'static str> {
    let end = closing_quote(text).ok_or("the line ends inside the request")?;
    if let Some(found) = result(&text[end + 1..]) {
        return Ok((&text[..end], found));
    }
    // Servers that do not escape quotes: the request ends where a status follows.
    memchr::memmem::find_iter(text.as_bytes(), b"\" ")
        .find_map(|at| Some((&text[..at], result(&text[at + 1..])?)))
        .ok_or("no status and bytes after the request")
}

fn result(text: &str) -> Option<Result3<'_>> {
    let text = text.strip_prefix(' ')?;
    let b = text.as_bytes();
    let (status, after) = if b.starts_with(b"- ") {
        (None, 2)
    } else if b.len() >= 5 && b[3] == b' ' && b[..3].iter().all(u8::is_ascii_digit) {
        (Some(b[..3].iter().fold(0, |n, d| n * 10 + i64::from(d - b'0'))), 4)
    } else {
        return None;
    };
    let length = text[after..].find(' ').unwrap_or(text.len() - after);
    let (bytes, rest) = text[after..].split_at(length);
    let bytes = if bytes == "-" { 0 } else { bytes.parse().ok().filter(|n| *n >= 0)? };
    Some((status, bytes, rest))
}

/// Referrer and user agent, each in quotes, and what follows. `text` begins behind the referrer's opening quote.
fn referrer_and_agent(text: &str) -> Option<(&str, &str, &str)> {
    let strict = closing_quote(text).and_then(|end| {
        let agent = text[end + 1..].strip_prefix(" \"")?;
        let close = closing_quote(agent)?;
        let rest = &agent[close + 1..];
        (rest.is_empty() || rest.starts_with(' ')).then(|| (&text[..end], &agent[..close], rest.trim_start()))
    });
    // Servers that do not escape quotes: the agent ends at the last quote.
    strict.or_else(|| {
        let (referrer, agent) = text.split_once("\" \"")?;
        let close = agent.rfind('"')?;
        let rest = &agent[close + 1..];
        (rest.is_empty() || rest.starts_with(' ')).then(|| (referrer, &agent[..close], rest.trim_start()))
    })
}

/// The first quote that no backslash escapes.
pub(crate) fn closing_quote(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', bytes.get(from..)?)?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        from = at + 2;
    }
}

fn split_request(request: &str) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let (method, target) = request_line(request)?;
    Some((unescaped(method), unescaped(target)))
}

fn given(text: &str) -> Option<Cow<'_, str>> {
    (!matches!(text, "" | "-")).then(|| unescaped(text))
}

/// Takes off the log's own escaping (`\x22`, `\"`), so that a field holds what the client sent; the percent-encoding
/// is the client's and stays.
pub(crate) fn unescaped(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = if bytes[at] == b'\\' { bytes.get(at + 1) } else { None };
        let (byte, used) = match escape {
            Some(b'x') => match bytes.get(at + 2..at + 4).and_then(hex_pair) {
                Some(byte) => (byte, 4),
                None => (b'\\', 1),
            },
            Some(b'"') => (b'"', 2),
            Some(b'\\') => (b'\\', 2),
            Some(b'n') => (b'\n', 2),
            Some(b'r') => (b'\r', 2),
            Some(b't') => (b'\t', 2),
            Some(b'v') => (0x0b, 2),
            Some(b'b') => (8, 2),
            _ => (bytes[at], 1),
        };
        out.push(byte);
        at += used;
    }
    Cow::Owned(String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()
}

/// Reads what stands behind the agent: `name=value` by the packs' table of names, all else kept in `unmapped`.
fn further_fields<'a>(rest: &'a str, keys: &BTreeMap<String, Target>, record: &mut Record<'a>, unmapped: &mut String) {
    let mut unnamed = String::new();
    let mut rest = rest.trim_start();
    while !rest.is_empty() {
        let (field, after) = next_field(rest);
        rest = after.trim_start();
        let named = field.split_once('=').filter(|(name, _)| is_name(name));
        let Some((name, value)) = named else {
            if !unnamed.is_empty() {
                unnamed.push(',');
            }
            json::push_string(&mut unnamed, &unescaped(field.trim_matches('"')));
            continue;
        };
        let value = value.trim_matches('"');
        match keys.get(name) {
            Some(_) if matches!(value, "" | "-") => {}
            Some(Target::Text(field)) => record.set_text(*field, value),
            Some(Target::Number(field)) => match whole(value) {
                Some(n) => record.set_number(*field, n),
                None => json::push_member(unmapped, name, value),
            },
            Some(Target::Duration(unit_us)) => match scaled(value, *unit_us) {
                Some(us) => record.set_number(NumberField::DurationUs, us),
                None => json::push_member(unmapped, name, value),
            },
            Some(Target::Ignore) => {}
            _ => json::push_member(unmapped, name, &unescaped(value)),
        }
    }
    if !unnamed.is_empty() {
        json::push_member_raw(unmapped, "further", &format!("[{unnamed}]"));
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// The next field: up to a space outside quotes. An unclosed quote takes the rest.
fn next_field(text: &str) -> (&str, &str) {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b' ', b'"', &text.as_bytes()[at..]) {
        if text.as_bytes()[at + found] == b' ' {
            return text.split_at(at + found);
        }
        let inside = at + found + 1;
        match closing_quote(&text[inside..]) {
            Some(close) => at = inside + close + 1,
            None => break,
        }
    }
    (text, "")
}
