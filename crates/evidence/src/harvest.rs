//! Collects what readers make of lines: events into a batch, unread lines by reason.

use crate::decoded::decode_into;
use crate::lines::{Line, RawLine};
use stanch_model::event::Record;
use stanch_model::{EventBatch, EventFields, Instant, Position, TextField, UnreadGroup, Window};
use std::borrow::Cow;

/// Unread lines shown as examples of one reason.
pub(crate) const EXAMPLES: usize = 3;
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
    /// Heads so far that name the columns of their format.
    pub(crate) heads: u64,
    /// Records beyond the first in what the file was cut into: many stand in one chunk of a Windows event log.
    pub(crate) further_records: u64,
    /// Lines that were joined to the one that is being read, and are counted with what becomes of it.
    joined: u64,
    /// The last line that was refused, so that it can be taken back.
    refused: Option<Refused>,
}

/// A line that was counted as unread last.
struct Refused {
    group: usize,
    position: Position,
    lines: u64,
    bytes: u64,
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
            heads: 0,
            further_records: 0,
            joined: 0,
            refused: None,
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
        self.lines_in_events += lines + std::mem::take(&mut self.joined);
        self.widen(record.time);
    }

    /// A line that names a file's columns as its format has them.
    pub(crate) fn head(&mut self) {
        self.heads += 1;
        self.lines_in_events += 1;
    }

    /// A line that tells how to read others, or is a comment.
    pub(crate) fn framing(&mut self, _line: &Line<'_>) {
        self.lines_in_events += 1;
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

    /// So many lines more belong to the one that is given to a reader next.
    pub(crate) fn join(&mut self, lines: u64) {
        self.joined += lines;
    }

    /// Takes a refusal back, so that the line can be given to another reader. The reason, if there was one.
    pub(crate) fn take_back(&mut self, position: Position) -> Option<Reason> {
        let refused = self.refused.take_if(|r| r.position == position)?;
        let (reason, _, group) = &mut self.unread[refused.group];
        group.lines -= refused.lines;
        group.bytes -= refused.bytes;
        if group.examples.last() == Some(&(position.line, position.offset, position.length)) {
            group.examples.pop();
        }
        self.joined += refused.lines - 1;
        Some(reason.clone())
    }

    /// Something that a reader takes for granted and a person should know. Said once.
    pub(crate) fn remark(&mut self, text: String) {
        if self.remarks.len() < REMARKS_MAX && !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }

    fn count(&mut self, reason: Reason, of_format: bool, position: Position, lines: u64, bytes: u64) {
        let lines = lines + std::mem::take(&mut self.joined);
        let at = self.group_of(reason, of_format);
        self.refused = of_format.then_some(Refused { group: at, position, lines, bytes });
        let group = &mut self.unread[at].2;
        group.lines += lines;
        group.bytes += bytes;
        if group.examples.len() < EXAMPLES {
            group.examples.push((position.line, position.offset, position.length));
        }
    }

    /// The group of a reason, made if it is new.
    fn group_of(&mut self, reason: Reason, of_format: bool) -> usize {
        let known = self.unread.iter().position(|(r, f, _)| *r == reason && *f == of_format);
        known.unwrap_or_else(|| {
            let reason = if self.unread.len() < REASONS_MAX { reason } else { Cow::Borrowed("other reasons") };
            let known = self.unread.iter().position(|(r, ..)| *r == reason);
            known.unwrap_or_else(|| {
                let group = UnreadGroup { reason: String::new(), lines: 0, bytes: 0, examples: Vec::new() };
                self.unread.push((reason, of_format, group));
                self.unread.len() - 1
            })
        })
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
        let refusals = self.unread.iter().filter(|(_, of_format, group)| *of_format && group.lines > 0);
        refusals.max_by_key(|(.., g)| g.lines).map(|(reason, ..)| reason.as_ref())
    }

    /// The reader's own reasons so far were those of the format of that title; another may follow.
    pub(crate) fn end_format(&mut self, title: &str) {
        for (reason, of_format, _) in self.unread.iter_mut().filter(|(_, of_format, _)| *of_format) {
            *reason = Cow::Owned(format!("not in format {title}: {reason}"));
            *of_format = false;
        }
    }

    /// Adds what was made of the lines that follow, once both have ended their formats.
    pub(crate) fn absorb(&mut self, next: Harvest) {
        self.lines_in_events += next.lines_in_events + next.joined;
        self.events += next.events;
        self.further_records += next.further_records;
        if let Some(window) = next.window {
            self.widen(window.from);
            self.widen(window.to);
        }
        for (reason, of_format, group) in next.unread {
            let at = self.group_of(reason, of_format);
            let into = &mut self.unread[at].2;
            into.lines += group.lines;
            into.bytes += group.bytes;
            let room = EXAMPLES.saturating_sub(into.examples.len());
            into.examples.extend(group.examples.into_iter().take(room));
        }
        self.refused = None;
        next.remarks.into_iter().for_each(|text| self.remark(text));
    }

    /// The groups of unread lines, most lines first.
    pub(crate) fn unread_groups(&self) -> Vec<UnreadGroup> {
        let left = self.unread.iter().filter(|(.., group)| group.lines > 0);
        let named = left.map(|(reason, _, group)| UnreadGroup { reason: reason.to_string(), ..group.clone() });
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
