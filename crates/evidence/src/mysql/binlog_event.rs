//! Events out of what mysqlbinlog prints, with what the lines before them have told.

use crate::clock::{Clock, TimeFault};
use crate::harvest::Harvest;
use crate::json;
use crate::mysql::binlog_head::{Head, Kind, column};
use crate::mysql::sql;
use stanch_model::event::Record;
use stanch_model::{EventClass, Instant, NumberField, Position, TextField};

/// The bit of sql_mode under which a backslash takes no meaning off a quote.
const NO_BACKSLASH_ESCAPES: u64 = 1 << 20;
/// Zones are at most so far from UTC, and a whole number of quarters of an hour.
const ZONE_US_MAX: i64 = 15 * 3_600 * 1_000_000;
const QUARTER_US: i64 = 15 * 60 * 1_000_000;

/// What is known where the reader stands.
#[derive(Default)]
pub(crate) struct Context {
    time: Option<Result<Instant, TimeFault>>,
    /// The head's time of day as printed, in microseconds as if it were UTC.
    local_us: Option<i64>,
    /// How far printed times are from UTC, once a statement has told it.
    zone_us: Option<i64>,
    end: Option<u64>,
    words: String,
    server: String,
    thread: String,
    gtid: String,
    database: String,
    duration_us: Option<i64>,
    error: String,
    sql_mode: u64,
    /// Database and table of the last table map.
    mapped: (String, String),
    /// Members of the next event's `unmapped`.
    unmapped: String,
    /// `unmapped` of the event that is handed on.
    told: String,
}

impl Context {
    /// Where nothing is known. To tell whether the format fits, it does not matter when.
    pub(crate) fn new(is_trial: bool) -> Context {
        Context { time: is_trial.then_some(Ok(Instant(0))), ..Context::default() }
    }

    /// A head has come.
    pub(crate) fn head(&mut self, head: &Head<'_>, clock: &mut Clock) {
        self.local_us = head.stamp.local_us();
        self.time = Some(match (self.local_us, self.zone_us) {
            (Some(local), Some(zone)) => Ok(Instant(local - zone)),
            _ => head.stamp.read(clock),
        });
        self.end = head.end;
        copy(&mut self.words, head.words);
        copy(&mut self.server, head.server);
        if head.kind == Kind::Part && head.words.contains("GTID") {
            // A new transaction, of whoever.
            self.thread.clear();
            copy(
                &mut self.gtid,
                head.words.strip_prefix("GTID ").and_then(|w| w.split(' ').next()).unwrap_or_default(),
            );
        }
        if let Some((database, table)) = mapped_table(head.words) {
            copy(&mut self.mapped.0, database);
            copy(&mut self.mapped.1, table);
        }
        if head.kind == Kind::Statement {
            copy(&mut self.thread, head.value("thread_id").unwrap_or_default());
            self.duration_us = head.value("exec_time").and_then(|s| s.parse::<i64>().ok()?.checked_mul(1_000_000));
            copy(&mut self.error, head.value("error_code").unwrap_or_default());
        }
    }

    /// A line that sets something.
    pub(crate) fn setting(&mut self, text: &str) {
        if let Some(seconds) = text.strip_prefix("SET TIMESTAMP=") {
            self.timestamp(seconds);
        } else if let Some(name) = text.strip_prefix("use ") {
            let name = name.split("/*!*/").next().unwrap_or(name).trim_matches('`');
            copy(&mut self.database, name);
        } else if let Some(mode) = text.strip_prefix("SET @@session.sql_mode=") {
            self.sql_mode = digits(mode).and_then(|d| d.parse().ok()).unwrap_or(self.sql_mode);
        } else if let Some(gtid) = text.strip_prefix("SET @@SESSION.GTID_NEXT= '") {
            copy(&mut self.gtid, gtid.split('\'').next().unwrap_or(gtid));
        }
    }

