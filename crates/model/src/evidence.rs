//! What was taken in, and what became of each of its lines.

use crate::time::{Instant, Window};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The SHA-256 of a file's bytes, lower-case hexadecimal. A file's identity throughout a case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// A span in which a source that was writing fell silent, or numbers that should be there and are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageGap {
    /// Which source: the log's name.
    pub source: String,
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
