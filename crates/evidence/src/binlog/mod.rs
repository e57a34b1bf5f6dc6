//! Binary logs of MySQL and MariaDB: each row that was changed, each statement that was written down as text.
//!
//! Events are read by hand. `mysql_common` reads MySQL's too, but looks into forged lengths without a check, works out
//! each column's metadata anew for each value, and does not know MariaDB's kinds; it serves as the other opinion in
//! tests.

mod bytes;
mod event;
mod jsonb;
mod moment;
mod query;
mod rows;
mod table;
mod text;
mod transaction;
mod value;
mod writer;

use crate::harvest::Harvest;
use crate::json::Object;
use crate::lines::Line;
use crate::reader::Reader;
use event::{Description, Event, HEAD, decompressed, is_whole, kind};
use query::{Query, statement};
use rows::{Kind, Read, Rows};
use stanch_model::Position;
use std::borrow::Cow;
use std::io::Read as _;
use table::Tables;
use transaction::{gtid_of_mariadb, gtid_of_mysql, packed_events, parameter};
use writer::{Place, Statement, Transaction, Writer};

/// Bytes of one event inside a compressed transaction.
const EVENT_MAX: usize = 16 << 20;

/// Reads binary logs.
pub(crate) struct BinaryLog {
    has_checksums: bool,
    is_encrypted: bool,
    tables: Tables,
    transaction: Transaction,
    statement: Statement,
    /// Values that the next statement depends on.
    parameters: Object,
    has_parameters: bool,
    /// Of the last event that had a time.
    time_us: i64,
    writer: Writer,
}

impl Default for BinaryLog {
    fn default() -> Self {
        BinaryLog {
            // Until the log says otherwise: an event whose checksum is right then shows that it has one.
            has_checksums: true,
            is_encrypted: false,
            tables: Tables::default(),
            transaction: Transaction::default(),
            statement: Statement::default(),
            parameters: Object::default(),
            has_parameters: false,
            time_us: 0,
            writer: Writer::default(),
        }
    }
}

impl Reader for BinaryLog {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        self.writer.begin();
        let result = match line.position.offset {
            0 => Ok(()),
            _ => self.block(line.raw, line.position, harvest),
        };
        self.writer.end(self.time_us, line.position, harvest);
        match result {
            Ok(()) if self.writer.is_due => harvest.framing(line),
            Ok(()) => {}
            Err(reason) => {
                // What is broken behind an event that came out of the same block is a record of its own.
                harvest.further_records += u64::from(!self.writer.is_due);
                harvest.unread_lines(line.position, 1, reason);
            }
        }
    }

    fn takes_text(&self) -> bool {
        false
    }
}

