//! Clocks that go back inside a file.

use stanch_lake::EventRows;
use stanch_model::evidence::GapKind;
use stanch_model::{CoverageGap, EventFields, Instant, TextField, Window};
use std::collections::BTreeMap;

/// Lines a little out of order are usual: several processes write to one log.
const BACK_MIN_US: i64 = 60_000_000;
/// Gaps reported per file.
const BACK_MAX: usize = 20;

/// The ends of each batch, so that batches may come in any order, and the jumps inside them.
#[derive(Debug, Default)]
pub(crate) struct FileOrder {
    files: BTreeMap<String, File>,
}

#[derive(Debug, Default)]
struct File {
    source: String,
    /// By offset: the first and the last event of each batch.
    edges: BTreeMap<u64, Edge>,
    jumps: BTreeMap<u64, Window>,
    /// How often a record is later than the one before it, and how often earlier.
    later: u64,
    earlier: u64,
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    time: Instant,
    /// The batch goes on after it, so that the next edge is its other end and has been compared already.
    opens: bool,
}

impl FileOrder {
    pub(crate) fn observe(&mut self, rows: &EventRows) {
        let mut from = 0;
        while from < rows.len() {
            let evidence = rows.row(from).evidence_str();
            let mut to = from + 1;
            while to < rows.len() && rows.row(to).evidence_str() == evidence && offset(rows, to) > offset(rows, to - 1)
            {
                to += 1;
            }
            self.run(rows, evidence, from, to);
            from = to;
        }
    }

    /// A run of events of one file, in its order.
    fn run(&mut self, rows: &EventRows, evidence: &str, from: usize, to: usize) {
        let file = self.files.entry(evidence.to_owned()).or_default();
        if file.source.is_empty() {
            rows.row(from).text_of(TextField::LogName).unwrap_or("unnamed log").clone_into(&mut file.source);
        }
        for i in from + 1..to {
            file.compare(rows.row(i - 1).time(), rows.row(i).time(), offset(rows, i));
        }
        let edge = |i: usize, opens| (offset(rows, i), Edge { time: rows.row(i).time(), opens });
        file.edges.extend([edge(from, to - from > 1), edge(to - 1, false)]);
    }

    /// The log that a file's events belong to, by its seal.
    pub(crate) fn source(&self, evidence: &str) -> Option<&str> {
        self.files.get(evidence).map(|file| file.source.as_str())
    }

    /// Where a file's clock goes back: the byte, and from when to when.
    pub(crate) fn jumps(&self, evidence: &str) -> BTreeMap<u64, Window> {
        self.files.get(evidence).map(File::all_jumps).unwrap_or_default()
    }

    pub(crate) fn gaps(&self) -> Vec<CoverageGap> {
        let mut gaps = Vec::new();
        for file in self.files.values() {
            gaps.extend(file.all_jumps().iter().take(BACK_MAX).map(|(offset, window)| CoverageGap {
                source: file.source.clone(),
                kind: GapKind::ClockBack,
                window: *window,
                why: format!("its clock goes back {} s at byte {offset}", (window.to.0 - window.from.0) / 1_000_000),
                in_intrusion: false,
            }));
        }
        gaps
    }
}

impl File {
    /// The jumps inside of batches and between them. A file that holds its last record first has none.
    fn all_jumps(&self) -> BTreeMap<u64, Window> {
        if self.earlier > self.later {
            return BTreeMap::new();
        }
        let mut jumps = File { jumps: self.jumps.clone(), ..File::default() };
        for ((_, a), (offset, b)) in self.edges.iter().zip(self.edges.iter().skip(1)) {
            if !a.opens {
                jumps.compare(a.time, b.time, *offset);
            }
        }
        jumps.jumps
    }

    fn compare(&mut self, before: Instant, after: Instant, offset: u64) {
        self.later += u64::from(after > before);
        self.earlier += u64::from(after < before);
        if before.0.saturating_sub(after.0) >= BACK_MIN_US {
            self.jumps.insert(offset, Window { from: after, to: before });
            if self.jumps.len() > 4 * BACK_MAX {
                self.jumps.pop_last();
            }
        }
    }
}

fn offset(rows: &EventRows, i: usize) -> u64 {
    rows.row(i).position().offset
}
