//! Writes what was found in a binary log as events.

use super::event::Event;
use super::query::{Query, command};
use super::rows::{Read, Rows, Showing};
use super::table::Table;
use crate::harvest::Harvest;
use crate::json::Object;
use stanch_model::event::Record;
use stanch_model::{EventClass, Instant, NumberField, Position, TextField};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Bytes of text that one block of the file may become. Behind them, rows are only counted.
const TEXT_MAX: usize = 64 << 20;
/// Bytes that count for an event besides its text.
const EVENT_BYTES: usize = 200;
/// Tables whose rows are counted apart.
const COUNTED_MAX: usize = 1_000;
/// Bytes of a statement that stand with each of its rows but the first.
const STATEMENT_SHOWN: usize = 1_024;

/// The transaction that is being read.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// Its identity among all servers.
    pub(super) gtid: String,
    /// The last part of it.
    pub(super) sequence: Option<i64>,
    /// The connection that it was run in.
    pub(super) thread: Option<u32>,
}

/// The statement that rows were changed by.
#[derive(Debug, Default)]
pub(super) struct Statement {
    pub(super) text: String,
    /// What stands with further rows; nothing while the first has not come.
    beginning: Option<String>,
}

impl Statement {
    pub(super) fn begin(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.beginning = None;
    }

    pub(super) fn end(&mut self) {
        self.begin("");
    }

    /// From the second row on, only its beginning.
    fn shown(&mut self) {
        if self.beginning.is_none() {
            let end = self.text.floor_char_boundary(STATEMENT_SHOWN);
            let mark = if end < self.text.len() { "…" } else { "" };
            self.beginning = Some(format!("{}{mark}", &self.text[..end]));
        }
    }
}

/// Where an event stands and what it is part of.
pub(super) struct Place<'a> {
    pub(super) time_us: i64,
    pub(super) position: Position,
    pub(super) transaction: &'a Transaction,
}

/// Writes events, each into the room of the last.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// Whether the block has not been counted in an event yet.
    pub(super) is_due: bool,
    text: usize,
    hidden: BTreeMap<(String, &'static str), u64>,
    unmapped: Object,
    resource: String,
    session: String,
}

impl Writer {
    /// A block begins.
    pub(super) fn begin(&mut self) {
        self.is_due = true;
        self.text = 0;
    }

    /// Each row of an event.
    pub(super) fn rows(
        &mut self,
        place: &Place<'_>,
        rows: &Rows<'_>,
        table: &Table,
        statement: &mut Statement,
        harvest: &mut Harvest,
    ) -> Read {
        let Writer { is_due, text, hidden, unmapped, resource, session } = self;
        resource.clear();
        resource.extend([table.database.as_str(), ".", table.name.as_str()]);
        let mut out = Out { is_due, text, hidden };
        rows.each(table, unmapped, |unmapped| {
            if out.is_full() {
                out.hide(resource, rows.change.command());
                return Showing::Count;
            }
            let mut record = Record::new(Instant(place.time_us), EventClass::DatastoreActivity, place.position);
            record.set_text(TextField::Activity, "row_change");
            record.set_text(TextField::QueryCommand, rows.change.command());
            record.set_text(TextField::Resource, resource);
            record.set_text(TextField::Database, &table.database);
            record.set_number(NumberField::Rows, 1);
            if !statement.text.is_empty() {
                record.set_text(TextField::Query, statement.beginning.as_ref().unwrap_or(&statement.text));
            }
            of_transaction(&mut record, place.transaction, session, unmapped);
            out.event(record, unmapped, harvest);
            statement.shown();
            Showing::Text
        })
    }

