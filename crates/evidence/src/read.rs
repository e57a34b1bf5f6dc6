//! Reads one file: one thread unpacks and seals it, others read its segments side by side, the caller's puts what they
//! make of them together in the order of the text.

use crate::error::{ReadError, SinkError};
use crate::framing::Framing;
use crate::gather::Source;
use crate::grown::joined;
use crate::options::{Block, ReadOptions, Sink};
use crate::recognise::Context;
use crate::segment::{Segment, Segmenter, Start};
use crate::stream::{Part, Seed, TextStream, WINDOW_BYTES};
use crate::unpack::{Ended, Piece, Stopped, read_behind, unpack};
use stanch_model::FileAccount;
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};

/// Chunks that wait between unpacking and reading.
const CHUNKS_WAITING: usize = 3;
/// Segments that may be under way besides one for each thread.
const SEGMENTS_WAITING: usize = 1;

/// Reads a file and every file inside it: events go to `sink`, what became of each line into the accounts, in order of
/// path. Memory stays bounded, whatever the file holds; the outcome is the same with any number of threads. Where
/// `options` give a beginning that was read before, only what is behind it is read, and goes to `sink`; the account is of
/// the whole.
///
/// # Errors
/// If the operating system does not open or read the file, or the sink fails. Nothing that a file holds is an error.
pub fn read<S: Sink>(source: &Source, options: &ReadOptions<'_>, sink: &mut S) -> Result<Vec<FileAccount>, ReadError> {
    let bytes_read = AtomicU64::new(0);
    let threads = options.threads.max(1);
    let (pieces, received) = sync_channel(CHUNKS_WAITING);
    let (jobs, queue) = channel();
    let (done, results) = channel();
    let queue = Mutex::new(queue);
    let (unpacked, accounts) = std::thread::scope(|scope| {
        let unpacking = scope.spawn(|| {
            let pieces = pieces;
            let mut send = |piece| pieces.send(piece).is_ok();
            match (options.read_before(), &options.known) {
                (Some(beginning), Some(known)) => read_behind(&source.path, beginning, known, &bytes_read, &mut send),
                (_, known) => unpack(&source.path, known.clone(), &options.limits, &bytes_read, &mut send),
            }
        });
        for _ in 0..threads {
            let (queue, done) = (&queue, done.clone());
            scope.spawn(move || work(queue, &done));
        }
        drop(done);
        let progress = || bytes_read.load(Ordering::Relaxed);
        let desk = Desk { sink, jobs, results, under_way_max: threads + SEGMENTS_WAITING, finished: BTreeMap::new() };
        let accounts = desk.take_in(&received, &source.name, options, progress);
        // With nobody to take pieces any more, unpacking ends too.
        drop(received);
        (unpacking.join(), accounts)
    });
    let path = || source.path.clone();
    let mut accounts = accounts.map_err(|source| ReadError::Sink { path: path(), source })?;
    match unpacked {
        Ok(Ok(()) | Err(Stopped::NotWanted)) => {}
        Ok(Err(Stopped::Io(source))) => {
            return Err(match bytes_read.load(Ordering::Relaxed) {
                0 => ReadError::Open { path: path(), source },
                at_byte => ReadError::Read { path: path(), at_byte, source },
            });
        }
        Err(panic) => resume_unwind(panic),
    }
    accounts.sort_by(|a, b| a.path.cmp(&b.path).then_with(|| a.seal.cmp(&b.seal)));
    Ok(accounts)
}

/// What the reader of one segment hands to that of the next.
enum Handover<'a> {
    /// A record may go on behind the cut, or no format is known yet: the reading itself.
    Stream(Box<TextStream<'a>>),
    /// Each line is read by itself: what to begin with.
    Seed(Seed),
}

/// A segment to be read.
struct Job<'a, B> {
    index: u64,
    segment: Segment,
    context: Context<'a>,
    block: B,
    before: Receiver<Handover<'a>>,
    after: Sender<Handover<'a>>,
    is_last: bool,
}

/// A segment that was read.
struct Done<B> {
    index: u64,
    outcome: Result<(B, Option<Part>), Failed>,
}

enum Failed {
    Sink(SinkError),
    Panic(Box<dyn Any + Send>),
}

/// Reads segments until there are no more.
fn work<'a, B: Block>(queue: &Mutex<Receiver<Job<'a, B>>>, done: &Sender<Done<B>>) {
    loop {
        let job = queue.lock().ok().and_then(|queue| queue.recv().ok());
        let Some(job) = job else { return };
        let index = job.index;
        let outcome = match catch_unwind(AssertUnwindSafe(|| job.run())) {
            Ok(outcome) => outcome.map_err(Failed::Sink),
            Err(panic) => Err(Failed::Panic(panic)),
        };
        if done.send(Done { index, outcome }).is_err() {
            return;
        }
    }
}

impl<B: Block> Job<'_, B> {
    fn run(self) -> Result<(B, Option<Part>), SinkError> {
        let Job { segment, context, mut block, before, after, is_last, .. } = self;
        let mut is_handed_over = false;
        let mut stream = match before.recv() {
            Ok(Handover::Stream(stream)) => stream,
            Ok(Handover::Seed(seed)) => {
                let stream = TextStream::seeded(context, &seed, segment.start);
                is_handed_over = after.send(Handover::Seed(seed)).is_ok();
                Box::new(stream)
            }
            // The segment before failed, and with it the whole.
            Err(_) => return Ok((block, None)),
        };
        stream.read_segment(segment, &mut block, |stream| {
            if !is_handed_over && let Some(seed) = stream.seed() {
                is_handed_over = true;
                // Nobody may be there to take it: this was the last.
                let _ = after.send(Handover::Seed(seed));
            }
        })?;
        let part = if is_handed_over || is_last {
            Some(stream.finish(&mut block)?)
        } else {
            stream.hand_on(&mut block)?;
            let _ = after.send(Handover::Stream(stream));
            None
        };
        block.close()?;
        Ok((block, part))
    }
}

