//! Reads jsonlog: one object a record, a line each.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::json;
use crate::lines::Line;
use crate::postgres::csv::Column;
use crate::postgres::record::{PgRecord, Writer};
use crate::postgres::words::Words;
use crate::reader::Reader;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The reader.
pub(crate) struct Json {
    clock: Clock,
    keys: Arc<BTreeMap<String, Column>>,
    writer: Writer,
}

impl Json {
    pub(crate) fn new(clock: Clock, keys: Arc<BTreeMap<String, Column>>, words: Arc<Words>) -> Json {
        Json { clock, keys, writer: Writer::new(words) }
    }
}

impl Reader for Json {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let Some(members) = json::members(line.text) else {
            return harvest.unread(line, "not one whole JSON object");
        };
        let values: Vec<(Column, Cow<'_, str>)> =
            members.iter().filter_map(|(key, raw)| Some((*self.keys.get(key.as_ref())?, json::text(raw)?))).collect();
        let mut record = PgRecord::default();
        let mut time = None;
        for (column, value) in &values {
            match column {
                Column::LogTime => time = Some(self.clock.iso(value)),
                column => column.put(&mut record, value),
            }
        }
        if record.severity.is_empty() {
            return harvest.unread(line, "no key for the severity");
        }
        match time {
            Some(Ok(time)) => self.writer.write(&record, (time, line.position, 1), harvest),
            Some(Err(fault)) => harvest.unread(line, fault.reason()),
            None => harvest.unread(line, "no key for the time"),
        }
    }

    fn is_line_by_line(&self) -> bool {
        true
    }
}
