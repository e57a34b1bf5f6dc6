//! Reads PgBouncer's log: who asked for which database through the pool, and how their connection ended.

use crate::clock::{Clock, TimeFault, local_us};
use crate::harvest::{Harvest, Reason};
use crate::json;
use crate::lines::Line;
use crate::reader::Reader;
use crate::syslog::{Envelope, Years, envelope};
use crate::targets::scaled;
use serde::Deserialize;
use stanch_model::event::Record;
use stanch_model::{EventClass, Instant, NumberField, Position, TextField};
use std::net::IpAddr;
use std::sync::Arc;

/// The program's name in syslog.
const PROGRAM: &str = "pgbouncer";
/// Bytes up to which a user's name and an address are looked for; PgBouncer has neither as long. Without them, a line
/// full of `@` would be looked through from each.
const NAME_BYTES_MAX: usize = 1_024;
const ADDRESS_BYTES_MAX: usize = 256;
const LEVELS: [&str; 6] = ["LOG", "WARNING", "ERROR", "FATAL", "DEBUG", "NOISE"];

/// What a message means, by its beginning.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saying {
    /// How the message begins, behind the connection.
    pub begins: String,
    /// The event's class.
    pub class: String,
    /// What was done.
    pub activity: String,
    /// `success` or `failure`, where it says.
    #[serde(default)]
    pub status: Option<String>,
}

/// The reader.
pub(crate) struct PgBouncer {
    clock: Clock,
    years: Years,
    sayings: Arc<Vec<Saying>>,
    unmapped: String,
    remarked: bool,
}

/// A line, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said<'a> {
    time: &'a str,
    host: &'a str,
    pid: &'a str,
    level: &'a str,
    message: &'a str,
}

/// The connection that a message is about: `C-0x55d0: db/user@192.0.2.1:41 `, C for a client's and S for a server's.
#[derive(Debug, Default, PartialEq, Eq)]
struct Connection<'a> {
    id: &'a str,
    database: &'a str,
    user: &'a str,
    host: &'a str,
    port: Option<i64>,
    message: &'a str,
}

impl PgBouncer {
    pub(crate) fn new(clock: Clock, years: Years, sayings: Arc<Vec<Saying>>) -> PgBouncer {
        PgBouncer { clock, years, sayings, unmapped: String::new(), remarked: false }
    }

    fn time(&mut self, written: &str, harvest: &mut Harvest) -> Result<Instant, TimeFault> {
        let time = self.years.instant(written, &mut self.clock)?;
        if !self.remarked
            && let Some(remark) = self.years.remark()
        {
            harvest.remark(remark);
            self.remarked = true;
        }
        Ok(time)
    }

    fn emit(&mut self, said: &Said<'_>, position: Position, harvest: &mut Harvest) -> Result<(), Reason> {
        let time = self.time(said.time, harvest).map_err(|fault| fault.reason())?;
        let connection = connection(said.message);
        let message = connection.as_ref().map_or(said.message, |c| c.message);
        let sayings = Arc::clone(&self.sayings);
        let saying = sayings.iter().find(|s| message.starts_with(s.begins.as_str()));
        let class = saying.and_then(|s| EventClass::from_word(&s.class)).unwrap_or(EventClass::Base);
        self.unmapped.clear();
        let mut record = Record::new(time, class, position);
        record.set_text(TextField::Message, message);
        if let Some(saying) = saying {
            record.set_text(TextField::Activity, &saying.activity);
            if let Some(status) = &saying.status {
                record.set_text(TextField::Status, status);
                if status == "failure" {
                    record.set_text(TextField::StatusDetail, message);
                }
            }
        }
        if let Ok(pid) = said.pid.parse() {
            record.set_number(NumberField::Pid, pid);
        }
        if !said.host.is_empty() {
            record.set_text(TextField::Device, said.host);
        }
        if !matches!(said.level, "" | "LOG") {
            json::push_member(&mut self.unmapped, "severity", said.level);
        }
        if let Some(connection) = &connection {
            ends(&mut record, connection, &mut self.unmapped);
        }
        if !self.unmapped.is_empty() {
            self.unmapped.insert(0, '{');
            self.unmapped.push('}');
            record.set_text(TextField::Unmapped, &self.unmapped);
        }
        harvest.event(record, 1);
        Ok(())
    }
}

