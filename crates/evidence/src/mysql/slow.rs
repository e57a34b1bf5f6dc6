//! Reads the slow query log: statements with how long they took and how much they gave.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::held::Held;
use crate::lines::Line;
use crate::mysql::slow_record::{SlowRecord, TIMESTAMP};
use crate::mysql::sql::{Lexer, Place};
use crate::mysql::start::ServerStart;
use crate::reader::Reader;
use crate::reader::make::Make;
use crate::targets::Target;
use stanch_model::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The reader.
pub(crate) struct Slow {
    clock: Clock,
    keys: Arc<BTreeMap<String, Target>>,
    bytes_max: usize,
    lines_max: u64,
    start: ServerStart,
    /// Whether this log gives every statement its `SET timestamp`; all but the oldest servers do.
    has_timestamps: bool,
    time: Option<Instant>,
    pending: Pending,
}

/// The record under way.
struct Pending {
    /// All its lines; the text is its head's.
    head: Held,
    statement: String,
    statement_lines: u64,
    part: Part,
    lexer: Lexer,
    /// The same where a backslash means nothing.
    plain: Lexer,
    last_line_ended: bool,
    /// Whether the head shows that the statement was understood, once that was asked.
    ran: Option<bool>,
    before: Before,
}

/// Which part of a record comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// Lines with `#`, `use`, `SET timestamp`.
    #[default]
    Head,
    /// The statement, from its first line on.
    Statement,
}

/// How the statement before a record ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Before {
    /// As it should, or there was none.
    #[default]
    Ended,
    /// In a comment, so that the lines that follow could be a comment's too.
    InComment,
    /// Inside quotes, of a statement of which it is not known that it ever ran.
    Open,
}

impl Default for Pending {
    fn default() -> Self {
        Pending {
            head: Held::default(),
            statement: String::new(),
            statement_lines: 0,
            part: Part::Head,
            lexer: Lexer::new(true),
            plain: Lexer::new(false),
            last_line_ended: false,
            ran: None,
            before: Before::Ended,
        }
    }
}

/// Whether a line begins a record's head.
fn begins(text: &str) -> bool {
    text.starts_with("# Time: ") || text.starts_with("# User@Host: ")
}

impl Slow {
    pub(crate) fn new(make: Make<'_>) -> Slow {
        Slow {
            keys: make.format.keys.clone(),
            bytes_max: make.bytes_max,
            lines_max: make.lines_max(),
            clock: make.clock,
            start: ServerStart::default(),
            has_timestamps: false,
            time: None,
            pending: Pending::default(),
        }
    }

    fn begin(&mut self, line: &Line<'_>, before: Before) {
        let pending = &mut self.pending;
        pending.head.begin(line.text, line.position, 1);
        pending.statement.clear();
        pending.statement_lines = 0;
        pending.part = Part::Head;
        pending.lexer = Lexer::new(true);
        pending.plain = Lexer::new(false);
        pending.ran = None;
        pending.before = before;
    }

    /// A line of a record's head, or the first of its statement.
    fn head(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let text = line.text;
        let head = &mut self.pending.head;
        let is_of_head = text.starts_with('#') && !text.starts_with(ADMINISTRATOR)
            || text.starts_with("use ") && text.ends_with(';')
            || timestamp(text);
        if !is_of_head {
            self.pending.part = Part::Statement;
            return self.statement(line, harvest);
        }
        if !head.go_on(text, line.position, 1, self.bytes_max) {
            return harvest.unread(line, "goes on with a record that is too long");
        }
        if timestamp(text) {
            self.has_timestamps = true;
            // Whatever follows is the statement, even if it begins like a head: the server never writes an empty one.
            self.pending.part = Part::Statement;
        }
    }

