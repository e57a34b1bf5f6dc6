//! The shape of a law file, as it stands in `packs/laws/`. What it means is in docs/guides/add-a-law.md.

use crate::proof::ProofFile;
use crate::value::Value;
use serde::{Deserialize, Deserializer};
use stanch_model::{DataClass, Effect};
use stanch_packs::Spanned;
use std::collections::BTreeMap;
use std::fmt;

/// A word or reference, with its place in the file.
pub(crate) type Placed = Spanned<String>;

/// The line that something stands in.
pub(crate) fn line<T>(placed: &Spanned<T>) -> u64 {
    placed.referenced.line()
}

/// One law.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LawFile {
    pub(crate) id: Placed,
    /// For people: `GDPR`.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) place: Placed,
    /// In which its deadlines are counted, unless the authority's place says otherwise.
    pub(crate) time_zone: Placed,
    /// Whether one authority leads for several countries.
    #[serde(default)]
    pub(crate) lead_authority: bool,
    pub(crate) citation: String,
    /// Whom it reaches: each rule that holds adds persons.
    pub(crate) applies: Vec<Reach>,
    /// The fact that says that notices may wait for law enforcement.
    pub(crate) waits_for_law_enforcement: Option<Placed>,
    pub(crate) facts: BTreeMap<String, Vec<Dated>>,
    pub(crate) definitions: BTreeMap<String, Definition>,
    pub(crate) duties: Vec<DutyFile>,
    pub(crate) proofs: Vec<ProofFile>,
}

/// Whom a law reaches, and when.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reach {
    pub(crate) to: ReachTo,
    pub(crate) when: Option<Condition>,
    pub(crate) source: Placed,
}

/// Whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReachTo {
    /// Who lives in the law's place.
    Residents,
    /// Whoever it is.
    Everyone,
}

/// A fact's value from a day on, until the next one's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dated {
    pub(crate) from: Spanned<Day>,
    pub(crate) value: Value,
    pub(crate) citation: Placed,
    pub(crate) confidence: Confidence,
    pub(crate) source_kind: Option<SourceKind>,
    pub(crate) source: Option<String>,
    pub(crate) as_of: Day,
    pub(crate) note: Option<String>,
    pub(crate) source_conflict: Option<String>,
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) jiff::civil::Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Day, D::Error> {
        let text = String::deserialize(d)?;
        let day =
            text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is not a day such as 2026-01-31")));
        day.map(Day)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How sure the pack is of a fact, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Confidence {
    FromMemory,
    VerifiedFromSource,
}

impl Confidence {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Confidence::FromMemory => "from-memory",
            Confidence::VerifiedFromSource => "verified-from-source",
        }
    }
}

/// What was read for a fact, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SourceKind {
    WebPage,
    SecondarySummary,
    StatuteText,
}

impl SourceKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            SourceKind::WebPage => "web-page",
            SourceKind::SecondarySummary => "secondary-summary",
            SourceKind::StatuteText => "statute-text",
        }
    }
}

/// Which persons something is about, by what of theirs was reached.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    /// In words, after "persons": `whose name was acquired together with a listed element`.
    pub(crate) title: String,
    pub(crate) effects: Vec<Effect>,
    pub(crate) counts: Forms,
    /// The element that says who somebody is; needed beside `with_any`.
    pub(crate) identified_by: Option<Placed>,
    /// A fact that lists elements which count together with `identified_by`.
    pub(crate) with_any: Option<Placed>,
    /// A fact that lists elements which count by themselves.
    pub(crate) alone_any: Option<Placed>,
    /// Classes that meet it.
    #[serde(default)]
    pub(crate) likely: Vec<Reason>,
    /// Classes that may meet it.
    #[serde(default)]
    pub(crate) perhaps: Vec<Reason>,
    /// What any other class does.
    #[serde(default)]
    pub(crate) anything_else: Weight,
    pub(crate) source: Placed,
}

/// Classes that together decide, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    pub(crate) classes: Vec<DataClass>,
    pub(crate) because: String,
}

/// Whether a value counts that stood in a protected form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forms {
    /// Its key known to be safe. Of an unknown key it is at least to be confirmed; with its key taken it counts.
    pub(crate) encrypted: Weight,
    pub(crate) hashed: Weight,
    pub(crate) truncated: Weight,
    pub(crate) source: Placed,
}

/// Whether something counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Weight {
    #[default]
    Never,
    Perhaps,
    Counts,
}