/// Who is at which end of a connection, and what its message says in numbers.
fn ends<'a>(record: &mut Record<'a>, c: &Connection<'a>, unmapped: &mut String) {
    record.set_text(TextField::SessionUid, c.id);
    for (field, value) in [(TextField::UserName, c.user), (TextField::Database, c.database)] {
        if !value.is_empty() && !value.starts_with('(') {
            record.set_text(field, value);
        }
    }
    let is_address = c.host.parse::<IpAddr>().is_ok();
    let (host, port) = if c.id.starts_with('C') {
        (TextField::SrcIp, NumberField::SrcPort)
    } else {
        (TextField::DstIp, NumberField::DstPort)
    };
    if is_address {
        record.set_text(host, c.host);
        if let Some(n) = c.port {
            record.set_number(port, n);
        }
    } else if !c.host.is_empty() {
        json::push_member(unmapped, "connection_from", c.host);
    }
    for name in ["tls", "replication"] {
        let value = c.message.rsplit_once(&format!(" {name}=") as &str).and_then(|(_, v)| v.split(' ').next());
        if let Some(value) = value.filter(|v| *v != "no") {
            json::push_member(unmapped, name, value);
        }
    }
    let age = c.message.rsplit_once("(age=").and_then(|(_, age)| scaled(age.strip_suffix(')')?, 1_000_000));
    if let Some(us) = age {
        record.set_number(NumberField::DurationUs, us);
    }
}

/// `2026-03-02 21:14:05.123 UTC [7] LOG message`, before version 1.13 `2026-03-02 21:14:05.123 7 LOG message`, or a line
/// of syslog.
fn said(text: &str) -> Option<Said<'_>> {
    let Some((_, rest)) = local_us(text).filter(|_| text.as_bytes().get(10) == Some(&b' ')) else {
        let e: Envelope<'_> = envelope(text).filter(|e| e.program == PROGRAM)?;
        return Some(Said { time: e.time, host: e.host, pid: e.pid, level: "", message: e.message });
    };
    let mut time_end = text.len() - rest.len();
    let mut words = rest.strip_prefix(' ')?;
    if !words.starts_with('[') && !words.starts_with(|c: char| c.is_ascii_digit()) {
        let (zone, after) = words.split_once(' ')?;
        time_end += 1 + zone.len();
        words = after;
    }
    let (pid, words) = words.split_once(' ')?;
    let pid = pid.strip_prefix('[').and_then(|p| p.strip_suffix(']')).unwrap_or(pid);
    let (level, message) = words.split_once(' ')?;
    let is_one = !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()) && LEVELS.contains(&level);
    is_one.then_some(Said { time: &text[..time_end], host: "", pid, level, message })
}

fn connection(message: &str) -> Option<Connection<'_>> {
    let (id, rest) = message.split_once(": ")?;
    if !(id.starts_with("C-") || id.starts_with("S-")) || id.contains(' ') {
        return None;
    }
    let (database, of_user) = rest.split_once('/')?;
    let at = |at: usize| {
        let behind = &of_user[at + 1..];
        let end = behind.bytes().take(ADDRESS_BYTES_MAX + 1).position(|b| b == b' ').unwrap_or(behind.len());
        let (address, message) = behind.split_at(end);
        let message = message.strip_prefix(' ').unwrap_or(message);
        if end > ADDRESS_BYTES_MAX {
            return None;
        }
        let (host, port) = host_and_port(address)?;
        Some(Connection { id, database, user: &of_user[..at], host, port, message })
    };
    // A name may hold what looks like an address and a message. A login repeats it, which tells where it ends; where
    // nothing does, nobody is named.
    let ends_of_names = of_user.match_indices('@').map(|(i, _)| i).take_while(|i| *i <= NAME_BYTES_MAX);
    let mut candidates: Vec<Connection<'_>> = ends_of_names.filter_map(at).collect();
    let repeated = candidates.iter().position(|c| {
        let mut said = c.message.strip_prefix("login attempt: db=").and_then(|m| m.strip_prefix(c.database));
        said = said.and_then(|m| m.strip_prefix(" user=")).and_then(|m| m.strip_prefix(c.user));
        said.is_some_and(|m| m.starts_with(" tls="))
    });
    match (repeated, candidates.len()) {
        (Some(i), _) => Some(candidates.swap_remove(i)),
        (None, 1) => candidates.pop(),
        (None, _) => Some(Connection { id, message: rest, ..Connection::default() }),
    }
}

