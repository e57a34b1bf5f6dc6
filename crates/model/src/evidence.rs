//! What was taken in, and what became of each of its lines.

use crate::time::{Instant, Window};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The SHA-256 of a file's bytes, lower-case hexadecimal. A file's identity throughout a case.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seal(pub String);

impl Seal {
    /// The first twelve digits, enough to tell the files of one case apart on a screen.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal({})", self.short())
    }
}

/// The account of one evidence file. Invariant: `lines == events + unread + folded`, held by a property test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileAccount {
    /// The seal of the file as it was handed over (compressed files: of the compressed bytes).
    pub seal: Seal,
    /// Path as given, relative to the root it was taken from, `/`-separated; for a member of an archive
    /// `archive.zip!inner/path`. Never used to open anything.
    pub path: String,
    /// Bytes as handed over.
    pub bytes: u64,
    /// Bytes after decompression: what offsets count in.
    pub text_bytes: u64,
    /// The compression that was peeled off: `gzip`, `zstd`, or nothing.
    pub container: Option<String>,
    /// The format pack that read it, or nothing where none fits.
    pub format: Option<String>,
    /// Share of the sampled lines that the format understands, 0 to 1.
    pub format_score: f64,
    /// The next best format and its score.
    pub runner_up: Option<(String, f64)>,
    /// What `lines` and all numbers of lines below count.
    #[serde(default)]
    pub counted: Counted,
    /// Physical lines, the last counted even without its newline; records where a file has no lines.
    pub lines: u64,
    /// Lines that became an event, belong to one that spans several lines, or tell how to read others (a head).
    pub lines_in_events: u64,
    /// Records that became events. (An event may span lines, so this may be below `lines_in_events`.)
    pub events: u64,
    /// Lines that became nothing, by reason. `lines == lines_in_events + Σ unread.lines`.
    pub unread: Vec<UnreadGroup>,
    /// First and last event.
    pub window: Option<Window>,
    /// The other paths at which a file with the same bytes was handed over; read once.
    pub duplicates: Vec<String>,
    /// Seconds added to every time in it, as stated in the store file.
    pub clock_offset_s: i64,
    /// Anything else that a reader must know: a compressed stream that ends early, a member left out.
    pub remarks: Vec<String>,
    /// The formats in which it can be read on behind its end, should the file grow: each of its lines is read by itself,
    /// and the last one is whole. Empty where a file that grew has to be read anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads_on_in: Vec<String>,
    /// How its format numbers records, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbered: Option<Numbering>,
    /// What its bytes show of cutting and overwriting.
    #[serde(default, skip_serializing_if = "Tears::is_empty")]
    pub tears: Tears,
}

impl FileAccount {
    /// Lines that became nothing.
    pub fn unread_lines(&self) -> u64 {
        self.unread.iter().map(|g| g.lines).sum()
    }

    /// The share of the text's bytes that became events, 0 to 1; of an empty text all.
    pub fn read_share(&self) -> f64 {
        if self.lines > 0 && self.lines_in_events == 0 {
            return 0.0;
        }
        let unread: u64 = self.unread.iter().map(|g| g.bytes).sum();
        #[expect(clippy::cast_precision_loss, reason = "a share, for people")]
        if self.text_bytes == 0 { 1.0 } else { 1.0 - (unread.min(self.text_bytes) as f64 / self.text_bytes as f64) }
    }
}

/// What a format's numbers (`metadata.sequence`) count, as its pack declares it. Nothing is guessed from the numbers alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numbering {
    /// What has a counter of its own.
    pub counts: Counter,
    /// How the numbers go on.
    pub steps: Steps,
    /// What tells one counter of a source from another; several machines or channels may write to one log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<Mark>,
    /// Records that have numbers from elsewhere: a field as in `by`, and a regular expression that its value fits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub except: BTreeMap<String, String>,
    /// Whether several records may have one number.
    #[serde(default)]
    pub shared: bool,
    /// What numbers that are not there may mean, for people: `lost, removed, or not exported`.
    #[serde(default)]
    pub missing: String,
    /// What it means when they begin anew, for people: `the machine was started again`.
    #[serde(default)]
    pub anew: String,
}

/// What has a counter of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// Each session (`actor.session.uid`), from 1 on.
    PerSession,
    /// Each source, or each of what `by` tells apart in it.
    PerSource,
}

/// How numbers go on from record to record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steps {
    /// By one: a number that is not there is a record that is not there.
    One,
    /// Upwards; not each number is written.
    Rising,
}

/// What tells one counter from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// An event field (`device.hostname`), or a text in the fields that have no column (`unmapped.Channel`).
    pub field: String,
    /// A regular expression: its first group that takes part is the mark. Without it, the whole value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Whether a record without it belongs to no counter that is known.
    #[serde(default)]
    pub needed: bool,
}

/// What a text's bytes show of cutting and overwriting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tears {
    /// Its last line has no end: what wrote it was stopped, or what stood behind was cut off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
    /// Its first line is none, though the rest is read: it begins in the middle of a record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub begins_inside: bool,
    /// Runs of NUL bytes that were found.
    #[serde(default)]
    pub nul_runs: u64,
    /// Bytes in them.
    #[serde(default)]
    pub nul_bytes: u64,
    /// Where the first few begin: byte offset.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nul_at: Vec<u64>,
}

impl Tears {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        *self == Tears::default()
    }
}

/// What a file's account counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Physical lines.
    #[default]
    Lines,
    /// Records of a document or a binary file.
    Records,
}

impl Counted {
    /// The word for several of them.
    pub fn word(self) -> &'static str {
        match self {
            Counted::Lines => "lines",
            Counted::Records => "records",
        }
    }
}

/// Lines that could not be read for one and the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadGroup {
    /// Why, in words: `not in format nginx combined: no quoted request`.
    pub reason: String,
    /// How many lines.
    pub lines: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Where the first few stand: (line number from 1, byte offset, length).
    pub examples: Vec<(u64, u64, u32)>,
}

/// What shows that something is not covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapKind {
    /// A source fell silent, begins late or ends early.
    #[default]
    Silence,
    /// Numbers that should be there are not.
    MissingNumbers,
    /// Numbers begin anew.
    NumbersAnew,
    /// One number stands at several times.
    NumbersTwice,
    /// A file's clock goes back.
    ClockBack,
    /// A file of a rotated log is not there.
    Rotation,
    /// A file begins or ends inside of a record, is empty, or was overwritten.
    Torn,
    /// Logging was switched off.
    SwitchedOff,
    /// Records were erased.
    Erased,
}

/// A span in which a source that was writing fell silent, or numbers that should be there and are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageGap {
    /// Which source: the log's name.
    pub source: String,
    /// What kind of sign shows it.
    #[serde(default)]
    pub kind: GapKind,
    /// The span without records.
    pub window: Window,
    /// What shows it: `silent 42 times longer than its 99th percentile`, `session line 5 to 9 missing`.
    pub why: String,
    /// Whether it overlaps the intruder's windows, so that it bears on the ceiling.
    pub in_intrusion: bool,
}

/// Named totals, in a stable order.
pub type Counts = BTreeMap<String, u64>;

/// When and by whom a file was taken in; kept in the ledger, apart from what the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custody {
    /// The moment of sealing.
    pub at: Instant,
    /// Who ran the tool.
    pub by: String,
    /// Where the file stood.
    pub from: String,
}
