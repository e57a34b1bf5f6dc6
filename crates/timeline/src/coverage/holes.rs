//! Lines missing inside a database session, by the numbers that the server gives them, where a format counts so.

use crate::coverage::Bounds;
use crate::source;
use stanch_lake::EventRow;
use stanch_model::evidence::{Counter, GapKind};
use stanch_model::{CoverageGap, EventFields, FileAccount, Instant, NumberField, TextField, Window};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Sessions with holes that are looked at line by line; the others are counted together.
const SESSIONS_MAX: usize = 200;
/// Line numbers kept of each; the lowest.
const LINES_MAX: usize = 65_536;

/// First reading: per session, how many lines there should be and are. Numbers begin at 1.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// Files whose format numbers lines so.
    files: HashSet<String>,
    /// A server may write the same lines to several logs.
    by_source: Vec<(String, HashMap<Box<str>, Session>)>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    highest: i64,
    lines: i64,
    window: Window,
}

impl Sessions {
    pub(crate) fn new(files: &[FileAccount]) -> Sessions {
        let counts = |f: &&FileAccount| f.numbered.as_ref().is_some_and(|n| n.counts == Counter::PerSession);
        let files = files.iter().filter(counts).map(|f| f.seal.0.clone()).collect();
        Sessions { files, by_source: Vec::new() }
    }

    pub(crate) fn observe(&mut self, row: &EventRow<'_>) {
        let Some((session, number)) = numbered(row, &self.files) else { return };
        let (name, time) = (source(row), row.time());
        let at = self.by_source.iter().position(|(s, _)| s == name).unwrap_or_else(|| {
            self.by_source.push((name.to_owned(), HashMap::new()));
            self.by_source.len() - 1
        });
        let by_name = &mut self.by_source[at].1;
        if !by_name.contains_key(session) {
            let window = Window { from: time, to: time };
            by_name.insert(session.into(), Session { highest: 0, lines: 0, window });
        }
        if let Some(seen) = by_name.get_mut(session) {
            seen.highest = seen.highest.max(number);
            seen.lines += 1;
            seen.window = seen.window.stretched_to(time);
        }
    }
}

/// The session and line number of a database log's line.
fn numbered<'a>(row: &EventRow<'a>, files: &HashSet<String>) -> Option<(&'a str, i64)> {
    let number = row.number(NumberField::Sequence).filter(|n| *n > 0)?;
    let session = row.text_of(TextField::SessionUid)?;
    files.contains(row.evidence_str()).then_some((session, number))
}

/// Second reading: which lines are missing.
#[derive(Debug)]
pub(crate) struct Holes<'a> {
    files: &'a HashSet<String>,
    /// By source and session.
    close: BTreeMap<&'a str, BTreeMap<&'a str, Lines>>,
    others: Vec<CoverageGap>,
}

#[derive(Debug)]
struct Lines {
    window: Window,
    highest: i64,
    /// Line number and time.
    seen: BTreeSet<(i64, Instant)>,
}

impl<'a> Holes<'a> {
    pub(crate) fn new(bounds: &'a Bounds) -> Holes<'a> {
        let sessions = &bounds.sessions;
        let mut holed: Vec<(&str, &str, &Session)> = Vec::new();
        for (source, by_name) in &sessions.by_source {
            let with_holes = by_name.iter().filter(|(_, s)| s.lines < s.highest);
            holed.extend(with_holes.map(|(name, s)| (source.as_str(), &**name, s)));
        }
        holed.sort_by_key(|(source, name, s)| (s.window, *name, *source));
        let rest = holed.split_off(holed.len().min(SESSIONS_MAX));
        let mut by_source: BTreeMap<String, (usize, i64, Window)> = BTreeMap::new();
        for (source, _, s) in rest {
            let all = by_source.entry(source.to_owned()).or_insert((0, 0, s.window));
            *all =
                (all.0 + 1, all.1 + s.highest - s.lines, all.2.stretched_to(s.window.from).stretched_to(s.window.to));
        }
        let others = by_source.into_iter().map(|(source, (count, missing, window))| CoverageGap {
            source,
            window,
            kind: GapKind::MissingNumbers,
            why: format!("{missing} lines missing in {count} more sessions"),
            in_intrusion: false,
        });
        let mut close: BTreeMap<&str, BTreeMap<&str, Lines>> = BTreeMap::new();
        for (source, name, s) in holed {
            let lines = Lines { window: s.window, highest: s.highest, seen: BTreeSet::new() };
            close.entry(source).or_default().insert(name, lines);
        }
        Holes { files: &sessions.files, close, others: others.collect() }
    }

    pub(crate) fn observe(&mut self, row: &EventRow<'_>) {
        if self.close.is_empty() {
            return;
        }
        let Some((session, number)) = numbered(row, self.files) else { return };
        if let Some(lines) = self.close.get_mut(source(row)).and_then(|by_name| by_name.get_mut(session)) {
            lines.seen.insert((number, row.time()));
            if lines.seen.len() > LINES_MAX {
                lines.seen.pop_last();
            }
        }
    }

    pub(crate) fn gaps(self) -> Vec<CoverageGap> {
        let mut gaps = self.others;
        for (source, by_name) in &self.close {
            gaps.extend(by_name.iter().filter_map(|(session, lines)| lines.gap(source, session)));
        }
        gaps
    }
}

impl Lines {
    fn gap(&self, source: &str, session: &str) -> Option<CoverageGap> {
        let (mut holes, mut next, mut last) = (Vec::new(), 1, self.window.from);
        let mut window: Option<Window> = None;
        for (number, time) in &self.seen {
            if *number > next {
                holes.push(if next + 1 == *number { format!("{next}") } else { format!("{next} to {}", number - 1) });
                let hole = Window { from: last.min(*time), to: *time };
                window = Some(window.map_or(hole, |w| w.stretched_to(hole.from).stretched_to(hole.to)));
            }
            next = next.max(number + 1);
            last = *time;
        }
        let more = holes.len().saturating_sub(5);
        holes.truncate(5);
        let more = if more > 0 { format!(" and {more} more runs") } else { String::new() };
        Some(CoverageGap {
            source: source.to_owned(),
            kind: GapKind::MissingNumbers,
            window: window?,
            why: format!("session {session}: line {}{more} of {} missing", holes.join(", "), self.highest),
            in_intrusion: false,
        })
    }
}