/// Gives segments out and takes what became of them back in their order.
struct Desk<'s, 'a, S: Sink> {
    sink: &'s mut S,
    jobs: Sender<Job<'a, S::Block>>,
    results: Receiver<Done<S::Block>>,
    under_way_max: usize,
    finished: BTreeMap<u64, (S::Block, Option<Part>)>,
}

/// A text under way.
struct Text<'a> {
    path: String,
    context: Context<'a>,
    segmenter: Option<Segmenter>,
    /// Where the next segment's reader gets what it begins with.
    before: Receiver<Handover<'a>>,
    given: u64,
    taken: u64,
    part: Option<Part>,
}

impl<'a, S: Sink> Desk<'_, 'a, S> {
    fn take_in(
        mut self,
        pieces: &Receiver<Piece>,
        name: &str,
        options: &'a ReadOptions<'_>,
        bytes_read: impl Fn() -> u64,
    ) -> Result<Vec<FileAccount>, SinkError> {
        let mut accounts = Vec::new();
        let mut text = None;
        for piece in pieces {
            match piece {
                Piece::Begin { member } => {
                    self.sink.begin()?;
                    let path = member.map_or_else(|| name.to_owned(), |member| format!("{name}!{member}"));
                    text = Some(Text::new(path, options));
                }
                Piece::Text(chunk) => {
                    if let Some(text) = &mut text
                        && let Some(segment) = text.segmenter(&chunk).feed(chunk)
                    {
                        self.give(text, segment, false)?;
                    }
                    self.sink.progress(bytes_read());
                }
                Piece::End(mut ended) => {
                    if let Some(blocks) = ended.blocks.take() {
                        self.sink.sealed(blocks)?;
                    }
                    if let Some(text) = text.take() {
                        let account = self.end(text, ended)?;
                        self.sink.end(&account)?;
                        accounts.push(account);
                    }
                }
            }
        }
        Ok(accounts)
    }

    /// Gives a segment to whoever is free first.
    fn give(&mut self, text: &mut Text<'a>, segment: Segment, is_last: bool) -> Result<(), SinkError> {
        while text.given - text.taken >= self.under_way_max as u64 {
            self.take_back(text)?;
        }
        let (after, next) = channel();
        let before = std::mem::replace(&mut text.before, next);
        let block = self.sink.block()?;
        let job = Job { index: text.given, segment, context: text.context, block, before, after, is_last };
        text.given += 1;
        self.jobs.send(job).map_err(|_| SinkError::new("nobody is left to read"))
    }

    /// Waits for a segment and puts those whose turn has come.
    fn take_back(&mut self, text: &mut Text<'a>) -> Result<(), SinkError> {
        let done = self.results.recv().map_err(|_| SinkError::new("nobody is left to read"))?;
        match done.outcome {
            Ok(outcome) => self.finished.insert(done.index, outcome),
            Err(Failed::Sink(e)) => return Err(e),
            Err(Failed::Panic(panic)) => resume_unwind(panic),
        };
        while let Some((block, part)) = self.finished.remove(&text.taken) {
            text.taken += 1;
            self.sink.put(block)?;
            match (&mut text.part, part) {
                (Some(whole), Some(part)) => whole.absorb(part),
                (whole @ None, part) => *whole = part,
                (Some(_), None) => {}
            }
        }
        Ok(())
    }

    fn end(&mut self, mut text: Text<'a>, ended: Ended) -> Result<FileAccount, SinkError> {
        let last = text.segmenter(&[]).finish();
        self.give(&mut text, last, true)?;
        while text.taken < text.given {
            self.take_back(&mut text)?;
        }
        let part = text.part.ok_or_else(|| SinkError::new("the last segment gave no account; a mistake in stanch"))?;
        let account = part.account(text.path, &text.context, ended);
        Ok(match text.context.beginning {
            Some(beginning) => joined(beginning, account),
            None => account,
        })
    }
}

impl<'a> Text<'a> {
    fn new(path: String, options: &'a ReadOptions<'_>) -> Text<'a> {
        let context = Context::of(&path, options);
        let (first, before) = channel();
        let start = match context.beginning.and_then(|read| Seed::behind(read, context.formats)) {
            Some(seed) => Handover::Seed(seed),
            None => Handover::Stream(Box::new(TextStream::new(context))),
        };
        // The receiver is held right here.
        let _ = first.send(start);
        Text { path, context, segmenter: None, before, given: 0, taken: 0, part: None }
    }

    fn segmenter(&mut self, chunk: &[u8]) -> &mut Segmenter {
        let Context { formats, limits, .. } = self.context;
        self.segmenter.get_or_insert_with(|| {
            // As much as the reader will look at, so that both see the same.
            let (framing, _) = Framing::of(&chunk[..chunk.len().min(WINDOW_BYTES)], &formats.inside);
            match self.context.beginning {
                Some(read) => Segmenter::starting_at(Start { lines: read.lines, offset: read.text_bytes }, limits),
                None => Segmenter::new(framing, limits),
            }
        })
    }
}
