//! One law before one case: its facts on the day, whom it reaches, who meets its definitions.

use crate::definition::Rule;
use crate::facts::FactsOn;
use crate::law::{Condition, LawFile, MomentWord, ReachTo};
use crate::people::{Group, People};
use crate::truth::{Truth, any};
use crate::words::Words;
use jiff::tz::TimeZone;
use stanch_model::Place;
use stanch_model::store::{Facts, Moments};
use std::collections::BTreeMap;

/// What every law is judged on.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) words: &'a Words,
    pub(crate) people: &'a People,
    pub(crate) moments: &'a Moments,
    pub(crate) stated: &'a Facts,
}

/// What is proven, or what cannot be ruled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Floor,
    Ceiling,
}

/// How many persons meet a definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) sure: u64,
    /// Beside those: who may, since something about them or the law's reach is not known.
    pub(crate) perhaps: u64,
    /// Of those who may: whose residence is not known.
    pub(crate) homeless: u64,
    /// Of all: whose records on residence do not agree.
    pub(crate) disagreeing: u64,
}

/// A law before a case.
pub(crate) struct Judged<'a> {
    pub(crate) law: &'a LawFile,
    pub(crate) case: Case<'a>,
    pub(crate) facts: FactsOn<'a>,
    rules: BTreeMap<&'a str, Counted<'a>>,
}

/// A definition with each group's answer, floor and ceiling.
struct Counted<'a> {
    rule: Rule<'a>,
    floor: Vec<Truth>,
    ceiling: Vec<Truth>,
}

