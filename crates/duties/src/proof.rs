//! A law's proofs: small cases with what must come of them, in the law's own file.

use crate::case::Case;
use crate::judge::duties_of;
use crate::law::{LawFile, Placed, line};
use crate::people::People;
use crate::words::Words;
use serde::Deserialize;
use stanch_model::duty::{Duty, DutyState};
use stanch_model::evidence::Seal;
use stanch_model::exposure::Bounds;
use stanch_model::store::{Facts, Moments};
use stanch_model::{
    Cell, DataClass, Effect, Grade, Instant, Matrix, Person, Place, Proof, Protection, Residence, Window,
};
use stanch_packs::{Problem, Spanned};

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofFile {
    pub(crate) name: Placed,
    pub(crate) shows: Shows,
    pub(crate) given: Given,
    pub(crate) expect: Vec<Expect>,
}

/// What a case is there to show. Every law has one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shows {
    /// A duty arises.
    Triggers,
    /// One just does not.
    NearMiss,
    /// A value that decides is unknown.
    Unknown,
}

impl Shows {
    pub(crate) const ALL: [Shows; 3] = [Shows::Triggers, Shows::NearMiss, Shows::Unknown];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Shows::Triggers => "triggers",
            Shows::NearMiss => "near_miss",
            Shows::Unknown => "unknown",
        }
    }

    /// The state that at least one expectation of such a case has.
    pub(crate) fn state(self) -> DutyState {
        match self {
            Shows::Triggers => DutyState::Triggered,
            Shows::NearMiss => DutyState::NotTriggered,
            Shows::Unknown => DutyState::ToBeConfirmed,
        }
    }
}

/// What is known in a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    pub(crate) persons: Vec<Alike>,
    #[serde(default)]
    pub(crate) moments: Moments,
    #[serde(default)]
    pub(crate) facts: Facts,
}

/// So many persons of whom the same was reached.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alike {
    pub(crate) count: u64,
    /// Nothing where the residence is not known.
    pub(crate) place: Option<Placed>,
    /// Classes disclosed for certain, as they are.
    #[serde(default)]
    pub(crate) certain: Vec<DataClass>,
    /// Classes that may have been.
    #[serde(default)]
    pub(crate) possible: Vec<DataClass>,
    /// Anything that needs more words.
    #[serde(default)]
    pub(crate) cells: Vec<GivenCell>,
}

/// One cell in full.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenCell {
    pub(crate) class: DataClass,
    #[serde(default = "disclosed")]
    pub(crate) effect: Effect,
    #[serde(default = "certain")]
    pub(crate) grade: Grade,
    pub(crate) protection: Option<Protection>,
}

fn disclosed() -> Effect {
    Effect::Disclosed
}

fn certain() -> Grade {
    Grade::Certain
}

/// What must come of one duty.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) duty: Placed,
    pub(crate) floor: DutyState,
    pub(crate) ceiling: DutyState,
    /// Absent: not looked at. Null or `none`: there is none.
    #[serde(default)]
    pub(crate) due: Option<Spanned<String>>,
    pub(crate) persons: Option<Bounds>,
}

/// Persons that one case may have: proofs are small.
pub(crate) const PERSONS_MAX: u64 = 100_000;

/// Runs a law's proofs; what does not come out as written is a problem at its line.
pub(crate) fn run(file: &str, law: &LawFile, words: &Words) -> Vec<Problem> {
    let mut problems = Vec::new();
    for proof in &law.proofs {
        let matrix = matrix_of(&proof.given);
        let people = People::of(&matrix, &words.places);
        let case = Case { words, people: &people, moments: &proof.given.moments, stated: &proof.given.facts };
        let duties = duties_of(law, case);
        for expect in &proof.expect {
            let id = format!("{}/{}", law.id.value, expect.duty.value);
            let Some(duty) = duties.iter().find(|d| d.id == id) else { continue };
            for wrong in differences(expect, duty) {
                let message = format!("the case {:?}: {} {wrong}", proof.name.value, expect.duty.value);
                problems.push(Problem::new(file, message).at_line(line(&expect.duty)).with_hint(explain(duty)));
            }
        }
    }
    problems
}