    /// `SET TIMESTAMP=` is exact, and tells in which zone the heads' times are printed.
    fn timestamp(&mut self, written: &str) {
        let Some(seconds) = digits(written).and_then(|d| d.parse::<i64>().ok()?.checked_mul(1_000_000)) else { return };
        self.time = Some(Ok(Instant(seconds)));
        let Some(zone) = self.local_us.and_then(|local| local.checked_sub(seconds)) else { return };
        if (-ZONE_US_MAX..=ZONE_US_MAX).contains(&zone) && zone % QUARTER_US == 0 {
            self.zone_us = Some(zone);
        }
    }

    /// Where the next event begins.
    pub(crate) fn end(&self) -> Option<u64> {
        self.end
    }

    /// Whether a backslash takes the meaning off a quote.
    pub(crate) fn backslash(&self) -> bool {
        self.sql_mode & NO_BACKSLASH_ESCAPES == 0
    }

    /// Whether a statement does no more than begin a transaction.
    pub(crate) fn begins_transaction(&self, text: &str) -> bool {
        matches!(text, "BEGIN" | "START TRANSACTION")
    }

    /// Hands on a statement.
    pub(crate) fn emit_statement(
        &mut self,
        text: &str,
        doubt: Option<&str>,
        place: (Position, u64),
        harvest: &mut Harvest,
    ) {
        if let Some(doubt) = doubt {
            json::push_member(&mut self.unmapped, "doubt", doubt);
        }
        let failed = !matches!(self.error.as_str(), "" | "0");
        let (duration_us, error) = (self.duration_us.take(), std::mem::take(&mut self.error));
        self.emit(place, harvest, |record| {
            record.set_text(TextField::Activity, if failed { "error" } else { "statement" });
            record.set_text(TextField::Query, text);
            if let Some(command) = sql::command(text) {
                record.set_text(TextField::QueryCommand, command);
            }
            if !error.is_empty() {
                record.set_text(TextField::Status, if failed { "failure" } else { "success" });
            }
            if failed {
                record.set_text(TextField::StatusCode, &error);
            }
            if let Some(us) = duration_us {
                record.set_number(NumberField::DurationUs, us);
            }
        });
    }

    /// Hands on a row's change.
    pub(crate) fn emit_row(&mut self, row: Row, place: (Position, u64), harvest: &mut Harvest) {
        for (name, members) in [("before", &row.before), ("after", &row.after)] {
            if !members.is_empty() {
                json::push_member_raw(&mut self.unmapped, name, &format!("{{{members}}}"));
            }
        }
        if row.is_cut {
            json::push_member_raw(&mut self.unmapped, "truncated", "true");
        }
        self.emit(place, harvest, |record| {
            record.set_text(TextField::Activity, "change");
            record.set_text(TextField::QueryCommand, row.command);
            record.set_text(TextField::Database, &row.database);
            record.set_text(TextField::Resource, &row.table);
        });
    }

    /// Hands on changes of rows that are not printed.
    pub(crate) fn emit_unprinted(&mut self, place: (Position, u64), harvest: &mut Harvest) {
        let command = match self.words.as_bytes().first() {
            Some(b'W') => "INSERT",
            Some(b'U') => "UPDATE",
            _ => "DELETE",
        };
        let words = format!("{}; its rows are printed with -v", self.words);
        let (database, table) = self.mapped.clone();
        self.emit(place, harvest, |record| {
            record.set_text(TextField::Activity, "change");
            record.set_text(TextField::QueryCommand, command);
            record.set_text(TextField::Database, &database);
            record.set_text(TextField::Resource, &table);
            record.set_text(TextField::Message, &words);
        });
    }

    /// Hands on a transaction's end.
    pub(crate) fn emit_commit(&mut self, place: (Position, u64), harvest: &mut Harvest) {
        if let Some((_, xid)) = self.words.split_once("Xid = ") {
            json::push_member_plain(&mut self.unmapped, "xid", xid);
        }
        self.emit(place, harvest, |record| record.set_text(TextField::Activity, "commit"));
        self.gtid.clear();
        self.thread.clear();
    }

