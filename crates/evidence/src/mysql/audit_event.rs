//! What a record of a MySQL audit log means, in whichever of its formats it came.

use crate::clock::{Clock, TimeFault, local_us};
use crate::harvest::Harvest;
use crate::mysql::account::Account;
use crate::mysql::sql;
use crate::targets::{Draft, Target};
use stanch_model::{EventClass, Instant, Position, TextField};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Ways to connect as audit logs name them, and as events do.
const PROTOCOLS: &[(&str, &str)] = &[
    ("tcp/ip", "tcp"),
    ("ssl/tls", "tls"),
    ("ssl", "tls"),
    ("socket", "unix"),
    ("named_pipe", "pipe"),
    ("named pipe", "pipe"),
    ("shared_memory", "memory"),
    ("shared memory", "memory"),
];

/// A record's values under their names, and what kind of record it is.
#[derive(Default)]
pub(crate) struct AuditEvent<'a> {
    /// What was done, as the log names it: `Query`, `Connect`, `query_start`.
    pub(crate) name: Cow<'a, str>,
    /// Whether its account is the one that was changed, not the one that acts.
    pub(crate) changes_account: bool,
    /// Name, value, whether the value is JSON.
    pub(crate) values: Vec<(Cow<'a, str>, Cow<'a, str>, bool)>,
    /// The client's name, which counts where there is no address.
    pub(crate) host: Cow<'a, str>,
    /// Whether a time without a zone is UTC.
    pub(crate) is_utc: bool,
}

impl<'a> AuditEvent<'a> {
    /// Adds a value that is text.
    pub(crate) fn text(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        self.values.push((name.into(), value.into(), false));
    }

    /// Hands it on as an event; what has no key goes to `unmapped`.
    pub(crate) fn emit(
        self,
        keys: &BTreeMap<String, Target>,
        clock: &mut Clock,
        (position, lines): (Position, u64),
        harvest: &mut Harvest,
    ) -> Result<(), TimeFault> {
        let time = self.time(keys, clock)?;
        let (mut class, activity) = meaning(&self.name);
        if self.changes_account {
            class = EventClass::AccountChange;
        }
        let mut draft = Draft::default();
        let mut has_address = false;
        let mut code = None;
        for (name, raw, is_json) in self.values {
            if matches!(raw.as_ref(), "" | "\"\"" | "null") {
                continue;
            }
            let Some(target) = keys.get(name.as_ref()) else {
                if is_json {
                    draft.unmapped_json(&name, &raw)
                } else {
                    draft.unmapped_text(&name, &raw)
                }
                continue;
            };
            let value = value_of_json(raw, is_json);
            match *target {
                Target::Time | Target::Ignore => {}
                Target::Text(TextField::StatusCode) => code = Some(value.into_owned()),
                Target::Text(TextField::Protocol) => {
                    let known = PROTOCOLS.iter().find(|(words, _)| value.eq_ignore_ascii_case(words));
                    draft.put(Target::Text(TextField::Protocol), known.map_or(value, |(_, name)| (*name).into()));
                }
                Target::Text(TextField::UserName) => put_user(&mut draft, value, &mut has_address),
                Target::Text(TextField::Query) => {
                    if let Some(command) = sql::command(&value) {
                        draft.put(Target::Text(TextField::QueryCommand), command);
                    }
                    draft.put(Target::Text(TextField::Query), value);
                }
                target => {
                    has_address |= target == Target::Text(TextField::SrcIp);
                    draft.put(target, value);
                }
            }
        }
        match self.host {
            host if host.is_empty() => {}
            host if has_address || self.changes_account => draft.unmapped_text("host", &host),
            host => draft.put(Target::Text(TextField::SrcIp), host),
        }
        put_outcome(&mut draft, class, &activity, code);
        draft.finish((time, class, position), |record| harvest.event(record, lines));
        Ok(())
    }

