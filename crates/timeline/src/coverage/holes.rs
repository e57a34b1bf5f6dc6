//! Lines missing inside a database session, by the numbers that the server gives them.

use crate::coverage::Bounds;
use crate::source;
use stanch_lake::EventRow;
use stanch_model::{CoverageGap, EventFields, Instant, NumberField, TextField, Window};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Sessions with holes that are looked at line by line; the others are counted together.
const SESSIONS_MAX: usize = 200;
/// Line numbers kept of each; the lowest.
const LINES_MAX: usize = 65_536;

/// First reading: per session, how many lines there should be and are. Numbers begin at 1.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_name: HashMap<Box<str>, Session>,
    sources: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    source: u16,
    highest: i64,
    lines: i64,
    window: Window,
}

impl Sessions {
    pub(crate) fn observe(&mut self, row: &EventRow<'_>) {
        let Some((session, number)) = numbered(row) else { return };
        let (name, time) = (source(row), row.time());
        if !self.by_name.contains_key(session) {
            let at = self.sources.iter().position(|s| s == name).unwrap_or_else(|| {
                self.sources.push(name.to_owned());
                self.sources.len() - 1
            });
            let window = Window { from: time, to: time };
            let source = u16::try_from(at).unwrap_or(u16::MAX);
            self.by_name.insert(session.into(), Session { source, highest: 0, lines: 0, window });
        }
        if let Some(seen) = self.by_name.get_mut(session) {
            seen.highest = seen.highest.max(number);
            seen.lines += 1;
            seen.window = seen.window.stretched_to(time);
        }
    }

    fn source(&self, session: &Session) -> String {
        self.sources.get(usize::from(session.source)).cloned().unwrap_or_default()
    }
}

/// The session and line number of a database log's line.
fn numbered<'a>(row: &EventRow<'a>) -> Option<(&'a str, i64)> {
    let number = row.number(NumberField::Sequence).filter(|n| *n > 0)?;
    Some((row.text_of(TextField::SessionUid)?, number))
}

/// Second reading: which lines are missing.
#[derive(Debug)]
pub(crate) struct Holes {
    close: BTreeMap<String, Lines>,
    others: Vec<CoverageGap>,
}

#[derive(Debug)]
struct Lines {
    source: String,
    window: Window,
    highest: i64,
    /// Line number and time.
    seen: BTreeSet<(i64, Instant)>,
}

impl Holes {
    pub(crate) fn new(bounds: &Bounds) -> Holes {
        let sessions = &bounds.sessions;
        let mut holed: Vec<(&str, &Session)> =
            sessions.by_name.iter().filter(|(_, s)| s.lines < s.highest).map(|(name, s)| (&**name, s)).collect();
        holed.sort_by_key(|(name, s)| (s.window, *name));
        let rest = holed.split_off(holed.len().min(SESSIONS_MAX));
        let mut by_source: BTreeMap<String, (usize, i64, Window)> = BTreeMap::new();
        for (_, s) in rest {
            let all = by_source.entry(sessions.source(s)).or_insert((0, 0, s.window));
            *all =
                (all.0 + 1, all.1 + s.highest - s.lines, all.2.stretched_to(s.window.from).stretched_to(s.window.to));
        }
        let others = by_source.into_iter().map(|(source, (count, missing, window))| CoverageGap {
            source,
            window,
            why: format!("{missing} lines missing in {count} more sessions"),
            in_intrusion: false,
        });
        let lines = |s: &Session| Lines {
            source: sessions.source(s),
            window: s.window,
            highest: s.highest,
            seen: BTreeSet::new(),
        };
        Holes {
            close: holed.into_iter().map(|(name, s)| (name.to_owned(), lines(s))).collect(),
            others: others.collect(),
        }
    }

    pub(crate) fn observe(&mut self, row: &EventRow<'_>) {
        let Some((session, number)) = numbered(row) else { return };
        if let Some(lines) = self.close.get_mut(session) {
            lines.seen.insert((number, row.time()));
            if lines.seen.len() > LINES_MAX {
                lines.seen.pop_last();
            }
        }
    }

    pub(crate) fn gaps(self) -> Vec<CoverageGap> {
        let mut gaps = self.others;
        for (session, lines) in &self.close {
            gaps.extend(lines.gap(session));
        }
        gaps
    }
}

impl Lines {
    fn gap(&self, session: &str) -> Option<CoverageGap> {
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
            source: self.source.clone(),
            window: window?,
            why: format!("session {session}: line {}{more} of {} missing", holes.join(", "), self.highest),
            in_intrusion: false,
        })
    }
}
