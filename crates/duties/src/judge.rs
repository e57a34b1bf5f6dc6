//! From a law before a case to duties: states, deadlines, sources, and what counsel must look at.

use crate::case::{Case, Judged, Side, stated};
use crate::condition::{Answer, grouped, plain, yes_no};
use crate::deadline::{counting, end_of, words_of};
use crate::law::{Condition, DutyFile, ExemptionTest, LawFile, MomentWord, Placed};
use crate::people::People;
use crate::truth::{Truth, all};
use crate::words::Words;
use stanch_model::duty::{ConditionResult, Duty, DutyState, Source, Standing};
use stanch_model::exposure::Bounds;
use stanch_model::store::{Facts, Moments};
use stanch_model::{Instant, Matrix};
use std::collections::BTreeSet;

/// Judges every law; the triggered first, then by deadline, then by id.
pub(crate) fn judge_all<'a>(
    laws: impl Iterator<Item = &'a LawFile>,
    words: &Words,
    matrix: &Matrix,
    moments: &Moments,
    facts: &Facts,
) -> Vec<Duty> {
    let people = People::of(matrix, &words.places);
    let case = Case { words, people: &people, moments, stated: facts };
    let mut duties: Vec<Duty> = laws.flat_map(|law| duties_of(law, case)).collect();
    duties.sort_by(|a, b| urgency(a).cmp(&urgency(b)));
    duties
}

fn urgency(duty: &Duty) -> (std::cmp::Reverse<(DutyState, DutyState)>, bool, Option<Instant>, &str) {
    (std::cmp::Reverse((duty.ceiling.state, duty.floor.state)), duty.due.is_none(), duty.due, &duty.id)
}

/// One law's duties, in the file's order.
pub(crate) fn duties_of(law: &LawFile, case: Case<'_>) -> Vec<Duty> {
    let judged = Judged::new(law, case);
    law.duties.iter().map(|duty| judged.duty(duty)).collect()
}

/// By when, and how that was counted.
struct Due {
    at: Option<Instant>,
    counting: String,
    timing: Option<String>,
    remarks: Vec<String>,
}

