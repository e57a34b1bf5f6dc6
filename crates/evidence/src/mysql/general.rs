//! Reads the general query log: what every connection sent, as it arrived.

use crate::clock::{Clock, TimeFault};
use crate::harvest::Harvest;
use crate::held::{Held, KeptLine};
use crate::json;
use crate::lines::Line;
use crate::mysql::account::{Denied, Login};
use crate::mysql::command::{Command, Entry, Head};
use crate::mysql::lookahead::{Look, Lookahead};
use crate::mysql::session::{DOUBT_OPEN, DOUBT_OPEN_STATEMENT, DOUBT_USER_NAME, Sessions};
use crate::mysql::sql::Lexer;
use crate::mysql::stamp::Stamp;
use crate::mysql::start::ServerStart;
use crate::reader::Reader;
use crate::reader::make::Make;
use stanch_model::Instant;

/// How far behind the last one a time may lie that is in doubt.
const JUMP_US_MAX: i64 = 3_600 * 1_000_000;

/// The reader.
pub(crate) struct General {
    clock: Clock,
    bytes_max: usize,
    lines_max: u64,
    ahead: Lookahead,
    start: ServerStart,
    sessions: Sessions,
    pending: Pending,
    /// The time that stood last; older servers write it only when it changes.
    time: Option<Result<Instant, TimeFault>>,
    /// Whether times are written with a `T`, once one has been seen: in such a log every record has its own.
    is_iso: Option<bool>,
    unmapped: String,
}

/// The record that further lines may still belong to.
#[derive(Default)]
struct Pending {
    argument: Held,
    id: u64,
    id_text: String,
    command: Command,
    time: Option<Result<Instant, TimeFault>>,
    in_open_statement: bool,
    in_user_name: bool,
    /// The server's words, where it refused the login.
    refusal: String,
}

impl General {
    pub(crate) fn new(make: Make<'_>) -> General {
        General {
            bytes_max: make.bytes_max,
            lines_max: make.lines_max(),
            clock: make.clock,
            ahead: Lookahead::default(),
            start: ServerStart::default(),
            sessions: Sessions::default(),
            pending: Pending::default(),
            // To tell whether the format fits, it does not matter when.
            time: make.is_trial.then_some(Ok(Instant(0))),
            is_iso: None,
            unmapped: String::new(),
        }
    }