    fn time(&self, keys: &BTreeMap<String, Target>, clock: &mut Clock) -> Result<Instant, TimeFault> {
        let mut fault = TimeFault::NotATime;
        let times = || {
            let of_time = self.values.iter().filter(|(name, ..)| keys.get(name.as_ref()) == Some(&Target::Time));
            of_time.map(|(_, value, is_json)| if *is_json { value.trim_matches('"') } else { value.as_ref() })
        };
        // A count of microseconds says more than a date.
        let is_count = |value: &&str| value.bytes().all(|b| b.is_ascii_digit());
        for value in times().filter(is_count).chain(times().filter(|value| !is_count(value))) {
            let read = match local_us(value) {
                Some((us, "")) if self.is_utc => Ok(Instant(us)),
                _ => clock.any(value),
            };
            match read {
                Ok(time) => return Ok(time),
                Err(e) => fault = e,
            }
        }
        Err(fault)
    }
}

/// A JSON string's text; other JSON as it stands.
fn value_of_json(value: Cow<'_, str>, is_json: bool) -> Cow<'_, str> {
    match value {
        value if !is_json => value,
        Cow::Borrowed(raw) => crate::json::text(raw).unwrap_or_default(),
        Cow::Owned(raw) => Cow::Owned(crate::json::text(&raw).unwrap_or_default().into_owned()),
    }
}

/// A name alone, or `user[account] @ host [address]` as some records have it.
fn put_user<'a>(draft: &mut Draft<'a>, value: Cow<'a, str>, has_address: &mut bool) {
    let name = Target::Text(TextField::UserName);
    let Some(account) = Account::read(&value) else { return draft.put(name, value) };
    draft.put(name, account.user.to_owned());
    if !account.ip.is_empty() && !*has_address {
        draft.put(Target::Text(TextField::SrcIp), account.ip.to_owned());
        *has_address = true;
    }
}

fn put_outcome(draft: &mut Draft<'_>, class: EventClass, activity: &str, code: Option<String>) {
    let failed = code.as_deref().is_some_and(|code| code != "0");
    let is_statement = matches!(activity, "statement" | "execute" | "prepare");
    let activity = if failed && is_statement { "error".to_owned() } else { activity.to_owned() };
    let tells = code.is_some() && class != EventClass::EventLogActivity && activity != "logoff";
    draft.put(Target::Text(TextField::Activity), activity);
    if tells {
        draft.put(Target::Text(TextField::Status), if failed { "failure" } else { "success" });
    }
    if let Some(code) = code.filter(|_| failed) {
        draft.put(Target::Text(TextField::StatusCode), code);
    }
}

/// What a record's name means. Records about a statement's steps keep names of their own, so that it is one statement.
fn meaning(name: &str) -> (EventClass, Cow<'static, str>) {
    let known = match name {
        "Connect" | "Change user" | "connect" | "change_user" => (EventClass::Authentication, "logon"),
        "Quit" | "Disconnect" | "disconnect" => (EventClass::Authentication, "logoff"),
        "Pre Authenticate" | "pre_authenticate" => (EventClass::Authentication, "pre_authenticate"),
        "Audit" | "startup" => (EventClass::EventLogActivity, "start"),
        "NoAudit" | "shutdown" => (EventClass::EventLogActivity, "stop"),
        "Query" => (EventClass::DatastoreActivity, "statement"),
        "Execute" => (EventClass::DatastoreActivity, "execute"),
        "Prepare" => (EventClass::DatastoreActivity, "prepare"),
        "Init DB" => (EventClass::DatastoreActivity, "use"),
        "Close stmt" => (EventClass::DatastoreActivity, "close"),
        "TableRead" => (EventClass::DatastoreActivity, "read"),
        "TableInsert" => (EventClass::DatastoreActivity, "insert"),
        "TableUpdate" => (EventClass::DatastoreActivity, "update"),
        "TableDelete" => (EventClass::DatastoreActivity, "delete"),
        _ => {
            let words = name.to_ascii_lowercase().replace([' ', '/'], "_");
            return (EventClass::DatastoreActivity, Cow::Owned(words));
        }
    };
    (known.0, Cow::Borrowed(known.1))
}
