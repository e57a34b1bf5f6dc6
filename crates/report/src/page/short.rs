//! The opening: what a person who was just woken has to know.

use super::listed;
use crate::CaseView;
use crate::figures::{count, of};
use crate::lacking::{lacking, lacks};
use crate::moments::{When, Zone};
use crate::svg;
use crate::words;
use stanch_model::exposure::{Bounds, INCOMPLETE_EVIDENCE};
use stanch_model::{DutyState, Effect};

/// How many kinds of data the opening sentence names.
const NAMED_MAX: usize = 8;

/// The opening.
pub(crate) struct Short {
    pub(crate) floor: String,
    pub(crate) floor_noun: &'static str,
    pub(crate) ceiling: String,
    /// What the two numbers lack, a sentence each.
    pub(crate) lacking: Vec<&'static str>,
    pub(crate) whole: String,
    pub(crate) picture: String,
    /// What the number means where there is none.
    pub(crate) nothing: Option<&'static str>,
    /// The gravest kinds of data that were read out.
    pub(crate) taken: Vec<Taken>,
    /// Heading and sentence.
    pub(crate) points: Vec<(&'static str, String)>,
    pub(crate) deadline: Option<Deadline>,
}

/// How many people lost one kind of data.
pub(crate) struct Taken {
    pub(crate) floor: String,
    /// The ceiling, where it is higher.
    pub(crate) upper: Option<String>,
    pub(crate) what: &'static str,
}

/// The earliest deadline of a duty that arises or may.
pub(crate) struct Deadline {
    pub(crate) what: String,
    pub(crate) state: String,
    pub(crate) due: When,
    pub(crate) zone: String,
    /// What the clock says at the stated run time.
    pub(crate) clock: Option<String>,
    pub(crate) others: usize,
}

impl Short {
    pub(crate) fn of(view: &CaseView<'_>, zone: &Zone) -> Short {
        let people = view.matrix.people();
        let whole = view.matrix.persons.len() as u64;
        Short {
            floor: count(people.floor),
            floor_noun: if people.floor == 1 { "person" } else { "people" },
            ceiling: count(people.ceiling),
            lacking: lacking(view.matrix),
            whole: count(whole),
            picture: svg::part_of_whole("reach", "Share of the store’s people", people, whole),
            nothing: nothing(view, people),
            taken: taken(view),
            points: points(view, zone),
            deadline: deadline(view),
        }
    }
}

fn nothing(view: &CaseView<'_>, people: Bounds) -> Option<&'static str> {
    if view.intruder.confirmed().next().is_none() {
        Some(
            "Nobody has been taken as the intruder yet, so that nothing is counted. This is not a finding that nothing happened.",
        )
    } else if people.ceiling == 0 {
        Some("No access of the intruder that reached a person’s data was found.")
    } else {
        None
    }
}

fn points(view: &CaseView<'_>, zone: &Zone) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    if let Some(text) = changed(view) {
        out.push(("What was changed", text));
    }
    if let Some(window) = view.intruder.window() {
        let accesses = of(view.matrix.accesses, "access", "accesses");
        out.push(("When", format!("{}. {accesses} reached data.", zone.short_span(window))));
    }
    out.push(("How sure", how_sure(view)));
    out
}

/// The gravest kinds of data, with their floor, or their ceiling where nothing is certain.
fn taken(view: &CaseView<'_>) -> Vec<Taken> {
    let by_class = view.matrix.by_class();
    words::GRAVEST
        .iter()
        .filter_map(|class| by_class.get(&(*class, Effect::Disclosed)).map(|b| (*class, *b)))
        .filter(|(_, b)| b.ceiling > 0)
        .take(NAMED_MAX)
        .map(|(class, b)| Taken {
            floor: count(b.floor),
            upper: (b.ceiling > b.floor).then(|| count(b.ceiling)),
            what: words::lost(class),
        })
        .collect()
}

fn changed(view: &CaseView<'_>) -> Option<String> {
    let parts: Vec<String> = [Effect::Altered, Effect::Destroyed]
        .into_iter()
        .map(|effect| (effect, view.matrix.count_people(|c| c.effect == effect)))
        .filter(|(_, b)| b.ceiling > 0)
        .map(|(effect, b)| {
            let verb = if effect == Effect::Altered { "was changed" } else { "was deleted" };
            let upper = if b.ceiling > b.floor { format!(" (up to {})", count(b.ceiling)) } else { String::new() };
            format!("data of {}{upper} {verb}", of(b.floor, "person", "people"))
        })
        .collect();
    (!parts.is_empty()).then(|| {
        let text = listed(&parts);
        format!("D{}.", &text[1..])
    })
}

fn how_sure(view: &CaseView<'_>) -> String {
    let lines: u64 = view.files.iter().map(|f| f.lines).sum();
    let unread: u64 = view.files.iter().map(stanch_model::FileAccount::unread_lines).sum();
    let which = if lacks(view.matrix, INCOMPLETE_EVIDENCE) { " that could be unpacked" } else { "" };
    let read = if unread == 0 {
        format!("All {} of evidence{which} were read", of(lines, "line", "lines"))
    } else {
        format!("{} of {} of evidence{which} could not be read", count(unread), of(lines, "line", "lines"))
    };
    let gaps = view.timeline.gaps.iter().filter(|g| g.in_intrusion).count() as u64;
    let doubts = view.matrix.doubts.iter().filter(|d| d.raised_ceiling).count() as u64;
    let widened = match (gaps, doubts) {
        (0, 0) => "; nothing widened the ceiling beyond what was seen.".to_owned(),
        (gaps, doubts) => format!(
            "; {} while the intruder was active; {} raised the ceiling.",
            of(gaps, "gap in the logs", "gaps in the logs"),
            of(doubts, "doubt", "doubts")
        ),
    };
    format!("{read}{widened}")
}

fn deadline(view: &CaseView<'_>) -> Option<Deadline> {
    let mut due: Vec<_> = view
        .duties
        .iter()
        .enumerate()
        .filter(|(_, d)| d.ceiling.state > DutyState::NotTriggered)
        .filter_map(|(i, d)| d.due.map(|t| (t, i, d)))
        .collect();
    due.sort_by_key(|(t, i, _)| (*t, *i));
    let (at, index, duty) = *due.first()?;
    let zone = Zone::named(&duty.time_zone);
    Some(Deadline {
        what: format!("{}: {}", duty.law, duty.title),
        state: if duty.floor.state == duty.ceiling.state {
            duty.floor.state.word().to_owned()
        } else {
            format!("{} at the floor, {} at the ceiling", duty.floor.state.word(), duty.ceiling.state.word())
        },
        due: zone.deadline(at),
        zone: zone.name,
        clock: view.duty_clocks.get(index).filter(|c| !c.is_empty()).cloned(),
        others: due.len() - 1,
    })
}
