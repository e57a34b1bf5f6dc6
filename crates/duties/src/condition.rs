//! A duty's conditions, each with its answer and the value that decided it, in words.

use crate::case::{Case, Judged, Side, Tally, stated};
use crate::law::{Condition, Placed, Reach, ReachTo, Threshold};
use crate::truth::{Truth, all, any};
use stanch_model::Place;
use stanch_model::duty::ConditionResult;

/// An answer to one condition.
pub(crate) struct Answer {
    pub(crate) condition: String,
    pub(crate) value: String,
    pub(crate) truth: Truth,
    pub(crate) citation: String,
}

impl From<Answer> for ConditionResult {
    fn from(a: Answer) -> ConditionResult {
        ConditionResult { condition: a.condition, value: a.value, holds: a.truth.known(), citation: a.citation }
    }
}

impl Judged<'_> {
    pub(crate) fn answer(&self, side: Side, condition: &Condition) -> Answer {
        match condition {
            Condition::AnyPerson(definition) => self.answer_any_person(side, definition),
            Condition::PersonsAtLeast(t) => self.answer_threshold(side, t, 0),
            Condition::PersonsMoreThan(t) => self.answer_threshold(side, t, 1),
            Condition::Counsel(q) => Answer {
                condition: q.question.clone(),
                value: "for counsel to say".to_owned(),
                truth: Truth::Unknown,
                citation: self.facts.citation(&q.source),
            },
            Condition::AnyOf(inner) => self.answer_several(side, inner, "; or ", any),
            Condition::AllOf(inner) => self.answer_several(side, inner, "; and ", all),
            on_store => self.answer_on_store(on_store),
        }
    }

    /// Whether the law reaches the store at all; nothing where its residents are reason enough.
    pub(crate) fn answer_reach(&self) -> Option<Answer> {
        let mut answers = Vec::new();
        for Reach { when, source, .. } in &self.law.applies {
            let answer = self.answer(Side::Ceiling, when.as_ref()?);
            answers.push(Answer { citation: self.facts.citation(source), ..answer });
        }
        Some(joined(answers, "; or ", any))
    }

    fn answer_any_person(&self, side: Side, definition: &Placed) -> Answer {
        let tally = self.tally(side, &definition.value, None);
        Answer {
            condition: format!("at least one {}", self.noun(&definition.value, false)),
            value: self.tally_words(tally),
            truth: self.unless_uncounted(side, reaches(tally, 1)),
            citation: self.citation_of_definition(&definition.value),
        }
    }

    /// Where people may be missing from every count, no count is too small.
    fn unless_uncounted(&self, side: Side, truth: Truth) -> Truth {
        if truth == Truth::No && side == Side::Ceiling && self.case.people.uncounted { Truth::Unknown } else { truth }
    }

    fn tally_words(&self, tally: Tally) -> String {
        let more = if self.case.people.uncounted { ", and people whose rows were not read" } else { "" };
        format!("{}{more}", tally_words(tally))
    }

    /// `beyond` is 1 where the number itself is not enough.
    fn answer_threshold(&self, side: Side, threshold: &Threshold, beyond: u64) -> Answer {
        let perhaps_in = threshold.perhaps_in.as_ref().map(|p| p.value.as_str());
        let tally = self.tally(side, &threshold.whose.value, perhaps_in);
        let number = self.facts.number(&threshold.number);
        let words = if beyond == 1 { "more than" } else { "at least" };
        let shown = match number {
            None => "an unknown number of".to_owned(),
            Some(1) => "one".to_owned(),
            Some(n) => grouped(n),
        };
        let truth = match number {
            Some(n) => reaches(tally, n.saturating_add(beyond)),
            None if tally.sure + tally.perhaps == 0 => Truth::No,
            None => Truth::Unknown,
        };
        Answer {
            condition: format!("{words} {shown} {}", self.noun(&threshold.whose.value, number != Some(1))),
            value: self.tally_words(tally),
            truth: self.unless_uncounted(side, truth),
            citation: self.facts.citation(&threshold.number),
        }
    }

    fn answer_several(&self, side: Side, inner: &[Condition], with: &str, fold: fn(Vec<Truth>) -> Truth) -> Answer {
        joined(inner.iter().map(|c| self.answer(side, c)).collect(), with, fold)
    }

    fn answer_on_store(&self, condition: &Condition) -> Answer {
        let Case { words, stated: facts, .. } = self.case;
        let name = |p: &Placed| words.places.name(&p.value).to_owned();
        let fact = |p: &Placed| words.facts.get(&p.value).map_or_else(|| p.value.clone(), |d| plain(d));
        let (condition_words, value) = match condition {
            Condition::EstablishedIn(p) => {
                (format!("the store is established in {}", name(p)), places_words(facts.established_in.as_deref()))
            }
            Condition::OffersTo(p) => {
                (format!("the store offers goods to people in {}", name(p)), places_words(facts.offers_to.as_deref()))
            }
            Condition::BusinessIn(p) => {
                (format!("the store does business in {}", name(p)), places_words(facts.business_in.as_deref()))
            }
            Condition::FactNot(p) => (format!("not so: {}", fact(p)), yes_no(stated(facts, &p.value)).to_owned()),
            Condition::Fact(p) => (fact(p), yes_no(stated(facts, &p.value)).to_owned()),
            _ => (String::new(), String::new()),
        };
        let truth = self.store_meets(condition);
        Answer { condition: condition_words, value, truth, citation: self.law.citation.clone() }
    }

    fn noun(&self, definition: &str, plural: bool) -> String {
        let residents = self.law.applies.iter().all(|r| r.to == ReachTo::Residents);
        let title = self.law.definitions.get(definition).map_or("", |d| d.title.as_str());
        let noun = match (residents, plural) {
            (true, true) => format!("residents of {}", self.case.words.places.name(&self.law.place.value)),
            (true, false) => format!("resident of {}", self.case.words.places.name(&self.law.place.value)),
            (false, true) => "persons".to_owned(),
            (false, false) => "person".to_owned(),
        };
        format!("{noun} {title}")
    }

    fn citation_of_definition(&self, definition: &str) -> String {
        self.law.definitions.get(definition).map_or_else(String::new, |d| self.facts.citation(&d.source))
    }
}