    /// Hands on what is of no further use.
    pub(crate) fn emit_other(&mut self, kind: Kind, place: (Position, u64), harvest: &mut Harvest) {
        let words = std::mem::take(&mut self.words);
        self.emit(place, harvest, |record| {
            record.class = EventClass::Base;
            if let Kind::Log(activity) = kind {
                record.class = EventClass::EventLogActivity;
                record.set_text(TextField::Activity, activity);
            }
            if !words.is_empty() {
                record.set_text(TextField::Message, &words);
            }
        });
    }

    /// Hands an event on with what all have.
    fn emit<'a>(
        &'a mut self,
        (position, lines): (Position, u64),
        harvest: &mut Harvest,
        fill: impl FnOnce(&mut Record<'a>),
    ) {
        let time = match self.time {
            Some(Ok(time)) => time,
            Some(Err(fault)) => {
                self.unmapped.clear();
                return harvest.unread_lines(position, lines, fault.reason());
            }
            None => {
                self.unmapped.clear();
                return harvest.unread_lines(position, lines, "no event of a binary log, so no time");
            }
        };
        let mut unmapped = std::mem::take(&mut self.unmapped);
        for (name, value) in [("gtid", &self.gtid), ("server_id", &self.server)] {
            if !value.is_empty() {
                json::push_member(&mut unmapped, name, value);
            }
        }
        if let Some(end) = self.end {
            json::push_member_raw(&mut unmapped, "end_log_pos", &end.to_string());
        }
        self.told = format!("{{{unmapped}}}");
        let mut record = Record::new(time, EventClass::DatastoreActivity, position);
        if !self.thread.is_empty() {
            record.set_text(TextField::SessionUid, &self.thread);
        }
        if !self.database.is_empty() {
            record.set_text(TextField::Database, &self.database);
        }
        fill(&mut record);
        record.set_text(TextField::Unmapped, &self.told);
        harvest.event(record, lines);
    }
}

/// `Table_map: `shop`.`customer` mapped to number 23`
fn mapped_table(words: &str) -> Option<(&str, &str)> {
    let rest = words.strip_prefix("Table_map: `")?;
    let (name, _) = rest.rsplit_once("` mapped to number ")?;
    name.split_once("`.`")
}

fn copy(to: &mut String, from: &str) {
    to.clear();
    to.push_str(from);
}

fn digits(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

/// A row's change under way: values before and after it, as JSON members.
pub(crate) struct Row {
    command: &'static str,
    database: String,
    table: String,
    before: String,
    after: String,
    is_after: bool,
    is_cut: bool,
}

impl Row {
    pub(crate) fn new(command: &'static str, database: &str, table: &str) -> Row {
        let (database, table) = (database.to_owned(), table.to_owned());
        Row { command, database, table, before: String::new(), after: String::new(), is_after: false, is_cut: false }
    }

    /// Takes the next of its lines.
    pub(crate) fn line(&mut self, text: &str, bytes_max: usize) {
        match text.trim_end() {
            "### WHERE" => self.is_after = false,
            "### SET" => self.is_after = true,
            _ => {
                let Some((name, value)) = column(text) else { return };
                if self.before.len() + self.after.len() + value.len() >= bytes_max {
                    self.is_cut = true;
                    return;
                }
                push_value(if self.is_after { &mut self.after } else { &mut self.before }, name, value);
            }
        }
    }
}

/// A value as printed: a string without its quotes, a number, or nothing.
fn push_value(members: &mut String, name: &str, value: &str) {
    match value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')) {
        Some(text) => json::push_member(members, name, text),
        None if value == "NULL" => json::push_member_raw(members, name, "null"),
        None => json::push_member_plain(members, name, value),
    }
}
