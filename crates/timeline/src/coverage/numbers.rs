//! Numbers that a source gives its records: missing ones, numbers begun anew, numbers given twice.
//!
//! What a number counts is declared by the format's pack and kept in each file's account; see [`Numbering`].

mod chain;
mod mark;
mod stretch;

use crate::source;
use chain::Chain;
pub(crate) use mark::BETWEEN;
use mark::Marks;
use stanch_lake::EventRows;
use stanch_model::evidence::{Counter, Steps};
use stanch_model::{CoverageGap, EventFields, FileAccount, Instant, NumberField, Numbering};
use std::collections::{BTreeMap, HashMap};
use stretch::{Record, Stretch, stretches};

/// Counters that are followed. More of them in one case are no counters.
const COUNTERS_MAX: usize = 10_000;

/// All counters of a case.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    by_file: HashMap<String, Plan>,
    counters: BTreeMap<Key, Counted>,
}

/// How one file is numbered.
#[derive(Debug)]
struct Plan {
    numbering: Numbering,
    marks: Marks,
}

/// A source and the marks that tell its counters apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    source: String,
    marks: String,
}

#[derive(Debug)]
struct Counted {
    numbering: Numbering,
    /// By file; in no particular order.
    files: BTreeMap<String, Vec<Stretch>>,
    /// How often a step from one number to the next had so many bits.
    steps: [u64; 64],
}

impl Numbers {
    /// For the files that are numbered per source.
    pub(crate) fn new(files: &[FileAccount]) -> Numbers {
        let numbered = files.iter().filter_map(|file| Some((file, file.numbered.as_ref()?)));
        let per_source = numbered.filter(|(_, numbering)| numbering.counts == Counter::PerSource);
        let by_file = per_source
            .map(|(file, numbering)| {
                let plan = Plan { numbering: numbering.clone(), marks: Marks::new(numbering) };
                (file.seal.0.clone(), plan)
            })
            .collect();
        Numbers { by_file, counters: BTreeMap::new() }
    }

    /// Whether there is nothing to look at.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_file.is_empty()
    }

    /// A batch, as it stands in its file.
    pub(crate) fn observe(&mut self, rows: &EventRows) {
        let mut found: BTreeMap<(&str, Key), Vec<Record>> = BTreeMap::new();
        let mut of_file: Option<(&str, Option<&Plan>)> = None;
        let (mut marks, mut last) = (String::new(), None::<(&str, Key)>);
        for row in rows.iter() {
            let file = row.evidence_str();
            if of_file.is_none_or(|(known, _)| known != file) {
                of_file = Some((file, self.by_file.get(file)));
            }
            let Some((_, Some(plan))) = of_file else { continue };
            let Some(number) = row.number(NumberField::Sequence).filter(|n| *n >= 0) else { continue };
            if !plan.marks.of(&row, &mut marks) {
                continue;
            }
            let is_same =
                last.as_ref().is_some_and(|(f, key)| *f == file && key.marks == marks && key.source == source(&row));
            if !is_same {
                last = Some((file, Key { source: source(&row).to_owned(), marks: marks.clone() }));
            }
            let record = Record { number, time: row.time(), offset: row.position().offset };
            if let Some(key) = &last {
                match found.get_mut(key) {
                    Some(list) => list.push(record),
                    None => drop(found.insert(key.clone(), vec![record])),
                }
            }
        }
        for ((file, key), records) in found {
            let Some(plan) = self.by_file.get(file) else { continue };
            if !self.counters.contains_key(&key) && self.counters.len() >= COUNTERS_MAX {
                continue;
            }
            let counter = self.counters.entry(key).or_insert_with(|| Counted {
                numbering: plan.numbering.clone(),
                files: BTreeMap::new(),
                steps: [0; 64],
            });
            let made = stretches(records, plan.numbering.shared, &mut counter.steps);
            counter.files.entry(file.to_owned()).or_default().extend(made);
        }
    }

    /// What they show.
    pub(crate) fn gaps(&self) -> Vec<CoverageGap> {
        let mut gaps = Vec::new();
        for (key, counter) in &self.counters {
            let chains = chain::of_files(counter.files.values());
            let large = match counter.numbering.steps {
                Steps::One => None,
                Steps::Rising => Some(large_step(&counter.steps)),
            };
            let told = chain::Told { source: &key.source, marks: &key.marks, numbering: &counter.numbering, large };
            gaps.extend(told.gaps(&chains));
        }
        gaps
    }

    /// The last record of a counter before a moment, and whether the records up to that moment are all there. Nothing where
    /// the counter is not known.
    pub(crate) fn last_before(&self, source: &str, marks: &str, number: Option<i64>, at: Instant) -> Option<Before> {
        let key = Key { source: source.to_owned(), marks: marks.to_owned() };
        let chains = chain::of_files(self.counters.get(&key)?.files.values());
        if let Some(number) = number
            && chains.iter().any(|chain| chain.goes_on_into(number))
        {
            return Some(Before::Whole);
        }
        Some(chains.iter().filter_map(|chain: &Chain| chain.last_before(at)).max().map_or(Before::Nothing, Before::At))
    }
}

/// What a counter has before a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// The record just before it.
    Whole,
    /// Its last record is from then.
    At(Instant),
    /// No record.
    Nothing,
}

/// A step from which on one stands out: fifty times the 99th percentile, rounded up to a power of two, and at least a
/// thousand.
fn large_step(steps: &[u64; 64]) -> i64 {
    let all: u64 = steps.iter().sum();
    let mut seen = 0;
    for (bits, count) in steps.iter().enumerate() {
        seen += count;
        if seen * 100 >= all * 99 && all > 0 {
            let usual = 1i64.checked_shl(u32::try_from(bits).unwrap_or(63)).unwrap_or(i64::MAX);
            return usual.saturating_mul(50).max(1000);
        }
    }
    i64::MAX
}

#[cfg(test)]
mod tests;
