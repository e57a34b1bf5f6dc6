//! Reads what the plugin wal2json writes: an object a transaction (format version 1) or a change (format version 2).

use crate::clock::Clock;
use crate::harvest::{Harvest, Reason};
use crate::json;
use crate::json_record::JsonRecords;
use crate::lines::Line;
use crate::postgres_decoding::{Change, NO_TIME};
use crate::reader::Reader;
use crate::reader::make::Make;
use stanch_model::{Instant, Position};
use std::borrow::Cow;

/// The reader.
pub(crate) struct Wal2json {
    records: JsonRecords,
    emitter: Emitter,
}

struct Emitter {
    clock: Clock,
    is_trial: bool,
}

impl Wal2json {
    pub(crate) fn new(make: Make<'_>) -> Wal2json {
        let (clock, is_trial) = (make.clock, make.is_trial);
        Wal2json { records: JsonRecords::new(make.bytes_max), emitter: Emitter { clock, is_trial } }
    }
}

type Members<'a> = Vec<(Cow<'a, str>, &'a str)>;

fn member<'a>(members: &Members<'a>, name: &str) -> Option<&'a str> {
    members.iter().find(|(n, _)| n == name).map(|(_, raw)| *raw).filter(|raw| *raw != "null")
}

fn text_of<'a>(members: &Members<'a>, name: &str) -> Cow<'a, str> {
    member(members, name).and_then(json::text).unwrap_or_default()
}

impl Emitter {
    fn object(&mut self, text: &str, place: (Position, u64), harvest: &mut Harvest) {
        if let Err(reason) = self.emit(text, place, harvest) {
            harvest.unread_lines(place.0, place.1, reason);
        }
    }

    fn emit(&mut self, text: &str, place: (Position, u64), harvest: &mut Harvest) -> Result<(), Reason> {
        let members = json::members(text).ok_or("not a whole JSON object")?;
        let version_2 = member(&members, "action").and_then(action);
        let list = member(&members, "change").and_then(json::items);
        if version_2.is_none() && list.is_none() {
            return Err("not an object of wal2json".into());
        }
        let time = self.time(&members)?;
        let xid = text_of(&members, "xid");
        let mut further = String::new();
        for name in ["lsn", "nextlsn"] {
            if let Some(raw) = member(&members, name) {
                json::push_member_raw(&mut further, name, raw);
            }
        }
        if let Some((activity, command)) = version_2 {
            let change = Change { activity, command, xid: &xid, further, ..version_2_change(&members) };
            change.emit(time, place, harvest);
            return Ok(());
        }
        let list = list.unwrap_or_default();
        if list.is_empty() {
            Change { activity: "commit", xid: &xid, further, ..Change::default() }.emit(time, place, harvest);
            return Ok(());
        }
        let changes: Option<Vec<Change<'_>>> = list.iter().map(|raw| version_1_change(raw)).collect();
        let changes = changes.ok_or("a change that is not as wal2json writes it")?;
        // Several changes stand on one line: the first counts it.
        let mut lines = place.1;
        for change in changes {
            let change = Change { xid: &xid, further: join(&further, &change.further), ..change };
            change.emit(time, (place.0, lines), harvest);
            lines = 0;
        }
        Ok(())
    }

    fn time(&mut self, members: &Members<'_>) -> Result<Instant, Reason> {
        if self.is_trial {
            return Ok(Instant(0));
        }
        let written = member(members, "timestamp").and_then(json::text).ok_or(NO_TIME)?;
        self.clock.any(&written).map_err(|fault| fault.reason().into())
    }
}

/// Whether a text is the beginning of a transaction in format version 1.
fn begins_transaction(text: &str) -> bool {
    const LOOKED_AT: usize = 512;
    let beginning = &text.as_bytes()[..text.len().min(LOOKED_AT)];
    let list = memchr::memmem::find(beginning, b"\"change\"").map(|at| &beginning[at + b"\"change\"".len()..]);
    list.is_some_and(|list| memchr::memmem::find(list, b"\"kind\"").is_some())
}

