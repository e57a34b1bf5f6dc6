//! What the logs do not show: silence against a source's own rhythm, numbers that are missing or begin anew, clocks that go
//! back, files missing from a row, cut or overwritten, logging that was switched off.

mod file_order;
mod holes;
mod nuls;
mod numbers;
mod rotation;
mod seconds;
mod switched;

pub(crate) use holes::Holes;
pub(crate) use numbers::Numbers;
pub(crate) use switched::{FIELDS as SWITCHED_FIELDS, Switched};
pub use switched::{Rules, check};

use crate::{second, source};
use file_order::FileOrder;
use holes::Sessions;
use nuls::Nuls;
use numbers::Before;
use seconds::Seconds;
use stanch_lake::{EventRow, EventRows};
use stanch_model::evidence::{GapKind, Steps};
use stanch_model::timeline::SourceSpan;
use stanch_model::{CoverageGap, EventFields, FileAccount, Instant, Window};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Silence shorter than this is never a gap.
const SILENCE_MIN_S: i64 = 300;
/// How many times its 99th percentile a silence must last.
const SILENCE_TIMES: i64 = 20;

/// First reading: from when to when each source wrote, in which seconds, and its sessions' line numbers.
#[derive(Debug)]
pub(crate) struct Bounds {
    sources: BTreeMap<String, Source>,
    all: Option<Window>,
    intrusion: Option<Window>,
    pub(crate) sessions: Sessions,
    order: FileOrder,
    nuls: Nuls,
}

/// When one source wrote.
#[derive(Debug)]
struct Source {
    seconds: Seconds,
    window: Window,
    events: u64,
}

impl Bounds {
    pub(crate) fn new(files: &[FileAccount]) -> Bounds {
        Bounds {
            sources: BTreeMap::new(),
            all: None,
            intrusion: None,
            sessions: Sessions::new(files),
            order: FileOrder::default(),
            nuls: Nuls::new(files),
        }
    }

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
            let window = Window { from: time, to: time };
            self.sources.insert(name.to_owned(), Source { seconds: Seconds::default(), window, events: 0 });
        }
        if let Some(source) = self.sources.get_mut(name) {
            source.seconds.add(second(row));
            source.window = source.window.stretched_to(time);
            source.events += 1;
        }
        self.sessions.observe(row);
    }

    /// A batch as it stands in its file.
    pub(crate) fn observe_file_order(&mut self, rows: &EventRows) {
        self.order.observe(rows);
        self.nuls.observe(rows);
    }

    /// The log that a file's events belong to; of a file without any, its path.
    fn source_of(&self, file: &FileAccount) -> String {
        self.order.source(&file.seal.0).unwrap_or(&file.path).to_owned()
    }

    /// What files show by their names and bytes.
    pub(crate) fn gaps_of_files(&self, files: &[FileAccount]) -> Vec<CoverageGap> {
        let source = |file: &FileAccount| self.source_of(file);
        let mut gaps = rotation::gaps(files, &source);
        gaps.extend(rotation::alone(files, &source));
        gaps.extend(self.nuls.gaps(files, &source));
        gaps
    }

    /// Every source from its first to its last record.
    pub(crate) fn spans(&self, gaps: &[CoverageGap]) -> Vec<SourceSpan> {
        let count = |name: &str| gaps.iter().filter(|gap| gap.source == name).count() as u64;
        let span = |(name, source): (&String, &Source)| SourceSpan {
            source: name.clone(),
            window: source.window,
            events: source.events,
            gaps: count(name),
        };
        self.sources.iter().map(span).collect()
    }

    /// Where clocks go back in files whose records are numbered one by one, so that their order is known in spite of it.
    pub(crate) fn told_order(&self, files: &[FileAccount]) -> ToldOrder {
        let steps = |f: &&FileAccount| f.numbered.as_ref().is_some_and(|n| n.steps == Steps::One);
        let jumps = files.iter().filter(steps).map(|f| (f.seal.0.clone(), self.order.jumps(&f.seal.0)));
        ToldOrder { jumps: jumps.filter(|(_, jumps)| !jumps.is_empty()).collect() }
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
        for (source, Source { seconds, .. }) in &self.sources {
            let usual_s = seconds.silence_percentile_99().max(1);
            let limit_s = (usual_s * SILENCE_TIMES).max(SILENCE_MIN_S);
            let gap = |window, why| CoverageGap {
                source: source.clone(),
                kind: GapKind::Silence,
                window,
                why,
                in_intrusion: false,
            };
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

/// In which order records of files are told whose clock goes back.
#[derive(Debug, Default)]
pub(crate) struct ToldOrder {
    jumps: HashMap<String, BTreeMap<u64, Window>>,
}

impl ToldOrder {
    /// The moment at which a record is told: its own, or that of the latest record before it, where the clock went back in
    /// between.
    pub(crate) fn moment(&self, row: &EventRow<'_>) -> Instant {
        let time = row.time();
        let Some(jumps) = self.jumps.get(row.evidence_str()).filter(|_| !self.jumps.is_empty()) else { return time };
        jumps.range(..=row.position().offset).map(|(_, window)| window.to).fold(time, Instant::max)
    }
}

/// What is known of sources when events about logging are told.
pub(crate) struct Known<'a> {
    pub(crate) bounds: &'a Bounds,
    pub(crate) numbers: &'a Numbers,
    pub(crate) files: &'a [FileAccount],
}

impl switched::Known for Known<'_> {
    fn all(&self) -> Option<Window> {
        self.bounds.all
    }

    fn sources_of(&self, formats: &[String]) -> Vec<String> {
        let is_in = |file: &&FileAccount| file.format.as_ref().is_some_and(|format| formats.contains(format));
        let sources = self.files.iter().filter(is_in).filter_map(|file| self.bounds.order.source(&file.seal.0));
        sources.map(str::to_owned).collect::<BTreeSet<String>>().into_iter().collect()
    }

    fn around(&self, source: &str, at: Instant) -> (Option<Instant>, Option<Instant>) {
        let Some(source) = self.bounds.sources.get(source) else { return (None, None) };
        let (before, after) = source.seconds.around(at.second());
        let instant = |s: i64| Instant(s.saturating_mul(1_000_000));
        (before.map(instant), after.map(instant))
    }

    fn of_counter(&self, source: &str, counter: &str, number: Option<i64>, at: Instant) -> Option<Instant> {
        match self.numbers.last_before(source, counter, number, at)? {
            Before::Whole => Some(at),
            Before::At(time) => Some(time),
            Before::Nothing => None,
        }
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
