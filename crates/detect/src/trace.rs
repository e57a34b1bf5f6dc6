//! The third reading: how long each proposed identity was there, which sessions it had, and who else shared them.

mod presence;

use crate::example::{Examples, Span};
use crate::names::Name;
use crate::network::Known;
use crate::roles::database_role;
use crate::rules::{Behaviour, Figure, Figures, Rules};
use crate::survey::Survey;
use presence::Presence;
use stanch_lake::EventRow;
use stanch_model::{EventFields, Finding, Identity, IdentityKind, TextField, Verdict, Window};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Confidence from which an identity leads to others.
const LEADS_FROM: f64 = 0.8;
/// Sessions kept per role and client; the first by name.
const SESSIONS_MAX: usize = 10_000;

/// A proposed identity.
pub(crate) fn propose(
    kind: IdentityKind,
    value: &str,
    only_from: &[&str],
    window: Window,
    confidence: f64,
    reason: String,
) -> Identity {
    Identity {
        kind,
        value: value.to_owned(),
        only_from: only_from.iter().map(|a| (*a).to_owned()).collect(),
        window,
        confidence,
        reasons: vec![reason],
        verdict: Verdict::Proposed,
        by: None,
    }
}

/// The first few of some names, and how many more there are.
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>, most: usize) -> String {
    let names: Vec<&str> = names.collect();
    let shown = names.iter().take(most).copied().collect::<Vec<_>>().join(", ");
    if names.len() > most { format!("{shown} and {} more", names.len() - most) } else { shown }
}

/// `1 address`, `26 addresses`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

/// What the third reading collects.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    addresses: HashMap<String, Presence>,
    /// By account, its use from proposed addresses.
    accounts: HashMap<String, BTreeMap<String, Span>>,
    sessions: HashMap<String, BTreeMap<String, (Span, Examples)>>,
    keys: HashMap<(String, String), Span>,
    roles: HashMap<(String, String), BTreeMap<String, Span>>,
}

impl Trace {
    pub(crate) fn new(drafts: &[Finding]) -> Trace {
        let mut trace = Trace::default();
        for identity in drafts.iter().flat_map(|d| &d.proposes) {
            let value = || identity.value.clone();
            let pairs = || identity.only_from.iter().map(|a| (value(), a.clone()));
            match identity.kind {
                IdentityKind::Address => drop(trace.addresses.entry(value()).or_default()),
                IdentityKind::Session => drop(trace.sessions.entry(value()).or_default()),
                IdentityKind::Account => drop(trace.accounts.entry(value()).or_default()),
                IdentityKind::ApiKey => trace.keys.extend(pairs().map(|p| (p, Span::default()))),
                IdentityKind::DatabaseRole => trace.roles.extend(pairs().map(|p| (p, BTreeMap::new()))),
                IdentityKind::UserAgent => {}
            }
        }
        trace
    }

    pub(crate) fn observe(&mut self, row: &EventRow<'_>) {
        let Some(address) = row.text_of(TextField::SrcIp) else { return };
        let session = row.text_of(TextField::SessionUid);
        if let Some(by_address) = session.and_then(|s| self.sessions.get_mut(s)) {
            let (span, examples) = by_address.entry(address.to_owned()).or_default();
            span.add(row.time());
            examples.add(row);
        }
        if !self.addresses.contains_key(address) {
            return;
        }
        let pair = |value: &str| (value.to_owned(), address.to_owned());
        let mut foreign = false;
        if let Some(key) = row.text_of(TextField::CredentialUid) {
            match self.keys.get_mut(&pair(key)) {
                Some(span) => span.add(row.time()),
                None => foreign = true,
            }
        }
        if let Some(account) = row.text_of(TextField::UserUid) {
            match self.accounts.get_mut(account) {
                Some(by_address) => by_address.entry(address.to_owned()).or_default().add(row.time()),
                None => foreign = true,
            }
        }
        if let Some(role) = database_role(row) {
            match self.roles.get_mut(&pair(role)) {
                Some(sessions) => add_session(sessions, session, row),
                None => foreign = true,
            }
        }
        if let Some(presence) = self.addresses.get_mut(address) {
            presence.add(row.time(), foreign);
        }
    }

