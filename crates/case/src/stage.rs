//! Which derived parts of a case are whole, and which were made from something that has changed since.
//!
//! A stage is marked as begun before its first byte is written and as done after its last one is in place; beginning
//! it takes back the marks of all that is made from it. So a part that reads as done is whole and in step.

use stanch_model::Instant;
use std::fmt;

/// One step from evidence to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Evidence → `events/`.
    Evidence,
    /// The store's data → `snapshot/`.
    Snapshot,
    /// Events → findings.
    Detect,
    /// Findings → intruder.
    Intruder,
    /// Findings, events, intruder → timeline.
    Timeline,
    /// Intruder, events, snapshot → `exposure/`.
    Scope,
    /// Exposure, laws → duties.
    Duties,
    /// Everything → `report/`.
    Report,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 8] = [
        Stage::Evidence,
        Stage::Snapshot,
        Stage::Detect,
        Stage::Intruder,
        Stage::Timeline,
        Stage::Scope,
        Stage::Duties,
        Stage::Report,
    ];

    /// Its name in the database and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Evidence => "evidence",
            Stage::Snapshot => "snapshot",
            Stage::Detect => "detect",
            Stage::Intruder => "intruder",
            Stage::Timeline => "timeline",
            Stage::Scope => "scope",
            Stage::Duties => "duties",
            Stage::Report => "report",
        }
    }

    /// What it makes, for people.
    pub fn makes(self) -> &'static str {
        match self {
            Stage::Evidence => "table of events",
            Stage::Snapshot => "snapshot",
            Stage::Detect => "list of findings",
            Stage::Intruder => "intruder",
            Stage::Timeline => "timeline",
            Stage::Scope => "exposure",
            Stage::Duties => "list of duties",
            Stage::Report => "report",
        }
    }

    /// The stages whose results it uses.
    pub fn needs(self) -> &'static [Stage] {
        match self {
            Stage::Evidence | Stage::Snapshot => &[],
            Stage::Detect => &[Stage::Evidence],
            Stage::Intruder => &[Stage::Detect],
            Stage::Timeline => &[Stage::Intruder],
            Stage::Scope => &[Stage::Snapshot, Stage::Timeline],
            Stage::Duties => &[Stage::Scope],
            Stage::Report => &[Stage::Duties],
        }
    }

    /// The stages that use its results, directly or not.
    pub fn feeds(self) -> Vec<Stage> {
        let mut fed: Vec<Stage> = Vec::new();
        for stage in Stage::ALL {
            if stage.needs().iter().any(|n| *n == self || fed.contains(n)) {
                fed.push(stage);
            }
        }
        fed
    }

    pub(crate) fn from_word(word: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|s| s.word() == word)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How far a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageState {
    /// Begun and not ended: interrupted, or running now.
    Begun,
    /// Whole, and made from what is there now.
    Done,
}

/// A stage that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageRow {
    /// Which.
    pub stage: Stage,
    /// How far.
    pub state: StageState,
    /// Digest of what it was made from, as the maker gave it.
    pub inputs: String,
    /// When it was begun.
    pub begun_at: Instant,
    /// How long it took, in microseconds.
    pub took_us: Option<i64>,
    /// Bytes that it read, where that means something.
    pub bytes: Option<u64>,
    /// Events that it read or made, where that means something.
    pub events: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stage_feeds_is_everything_downstream() {
        assert_eq!(Stage::Scope.feeds(), [Stage::Duties, Stage::Report]);
        assert_eq!(Stage::Snapshot.feeds(), [Stage::Scope, Stage::Duties, Stage::Report]);
        assert_eq!(Stage::Evidence.feeds().len(), 6);
        assert!(Stage::Report.feeds().is_empty());
    }

    #[test]
    fn a_stage_needs_only_earlier_ones() {
        for stage in Stage::ALL {
            assert!(stage.needs().iter().all(|n| *n < stage));
            assert_eq!(Stage::from_word(stage.word()), Some(stage));
        }
    }
}
