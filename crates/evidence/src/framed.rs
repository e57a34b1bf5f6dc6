//! Records inside a frame of lines that are no records: a list's brackets, an enclosing element.

use crate::harvest::{Harvest, Reason};
use crate::held::{Held, stretch};
use crate::lines::Line;
use stanch_model::Position;

/// Collects a record's lines. Lines of the frame are counted with the record that follows, or with the last one.
#[derive(Default)]
pub(crate) struct Framed {
    held: Held,
    /// Lines of the frame before any record.
    lead: Option<(Position, u64)>,
    /// Whether the record that is held has come to its end.
    is_whole: bool,
}

impl Framed {
    /// Whether a record has begun and not ended.
    pub(crate) fn is_open(&self) -> bool {
        self.held.is_open() && !self.is_whole
    }

    /// Whether a record waits that has come to its end.
    pub(crate) fn is_whole(&self) -> bool {
        self.held.is_open() && self.is_whole
    }

    /// The record's text so far.
    pub(crate) fn text(&self) -> &str {
        self.held.text()
    }

    /// Takes a line of the frame.
    pub(crate) fn frame(&mut self, line: &Line<'_>) {
        if self.held.cover(line.position, 1) {
            return;
        }
        match &mut self.lead {
            Some((place, lines)) => {
                stretch(place, line.position);
                *lines += 1;
            }
            None => self.lead = Some((line.position, 1)),
        }
    }

    /// Begins a record; `lines` is 0 for a second one on the same line.
    pub(crate) fn begin(&mut self, text: &str, position: Position, lines: u64) {
        let (mut place, count) = self.lead.take().unwrap_or((position, 0));
        stretch(&mut place, position);
        self.held.begin(text, place, count + lines);
        self.is_whole = false;
    }

    /// Adds a line. False if the record would be longer than allowed.
    pub(crate) fn go_on(&mut self, text: &str, line: &Line<'_>, bytes_max: usize) -> bool {
        self.held.go_on(text, line.position, 1, bytes_max)
    }

    /// The record has come to its end.
    pub(crate) fn close(&mut self) {
        self.is_whole = true;
    }

    /// Lets go of the record: where it stands and how many lines it has. Its text stays until the next begins.
    pub(crate) fn take(&mut self) -> Option<(Position, u64)> {
        self.held.end()
    }

    /// Counts a record that is held as unread.
    pub(crate) fn refuse(&mut self, harvest: &mut Harvest, reason: impl Into<Reason>) {
        if let Some((position, lines)) = self.take() {
            harvest.unread_lines(position, lines, reason);
        }
    }

    /// At the end of the file: a frame without a record is unread.
    pub(crate) fn finish(&mut self, harvest: &mut Harvest) {
        if let Some((position, lines)) = self.lead.take() {
            harvest.unread_lines(position, lines, "the frame of a log without a record");
        }
    }
}
