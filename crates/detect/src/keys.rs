//! Keys of the store's API in networks where they never were.

use crate::example::{Examples, Span};
use crate::names::Name;
use crate::network::Known;
use crate::rules::{Behaviour, Detection, Figure, Figures, Rules};
use crate::survey::{NewPlaces, Survey, Who};
use crate::trace::{count, propose};
use crate::uses::{Homes, NewPlace};
use stanch_lake::EventRow;
use stanch_model::{EventFields, Finding, IdentityKind};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Second reading: who came before whom.
#[derive(Debug)]
pub(crate) struct KeyCloser {
    homes: Homes,
    /// The addresses of each key that has several networks.
    addresses: HashMap<Name, Vec<Name>>,
    examples: HashMap<(Name, Name), Examples>,
}

impl KeyCloser {
    pub(crate) fn new(survey: &Survey<'_>) -> KeyCloser {
        let homes = survey.keys.several(&survey.networks);
        let addresses = survey.addresses_of(&homes.subjects().collect());
        KeyCloser { homes, addresses, examples: HashMap::new() }
    }

    pub(crate) fn observe(&mut self, survey: &Survey<'_>, row: &EventRow<'_>, who: Option<Name>, address: Name) {
        let Some(who) = who.filter(|w| self.homes.has(*w)) else { return };
        let network = survey.network_of(address);
        self.homes.observe(who, network, row.time());
        self.examples.entry((who, network)).or_default().add(row);
    }

    /// The networks that are new to each key. A network is vouched for, or hostile, if one of the key's addresses in it is.
    pub(crate) fn new_places(&self, survey: &Survey<'_>, rules: &Rules, known: &Known) -> NewPlaces {
        let mut new_places = NewPlaces::default();
        for key in self.homes.subjects() {
            let any = |network: Name, test: &dyn Fn(Name) -> bool| {
                self.addresses[&key].iter().any(|a| survey.network_of(*a) == network && test(*a))
            };
            let covered = |n: Name| any(n, &|a| known.covers(survey.addresses.text(a)));
            let hostile = |n: Name| any(n, &|a| survey.is_hostile(rules, a));
            new_places.of.insert(key, self.homes.new_places(key, &covered, &hostile));
        }
        new_places
    }

    /// One finding per key.
    pub(crate) fn findings(
        &self,
        survey: &Survey<'_>,
        new_places: &NewPlaces,
        rules: &Rules,
        known: &Known,
        out: &mut Vec<Finding>,
    ) {
        for detection in rules.behaviour(Behaviour::KeyFromNewNetwork) {
            let by_key: BTreeMap<&str, Name> = new_places.of.keys().map(|k| (survey.who_text(*k), *k)).collect();
            for (text, key) in by_key {
                if let Some(Who::Key(uid)) = Who::from_text(text) {
                    out.extend(self.finding(survey, detection, known, (uid, key), &new_places.of[&key]));
                }
            }
        }
    }

    fn finding(
        &self,
        survey: &Survey<'_>,
        detection: &Detection,
        known: &Known,
        (uid, key): (&str, Name),
        new: &[NewPlace],
    ) -> Option<Finding> {
        let (mut span, mut examples, mut confidence) = (Span::default(), Examples::default(), 0.0_f64);
        let (mut from, mut proposes, mut networks) = (BTreeSet::new(), Vec::new(), 0);
        let (mut before, mut after) = (u64::MAX, 0);
        for n in new {
            let Some(sure) = detection.judge(&figures(n)) else { continue };
            confidence = confidence.max(sure);
            networks += 1;
            span.merge(&n.span);
            examples.merge(&self.examples[&(key, n.place)]);
            (before, after) = (before.min(n.before), after.max(n.after));
            for address in self.addresses[&key].iter().filter(|a| survey.network_of(**a) == n.place) {
                let address = survey.addresses.text(*address);
                if !known.covers(address) {
                    from.insert((address, n.span.window, (sure * 1000.0).round() as u64));
                }
            }
        }
        for (address, window, per_mille) in &from {
            let reason = "used an API key from a network where it never was".to_owned();
            let sure = *per_mille as f64 / 1000.0;
            proposes.push(propose(IdentityKind::Address, address, &[], *window, sure, reason));
        }
        let addresses: Vec<&str> = from.iter().map(|(a, ..)| *a).collect();
        if addresses.is_empty() {
            return None;
        }
        let detail = format!(
            "{} uses from {} new to the key, after {before} from its own and before {after} more",
            span.events,
            count(networks, "network", "networks")
        );
        proposes.push(propose(IdentityKind::ApiKey, uid, &addresses, span.window, confidence, detail.clone()));
        Some(Finding {
            detection: detection.id.clone(),
            title: detection.title.clone(),
            detail: format!("key {uid}: {detail}"),
            severity: detection.level,
            confidence,
            window: span.window,
            events: span.events,
            examples: examples.places(),
            proposes,
        })
    }
}

fn figures(n: &NewPlace) -> Figures {
    Figures::from([
        (Figure::Uses, n.span.events as f64),
        (Figure::Before, n.before as f64),
        (Figure::After, n.after as f64),
        (Figure::OwnKnown, f64::from(u8::from(n.own_known))),
    ])
}
