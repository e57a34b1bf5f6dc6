//! Windows events as XML: `<Event>…</Event>`, one a line, over several lines, or several in one line.

mod parse;

use crate::clock::Clock;
use crate::harvest::{Harvest, Reason};
use crate::hosts::windows::table::WindowsTable;
use crate::lines::{Line, RawLine, trimmed};
use crate::reader::Reader;
use memchr::memmem;
use stanch_model::Position;
use std::sync::Arc;

/// The reader.
pub(crate) struct WindowsEventXml {
    clock: Clock,
    table: Arc<WindowsTable>,
    event_bytes_max: usize,
    /// The event under way; its room is kept.
    bytes: Vec<u8>,
    pending: Option<Pending>,
    /// The document's own first lines, until an event shows that they belong to one.
    before: Option<(Position, u64)>,
    has_events: bool,
}

/// An event whose end has not come yet.
struct Pending {
    position: Position,
    lines: u64,
    is_too_long: bool,
}

const BEGIN: &[u8] = b"<Event";
const END: &[u8] = b"</Event>";
/// What a line may hold that stands around events.
const AROUND: [&[u8]; 5] = [b"<?xml", b"<Events", b"</Events>", b"<!--", b"-->"];

impl WindowsEventXml {
    pub(crate) fn new(clock: Clock, table: Arc<WindowsTable>, event_bytes_max: usize) -> WindowsEventXml {
        let (bytes, pending, before) = (Vec::new(), None, None);
        WindowsEventXml { clock, table, event_bytes_max, bytes, pending, before, has_events: false }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let Some(pending) = &mut self.pending else { return };
        if self.bytes.len() + bytes.len() > self.event_bytes_max {
            pending.is_too_long = true;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Ends the event under way, at that place of the text.
    fn end(&mut self, end: u64, harvest: &mut Harvest) {
        let Some(Pending { mut position, lines, is_too_long }) = self.pending.take() else { return };
        position.length = u32::try_from(end - position.offset).unwrap_or(u32::MAX);
        // The line has been counted with the event before it.
        if lines == 0 {
            harvest.further_records += 1;
        }
        let written = self.write(is_too_long, (position, lines.max(1)), harvest);
        self.bytes.clear();
        if let Err(reason) = written {
            return harvest.unread_lines(position, lines.max(1), reason);
        }
        self.has_events = true;
        if let Some((_, lines)) = self.before.take() {
            harvest.lines_in_events += lines;
        }
    }

    fn cut_off(&mut self, harvest: &mut Harvest) {
        let Some(Pending { mut position, lines, .. }) = self.pending.take() else { return };
        position.length = u32::try_from(self.bytes.trim_ascii_end().len()).unwrap_or(u32::MAX);
        self.bytes.clear();
        if lines == 0 {
            harvest.further_records += 1;
        }
        harvest.unread_lines(position, lines.max(1), "an event that is cut off");
    }

    fn write(&mut self, is_too_long: bool, place: (Position, u64), harvest: &mut Harvest) -> Result<(), Reason> {
        if is_too_long {
            return Err("an event longer than the limit for a record".into());
        }
        let text = String::from_utf8_lossy(&self.bytes);
        let event = parse::event(&text).ok_or("an event that is no well-formed XML, or has no System part")?;
        event.write((&self.table, &mut self.clock), place, harvest)
    }

    /// A line in which no event stands.
    fn around(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let text = line.text.trim();
        if !AROUND.iter().any(|mark| text.as_bytes().starts_with(mark)) {
            return harvest.unread(line, "no Windows event, which stands between <Event …> and </Event>");
        }
        if self.has_events {
            return harvest.framing(line);
        }
        let (position, lines) = self.before.get_or_insert((line.position, 0));
        let end = line.position.offset + u64::from(line.position.length);
        position.length = u32::try_from(end - position.offset).unwrap_or(u32::MAX);
        *lines += 1;
    }
}

/// Where an event begins: `<Event`, but not `<EventData` or `<Events`.
fn begin(bytes: &[u8]) -> Option<usize> {
    let is = |at: &usize| matches!(bytes.get(at + BEGIN.len()), None | Some(b' ' | b'>' | b'\t' | b'\r' | b'/'));
    memmem::find_iter(bytes, BEGIN).find(is)
}

impl Reader for WindowsEventXml {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let raw = RawLine { bytes: line.raw, position: line.position, too_long: None };
        let range = trimmed(&raw);
        let (start, bytes) = (line.position.offset + range.start as u64, &line.raw[range]);
        let (mut at, mut uncounted) = (0, 1);
        // Looked for once: a line may hold many beginnings and not one end.
        let mut ends = memmem::find(bytes, END);
        loop {
            let mut looked_at = at;
            if self.pending.is_none() {
                let Some(begins) = begin(&bytes[at..]) else { break };
                at += begins;
                looked_at = at + BEGIN.len();
                let position = Position { line: line.position.line, offset: start + at as u64, length: 0 };
                self.pending = Some(Pending { position, lines: 0, is_too_long: false });
            }
            if ends.is_some_and(|end| end < at) {
                ends = memmem::find(&bytes[at..], END).map(|end| at + end);
            }
            let end = ends;
            let next = begin(&bytes[looked_at..end.unwrap_or(bytes.len())]).map(|begins| looked_at + begins);
            let upto = next.or(end.map(|end| end + END.len()));
            let part = &bytes[at..upto.unwrap_or(bytes.len())];
            if let Some(pending) = &mut self.pending
                && !(next.is_some() && part.trim_ascii().is_empty())
            {
                pending.lines += std::mem::take(&mut uncounted);
            }
            self.keep(part);
            match (upto, next) {
                (None, _) => return self.keep(b"\n"),
                // Another begins before this one has ended: it was cut off, and must not take the other with it.
                (Some(upto), Some(_)) => {
                    self.cut_off(harvest);
                    at = upto;
                }
                (Some(upto), None) => {
                    self.end(start + upto as u64, harvest);
                    at = upto;
                }
            }
        }
        if uncounted > 0 {
            self.around(line, harvest);
        }
    }

    fn passed(&mut self, _line: &RawLine<'_>, _length: u64) {
        if let Some(pending) = &mut self.pending {
            pending.is_too_long = true;
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        self.cut_off(harvest);
        if let Some((position, lines)) = self.before.take() {
            harvest.unread_lines(position, lines, "the head of a list without events");
        }
        self.has_events = false;
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::Formats;
    use crate::options::{Limits, ReadOptions};
    use crate::samples::read_text;
    use proptest::prelude::*;
    use stanch_packs::Packs;
    use std::sync::LazyLock;

    static FORMATS: LazyLock<Formats> = LazyLock::new(|| Formats::load(&Packs::shipped()).unwrap());

    const PIECES: [&str; 12] = [
        "<Event>",
        "<Event xmlns='x'>\n",
        "<System><EventID>4624</EventID><TimeCreated SystemTime='2026-03-02T21:14:05Z'/></System>",
        "<EventData><Data Name='IpAddress'>203.0.113.9</Data>\n</EventData>",
        "</Event>",
        "</Event>\n",
        "<Events>\n",
        "</Events>",
        "<?xml version='1.0'?>",
        "words",
        "\r\n",
        "\n\n",
    ];

    #[test]
    fn a_line_full_of_beginnings_is_read_in_bounded_time() {
        let text = format!("<Event>{}</Event>\n{}\n", PIECES[2], "<Event ".repeat(600_000));
        let (account, _) = read_text("x", text.as_bytes(), &ReadOptions::new(&FORMATS, "UTC"));
        assert_eq!((account.events, account.lines), (1, 600_001));
    }

    proptest! {
        #[test]
        fn every_line_is_counted_and_a_place_holds_its_event(picks in prop::collection::vec(0usize..16, 0..40), max in 60usize..400) {
            let event = format!("<Event>{}</Event>\n", PIECES[2]);
            let text: String = picks.iter().map(|i| PIECES.get(*i).copied().unwrap_or(&event)).collect();
            let limits = Limits { line_bytes_max: max, ..Limits::default() };
            let (account, kept) = read_text("x", text.as_bytes(), &ReadOptions { limits, ..ReadOptions::new(&FORMATS, "UTC") });
            prop_assert_eq!(account.lines, account.lines_in_events + account.unread_lines(), "{:?}", account);
            for place in kept.iter().flat_map(|b| &b.positions) {
                let from = place.offset as usize;
                let cut = &text[from..from + place.length as usize];
                prop_assert!(cut.starts_with("<Event") && cut.ends_with("</Event>"), "{cut:?}");
            }
        }
    }
}