impl<'a> Judged<'a> {
    pub(crate) fn new(law: &'a LawFile, case: Case<'a>) -> Judged<'a> {
        let day = case_day(law, case.moments);
        let facts = FactsOn { facts: &law.facts, day };
        let count = |(name, definition): (&'a String, &'a _)| {
            let rule = Rule::new(definition, facts, case.words, case.stated.encryption_key_taken);
            let floor = case.people.groups.iter().map(|g| rule.met_by(&g.floor)).collect();
            let ceiling = case.people.groups.iter().map(|g| rule.met_by(&g.ceiling)).collect();
            (name.as_str(), Counted { rule, floor, ceiling })
        };
        let rules = law.definitions.iter().map(count).collect();
        Judged { law, case, facts, rules }
    }

    /// The persons whom the law reaches and who meet a definition; those at `perhaps_in` may be reached too.
    pub(crate) fn tally(&self, side: Side, definition: &str, perhaps_in: Option<&str>) -> Tally {
        let mut tally = Tally::default();
        self.each_met(side, definition, perhaps_in, |group, truth| {
            tally.disagreeing += if group.agreed { 0 } else { group.persons };
            match truth {
                Truth::Yes => tally.sure += group.persons,
                _ => {
                    tally.perhaps += group.persons;
                    tally.homeless += if group.place.is_none() { group.persons } else { 0 };
                }
            }
        });
        tally
    }

    /// Persons by place who meet or may meet a definition.
    pub(crate) fn tally_by_place(&self, side: Side, definition: &str) -> BTreeMap<&'a str, u64> {
        let mut out = BTreeMap::new();
        self.each_met(side, definition, None, |group, _| {
            let place = self.case.people.place_name(group.place).unwrap_or("unknown");
            *out.entry(place).or_default() += group.persons;
        });
        out
    }

    /// How many persons each reason of a definition holds for, at the ceiling.
    pub(crate) fn reasons(&self, definition: &str) -> Vec<(&'a str, u64)> {
        let Some(counted) = self.rules.get(definition) else { return Vec::new() };
        let listed = &counted.rule.definition.likely;
        let all: Vec<&str> =
            listed.iter().chain(&counted.rule.definition.perhaps).map(|r| r.because.as_str()).collect();
        let mut persons = vec![0; all.len()];
        self.each_met(Side::Ceiling, definition, None, |group, _| {
            for reason in counted.rule.reasons(&group.ceiling) {
                persons[reason] += group.persons;
            }
        });
        all.into_iter().zip(persons).filter(|(_, n)| *n > 0).collect()
    }

    fn each_met(&self, side: Side, definition: &str, perhaps_in: Option<&str>, mut seen: impl FnMut(&'a Group, Truth)) {
        let Some(counted) = self.rules.get(definition) else { return };
        let met = match side {
            Side::Floor => &counted.floor,
            Side::Ceiling => &counted.ceiling,
        };
        let reach = self.reach_by_place(side, perhaps_in);
        for (group, met) in self.case.people.groups.iter().zip(met) {
            let reached = group.place.map_or(reach.unknown, |place| reach.places[place]);
            let truth = met.and(reached);
            if truth > Truth::No {
                seen(group, truth);
            }
        }
    }

    /// Whether the law reaches people at each place. What is proven knows no one whose residence is unknown; what cannot
    /// be ruled out has them everywhere.
    fn reach_by_place(&self, side: Side, perhaps_in: Option<&str>) -> ReachByPlace {
        let reached = |place: Option<&str>| {
            let by_rules = any(self.law.applies.iter().map(|reach| {
                let holds = reach.when.as_ref().map_or(Truth::Yes, |c| self.store_meets(c));
                match reach.to {
                    ReachTo::Everyone => holds,
                    ReachTo::Residents => holds.and(self.lives_in(side, place, &self.law.place.value)),
                }
            }));
            let besides = perhaps_in.map_or(Truth::No, |p| self.lives_in(side, place, p).and(Truth::Unknown));
            by_rules.or(besides)
        };
        let places = self.case.people.places.iter().map(|p| reached(Some(p))).collect();
        ReachByPlace { places, unknown: reached(None) }
    }

    fn lives_in(&self, side: Side, place: Option<&str>, target: &str) -> Truth {
        match (self.case.words.places.lies_in(place, target), side) {
            (Truth::Unknown, Side::Floor) => Truth::No,
            (answer, _) => answer,
        }
    }

    /// A condition on the store, which is the same for floor and ceiling. One that counts persons is not known here.
    pub(crate) fn store_meets(&self, condition: &Condition) -> Truth {
        match condition {
            Condition::EstablishedIn(place) => self.touches(self.case.stated.established_in.as_deref(), &place.value),
            Condition::OffersTo(place) => self.touches(self.case.stated.offers_to.as_deref(), &place.value),
            Condition::BusinessIn(place) => self.touches(self.case.stated.business_in.as_deref(), &place.value),
            Condition::Fact(word) => Truth::from_known(stated(self.case.stated, &word.value)),
            Condition::FactNot(word) => Truth::from_known(stated(self.case.stated, &word.value)).negated(),
            Condition::AnyOf(inner) => any(inner.iter().map(|c| self.store_meets(c))),
            Condition::AllOf(inner) => crate::truth::all(inner.iter().map(|c| self.store_meets(c))),
            Condition::AnyPerson(_)
            | Condition::PersonsAtLeast(_)
            | Condition::PersonsMoreThan(_)
            | Condition::Counsel(_) => Truth::Unknown,
        }
    }

    fn touches(&self, stated: Option<&[Place]>, target: &str) -> Truth {
        let places = &self.case.words.places;
        Truth::from_known(stated.map(|list| list.iter().any(|p| places.touch(&p.0, target))))
    }

    /// [`Judged::zone_name`], to count in.
    pub(crate) fn zone(&self) -> TimeZone {
        TimeZone::get(self.zone_name()).unwrap_or(TimeZone::UTC)
    }

    /// The zone in which deadlines are counted: the leading authority's, or the law's own.
    pub(crate) fn zone_name(&self) -> &'a str {
        let places = &self.case.words.places;
        let authority = self.authority().and_then(|p| places.time_zone(p));
        authority.unwrap_or(&self.law.time_zone.value)
    }

    /// The country whose authority leads: the stated one, or the only one in which the store is established.
    pub(crate) fn authority(&self) -> Option<&'a str> {
        if !self.law.lead_authority {
            return None;
        }
        let inside = |p: &&Place| self.case.words.places.lies_in(Some(&p.0), &self.law.place.value) == Truth::Yes;
        let stated = self.case.stated;
        if let Some(lead) = stated.lead_authority.as_ref().filter(inside) {
            return Some(lead.0.as_str());
        }
        let mut established = stated.established_in.iter().flatten().filter(inside);
        match (established.next(), established.next()) {
            (Some(only), None) => Some(only.0.as_str()),
            _ => None,
        }
    }
}

struct ReachByPlace {
    places: Vec<Truth>,
    unknown: Truth,
}

/// A stated fact, by its word.
pub(crate) fn stated(facts: &Facts, word: &str) -> Option<bool> {
    match word {
        "law_enforcement_delay" => facts.law_enforcement_delay,
        "encryption_key_taken" => facts.encryption_key_taken,
        "harm_ruled_out" => facts.harm_ruled_out,
        other => facts.answers.get(other).copied(),
    }
}

/// The day whose law counts: that of the first moment known, of discovery, awareness, determination, occurrence.
fn case_day(law: &LawFile, moments: &Moments) -> Option<jiff::civil::Date> {
    let start = MomentWord::ALL.iter().find_map(|m| m.of(moments))?;
    let zone = TimeZone::get(&law.time_zone.value).unwrap_or(TimeZone::UTC);
    Some(start.to_jiff().to_zoned(zone).date())
}
