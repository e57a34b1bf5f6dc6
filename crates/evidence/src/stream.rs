//! Reads one text from its first chunk to its account.

use crate::error::SinkError;
use crate::harvest::Harvest;
use crate::lines::{Line, LineCutter, RawLine, trimmed};
use crate::options::{ReadOptions, Sink};
use crate::reader::Reader;
use crate::recognise::{Chosen, Context, FITS, Recognised, recognise};
use crate::unpack::Ended;
use stanch_model::{EventBatch, FileAccount};
use std::borrow::Cow;

/// Bytes that are looked at before they are read.
const WINDOW_BYTES: usize = 256 << 10;
/// Lines of a window by which it is told whether the format still fits.
const LOOKED_AT: usize = 24;
/// Lines among which the first event of a window must be, for its format to fit.
const SEARCHED: usize = 2_000;

/// One text under way, a window at a time. As long as no format has been recognised, and whenever one no longer fits,
/// the window is recognised before it is read, so that neither garbage before the first good line nor a change of
/// format in the middle loses what follows.
pub(crate) struct TextStream<'a> {
    path: String,
    context: Context<'a>,
    window: Vec<u8>,
    cutter: LineCutter,
    harvest: Harvest,
    lines: u64,
    format: Option<Format>,
    /// Formats that the text was read in, with the events that each gave.
    past: Vec<(Summary, u64)>,
    unknown: Option<(String, Option<(String, f64)>)>,
    remarks: Vec<String>,
}

/// The format that is being read, with a second reader to look ahead with.
struct Format {
    summary: Summary,
    /// What was taken for granted of it, such as the prefix of its lines.
    said: Vec<String>,
    reader: Box<dyn Reader>,
    ahead: Box<dyn Reader>,
    events_before: u64,
}

struct Summary {
    name: String,
    title: String,
    score: f64,
    runner_up: Option<(String, f64)>,
}

impl<'a> TextStream<'a> {
    pub(crate) fn new(path: String, options: &'a ReadOptions<'_>) -> TextStream<'a> {
        let context = Context::of(&path, options);
        let offset_s = context.source.map_or(0, |s| s.clock_offset_s);
        TextStream {
            path,
            window: Vec::new(),
            cutter: LineCutter::new(context.limits.line_bytes_max),
            harvest: Harvest::new(context.source.map_or("", |s| s.name.as_str()), offset_s),
            lines: 0,
            format: None,
            past: Vec::new(),
            unknown: None,
            remarks: Vec::new(),
            context,
        }
    }

    /// Takes the next chunk.
    pub(crate) fn feed(&mut self, mut chunk: &[u8], sink: &mut dyn Sink) -> Result<(), SinkError> {
        while !chunk.is_empty() {
            let (part, rest) = chunk.split_at(chunk.len().min(WINDOW_BYTES - self.window.len()));
            self.window.extend_from_slice(part);
            chunk = rest;
            if self.window.len() >= WINDOW_BYTES {
                self.read_window(false, sink)?;
            }
        }
        Ok(())
    }

    fn read_window(&mut self, is_last: bool, sink: &mut dyn Sink) -> Result<(), SinkError> {
        let mut window = std::mem::take(&mut self.window);
        self.recognise_if_needed(&window, is_last);
        let read = self.read(&window, sink);
        window.clear();
        self.window = window;
        read
    }

    /// Looks at whole lines of a window: the first may have begun in the window before, the last may go on.
    fn recognise_if_needed(&mut self, window: &[u8], is_last: bool) {
        let from = if self.cutter.offset() == 0 && !self.cutter.is_inside() {
            0
        } else {
            memchr::memchr(b'\n', window).map_or(0, |at| at + 1)
        };
        let to = if is_last { window.len() } else { memchr::memrchr(b'\n', window).map_or(window.len(), |at| at + 1) };
        let sample = &window[from.min(to)..to];
        if let Some(format) = &mut self.format
            && fits(format.ahead.as_mut(), sample, self.context.limits.line_bytes_max)
        {
            return;
        }
        match recognise(sample, &self.context) {
            Recognised::As(chosen) => self.change_to(chosen, sample),
            Recognised::Unknown { reason, nearest } => {
                self.unknown.get_or_insert((reason, nearest));
            }
        }
    }

    fn change_to(&mut self, chosen: Chosen, sample: &[u8]) {
        let Chosen { name, title, score, runner_up, reader, ahead, remarks } = chosen;
        if let Some(current) = &mut self.format {
            // Another format takes over only where it fits well; a bad stretch is no other format. The same one does
            // where its lines are made up otherwise from here on, so that it does better than before.
            let is_same = current.summary.name == name;
            let line_bytes_max = self.context.limits.line_bytes_max;
            if score < FITS || is_same && current.said == remarks {
                return;
            }
            if is_same && share(current.ahead.as_mut(), sample, line_bytes_max) >= FITS {
                return;
            }
            let other = if is_same { "made up otherwise" } else { "in another format" };
            self.remarks.push(format!("from about line {} on it is {other}: {title}", self.lines + 1));
        } else if self.lines > 0 {
            self.remarks.push(format!("no format was recognised before about line {}", self.lines + 1));
        }
        self.end_format();
        if self.context.source.is_none() {
            self.harvest.name_log(&title);
        }
        self.remarks.extend(remarks.iter().cloned());
        let summary = Summary { name, title, score, runner_up };
        self.format = Some(Format { summary, said: remarks, reader, ahead, events_before: self.harvest.events });
    }

    /// Lets the current reader hand out what it holds, and notes what it gave.
    fn end_format(&mut self) {
        if let Some(mut format) = self.format.take() {
            format.reader.finish(&mut self.harvest);
            self.harvest.end_format(&format.summary.title);
            self.past.push((format.summary, self.harvest.events - format.events_before));
        }
    }

    fn read(&mut self, window: &[u8], sink: &mut dyn Sink) -> Result<(), SinkError> {
        let mut failed = Ok(());
        let TextStream { cutter, format, harvest, lines, unknown, .. } = self;
        let reason = unknown.as_ref().map_or("no format fits", |(reason, _)| reason);
        let mut reader = format.as_mut().map(|f| f.reader.as_mut());
        cutter.feed(window, |raw| {
            if failed.is_ok() {
                *lines += 1;
                take(&raw, reader.as_deref_mut(), reason, harvest);
                failed = hand_on_if_full(harvest, sink);
            }
        });
        failed
    }

    /// Ends the text: reads what is left, hands on the last batch, gives the account.
    pub(crate) fn finish(mut self, ended: Ended, sink: &mut dyn Sink) -> Result<FileAccount, SinkError> {
        if !self.window.is_empty() {
            self.read_window(true, sink)?;
        }
        let reason = self.unknown.as_ref().map_or("no format fits", |(reason, _)| reason);
        let mut reader = self.format.as_mut().map(|f| f.reader.as_mut());
        let mut text_bytes = self.cutter.offset();
        self.cutter.finish(|raw| {
            self.lines += 1;
            text_bytes += raw.too_long.unwrap_or(raw.bytes.len() as u64);
            take(&raw, reader.as_deref_mut(), reason, &mut self.harvest);
        });
        self.end_format();
        if !self.harvest.batch.is_empty() {
            sink.batch(std::mem::take(&mut self.harvest.batch))?;
        }
        Ok(self.account(ended, text_bytes))
    }

    fn account(self, ended: Ended, text_bytes: u64) -> FileAccount {
        // The format that gave most events stands for the file; remarks name the others.
        let main = self.past.into_iter().rev().max_by_key(|(_, events)| *events).map(|(summary, _)| summary);
        let nearest = self.unknown.and_then(|(_, nearest)| nearest);
        let mut remarks = self.remarks;
        remarks.extend(self.harvest.remarks.iter().cloned());
        remarks.extend(ended.remarks);
        let account = FileAccount {
            seal: ended.seal,
            path: self.path,
            bytes: ended.bytes,
            text_bytes,
            container: ended.container.map(str::to_owned),
            format: main.as_ref().map(|m| m.name.clone()),
            format_score: main.as_ref().map_or(0.0, |m| m.score),
            runner_up: main.map_or(nearest, |m| m.runner_up),
            lines: self.lines,
            lines_in_events: self.harvest.lines_in_events,
            events: self.harvest.events,
            unread: self.harvest.unread_groups(),
            window: self.harvest.window,
            duplicates: Vec::new(),
            clock_offset_s: self.context.source.map_or(0, |s| s.clock_offset_s),
            remarks,
        };
        debug_assert_eq!(
            account.lines,
            account.lines_in_events + account.unread_lines(),
            "every line is accounted for"
        );
        account
    }
}

