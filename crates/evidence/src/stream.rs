//! Reads a text, or a segment of it, from its first chunk to what became of it.

use crate::clock::Repeats;
use crate::error::SinkError;
use crate::formats::Formats;
use crate::framing::{Cutter, Framing};
use crate::harvest::Harvest;
use crate::lines::{Line, LineCutter, RawLine, trimmed};
use crate::options::Block;
use crate::reader::Reader;
use crate::recognise::{Chosen, Context, FITS, Recognised, Sample, by_recipe, recognise};
use crate::segment::{Segment, Start};
use crate::signs::Signs;
use crate::unpack::Ended;
use stanch_model::{Counted, EventBatch, FileAccount};
use std::borrow::Cow;

/// Bytes that are looked at before they are read.
pub(crate) const WINDOW_BYTES: usize = 256 << 10;
/// Lines of a window by which it is told whether the format still fits.
const LOOKED_AT: usize = 24;
/// Lines among which the first event of a window must be, for its format to fit.
const SEARCHED: usize = 2_000;

/// One text under way, a window at a time. As long as no format has been recognised, and whenever one no longer fits,
/// the window is recognised before it is read, so that neither garbage before the first good line nor a change of
/// format in the middle loses what follows.
pub(crate) struct TextStream<'a> {
    context: Context<'a>,
    start: Start,
    /// The title of the format that a segment was begun in.
    seeded: Option<String>,
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
    remarks: Vec<Remark>,
    signs: Signs,
}

/// The format that is being read, with a second reader to look ahead with.
struct Format {
    summary: Summary,
    /// What was taken for granted of it, such as the prefix of its lines.
    said: Vec<String>,
    reader: Box<dyn Reader>,
    ahead: Box<dyn Reader>,
    recipe: Option<Vec<String>>,
    events_before: u64,
}

/// A remark for the account.
enum Remark {
    Text(String),
    /// From about that line on it is in the format of that title.
    Change {
        line: u64,
        title: String,
    },
}

/// What a segment can begin with, where each line is read by itself.
#[derive(Clone)]
pub(crate) struct Seed {
    recipe: Vec<String>,
    summary: Summary,
}

impl Seed {
    /// What to begin with behind a text that was read before.
    pub(crate) fn behind(read: &FileAccount, formats: &Formats) -> Option<Seed> {
        let format = formats.by_name(read.reads_on_in.first()?)?;
        let summary = Summary {
            name: format.name.clone(),
            title: format.title.clone(),
            score: read.format_score,
            runner_up: read.runner_up.clone(),
        };
        Some(Seed { recipe: read.reads_on_in.clone(), summary })
    }
}

/// What became of a text, or of a segment of it.
pub(crate) struct Part {
    harvest: Harvest,
    framing: Framing,
    seeded: Option<String>,
    /// The title of the format that it ended in.
    title: Option<String>,
    start: Start,
    lines: u64,
    text_bytes: u64,
    past: Vec<(Summary, u64)>,
    unknown: Option<(String, Option<(String, f64)>)>,
    remarks: Vec<Remark>,
    /// What can be read on with behind its end.
    end: Option<Seed>,
    signs: Signs,
}

#[derive(Clone)]
struct Summary {
    name: String,
    title: String,
    score: f64,
    runner_up: Option<(String, f64)>,
}

