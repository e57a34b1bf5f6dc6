//! Reads PostgreSQL's log as syslog delivered it: records cut into numbered pieces, those of several processes mixed.

use crate::clock::{Clock, TimeFault};
use crate::harvest::{Harvest, Reason};
use crate::lines::Line;
use crate::postgres::pending::{Join, Pending, Place, section, unless};
use crate::postgres::prefix::{Matcher, Part, Told};
use crate::postgres::record::Writer;
use crate::postgres::words::Words;
use crate::reader::Reader;
use crate::syslog::{Envelope, Years, envelope};
use stanch_model::Instant;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

/// Records of different processes that may be open at a time.
const OPEN_MAX: usize = 64;
/// At how many bytes the server cuts a line; a character or two less where one would be cut in half.
const PIECE_BYTES: usize = 900 - 4;
/// What a tab becomes where a relay writes blanks for it.
const BLANKS: &str = "        ";

/// The reader.
pub(crate) struct Syslog {
    clock: Clock,
    years: Years,
    matcher: Matcher,
    words: Arc<Words>,
    programs: Arc<Vec<String>>,
    record_bytes_max: usize,
    writer: Writer,
    open: VecDeque<Open>,
    /// Emptied ones, kept for their room.
    free: Vec<Open>,
    remarked: bool,
}

/// A record under way, and the process that writes it.
#[derive(Default)]
struct Open {
    pending: Pending,
    host: String,
    pid: String,
    number: Option<u64>,
    /// Length of the last piece as the server wrote it.
    piece_bytes: usize,
    closed: bool,
}

/// The number before a piece: `[5-2]`, or `[2]` alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Number {
    record: Option<u64>,
    piece: Option<u64>,
}

impl Number {
    /// Whether it says that this is not a record's first piece.
    fn goes_on(self) -> bool {
        self.record.is_some() && self.piece.is_some_and(|n| n > 1)
    }
}

/// Whether a line is one of PostgreSQL's. `programs` are beginnings of `program[process`.
pub(crate) fn is_of(programs: &[String], e: &Envelope<'_>) -> bool {
    programs.iter().any(|begin| match begin.split_once('[') {
        Some((program, pid)) => e.program == program && e.pid.starts_with(pid),
        None => e.program.starts_with(begin.as_str()),
    })
}

/// Takes the number off a message, and a service's tag before it (`[GREEN] [15-1] `).
fn numbered(message: &str) -> (Number, &str) {
    let mut rest = message;
    for _ in 0..2 {
        // A prefix may begin with brackets too, but not with a blank behind the first that hold a number.
        let Some((inner, after)) = rest.strip_prefix('[').and_then(|r| r.split_once("] ")) else { break };
        let (record, piece) = inner.split_once('-').unwrap_or(("", inner));
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if !piece.is_empty() && all_digits(record) && all_digits(piece) {
            return (Number { record: record.parse().ok(), piece: piece.parse().ok() }, after);
        }
        let is_tag = inner.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') && after.starts_with('[');
        if !is_tag {
            break;
        }
        rest = after;
    }
    (Number::default(), message)
}

/// The line of a message that begins a record, for the sample from which a prefix is worked out.
pub(crate) fn first_piece(message: &str) -> Option<String> {
    let (number, text) = numbered(message);
    let text = text.split("#012").next().unwrap_or(text);
    (!number.goes_on()).then(|| unescaped(text).into_owned())
}

/// The message with its tabs, which relays write as `#011`.
fn unescaped(message: &str) -> Cow<'_, str> {
    if message.contains("#011") { Cow::Owned(message.replace("#011", "\t")) } else { Cow::Borrowed(message) }
}

/// What a reader is made of.
pub(crate) struct Parts {
    pub(crate) clock: Clock,
    pub(crate) years: Years,
    pub(crate) matcher: Matcher,
    pub(crate) words: Arc<Words>,
    pub(crate) programs: Arc<Vec<String>>,
    pub(crate) record_bytes_max: usize,
}

