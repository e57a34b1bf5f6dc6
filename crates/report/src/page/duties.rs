//! What has to be done, by when: duties judged on floor and ceiling, with the values that decided.

use crate::CaseView;
use crate::figures::{count, range};
use crate::moments::{When, Zone};
use crate::{places, words};
use stanch_model::{ConditionResult, Duty, DutyState};

/// The duties.
pub(crate) struct Duties<'a> {
    /// Those that arise or may, earliest deadline first.
    pub(crate) open: Vec<DutyCard<'a>>,
    /// Those that do not.
    pub(crate) closed: Vec<DutyCard<'a>>,
    pub(crate) triggered: String,
    pub(crate) may: String,
}

/// One duty.
pub(crate) struct DutyCard<'a> {
    pub(crate) anchor: String,
    pub(crate) duty: &'a Duty,
    pub(crate) place: &'a str,
    pub(crate) floor: State,
    pub(crate) ceiling: State,
    pub(crate) same: bool,
    /// The graver of both states, for the card's edge.
    pub(crate) style: &'static str,
    /// Whether there is something to do: then deadline and contents are shown.
    pub(crate) open: bool,
    pub(crate) persons: String,
    pub(crate) persons_noun: &'static str,
    pub(crate) due: Option<Due>,
    pub(crate) clock: Option<&'a str>,
    pub(crate) recipient: String,
    pub(crate) conditions: Vec<ConditionRow<'a>>,
    pub(crate) exemptions: Vec<ConditionRow<'a>>,
}

/// A judgement, with a sign that does not need colour.
pub(crate) struct State {
    pub(crate) word: &'static str,
    pub(crate) sign: &'static str,
    pub(crate) style: &'static str,
}

/// A deadline in the authority's zone and in UTC.
pub(crate) struct Due {
    pub(crate) local: When,
    pub(crate) zone: String,
    pub(crate) utc: String,
}

/// A condition with what decided it, at floor and ceiling; `None` where that side does not have it.
pub(crate) struct ConditionRow<'a> {
    pub(crate) condition: &'a str,
    pub(crate) citation: &'a str,
    pub(crate) floor: Option<Decided<'a>>,
    pub(crate) ceiling: Option<Decided<'a>>,
}

/// The value that was found, and what it says.
#[derive(PartialEq, Eq)]
pub(crate) struct Decided<'a> {
    pub(crate) value: &'a str,
    pub(crate) answer: &'static str,
}

impl ConditionRow<'_> {
    /// Whether floor and ceiling were decided by the same value in the same way.
    pub(crate) fn is_same(&self) -> bool {
        self.floor == self.ceiling
    }
}

impl<'a> Duties<'a> {
    pub(crate) fn of(view: &CaseView<'a>) -> Duties<'a> {
        let mut cards: Vec<(usize, &Duty)> = view.duties.iter().enumerate().collect();
        cards.sort_by_key(|(i, d)| (d.due.is_none(), d.due, *i));
        let clock = |i: usize| view.duty_clocks.get(i).map(String::as_str).filter(|c| !c.is_empty());
        let (open, closed): (Vec<_>, Vec<_>) = cards.into_iter().partition(|(_, d)| worst(d) > DutyState::NotTriggered);
        let triggered = open.iter().filter(|(_, d)| d.floor.state == DutyState::Triggered).count();
        Duties {
            triggered: count(triggered as u64),
            may: count((open.len() - triggered) as u64),
            open: open.into_iter().map(|(i, d)| DutyCard::of(i, d, clock(i))).collect(),
            closed: closed.into_iter().map(|(i, d)| DutyCard::of(i, d, clock(i))).collect(),
        }
    }
}

fn worst(duty: &Duty) -> DutyState {
    duty.floor.state.max(duty.ceiling.state)
}

impl<'a> DutyCard<'a> {
    fn of(index: usize, duty: &'a Duty, clock: Option<&'a str>) -> DutyCard<'a> {
        let zone = Zone::named(&duty.time_zone);
        DutyCard {
            anchor: format!("duty-{}", index + 1),
            duty,
            place: places::name(&duty.place),
            floor: State::of(duty.floor.state),
            ceiling: State::of(duty.ceiling.state),
            style: words::state_style(worst(duty)),
            open: worst(duty) > DutyState::NotTriggered,
            same: duty.floor.state == duty.ceiling.state,
            persons: range(duty.persons),
            persons_noun: if duty.persons.ceiling == 1 { "person" } else { "people" },
            due: duty.due.map(|t| Due {
                local: zone.deadline(t),
                zone: zone.name.clone(),
                utc: Zone::named("UTC").format(t, "%-d %b %Y, %H:%M UTC"),
            }),
            clock,
            recipient: if duty.recipient_name.is_empty() {
                words::spaced(&duty.recipient)
            } else {
                duty.recipient_name.clone()
            },
            conditions: side_by_side(&duty.floor.conditions, &duty.ceiling.conditions),
            exemptions: side_by_side(&duty.exemptions, &duty.exemptions),
        }
    }
}

impl State {
    fn of(state: DutyState) -> State {
        State { word: state.word(), sign: words::state_sign(state), style: words::state_style(state) }
    }
}

/// Pairs the conditions of floor and ceiling by their words and their turn, so that each stands once.
fn side_by_side<'a>(floor: &'a [ConditionResult], ceiling: &'a [ConditionResult]) -> Vec<ConditionRow<'a>> {
    let mut unpaired: Vec<&ConditionResult> = ceiling.iter().collect();
    let mut rows: Vec<ConditionRow<'a>> = floor
        .iter()
        .map(|f| {
            let pair = unpaired.iter().position(|c| c.condition == f.condition).map(|at| unpaired.remove(at));
            ConditionRow {
                condition: &f.condition,
                citation: &f.citation,
                floor: Some(decided(f)),
                ceiling: pair.map(decided),
            }
        })
        .collect();
    rows.extend(unpaired.into_iter().map(|c| ConditionRow {
        condition: &c.condition,
        citation: &c.citation,
        floor: None,
        ceiling: Some(decided(c)),
    }));
    rows
}

fn decided(c: &ConditionResult) -> Decided<'_> {
    let answer = match c.holds {
        Some(true) => "holds",
        Some(false) => "does not hold",
        None => "unknown",
    };
    Decided { value: &c.value, answer }
}
