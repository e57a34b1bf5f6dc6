//! Reads Percona's audit log as CSV.

use crate::clock::Clock;
use crate::harvest::{Harvest, Reason};
use crate::held::Held;
use crate::lines::Line;
use crate::mysql::audit_event::AuditEvent;
use crate::reader::Reader;
use crate::reader::make::Make;
use crate::targets::Target;
use stanch_model::Position;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The columns behind name, record and time: of statements, of connections, of the log's own start and end.
const STATEMENT: &[&str] =
    &["COMMAND_CLASS", "CONNECTION_ID", "STATUS", "SQLTEXT", "USER", "HOST", "OS_USER", "IP", "DB"];
const CONNECTION: &[&str] =
    &["CONNECTION_ID", "STATUS", "USER", "PRIV_USER", "OS_LOGIN", "PROXY_USER", "HOST", "IP", "DB"];
const AUDIT: &[&str] = &["MYSQL_VERSION", "STARTUP_OPTIONS", "OS_VERSION"];

/// The reader.
pub(crate) struct AuditCsv {
    clock: Clock,
    keys: Arc<BTreeMap<String, Target>>,
    bytes_max: usize,
    /// The record whose quotes are open.
    held: Held,
}

impl AuditCsv {
    pub(crate) fn new(make: Make<'_>) -> AuditCsv {
        AuditCsv { keys: make.format.keys.clone(), clock: make.clock, bytes_max: make.bytes_max, held: Held::default() }
    }

    fn emit(&mut self, text: &str, place: (Position, u64), harvest: &mut Harvest) -> Result<(), Reason> {
        let mut fields = fields(text).ok_or("a field goes on behind its closing quote")?.into_iter();
        let (Some(name), Some(record), Some(time)) = (fields.next(), fields.next(), fields.next()) else {
            return Err("not the columns of an audit log".into());
        };
        let rest: Vec<_> = fields.collect();
        let is_number = |i: usize| rest.get(i).is_some_and(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()));
        let columns = match rest.len() {
            8 | 9 if is_number(0) => CONNECTION,
            8 | 9 if is_number(1) => STATEMENT,
            3 => AUDIT,
            _ => return Err("not the columns of an audit log".into()),
        };
        let mut event = AuditEvent { name, is_utc: true, ..AuditEvent::default() };
        event.text("TIMESTAMP", time);
        event.text("RECORD", record);
        for (column, value) in columns.iter().zip(rest) {
            if *column == "HOST" {
                event.host = value;
            } else {
                event.text(*column, value);
            }
        }
        event.emit(&self.keys, &mut self.clock, place, harvest).map_err(|fault| fault.reason().into())
    }

    fn hand_on(&mut self, harvest: &mut Harvest) {
        let Some(place) = self.held.end() else { return };
        let text = std::mem::take(&mut self.held);
        if let Err(reason) = self.emit(text.text(), place, harvest) {
            harvest.unread_lines(place.0, place.1, reason);
        }
        self.held = text;
    }
}

/// The fields of a whole record; quotes inside quotes are doubled.
fn fields(text: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut fields = Vec::with_capacity(12);
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(inner) => {
                let end = closing_quote(inner)?;
                let (field, after) = (&inner[..end], &inner[end + 1..]);
                let field =
                    if field.contains('"') { Cow::Owned(field.replace("\"\"", "\"")) } else { Cow::Borrowed(field) };
                (field, after)
            }
            None => {
                let (field, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
                (Cow::Borrowed(field), after)
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(fields),
        }
    }
}

/// Where the quote is that is not doubled.
fn closing_quote(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr(b'"', &bytes[at..])?;
        if bytes.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// Whether a line begins a record: `"Query","5_2026-03-02T21:14:05",`. Inside a field its quotes would be doubled.
fn begins(text: &str) -> bool {
    let Some((name, rest)) = text.strip_prefix('"').and_then(|t| t.split_once("\",\"")) else { return false };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    !name.contains('"') && digits > 0 && rest[digits..].starts_with('_')
}

/// Whether quotes are open at a text's end.
fn is_open(text: &str) -> bool {
    memchr::memchr_iter(b'"', text.as_bytes()).count() % 2 == 1
}

impl Reader for AuditCsv {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        if begins(line.text) {
            if let Some((position, lines)) = self.held.end() {
                harvest.unread_lines(position, lines, "the record is cut off: its quotes never close");
            }
            self.held.begin(line.text, line.position, 1);
            if !is_open(line.text) {
                self.hand_on(harvest);
            }
            return;
        }
        if !self.held.is_open() {
            return harvest.unread(line, "no record begins here");
        }
        if !self.held.go_on(line.text, line.position, 1, self.bytes_max) {
            return harvest.unread(line, "goes on with a record that is too long");
        }
        // The record was open, so that an odd number closes it.
        if is_open(line.text) {
            self.hand_on(harvest);
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        if let Some((position, lines)) = self.held.end() {
            harvest.unread_lines(position, lines, "the record is cut off: its quotes never close");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_as_csv_reads_back(values in prop::collection::vec("[a\",\n é]{0,8}", 1..14)) {
            let text = values.iter().map(|f| format!("\"{}\"", f.replace('"', "\"\""))).collect::<Vec<_>>().join(",");
            let read: Vec<String> = fields(&text).unwrap().into_iter().map(Cow::into_owned).collect();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn a_line_inside_a_field_never_begins_a_record(text in "[a\",_0-9]{0,40}") {
            let inside = text.replace('"', "\"\"");
            prop_assert!(!begins(&inside));
        }
    }
}
