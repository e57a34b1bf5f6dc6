//! Reads lines of text by a pack's patterns; lines that go on with a record (a stack trace) become part of it.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::patterns::MessagePattern;
use crate::targets::{Draft, Target};
use regex::{CaptureLocations, Regex};
use stanch_model::{EventClass, Position, TextField};
use std::sync::Arc;

/// What a text pack says.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextFormat {
    pub(crate) patterns: Vec<MessagePattern>,
    /// Lines that go on with the record before them.
    pub(crate) continues: Option<Regex>,
    pub(crate) class: EventClass,
}

/// The reader.
pub(crate) struct Text {
    clock: Clock,
    format: Arc<TextFormat>,
    found: Vec<CaptureLocations>,
    record_bytes_max: usize,
    pending: Option<Pending>,
    /// The last record's room.
    spare: String,
}

/// A record to which further lines may belong.
struct Pending {
    text: String,
    /// Length of its first line, which alone follows a pattern.
    first: usize,
    position: Position,
    lines: u64,
}

impl Text {
    pub(crate) fn new(clock: Clock, format: Arc<TextFormat>, record_bytes_max: usize) -> Text {
        let found = format.patterns.iter().map(MessagePattern::locations).collect();
        Text { clock, format, found, record_bytes_max, pending: None, spare: String::new() }
    }

    /// Whether a line is in this format and has a time.
    fn begins(&mut self, text: &str) -> Result<(), &'static str> {
        let format = Arc::clone(&self.format);
        let mut draft = Draft::default();
        let follows = format.patterns.iter().zip(&mut self.found).any(|(p, found)| p.read(text, found, &mut draft));
        if !follows {
            return Err("it follows none of the format's patterns");
        }
        draft.time(&mut self.clock).map(drop).map_err(|fault| fault.reason())
    }

    fn emit(&mut self, text: &str, first: usize, (position, lines): (Position, u64), harvest: &mut Harvest) {
        let format = Arc::clone(&self.format);
        let mut draft = Draft::default();
        let (head, more) = (&text[..first], text[first..].trim_start_matches('\n'));
        let followed = format
            .patterns
            .iter()
            .zip(&mut self.found)
            .find_map(|(pattern, found)| pattern.read(head, found, &mut draft).then_some(pattern));
        let (Some(pattern), Ok(time)) = (followed, draft.time(&mut self.clock)) else {
            // `begins` said that it is one; only a changed reader could come here.
            return harvest.unread_lines(position, lines, "it follows none of the format's patterns");
        };
        if !more.is_empty() {
            let message = Target::Text(TextField::Message);
            match draft.text(message).map(|said| format!("{said}\n{more}")) {
                Some(joined) => draft.replace(message, joined),
                None => draft.put(message, more),
            }
        }
        let class = pattern.class.unwrap_or(format.class);
        draft.finish((time, class, position), |record| harvest.event(record, lines));
    }

    fn flush(&mut self, harvest: &mut Harvest) {
        if let Some(pending) = self.pending.take() {
            self.emit(&pending.text, pending.first, (pending.position, pending.lines), harvest);
            self.spare = pending.text;
        }
    }
}

impl Reader for Text {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let goes_on = self.format.continues.as_ref().is_some_and(|c| c.is_match(line.text));
        let begins = if goes_on {
            Err("it goes on with a record that did not begin, or is too long")
        } else {
            self.begins(line.text)
        };
        match begins {
            Ok(()) if self.format.continues.is_none() => {
                self.emit(line.text, line.text.len(), (line.position, 1), harvest);
            }
            Ok(()) => {
                self.flush(harvest);
                let mut text = std::mem::take(&mut self.spare);
                text.clear();
                text.push_str(line.text);
                self.pending = Some(Pending { first: text.len(), text, position: line.position, lines: 1 });
            }
            Err(reason) => match &mut self.pending {
                Some(pending) if goes_on && pending.text.len() + line.text.len() < self.record_bytes_max => {
                    pending.text.push('\n');
                    pending.text.push_str(line.text);
                    let end = line.position.offset + u64::from(line.position.length);
                    pending.position.length = u32::try_from(end - pending.position.offset).unwrap_or(u32::MAX);
                    pending.lines += 1;
                }
                _ => {
                    self.flush(harvest);
                    harvest.unread(line, reason);
                }
            },
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        self.flush(harvest);
    }

    fn is_line_by_line(&self) -> bool {
        self.format.continues.is_none()
    }
}
