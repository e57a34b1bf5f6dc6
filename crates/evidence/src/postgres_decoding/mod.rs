//! Reads what PostgreSQL's logical decoding writes as text: changes of rows, transaction by transaction.

pub(crate) mod test_decoding;
pub(crate) mod tuple;
pub(crate) mod wal2json;

use crate::formats::ReaderKind;
use crate::harvest::Harvest;
use crate::json;
use crate::reader::Reader;
use crate::reader::make::Make;
use stanch_model::event::Record;
use stanch_model::{EventClass, Instant, Position, TextField};

/// The reader of that kind, if it is one of these.
pub(crate) fn reader(make: Make<'_>) -> Option<Box<dyn Reader>> {
    Some(match make.format.reader {
        ReaderKind::PgTestDecoding => Box::new(test_decoding::TestDecoding::new(make)),
        ReaderKind::PgWal2json => Box::new(wal2json::Wal2json::new(make)),
        _ => return None,
    })
}

/// Why a change without a time is unread.
const NO_TIME: &str = "no time in this output; write it with the plugin's option include-timestamp";

/// The change of a row, or what else a transaction holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Change<'a> {
    /// `change`, `begin`, `commit`, `message`.
    pub(crate) activity: &'static str,
    /// `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`.
    pub(crate) command: &'static str,
    pub(crate) table: String,
    pub(crate) xid: &'a str,
    /// Values before and after, as JSON members.
    pub(crate) before: String,
    pub(crate) after: String,
    /// What else there is, as JSON members.
    pub(crate) further: String,
    pub(crate) message: String,
}

impl Change<'_> {
    /// Hands it on as an event.
    pub(crate) fn emit(&self, time: Instant, (position, lines): (Position, u64), harvest: &mut Harvest) {
        let mut unmapped = String::new();
        if !self.xid.is_empty() {
            json::push_member(&mut unmapped, "xid", self.xid);
        }
        for (name, members) in [("before", &self.before), ("after", &self.after)] {
            if !members.is_empty() {
                json::push_member_raw(&mut unmapped, name, &format!("{{{members}}}"));
            }
        }
        if !self.further.is_empty() {
            if !unmapped.is_empty() {
                unmapped.push(',');
            }
            unmapped.push_str(&self.further);
        }
        let unmapped = format!("{{{unmapped}}}");
        let mut record = Record::new(time, EventClass::DatastoreActivity, position);
        for (field, value) in [
            (TextField::Activity, self.activity),
            (TextField::QueryCommand, self.command),
            (TextField::Resource, &self.table),
            (TextField::Message, &self.message),
        ] {
            if !value.is_empty() {
                record.set_text(field, value);
            }
        }
        if unmapped.len() > 2 {
            record.set_text(TextField::Unmapped, &unmapped);
        }
        harvest.event(record, lines);
    }
}
