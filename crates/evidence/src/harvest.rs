//! Collects what readers make of lines: events into a batch, unread lines by reason.

use crate::decoded::decode_into;
use crate::lines::{Line, RawLine};
use stanch_model::event::Record;
use stanch_model::{EventBatch, EventFields, Instant, Position, TextField, UnreadGroup, Window};
use std::borrow::Cow;

/// Unread lines shown as examples of one reason.
const EXAMPLES: usize = 3;
/// Reasons told apart in one file; all further ones share a group.
const REASONS_MAX: usize = 64;
/// Remarks kept of one file.
const REMARKS_MAX: usize = 16;
/// Texts looked at when telling whether a line is text at all.
const LOOK_BYTES: usize = 512;

/// What has been made of one file's lines so far.
pub(crate) struct Harvest {
    pub(crate) batch: EventBatch,
    pub(crate) lines_in_events: u64,
    pub(crate) events: u64,
    pub(crate) window: Option<Window>,
    /// What readers took for granted, for the account.
    pub(crate) remarks: Vec<String>,
    log_name: String,
    clock_offset_us: i64,
    unread: Vec<(Cow<'static, str>, bool, UnreadGroup)>,
    /// A request's decoded target, kept for its room.
    decoded: String,
}

/// Why a line became nothing.
pub(crate) type Reason = Cow<'static, str>;

impl Harvest {
    pub(crate) fn new(log_name: &str, clock_offset_s: i64) -> Harvest {
        Harvest {
            batch: EventBatch::default(),
            lines_in_events: 0,
            events: 0,
            window: None,
            remarks: Vec::new(),
            log_name: log_name.to_owned(),
            clock_offset_us: clock_offset_s.saturating_mul(1_000_000),
            unread: Vec::new(),
            decoded: String::new(),
        }
    }

    /// Names the log, where the store file does not.
    pub(crate) fn name_log(&mut self, name: &str) {
        name.clone_into(&mut self.log_name);
    }

    /// Takes in an event that `lines` physical lines make up.
    pub(crate) fn event(&mut self, record: Record<'_>, lines: u64) {
        let mut record: Record<'_> = record;
        record.time = record.time.plus_us(self.clock_offset_us);
        record.set_text(TextField::LogName, &self.log_name);
        if let Some(target) = record.text(TextField::Url) {
            decode_into(target, &mut self.decoded);
            record.set_text(TextField::UrlDecoded, &self.decoded);
        }
        self.batch.push(&record);
        self.events += 1;
        self.lines_in_events += lines;
        self.widen(record.time);
    }

    /// A line that the format's reader could not use. Lines that are no text at all, or empty, are named so.
    pub(crate) fn unread(&mut self, line: &Line<'_>, reason: impl Into<Reason>) {
        match no_text(line) {
            Some(reason) => self.count(reason.into(), false, line.position, 1, u64::from(line.position.length)),
            None => self.count(reason.into(), true, line.position, 1, u64::from(line.position.length)),
        }
    }

    /// Several lines that the format's reader had put together and could not use.
    pub(crate) fn unread_lines(&mut self, position: Position, lines: u64, reason: impl Into<Reason>) {
        self.count(reason.into(), true, position, lines, u64::from(position.length));
    }

    /// A line that no reader was asked about.
    pub(crate) fn unread_raw(&mut self, line: &RawLine<'_>, reason: impl Into<Reason>) {
        let bytes = line.too_long.unwrap_or(line.bytes.len() as u64);
        self.count(reason.into(), false, line.position, 1, bytes);
    }

    /// Something that a reader takes for granted and a person should know. Said once.
    pub(crate) fn remark(&mut self, text: String) {
        if self.remarks.len() < REMARKS_MAX && !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }

    fn count(&mut self, reason: Reason, of_format: bool, position: Position, lines: u64, bytes: u64) {
        let known = self.unread.iter().position(|(r, f, _)| *r == reason && *f == of_format);
        let at = known.unwrap_or_else(|| {
            let reason = if self.unread.len() < REASONS_MAX { reason } else { Cow::Borrowed("other reasons") };
            let known = self.unread.iter().position(|(r, ..)| *r == reason);
            known.unwrap_or_else(|| {
                let group = UnreadGroup { reason: String::new(), lines: 0, bytes: 0, examples: Vec::new() };
                self.unread.push((reason, of_format, group));
                self.unread.len() - 1
            })
        });
        let group = &mut self.unread[at].2;
        group.lines += lines;
        group.bytes += bytes;
        if group.examples.len() < EXAMPLES {
            group.examples.push((position.line, position.offset, position.length));
        }
    }

    fn widen(&mut self, t: Instant) {
        self.window = Some(match self.window {
            Some(window) => window.stretched_to(t),
            None => Window { from: t, to: t },
        });
    }

    /// Unread lines that a reader was asked about and that are text.
    pub(crate) fn refused_lines(&self) -> u64 {
        self.unread.iter().filter(|(_, of_format, _)| *of_format).map(|(.., g)| g.lines).sum()
    }

    /// The reader's most frequent reason.
    pub(crate) fn main_refusal(&self) -> Option<&str> {
        let refusals = self.unread.iter().filter(|(_, of_format, _)| *of_format);
        refusals.max_by_key(|(.., g)| g.lines).map(|(reason, ..)| reason.as_ref())
    }

    /// The reader's own reasons so far were those of the format of that title; another may follow.
    pub(crate) fn end_format(&mut self, title: &str) {
        for (reason, of_format, _) in self.unread.iter_mut().filter(|(_, of_format, _)| *of_format) {
            *reason = Cow::Owned(format!("not in format {title}: {reason}"));
            *of_format = false;
        }
    }

    /// The groups of unread lines, most lines first.
    pub(crate) fn unread_groups(&self) -> Vec<UnreadGroup> {
        let named =
            self.unread.iter().map(|(reason, _, group)| UnreadGroup { reason: reason.to_string(), ..group.clone() });
        let mut groups: Vec<UnreadGroup> = named.collect();
        groups.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.reason.cmp(&b.reason)));
        groups
    }
}

/// Why a line is no text, if it is not.
fn no_text(line: &Line<'_>) -> Option<&'static str> {
    let raw = line.raw;
    if line.text.trim().is_empty() {
        return Some(if raw.contains(&0) { "NUL bytes only" } else { "empty line" });
    }
    if raw.len() >= 3 && (0x14..=0x17).contains(&raw[0]) && raw[1] == 3 && raw[2] <= 4 {
        return Some("binary bytes: a TLS record where a log line should be");
    }
    let looked_at = &raw[..raw.len().min(LOOK_BYTES)];
    let control = looked_at.iter().filter(|b| (**b < 0x20 && !matches!(**b, b'\t' | 0x1b)) || **b == 0x7f).count();
    let foreign = line.text.chars().take(LOOK_BYTES).filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
    ((control + foreign) * 8 > looked_at.len()).then_some("binary bytes, not text")
}