    fn statement(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let pending = &mut self.pending;
        let fits =
            pending.statement.len() + line.text.len() < self.bytes_max && pending.statement_lines < self.lines_max;
        if !fits || !pending.head.cover(line.position, 1) {
            return harvest.unread(line, "goes on with a record that is too long");
        }
        if pending.statement_lines > 0 {
            pending.statement.push('\n');
        }
        pending.statement.push_str(line.text);
        pending.statement_lines += 1;
        pending.lexer.line(line.text);
        pending.plain.line(line.text);
        pending.last_line_ended = line.text.ends_with(';');
    }

    /// Whether the statement has come to its end where a new head seems to begin, and how. The server puts a semicolon
    /// behind every statement.
    fn ended(&mut self) -> Option<Before> {
        let pending = &mut self.pending;
        if pending.part == Part::Head {
            return Some(Before::Ended);
        }
        if pending.statement_lines == 0 || !pending.last_line_ended {
            return None;
        }
        if pending.lexer.is_open() {
            // What ran has closed its quotes: they close further down.
            let head = &pending.head;
            let ran = *pending.ran.get_or_insert_with(|| SlowRecord::of(head.text(), "").ran());
            return (!ran || !pending.plain.is_open()).then_some(Before::Open);
        }
        Some(if pending.lexer.place() == Place::LineComment { Before::InComment } else { Before::Ended })
    }

    fn flush(&mut self, harvest: &mut Harvest) {
        let Some((position, lines)) = self.pending.head.end() else { return };
        let pending = &self.pending;
        let record = SlowRecord::of(pending.head.text(), &pending.statement);
        if pending.statement_lines == 0 || self.has_timestamps && record.timestamp.is_none() {
            return harvest.unread_lines(position, lines, "the head of a record without its statement");
        }
        let time = match record.time(&mut self.clock) {
            Ok(time) => time,
            Err(fault) => match self.time {
                // The oldest servers write the time only when it changes.
                Some(time) if !self.has_timestamps => time,
                _ => return harvest.unread_lines(position, lines, fault.reason()),
            },
        };
        self.time = Some(time);
        self.start.emit(Some(time), harvest);
        let doubt = match pending.before {
            Before::Open => Some(super::session::DOUBT_OPEN_STATEMENT),
            Before::InComment if !pending.lexer.has_code() => {
                Some("it holds no more than comments and stands behind one; this may be part of the statement before")
            }
            _ if pending.lexer.is_open() => Some(super::session::DOUBT_OPEN),
            _ => None,
        };
        record.emit((time, position, lines), &self.keys, doubt, harvest);
    }
}

/// What stands for a statement where a client sent none.
const ADMINISTRATOR: &str = "# administrator command: ";

/// Whether a line sets the statement's time: `SET timestamp=1772486045;`, `SET insert_id=5,timestamp=1772486045;`.
fn timestamp(text: &str) -> bool {
    let Some((settings, number)) = text.strip_suffix(';').and_then(|t| t.rsplit_once(TIMESTAMP)) else { return false };
    settings.starts_with("SET ")
        && settings.len() < 100
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

impl Reader for Slow {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let text = line.text;
        let is_under_way = self.pending.head.is_open();
        if begins(text) {
            let follows_time =
                self.pending.part == Part::Head && is_under_way && !self.pending.head.text().contains('\n');
            if follows_time && text.starts_with("# User@Host: ") && self.pending.head.text().starts_with("# Time: ") {
                return self.head(line, harvest);
            }
            match if is_under_way { self.ended() } else { Some(Before::Ended) } {
                Some(before) => {
                    self.flush(harvest);
                    self.begin(line, before);
                }
                None => self.statement(line, harvest),
            }
        } else if ServerStart::begins(text) {
            let in_doubt = is_under_way && self.pending.lexer.is_open();
            self.flush(harvest);
            self.start.begin(line, 1, in_doubt);
        } else if !is_under_way {
            if !self.start.go_on(line, 1) {
                harvest.unread(line, "goes on with a record whose beginning is not in this file");
            }
        } else if self.pending.part == Part::Head {
            self.head(line, harvest);
        } else {
            self.statement(line, harvest);
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        self.flush(harvest);
        self.start.emit(self.time, harvest);
    }
}
