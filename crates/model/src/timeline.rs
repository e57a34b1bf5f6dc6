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

/// One source from its first to its last record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSpan {
    /// The log's name.
    pub source: String,
    /// First and last record.
    pub window: Window,
    /// How many.
    pub events: u64,
    /// Gaps found in it.
    pub gaps: u64,
}

/// How far the clocks of two sources are apart, as what both of them tell of the same things shows it. An estimate:
/// nothing is moved by it before a person states it in the store file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockSkew {
    /// The source whose clock is looked at.
    pub source: String,
    /// The one that it is compared with.
    pub against: String,
    /// By how much `source` is ahead: the median over the pairs, in microseconds. Below zero: it is behind.
    pub ahead_us: i64,
    /// Pairs that show it.
    pub pairs: u64,
    /// The share of all pairs that do, 0 to 1.
    pub share: f64,
    /// How far those pairs lie apart: from their 5th to their 95th percentile, in microseconds.
    pub spread_us: i64,
    /// What the pairs are made of: `request id`, `session`, `sign-in`, `request`.
    pub by: Vec<String>,
    /// What it looks like.
    pub looks_like: SkewKind,
    /// The lines that confirm it in the store file, one of which is meant; none where the clocks agree.
    pub confirm: Vec<String>,
}

impl ClockSkew {
    /// The estimate in a line: `shop is 42.3 s ahead of proxy (38 pairs, 95 % of all, within 0.4 s, by request id)`.
    pub fn told(&self) -> String {
        let apart = match (self.looks_like, self.ahead_us) {
            (SkewKind::Agree, _) => "agrees with".to_owned(),
            (_, us) => {
                let (length, way) = (length(us.abs()), if us < 0 { "behind" } else { "ahead of" });
                format!("is {length} {way}")
            }
        };
        let zone = match self.looks_like {
            SkewKind::Zone => ", whole or half hours: more likely a wrong time zone than a wrong clock",
            _ => "",
        };
        #[expect(clippy::cast_precision_loss, reason = "seconds, for people")]
        let spread = self.spread_us as f64 / 1e6;
        let (source, against, pairs) = (&self.source, &self.against, self.pairs);
        let (share, by) = (self.share * 100.0, self.by.join(", "));
        format!("{source} {apart} {against}{zone} ({pairs} pairs, {share:.0} % of all, within {spread:.1} s, by {by})")
    }
}

/// A length of time for people.
fn length(us: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let seconds = us as f64 / 1e6;
    match us / 1_000_000 {
        s if s < 600 => format!("{seconds:.1} s"),
        s => format!("{} h {} min {} s", s / 3600, s / 60 % 60, s % 60),
    }
}

/// What a difference between two clocks looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkewKind {
    /// They agree.
    Agree,
    /// One of them goes wrong.
    Clock,
    /// They are whole or half hours apart: one of them was read in another zone than it was written in.
    Zone,
}

/// The whole story over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Moments, by start.
    pub moments: Vec<Moment>,
    /// Activity per source; all lanes share their start and bucket width.
    pub lanes: Vec<Lane>,
    /// Spans where a source fell silent or lost records.
    pub gaps: Vec<CoverageGap>,
    /// Every source from its first to its last record.
    #[serde(default)]
    pub sources: Vec<SourceSpan>,
    /// How far the clocks of sources are apart, where that can be told.
    #[serde(default)]
    pub skews: Vec<ClockSkew>,
}
