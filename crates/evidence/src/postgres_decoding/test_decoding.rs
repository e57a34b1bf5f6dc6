//! Reads what the plugin test_decoding writes: a transaction's changes, then the moment at which it ended.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::held::Held;
use crate::json;
use crate::lines::Line;
use crate::postgres_decoding::{Change, NO_TIME, tuple};
use crate::reader::Reader;
use crate::reader::make::Make;
use stanch_model::{Instant, Position};

/// The reader. A transaction's time stands at its end, so that its changes wait for it.
pub(crate) struct TestDecoding {
    clock: Clock,
    bytes_max: usize,
    is_trial: bool,
    /// The record whose quotes are open, or whose message goes on.
    open: Held,
    /// The quote that is open in it.
    quote: Option<u8>,
    /// Bytes of a message that are still to come.
    message_bytes: usize,
    /// The transaction under way: its records' texts and where they stand.
    texts: String,
    waiting: Vec<(std::ops::Range<usize>, Position, u64)>,
    xid: String,
    /// The last commit's time: what a transaction is given that is too large to wait.
    last_commit: Option<Instant>,
    has_spilled: bool,
    /// Whether a change or a transaction's number has been seen.
    has_changes: bool,
}

impl TestDecoding {
    pub(crate) fn new(make: Make<'_>) -> TestDecoding {
        TestDecoding {
            clock: make.clock,
            bytes_max: make.bytes_max,
            is_trial: make.is_trial,
            open: Held::default(),
            quote: None,
            message_bytes: 0,
            texts: String::new(),
            waiting: Vec::new(),
            xid: String::new(),
            last_commit: None,
            has_spilled: false,
            has_changes: false,
        }
    }

    /// Takes a record that is whole.
    fn record(&mut self, harvest: &mut Harvest) {
        let Some((position, lines)) = self.open.end() else { return };
        let open = std::mem::take(&mut self.open);
        let text = open.text();
        if let Some(rest) = text.strip_prefix("BEGIN").filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
            self.give_up(harvest, "its transaction does not end before the next begins, so that its time is not known");
            rest.trim().clone_into(&mut self.xid);
            self.has_spilled = false;
            self.wait(text, position, lines, harvest);
        } else if text.starts_with("COMMIT") || text.starts_with("committing streamed transaction") {
            self.wait(text, position, lines, harvest);
            self.commit(text, harvest);
        } else if text.starts_with("message: transactional: 0") && self.waiting.is_empty() && !self.is_trial {
            harvest.unread_lines(position, lines, "a message outside any transaction, so without a time");
        } else {
            self.wait(text, position, lines, harvest);
        }
        self.open = open;
    }

    fn wait(&mut self, text: &str, position: Position, lines: u64, harvest: &mut Harvest) {
        if self.is_trial {
            return self.try_out(text, (position, lines), harvest);
        }
        if self.texts.len() + text.len() > self.bytes_max || self.has_spilled {
            self.spill(harvest);
            self.has_spilled = true;
        }
        let from = self.texts.len();
        self.texts.push_str(text);
        self.waiting.push((from..self.texts.len(), position, lines));
    }

    /// To tell whether the format fits, it does not matter when. The words that begin and end transactions are those of
    /// other texts too, as long as no change and no transaction's number is among them.
    fn try_out(&mut self, text: &str, place: (Position, u64), harvest: &mut Harvest) {
        self.has_changes |= text.starts_with("table ") || text.ends_with(|c: char| c.is_ascii_digit() || c == ')');
        if self.has_changes {
            self.emit(text, Instant(0), place, harvest);
        } else {
            harvest.unread_lines(place.0, place.1, "a transaction without a change");
        }
    }

    /// Hands on what waits, of a transaction too large to wait for its end.
    fn spill(&mut self, harvest: &mut Harvest) {
        match self.last_commit {
            Some(time) => self.hand_on(time, true, harvest),
            None => self.give_up(harvest, "its transaction is too large, and no commit before it tells a time"),
        }
    }

    fn commit(&mut self, text: &str, harvest: &mut Harvest) {
        let written = text.rsplit_once("(at ").and_then(|(_, time)| time.trim_end().strip_suffix(')'));
        match written.map(|time| self.clock.any(time)) {
            Some(Ok(time)) => {
                self.hand_on(time, false, harvest);
                self.last_commit = Some(time);
            }
            Some(Err(fault)) => self.give_up(harvest, fault.reason()),
            None => self.give_up(harvest, NO_TIME),
        }
        self.has_spilled = false;
        self.xid.clear();
    }

    fn hand_on(&mut self, time: Instant, is_of_commit_before: bool, harvest: &mut Harvest) {
        let (texts, waiting) = (std::mem::take(&mut self.texts), std::mem::take(&mut self.waiting));
        for (range, position, lines) in &waiting {
            self.emit_with(&texts[range.clone()], time, (*position, *lines), is_of_commit_before, harvest);
        }
        self.texts = texts;
        self.waiting = waiting;
        self.texts.clear();
        self.waiting.clear();
    }

    fn emit(&self, text: &str, time: Instant, place: (Position, u64), harvest: &mut Harvest) {
        self.emit_with(text, time, place, false, harvest);
    }

    fn emit_with(&self, text: &str, time: Instant, place: (Position, u64), before: bool, harvest: &mut Harvest) {
        let Some(mut change) = self.change(text) else {
            return harvest.unread_lines(place.0, place.1, "not as test_decoding writes a row, or cut off");
        };
        if before {
            json::push_member(
                &mut change.further,
                "time_of",
                "the commit before; its transaction is too large to wait for",
            );
        }
        change.emit(time, place, harvest);
    }

    fn change<'a>(&'a self, text: &str) -> Option<Change<'a>> {
        let xid = self.xid.as_str();
        let other = |activity| Some(Change { activity, xid, ..Change::default() });
        if text.starts_with("table ") {
            return tuple::change(text, xid);
        }
        if let Some((head, content)) = text.strip_prefix("message: ").and_then(|t| t.split_once(" content:")) {
            let mut change = Change { activity: "message", xid, message: content.to_owned(), ..Change::default() };
            json::push_member(&mut change.further, "message", head);
            return Some(change);
        }
        if text.starts_with("BEGIN") {
            return other("begin");
        }
        if text.starts_with("COMMIT") || text.starts_with("committing streamed") {
            return other("commit");
        }
        Some(Change { activity: "transaction", xid, message: text.to_owned(), ..Change::default() })
    }

    fn give_up(&mut self, harvest: &mut Harvest, reason: &'static str) {
        for (_, position, lines) in self.waiting.drain(..) {
            harvest.unread_lines(position, lines, reason);
        }
        self.texts.clear();
    }
}

