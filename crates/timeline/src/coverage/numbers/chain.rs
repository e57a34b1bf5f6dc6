//! Stretches of all files put together, and what they show.

use super::mark::BETWEEN;
use super::stretch::{Run, Stretch, begins_anew, coarsen, missing_between};
use stanch_model::evidence::GapKind;
use stanch_model::{CoverageGap, Instant, Numbering, Window};

/// Gaps of one counter that are told one by one; more are told as one.
const GAPS_MAX: usize = 50;
/// A stretch of fewer records may be some that were written late.
const FEW: usize = 8;

/// Rising numbers of one counter, from however many files.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    first: i64,
    first_few_max: i64,
    records: usize,
    window: Window,
    runs: Vec<Run>,
    absent: u64,
    places: u64,
    twice: u64,
    twice_window: Option<Window>,
}

/// The chains of a counter by time. Files may overlap, and come in any order.
pub(crate) fn of_files<'a>(files: impl Iterator<Item = &'a Vec<Stretch>>) -> Vec<Chain> {
    let mut all: Vec<Chain> = files.flat_map(|stretches| of_file(stretches)).collect();
    all.sort_by_key(|c| (c.window, c.lowest(), c.highest(), c.records));
    let mut chains: Vec<Chain> = Vec::new();
    for next in all {
        match chains.last_mut() {
            // What was written at the same time is the same numbers, handed over twice.
            Some(chain)
                if next.window.from <= chain.window.to
                    || !begins_anew(next.first, next.first_few_max, chain.highest()) =>
            {
                chain.absorb(next);
            }
            _ => chains.push(next),
        }
    }
    chains
}

/// The chains of one file, in its order.
fn of_file(stretches: &[Stretch]) -> Vec<Chain> {
    let mut ordered: Vec<&Stretch> = stretches.iter().collect();
    ordered.sort_by_key(|s| s.offset);
    let falling = ordered.iter().filter(|s| s.is_falling).count();
    if falling * 2 > ordered.len() {
        ordered.reverse();
    }
    let mut chains: Vec<Chain> = Vec::new();
    let mut waiting: Option<Chain> = None;
    for next in ordered.into_iter().map(Chain::of) {
        let Some(chain) = chains.last_mut() else {
            chains.push(next);
            continue;
        };
        if let Some(late) = waiting.take() {
            // A few low numbers that higher ones follow were written late; else they do begin anew.
            if begins_anew(next.first, next.first_few_max, chain.highest()) {
                chains.push(late);
            } else {
                chain.absorb(late);
            }
        }
        let Some(chain) = chains.last_mut() else { continue };
        if !begins_anew(next.first, next.first_few_max, chain.highest()) {
            chain.absorb(next);
        } else if next.records < FEW {
            waiting = Some(next);
        } else {
            chains.push(next);
        }
    }
    chains.extend(waiting);
    chains
}

impl Chain {
    fn of(stretch: &Stretch) -> Chain {
        Chain {
            first: stretch.first,
            first_few_max: stretch.first_few_max,
            records: stretch.records,
            window: stretch.window,
            runs: stretch.runs.clone(),
            absent: stretch.absent,
            places: stretch.places,
            twice: stretch.twice,
            twice_window: stretch.twice_window,
        }
    }

    fn lowest(&self) -> i64 {
        self.runs.first().map_or(0, |run| run.first)
    }

    fn highest(&self) -> i64 {
        self.runs.last().map_or(0, |run| run.last)
    }

    /// Whether the number before this one is there too.
    pub(crate) fn goes_on_into(&self, number: i64) -> bool {
        self.runs.iter().any(|run| run.first < number && number <= run.last)
    }

    /// The last moment before another at which it is known to have had a record.
    pub(crate) fn last_before(&self, at: Instant) -> Option<Instant> {
        self.runs.iter().flat_map(|run| [run.from, run.to]).filter(|time| *time < at).max()
    }

    fn absorb(&mut self, next: Chain) {
        self.records += next.records;
        self.window = self.window.stretched_to(next.window.from).stretched_to(next.window.to);
        self.absent += next.absent;
        self.places += next.places;
        self.twice += next.twice;
        self.twice_window = match (self.twice_window, next.twice_window) {
            (Some(a), Some(b)) => Some(a.stretched_to(b.from).stretched_to(b.to)),
            (a, b) => a.or(b),
        };
        let mut all = std::mem::take(&mut self.runs);
        all.extend(next.runs);
        all.sort_by_key(|run| (run.first, run.last, run.from, run.to));
        for run in all {
            match self.runs.last_mut() {
                Some(last) if run.first <= last.last.saturating_add(1) => {
                    if run.last > last.last {
                        (last.last, last.to) = (run.last, run.to);
                    }
                }
                _ => self.runs.push(run),
            }
        }
        let (absent, places) = coarsen(&mut self.runs);
        self.absent += absent;
        self.places += places;
    }
}

