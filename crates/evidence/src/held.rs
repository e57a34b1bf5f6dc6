//! What is kept of lines until a record is whole: its text, its place, and how many lines it has.

use crate::harvest::{Harvest, Reason};
use crate::lines::Line;
use stanch_model::Position;

/// A record whose lines come one by one. Its buffer is kept from record to record.
#[derive(Default)]
pub(crate) struct Held {
    text: String,
    place: Option<(Position, u64)>,
}

impl Held {
    /// Whether a record is under way.
    pub(crate) fn is_open(&self) -> bool {
        self.place.is_some()
    }

    /// Its text so far, lines joined by newlines.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Starts a record, in place of one that was there.
    pub(crate) fn begin(&mut self, text: &str, position: Position, lines: u64) {
        self.text.clear();
        self.text.push_str(text);
        self.place = Some((position, lines));
    }

    /// Adds a line's text. False, and nothing changed, if no record is under way or it would be longer than allowed.
    pub(crate) fn go_on(&mut self, text: &str, position: Position, lines: u64, bytes_max: usize) -> bool {
        if self.text.len() + text.len() >= bytes_max || !self.cover(position, lines) {
            return false;
        }
        self.text.push('\n');
        self.text.push_str(text);
        true
    }

    /// Counts lines in that add nothing to its text. False if no record is under way.
    pub(crate) fn cover(&mut self, position: Position, lines: u64) -> bool {
        let Some((place, count)) = &mut self.place else { return false };
        stretch(place, position);
        *count += lines;
        true
    }

    /// Ends the record: where it stands and how many lines it has. Its text stays readable until the next begins.
    pub(crate) fn end(&mut self) -> Option<(Position, u64)> {
        self.place.take()
    }

    /// Where it stands and how many lines it has so far.
    pub(crate) fn place(&self) -> Option<(Position, u64)> {
        self.place
    }
}

/// Lengthens a place to the end of another that follows it.
pub(crate) fn stretch(place: &mut Position, to: Position) {
    let end = to.offset.saturating_add(u64::from(to.length));
    place.length = u32::try_from(end.saturating_sub(place.offset)).unwrap_or(u32::MAX);
}

/// One line, or several that belong together, kept until it is known what they are.
#[derive(Default)]
pub(crate) struct KeptLine {
    pub(crate) text: String,
    pub(crate) raw: Vec<u8>,
    pub(crate) position: Option<Position>,
    /// How many physical lines it stands for.
    pub(crate) lines: u64,
}

impl KeptLine {
    /// Takes in a line, in place of what it held.
    pub(crate) fn fill(&mut self, line: &Line<'_>) {
        self.text.clear();
        self.text.push_str(line.text);
        self.raw.clear();
        self.raw.extend_from_slice(line.raw);
        self.position = Some(line.position);
        self.lines = 1;
    }

    /// Adds a line that goes on with it.
    pub(crate) fn join(&mut self, next: &KeptLine) {
        self.text.push('\n');
        self.text.push_str(&next.text);
        self.raw.push(b'\n');
        self.raw.extend_from_slice(&next.raw);
        if let (Some(place), Some(to)) = (&mut self.position, next.position) {
            stretch(place, to);
        }
        self.lines += next.lines;
    }

    /// It as a line, as readers see one.
    pub(crate) fn line(&self) -> Line<'_> {
        let position = self.position.unwrap_or(Position { line: 0, offset: 0, length: 0 });
        Line { text: &self.text, raw: &self.raw, position }
    }

    /// Counts it as unread.
    pub(crate) fn refuse(&self, harvest: &mut Harvest, reason: impl Into<Reason>) {
        let line = self.line();
        if self.lines == 1 {
            harvest.unread(&line, reason);
        } else {
            harvest.unread_lines(line.position, self.lines, reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u64, offset: u64, length: u32) -> Position {
        Position { line, offset, length }
    }

    #[test]
    fn a_record_covers_its_first_to_its_last_byte() {
        let mut held = Held::default();
        assert!(!held.go_on("x", at(1, 0, 1), 1, 100));
        held.begin("ab", at(3, 10, 2), 1);
        assert!(held.go_on("cd", at(4, 13, 3), 1, 100));
        assert!(!held.go_on("cd", at(5, 17, 2), 1, 5));
        assert_eq!(held.text(), "ab\ncd");
        assert_eq!(held.end(), Some((at(3, 10, 6), 2)));
        assert!(!held.is_open());
    }
}