fn differences(expect: &Expect, duty: &Duty) -> Vec<String> {
    let mut out = Vec::new();
    let sides = [("floor", expect.floor, duty.floor.state), ("ceiling", expect.ceiling, duty.ceiling.state)];
    for (side, expected, found) in sides {
        if expected != found {
            out.push(format!("should be {} at the {side} and is {}", expected.word(), found.word()));
        }
    }
    if let Some(due) = &expect.due {
        let expected = due.value.parse::<Instant>().ok();
        if expected != duty.due {
            let found = duty.due.map_or("none".to_owned(), |d| d.to_string());
            out.push(format!("should be due {} and is due {found}", due.value));
        }
    }
    if let Some(persons) = expect.persons.filter(|p| *p != duty.persons) {
        let found = duty.persons;
        out.push(format!(
            "should concern {} to {} persons and concerns {} to {}",
            persons.floor, persons.ceiling, found.floor, found.ceiling
        ));
    }
    out
}

fn explain(duty: &Duty) -> String {
    let each = duty.ceiling.conditions.iter().map(|c| format!("{}: {}", c.condition, c.value));
    format!("at the ceiling: {}", each.collect::<Vec<_>>().join("; "))
}

/// The matrix that a case describes.
pub(crate) fn matrix_of(given: &Given) -> Matrix {
    let mut matrix = Matrix {
        persons: Vec::new(),
        cells: Vec::new(),
        shapes: Vec::new(),
        doubts: Vec::new(),
        snapshots: Vec::new(),
        accesses: 0,
        intruder_events: 0,
    };
    for alike in &given.persons {
        for _ in 0..alike.count.min(PERSONS_MAX) {
            let person = u32::try_from(matrix.persons.len()).unwrap_or(u32::MAX);
            matrix.persons.push(Person {
                id: format!("P-{person:010x}"),
                email: None,
                name: None,
                customer_ids: Vec::new(),
                residence: Residence {
                    place: alike.place.as_ref().map(|p| Place(p.value.clone())),
                    from: "given".to_owned(),
                    agreed: true,
                },
            });
            matrix.cells.extend(cells_of(alike, person));
        }
    }
    matrix
}

fn cells_of(alike: &Alike, person: u32) -> Vec<Cell> {
    let plain = |grade| move |class: &DataClass| cell(person, *class, Effect::Disclosed, grade, natural(*class));
    let mut cells: Vec<Cell> = alike.certain.iter().map(plain(Grade::Certain)).collect();
    cells.extend(alike.possible.iter().map(plain(Grade::Possible)));
    cells.extend(alike.cells.iter().map(|c| {
        let protection = c.protection.unwrap_or_else(|| natural(c.class));
        cell(person, c.class, c.effect, c.grade, protection)
    }));
    cells.sort_by_key(|c| (c.class, c.effect));
    cells
}

/// The form that a class has by its own meaning.
fn natural(class: DataClass) -> Protection {
    match class {
        DataClass::PasswordHash => Protection::Hashed,
        DataClass::PaymentCardPartial => Protection::Truncated,
        _ => Protection::Plain,
    }
}

pub(crate) fn cell(person: u32, class: DataClass, effect: Effect, grade: Grade, protection: Protection) -> Cell {
    let at = Instant(0);
    Cell {
        person,
        class,
        effect,
        grade,
        protection,
        protection_detail: None,
        window: Window { from: at, to: at },
        accesses: 1,
        proof: Proof {
            evidence: Seal(String::new()),
            offset: 0,
            length: 0,
            line: 1,
            time: at,
            shape: String::new(),
            snapshot: Seal(String::new()),
            table: String::new(),
            row_key: String::new(),
            because: None,
        },
    }
}
