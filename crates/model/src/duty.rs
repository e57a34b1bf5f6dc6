//! What a law obliges, judged for floor and ceiling.

use crate::exposure::Bounds;
use crate::time::Instant;
use serde::{Deserialize, Serialize};

/// Whether a duty arises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DutyState {
    /// Its conditions do not hold.
    NotTriggered,
    /// A value that decides it is unknown. Never reads as "no duty".
    ToBeConfirmed,
    /// Its conditions hold.
    Triggered,
}

impl DutyState {
    /// The words for people.
    pub fn word(self) -> &'static str {
        match self {
            DutyState::NotTriggered => "not triggered",
            DutyState::ToBeConfirmed => "to be confirmed",
            DutyState::Triggered => "triggered",
        }
    }
}

/// One condition, with the value that decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionResult {
    /// The condition in words: `more than 500 residents of US-CA`.
    pub condition: String,
    /// The value found, in words: `floor 412, ceiling 655`, `unknown`.
    pub value: String,
    /// Holds, does not, or unknown.
    pub holds: Option<bool>,
    /// Where the law says so.
    pub citation: String,
}

/// The judgement for one set of numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Triggered or not.
    pub state: DutyState,
    /// Each condition.
    pub conditions: Vec<ConditionResult>,
}

/// A fact of law as the pack states it, to be shown beside what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Article or section.
    pub citation: String,
    /// `verified-from-source` or `from-memory`.
    pub confidence: String,
    /// `statute-text`, `secondary-summary`, `web-page`, …
    pub source_kind: Option<String>,
    /// The day the fact was read.
    pub as_of: String,
}

/// Something that must be done, by whom it must be received, by when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duty {
    /// `eu/gdpr/art33`, `us-ca/individuals`: the law pack and the duty in it.
    pub id: String,
    /// The law, for people: `GDPR`.
    pub law: String,
    /// The place whose law it is: `EU`, `GB`, `US-CA`.
    pub place: String,
    /// What: `Notify the supervisory authority`.
    pub title: String,
    /// Who must receive it: `supervisory_authority`, `persons`, `attorney_general`, `consumer_bureaus`, …
    pub recipient: String,
    /// The recipient, for people: `California Attorney General (online form)`.
    pub recipient_name: String,
    /// Judged on the floor.
    pub floor: Standing,
    /// Judged on the ceiling.
    pub ceiling: Standing,
    /// The persons it is about.
    pub persons: Bounds,
    /// The moment by which it is due, where the law gives one and its start is known.
    pub due: Option<Instant>,
    /// Time zone in which the deadline is counted and shown: `Europe/Berlin`.
    pub time_zone: String,
    /// How it is counted: `72 hours after the controller became aware; weekends and holidays count`.
    pub counting: String,
    /// Where the law gives no number: `without unreasonable delay`.
    pub timing: Option<String>,
    /// What it must contain.
    pub contents: Vec<String>,
    /// How: `in writing`, `online form`, …
    pub form: Option<String>,
    /// Exemptions weighed, each with what is known.
    pub exemptions: Vec<ConditionResult>,
    /// The sources, the weakest confidence first.
    pub sources: Vec<Source>,
    /// Anything that counsel must look at.
    pub remarks: Vec<String>,
}
