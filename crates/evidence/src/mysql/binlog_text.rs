//! Reads what mysqlbinlog and mariadb-binlog print: statements, and with -v the rows that were changed.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::held::{Held, KeptLine};
use crate::lines::Line;
use crate::mysql::binlog_event::{Context, Row};
use crate::mysql::binlog_head::{self, Head, Kind};
use crate::mysql::binlog_statement::{DELIMITER, Ended, StatementLines, event_position};
use crate::reader::Reader;
use crate::reader::make::Make;
use std::collections::VecDeque;

/// Bytes that may be looked at again for each that is read: a statement that hides its end costs no more than this.
const AGAIN_PER_BYTE: u64 = 4;
/// Bytes that may be looked at again in any case.
const AGAIN_BYTES: u64 = 1 << 20;

/// The reader.
pub(crate) struct BinlogText {
    clock: Clock,
    bytes_max: usize,
    lines_max: u64,
    context: Context,
    /// The lines of the event under way, and those before it that belong to it.
    held: Held,
    kind: Kind,
    /// Position of the last `# at`.
    at: Option<u64>,
    annotation: String,
    row: Option<Row>,
    statement: Option<StatementLines>,
    /// Lines that are to be read again, since they stand behind a statement's end.
    again: VecDeque<KeptLine>,
    again_bytes: u64,
    in_base64: bool,
}

impl BinlogText {
    pub(crate) fn new(make: Make<'_>) -> BinlogText {
        BinlogText {
            bytes_max: make.bytes_max,
            lines_max: make.lines_max(),
            clock: make.clock,
            context: Context::new(make.is_trial),
            held: Held::default(),
            kind: Kind::None,
            at: None,
            annotation: String::new(),
            row: None,
            statement: None,
            again: VecDeque::new(),
            again_bytes: AGAIN_BYTES,
            in_base64: false,
        }
    }

    fn take(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        if let Some(statement) = &mut self.statement {
            if statement.push(line) {
                self.end_statement(harvest);
            }
            return;
        }
        let text = line.text;
        if text.starts_with("###") {
            self.row_line(line, harvest);
        } else if let Some(position) = event_position(text) {
            self.flush(harvest);
            self.at = Some(position);
            self.cover(line);
        } else if let Some(head) = Head::read(text) {
            self.flush(harvest);
            self.cover(line);
            self.kind = head.kind;
            self.context.head(&head, &mut self.clock);
        } else {
            self.other(line, harvest);
        }
    }

    /// Counts a line in.
    fn cover(&mut self, line: &Line<'_>) {
        if !self.held.cover(line.position, 1) {
            self.held.begin("", line.position, 1);
        }
    }

