//! The first two readings: who is there at all, then a closer look at whoever stands out.

use crate::example::Span;
use crate::few::Few;
use crate::keys::KeyCloser;
use crate::logins::{LoginCloser, LoginSurvey};
use crate::names::{Fnv, Name, Names};
use crate::network::{Known, network};
use crate::requests::RequestHits;
use crate::roles::{RoleCloser, RoleSurvey};
use crate::rules::Rules;
use crate::scraping::{NOBODY, RouteSurvey, ScrapeCloser};
use crate::uses::{NewPlace, Uses};
use stanch_lake::EventRow;
use stanch_model::{EventFields, Finding, Instant, TextField};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Confidence from which an address's own requests show that it is nobody's home.
const HOSTILE_FROM: f64 = 0.75;
/// User agents kept per address.
const AGENTS_MAX: usize = 8;
/// A user agent on fewer addresses is not told apart from chance.
const RARE_ADDRESSES_MIN: usize = 5;
/// Share of a user agent's addresses that must be the burst's.
const RARE_SHARE: f64 = 0.8;

/// Who shows something with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who<'a> {
    /// A key of the API.
    Key(&'a str),
    /// A logged-in account.
    Account(&'a str),
}

impl<'a> Who<'a> {
    fn of(row: &EventRow<'a>) -> Option<Who<'a>> {
        let shown = |field| row.text_of(field).filter(|v| !v.is_empty());
        shown(TextField::CredentialUid).map(Who::Key).or(shown(TextField::UserUid).map(Who::Account))
    }

    fn text(&self) -> String {
        match self {
            Who::Key(key) => format!("key:{key}"),
            Who::Account(account) => format!("account:{account}"),
        }
    }

    pub(crate) fn from_text(text: &'a str) -> Option<Who<'a>> {
        match text.split_once(':')? {
            ("key", key) => Some(Who::Key(key)),
            (_, account) => Some(Who::Account(account)),
        }
    }
}

/// First reading: small counts per address, key, account, role, user agent and route.
#[derive(Debug)]
pub(crate) struct Survey<'r> {
    rules: &'r Rules,
    pub(crate) addresses: Names,
    pub(crate) networks: Names,
    network_of: Vec<Name>,
    logs: Names,
    whos: Names,
    first_use: HashMap<(Name, Name), Instant>,
    agents: HashMap<Name, Few<Span>>,
    pub(crate) keys: Uses,
    pub(crate) logins: LoginSurvey,
    pub(crate) routes: RouteSurvey,
    pub(crate) roles: RoleSurvey,
    pub(crate) hits: RequestHits,
}

impl<'r> Survey<'r> {
    pub(crate) fn new(rules: &'r Rules) -> Survey<'r> {
        Survey {
            rules,
            addresses: Names::default(),
            networks: Names::default(),
            network_of: Vec::new(),
            logs: Names::default(),
            whos: Names::default(),
            first_use: HashMap::new(),
            agents: HashMap::new(),
            keys: Uses::default(),
            logins: LoginSurvey::default(),
            routes: RouteSurvey::default(),
            roles: RoleSurvey::default(),
            hits: RequestHits::default(),
        }
    }

    pub(crate) fn observe(&mut self, row: &EventRow<'_>) {
        let Some(text) = row.text_of(TextField::SrcIp).filter(|a| !a.is_empty()) else { return };
        let address = self.address(text);
        let log = self.logs.number(row.text_of(TextField::LogName).unwrap_or_default());
        let who = Who::of(row).map(|who| (matches!(who, Who::Key(_)), self.whos.number(&who.text())));
        if let Some((is_key, who)) = who {
            let first = self.first_use.entry((who, address)).or_insert(row.time());
            *first = (*first).min(row.time());
            if is_key {
                self.keys.add(who, self.network_of[address as usize], row.time());
            }
        }
        if let Some(agent) = row.text_of(TextField::UserAgent) {
            let agents = self.agents.entry(address).or_default();
            if let Some(span) = agents.at(Fnv::of(agent), AGENTS_MAX) {
                span.add(row.time());
            }
        }
        self.logins.observe(row, log, address);
        self.routes.observe(row, address, who.map(|(_, who)| who));
        self.roles.observe(row, address);
        self.hits.observe(self.rules, row, log, address);
    }

    fn address(&mut self, text: &str) -> Name {
        let address = self.addresses.number(text);
        if address as usize == self.network_of.len() {
            self.network_of.push(self.networks.number(&network(text)));
        }
        address
    }

    pub(crate) fn network_of(&self, address: Name) -> Name {
        self.network_of[address as usize]
    }

    pub(crate) fn who_text(&self, who: Name) -> &str {
        if who == NOBODY { "" } else { self.whos.text(who) }
    }

    pub(crate) fn who(&self, who: Name) -> Option<Who<'_>> {
        Who::from_text(self.who_text(who))
    }

    /// When somebody was first seen at an address.
    pub(crate) fn first_use(&self, who: &Who<'_>, address: Name) -> Option<Instant> {
        self.whos.get(&who.text()).and_then(|who| self.first_use.get(&(who, address)).copied())
    }

    /// The addresses from which each of these was seen, in order of address.
    pub(crate) fn addresses_of(&self, whos: &HashSet<Name>) -> HashMap<Name, Vec<Name>> {
        let mut of: HashMap<Name, Vec<Name>> = HashMap::new();
        for (who, address) in self.first_use.keys().filter(|(who, _)| whos.contains(who)) {
            of.entry(*who).or_default().push(*address);
        }
        of.values_mut().for_each(|list| list.sort_by_key(|a| self.addresses.text(*a)));
        of
    }

    /// Whether an address's own requests show what it is.
    pub(crate) fn is_hostile(&self, rules: &Rules, address: Name) -> bool {
        self.hits.confidence(rules, address) >= HOSTILE_FROM
    }

    /// The user agents that hardly anybody has but these addresses.
    pub(crate) fn rare_agents(&self, addresses: &BTreeSet<Name>) -> BTreeSet<u64> {
        let of = self.agents_of(addresses);
        of.into_iter()
            .filter(|(_, list)| {
                let among = list.iter().filter(|(a, _)| addresses.contains(a)).count();
                list.len() >= RARE_ADDRESSES_MIN && among as f64 >= RARE_SHARE * list.len() as f64
            })
            .map(|(agent, _)| agent)
            .collect()
    }

    /// Every user agent that one of these addresses has, with all addresses that have it.
    pub(crate) fn agents_of(&self, addresses: &BTreeSet<Name>) -> HashMap<u64, Vec<(Name, Span)>> {
        let mut of: HashMap<u64, Vec<(Name, Span)>> = HashMap::new();
        for (agent, _) in addresses.iter().filter_map(|a| self.agents.get(a)).flat_map(Few::iter) {
            of.entry(agent).or_default();
        }
        for (address, agents) in &self.agents {
            for (agent, span) in agents.iter() {
                if let Some(list) = of.get_mut(&agent) {
                    list.push((*address, *span));
                }
            }
        }
        of
    }
}

/// Second reading.
#[derive(Debug)]
pub(crate) struct Closer<'s> {
    survey: &'s Survey<'s>,
    rules: &'s Rules,
    known: &'s Known,
    logins: LoginCloser,
    scraping: ScrapeCloser,
    keys: KeyCloser,
    roles: RoleCloser,
}

impl<'s> Closer<'s> {
    pub(crate) fn new(survey: &'s Survey<'s>, rules: &'s Rules, known: &'s Known) -> Closer<'s> {
        Closer {
            survey,
            rules,
            known,
            logins: LoginCloser::new(&survey.logins),
            scraping: ScrapeCloser::new(survey),
            keys: KeyCloser::new(survey),
            roles: RoleCloser::new(survey),
        }
    }

    pub(crate) fn observe(&mut self, row: &EventRow<'_>) {
        let Some(address) = row.text_of(TextField::SrcIp).and_then(|a| self.survey.addresses.get(a)) else { return };
        let log = self.survey.logs.get(row.text_of(TextField::LogName).unwrap_or_default());
        let who = Who::of(row).and_then(|who| self.survey.whos.get(&who.text()));
        self.logins.observe(row, log, address);
        self.scraping.observe(row, address, who);
        self.keys.observe(self.survey, row, who, address);
        self.roles.observe(self.survey, row, address);
    }

    /// What the two readings found; windows are not yet those of the whole presence.
    pub(crate) fn drafts(&self) -> Vec<Finding> {
        let (survey, rules, known) = (self.survey, self.rules, self.known);
        let mut out = Vec::new();
        survey.hits.findings(rules, &survey.addresses, known, &mut out);
        self.logins.findings(survey, rules, known, &mut out);
        let new_places = self.keys.new_places(survey, rules, known);
        self.keys.findings(survey, &new_places, rules, known, &mut out);
        self.scraping.findings(survey, &new_places, rules, known, &mut out);
        self.roles.findings(survey, rules, known, &mut out);
        out
    }
}

/// The networks that are new to each key.
#[derive(Debug, Default)]
pub(crate) struct NewPlaces {
    pub(crate) of: HashMap<Name, Vec<NewPlace>>,
}

impl NewPlaces {
    /// Whether it is known where the key is at home.
    pub(crate) fn is_settled(&self, key: Name) -> bool {
        self.of.contains_key(&key)
    }

    /// Whether a network is new to the key.
    pub(crate) fn is_new(&self, key: Name, network: Name) -> bool {
        self.of.get(&key).is_some_and(|new| new.iter().any(|n| n.place == network))
    }
}
