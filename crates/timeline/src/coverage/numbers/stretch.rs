//! Stretches of a counter's numbers between two places where they begin anew, as they stand in a batch of one file.

use stanch_model::{Instant, Window};

/// Numbers in a row that must be low before they count as begun anew; one record may come late.
const LOOKED_AHEAD: usize = 8;
/// Runs kept of a stretch. Where there are more, the widest gaps are kept and the others counted.
const RUNS_MAX: usize = 1000;

/// A numbered record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) number: i64,
    pub(crate) time: Instant,
    pub(crate) offset: u64,
}

/// Numbers without one missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// When the first was given, and the last.
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

/// Rising numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Where it begins in its file.
    pub(crate) offset: u64,
    /// Whether the file holds its last record first.
    pub(crate) is_falling: bool,
    pub(crate) records: usize,
    /// Its first number, and the highest of its first few.
    pub(crate) first: i64,
    pub(crate) first_few_max: i64,
    pub(crate) window: Window,
    /// In order, apart from each other.
    pub(crate) runs: Vec<Run>,
    /// Numbers that are missing inside of runs, and in how many places, where there were too many to keep them apart.
    pub(crate) absent: u64,
    pub(crate) places: u64,
    /// Numbers that stand at several times, and when.
    pub(crate) twice: u64,
    pub(crate) twice_window: Option<Window>,
}

/// Cuts the records of one counter in one batch, in the order of the file. Steps from one number to the next are counted by
/// their size.
pub(crate) fn stretches(mut records: Vec<Record>, shared: bool, steps: &mut [u64; 64]) -> Vec<Stretch> {
    let pairs = || records.iter().zip(records.iter().skip(1));
    let is_falling =
        pairs().filter(|(a, b)| a.number > b.number).count() > pairs().filter(|(a, b)| a.number < b.number).count();
    if is_falling {
        records.reverse();
    }
    let mut made = Vec::new();
    let (mut from, mut highest) = (0, i64::MIN);
    for at in 0..records.len() {
        let ahead = &records[at..records.len().min(at + LOOKED_AHEAD)];
        if at > from && begins_anew(records[at].number, max(ahead), highest) {
            made.push(stretch(&records[from..at], is_falling, shared, steps));
            (from, highest) = (at, i64::MIN);
        }
        highest = highest.max(records[at].number);
    }
    if from < records.len() {
        made.push(stretch(&records[from..], is_falling, shared, steps));
    }
    made
}

/// Whether a number and those right behind it begin a counter anew: far below all that was before. A record that was
/// written late is followed by higher ones.
pub(crate) fn begins_anew(first: i64, first_few_max: i64, highest_before: i64) -> bool {
    first < highest_before / 2 && first_few_max < highest_before
}

fn max(records: &[Record]) -> i64 {
    records.iter().map(|r| r.number).max().unwrap_or(i64::MIN)
}

fn stretch(records: &[Record], is_falling: bool, shared: bool, steps: &mut [u64; 64]) -> Stretch {
    let mut sorted = records.to_vec();
    sorted.sort_by_key(|r| (r.number, r.time));
    let first_few_max = max(&records[..records.len().min(LOOKED_AHEAD)]);
    let mut made = Stretch {
        offset: records.iter().map(|r| r.offset).min().unwrap_or_default(),
        is_falling,
        records: records.len(),
        first: records[0].number,
        first_few_max,
        window: Window { from: sorted[0].time, to: sorted[0].time },
        runs: Vec::new(),
        absent: 0,
        places: 0,
        twice: 0,
        twice_window: None,
    };
    for record in sorted {
        made.window = made.window.stretched_to(record.time);
        match made.runs.last_mut() {
            Some(run) if record.number == run.last => {
                if !shared && record.time != run.to {
                    made.twice += 1;
                    let at = Window { from: run.to.min(record.time), to: run.to.max(record.time) };
                    let known = made.twice_window.unwrap_or(at);
                    made.twice_window = Some(known.stretched_to(at.from).stretched_to(at.to));
                }
                run.to = record.time;
            }
            Some(run) => {
                let step = record.number.abs_diff(run.last);
                steps[63 - step.leading_zeros().min(63) as usize] += 1;
                if step == 1 {
                    (run.last, run.to) = (record.number, record.time);
                } else {
                    made.runs.push(run_of(&record));
                }
            }
            None => made.runs.push(run_of(&record)),
        }
    }
    (made.absent, made.places) = coarsen(&mut made.runs);
    made
}

fn run_of(record: &Record) -> Run {
    Run { first: record.number, last: record.number, from: record.time, to: record.time }
}

/// Keeps the widest gaps between runs only. How many numbers and places are no longer seen.
pub(crate) fn coarsen(runs: &mut Vec<Run>) -> (u64, u64) {
    if runs.len() <= RUNS_MAX {
        return (0, 0);
    }
    let mut widths: Vec<(u64, usize)> = (1..runs.len()).map(|i| (missing_between(&runs[i - 1], &runs[i]), i)).collect();
    // The widest first; of equal ones the earlier.
    widths.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut is_kept = vec![false; runs.len()];
    widths.iter().take(RUNS_MAX - 1).for_each(|(_, i)| is_kept[*i] = true);
    let (mut absent, mut places) = (0, 0);
    let mut kept: Vec<Run> = Vec::with_capacity(RUNS_MAX);
    for (run, stays) in runs.iter().zip(is_kept) {
        match kept.last_mut() {
            Some(last) if !stays => {
                absent += missing_between(last, run);
                places += 1;
                (last.last, last.to) = (run.last, run.to);
            }
            _ => kept.push(*run),
        }
    }
    *runs = kept;
    (absent, places)
}

/// Numbers between two runs.
pub(crate) fn missing_between(a: &Run, b: &Run) -> u64 {
    u64::try_from(b.first.saturating_sub(a.last).saturating_sub(1)).unwrap_or(0)
}