impl BinaryLog {
    fn block(&mut self, block: &[u8], position: Position, harvest: &mut Harvest) -> Result<(), &'static str> {
        let event = Event::of(block).ok_or("an event cut off by the end of the file")?;
        if self.is_encrypted {
            return Err("encrypted; the server's mariadb-binlog --read-from-remote-server can write it in the open");
        }
        if event.kind == kind::FORMAT_DESCRIPTION {
            let described = event.description().ok_or("the description of a version of the format that is not read")?;
            if described.has_checksums && !is_whole(block) {
                return Err("an event whose checksum is wrong");
            }
            self.begin(&described, &event, position, harvest);
            return Ok(());
        }
        let event = if self.has_checksums {
            if !is_whole(block) {
                return Err("an event whose checksum is wrong");
            }
            event.without_checksum().ok_or("an event without room for its checksum")?
        } else {
            event
        };
        self.event(&event, position, harvest, 0)
    }

    fn begin(&mut self, described: &Description, event: &Event<'_>, position: Position, harvest: &mut Harvest) {
        self.has_checksums = described.has_checksums;
        self.tables.clear();
        self.statement.end();
        self.transaction = Transaction::default();
        if event.is_artificial() {
            return;
        }
        let activity = if described.is_start { "server_start" } else { "log_begin" };
        let open = if described.is_open { "; not closed, or copied while it was written to" } else { "" };
        let words = format!("version {}{open}", described.server_version);
        self.of_log(activity, event, (None, Some(words.into())), position, harvest);
    }

    fn of_log(
        &mut self,
        activity: &str,
        event: &Event<'_>,
        words: (Option<&str>, Option<Cow<'_, str>>),
        position: Position,
        harvest: &mut Harvest,
    ) {
        let time_us = self.time_of(event, 0);
        let place = Place { time_us, position, transaction: &self.transaction };
        self.writer.of_log(&place, activity, event, words, harvest);
    }

    /// When an event happened. Those that a server makes up have no time; the last one's stands for it.
    fn time_of(&mut self, event: &Event<'_>, microseconds: u32) -> i64 {
        if event.time_s != 0 {
            self.time_us = i64::from(event.time_s) * 1_000_000 + i64::from(microseconds);
        }
        self.time_us
    }

    /// An event of the log, or inside a compressed transaction.
    fn event(
        &mut self,
        event: &Event<'_>,
        position: Position,
        harvest: &mut Harvest,
        depth: u8,
    ) -> Result<(), &'static str> {
        const BROKEN: &str = "an event whose lengths contradict each other";
        if let Some(kind) = Kind::of(event.kind) {
            return self.rows(kind, event, position, harvest);
        }
        match event.kind {
            kind::TABLE_MAP => self.tables.describe(event.body),
            kind::QUERY => self.query(event, 0, position, harvest).ok_or(BROKEN),
            kind::EXECUTE_LOAD_QUERY => self.query(event, 13, position, harvest).ok_or(BROKEN),
            kind::QUERY_COMPRESSED => {
                self.query(event, 0, position, harvest).ok_or("a compressed statement that is broken")
            }
            kind::ROWS_QUERY | kind::ANNOTATE_ROWS => {
                // MySQL puts a length before it, which holds for short ones only.
                let text = if event.kind == kind::ROWS_QUERY { event.body.get(1..) } else { Some(event.body) };
                self.statement.begin(&query::unmarked(text.ok_or(BROKEN)?));
                Ok(())
            }
            kind::GTID | kind::ANONYMOUS_GTID | kind::GTID_TAGGED => {
                self.transaction = Transaction::default();
                if event.kind == kind::GTID {
                    let (gtid, sequence) = gtid_of_mysql(event.body).ok_or(BROKEN)?;
                    (self.transaction.gtid, self.transaction.sequence) = (gtid, Some(sequence));
                }
                Ok(())
            }
            kind::MARIADB_GTID => {
                let (gtid, sequence) = gtid_of_mariadb(event.body, event.server).ok_or(BROKEN)?;
                self.transaction = Transaction { gtid, sequence: Some(sequence), thread: None };
                Ok(())
            }
            kind::XID => {
                self.transaction = Transaction::default();
                Ok(())
            }
            kind::INTVAR | kind::USER_VAR => {
                if !std::mem::replace(&mut self.has_parameters, true) {
                    self.parameters.begin();
                }
                parameter(event, &mut self.parameters).ok_or(BROKEN)
            }
            kind::STOP => {
                self.of_log("server_stop", event, (None, None), position, harvest);
                Ok(())
            }
            kind::ROTATE if event.is_artificial() => Ok(()),
            kind::ROTATE => {
                let next = String::from_utf8_lossy(event.body.get(8..).ok_or(BROKEN)?);
                self.of_log("log_rotate", event, (Some(&next), None), position, harvest);
                Ok(())
            }
            kind::INCIDENT => {
                let words = String::from_utf8_lossy(event.body.get(3..).ok_or(BROKEN)?);
                self.of_log("events_lost", event, (None, Some(words)), position, harvest);
                Ok(())
            }
            kind::TRANSACTION_PAYLOAD if depth == 0 => self.packed(event, position, harvest),
            kind::START_ENCRYPTION => {
                self.is_encrypted = true;
                Ok(())
            }
            other if kind::is_framing(other) => Ok(()),
            _ => Err("an event of a kind that is not known"),
        }
    }

    /// A statement.
    fn query(&mut self, event: &Event<'_>, further: usize, position: Position, harvest: &mut Harvest) -> Option<()> {
        let query = Query::of(event.body, further)?;
        let plain = match event.kind {
            kind::QUERY_COMPRESSED => decompressed(query.text)?,
            _ => Cow::Borrowed(query.text),
        };
        let text = statement(&plain, query.variables.charset);
        match text.trim() {
            "BEGIN" => {
                self.transaction.thread = Some(query.thread);
                self.statement.end();
            }
            "COMMIT" => self.transaction = Transaction::default(),
            _ => {
                let time_us = self.time_of(event, query.variables.microseconds);
                let place = Place { time_us, position, transaction: &self.transaction };
                if !self.has_parameters {
                    self.parameters.begin();
                }
                self.writer.query(&place, &query, &text, &mut self.parameters, harvest);
                self.has_parameters = false;
            }
        }
        Some(())
    }

    /// Rows.
    fn rows(
        &mut self,
        kind: Kind,
        event: &Event<'_>,
        position: Position,
        harvest: &mut Harvest,
    ) -> Result<(), &'static str> {
        let rows = Rows::of(kind, event.body).ok_or("rows whose head is broken")?;
        let mut result = Ok(());
        if !rows.is_empty() {
            let table = self.tables.get(rows.table).ok_or("rows of a table that no event before describes")?;
            if !rows.fit(&table) {
                return Err("rows with other columns than their table");
            }
            let time_us = self.time_of(event, 0);
            let place = Place { time_us, position, transaction: &self.transaction };
            if self.writer.rows(&place, &rows, &table, &mut self.statement, harvest) == Read::Broken {
                result = Err("rows that end in the middle of a value, or of a type that is not known");
            }
        }
        if rows.is_last {
            self.tables.clear();
            self.statement.end();
        }
        result
    }

    /// The events of a transaction that MySQL compressed as a whole. They have no checksums of their own.
    fn packed(&mut self, event: &Event<'_>, position: Position, harvest: &mut Harvest) -> Result<(), &'static str> {
        const BROKEN: &str = "a compressed transaction that is broken";
        let mut events = packed_events(event.body).ok_or(BROKEN)?;
        let mut block = Vec::new();
        loop {
            block.clear();
            events.by_ref().take(HEAD as u64).read_to_end(&mut block).map_err(|_| BROKEN)?;
            if block.is_empty() {
                return Ok(());
            }
            let length = block.get(9..13).and_then(|n| n.try_into().ok()).map(u32::from_le_bytes).ok_or(BROKEN)?;
            let rest = (length as usize).checked_sub(HEAD).filter(|rest| *rest <= EVENT_MAX).ok_or(BROKEN)?;
            events.by_ref().take(rest as u64).read_to_end(&mut block).map_err(|_| BROKEN)?;
            let inner = Event::of(&block).ok_or(BROKEN)?;
            if let Err(reason) = self.event(&inner, position, harvest, 1) {
                harvest.further_records += 1;
                harvest.unread_lines(position, 1, reason);
            }
        }
    }
}

#[cfg(test)]
mod tests;