impl Syslog {
    pub(crate) fn new(parts: Parts) -> Syslog {
        let Parts { clock, years, matcher, words, programs, record_bytes_max } = parts;
        Syslog {
            writer: Writer::new(Arc::clone(&words)),
            open: VecDeque::new(),
            free: Vec::new(),
            remarked: false,
            clock,
            years,
            matcher,
            words,
            programs,
            record_bytes_max,
        }
    }

    fn take(&mut self, e: &Envelope<'_>, place: Place, harvest: &mut Harvest) -> Result<(), Reason> {
        let (number, message) = numbered(e.message);
        // A server that does not cut its messages writes newlines, which relays write as `#012`. Where it cuts, the same
        // letters are a client's.
        if number.record.is_none() && message.contains("#012") {
            let mut lines = message.split("#012").filter(|l| !l.is_empty());
            let first = unescaped(lines.next().unwrap_or_default());
            self.piece(e, number, &first, place, harvest)?;
            for line in lines {
                self.further(e, &unescaped(line), Place { lines: 0, ..place });
            }
            return Ok(());
        }
        self.piece(e, number, &unescaped(message), place, harvest)
    }

    /// One piece with its number taken off.
    fn piece(
        &mut self,
        e: &Envelope<'_>,
        number: Number,
        text: &str,
        place: Place,
        harvest: &mut Harvest,
    ) -> Result<(), Reason> {
        let at = self.open.iter().rposition(|o| !o.closed && o.host == e.host && o.pid == e.pid);
        if number.goes_on() {
            let at = at.filter(|at| self.open[*at].number == number.record);
            return unless(at.is_some_and(|at| self.go_on(at, text, place)));
        }
        if text.starts_with('\t') {
            return unless(at.is_some_and(|at| self.go_on(at, text, place)));
        }
        let mut told = Told::default();
        let Some((severity, message)) = self.matcher.read(text, &mut told) else {
            // Without its number a piece of a long line looks like any other text.
            let is_piece = number.piece.is_some_and(|n| n > 1) || text.starts_with(' ');
            if is_piece && at.is_some_and(|at| self.go_on(at, text, place)) {
                return Ok(());
            }
            return Err("no prefix and severity as the other lines have them".into());
        };
        let begins_section = section(self.words.english(severity)).is_some();
        if let Some(at) = at {
            let is_cut = number.piece.is_some_and(|n| n > 1) && self.open[at].is_cut_before(text);
            if is_cut || begins_section {
                return unless(self.go_on(at, text, place));
            }
        }
        told.set_if_empty(Part::Pid, process(e.pid));
        let time = self.time(told.get(Part::Time), e.time, harvest).map_err(|fault| fault.reason())?;
        let mut open = self.free.pop().unwrap_or_default();
        open.pending.begin(place, time, self.words.english(severity), &told, message);
        open.pending.device.push_str(e.host);
        for (mine, its) in [(&mut open.host, e.host), (&mut open.pid, e.pid)] {
            mine.clear();
            mine.push_str(its);
        }
        open.number = number.record;
        open.piece_bytes = text.len();
        open.closed = false;
        if let Some(at) = at {
            self.open[at].closed = true;
        }
        self.open.push_back(open);
        self.hand_on(OPEN_MAX, harvest);
        Ok(())
    }

    /// Adds a further piece to an open record: a line behind a tab, a section, or what was cut off a long line.
    fn go_on(&mut self, at: usize, text: &str, place: Place) -> bool {
        let max = self.record_bytes_max;
        let open = &mut self.open[at];
        let is_cut = open.is_cut_before(text);
        open.piece_bytes = text.len();
        if let Some(line) = text.strip_prefix('\t') {
            return open.pending.go_on(place, None, line, Join::Line, max);
        }
        // What was cut off comes from a client and may look like anything. Where it may as well be a new line it is one:
        // a line less could make a comment of what follows.
        if is_cut {
            let (text, join) = text.strip_prefix(BLANKS).map_or((text, Join::Cut), |line| (line, Join::Line));
            return open.pending.go_on(place, None, text, join, max);
        }
        let mut told = Told::default();
        if let Some((severity, message)) = self.matcher.read(text, &mut told)
            && let Some(section) = section(self.words.english(severity))
        {
            return open.pending.go_on(place, Some(section), message, Join::Line, max);
        }
        let line = text.strip_prefix(BLANKS).unwrap_or(text);
        open.pending.go_on(place, None, line, Join::Line, max)
    }

