//! Reads one text from its first chunk to its account.

use crate::error::SinkError;
use crate::framing::{Cutter, Framing};
use crate::harvest::Harvest;
use crate::lines::{Line, LineCutter, RawLine, trimmed};
use crate::options::{ReadOptions, Sink};
use crate::reader::Reader;
use crate::recognise::{Chosen, Context, FITS, Recognised, Sample, recognise};
use crate::unpack::Ended;
use stanch_model::{Counted, EventBatch, FileAccount};
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
    /// Bytes at which a window is read. More than usual while no record fits into one.
    window_bytes: usize,
    framing: Framing,
    /// None before the first window.
    cutter: Option<Cutter>,
    text_bytes: u64,
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
            window_bytes: WINDOW_BYTES,
            framing: Framing::Lines,
            cutter: None,
            text_bytes: 0,
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
            let (part, rest) = chunk.split_at(chunk.len().min(self.window_bytes - self.window.len()));
            self.window.extend_from_slice(part);
            chunk = rest;
            if self.window.len() >= self.window_bytes {
                self.read_window(false, sink)?;
            }
        }
        Ok(())
    }

    fn read_window(&mut self, is_last: bool, sink: &mut dyn Sink) -> Result<(), SinkError> {
        let mut window = std::mem::take(&mut self.window);
        let Context { formats, limits, .. } = self.context;
        if self.cutter.is_none() {
            let (framing, inside) = Framing::of(&window, &formats.inside);
            self.framing = framing;
            self.cutter = Some(Cutter::new(framing, &inside, limits.line_bytes_max));
        }
        if !self.recognise_if_needed(&window, is_last) {
            self.window_bytes *= 2;
            self.window = window;
            return Ok(());
        }
        self.text_bytes += window.len() as u64;
        let read = self.read(&window, sink);
        window.clear();
        self.window = window;
        self.window_bytes = WINDOW_BYTES;
        read
    }

    /// Looks at the whole records of a window. False if not one ends in it, and more must be seen.
    fn recognise_if_needed(&mut self, window: &[u8], is_last: bool) -> bool {
        let Some(cutter) = &self.cutter else { return true };
        let limits = self.context.limits;
        let (sample, seen) = match cutter.lines() {
            Some(lines) => {
                // The first line may have begun in the window before, the last may go on.
                let is_begun = lines.offset() > 0 || lines.is_inside();
                let from = if is_begun { memchr::memchr(b'\n', window).map_or(0, |at| at + 1) } else { 0 };
                let whole = memchr::memrchr(b'\n', window).map_or(window.len(), |at| at + 1);
                let to = if is_last { window.len() } else { whole };
                let seen = &window[from.min(to)..to];
                if let Some(format) = &mut self.format
                    && let Some(ahead) = format.reader.ahead()
                {
                    format.ahead = ahead;
                }
                if let Some(format) = &mut self.format
                    && fits(format.ahead.as_mut(), seen, limits.line_bytes_max)
                {
                    return true;
                }
                (Sample::of(Cutter::new(Framing::Lines, &[], limits.line_bytes_max), seen, true), seen)
            }
            // A document or a binary file has one format from its beginning to its end.
            None if self.format.is_some() => return true,
            None => (Sample::of(cutter.clone(), window, is_last), window),
        };
        if sample.is_empty() && self.framing != Framing::Lines && !is_last && window.len() < limits.line_bytes_max {
            return false;
        }
        match recognise(seen, &sample, self.framing, &self.context) {
            Recognised::As(chosen) => self.change_to(chosen),
            Recognised::Unknown { reason, nearest } => {
                self.unknown.get_or_insert((reason, nearest));
            }
        }
        true
    }

    fn change_to(&mut self, chosen: Chosen) {
        let Chosen { name, title, score, runner_up, reader, ahead, remarks } = chosen;
        if let Some(current) = &self.format {
            // Another format takes over only where it fits well; a bad stretch is no other format.
            if current.summary.name == name || score < FITS {
                return;
            }
            self.remarks.push(format!("from about line {} on it is in another format: {title}", self.lines + 1));
        } else if self.lines > 0 {
            self.remarks.push(format!("no format was recognised before about line {}", self.lines + 1));
        }
        self.end_format();
        if self.context.source.is_none() {
            self.harvest.name_log(&title);
        }
        self.remarks.extend(remarks);
        let summary = Summary { name, title, score, runner_up };
        self.format = Some(Format { summary, reader, ahead, events_before: self.harvest.events });
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
        let Some(cutter) = cutter else { return Ok(()) };
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
        if let Some(cutter) = &mut self.cutter {
            cutter.finish(|raw| {
                self.lines += 1;
                take(&raw, reader.as_deref_mut(), reason, &mut self.harvest);
            });
        }
        self.end_format();
        if !self.harvest.batch.is_empty() {
            sink.batch(std::mem::take(&mut self.harvest.batch))?;
        }
        Ok(self.account(ended))
    }

    fn account(self, ended: Ended) -> FileAccount {
        // The format that gave most events stands for the file; remarks name the others.
        let main = self.past.into_iter().rev().max_by_key(|(_, events)| *events).map(|(summary, _)| summary);
        let nearest = self.unknown.and_then(|(_, nearest)| nearest);
        let mut remarks = self.remarks;
        remarks.extend(ended.remarks);
        let account = FileAccount {
            seal: ended.seal,
            path: self.path,
            bytes: ended.bytes,
            text_bytes: self.text_bytes,
            container: ended.container.map(str::to_owned),
            format: main.as_ref().map(|m| m.name.clone()),
            format_score: main.as_ref().map_or(0.0, |m| m.score),
            runner_up: main.map_or(nearest, |m| m.runner_up),
            counted: if self.framing.counts_lines() { Counted::Lines } else { Counted::Records },
            lines: self.lines + self.harvest.further_records,
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
