//! When failures rise above their own usual rate: a cumulative sum over time buckets.

use stanch_model::{Instant, Window};
use std::collections::BTreeMap;

pub(crate) const MINUTE_US: i64 = 60_000_000;
/// The sum at which a rise is believed: odds of e^15 against chance.
const BELIEVED: f64 = 15.0;
/// How far the sum may fall below its peak before the burst is over.
const OVER: f64 = 30.0;
/// How many times its usual rate a burst is taken to be.
const RISE: f64 = 5.0;
/// Failures per success that no store is surprised by.
const MISTYPED: f64 = 0.1;
/// Hours of log from which hours are looked at too, for slow bursts.
const HOURS_MIN: u64 = 12;

/// Logins in one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) successes: u64,
    pub(crate) failures: u64,
}

/// The bursts in a log's logins, by minutes and, for slow ones, by hours. Windows that touch are one.
pub(crate) fn bursts(minutes: &BTreeMap<i64, Counts>) -> Vec<Window> {
    let mut windows = rises(minutes, MINUTE_US);
    let mut hours: BTreeMap<i64, Counts> = BTreeMap::new();
    for (minute, counts) in minutes {
        let hour = hours.entry(minute.div_euclid(60)).or_default();
        hour.successes += counts.successes;
        hour.failures += counts.failures;
    }
    if length(&hours) >= HOURS_MIN {
        windows.extend(rises(&hours, 60 * MINUTE_US));
    }
    windows.sort();
    let mut merged: Vec<Window> = Vec::new();
    for window in windows {
        match merged.last_mut() {
            Some(last) if last.to >= window.from => last.to = last.to.max(window.to),
            _ => merged.push(window),
        }
    }
    merged
}

/// The usual number of failures in a minute, over the whole log.
pub(crate) fn usual_per_minute(minutes: &BTreeMap<i64, Counts>) -> u64 {
    median(minutes.values().map(|c| c.failures), length(minutes))
}

fn rises(buckets: &BTreeMap<i64, Counts>, width_us: i64) -> Vec<Window> {
    let length = length(buckets);
    let failures = median(buckets.values().map(|c| c.failures), length) as f64;
    let successes = median(buckets.values().map(|c| c.successes), length) as f64;
    let usual = failures + 1.0 + failures.sqrt();
    // More customers also mistype more: as many failures per success as usual are expected at any hour.
    let per_success = ((failures + 1.0) / (successes + 1.0)).max(MISTYPED);
    let (mut found, mut sum, mut peak) = (Vec::new(), 0.0_f64, 0.0_f64);
    let (mut start, mut end, mut last) = (0, 0, None);
    let mut close = |peak: &mut f64, sum: &mut f64, start: i64, end: i64| {
        if *peak >= BELIEVED {
            found.push(window(start, end, width_us));
        }
        (*peak, *sum) = (0.0, 0.0);
    };
    for (bucket, counts) in buckets {
        let silent = last.map_or(0, |l| bucket - l - 1) as f64;
        sum -= silent * (RISE - 1.0) * usual;
        if sum <= 0.0 || peak - sum > OVER {
            close(&mut peak, &mut sum, start, end);
        }
        let expected = usual.max(per_success * counts.successes as f64);
        let step = counts.failures as f64 * RISE.ln() - (RISE - 1.0) * expected;
        if sum == 0.0 {
            start = *bucket;
        }
        sum += step;
        if sum > peak {
            (peak, end) = (sum, *bucket);
        }
        if sum <= 0.0 || peak - sum > OVER {
            close(&mut peak, &mut sum, start, end);
        }
        last = Some(*bucket);
    }
    close(&mut peak, &mut sum, start, end);
    found
}

/// The buckets' time, one more on either side: a burst does not keep to full minutes.
fn window(start: i64, end: i64, width_us: i64) -> Window {
    Window {
        from: Instant(start.saturating_sub(1).saturating_mul(width_us)),
        to: Instant(end.saturating_add(2).saturating_mul(width_us)),
    }
}

/// Buckets from the first to the last, the empty ones too.
fn length(buckets: &BTreeMap<i64, Counts>) -> u64 {
    match (buckets.first_key_value(), buckets.last_key_value()) {
        (Some((first, _)), Some((last, _))) => last.abs_diff(*first) + 1,
        _ => 0,
    }
}

/// The median where buckets that are not there are 0.
fn median(values: impl Iterator<Item = u64>, length: u64) -> u64 {
    let mut values: Vec<u64> = values.filter(|v| *v > 0).collect();
    values.sort_unstable();
    let zeros = length - (values.len() as u64).min(length);
    usize::try_from((length / 2).saturating_sub(zeros))
        .ok()
        .filter(|_| length / 2 >= zeros)
        .map_or(0, |at| values.get(at).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn log(failures: impl Fn(i64) -> u64, successes: impl Fn(i64) -> u64, minutes: i64) -> BTreeMap<i64, Counts> {
        (0..minutes).map(|m| (m, Counts { successes: successes(m), failures: failures(m) })).collect()
    }

    fn minutes(windows: &[Window]) -> Vec<(i64, i64)> {
        windows.iter().map(|w| (w.from.0 / MINUTE_US, w.to.0 / MINUTE_US)).collect()
    }

    #[test]
    fn a_burst_of_five_minutes_is_found_within_half_an_hour_of_log() {
        let log = log(|m| if (12..17).contains(&m) { 120 } else { u64::from(m % 4 == 0) }, |_| 2, 30);
        assert_eq!(minutes(&bursts(&log)), [(11, 18)]);
    }

    #[test]
    fn a_slow_burst_is_found_over_hours() {
        let slow = |m| if (1000..1600).contains(&m) { 2 } else { u64::from(m % 20 == 0) };
        let found = bursts(&log(slow, |_| 2, 2880));
        assert_eq!(found.len(), 1);
        assert!(minutes(&found)[0].0 >= 900 && minutes(&found)[0].1 <= 1740, "{:?}", minutes(&found));
    }

    #[test]
    fn a_busy_morning_is_no_burst() {
        let busy = |m: i64| if m % 1440 > 600 { 1 } else { 4 };
        assert!(bursts(&log(|m| busy(m) / 2, |m| busy(m) * 10, 4000)).is_empty());
    }

    #[test]
    fn a_shopper_who_mistypes_six_times_is_no_burst() {
        assert!(bursts(&log(|m| if m == 9 { 6 } else { 0 }, |_| 1, 30)).is_empty());
    }

    proptest! {
        #[test]
        fn any_times_and_counts_are_survived(log in proptest::collection::btree_map(any::<i32>(), 0u64..1000, 0..50)) {
            let log = log.into_iter().map(|(m, f)| (i64::from(m), Counts { successes: f / 3, failures: f })).collect();
            for w in bursts(&log) {
                prop_assert!(w.from < w.to);
            }
        }
    }
}
