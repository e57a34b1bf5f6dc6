//! What happened when, for people: moments, activity over time, gaps.

use crate::evidence::{CoverageGap, Seal};
use crate::time::{Instant, Window};
use serde::{Deserialize, Serialize};

/// Which part of the story a moment belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Looking for a way in.
    Probing,
    /// Getting in: accounts opened, injection working, a key or role used from elsewhere.
    Entry,
    /// Reading data.
    Reading,
    /// Changing or deleting data.
    Altering,
    /// What the store did or knew: discovered, became aware, snapshot taken.
    Response,
}

/// One thing that happened, in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// First and last event.
    pub window: Window,
    /// Part of the story.
    pub phase: Phase,
    /// In a line, without personal data.
    pub title: String,
    /// The numbers, without personal data.
    pub detail: String,
    /// How many events it sums up.
    pub events: u64,
    /// One of them: (evidence, byte offset, length).
    pub example: Option<(Seal, u64, u32)>,
}

/// Events over time of one source, the intruder's apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// The log's name.
    pub source: String,
    /// Start of the first bucket.
    pub from: Instant,
    /// Width of a bucket.
    pub bucket_us: i64,
    /// All events per bucket.
    pub total: Vec<u64>,
    /// The intruder's per bucket.
    pub intruder: Vec<u64>,
}

/// The whole story over time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Moments, by start.
    pub moments: Vec<Moment>,
    /// Activity per source; all lanes share their start and bucket width.
    pub lanes: Vec<Lane>,
    /// Spans where a source fell silent or lost records.
    pub gaps: Vec<CoverageGap>,
}
