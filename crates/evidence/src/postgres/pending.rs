//! A record in several lines, until it is whole.

use crate::harvest::{Harvest, Reason};
use crate::postgres::prefix::{Part, Told};
use crate::postgres::record::{PgRecord, Writer};
use stanch_model::{Instant, Position};

/// Lines that continue a record, under the words with which the server begins them. The first is the record's own.
const SECTIONS: [&str; 8] = ["", "DETAIL", "HINT", "QUERY", "CONTEXT", "STATEMENT", "LOCATION", "BACKTRACE"];
const STATEMENT: usize = 5;

/// Which section a word begins.
pub(crate) fn section(word: &str) -> Option<usize> {
    SECTIONS.iter().position(|s| *s == word)
}

/// Why a line cannot go on with a record.
pub(crate) const NOTHING_TO_GO_ON_WITH: &str = "goes on with a record that did not begin, or is too long";

/// The record that further lines may still belong to. Its buffers are kept.
#[derive(Default)]
pub(crate) struct Pending {
    pub(crate) time: Instant,
    pub(crate) device: String,
    position: Option<Position>,
    lines: u64,
    severity: String,
    told: [String; Part::COUNT],
    texts: [String; SECTIONS.len()],
    beside: String,
    last: usize,
    held: usize,
    /// Empty lines that belong to the record's text if more of it follows.
    blank: usize,
}

/// How a piece is joined to what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// It is a line of its own.
    Line,
    /// A long line was cut before it.
    Cut,
}

/// Where a piece of a record stands: its place, and how many lines it counts for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) position: Position,
    pub(crate) lines: u64,
}

impl Pending {
    /// Bytes held of it.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Begins a record. A section that belongs to nothing becomes one of its own.
    pub(crate) fn begin(&mut self, place: Place, time: Instant, severity: &str, told: &Told<'_>, message: &str) {
        self.position = Some(place.position);
        self.lines = place.lines;
        self.time = time;
        self.blank = 0;
        self.held = message.len();
        self.severity.clear();
        self.beside.clear();
        self.device.clear();
        self.texts.iter_mut().for_each(String::clear);
        for (mine, said) in self.told.iter_mut().zip(told.all()) {
            mine.clear();
            mine.push_str(said);
        }
        self.last = if severity == SECTIONS[STATEMENT] { STATEMENT } else { 0 };
        if self.last == 0 {
            self.severity.push_str(severity);
        }
        self.texts[self.last].push_str(message);
    }

    /// Whether what a prefix tells is from the same session.
    pub(crate) fn is_of_session(&self, told: &Told<'_>) -> bool {
        [Part::Pid, Part::SessionId].into_iter().all(|part| self.told[part as usize] == told.get(part))
    }

    /// Adds a piece to a section, or to the last. False if no record is open, or it would become too long.
    pub(crate) fn go_on(
        &mut self,
        place: Place,
        section: Option<usize>,
        text: &str,
        join: Join,
        bytes_max: usize,
    ) -> bool {
        if self.held + self.blank + text.len() >= bytes_max || !self.widen(place) {
            return false;
        }
        let begins = section.is_some();
        self.last = section.unwrap_or(self.last);
        let into = &mut self.texts[self.last];
        let before = into.len();
        if begins {
            self.blank = 0;
        }
        (0..std::mem::take(&mut self.blank)).for_each(|_| into.push('\n'));
        if join == Join::Line && (!begins || !into.is_empty()) {
            into.push('\n');
        }
        into.push_str(text);
        self.held += into.len() - before;
        true
    }

    /// An empty line: of the record, if more of it follows.
    pub(crate) fn blank(&mut self, place: Place, bytes_max: usize) -> bool {
        let fits = self.held + self.blank < bytes_max && self.widen(place);
        self.blank += usize::from(fits);
        fits
    }

    /// A line of another program that shares the server's output. It has no time of its own.
    pub(crate) fn beside(&mut self, place: Place, text: &str, bytes_max: usize) -> bool {
        if self.held + text.len() >= bytes_max || !self.widen(place) {
            return false;
        }
        if !self.beside.is_empty() {
            self.beside.push('\n');
        }
        self.beside.push_str(text);
        self.held += text.len() + 1;
        true
    }

    fn widen(&mut self, place: Place) -> bool {
        let Some(position) = &mut self.position else { return false };
        let end = place.position.offset + u64::from(place.position.length);
        position.length = u32::try_from(end.saturating_sub(position.offset)).unwrap_or(u32::MAX);
        self.lines += place.lines;
        true
    }

    /// Hands the record on, if one is open.
    pub(crate) fn flush(&mut self, writer: &mut Writer, harvest: &mut Harvest) {
        let Some(position) = self.position.take() else { return };
        let told = |part: Part| self.told[part as usize].as_str();
        let record = PgRecord {
            user: told(Part::User),
            database: told(Part::Database),
            pid: told(Part::Pid),
            connection_from: told(Part::Host),
            port: told(Part::Port),
            session_id: told(Part::SessionId),
            line_num: told(Part::LineNum),
            command_tag: told(Part::CommandTag),
            severity: &self.severity,
            sqlstate: told(Part::SqlState),
            message: &self.texts[0],
            detail: &self.texts[1],
            hint: &self.texts[2],
            internal_query: &self.texts[3],
            context: &self.texts[4],
            statement: &self.texts[STATEMENT],
            app: told(Part::App),
            backend_type: told(Part::BackendType),
            query_id: told(Part::QueryId),
            transaction_id: told(Part::TransactionId),
            local_host: told(Part::LocalHost),
            device: &self.device,
            beside: &self.beside,
        };
        writer.write(&record, (self.time, position, self.lines), harvest);
    }
}

/// A line's reason where nothing was open to take it.
pub(crate) fn unless(taken: bool) -> Result<(), Reason> {
    if taken { Ok(()) } else { Err(NOTHING_TO_GO_ON_WITH.into()) }
}