/// Whether a reader still understands at least half of a window's first lines. Those before its first event do not
/// count, since they may go on with a record that began before the window.
fn fits(reader: &mut dyn Reader, sample: &[u8], line_bytes_max: usize) -> bool {
    let mut harvest = Harvest::new("", 0);
    let (mut at, mut looked_at, mut refused_before) = (0, 0, 0);
    let mut cutter = LineCutter::new(line_bytes_max);
    for end in memchr::memchr_iter(b'\n', sample).take(SEARCHED) {
        cutter.feed(&sample[at..=end], |raw| take(&raw, Some(&mut *reader), "", &mut harvest));
        at = end + 1;
        if harvest.events == 0 {
            refused_before = harvest.refused_lines();
        } else {
            looked_at += 1;
            if looked_at >= LOOKED_AT {
                break;
            }
        }
    }
    let fits = harvest.events > 0 && harvest.lines_in_events >= harvest.refused_lines() - refused_before;
    // A record that goes on behind the lines looked at is no sign of anything; the reader only has to forget it.
    reader.finish(&mut harvest);
    fits
}

/// The share of a sample's lines that a reader understands.
fn share(reader: &mut dyn Reader, sample: &[u8], line_bytes_max: usize) -> f64 {
    let mut harvest = Harvest::new("", 0);
    let mut cutter = LineCutter::new(line_bytes_max);
    cutter.feed(sample, |raw| take(&raw, Some(&mut *reader), "", &mut harvest));
    reader.finish(&mut harvest);
    let (good, bad) = (harvest.lines_in_events, harvest.refused_lines());
    #[expect(clippy::cast_precision_loss, reason = "a sample has few lines")]
    let share = good as f64 / (good + bad).max(1) as f64;
    share
}

/// Gives one line to the reader, or to those in no format.
fn take(raw: &RawLine<'_>, reader: Option<&mut (dyn Reader + '_)>, reason: &str, harvest: &mut Harvest) {
    if raw.too_long.is_some() {
        return harvest.unread_raw(raw, "longer than the limit for a line");
    }
    let Some(reader) = reader else { return harvest.unread_raw(raw, reason.to_owned()) };
    let bytes = &raw.bytes[trimmed(raw)];
    let text = match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    };
    reader.line(&Line { text: &text, raw: raw.bytes, position: raw.position }, harvest);
}

fn hand_on_if_full(harvest: &mut Harvest, sink: &mut dyn Sink) -> Result<(), SinkError> {
    if !harvest.batch.is_full() {
        return Ok(());
    }
    let next = EventBatch::with_room_of(&harvest.batch);
    sink.batch(std::mem::replace(&mut harvest.batch, next))
}