impl Judged<'_> {
    fn duty(&self, file: &DutyFile) -> Duty {
        let exempt = file.exemptions.iter().any(|e| self.exemption_holds(&e.applies) == Some(true));
        let floor = self.standing(Side::Floor, file, exempt);
        let ceiling = self.standing(Side::Ceiling, file, exempt);
        let arises = ceiling.state != DutyState::NotTriggered;
        let due = self.due(file, arises);
        let mut remarks = due.remarks;
        remarks.extend(self.remarks(file, arises));
        Duty {
            id: format!("{}/{}", self.law.id.value, file.id.value),
            law: self.law.name.clone(),
            place: self.law.place.value.clone(),
            title: file.title.clone(),
            recipient: file.recipient.value.clone(),
            recipient_name: self.recipient_name(file),
            floor,
            ceiling,
            persons: self.bounds(&file.persons),
            due: due.at,
            time_zone: self.zone_name().to_owned(),
            counting: due.counting,
            timing: due.timing,
            contents: self.listed(&file.contents),
            form: file.form.clone(),
            exemptions: self.exemptions(file),
            sources: self.sources(file),
            remarks,
        }
    }

    fn standing(&self, side: Side, file: &DutyFile, exempt: bool) -> Standing {
        let mut answers: Vec<Answer> = self.answer_reach().into_iter().collect();
        answers.extend(file.when.iter().map(|c| self.answer(side, c)));
        let mut truth = all(answers.iter().map(|a| a.truth));
        if exempt {
            truth = truth.and(Truth::Unknown);
        }
        Standing { state: truth.state(), conditions: answers.into_iter().map(ConditionResult::from).collect() }
    }

    fn bounds(&self, definition: &Placed) -> Bounds {
        let ceiling = self.tally(Side::Ceiling, &definition.value, None);
        Bounds { floor: self.tally(Side::Floor, &definition.value, None).sure, ceiling: ceiling.sure + ceiling.perhaps }
    }

    fn exemption_holds(&self, test: &ExemptionTest) -> Option<bool> {
        match test {
            ExemptionTest::Never => Some(false),
            ExemptionTest::Counsel => None,
            ExemptionTest::Fact(word) => stated(self.case.stated, &word.value),
        }
    }

    fn exemptions(&self, file: &DutyFile) -> Vec<ConditionResult> {
        let weighed = file.exemptions.iter().map(|e| {
            let holds = self.exemption_holds(&e.applies);
            let value = match &e.applies {
                ExemptionTest::Fact(word) => {
                    let fact = self.case.words.facts.get(&word.value).map_or_else(|| word.value.clone(), |d| plain(d));
                    format!("{fact}: {}. {}", yes_no(holds), e.because)
                }
                ExemptionTest::Never | ExemptionTest::Counsel => e.because.clone(),
            };
            let citation = self.facts.citation(&e.source);
            ConditionResult { condition: e.title.clone(), value, holds, citation }
        });
        weighed.collect()
    }

    fn due(&self, file: &DutyFile, arises: bool) -> Due {
        let timing =
            file.deadline.timing.as_ref().and_then(|t| self.facts.find(&t.value).value).map(ToString::to_string);
        let mut remarks = Vec::new();
        let numbered = file.deadline.number().and_then(|(unit, r)| self.facts.number(r).map(|n| (unit, n)));
        let Some((unit, number)) = numbered else {
            let unknown = self.why_no_number(file);
            let counting = if unknown.is_some() { "not known to the pack" } else { "the law sets no hours or days" };
            remarks.extend(unknown);
            remarks.extend(file.deadline.advice.as_ref().map(|a| format!("Advice, not law: {a}")));
            return Due { at: None, counting: counting.to_owned(), timing, remarks };
        };
        let from = &file.deadline.from;
        let zone = self.zone();
        let start = from.iter().filter_map(|m| m.of(self.case.moments)).min();
        let at = start.and_then(|s| end_of(unit, number, s, &zone)).filter(|_| arises);
        if arises && start.is_none() {
            remarks.push(format!("No deadline can be counted: nobody has stated when {}.", words_of(from)));
            remarks.extend(self.provisional(from, |s| end_of(unit, number, s, &zone)));
        } else if arises && from.iter().any(|m| m.of(self.case.moments).is_none()) {
            remarks.push(format!("Counted from the earliest that is known of when {}.", words_of(from)));
        }
        Due { at, counting: counting(unit, number, from, self.zone_name()), timing, remarks }
    }

    /// Why there is no number: the law gives none, or the pack has none for that day.
    fn why_no_number(&self, file: &DutyFile) -> Option<String> {
        let (_, reference) = file.deadline.number()?;
        match (self.facts.find(&reference.value).dated, self.facts.day) {
            (None, Some(day)) => Some(format!("The pack holds no deadline that was in force on {day}: look it up.")),
            _ => None,
        }
    }

    /// What the deadline would be from the earliest moment that is known, where the right one is not.
    fn provisional(&self, from: &[MomentWord], end: impl Fn(Instant) -> Option<Instant>) -> Option<String> {
        if from.contains(&MomentWord::Notified) {
            return None;
        }
        let known = [MomentWord::Discovered, MomentWord::BecameAware, MomentWord::Determined];
        let (start, word) = known.iter().filter_map(|m| m.of(self.case.moments).map(|t| (t, *m))).min()?;
        Some(format!("Counted from when {}, it would be due at {}.", word.words(), end(start)?))
    }

    fn recipient_name(&self, file: &DutyFile) -> String {
        if !self.law.lead_authority || file.recipient.value != "supervisory_authority" {
            return file.recipient_name.clone();
        }
        match self.authority() {
            Some(place) => format!("{} of {}", file.recipient_name, self.case.words.places.name(place)),
            None => format!("{} of each country concerned", file.recipient_name),
        }
    }

    /// The entries of listed facts in words for people.
    fn listed(&self, references: &[Placed]) -> Vec<String> {
        let contents = &self.case.words.contents;
        let lists = references.iter().filter_map(|r| self.facts.find(&r.value).value?.texts());
        lists.flatten().map(|word| contents.get(word).map_or(word, String::as_str).to_owned()).collect()
    }

    fn remarks(&self, file: &DutyFile, arises: bool) -> Vec<String> {
        if !arises {
            return self.remark_on_customers_out_of_reach(file).into_iter().collect();
        }
        let mut out = self.remarks_on_reasons(file);
        out.extend(self.remarks_on_residence(file));
        out.extend(self.remarks_on_moments());
        out.extend(self.remark_on_law_enforcement());
        out.extend(self.remark_on_exemptions(file));
        let forbidden = self.listed(&file.must_not_say);
        if !forbidden.is_empty() {
            out.push(format!("It must not say: {}.", forbidden.join("; ")));
        }
        for shown in &file.show {
            if let Some(value) = self.facts.find(&shown.value.value).value {
                out.push(format!("{}: {value}.", shown.label));
            }
        }
        out.extend(file.remarks.iter().cloned());
        out.extend(self.remarks_on_sources(file));
        out
    }

    /// People live where the law holds, and the store is stated to have nothing to do with the place.
    fn remark_on_customers_out_of_reach(&self, file: &DutyFile) -> Option<String> {
        let place = self.law.place.value.as_str();
        let there = self.tally(Side::Ceiling, &file.persons.value, Some(place));
        let persons = there.sure + there.perhaps - there.homeless;
        if persons == 0 || self.answer_reach()?.truth != Truth::No {
            return None;
        }
        let name = self.case.words.places.name(place);
        let persons = grouped(persons);
        Some(format!(
            "{persons} persons live in {name}, yet as stated the law does not reach the store: check the facts."
        ))
    }

    fn remarks_on_reasons(&self, file: &DutyFile) -> Vec<String> {
        let mut out = Vec::new();
        for definition in definitions_asked(&file.when) {
            for (because, persons) in self.reasons(definition) {
                out.push(format!("For up to {} persons: {because}", grouped(persons)));
            }
        }
        if !out.is_empty() {
            out.push("This is a proposal drawn from the kinds of data; counsel decides.".to_owned());
        }
        out
    }

    fn remarks_on_residence(&self, file: &DutyFile) -> Vec<String> {
        let mut out = Vec::new();
        let tally = self.tally(Side::Ceiling, &file.persons.value, None);
        if tally.homeless > 0 {
            let persons = grouped(tally.homeless);
            out.push(format!("{persons} persons have no known residence; they are counted as possibly concerned."));
        }
        if tally.disagreeing > 0 {
            let persons = grouped(tally.disagreeing);
            out.push(format!(
                "For {persons} persons the records on residence disagree; the first in the store's order was taken."
            ));
        }
        for (odd, persons) in &self.case.people.odd_places {
            out.push(format!(
                "{odd:?} is no known place; {} persons there count as of unknown residence.",
                grouped(*persons)
            ));
        }
        if self.law.lead_authority && self.authority().is_none() {
            let by_place = self.tally_by_place(Side::Ceiling, &file.persons.value);
            let list: Vec<String> = by_place.iter().map(|(p, n)| format!("{p} {}", grouped(*n))).collect();
            out.push(format!("No leading authority is known. Persons by place, at most: {}.", list.join(", ")));
        }
        out
    }

    fn remarks_on_moments(&self) -> Vec<String> {
        let mut out = Vec::new();
        let moments = self.case.moments;
        if self.facts.day.is_none() {
            out.push("No moment of the case is known; the law is taken as it stands last in the pack.".to_owned());
        }
        if let (Some(occurred), Some(discovered)) = (moments.occurred, moments.discovered)
            && discovered < occurred
        {
            out.push("The discovery is stated as before the occurrence: check the moments.".to_owned());
        }
        out
    }

    fn remark_on_law_enforcement(&self) -> Option<String> {
        self.law.waits_for_law_enforcement.as_ref()?;
        let words = match self.case.stated.law_enforcement_delay {
            Some(true) => "A law enforcement agency has asked for delay: counsel says how long the clock may wait.",
            Some(false) => return None,
            None => {
                "It may wait while law enforcement says that notice would hinder it; whether one does is not known."
            }
        };
        Some(words.to_owned())
    }

    fn remark_on_exemptions(&self, file: &DutyFile) -> Option<String> {
        let holding = file.exemptions.iter().find(|e| self.exemption_holds(&e.applies) == Some(true))?;
        Some(format!("An exemption may apply ({}); until counsel confirms it, the duty stands.", holding.title))
    }

    /// What the pack notes on the facts that the duty rests on, and where its sources disagree.
    fn remarks_on_sources(&self, file: &DutyFile) -> BTreeSet<String> {
        let references = self.references(file);
        let facts = references.iter().filter_map(|r| self.facts.find(r).dated);
        let each = facts.flat_map(|d| {
            let citation = &d.citation.value;
            let note = d.note.as_ref().map(|note| format!("Note on {citation}: {note}."));
            let conflict = d.source_conflict.as_ref().map(|c| format!("Sources disagree on {citation}: {c}."));
            note.into_iter().chain(conflict)
        });
        each.collect()
    }

    /// The facts that a duty rests on, the least sure first.
    fn sources(&self, file: &DutyFile) -> Vec<Source> {
        let references = self.references(file);
        let mut facts: Vec<_> =
            references.iter().filter_map(|r| self.facts.find(r).dated.or_else(|| self.facts.latest(r))).collect();
        facts.sort_by_key(|d| (d.confidence, d.source_kind, d.citation.value.clone(), d.as_of));
        let mut sources: Vec<Source> = facts.into_iter().map(|d| d.as_source()).collect();
        sources.dedup();
        sources
    }

    fn references<'f>(&'f self, file: &'f DutyFile) -> BTreeSet<&'f str> {
        let mut out: BTreeSet<&str> = BTreeSet::new();
        let mut take = |r: &'f Placed| {
            out.insert(r.value.as_str());
        };
        self.law.applies.iter().for_each(|r| take(&r.source));
        self.law.waits_for_law_enforcement.iter().for_each(&mut take);
        file.deadline.number().into_iter().for_each(|(_, r)| take(r));
        file.deadline.timing.iter().for_each(&mut take);
        file.contents.iter().chain(&file.must_not_say).chain(&file.sources).for_each(&mut take);
        file.show.iter().for_each(|s| take(&s.value));
        file.exemptions.iter().for_each(|e| take(&e.source));
        numbers_asked(&file.when).into_iter().for_each(&mut take);
        let definitions = definitions_asked(&file.when).into_iter().chain([file.persons.value.as_str()]);
        for definition in definitions.filter_map(|d| self.law.definitions.get(d)) {
            take(&definition.source);
            take(&definition.counts.source);
            definition.with_any.iter().chain(&definition.alone_any).for_each(&mut take);
        }
        out
    }
}

/// The definitions that conditions count by, each once.
fn definitions_asked(conditions: &[Condition]) -> BTreeSet<&str> {
    conditions
        .iter()
        .flat_map(|c| match c {
            Condition::AnyPerson(d) => BTreeSet::from([d.value.as_str()]),
            Condition::PersonsAtLeast(t) | Condition::PersonsMoreThan(t) => BTreeSet::from([t.whose.value.as_str()]),
            Condition::AnyOf(inner) | Condition::AllOf(inner) => definitions_asked(inner),
            _ => BTreeSet::new(),
        })
        .collect()
}

/// The facts that conditions take numbers or questions from.
fn numbers_asked(conditions: &[Condition]) -> Vec<&Placed> {
    conditions
        .iter()
        .flat_map(|c| match c {
            Condition::PersonsAtLeast(t) | Condition::PersonsMoreThan(t) => vec![&t.number],
            Condition::Counsel(q) => vec![&q.source],
            Condition::AnyOf(inner) | Condition::AllOf(inner) => numbers_asked(inner),
            _ => Vec::new(),
        })
        .collect()
}
