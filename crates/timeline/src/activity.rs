//! Activity per log over time, the intruder's apart.

use crate::coverage::Bounds;
use crate::source;
use stanch_lake::EventRow;
use stanch_model::timeline::Lane;
use stanch_model::{EventFields, Instant, Window};
use std::collections::BTreeMap;

/// About how many buckets the window is cut into.
const BUCKETS: i64 = 120;
/// Widths that people can read, in seconds.
const WIDTHS_S: [i64; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 10_800, 86_400];
/// Share of the intrusion shown before its start and after its end.
const MARGIN: i64 = 10;

/// Buckets per source, all with the same start and width.
#[derive(Debug)]
pub(crate) struct Lanes {
    from: Instant,
    width_us: i64,
    count: usize,
    by_source: BTreeMap<String, Lane>,
}

impl Lanes {
    /// Over the intrusion and a little around it, or over everything where there is none.
    pub(crate) fn new(bounds: &Bounds) -> Lanes {
        let Some(all) = bounds.all() else {
            return Lanes { from: Instant(0), width_us: 1_000_000, count: 0, by_source: BTreeMap::new() };
        };
        let shown = bounds.intrusion().map_or(all, |w| {
            let margin = (w.to.0 - w.from.0) / MARGIN + 60_000_000;
            Window { from: w.from.plus_us(-margin).max(all.from), to: w.to.plus_us(margin).min(all.to) }
        });
        let wanted = (shown.to.0 - shown.from.0) / BUCKETS;
        let readable = WIDTHS_S.iter().map(|s| s * 1_000_000).find(|w| *w >= wanted);
        let day = 86_400_000_000;
        let width_us = readable.unwrap_or((wanted / day + 1) * day);
        let from = Instant(shown.from.0.div_euclid(width_us) * width_us);
        let count = usize::try_from((shown.to.0 - from.0) / width_us + 1).unwrap_or(0);
        let lane = |source: &str| Lane {
            source: source.to_owned(),
            from,
            bucket_us: width_us,
            total: vec![0; count],
            intruder: vec![0; count],
        };
        let by_source = bounds.sources().map(|s| (s.to_owned(), lane(s))).collect();
        Lanes { from, width_us, count, by_source }
    }

    pub(crate) fn observe(&mut self, row: &EventRow<'_>, claimed: bool) {
        let bucket = (row.time().0.saturating_sub(self.from.0)).div_euclid(self.width_us);
        let Ok(bucket) = usize::try_from(bucket) else { return };
        if bucket >= self.count {
            return;
        }
        if let Some(lane) = self.by_source.get_mut(source(row)) {
            lane.total[bucket] += 1;
            lane.intruder[bucket] += u64::from(claimed);
        }
    }

    pub(crate) fn finish(self) -> Vec<Lane> {
        self.by_source.into_values().collect()
    }
}