/// `192.0.2.1:41`, `[2001:db8::1]:41`, `unix(7):6432`, `unix:6432`.
fn host_and_port(address: &str) -> Option<(&str, Option<i64>)> {
    let (host, port) = address.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let is_one = host.parse::<IpAddr>().is_ok() || host.starts_with("unix");
    is_one.then_some((host, Some(port)))
}

impl Reader for PgBouncer {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let read = match said(line.text) {
            Some(said) => self.emit(&said, line.position, harvest),
            None => Err("no time, process and level as PgBouncer writes them".into()),
        };
        if let Err(reason) = read {
            harvest.unread(line, reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_ways_of_writing_come_apart() {
        let new = said("2026-03-02 21:14:05.123 UTC [7] LOG stats: 1").unwrap();
        assert_eq!(
            (new.time, new.pid, new.level, new.message),
            ("2026-03-02 21:14:05.123 UTC", "7", "LOG", "stats: 1")
        );
        let old = said("2026-03-02 21:14:05.123 7 WARNING x").unwrap();
        assert_eq!((old.time, old.pid, old.level, old.message), ("2026-03-02 21:14:05.123", "7", "WARNING", "x"));
        let sent = said("Mar  2 21:14:05 db1 pgbouncer[7]: C-0x1: x").unwrap();
        assert_eq!((sent.time, sent.host, sent.message), ("Mar  2 21:14:05", "db1", "C-0x1: x"));
        assert_eq!(said("2026-03-02 21:14:05.123 UTC [7] LOG:  x"), None);
        assert_eq!(said("Mar  2 21:14:05 db1 sshd[7]: x"), None);
    }

    #[test]
    fn a_name_that_looks_like_an_address_does_not_move_the_client() {
        let name = "x@198.51.100.9:1 login attempt: y";
        let line = format!("C-0x1: shop/{name}@192.0.2.7:41 login attempt: db=shop user={name} tls=no");
        let c = connection(&line).unwrap();
        assert_eq!((c.user, c.host, c.port), (name, "192.0.2.7", Some(41)));
        let line = format!("C-0x1: shop/{name}@192.0.2.7:41 closing because: client close request (age=5s)");
        let c = connection(&line).unwrap();
        assert_eq!((c.id, c.user, c.host), ("C-0x1", "", ""));
        let c = connection("S-0x1: shop/store@[2001:db8::1]:5432 new connection to server (from 192.0.2.1:6)").unwrap();
        assert_eq!((c.id, c.host, c.database), ("S-0x1", "2001:db8::1", "shop"));
        let c = connection("C-0x1: (nodb)/(nouser)@unix(9):6432 closing because: x").unwrap();
        assert_eq!((c.user, c.host), ("(nouser)", "unix(9)"));
        assert_eq!(connection("stats: 1 xacts/s"), None);
    }

    #[test]
    fn a_line_full_of_at_signs_is_read_in_bounded_time() {
        let c = connection(&format!("C-0x1: shop/{}", "@".repeat(4_000_000))).is_some_and(|c| c.user.is_empty());
        assert!(c);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([CS]-0x1: |[a/@:.\\[\\] 1é]|192.0.2.1:4|login attempt: db=){0,20}") {
            let _ = connection(&text);
            let _ = said(&format!("2026-03-02 21:14:05 {text}"));
        }
    }
}