fn joined(answers: Vec<Answer>, with: &str, fold: fn(Vec<Truth>) -> Truth) -> Answer {
    let join = |pick: fn(&Answer) -> &str| answers.iter().map(pick).collect::<Vec<_>>().join(with);
    let mut citations: Vec<&str> = answers.iter().map(|a| a.citation.as_str()).collect();
    citations.dedup();
    Answer {
        condition: join(|a| &a.condition),
        value: answers.iter().map(|a| a.value.as_str()).collect::<Vec<_>>().join("; "),
        truth: fold(answers.iter().map(|a| a.truth).collect()),
        citation: citations.join(", "),
    }
}

fn reaches(tally: Tally, number: u64) -> Truth {
    if tally.sure >= number {
        Truth::Yes
    } else if tally.sure + tally.perhaps >= number {
        Truth::Unknown
    } else {
        Truth::No
    }
}

fn tally_words(tally: Tally) -> String {
    let mut words = grouped(tally.sure);
    if tally.perhaps > 0 {
        words += &format!(", and {} to be confirmed", grouped(tally.perhaps));
    }
    if tally.homeless > 0 {
        words += &format!(" ({} of them with no known residence)", grouped(tally.homeless));
    }
    words
}

/// `12,345`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn places_words(stated: Option<&[Place]>) -> String {
    match stated {
        None => "unknown".to_owned(),
        Some([]) => "none".to_owned(),
        Some(list) => list.iter().map(|p| p.0.as_str()).collect::<Vec<_>>().join(", "),
    }
}

pub(crate) fn yes_no(stated: Option<bool>) -> &'static str {
    match stated {
        None => "unknown",
        Some(true) => "yes",
        Some(false) => "no",
    }
}

/// A description to stand inside a sentence: without its capital and its full stop.
pub(crate) fn plain(sentence: &str) -> String {
    let mut letters = sentence.trim_end_matches('.').chars();
    let first = letters.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}