/// One thing that must be done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DutyFile {
    pub(crate) id: Placed,
    pub(crate) title: String,
    pub(crate) recipient: Placed,
    pub(crate) recipient_name: String,
    /// The definition of the persons it is about.
    pub(crate) persons: Placed,
    /// All must hold.
    pub(crate) when: Vec<Condition>,
    pub(crate) deadline: Deadline,
    /// Facts that list what it must contain.
    #[serde(default)]
    pub(crate) contents: Vec<Placed>,
    /// Facts that list what it must not say.
    #[serde(default)]
    pub(crate) must_not_say: Vec<Placed>,
    pub(crate) form: Option<String>,
    #[serde(default)]
    pub(crate) exemptions: Vec<Exemption>,
    /// Values to be shown beside it.
    #[serde(default)]
    pub(crate) show: Vec<Shown>,
    #[serde(default)]
    pub(crate) remarks: Vec<String>,
    /// Facts that it rests on beside those that it names elsewhere.
    #[serde(default)]
    pub(crate) sources: Vec<Placed>,
}

/// A value shown beside a duty.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shown {
    pub(crate) label: String,
    pub(crate) value: Placed,
}

/// By when. At most one of the numbers; each is a value of a fact, and may be null where the law gives none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deadline {
    pub(crate) hours: Option<Placed>,
    pub(crate) days: Option<Placed>,
    pub(crate) business_days: Option<Placed>,
    pub(crate) months: Option<Placed>,
    /// The earliest known of these starts the clock.
    #[serde(default)]
    pub(crate) from: Vec<MomentWord>,
    /// The fact with the law's own words.
    pub(crate) timing: Option<Placed>,
    /// The usual outer bound where there is no number, as advice.
    pub(crate) advice: Option<String>,
}

/// A moment of the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MomentWord {
    Occurred,
    Discovered,
    BecameAware,
    Determined,
    Notified,
}

/// What a duty may ask. The words are those of `packs/words/conditions.yaml`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Condition {
    AnyPerson(Placed),
    PersonsAtLeast(Threshold),
    PersonsMoreThan(Threshold),
    EstablishedIn(Placed),
    OffersTo(Placed),
    BusinessIn(Placed),
    Fact(Placed),
    FactNot(Placed),
    Counsel(Question),
    AnyOf(Vec<Condition>),
    AllOf(Vec<Condition>),
}

/// How many persons.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Threshold {
    pub(crate) whose: Placed,
    pub(crate) number: Placed,
    /// Persons there may count too, though the law reaches them by no rule of its own.
    pub(crate) perhaps_in: Option<Placed>,
}

/// Something that only a person can tell.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    pub(crate) question: String,
    pub(crate) source: Placed,
}

/// A reason for which a duty may fall away.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exemption {
    pub(crate) title: String,
    pub(crate) applies: ExemptionTest,
    pub(crate) because: String,
    pub(crate) source: Placed,
}

/// Whether an exemption applies. One that does makes the duty to be confirmed, never absent: counsel decides.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExemptionTest {
    /// Not to an intrusion.
    Never,
    /// Only a person can tell.
    Counsel,
    /// If a stated fact holds.
    Fact(Placed),
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_packs::{Packs, parse};

    #[test]
    fn the_list_of_conditions_is_what_the_program_can_answer() {
        let one_of_each = "
- any_person: d
- persons_at_least: {whose: d, number: f}
- persons_more_than: {whose: d, number: f}
- established_in: EU
- offers_to: EU
- business_in: US-CA
- fact: harm_ruled_out
- fact_not: harm_ruled_out
- counsel: {question: q, source: f}
- any_of: []
- all_of: []
";
        let conditions: Vec<Condition> = parse("one of each", one_of_each).unwrap();
        let answered: Vec<&str> = conditions.iter().map(word).collect();
        let listed: ConditionWords = Packs::shipped().load("words/conditions").unwrap();
        let listed: Vec<&str> = listed.words.iter().map(|w| w["word"].as_str()).collect();
        assert_eq!(listed, answered);
    }

    #[derive(Deserialize)]
    struct ConditionWords {
        words: Vec<BTreeMap<String, String>>,
    }

    fn word(condition: &Condition) -> &'static str {
        match condition {
            Condition::AnyPerson(_) => "any_person",
            Condition::PersonsAtLeast(_) => "persons_at_least",
            Condition::PersonsMoreThan(_) => "persons_more_than",
            Condition::EstablishedIn(_) => "established_in",
            Condition::OffersTo(_) => "offers_to",
            Condition::BusinessIn(_) => "business_in",
            Condition::Fact(_) => "fact",
            Condition::FactNot(_) => "fact_not",
            Condition::Counsel(_) => "counsel",
            Condition::AnyOf(_) => "any_of",
            Condition::AllOf(_) => "all_of",
        }
    }
}
