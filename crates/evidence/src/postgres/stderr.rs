//! Reads PostgreSQL's stderr log: a prefix, a severity, a message; further lines that belong to it.

use crate::clock::Clock;
use crate::harvest::{Harvest, Reason};
use crate::lines::Line;
use crate::postgres::pending::{Join, Pending, Place, section, unless};
use crate::postgres::prefix::{Matcher, Part, Told};
use crate::postgres::record::Writer;
use crate::postgres::words::Words;
use crate::reader::Reader;
use stanch_model::Instant;
use std::sync::Arc;

/// How long after a record's first line its last may have been written, where each carries its own time.
const TOGETHER_US: i64 = 60_000_000;

/// The reader.
pub(crate) struct Stderr {
    clock: Clock,
    matcher: Matcher,
    words: Arc<Words>,
    /// Beginnings of lines that other programs write into the same file.
    beside: Arc<Vec<String>>,
    record_bytes_max: usize,
    writer: Writer,
    pending: Pending,
}

/// What is known of a text from around it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outer<'a> {
    /// When it was taken in.
    pub(crate) time: Option<Instant>,
    /// The machine.
    pub(crate) device: &'a str,
}

impl Stderr {
    pub(crate) fn new(
        clock: Clock,
        matcher: Matcher,
        words: Arc<Words>,
        beside: Arc<Vec<String>>,
        record_bytes_max: usize,
    ) -> Stderr {
        let writer = Writer::new(Arc::clone(&words));
        Stderr { clock, matcher, words, beside, record_bytes_max, writer, pending: Pending::default() }
    }

    /// Takes the next line of text, or says why it is none of this format.
    pub(crate) fn take(
        &mut self,
        text: &str,
        place: Place,
        outer: Outer<'_>,
        harvest: &mut Harvest,
    ) -> Result<(), Reason> {
        let max = self.record_bytes_max;
        if let Some(text) = text.strip_prefix('\t') {
            return unless(self.is_near(outer) && self.pending.go_on(place, None, text, Join::Line, max));
        }
        let mut told = Told::default();
        let Some((severity, message)) = self.matcher.read(text, &mut told) else {
            return self.without_prefix(text, place, outer, harvest);
        };
        let severity = self.words.english(severity);
        if let Some(section) = section(severity)
            && self.pending.is_of_session(&told)
            && self.is_near(outer)
            && self.pending.go_on(place, Some(section), message, Join::Line, max)
        {
            return Ok(());
        }
        self.pending.flush(&mut self.writer, harvest);
        let time = match (told.get(Part::Time), outer.time) {
            ("", Some(time)) => time,
            (written, _) => self.clock.any(written).map_err(|fault| fault.reason())?,
        };
        self.pending.begin(place, time, severity, &told, message);
        self.pending.device.push_str(outer.device);
        Ok(())
    }

    fn without_prefix(
        &mut self,
        text: &str,
        place: Place,
        outer: Outer<'_>,
        harvest: &mut Harvest,
    ) -> Result<(), Reason> {
        let max = self.record_bytes_max;
        let is_near = self.is_near(outer);
        if self.beside.iter().any(|b| text.starts_with(b.as_str())) && self.pending.beside(place, text, max) {
            return Ok(());
        }
        // Log shippers turn the tab into blanks, or take it away from an empty line.
        let goes_on = text.starts_with(' ') && !text.trim().is_empty();
        if is_near && goes_on && self.pending.go_on(place, None, text, Join::Line, max) {
            return Ok(());
        }
        self.flush(harvest);
        Err("no prefix and severity as the other lines have them".into())
    }

    /// Takes a further line of a text that holds several: whatever it looks like, it belongs to the record before,
    /// unless it is a section.
    pub(crate) fn take_further(&mut self, text: &str, place: Place) {
        let max = self.record_bytes_max;
        let mut told = Told::default();
        let (section, text) = match text.strip_prefix('\t') {
            Some(text) => (None, text),
            None => match self.matcher.read(text, &mut told) {
                Some((severity, message)) => match section(self.words.english(severity)) {
                    Some(section) => (Some(section), message),
                    None => (None, text),
                },
                None => (None, text),
            },
        };
        self.pending.go_on(place, section, text, Join::Line, max);
    }

    /// Whether a line may belong to the open record by its time. Exports may be in reverse, where the lines of a record
    /// stand before it.
    fn is_near(&self, outer: Outer<'_>) -> bool {
        outer.time.is_none_or(|t| (0..TOGETHER_US).contains(&(t.0.saturating_sub(self.pending.time.0))))
    }

    pub(crate) fn flush(&mut self, harvest: &mut Harvest) {
        self.pending.flush(&mut self.writer, harvest);
    }
}

impl Reader for Stderr {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let place = Place { position: line.position, lines: 1 };
        let is_blank = line.text.is_empty() && !line.raw.contains(&0);
        if is_blank && self.pending.blank(place, self.record_bytes_max) {
            return;
        }
        if let Err(reason) = self.take(line.text, place, Outer::default(), harvest) {
            harvest.unread(line, reason);
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        self.flush(harvest);
    }
}