/// How lines begin that test_decoding writes.
const BEGINNINGS: &[&str] = &[
    "message: ",
    "PREPARE TRANSACTION ",
    "ROLLBACK PREPARED ",
    "opening a streamed block",
    "closing a streamed block",
    "streaming ",
    "committing streamed transaction",
    "aborting streamed",
    "preparing streamed",
];

/// What every change of a table says.
const COMMANDS: &[&str] = &[": INSERT:", ": UPDATE:", ": DELETE:", ": TRUNCATE:"];

fn begins(text: &str) -> bool {
    // SQL scripts have these words too, with a semicolon behind them.
    let is_transaction = |rest: &str| {
        let rest = rest.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit());
        rest.is_empty() || rest.starts_with("(at ") || rest.starts_with("PREPARED ")
    };
    match text.strip_prefix("BEGIN").or_else(|| text.strip_prefix("COMMIT")) {
        Some(rest) => is_transaction(rest),
        None if text.starts_with("table ") => COMMANDS.iter().any(|command| text.contains(command)),
        None => BEGINNINGS.iter().any(|beginning| text.starts_with(beginning)),
    }
}

/// A line without place and transaction in the log, which a query of the slot's function puts before it.
fn behind_place(text: &str) -> &str {
    let mut parts = text.splitn(3, '|');
    let (Some(lsn), Some(xid), Some(data)) = (parts.next(), parts.next(), parts.next()) else { return text };
    let is_lsn = lsn.trim().split_once('/').is_some_and(|(high, low)| {
        let is_hex = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex(high) && is_hex(low)
    });
    let is_xid = !xid.trim().is_empty() && xid.trim().bytes().all(|b| b.is_ascii_digit());
    if is_lsn && is_xid { data.strip_prefix(' ').unwrap_or(data) } else { text }
}

/// How many bytes a message has, and how many of them stand on its first line.
fn message_bytes(text: &str) -> Option<(usize, usize)> {
    let (head, content) = text.strip_prefix("message: ")?.split_once(" content:")?;
    let (_, size) = head.rsplit_once(", sz: ")?;
    Some((size.parse().ok()?, content.len()))
}

impl Reader for TestDecoding {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        if self.open.is_open() {
            if !self.open.go_on(line.text, line.position, 1, self.bytes_max) {
                return harvest.unread(line, "goes on with a record that is too long");
            }
            self.message_bytes = self.message_bytes.saturating_sub(line.text.len() + 1);
            if self.quote.is_some() {
                self.quote = tuple::open_quote(self.quote, line.text);
            }
        } else {
            let text = behind_place(line.text);
            if !begins(text) {
                return harvest.unread(line, "nothing that test_decoding writes begins here");
            }
            self.open.begin(text, line.position, 1);
            // A message's text stands as it is, over so many bytes as are said.
            self.message_bytes = message_bytes(text).map_or(0, |(all, here)| all.saturating_sub(here));
            self.quote = if text.starts_with("table ") { tuple::open_quote(None, text) } else { None };
        }
        if self.message_bytes == 0 && self.quote.is_none() {
            self.record(harvest);
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        if let Some((position, lines)) = self.open.end() {
            harvest.unread_lines(position, lines, "the record is cut off: its quotes never close");
        }
        self.give_up(harvest, "its transaction does not end in this file, so that its time is not known");
    }
}