    fn row_line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        if let Some((command, database, table)) = binlog_head::row(line.text) {
            if self.row.is_some() {
                self.flush(harvest);
            }
            self.cover(line);
            self.row = Some(Row::new(command, database, table));
            return;
        }
        let Some(row) = &mut self.row else { return harvest.unread(line, "a part of a row without its beginning") };
        row.line(line.text, self.bytes_max);
        self.cover(line);
    }

    /// A line that belongs to an event, or is none of this format.
    fn other(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let text = line.text;
        if self.in_base64 {
            self.in_base64 = !text.starts_with('\'');
            return self.cover(line);
        }
        let is_setting = text.ends_with(DELIMITER) && text != DELIMITER && starts_with_any(text, SETTINGS);
        match self.kind {
            Kind::Statement if !is_setting && self.row.is_none() => return self.begin_statement(line, harvest),
            Kind::Annotation if starts_with_any(text, &["#Q> ", "# "]) => self.annotate(text),
            _ if text.trim().is_empty() || text == DELIMITER || starts_with_any(text, KNOWN) => {
                self.in_base64 = text.starts_with("BINLOG '") && !text[8..].contains('\'');
            }
            _ if is_setting => {}
            _ => return harvest.unread(line, "no part of an event of a binary log"),
        }
        self.context.setting(text);
        self.cover(line);
    }

    fn annotate(&mut self, text: &str) {
        let words = text.strip_prefix("#Q> ").unwrap_or(&text[2..]);
        if self.annotation.len() + words.len() < self.bytes_max {
            if !self.annotation.is_empty() {
                self.annotation.push('\n');
            }
            self.annotation.push_str(words);
        }
    }

    fn begin_statement(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let end = self.context.end();
        let size = self.at.zip(end).and_then(|(at, end)| end.checked_sub(at)).filter(|_| self.again_bytes > 0);
        let limits = (self.lines_max, self.bytes_max as u64);
        let mut statement = StatementLines::new(size, end, self.context.backslash(), limits);
        let is_ended = statement.push(line);
        self.statement = Some(statement);
        if is_ended {
            self.end_statement(harvest);
        }
    }

    fn end_statement(&mut self, harvest: &mut Harvest) {
        let Some(ended) = self.statement.take().map(StatementLines::end) else { return };
        let Ended { mut lines, statement, delimiters, in_doubt, is_cut } = ended;
        let behind = lines.split_off(statement + delimiters);
        let mut text = String::new();
        for (i, kept) in lines.iter().enumerate() {
            self.cover(&kept.line());
            if i < statement {
                if i > 0 {
                    text.push('\n');
                }
                text.push_str(&kept.text);
            }
        }
        let doubt = if is_cut {
            Some("its end is not in this file")
        } else if in_doubt {
            Some("its end is not certain; what follows may be part of it")
        } else {
            None
        };
        self.kind = Kind::None;
        if self.context.begins_transaction(&text) {
            self.kind = Kind::Part;
        } else if let Some((position, lines)) = self.held.end() {
            self.context.emit_statement(&text, doubt, (position, lines), harvest);
        }
        for kept in behind.into_iter().rev() {
            self.again_bytes = self.again_bytes.saturating_sub(kept.raw.len() as u64 + 1);
            self.again.push_front(kept);
        }
    }

    /// Hands on the event under way; one that belongs to the next waits for it.
    fn flush(&mut self, harvest: &mut Harvest) {
        if matches!(self.kind, Kind::None | Kind::Part) && self.row.is_none() {
            return;
        }
        let kind = std::mem::replace(&mut self.kind, Kind::None);
        let row = self.row.take();
        let Some(place) = self.held.end() else { return };
        match (row, kind) {
            (Some(row), _) => self.context.emit_row(row, place, harvest),
            (None, Kind::Annotation) => {
                let text = std::mem::take(&mut self.annotation);
                self.context.emit_statement(&text, None, place, harvest);
            }
            (None, Kind::Statement) => harvest.unread_lines(place.0, place.1, "a statement that is not printed"),
            (None, Kind::Rows) => self.context.emit_unprinted(place, harvest),
            (None, Kind::Commit) => self.context.emit_commit(place, harvest),
            (None, kind) => self.context.emit_other(kind, place, harvest),
        }
    }
}

/// How lines begin that set something for a statement.
const SETTINGS: &[&str] = &["SET ", "use ", "/*!", "/*M!"];

/// How further lines begin that belong to an event.
const KNOWN: &[&str] = &[
    "#",
    "SET ",
    "use ",
    "/*!",
    "/*M!",
    "BINLOG '",
    "COMMIT",
    "ROLLBACK",
    "BEGIN",
    "START TRANSACTION",
    "DELIMITER",
    "XA ",
    "LOAD ",
];

fn starts_with_any(text: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| text.starts_with(beginning))
}

impl Reader for BinlogText {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        self.again_bytes = self.again_bytes.saturating_add((line.raw.len() as u64 + 1) * AGAIN_PER_BYTE);
        self.take(line, harvest);
        while let Some(kept) = self.again.pop_front() {
            self.take(&kept.line(), harvest);
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        while self.statement.is_some() {
            self.end_statement(harvest);
            while let Some(kept) = self.again.pop_front() {
                self.take(&kept.line(), harvest);
            }
        }
        if self.row.is_none() && matches!(self.kind, Kind::Part | Kind::None) {
            self.kind = Kind::Other;
            if self.context.end().is_none()
                && let Some((position, lines)) = self.held.end()
            {
                harvest.unread_lines(position, lines, "no event of a binary log, so no time");
            }
        }
        self.flush(harvest);
    }
}