fn join(a: &str, b: &str) -> String {
    if a.is_empty() || b.is_empty() { format!("{a}{b}") } else { format!("{a},{b}") }
}

/// What an action's letter says.
fn action(raw: &str) -> Option<(&'static str, &'static str)> {
    Some(match raw {
        "\"I\"" => ("change", "INSERT"),
        "\"U\"" => ("change", "UPDATE"),
        "\"D\"" => ("change", "DELETE"),
        "\"T\"" => ("change", "TRUNCATE"),
        "\"B\"" => ("begin", ""),
        "\"C\"" => ("commit", ""),
        "\"M\"" => ("message", ""),
        _ => return None,
    })
}

fn table(members: &Members<'_>) -> String {
    let (schema, table) = (text_of(members, "schema"), text_of(members, "table"));
    if schema.is_empty() { table.into_owned() } else { format!("{schema}.{table}") }
}

fn version_2_change<'a>(members: &Members<'_>) -> Change<'a> {
    let mut change = Change { table: table(members), ..Change::default() };
    for (name, to) in [("identity", &mut change.before), ("columns", &mut change.after)] {
        let columns = member(members, name).and_then(json::items).unwrap_or_default();
        for column in columns.into_iter().filter_map(json::members) {
            if let Some((_, value)) = column.iter().find(|(name, _)| name == "value") {
                json::push_member_raw(to, &text_of(&column, "name"), value);
            }
        }
    }
    message(members, &mut change);
    change
}

/// A change inside a transaction's list; nothing if it is none.
fn version_1_change<'a>(raw: &str) -> Option<Change<'a>> {
    let members = json::members(raw)?;
    let kind = text_of(&members, "kind");
    let (activity, command) = match kind.as_ref() {
        "insert" => ("change", "INSERT"),
        "update" => ("change", "UPDATE"),
        "delete" => ("change", "DELETE"),
        "truncate" => ("change", "TRUNCATE"),
        "message" => ("message", ""),
        _ => return None,
    };
    let mut change = Change { activity, command, table: table(&members), ..Change::default() };
    pairs(&members, ("columnnames", "columnvalues"), &mut change.after);
    if let Some(old) = member(&members, "oldkeys").and_then(json::members) {
        pairs(&old, ("keynames", "keyvalues"), &mut change.before);
    }
    message(&members, &mut change);
    Some(change)
}

fn pairs(members: &Members<'_>, (names, values): (&str, &str), to: &mut String) {
    let items = |name| member(members, name).and_then(json::items).unwrap_or_default();
    for (name, value) in items(names).into_iter().zip(items(values)) {
        json::push_member_raw(to, &json::text(name).unwrap_or_default(), value);
    }
}

fn message(members: &Members<'_>, change: &mut Change<'_>) {
    if let Some(content) = member(members, "content").and_then(json::text) {
        change.message = content.into_owned();
        for name in ["prefix", "transactional"] {
            if let Some(raw) = member(members, name) {
                json::push_member_raw(&mut change.further, name, raw);
            }
        }
    }
}

impl Reader for Wal2json {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let emitter = &mut self.emitter;
        self.records.line(line, harvest, &mut |text, place, harvest| emitter.object(text, place, harvest));
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        let emitter = &mut self.emitter;
        // A transaction may be longer than what is looked at to tell whether the format fits.
        if emitter.is_trial
            && let Some((text, place)) = self.records.take_open()
        {
            if begins_transaction(text) {
                Change { activity: "change", ..Change::default() }.emit(Instant(0), place, harvest);
            } else {
                harvest.unread_lines(place.0, place.1, "an object that is cut off");
            }
        }
        self.records.finish(harvest, &mut |text, place, harvest| emitter.object(text, place, harvest));
    }
}
