//! Reads JSON audit logs: Percona's one object a line, and the list that MySQL Enterprise and Percona's filter write.

use crate::clock::Clock;
use crate::harvest::{Harvest, Reason};
use crate::json;
use crate::json_record::JsonRecords;
use crate::lines::Line;
use crate::mysql::audit_event::AuditEvent;
use crate::reader::Reader;
use crate::reader::make::Make;
use crate::targets::Target;
use stanch_model::Position;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The classes of records that servers write.
const CLASSES: &[&str] = &[
    "audit",
    "connection",
    "general",
    "table_access",
    "authentication",
    "authorization",
    "command",
    "query",
    "global_variable",
    "message",
    "parse",
    "stored_program",
    "server_startup",
    "server_shutdown",
];

/// The reader.
pub(crate) struct AuditJson {
    records: JsonRecords,
    emitter: Emitter,
}

struct Emitter {
    clock: Clock,
    keys: Arc<BTreeMap<String, Target>>,
}

impl AuditJson {
    pub(crate) fn new(make: Make<'_>) -> AuditJson {
        AuditJson {
            records: JsonRecords::new(make.bytes_max),
            emitter: Emitter { keys: make.format.keys.clone(), clock: make.clock },
        }
    }
}

impl Emitter {
    fn object(&mut self, text: &str, place: (Position, u64), harvest: &mut Harvest) {
        if let Err(reason) = self.emit(text, place, harvest) {
            harvest.unread_lines(place.0, place.1, reason);
        }
    }

    fn emit(&mut self, text: &str, place: (Position, u64), harvest: &mut Harvest) -> Result<(), Reason> {
        let members = json::members(text).ok_or("not a whole JSON object")?;
        let event = match members.as_slice() {
            [(name, inner)] if name == "audit_record" => one_level(json::members(inner).ok_or("not an audit record")?),
            _ => two_levels(members),
        };
        let event = event.ok_or("not an audit record")?;
        event.emit(&self.keys, &mut self.clock, place, harvest).map_err(|fault| fault.reason().into())
    }
}

type Members<'a> = Vec<(Cow<'a, str>, &'a str)>;

/// A record of Percona's audit_log: names and values.
fn one_level(members: Members<'_>) -> Option<AuditEvent<'_>> {
    let mut event = AuditEvent { is_utc: true, ..AuditEvent::default() };
    for (name, raw) in members {
        match name.as_ref() {
            "name" => event.name = json::text(raw)?,
            "host" => event.host = json::text(raw).unwrap_or_default(),
            _ => event.values.push((name, Cow::Borrowed(raw), true)),
        }
    }
    (!event.name.is_empty()).then_some(event)
}

/// A record of MySQL Enterprise or Percona's audit_log_filter: objects of values, each under its own name.
fn two_levels(members: Members<'_>) -> Option<AuditEvent<'_>> {
    let mut event = AuditEvent { is_utc: true, ..AuditEvent::default() };
    let (mut class, mut kind, mut command, mut account) = (Cow::default(), Cow::default(), Cow::default(), "");
    let mut login = "";
    for (name, raw) in members {
        match name.as_ref() {
            "class" => class = json::text(raw)?,
            "event" => kind = json::text(raw)?,
            _ if raw.starts_with('{') => {
                for (inner, raw) in json::members(raw)? {
                    match (name.as_ref(), inner.as_ref()) {
                        ("account", "host") => event.host = json::text(raw).unwrap_or_default(),
                        ("account", "user") => account = raw,
                        ("general_data", "command") => command = json::text(raw).unwrap_or_default(),
                        (outer, inner) => {
                            if (outer, inner) == ("login", "user") {
                                login = raw;
                            }
                            event.values.push((Cow::Owned(format!("{outer}.{inner}")), Cow::Borrowed(raw), true));
                        }
                    }
                }
            }
            _ => event.values.push((name, Cow::Borrowed(raw), true)),
        }
    }
    if !CLASSES.contains(&class.as_ref()) {
        return None;
    }
    // Who logged in acts; the account differs from it for proxied users only.
    if !account.is_empty() && account != login {
        event.values.push((Cow::Borrowed("account.user"), Cow::Borrowed(account), true));
    }
    event.changes_account = class == "authentication";
    event.name = match (class.as_ref(), kind.as_ref()) {
        ("audit", "") => Cow::Borrowed("startup"),
        ("general", "status") if !command.is_empty() => command.clone(),
        ("audit" | "connection", _) | ("table_access", _) => kind,
        (class, kind) if kind.starts_with(class) || kind.starts_with("auth_") => Cow::Owned(kind.to_owned()),
        (class, kind) => Cow::Owned(format!("{class}_{kind}").trim_end_matches('_').to_owned()),
    };
    if class == "general" && event.name != command && !command.is_empty() {
        event.text("general_data.command", command);
    }
    Some(event)
}

impl Reader for AuditJson {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let emitter = &mut self.emitter;
        self.records.line(line, harvest, &mut |text, place, harvest| emitter.object(text, place, harvest));
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        let emitter = &mut self.emitter;
        self.records.finish(harvest, &mut |text, place, harvest| emitter.object(text, place, harvest));
    }
}
