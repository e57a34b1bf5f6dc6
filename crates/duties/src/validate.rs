//! What a law file may not say: words outside the vocabularies, references that lead nowhere, dates out of order.

use crate::facts::split;
use crate::law::{
    Condition, Confidence, Deadline, Definition, DutyFile, ExemptionTest, LawFile, Placed, Threshold, Weight, line,
};
use crate::proof::{PERSONS_MAX, Shows};
use crate::value::Value;
use crate::words::Words;
use jiff::tz::TimeZone;
use stanch_model::Instant;
use stanch_model::spelling::nearest;
use stanch_packs::Problem;
use std::collections::BTreeSet;

/// Everything that is wrong with a law, in the file's order as far as lines are known.
pub(crate) fn validate(pack: &str, file: &str, law: &LawFile, words: &Words) -> Vec<Problem> {
    let mut reader = Reader { file, law, words, problems: Vec::new() };
    reader.heading(pack);
    reader.facts();
    for definition in law.definitions.values() {
        reader.definition(definition);
    }
    reader.duties();
    reader.proofs();
    reader.problems.sort();
    reader.problems
}

struct Reader<'a> {
    file: &'a str,
    law: &'a LawFile,
    words: &'a Words,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn wrong(&mut self, line: u64, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::new(self.file, message).at_line(line).with_hint(hint));
    }

    /// A word that must be one of a vocabulary.
    fn known<'w>(&mut self, what: &str, word: &Placed, mut vocabulary: impl Iterator<Item = &'w str> + Clone) {
        if vocabulary.clone().any(|w| w == word.value) {
            return;
        }
        let hint = match nearest(&word.value, vocabulary.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let some: Vec<&str> = vocabulary.by_ref().take(12).collect();
                format!("the words are: {}{}", some.join(", "), if vocabulary.next().is_some() { ", …" } else { "" })
            }
        };
        self.wrong(line(word), format!("`{}` is not a {what}", word.value), hint);
    }

    fn place(&mut self, place: &Placed) {
        let words = self.words;
        self.known("place of packs/words/places.yaml", place, words.places.words().collect::<Vec<_>>().into_iter());
    }

    fn fact_word(&mut self, word: &Placed) {
        let words = self.words;
        self.known("fact of packs/words/facts.yaml", word, words.facts.keys().map(String::as_str));
    }

    fn definition_name(&mut self, name: &Placed) {
        let law = self.law;
        self.known("definition of this file", name, law.definitions.keys().map(String::as_str));
    }

    /// A reference to a fact or into one. Gives the values that it has over time.
    fn reference(&mut self, reference: &Placed) -> Vec<&'a Value> {
        let law = self.law;
        let Some((name, path)) = split(&law.facts, &reference.value) else {
            self.known("fact of this file", reference, law.facts.keys().map(String::as_str));
            return Vec::new();
        };
        let steps = || path.split('.').filter(|p| !p.is_empty());
        let values: Vec<&Value> = law.facts[name].iter().filter_map(|d| d.value.at(steps())).collect();
        if values.is_empty() {
            let hint = format!("write it under the value of `{name}`, as null if it is not known");
            self.wrong(line(reference), format!("the fact `{name}` has no value at `{path}`"), hint);
        }
        values
    }

    fn number(&mut self, reference: &Placed) {
        for value in self.reference(reference) {
            if *value != Value::Null && value.number().is_none() {
                let message = format!("`{}` is {value:?} and should be a whole number", reference.value);
                self.wrong(line(reference), message, "a number, or null where the law gives none");
            }
        }
    }

    fn heading(&mut self, pack: &str) {
        let law = self.law;
        let below = pack.trim_start_matches("laws/");
        let folder = below.rsplit_once('/').map_or(below, |(folder, _)| folder);
        if law.id.value != below && law.id.value != folder {
            let hint = format!("an id is the path below packs/laws: `{below}`, or `{folder}` for the place's main law");
            self.wrong(line(&law.id), format!("the id `{}` is not the file's path", law.id.value), hint);
        }
        self.place(&law.place);
        if TimeZone::get(&law.time_zone.value).is_err() {
            let message = format!("`{}` is not a time zone", law.time_zone.value);
            self.wrong(line(&law.time_zone), message, "an IANA name such as America/Chicago");
        }
        for text in [&law.name, &law.title, &law.citation] {
            if text.trim().is_empty() {
                self.wrong(line(&law.id), "name, title and citation may not be empty", "say which law it is");
            }
        }
        if law.applies.is_empty() {
            self.wrong(line(&law.id), "`applies` reaches nobody", "to: residents, or to: everyone");
        }
        for reach in &law.applies {
            self.reference(&reach.source);
            if let Some(condition) = &reach.when {
                self.store_condition(condition, line(&reach.source));
            }
        }
        if let Some(reference) = &law.waits_for_law_enforcement {
            self.reference(reference);
        }
    }

    fn facts(&mut self) {
        let law = self.law;
        for (name, versions) in &law.facts {
            if versions.is_empty() {
                self.wrong(line(&law.id), format!("the fact `{name}` has no value"), "give it one, from a day on");
            }
            for pair in versions.windows(2) {
                if pair[0].from.value >= pair[1].from.value {
                    let message = format!(
                        "the fact `{name}` is in force from {} after {}: dates go from old to new",
                        pair[1].from.value, pair[0].from.value
                    );
                    self.wrong(line(&pair[1].from), message, "put the older value first, and each day once");
                }
            }
            for version in versions {
                let read = version.source.as_deref().is_some_and(|s| !s.trim().is_empty());
                if version.confidence == Confidence::VerifiedFromSource && !read {
                    let message = format!("the fact `{name}` is verified from a source that it does not name");
                    self.wrong(line(&version.from), message, "source: what was read; or confidence: from-memory");
                }
            }
            for version in versions.iter().filter(|v| v.citation.value.trim().is_empty()) {
                let message = format!("the fact `{name}` has an empty citation");
                self.wrong(line(&version.citation), message, "the article or section that says so");
            }
        }
    }

    fn definition(&mut self, definition: &Definition) {
        self.reference(&definition.source);
        let forms = &definition.counts;
        let safe_harbour = self.reference(&forms.source).iter().any(|v| match v {
            Value::Table(table) => table.get("safe_harbor") == Some(&Value::Bool(true)),
            _ => false,
        });
        if safe_harbour && forms.encrypted != Weight::Never {
            let message = "the fact says that encryption is a safe harbour, and `encrypted` counts all the same";
            self.wrong(line(&forms.source), message, "encrypted: never");
        }
        if let Some(element) = &definition.identified_by {
            let words = self.words;
            self.known("element of packs/words/elements.yaml", element, words.elements.keys().map(String::as_str));
        }
        if definition.with_any.is_some() != definition.identified_by.is_some() {
            let message = "`identified_by` and `with_any` go together";
            self.wrong(line(&definition.source), message, "give both or neither");
        }
        for list in definition.with_any.iter().chain(&definition.alone_any) {
            for value in self.reference(list) {
                self.elements(list, value);
            }
        }
    }

    fn elements(&mut self, reference: &Placed, value: &Value) {
        let Some(list) = value.texts() else {
            if *value != Value::Null {
                let message = format!("`{}` should be a list of elements", reference.value);
                self.wrong(line(reference), message, "words of packs/words/elements.yaml");
            }
            return;
        };
        for word in list.into_iter().filter(|w| !self.words.elements.contains_key(*w)) {
            let near = nearest(word, self.words.elements.keys().map(String::as_str));
            let hint = near.map_or("see packs/words/elements.yaml".to_owned(), |n| format!("did you mean `{n}`?"));
            self.wrong(line(reference), format!("`{}` lists `{word}`, which is no element", reference.value), hint);
        }
    }

    fn duties(&mut self) {
        let law = self.law;
        let mut ids = BTreeSet::new();
        for duty in &law.duties {
            if !ids.insert(&duty.id.value) {
                let message = format!("two duties are called `{}`", duty.id.value);
                self.wrong(line(&duty.id), message, "each has its own id");
            }
            self.duty(duty);
        }
        if law.duties.is_empty() {
            self.wrong(line(&law.id), "the law has no duties", "give at least one under `duties`");
        }
    }

    fn duty(&mut self, duty: &DutyFile) {
        let words = self.words;
        let recipients = words.recipients.keys().map(String::as_str);
        self.known("recipient of packs/words/recipients.yaml", &duty.recipient, recipients);
        self.definition_name(&duty.persons);
        if duty.when.is_empty() {
            self.wrong(line(&duty.id), "the duty has no conditions", "at least `any_person: DEFINITION`");
        }
        for condition in &duty.when {
            self.condition(condition);
        }
        self.deadline(&duty.deadline, line(&duty.id));
        for list in duty.contents.iter().chain(&duty.must_not_say) {
            self.contents(list);
        }
        for exemption in &duty.exemptions {
            self.reference(&exemption.source);
            if let ExemptionTest::Fact(word) = &exemption.applies {
                self.fact_word(word);
            }
        }
        for reference in duty.sources.iter().chain(duty.show.iter().map(|s| &s.value)) {
            self.reference(reference);
        }
    }

    /// A content is a word of the vocabulary, or a sentence.
    fn contents(&mut self, reference: &Placed) {
        for value in self.reference(reference) {
            let known = |w: &&str| w.contains(' ') || self.words.contents.contains_key(*w);
            let Some(list) = value.texts() else {
                let message = format!("`{}` should be a list", reference.value);
                self.wrong(line(reference), message, "a list of words or sentences, maybe empty");
                continue;
            };
            if let Some(word) = list.into_iter().find(|w| !known(w)) {
                let message = format!("`{}` lists `{word}`, which is in no vocabulary", reference.value);
                self.wrong(line(reference), message, "a word of packs/words/contents.yaml, or a sentence");
            }
        }
    }

    fn deadline(&mut self, deadline: &Deadline, at: u64) {
        let numbers = [&deadline.hours, &deadline.days, &deadline.business_days, &deadline.months];
        let given: Vec<&Placed> = numbers.into_iter().flatten().collect();
        if given.len() > 1 {
            self.wrong(line(given[1]), "a deadline is counted in one unit", "two deadlines are two duties");
        }
        if given.is_empty() && deadline.timing.is_none() {
            self.wrong(at, "the deadline says neither a number nor words", "hours, days, …, or at least `timing`");
        }
        for number in &given {
            self.number(number);
            if deadline.from.is_empty() {
                self.wrong(line(number), "the deadline has no moment to count from", "from: [discovered]");
            }
        }
        if let Some(days) = &deadline.days {
            self.unit(days, &["unit", "deadline_unit"], "calendar_days");
        }
        if let Some(days) = &deadline.business_days {
            self.unit(days, &["unit", "deadline_unit"], "business_days");
        }
        if let Some(timing) = &deadline.timing {
            self.reference(timing);
        }
    }

    /// Where the fact itself says in which unit, the duty must say the same.
    fn unit(&mut self, number: &Placed, keys: &[&str], unit: &str) {
        for key in keys {
            if let Some(found) = self.beside(number, key).filter(|found| *found != unit) {
                let message = format!("the fact counts in {found}, the duty in {unit}");
                self.wrong(line(number), message, format!("use `{}`", found.trim_start_matches("calendar_")));
            }
        }
    }

    /// A text that stands beside a referenced value, under another key.
    fn beside(&self, reference: &Placed, key: &str) -> Option<&'a str> {
        let law = self.law;
        let (parent, _) = reference.value.rsplit_once('.')?;
        let (name, path) = split(&law.facts, parent)?;
        let value = &law.facts[name].last()?.value;
        value.at(path.split('.').chain([key]).filter(|p| !p.is_empty()))?.text()
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::AnyPerson(definition) => self.definition_name(definition),
            Condition::PersonsAtLeast(t) => self.threshold(t, ">="),
            Condition::PersonsMoreThan(t) => self.threshold(t, ">"),
            Condition::EstablishedIn(p) | Condition::OffersTo(p) | Condition::BusinessIn(p) => self.place(p),
            Condition::Fact(word) | Condition::FactNot(word) => self.fact_word(word),
            Condition::Counsel(q) => {
                self.reference(&q.source);
            }
            Condition::AnyOf(inner) | Condition::AllOf(inner) => inner.iter().for_each(|c| self.condition(c)),
        }
    }

    fn threshold(&mut self, threshold: &Threshold, operator: &str) {
        self.definition_name(&threshold.whose);
        self.number(&threshold.number);
        if let Some(place) = &threshold.perhaps_in {
            self.place(place);
        }
        if let Some(found) = self.beside(&threshold.number, "threshold_operator").filter(|found| *found != operator) {
            let hint = "`>` is persons_more_than, `>=` is persons_at_least";
            self.wrong(
                line(&threshold.number),
                format!("the fact's operator is `{found}`, the duty's `{operator}`"),
                hint,
            );
        }
    }

    /// Whom a law reaches depends on the store alone.
    fn store_condition(&mut self, condition: &Condition, at: u64) {
        match condition {
            Condition::AnyPerson(_)
            | Condition::PersonsAtLeast(_)
            | Condition::PersonsMoreThan(_)
            | Condition::Counsel(_) => {
                let hint = "ask for persons in the `when` of a duty";
                self.wrong(at, "`applies` may only ask for facts about the store", hint);
            }
            Condition::AnyOf(inner) | Condition::AllOf(inner) => inner.iter().for_each(|c| self.store_condition(c, at)),
            on_store => self.condition(on_store),
        }
    }

    fn proofs(&mut self) {
        let law = self.law;
        for shows in Shows::ALL {
            if !law.proofs.iter().any(|p| p.shows == shows) {
                let message = format!("no proof shows `{}`", shows.word());
                let hint = "a law has at least three: one that triggers, a near miss, and one with something unknown";
                self.wrong(line(&law.id), message, hint);
            }
        }
        for proof in &law.proofs {
            for expect in &proof.expect {
                let duties = law.duties.iter().map(|d| d.id.value.as_str());
                self.known("duty of this file", &expect.duty, duties);
                if let Some(due) =
                    expect.due.as_ref().filter(|d| d.value != "none" && d.value.parse::<Instant>().is_err())
                {
                    let message = format!("`{}` is not a moment", due.value);
                    self.wrong(line(due), message, "with its offset, as in 2026-04-01T23:59:59-07:00; or none");
                }
            }
            if !proof.expect.iter().any(|e| [e.floor, e.ceiling].contains(&proof.shows.state())) {
                let message = format!("nothing in this proof is {}", proof.shows.state().word());
                self.wrong(line(&proof.name), message, format!("it is there to show `{}`", proof.shows.word()));
            }
            for place in proof.given.persons.iter().filter_map(|a| a.place.as_ref()) {
                if self.words.places.resolve(&place.value).is_none() {
                    self.place(place);
                }
            }
            if proof.given.persons.iter().map(|a| a.count).sum::<u64>() > PERSONS_MAX {
                self.wrong(line(&proof.name), "too many persons for a proof", format!("at most {PERSONS_MAX}"));
            }
        }
    }
}
