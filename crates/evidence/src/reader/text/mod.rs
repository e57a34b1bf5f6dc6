//! Reads lines of text by a pack's patterns; lines that go on with a record (a stack trace) become part of it.

pub(crate) mod behind;
mod record;
pub(crate) mod spans;

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::patterns::{InMessage, MessagePattern};
use crate::reader::rules::Rules;
use crate::targets::Draft;
use behind::Behind;
use regex::{CaptureLocations, Regex};
use spans::{Open, Span};
use stanch_model::Position;
use std::sync::Arc;

/// What a text pack says.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextFormat {
    pub(crate) patterns: Vec<MessagePattern>,
    /// Lines that go on with the record before them.
    pub(crate) continues: Option<Regex>,
    /// Stretches in which any line goes on.
    pub(crate) spans: Vec<Span>,
    /// JSON values behind the message.
    pub(crate) behind: Behind,
    pub(crate) rules: Rules,
}

impl TextFormat {
    /// Whether a record may have several lines.
    fn has_further_lines(&self) -> bool {
        self.continues.is_some() || !self.spans.is_empty()
    }
}

/// The reader.
pub(crate) struct Text {
    clock: Clock,
    format: Arc<TextFormat>,
    in_message: Arc<InMessage>,
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
    open: Open,
}

impl Text {
    pub(crate) fn new(
        clock: Clock,
        format: Arc<TextFormat>,
        in_message: Arc<InMessage>,
        record_bytes_max: usize,
    ) -> Text {
        let found = format.patterns.iter().map(MessagePattern::locations).collect();
        Text { clock, format, in_message, found, record_bytes_max, pending: None, spare: String::new() }
    }

    /// Whether a line is in this format and has a time.
    fn begins(&mut self, text: &str) -> Result<(), &'static str> {
        let format = Arc::clone(&self.format);
        let mut draft = Draft::default();
        let mut patterns = format.patterns.iter().zip(&mut self.found).filter(|(pattern, _)| !pattern.whole);
        if !patterns.any(|(pattern, found)| pattern.read(text, found, &mut draft)) {
            return Err("it follows none of the format's patterns");
        }
        draft.time(&mut self.clock).map(drop).map_err(|fault| fault.reason())
    }

    fn flush(&mut self, harvest: &mut Harvest) {
        if let Some(pending) = self.pending.take() {
            self.emit(&pending.text, pending.first, (pending.position, pending.lines), harvest);
            self.spare = pending.text;
        }
    }
}

impl Pending {
    fn take(&mut self, line: &Line<'_>, spans: &[Span]) {
        self.text.push('\n');
        self.text.push_str(line.text);
        let end = line.position.offset + u64::from(line.position.length);
        self.position.length = u32::try_from(end - self.position.offset).unwrap_or(u32::MAX);
        self.lines += 1;
        self.open.took(line.text, spans);
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
            Ok(()) if !self.format.has_further_lines() => {
                self.emit(line.text, line.text.len(), (line.position, 1), harvest);
            }
            Ok(()) => {
                self.flush(harvest);
                let mut text = std::mem::take(&mut self.spare);
                text.clear();
                text.push_str(line.text);
                let mut open = Open::default();
                open.took(line.text, &self.format.spans);
                self.pending = Some(Pending { first: text.len(), text, position: line.position, lines: 1, open });
            }
            Err(reason) => match &mut self.pending {
                Some(pending)
                    if (goes_on || pending.open.is_open())
                        && pending.text.len() + line.text.len() < self.record_bytes_max =>
                {
                    pending.take(line, &self.format.spans);
                }
                // Error reports have empty lines between their parts.
                Some(_) if line.text.trim().is_empty() => harvest.unread(line, reason),
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
        !self.format.has_further_lines()
    }
}