/// Whose chains they are, and how gaps in them are told.
pub(crate) struct Told<'a> {
    pub(crate) source: &'a str,
    pub(crate) marks: &'a str,
    pub(crate) numbering: &'a Numbering,
    /// Where not each number is there: a step from which on one stands out.
    pub(crate) large: Option<i64>,
}

impl Told<'_> {
    pub(crate) fn gaps(&self, chains: &[Chain]) -> Vec<CoverageGap> {
        let of = self.of();
        let mut gaps = Vec::new();
        for pair in chains.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            let at =
                Window { from: before.window.to.min(after.window.from), to: before.window.to.max(after.window.from) };
            let (first, last) = (after.lowest(), before.highest());
            let why = format!("its numbers{of} begin anew at {first} after {last}{}", because(&self.numbering.anew));
            gaps.push(self.gap(GapKind::NumbersAnew, at, why));
        }
        for chain in chains {
            gaps.extend(self.missing(chain, &of));
            if let Some(window) = chain.twice_window {
                let twice = numbers(chain.twice);
                let why = format!(
                    "{twice}{of} given more than once, at different times: two logs put together, or records added"
                );
                gaps.push(self.gap(GapKind::NumbersTwice, window, why));
            }
        }
        gaps
    }

    fn missing(&self, chain: &Chain, of: &str) -> Vec<CoverageGap> {
        let pairs = || chain.runs.iter().zip(chain.runs.iter().skip(1));
        let hole = |(a, b): (&Run, &Run)| (Window { from: a.to.min(b.from), to: a.to.max(b.from) }, a.last, b.first);
        if let Some(large) = self.large {
            let jumps = pairs().filter(|(a, b)| b.first.saturating_sub(a.last) >= large).map(hole).take(GAPS_MAX);
            let why = |before, after| {
                let steps = "far more than its usual steps";
                format!("its numbers{of} jump from {before} to {after}, {steps}{}", because(&self.numbering.missing))
            };
            let gap = |(window, before, after)| self.gap(GapKind::MissingNumbers, window, why(before, after));
            return jumps.map(gap).collect();
        }
        let places = chain.places + pairs().count() as u64;
        if places == 0 {
            return Vec::new();
        }
        let because = because(&self.numbering.missing);
        if chain.places == 0 && places <= GAPS_MAX as u64 {
            return pairs()
                .map(|(a, b)| {
                    let (window, before, after) = hole((a, b));
                    let count = missing_between(a, b);
                    let which = match count {
                        1 => format!("number {}{of} missing", before + 1),
                        _ => format!("numbers {} to {}{of} missing ({count})", before + 1, after - 1),
                    };
                    self.gap(GapKind::MissingNumbers, window, format!("{which}{because}"))
                })
                .collect();
        }
        let missing = chain.absent + pairs().map(|(a, b)| missing_between(a, b)).sum::<u64>();
        let (lowest, highest) = (chain.lowest(), chain.highest());
        let why = format!("{missing} of the numbers {lowest} to {highest}{of} missing, in {places} places{because}");
        vec![self.gap(GapKind::MissingNumbers, chain.window, why)]
    }

    /// Which counter of the source, where it has several. Marks that only tell journals apart say nothing to people.
    fn of(&self) -> String {
        let marks: Vec<&str> = self.marks.split(BETWEEN).filter(|m| !m.is_empty()).collect();
        let shown = |m: &&str| m.len() > 24 && m.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        let marks: Vec<String> =
            marks.iter().map(|m| if shown(m) { format!("{}…", &m[..8]) } else { (*m).to_owned() }).collect();
        if marks.is_empty() { String::new() } else { format!(" of {}", marks.join(", ")) }
    }

    fn gap(&self, kind: GapKind, window: Window, why: String) -> CoverageGap {
        CoverageGap { source: self.source.to_owned(), kind, window, why, in_intrusion: false }
    }
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

fn numbers(count: u64) -> String {
    if count == 1 { "1 number".to_owned() } else { format!("{count} numbers") }
}
