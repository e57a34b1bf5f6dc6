//! Events about logging itself: it was switched off, records were erased or lost. What such events look like is said by
//! packs (`coverage/`).

use stanch_lake::EventRow;
use stanch_model::evidence::GapKind;
use stanch_model::{CoverageGap, EventClass, EventFields, Instant, NumberField, TextField, Window};
use std::collections::{BTreeMap, BTreeSet};

mod rules;

pub use rules::{Rules, check};

use rules::{Effect, Lasts, Rule};

/// Events about logging that are kept; the earliest.
const HITS_MAX: usize = 20_000;
/// Gaps told of one rule in one source.
const GAPS_MAX: usize = 100;

/// What was found, in the order of time.
#[derive(Debug, Default)]
pub(crate) struct Switched {
    hits: BTreeSet<Hit>,
}

/// An event that a rule speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    time: Instant,
    rule: usize,
    source: String,
    /// The counter whose records were erased, where the rule says how it is named.
    counter: Option<String>,
    number: Option<i64>,
    /// Logging was switched on again.
    is_end: bool,
}

/// What else is known of sources: to tell from when to when records are missing.
pub(crate) trait Known {
    /// From the first to the last record of all.
    fn all(&self) -> Option<Window>;
    /// The sources that files of these formats belong to.
    fn sources_of(&self, formats: &[String]) -> Vec<String>;
    /// The last record of a source before a second, and the first after it.
    fn around(&self, source: &str, at: Instant) -> (Option<Instant>, Option<Instant>);
    /// The last record of a counter before a moment; itself, where nothing is missing before it.
    fn of_counter(&self, source: &str, counter: &str, number: Option<i64>, at: Instant) -> Option<Instant>;
}

impl Switched {
    /// An event of a file of that format.
    pub(crate) fn observe(&mut self, row: &EventRow<'_>, format: Option<&str>, source: &str, rules: &Rules) {
        for (index, rule) in rules.rules.iter().enumerate() {
            let Some(is_end) = rule.speaks_of(row, format) else { continue };
            let counter = (!rule.counter.is_empty()).then(|| {
                let marks = rule.counter.iter().filter_map(|field| row.text_of(*field));
                marks.collect::<Vec<_>>().join(&super::numbers::BETWEEN.to_string())
            });
            let number = if rule.is_own_counter(row) { row.number(NumberField::Sequence) } else { None };
            let hit = Hit { time: row.time(), rule: index, source: source.to_owned(), counter, number, is_end };
            self.hits.insert(hit);
            if self.hits.len() > HITS_MAX {
                self.hits.pop_last();
            }
        }
    }

    /// As spans in which records are missing.
    pub(crate) fn gaps(&self, rules: &Rules, known: &dyn Known) -> Vec<CoverageGap> {
        let Some(all) = known.all() else { return Vec::new() };
        let mut told: BTreeMap<(usize, &str), usize> = BTreeMap::new();
        let mut gaps = Vec::new();
        for hit in self.hits.iter().filter(|hit| !hit.is_end) {
            let Some(rule) = rules.rules.get(hit.rule) else { continue };
            let count = told.entry((hit.rule, &hit.source)).or_default();
            *count += 1;
            if *count > GAPS_MAX {
                continue;
            }
            let targets = if rule.of.is_empty() { vec![hit.source.clone()] } else { known.sources_of(&rule.of) };
            let (window, kind) = match rule.effect {
                Effect::Stops => {
                    (Window { from: hit.time, to: self.until(hit, rule, &targets, known, all) }, GapKind::SwitchedOff)
                }
                Effect::Erases | Effect::Loses => {
                    let from = since(hit, &targets, known, all);
                    (Window { from: from.min(hit.time), to: hit.time }, GapKind::Erased)
                }
            };
            let source = match targets.as_slice() {
                [one] => one.clone(),
                _ => hit.source.clone(),
            };
            let why = format!("{} at {}", rule.says, hit.time);
            gaps.push(CoverageGap { source, kind, window, why, in_intrusion: false });
        }
        for ((rule, source), count) in told.into_iter().filter(|(_, count)| *count > GAPS_MAX) {
            let why = format!("{} {} more times", rules.rules[rule].says, count - GAPS_MAX);
            gaps.push(CoverageGap {
                source: source.to_owned(),
                kind: GapKind::SwitchedOff,
                window: all,
                why,
                in_intrusion: false,
            });
        }
        gaps
    }

    /// When records come again.
    fn until(&self, hit: &Hit, rule: &Rule, targets: &[String], known: &dyn Known, all: Window) -> Instant {
        let resumed = || {
            let ends = self.hits.iter().filter(|end| end.is_end && end.rule == hit.rule && end.source == hit.source);
            ends.map(|end| end.time).find(|time| *time >= hit.time)
        };
        let next = || targets.iter().filter_map(|source| known.around(source, hit.time).1).min();
        let end = match rule.lasts {
            Lasts::UntilNextRecord => next(),
            Lasts::UntilSwitchedOn => resumed(),
        };
        end.unwrap_or(all.to).max(hit.time)
    }
}

/// From when on records before it are not there.
fn since(hit: &Hit, targets: &[String], known: &dyn Known, all: Window) -> Instant {
    if let Some(counter) = &hit.counter {
        let of_targets = targets.iter().filter_map(|source| known.of_counter(source, counter, hit.number, hit.time));
        return of_targets.max().unwrap_or(all.from);
    }
    targets.iter().filter_map(|source| known.around(source, hit.time).0).max().unwrap_or(all.from)
}

/// A class by its word.
fn class(word: &str) -> Option<EventClass> {
    EventClass::from_word(word)
}

/// The text columns that rules look at.
pub(crate) const FIELDS: [TextField; 11] = [
    TextField::LogName,
    TextField::Activity,
    TextField::Status,
    TextField::Device,
    TextField::Resource,
    TextField::Query,
    TextField::Message,
    TextField::CommandLine,
    TextField::Process,
    TextField::ApiOperation,
    TextField::Unmapped,
];

#[cfg(test)]
mod tests;