    /// The drafts with windows as long as each identity was there, their sessions, and what else these lead to.
    pub(crate) fn findings(
        self,
        mut drafts: Vec<Finding>,
        survey: &Survey<'_>,
        rules: &Rules,
        known: &Known,
    ) -> Vec<Finding> {
        let surely = sure(&drafts);
        for draft in &mut drafts {
            let sessions: Vec<Identity> = draft.proposes.iter().flat_map(|i| self.database_sessions(i)).collect();
            draft.proposes.extend(sessions);
            for identity in &mut draft.proposes {
                self.follow_account(identity, &surely);
                identity.window = self.presence(identity);
            }
            draft.proposes.sort_by(|a, b| (a.kind, &a.value, a.window).cmp(&(b.kind, &b.value, b.window)));
        }
        let sure = sure(&drafts);
        self.shared_sessions(&sure, rules, known, &mut drafts);
        shared_agents(&sure, survey, rules, known, &mut drafts);
        drafts.sort_by(|a, b| {
            (a.window, &a.detection, &a.title, &a.detail).cmp(&(b.window, &b.detection, &b.title, &b.detail))
        });
        drafts
    }

    fn presence(&self, identity: &Identity) -> Window {
        let window = identity.window;
        match identity.kind {
            IdentityKind::Address => self.addresses.get(&identity.value).map_or(window, |p| p.around(window)),
            IdentityKind::ApiKey => self.last_use_of_key(identity),
            IdentityKind::Session => match self.sessions.get(&identity.value) {
                Some(by_address) => by_address.values().fold(window, |w, (span, _)| stretched(w, span)),
                None => window,
            },
            IdentityKind::Account | IdentityKind::DatabaseRole | IdentityKind::UserAgent => window,
        }
    }

    /// An opened account's use from every address that is surely the intruder's, not only from the one that opened it.
    fn follow_account(&self, identity: &mut Identity, sure: &Sure) {
        if identity.kind != IdentityKind::Account {
            return;
        }
        for (address, span) in self.accounts.get(&identity.value).into_iter().flatten() {
            let theirs = identity.only_from.contains(address);
            // The account was the owner's before it was opened, wherever that was.
            let after = span.window.from >= identity.window.from;
            if theirs || (after && sure.has(IdentityKind::Address, address)) {
                identity.window.to = identity.window.to.max(span.window.to);
                if !theirs {
                    identity.only_from.push(address.clone());
                }
            }
        }
        identity.only_from.sort();
    }

    /// To the last use from the key's new addresses.
    fn last_use_of_key(&self, identity: &Identity) -> Window {
        let mut window = identity.window;
        for address in &identity.only_from {
            if let Some(span) = self.keys.get(&(identity.value.clone(), address.clone())).filter(|s| s.events > 0) {
                window.to = window.to.max(span.window.to);
            }
        }
        window
    }

    fn database_sessions(&self, role: &Identity) -> Vec<Identity> {
        if role.kind != IdentityKind::DatabaseRole {
            return Vec::new();
        }
        let pairs = role.only_from.iter().filter_map(|a| self.roles.get(&(role.value.clone(), a.clone())));
        let sessions: BTreeMap<&String, &Span> = pairs.flatten().collect();
        let reason = || format!("opened by role {} from a client new to it", role.value);
        sessions
            .into_iter()
            .map(|(s, span)| propose(IdentityKind::Session, s, &[], span.window, role.confidence, reason()))
            .collect()
    }

    /// Sessions of the intruder that go on from addresses not proposed yet.
    fn shared_sessions(&self, sure: &Sure, rules: &Rules, known: &Known, out: &mut Vec<Finding>) {
        let mut by_address: BTreeMap<&str, (Span, Examples)> = BTreeMap::new();
        for (session, addresses) in &self.sessions {
            if !sure.has(IdentityKind::Session, session) {
                continue;
            }
            for (address, (span, examples)) in addresses {
                if !self.addresses.contains_key(address) && !known.covers(address) {
                    let all = by_address.entry(address).or_default();
                    all.0.merge(span);
                    all.1.merge(examples);
                }
            }
        }
        for detection in rules.behaviour(Behaviour::SharedSession) {
            for (address, (span, examples)) in &by_address {
                let Some(confidence) = detection.judge(&Figures::from([(Figure::Events, span.events as f64)])) else {
                    continue;
                };
                let reason = format!("{} events in a session that the intruder opened", span.events);
                out.push(Finding {
                    detection: detection.id.clone(),
                    title: detection.title.clone(),
                    detail: reason.clone(),
                    severity: detection.level,
                    confidence,
                    window: span.window,
                    events: span.events,
                    examples: examples.places(),
                    proposes: vec![propose(IdentityKind::Address, address, &[], span.window, confidence, reason)],
                });
            }
        }
    }
}