    /// The beginning of a record, if a line is one in this log's own way of writing times.
    fn head<'a>(&self, text: &'a str) -> Option<Head<'a>> {
        let head = Head::read(text)?;
        let is_iso = head.stamp.as_ref().map(Stamp::is_iso);
        let fits = match (self.is_iso, is_iso) {
            (None, _) | (Some(false), None) => true,
            (Some(known), found) => found == Some(known),
        };
        fits.then_some(head)
    }

    fn look(&self, text: &str) -> Look {
        let Some(head) = self.head(text) else {
            return if Denied::ends(text) || Login::ends(text) { Look::LoginEnd } else { Look::Other };
        };
        let whole = match head.command {
            _ if Denied::begins(head.argument) => Denied::is_whole(head.argument),
            command if command.is_login() => head.argument.is_empty() || Login::read(head.argument).is_some(),
            _ => return Look::Other,
        };
        if whole { Look::Login } else { Look::OpenLogin }
    }

    fn take(&mut self, kept: &KeptLine, in_doubt: bool, harvest: &mut Harvest) {
        let line = kept.line();
        if let Some(head) = self.head(line.text) {
            return self.begin(&head, kept, in_doubt, harvest);
        }
        if ServerStart::begins(line.text) {
            let open = self.flush(None, harvest);
            self.start.begin(&line, kept.lines, open || in_doubt);
            self.is_iso = None;
        } else if self.pending.argument.is_open() {
            self.go_on(kept, harvest);
        } else if !self.start.go_on(&line, kept.lines) {
            kept.refuse(harvest, "goes on with a record whose beginning is not in this file");
        }
    }

    fn go_on(&mut self, kept: &KeptLine, harvest: &mut Harvest) {
        let line = kept.line();
        let held = &mut self.pending.argument;
        let is_short = held.place().is_some_and(|(_, lines)| lines.saturating_add(kept.lines) <= self.lines_max);
        if !is_short || !held.go_on(line.text, line.position, kept.lines, self.bytes_max) {
            kept.refuse(harvest, "goes on with a record that is too long");
        }
    }

    fn begin(&mut self, head: &Head<'_>, kept: &KeptLine, in_doubt: bool, harvest: &mut Harvest) {
        let time = match &head.stamp {
            Some(stamp) => {
                self.is_iso.get_or_insert(stamp.is_iso());
                Some(stamp.read(&mut self.clock))
            }
            None => self.time,
        };
        let id = head.id.parse().unwrap_or(u64::MAX);
        let position = kept.line().position;
        if self.refuses_the_login_before(head, id) {
            self.pending.refusal.push_str(head.argument);
            self.pending.argument.cover(position, kept.lines);
            self.pending.in_user_name |= in_doubt;
            self.flush(Some(id), harvest);
            return;
        }
        let open = self.flush(Some(id), harvest);
        // A time that is in doubt is not handed down to records that have none, unless it can be theirs.
        if !(open || in_doubt) || self.can_follow(time) {
            self.time = time;
        }
        self.start.emit(time.and_then(Result::ok), harvest);
        let pending = &mut self.pending;
        pending.argument.begin(head.argument, position, kept.lines);
        pending.id = id;
        pending.id_text.clear();
        pending.id_text.push_str(head.id);
        pending.command = head.command;
        pending.time = time;
        pending.in_open_statement = open;
        pending.in_user_name = in_doubt;
        pending.refusal.clear();
    }

    /// Whether a time can be the next after the last.
    fn can_follow(&self, time: Option<Result<Instant, TimeFault>>) -> bool {
        let (Some(Ok(last)), Some(Ok(time))) = (self.time, time) else { return self.time.is_none() };
        (last..=last.plus_us(JUMP_US_MAX)).contains(&time)
    }

    /// Whether a record says that the login before it, of the same connection, was refused.
    fn refuses_the_login_before(&self, head: &Head<'_>, id: u64) -> bool {
        let pending = &self.pending;
        pending.argument.is_open()
            && pending.command.is_login()
            && pending.id == id
            && Denied::begins(head.argument)
            && !Denied::begins(pending.argument.text())
    }

    /// Whether the next record of a connection, among the lines that wait, is another than a refusal.
    fn goes_on_later(&self, id: u64) -> bool {
        let heads = self.ahead.texts().filter_map(|text| self.head(text));
        let next = heads.filter(|head| head.id.parse() == Ok(id)).map(|head| !Denied::begins(head.argument)).next();
        next.unwrap_or(false)
    }

    /// Hands on what waits; `next` is the connection of the record that follows. True if it is a statement whose quotes
    /// do not close, so that what follows may be part of it.
    fn flush(&mut self, next: Option<u64>, harvest: &mut Harvest) -> bool {
        let Some((position, lines)) = self.pending.argument.end() else { return false };
        let time = match self.pending.time {
            Some(Ok(time)) => time,
            Some(Err(fault)) => {
                harvest.unread_lines(position, lines, fault.reason());
                return false;
            }
            None => {
                harvest.unread_lines(position, lines, "no time: this log writes it once, before this file begins");
                return false;
            }
        };
        let p = &self.pending;
        let text = p.argument.text();
        let is_open = p.command.has_statement() && !p.in_user_name && Lexer::behind(text, true).is_open();
        self.unmapped.clear();
        for (is_so, doubt) in
            [(p.in_user_name, DOUBT_USER_NAME), (p.in_open_statement, DOUBT_OPEN_STATEMENT), (is_open, DOUBT_OPEN)]
        {
            if is_so {
                json::push_member(&mut self.unmapped, "doubt", doubt);
                break;
            }
        }
        let is_certain = !p.in_open_statement && !p.in_user_name;
        let entry = Entry {
            command: p.command,
            id: p.id,
            id_text: &p.id_text,
            argument: text,
            refusal: &p.refusal,
            goes_on: p.command.is_login() && (next == Some(p.id) || self.goes_on_later(p.id)),
            is_certain,
        };
        entry.emit((time, position, lines), &mut self.sessions, &mut self.unmapped, harvest);
        is_open
    }
}

impl Reader for General {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let look = self.look(line.text);
        self.ahead.push(line, look);
        while let Some(waiting) = self.ahead.pop(false) {
            self.take(&waiting.kept, waiting.in_doubt, harvest);
            self.ahead.reuse(waiting);
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        while let Some(waiting) = self.ahead.pop(true) {
            self.take(&waiting.kept, waiting.in_doubt, harvest);
        }
        self.flush(None, harvest);
        self.start.emit(self.time.and_then(Result::ok), harvest);
    }
}