impl<'a> TextStream<'a> {
    /// A text from its beginning.
    pub(crate) fn new(context: Context<'a>) -> TextStream<'a> {
        let offset_s = context.source.map_or(0, |s| s.clock_offset_s);
        TextStream {
            start: Start::default(),
            seeded: None,
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
            signs: Signs::default(),
            context,
        }
    }

    /// A segment of a text of lines, in the format that was recognised before it.
    pub(crate) fn seeded(context: Context<'a>, seed: &Seed, start: Start) -> TextStream<'a> {
        let again = || by_recipe(&seed.recipe, &context);
        let readers = again().zip(again());
        let cutter = Cutter::Lines(LineCutter::starting_at(start, context.limits.line_bytes_max));
        let mut stream = TextStream { start, cutter: Some(cutter), ..TextStream::new(context) };
        if let Some((reader, ahead)) = readers {
            let (summary, recipe) = (seed.summary.clone(), Some(seed.recipe.clone()));
            if stream.context.source.is_none() {
                stream.harvest.name_log(&summary.title);
            }
            stream.seeded = Some(summary.title.clone());
            stream.format = Some(Format { summary, said: Vec::new(), reader, ahead, recipe, events_before: 0 });
        }
        stream
    }

    /// What further segments can begin with, once that is known.
    pub(crate) fn seed(&self) -> Option<Seed> {
        let format = self.format.as_ref().filter(|_| self.framing == Framing::Lines)?;
        Some(Seed { recipe: format.recipe.clone()?, summary: format.summary.clone() })
    }

    /// Takes in a segment's chunks. `seen` is called after each window with what is known by then.
    pub(crate) fn read_segment(
        &mut self,
        segment: Segment,
        block: &mut dyn Block,
        mut seen: impl FnMut(&TextStream<'a>),
    ) -> Result<(), SinkError> {
        let mut skipped = segment.skipped.iter().peekable();
        for (i, chunk) in segment.chunks.iter().map(Some).chain([None]).enumerate() {
            while let Some((_, bytes)) = skipped.next_if(|(before, _)| *before == i) {
                self.skip(*bytes, block)?;
            }
            let mut rest = chunk.map_or(&[][..], Vec::as_slice);
            while !rest.is_empty() {
                rest = self.feed(rest, block)?;
                seen(self);
            }
        }
        Ok(())
    }

    /// Takes as much of a chunk as fits into a window; what is left comes back.
    pub(crate) fn feed<'c>(&mut self, chunk: &'c [u8], block: &mut dyn Block) -> Result<&'c [u8], SinkError> {
        let (part, rest) = chunk.split_at(chunk.len().min(self.window_bytes - self.window.len()));
        // Most windows lie whole in a chunk, and need not be copied.
        if part.len() == self.window_bytes {
            if !self.read_window(part, false, block)? {
                self.window.extend_from_slice(part);
            }
            return Ok(rest);
        }
        self.window.extend_from_slice(part);
        if self.window.len() >= self.window_bytes {
            self.read_held(false, block)?;
        }
        Ok(rest)
    }

    /// Reads the window that is held, unless more must be seen before.
    fn read_held(&mut self, is_last: bool, block: &mut dyn Block) -> Result<(), SinkError> {
        let mut window = std::mem::take(&mut self.window);
        if self.read_window(&window, is_last, block)? {
            window.clear();
        }
        self.window = window;
        Ok(())
    }

    /// So many bytes of the line under way were left out.
    fn skip(&mut self, bytes: u64, block: &mut dyn Block) -> Result<(), SinkError> {
        if !self.window.is_empty() {
            self.read_held(false, block)?;
        }
        self.text_bytes += bytes;
        self.signs.left_out();
        if let Some(Cutter::Lines(cutter)) = &mut self.cutter {
            cutter.skip(bytes);
        }
        Ok(())
    }

    /// Hands on what has been read, before another segment is read into another block.
    pub(crate) fn hand_on(&mut self, block: &mut dyn Block) -> Result<(), SinkError> {
        if self.harvest.batch.is_empty() { Ok(()) } else { block.batch(std::mem::take(&mut self.harvest.batch)) }
    }

    /// Reads a window. False if more must be seen before: the next is to be twice as long, and begin the same.
    fn read_window(&mut self, window: &[u8], is_last: bool, block: &mut dyn Block) -> Result<bool, SinkError> {
        let Context { formats, limits, .. } = self.context;
        if self.cutter.is_none() {
            let (framing, inside) = Framing::of(window, &formats.inside);
            self.framing = framing;
            self.cutter = Some(Cutter::new(framing, &inside, limits.line_bytes_max));
        }
        if !self.recognise_if_needed(window, is_last) {
            self.window_bytes *= 2;
            return Ok(false);
        }
        self.text_bytes += window.len() as u64;
        self.window_bytes = WINDOW_BYTES;
        self.read(window, block).map(|()| true)
    }

    /// Looks at the whole records of a window. False if not one ends in it, and more must be seen.
    fn recognise_if_needed(&mut self, window: &[u8], is_last: bool) -> bool {
        let Some(cutter) = &self.cutter else { return true };
        let limits = self.context.limits;
        let (sample, seen) = match cutter.lines() {
            Some(lines) => {
                // Where a line goes on through the whole window, there is nothing to tell a format by.
                if lines.is_inside() && !is_last && memchr::memchr(b'\n', window).is_none() {
                    return true;
                }
                // The first line may have begun in the window before, the last may go on.
                let is_begun = lines.offset() > 0 || lines.is_inside();
                let from = if is_begun { memchr::memchr(b'\n', window).map_or(0, |at| at + 1) } else { 0 };
                let whole = memchr::memrchr(b'\n', window).map_or(window.len(), |at| at + 1);
                let to = if is_last { window.len() } else { whole };
                let seen = &window[from.min(to)..to];
                if let Some(format) = &mut self.format
                    && let Some(head) = format.reader.head()
                {
                    format.ahead.take_head(&head);
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
            Recognised::As(chosen) => self.change_to(chosen, seen),
            Recognised::Unknown { reason, nearest } => {
                self.unknown.get_or_insert((reason, nearest));
            }
        }
        true
    }

    fn change_to(&mut self, chosen: Chosen, sample: &[u8]) {
        let Chosen { name, title, score, runner_up, reader, ahead, remarks, recipe } = chosen;
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
            let line = self.start.lines + self.lines + 1;
            self.remarks.push(match is_same {
                true => Remark::Text(format!("from about line {line} on it is made up otherwise: {title}")),
                false => Remark::Change { line, title: title.clone() },
            });
        } else if self.line() > 1 {
            self.remarks.push(Remark::Text(format!("no format was recognised before about line {}", self.line())));
        }
        self.end_format();
        if self.context.source.is_none() {
            self.harvest.name_log(&title);
        }
        self.remarks.extend(remarks.iter().cloned().map(Remark::Text));
        let summary = Summary { name, title, score, runner_up };
        let events_before = self.harvest.events;
        self.format = Some(Format { summary, said: remarks, reader, ahead, recipe, events_before });
    }

    /// The number of the next line.
    fn line(&self) -> u64 {
        self.start.lines + self.lines + 1
    }

    /// Lets the current reader hand out what it holds, and notes what it gave.
    fn end_format(&mut self) {
        if let Some(mut format) = self.format.take() {
            format.reader.finish(&mut self.harvest);
            self.harvest.end_format(&format.summary.title);
            self.past.push((format.summary, self.harvest.events - format.events_before));
        }
    }

    fn read(&mut self, window: &[u8], block: &mut dyn Block) -> Result<(), SinkError> {
        let mut failed = Ok(());
        let TextStream { cutter, format, harvest, lines, unknown, signs, .. } = self;
        let is_text = signs.window(window, self.framing);
        // What was only tried does not count.
        Repeats::take();
        let reason = unknown.as_ref().map_or("no format fits", |(reason, _)| reason);
        let mut reader = format.as_mut().map(|f| f.reader.as_mut());
        let Some(cutter) = cutter else { return Ok(()) };
        cutter.feed(window, |raw| {
            if failed.is_ok() {
                *lines += 1;
                if is_text {
                    signs.line(&raw);
                }
                take(&raw, reader.as_deref_mut(), reason, harvest);
                failed = hand_on_if_full(harvest, block);
            }
        });
        self.signs.repeats.add(Repeats::take());
        failed
    }

    /// Reads what is left, hands on the last events, and gives what became of all.
    pub(crate) fn finish(mut self, block: &mut dyn Block) -> Result<Part, SinkError> {
        if !self.window.is_empty() {
            self.read_held(true, block)?;
        }
        let ends_whole = self.cutter.as_ref().and_then(Cutter::lines).is_some_and(|lines| !lines.is_inside());
        let end = self.seed().filter(|_| ends_whole);
        let reason = self.unknown.as_ref().map_or("no format fits", |(reason, _)| reason);
        let mut reader = self.format.as_mut().map(|f| f.reader.as_mut());
        Repeats::take();
        if let Some(cutter) = &mut self.cutter {
            cutter.finish(|raw| {
                self.lines += 1;
                if self.framing == Framing::Lines {
                    self.signs.line(&raw);
                }
                take(&raw, reader.as_deref_mut(), reason, &mut self.harvest);
            });
        }
        let title = self.format.as_ref().map(|format| format.summary.title.clone());
        self.end_format();
        self.signs.repeats.add(Repeats::take());
        self.hand_on(block)?;
        Ok(Part {
            harvest: self.harvest,
            framing: self.framing,
            seeded: self.seeded,
            title,
            start: self.start,
            lines: self.lines,
            text_bytes: self.text_bytes,
            past: self.past,
            unknown: self.unknown,
            remarks: self.remarks,
            end,
            signs: self.signs,
        })
    }
}

impl Part {
    /// Adds what became of the next segment.
    pub(crate) fn absorb(&mut self, next: Part) {
        // An empty last segment ends where the one before it does.
        if next.text_bytes > 0 {
            self.end = next.end;
        }
        self.harvest.absorb(next.harvest);
        self.signs.absorb(next.signs);
        self.lines += next.lines;
        self.text_bytes += next.text_bytes;
        for (summary, events) in next.past {
            match self.past.iter_mut().find(|(past, _)| past.name == summary.name) {
                Some((_, sum)) => *sum += events,
                None => self.past.push((summary, events)),
            }
        }
        self.unknown = self.unknown.take().or(next.unknown);
        // A segment begins in the format that was recognised first; whether that is a change, only its neighbour says.
        let at_once = |r: &Remark| matches!(r, Remark::Change { line, .. } if *line == next.start.lines + 1);
        if next.seeded.is_some() && next.seeded != self.title && !next.remarks.iter().any(at_once) {
            let title = next.seeded.unwrap_or_default();
            self.remarks.push(Remark::Change { line: next.start.lines + 1, title: title.clone() });
            self.title = Some(title);
        }
        for remark in next.remarks {
            match &remark {
                Remark::Change { title, .. } if self.title.as_ref() == Some(title) => continue,
                Remark::Change { title, .. } => self.title = Some(title.clone()),
                Remark::Text(text) if self.remarks.iter().any(|r| matches!(r, Remark::Text(t) if t == text)) => {
                    continue;
                }
                Remark::Text(_) => {}
            }
            self.remarks.push(remark);
        }
        self.title = next.title.or(self.title.take());
    }

    /// The account of the text, which is complete.
    pub(crate) fn account(self, path: String, context: &Context<'_>, ended: Ended) -> FileAccount {
        // The format that gave most events stands for the file; remarks name the others.
        let main = self.past.into_iter().rev().max_by_key(|(_, events)| *events).map(|(summary, _)| summary);
        let nearest = self.unknown.and_then(|(_, nearest)| nearest);
        let remarks = self.remarks.into_iter().map(|remark| match remark {
            Remark::Text(text) => text,
            Remark::Change { line, title } => format!("from about line {line} on it is in another format: {title}"),
        });
        let said = self.harvest.remarks.clone();
        let reads_on_in = self.end.filter(|_| ended.container.is_none()).map(|seed| seed.recipe).unwrap_or_default();
        let unread = self.harvest.unread_groups();
        let tears = self.signs.tears(&unread, &self.harvest);
        let repeated = self.signs.remark();
        let account = FileAccount {
            seal: ended.seal,
            path,
            bytes: ended.bytes,
            text_bytes: self.text_bytes,
            container: ended.container.map(str::to_owned),
            format: main.as_ref().map(|m| m.name.clone()),
            numbered: main.as_ref().and_then(|m| context.formats.by_name(&m.name)?.numbered.as_deref().cloned()),
            tears,
            format_score: main.as_ref().map_or(0.0, |m| m.score),
            runner_up: main.map_or(nearest, |m| m.runner_up),
            counted: if self.framing.counts_lines() { Counted::Lines } else { Counted::Records },
            lines: self.lines + self.harvest.further_records,
            lines_in_events: self.harvest.lines_in_events,
            events: self.harvest.events,
            unread,
            window: self.harvest.window,
            duplicates: Vec::new(),
            clock_offset_s: context.source.map_or(0, |s| s.clock_offset_s),
            reads_on_in,
            remarks: remarks.chain(said).chain(repeated).chain(ended.remarks).collect(),
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
    if let Some(length) = raw.too_long {
        let Some(reader) = reader else {
            return harvest.unread_raw(raw, "longer than the limit for a line");
        };
        reader.passed(raw, length);
        let is_text = reader.takes_text();
        let reason =
            if is_text { "longer than the limit for a line" } else { "bytes where no block begins, or too long a one" };
        return harvest.unread_raw(raw, reason);
    }
    let Some(reader) = reader else { return harvest.unread_raw(raw, reason.to_owned()) };
    if !reader.takes_text() {
        return reader.line(&Line { text: "", raw: raw.bytes, position: raw.position }, harvest);
    }
    let bytes = &raw.bytes[trimmed(raw)];
    let text = match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    };
    reader.line(&Line { text: &text, raw: raw.bytes, position: raw.position }, harvest);
}

fn hand_on_if_full(harvest: &mut Harvest, block: &mut dyn Block) -> Result<(), SinkError> {
    if !harvest.batch.is_full() {
        return Ok(());
    }
    let next = EventBatch::with_room_of(&harvest.batch);
    block.batch(std::mem::replace(&mut harvest.batch, next))
}