    /// A further line inside the same message.
    fn further(&mut self, e: &Envelope<'_>, text: &str, place: Place) {
        if let Some(at) = self.open.iter().rposition(|o| !o.closed && o.host == e.host && o.pid == e.pid) {
            self.open[at].piece_bytes = 0;
            self.go_on(at, text, place);
        }
    }

    fn time(&mut self, own: &str, around: &str, harvest: &mut Harvest) -> Result<Instant, TimeFault> {
        if !own.is_empty() {
            return self.clock.any(own);
        }
        let time = self.years.instant(around, &mut self.clock)?;
        if !self.remarked
            && let Some(remark) = self.years.remark()
        {
            harvest.remark(remark);
            self.remarked = true;
        }
        Ok(time)
    }

    /// Hands on what is closed, in the order of first lines; beyond so many, or so many bytes, the oldest in any case.
    fn hand_on(&mut self, open_max: usize, harvest: &mut Harvest) {
        let mut held: usize = self.open.iter().map(|o| o.pending.held()).sum();
        while let Some(front) = self.open.front()
            && (front.closed || self.open.len() > open_max || held > self.record_bytes_max)
        {
            let Some(mut done) = self.open.pop_front() else { return };
            held -= done.pending.held();
            done.pending.flush(&mut self.writer, harvest);
            self.free.push(done);
        }
    }
}

impl Open {
    /// Whether the server cut its last piece for its length, so that the next begins in the middle of a line. It cuts
    /// before a word that would not fit any more.
    fn is_cut_before(&self, next: &str) -> bool {
        let word = next.trim_start_matches([' ', '\t']);
        let blanks = next.len() - word.len();
        let word = word.find([' ', '\t']).unwrap_or(word.len());
        self.piece_bytes + blanks.min(1) + word > PIECE_BYTES
    }
}

/// `48` of `postgres.48`, as Heroku names processes.
fn process(pid: &str) -> &str {
    let number = pid.rsplit('.').next().unwrap_or(pid);
    if number.bytes().all(|b| b.is_ascii_digit()) { number } else { "" }
}

impl Reader for Syslog {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let place = Place { position: line.position, lines: 1 };
        let taken = match envelope(line.text) {
            None => Err("no time, host and program as syslog writes them".into()),
            Some(e) if !is_of(&self.programs, &e) => Err("another program's line".into()),
            Some(e) => self.take(&e, place, harvest),
        };
        if let Err(reason) = taken {
            harvest.unread(line, reason);
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        self.hand_on(0, harvest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_tags_come_off_and_other_brackets_stay() {
        let read = |text| {
            let (n, rest) = numbered(text);
            (n.record, n.piece, rest)
        };
        assert_eq!(read("[5-2] x"), (Some(5), Some(2), "x"));
        assert_eq!(read("[GREEN] [15-1]  sql"), (Some(15), Some(1), " sql"));
        assert_eq!(read("[7] x"), (None, Some(7), "x"));
        assert_eq!(read("[19-3] \tx"), (Some(19), Some(3), "\tx"));
        assert_eq!(read("[user=a] x"), (None, None, "[user=a] x"));
        assert_eq!(read("[GREEN] x"), (None, None, "[GREEN] x"));
        assert_eq!(read("[-] x"), (None, None, "[-] x"));
        assert_eq!(read("[972][client backend] x"), (None, None, "[972][client backend] x"));
        assert_eq!(read("x"), (None, None, "x"));
    }

    #[test]
    fn a_piece_was_cut_off_if_its_first_word_would_not_have_fitted() {
        let open = |piece_bytes| Open { piece_bytes, ..Open::default() };
        assert!(
            open(895).is_cut_before(" FROM t") && open(900).is_cut_before("x") && !open(100).is_cut_before("FROM t")
        );
        assert!(open(10).is_cut_before(&"x".repeat(890)));
    }
}
