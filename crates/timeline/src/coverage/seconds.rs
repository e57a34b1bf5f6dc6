//! The seconds in which a source wrote anything: one bit each, by hour.

use std::collections::BTreeMap;

const HOUR_S: i64 = 3600;
const WORDS: usize = 57;

/// Active seconds. About half a kilobyte per active hour.
#[derive(Debug, Default)]
pub(crate) struct Seconds {
    hours: BTreeMap<i64, Box<[u64; WORDS]>>,
}

impl Seconds {
    pub(crate) fn add(&mut self, second: i64) {
        let hour = self.hours.entry(second.div_euclid(HOUR_S)).or_insert_with(|| Box::new([0; WORDS]));
        let at = second.rem_euclid(HOUR_S) as usize;
        hour[at / 64] |= 1 << (at % 64);
    }

    fn active(&self) -> impl Iterator<Item = i64> + '_ {
        self.hours.iter().flat_map(|(hour, bits)| {
            let is_set = |at: &usize| bits[at / 64] & (1 << (at % 64)) != 0;
            (0..HOUR_S as usize).filter(is_set).map(move |at| hour * HOUR_S + at as i64)
        })
    }

    /// First and last.
    pub(crate) fn ends(&self) -> Option<(i64, i64)> {
        // Only the outer hours are looked through.
        let first = self.active().next()?;
        let (hour, bits) = self.hours.last_key_value()?;
        let last = (0..HOUR_S as usize).rev().find(|at| bits[at / 64] & (1 << (at % 64)) != 0)?;
        Some((first, hour * HOUR_S + last as i64))
    }

    /// The last active second before another, and the first after it.
    pub(crate) fn around(&self, second: i64) -> (Option<i64>, Option<i64>) {
        let hour = second.div_euclid(HOUR_S);
        let in_hour = |at: &i64, bits: &[u64; WORDS]| {
            let set = |i: &usize| bits[i / 64] & (1 << (i % 64)) != 0;
            (0..HOUR_S as usize).filter(set).map(|i| at * HOUR_S + i as i64).collect::<Vec<_>>()
        };
        let before = self
            .hours
            .range(..=hour)
            .rev()
            .find_map(|(at, bits)| in_hour(at, bits).into_iter().rev().find(|s| *s < second));
        let after = self.hours.range(hour..).find_map(|(at, bits)| in_hour(at, bits).into_iter().find(|s| *s > second));
        (before, after)
    }

    /// From each active second to the next, where they do not follow each other at once.
    pub(crate) fn silences(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.active().zip(self.active().skip(1)).filter(|(a, b)| b - a > 1)
    }

    /// The 99th percentile of the seconds from one active second to the next; 0 where there are fewer than two.
    pub(crate) fn silence_percentile_99(&self) -> i64 {
        let mut lengths: BTreeMap<i64, u64> = BTreeMap::new();
        let mut all = 0;
        for (a, b) in self.active().zip(self.active().skip(1)) {
            *lengths.entry(b - a).or_default() += 1;
            all += 1;
        }
        let mut seen = 0;
        for (length, count) in &lengths {
            seen += count;
            if seen * 100 >= all * 99 {
                return *length;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_longest_silence_stands_out_against_the_usual_one() {
        let mut seconds = Seconds::default();
        (0..1000).map(|n| n * 2).chain([9000]).for_each(|s| seconds.add(s));
        assert_eq!(seconds.silence_percentile_99(), 2);
        assert_eq!(seconds.silences().last(), Some((1998, 9000)));
        assert_eq!(seconds.ends(), Some((0, 9000)));
    }

    #[test]
    fn the_neighbours_of_a_second_are_found_in_other_hours_too() {
        let mut seconds = Seconds::default();
        [10, 3599, 20_000].into_iter().for_each(|s| seconds.add(s));
        assert_eq!(seconds.around(3599), (Some(10), Some(20_000)));
        assert_eq!(seconds.around(10_000), (Some(3599), Some(20_000)));
        assert_eq!((seconds.around(10).0, seconds.around(20_000).1), (None, None));
    }

    proptest! {
        #[test]
        fn what_is_added_comes_back_in_order(list in proptest::collection::btree_set(-100_000i64..100_000, 0..50)) {
            let mut seconds = Seconds::default();
            list.iter().rev().for_each(|s| seconds.add(*s));
            prop_assert_eq!(seconds.active().collect::<Vec<_>>(), list.into_iter().collect::<Vec<_>>());
        }
    }
}