    /// A statement that was written down as text.
    pub(super) fn query(
        &mut self,
        place: &Place<'_>,
        query: &Query<'_>,
        text: &str,
        parameters: &mut Object,
        harvest: &mut Harvest,
    ) {
        let Writer { is_due, text: used, hidden, unmapped, session, .. } = self;
        let mut out = Out { is_due, text: used, hidden };
        if out.is_full() {
            return out.hide("", "statement");
        }
        let mut record = Record::new(Instant(place.time_us), EventClass::DatastoreActivity, place.position);
        record.set_text(TextField::Activity, "statement");
        record.set_text(TextField::Query, text);
        let command = command(text);
        if let Some(command) = &command {
            record.set_text(TextField::QueryCommand, command);
        }
        if !query.database.is_empty() {
            record.set_text(TextField::Database, &query.database);
        }
        let code = query.error.to_string();
        record.set_text(TextField::Status, if query.error == 0 { "success" } else { "failure" });
        if query.error != 0 {
            record.set_text(TextField::StatusCode, &code);
        }
        if query.took_s > 0 {
            record.set_number(NumberField::DurationUs, i64::from(query.took_s) * 1_000_000);
        }
        unmapped.begin();
        if let Some(invoker) = &query.variables.invoker {
            unmapped.text("invoker", invoker);
        }
        if let Some(parameters) = parameters.finish() {
            unmapped.raw("parameters", parameters);
        }
        let transaction = Transaction {
            gtid: place.transaction.gtid.clone(),
            sequence: place.transaction.sequence,
            thread: Some(query.thread),
        };
        of_transaction(&mut record, &transaction, session, unmapped);
        out.event(record, unmapped, harvest);
    }

    /// Something about the log or the server itself.
    pub(super) fn of_log(
        &mut self,
        place: &Place<'_>,
        activity: &str,
        event: &Event<'_>,
        (name, words): (Option<&str>, Option<Cow<'_, str>>),
        harvest: &mut Harvest,
    ) {
        let Writer { is_due, text, hidden, unmapped, .. } = self;
        let mut record = Record::new(Instant(place.time_us), EventClass::EventLogActivity, place.position);
        record.set_text(TextField::Activity, activity);
        if let Some(name) = name {
            record.set_text(TextField::Resource, name);
        }
        if let Some(words) = &words {
            record.set_text(TextField::Message, words);
        }
        unmapped.begin();
        unmapped.raw("server_id", event.server);
        Out { is_due, text, hidden }.event(record, unmapped, harvest);
    }

    /// The block has ended: what was only counted is told.
    pub(super) fn end(&mut self, time_us: i64, position: Position, harvest: &mut Harvest) {
        for ((table, what), count) in std::mem::take(&mut self.hidden) {
            let mut record = Record::new(Instant(time_us), EventClass::DatastoreActivity, position);
            let words = format!("{count} more of this kind in one block of the log, too many to be shown");
            record.set_text(TextField::Activity, "row_change");
            record.set_text(TextField::QueryCommand, what);
            if !table.is_empty() {
                record.set_text(TextField::Resource, &table);
            }
            record.set_text(TextField::Message, &words);
            record.set_number(NumberField::Rows, i64::try_from(count).unwrap_or(i64::MAX));
            harvest.event(record, u64::from(std::mem::take(&mut self.is_due)));
        }
    }
}

/// Where events go, and how much may still.
struct Out<'a> {
    is_due: &'a mut bool,
    text: &'a mut usize,
    hidden: &'a mut BTreeMap<(String, &'static str), u64>,
}

impl Out<'_> {
    fn is_full(&self) -> bool {
        *self.text > TEXT_MAX
    }

    fn hide(&mut self, table: &str, what: &'static str) {
        let key = if self.hidden.len() < COUNTED_MAX { (table.to_owned(), what) } else { (String::new(), what) };
        *self.hidden.entry(key).or_default() += 1;
    }

    fn event<'a>(&mut self, mut record: Record<'a>, unmapped: &'a mut Object, harvest: &mut Harvest) {
        use stanch_model::EventFields;
        if let Some(unmapped) = unmapped.finish() {
            record.set_text(TextField::Unmapped, unmapped);
        }
        let lengths = [TextField::Unmapped, TextField::Query].map(|field| record.text(field).map_or(0, str::len));
        *self.text += lengths.iter().sum::<usize>() + EVENT_BYTES;
        harvest.event(record, u64::from(std::mem::take(self.is_due)));
    }
}

fn of_transaction<'a>(
    record: &mut Record<'a>,
    transaction: &Transaction,
    session: &'a mut String,
    unmapped: &mut Object,
) {
    if let Some(thread) = transaction.thread {
        *session = thread.to_string();
        record.set_text(TextField::SessionUid, session);
    }
    if let Some(sequence) = transaction.sequence {
        record.set_number(NumberField::Sequence, sequence);
    }
    if !transaction.gtid.is_empty() {
        unmapped.text("gtid", &transaction.gtid);
    }
}