fn add_session(sessions: &mut BTreeMap<String, Span>, session: Option<&str>, row: &EventRow<'_>) {
    if let Some(session) = session {
        sessions.entry(session.to_owned()).or_default().add(row.time());
        if sessions.len() > SESSIONS_MAX {
            sessions.pop_last();
        }
    }
}

fn stretched(window: Window, span: &Span) -> Window {
    window.stretched_to(span.window.from).stretched_to(span.window.to)
}

/// Identities of which the detections together are sure.
struct Sure {
    of: BTreeSet<(IdentityKind, String)>,
}

impl Sure {
    fn has(&self, kind: IdentityKind, value: &str) -> bool {
        self.of.contains(&(kind, value.to_owned()))
    }
}

fn sure(drafts: &[Finding]) -> Sure {
    let mut doubt: BTreeMap<(IdentityKind, &str), BTreeMap<&str, f64>> = BTreeMap::new();
    for draft in drafts {
        for i in &draft.proposes {
            let best = doubt.entry((i.kind, &i.value)).or_default().entry(&draft.detection).or_insert(0.0);
            *best = best.max(i.confidence);
        }
    }
    let sure = |by: &BTreeMap<&str, f64>| 1.0 - by.values().map(|c| 1.0 - c).product::<f64>() >= LEADS_FROM;
    let of = doubt.iter().filter(|(_, by)| sure(by)).map(|((kind, value), _)| (*kind, (*value).to_owned()));
    Sure { of: of.collect() }
}

/// User agents that are almost only the intruder's, at one more address.
fn shared_agents(sure: &Sure, survey: &Survey<'_>, rules: &Rules, known: &Known, out: &mut Vec<Finding>) {
    let addresses = sure.of.iter().filter(|(kind, _)| *kind == IdentityKind::Address);
    let intruders: BTreeSet<Name> = addresses.filter_map(|(_, value)| survey.addresses.get(value)).collect();
    let mut others: BTreeMap<&str, (Span, Figures)> = BTreeMap::new();
    for (_, list) in survey.agents_of(&intruders) {
        let (theirs, rest): (Vec<_>, Vec<_>) = list.into_iter().partition(|(a, _)| intruders.contains(a));
        let mut span = Span::default();
        theirs.iter().for_each(|(_, s)| span.merge(s));
        for (address, own) in &rest {
            let apart = (own.window.from.0 - span.window.to.0).max(span.window.from.0 - own.window.to.0).max(0);
            let figures = Figures::from([
                (Figure::IntruderShare, theirs.len() as f64 / (theirs.len() + rest.len()) as f64),
                (Figure::IntruderAddresses, theirs.len() as f64),
                (Figure::MinutesApart, apart as f64 / 60e6),
            ]);
            let address = survey.addresses.text(*address);
            if rules.behaviour(Behaviour::SharedRareAgent).any(|d| d.judge(&figures).is_some())
                && !known.covers(address)
            {
                let other = others.entry(address).or_insert((*own, figures.clone()));
                if own.window < other.0.window {
                    *other = (*own, figures);
                }
            }
        }
    }
    for detection in rules.behaviour(Behaviour::SharedRareAgent) {
        for (address, (span, figures)) in &others {
            let Some(confidence) = detection.judge(figures) else { continue };
            let reason = "the intruder's rare user agent, at about the same time".to_owned();
            out.push(Finding {
                detection: detection.id.clone(),
                title: detection.title.clone(),
                detail: count(span.events as usize, "request", "requests"),
                severity: detection.level,
                confidence,
                window: span.window,
                events: span.events,
                examples: Vec::new(),
                proposes: vec![propose(IdentityKind::Address, address, &[], span.window, confidence, reason)],
            });
        }
    }
}
