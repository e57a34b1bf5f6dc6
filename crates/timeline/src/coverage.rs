//! What the logs do not show: silence against a source's own rhythm, lines missing inside a session, clocks that go back.

mod file_order;
mod holes;
mod seconds;

pub(crate) use holes::Holes;

use crate::{second, source};
use file_order::FileOrder;
use holes::Sessions;
use seconds::Seconds;
use stanch_lake::{EventRow, EventRows};
use stanch_model::{CoverageGap, EventFields, Instant, Window};
use std::collections::BTreeMap;

/// Silence shorter than this is never a gap.
const SILENCE_MIN_S: i64 = 300;
/// How many times its 99th percentile a silence must last.
const SILENCE_TIMES: i64 = 20;

/// First reading: from when to when each source wrote, in which seconds, and its sessions' line numbers.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    sources: BTreeMap<String, Seconds>,
    all: Option<Window>,
    intrusion: Option<Window>,
    pub(crate) sessions: Sessions,
    order: FileOrder,
}

impl Bounds {
    pub(crate) fn observe(&mut self, row: &EventRow<'_>, claimed: bool) {
        let time = row.time();
        let stretch = |w: &mut Option<Window>| {
            *w = Some(w.unwrap_or(Window { from: time, to: time }).stretched_to(time));
        };
        stretch(&mut self.all);
        if claimed {
            stretch(&mut self.intrusion);
        }
        let name = source(row);
        if !self.sources.contains_key(name) {
            self.sources.insert(name.to_owned(), Seconds::default());
        }
        if let Some(seconds) = self.sources.get_mut(name) {
            seconds.add(second(row));
        }
        self.sessions.observe(row);
    }

    /// A batch as it stands in its file.
    pub(crate) fn observe_file_order(&mut self, rows: &EventRows) {
        self.order.observe(rows);
    }

    /// First and last event of all.
    pub(crate) fn all(&self) -> Option<Window> {
        self.all
    }

    /// First and last event of the intruder.
    pub(crate) fn intrusion(&self) -> Option<Window> {
        self.intrusion
    }

    pub(crate) fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    /// Silences and clocks that go back.
    pub(crate) fn gaps(&self) -> Vec<CoverageGap> {
        let mut gaps = self.order.gaps();
        for (source, seconds) in &self.sources {
            let usual_s = seconds.silence_percentile_99().max(1);
            let limit_s = (usual_s * SILENCE_TIMES).max(SILENCE_MIN_S);
            let gap = |window, why| CoverageGap { source: source.clone(), window, why, in_intrusion: false };
            for (from, to) in seconds.silences().filter(|(from, to)| to - from > limit_s) {
                let why =
                    format!("silent for {}, {} times its 99th percentile", span(to - from), (to - from) / usual_s);
                gaps.push(gap(window(from, to), why));
            }
            if let (Some(intrusion), Some((first, last))) = (self.intrusion, seconds.ends()) {
                let (began, ended) = (intrusion.from.second(), intrusion.to.second());
                if first - began > limit_s {
                    let why = format!("begins {} after the intruder's first event", span(first - began));
                    gaps.push(gap(window(began, first), why));
                }
                if ended - last > limit_s {
                    let why = format!("ends {} before the intruder's last event", span(ended - last));
                    gaps.push(gap(window(last, ended), why));
                }
            }
        }
        gaps
    }
}

fn window(from_s: i64, to_s: i64) -> Window {
    Window { from: Instant(from_s.saturating_mul(1_000_000)), to: Instant(to_s.saturating_mul(1_000_000)) }
}

/// A length of time for people.
fn span(seconds: i64) -> String {
    match seconds {
        s if s < 120 => format!("{s} s"),
        s if s < 7200 => format!("{} min", s / 60),
        s if s < 172_800 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}
