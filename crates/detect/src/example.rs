//! Spans of time with their counts, and the first few events of something.

use stanch_lake::EventRow;
use stanch_model::{EventFields, Instant, Seal, Window};

/// First and last event, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) window: Window,
    pub(crate) events: u64,
}

impl Default for Span {
    fn default() -> Self {
        Span { window: Window { from: Instant(i64::MAX), to: Instant(i64::MIN) }, events: 0 }
    }
}

impl Span {
    pub(crate) fn add(&mut self, time: Instant) {
        self.window = self.window.stretched_to(time);
        self.events += 1;
    }

    pub(crate) fn merge(&mut self, other: &Span) {
        self.window.from = self.window.from.min(other.window.from);
        self.window.to = self.window.to.max(other.window.to);
        self.events += other.events;
    }
}

/// Events kept of each finding.
const EXAMPLES_MAX: usize = 5;

/// The earliest few events, whatever order they come in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Examples {
    kept: Vec<(Instant, Seal, u64, u32)>,
}

impl Examples {
    pub(crate) fn add(&mut self, row: &EventRow<'_>) {
        let time = row.time();
        if self.kept.len() == EXAMPLES_MAX && self.kept.last().is_some_and(|last| last.0 < time) {
            return;
        }
        let position = row.position();
        self.insert((time, row.evidence(), position.offset, position.length));
    }

    pub(crate) fn merge(&mut self, other: &Examples) {
        other.kept.iter().for_each(|e| self.insert(e.clone()));
    }

    fn insert(&mut self, example: (Instant, Seal, u64, u32)) {
        if let Err(at) = self.kept.binary_search(&example) {
            self.kept.insert(at, example);
            self.kept.truncate(EXAMPLES_MAX);
        }
    }

    /// Evidence, byte offset, length.
    pub(crate) fn places(&self) -> Vec<(Seal, u64, u32)> {
        self.kept.iter().map(|(_, seal, offset, length)| (seal.clone(), *offset, *length)).collect()
    }
}
