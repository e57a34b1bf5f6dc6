//! Reads one text from its first chunk to its account.

use crate::error::SinkError;
use crate::harvest::Harvest;
use crate::lines::{Line, LineCutter, RawLine, trimmed};
use crate::options::{ReadOptions, Sink};
use crate::reader::Reader;
use crate::recognise::{Chosen, Context, Recognised, recognise};
use crate::unpack::Ended;
use stanch_model::FileAccount;
use std::borrow::Cow;

/// Bytes by which a format is recognised.
const SAMPLE_BYTES: usize = 256 << 10;

/// One text under way. As long as no format has been recognised, each further sample is tried again, so that any
/// amount of garbage before the first good line changes nothing for it.
pub(crate) struct TextStream<'a> {
    path: String,
    context: Context<'a>,
    state: State,
    cutter: LineCutter,
    harvest: Harvest,
    lines: u64,
    chosen: Option<Summary>,
    unknown: Option<(String, Option<(String, f64)>)>,
    remarks: Vec<String>,
}

enum State {
    Sampling(Vec<u8>),
    Reading(Box<dyn Reader>),
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
            state: State::Sampling(Vec::new()),
            cutter: LineCutter::new(context.limits.line_bytes_max),
            harvest: Harvest::new(context.source.map_or("", |s| s.name.as_str()), offset_s),
            lines: 0,
            chosen: None,
            unknown: None,
            remarks: Vec::new(),
            context,
        }
    }

    /// Takes the next chunk.
    pub(crate) fn feed(&mut self, chunk: &[u8], sink: &mut dyn Sink) -> Result<(), SinkError> {
        match &mut self.state {
            State::Reading(_) => self.read(chunk, sink),
            State::Sampling(sample) => {
                sample.extend_from_slice(chunk);
                if sample.len() >= SAMPLE_BYTES { self.decide(sink) } else { Ok(()) }
            }
        }
    }

    /// Looks at what has been gathered, then reads it: as the format that fits, or as lines of none.
    fn decide(&mut self, sink: &mut dyn Sink) -> Result<(), SinkError> {
        let State::Sampling(sample) = &mut self.state else { return Ok(()) };
        let sample = std::mem::take(sample);
        let looked_at = &sample[..sample.len().min(SAMPLE_BYTES)];
        // A sample from the middle begins inside a line.
        let from = if self.lines == 0 { 0 } else { memchr::memchr(b'\n', looked_at).map_or(0, |at| at + 1) };
        match recognise(&looked_at[from..], &self.context) {
            Recognised::As(chosen) => self.begin_reading(chosen),
            Recognised::Unknown { reason, nearest } => {
                self.unknown.get_or_insert((reason, nearest));
            }
        }
        self.read(&sample, sink)
    }

    fn begin_reading(&mut self, chosen: Chosen) {
        let Chosen { name, title, score, runner_up, reader, remarks } = chosen;
        if self.context.source.is_none() {
            self.harvest.name_log(&title);
        }
        if self.lines > 0 {
            self.remarks.push(format!("no format was recognised before line {}", self.lines + 1));
        }
        self.remarks.extend(remarks);
        self.chosen = Some(Summary { name, title, score, runner_up });
        self.state = State::Reading(reader);
    }

    fn read(&mut self, chunk: &[u8], sink: &mut dyn Sink) -> Result<(), SinkError> {
        let mut failed = Ok(());
        let TextStream { cutter, state, harvest, lines, unknown, .. } = self;
        let reason = unknown.as_ref().map_or("no format fits", |(reason, _)| reason);
        cutter.feed(chunk, |raw| {
            if failed.is_ok() {
                *lines += 1;
                take(&raw, state, reason, harvest);
                failed = hand_on_if_full(harvest, sink);
            }
        });
        failed
    }

    /// Ends the text: reads what is left, hands on the last batch, gives the account.
    pub(crate) fn finish(mut self, ended: Ended, sink: &mut dyn Sink) -> Result<FileAccount, SinkError> {
        if matches!(&self.state, State::Sampling(sample) if !sample.is_empty()) {
            self.decide(sink)?;
        }
        let TextStream { mut cutter, mut state, mut harvest, mut lines, unknown, .. } = self;
        let reason = unknown.as_ref().map_or("no format fits", |(reason, _)| reason);
        let mut end_of_text = cutter.offset();
        cutter.finish(|raw| {
            lines += 1;
            end_of_text += raw.too_long.unwrap_or(raw.bytes.len() as u64);
            take(&raw, &mut state, reason, &mut harvest);
        });
        if let State::Reading(reader) = &mut state {
            reader.finish(&mut harvest);
        }
        if !harvest.batch.is_empty() {
            sink.batch(std::mem::take(&mut harvest.batch))?;
        }
        let chosen = self.chosen;
        let nearest = unknown.and_then(|(_, nearest)| nearest);
        let mut remarks = self.remarks;
        remarks.extend(ended.remarks);
        let account = FileAccount {
            seal: ended.seal,
            path: self.path,
            bytes: ended.bytes,
            text_bytes: end_of_text,
            container: ended.container.map(str::to_owned),
            format: chosen.as_ref().map(|c| c.name.clone()),
            format_score: chosen.as_ref().map_or(0.0, |c| c.score),
            runner_up: chosen.as_ref().map_or(nearest, |c| c.runner_up.clone()),
            lines,
            lines_in_events: harvest.lines_in_events,
            events: harvest.events,
            unread: harvest.unread_groups(chosen.as_ref().map(|c| c.title.as_str())),
            window: harvest.window,
            duplicates: Vec::new(),
            clock_offset_s: self.context.source.map_or(0, |s| s.clock_offset_s),
            remarks,
        };
        debug_assert_eq!(account.lines, account.lines_in_events + account.unread_lines(), "every line is accounted for");
        Ok(account)
    }
}

/// Gives one line to the reader, or to those in no format.
fn take(raw: &RawLine<'_>, state: &mut State, reason: &str, harvest: &mut Harvest) {
    if raw.too_long.is_some() {
        return harvest.unread_raw(raw, "longer than the limit for a line");
    }
    match state {
        State::Sampling(_) => harvest.unread_raw(raw, reason.to_owned()),
        State::Reading(reader) => {
            let bytes = &raw.bytes[trimmed(raw)];
            let text = match simdutf8::basic::from_utf8(bytes) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => String::from_utf8_lossy(bytes),
            };
            reader.line(&Line { text: &text, raw: raw.bytes, position: raw.position }, harvest);
        }
    }
}

fn hand_on_if_full(harvest: &mut Harvest, sink: &mut dyn Sink) -> Result<(), SinkError> {
    if harvest.batch.is_full() { sink.batch(std::mem::take(&mut harvest.batch)) } else { Ok(()) }
}
