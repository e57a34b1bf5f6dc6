//! Which addresses of a burst are the intruder's, and whose accounts they opened.

use super::{AddressLogins, LoginCloser, Success, burst};
use crate::example::{Examples, Span};
use crate::names::Name;
use crate::network::Known;
use crate::rules::{Behaviour, Detection, Figure, Figures, Rules};
use crate::survey::{Survey, Who};
use crate::trace::{count, propose};
use stanch_model::{Finding, Identity, IdentityKind, Window};
use std::collections::{BTreeMap, BTreeSet};

/// User agents above which an address is taken to make up a new one each time.
const AGENTS_MAX: usize = 3;
/// Accounts used this long before the burst from the same address are taken to be their owner's.
const BEFORE_US: i64 = 10 * burst::MINUTE_US;

/// The addresses of one log's bursts, each with its confidence.
struct Members<'a> {
    log: Name,
    by_address: BTreeMap<&'a str, Member<'a>>,
}

struct Member<'a> {
    name: Name,
    logins: &'a AddressLogins,
    confidence: f64,
}

impl LoginCloser {
    /// The bursts, and the accounts opened in them.
    pub(crate) fn findings(&self, survey: &Survey<'_>, rules: &Rules, known: &Known, out: &mut Vec<Finding>) {
        for log in self.bursts.keys() {
            for detection in rules.behaviour(Behaviour::LoginFailureBurst) {
                let members = self.members(*log, survey, detection, known);
                out.extend(self.burst_finding(&members, survey, detection));
                for opened in rules.behaviour(Behaviour::AccountOpened) {
                    out.extend(self.opened_finding(&members, survey, opened));
                }
            }
        }
    }

    fn members<'a>(&'a self, log: Name, survey: &'a Survey<'_>, detection: &Detection, known: &Known) -> Members<'a> {
        let failing: Vec<(&str, Name, &AddressLogins)> = self
            .logins
            .iter()
            .filter(|((l, _), logins)| *l == log && logins.failures.events > 0)
            .map(|((_, address), logins)| (survey.addresses.text(*address), *address, logins))
            .filter(|(text, ..)| !known.covers(text))
            .collect();
        let clear = |l: &AddressLogins| l.users_lost() >= 2 && l.fail_share() >= 0.6;
        let core: BTreeSet<Name> = failing.iter().filter(|(_, _, l)| clear(l)).map(|(_, a, _)| *a).collect();
        let rare = survey.rare_agents(&core);
        let mut by_address = BTreeMap::new();
        for (text, name, logins) in failing {
            let figures = Figures::from([
                (Figure::Failures, logins.failures.events as f64),
                (Figure::FailShare, logins.fail_share()),
                (Figure::UsersLost, logins.users_lost() as f64),
                (Figure::UsersUnnamed, f64::from(u8::from(logins.unnamed > 0))),
                (Figure::Addresses, core.len() as f64),
                (Figure::RareAgent, f64::from(u8::from(self.agents(name, logins).iter().any(|a| rare.contains(a))))),
            ]);
            if let Some(confidence) = detection.judge(&figures) {
                by_address.insert(text, Member { name, logins, confidence });
            }
        }
        Members { log, by_address }
    }

    /// The user agents with which an address failed, or at least sent logins.
    fn agents(&self, address: Name, logins: &AddressLogins) -> BTreeSet<u64> {
        let posts = &self.posts[&address];
        let joined = logins.failed_requests.iter().filter_map(|r| posts.agent_of.get(r).copied());
        let agents: BTreeSet<u64> = logins.failed_agents.iter().copied().chain(joined).collect();
        if agents.is_empty() { posts.agents.keys().copied().collect() } else { agents }
    }

    fn burst_finding(&self, members: &Members<'_>, survey: &Survey<'_>, detection: &Detection) -> Option<Finding> {
        let (mut span, mut examples, mut users) = (Span::default(), Examples::default(), BTreeSet::<u64>::new());
        let mut proposes = Vec::new();
        for (address, member) in &members.by_address {
            let logins = member.logins;
            span.merge(&logins.failures);
            examples.merge(&logins.examples);
            users.extend(&logins.users_failed);
            let reason = format!(
                "{} failed logins as {} in a burst over {}",
                logins.failures.events,
                count(logins.users_failed.len(), "user", "users"),
                count(members.by_address.len(), "address", "addresses")
            );
            let window = logins.failures.window;
            proposes.push(propose(IdentityKind::Address, address, &[], window, member.confidence, reason));
        }
        let confidence = proposes.iter().map(|p| p.confidence).reduce(f64::max)?;
        let usual = burst::usual_per_minute(&survey.logins.minutes[&members.log]);
        Some(Finding {
            detection: detection.id.clone(),
            title: detection.title.clone(),
            detail: format!(
                "{} failures for {} user names from {} within {}; usual are {usual} a minute",
                span.events,
                users.len(),
                count(members.by_address.len(), "address", "addresses"),
                minutes(span.window)
            ),
            severity: detection.level,
            confidence,
            window: span.window,
            events: span.events,
            examples: examples.places(),
            proposes,
        })
    }

    fn opened_finding(&self, members: &Members<'_>, survey: &Survey<'_>, detection: &Detection) -> Option<Finding> {
        let mut opened = Opened::default();
        for (address, member) in &members.by_address {
            let from = member.logins.failures.window.from;
            for success in member.logins.successes.iter().filter(|s| s.time >= from) {
                let figures = Figures::from([
                    (Figure::Address, member.confidence),
                    (Figure::AgentFits, f64::from(u8::from(self.agent_fits(member, success)))),
                    (Figure::UsedBefore, f64::from(u8::from(used_before(survey, member, success)))),
                ]);
                if let Some(confidence) = detection.judge(&figures) {
                    opened.add(address, success, confidence);
                    opened.examples.merge(&member.logins.examples_in);
                }
            }
        }
        let proposes = opened.identities();
        let confidence = proposes.iter().map(|p| p.confidence).reduce(f64::max)?;
        Some(Finding {
            detection: detection.id.clone(),
            title: detection.title.clone(),
            detail: format!(
                "{} to {} went through from {} of the burst's {} addresses",
                count(opened.span.events as usize, "login", "logins"),
                count(opened.accounts.len(), "account", "accounts"),
                opened.addresses.len(),
                members.by_address.len()
            ),
            severity: detection.level,
            confidence,
            window: opened.span.window,
            events: opened.span.events,
            examples: opened.examples.places(),
            proposes,
        })
    }

    fn agent_fits(&self, member: &Member<'_>, success: &Success) -> bool {
        let joined = || success.request.and_then(|r| self.posts[&member.name].agent_of.get(&r).copied());
        let agents = self.agents(member.name, member.logins);
        success
            .agent
            .or_else(joined)
            .is_none_or(|a| agents.len() > AGENTS_MAX || agents.is_empty() || agents.contains(&a))
    }
}

fn used_before(survey: &Survey<'_>, member: &Member<'_>, success: &Success) -> bool {
    let from = member.logins.failures.window.from.plus_us(-BEFORE_US);
    success
        .user
        .as_deref()
        .and_then(|user| survey.first_use(&Who::Account(user), member.name))
        .is_some_and(|t| t < from)
}

/// Accounts and sessions that the burst opened.
#[derive(Default)]
struct Opened<'a> {
    span: Span,
    addresses: BTreeSet<&'a str>,
    accounts: BTreeMap<String, OneOpened<'a>>,
    sessions: BTreeMap<String, OneOpened<'a>>,
    examples: Examples,
}

#[derive(Default)]
struct OneOpened<'a> {
    span: Span,
    from: BTreeSet<&'a str>,
    confidence: f64,
}

impl<'a> Opened<'a> {
    fn add(&mut self, address: &'a str, success: &Success, confidence: f64) {
        self.span.add(success.time);
        self.addresses.insert(address);
        let account = success.user.as_ref().map(|u| self.accounts.entry(u.clone()).or_default());
        let session = success.session.as_ref().map(|s| self.sessions.entry(s.clone()).or_default());
        for one in account.into_iter().chain(session) {
            one.span.add(success.time);
            one.from.insert(address);
            one.confidence = one.confidence.max(confidence);
        }
    }

    fn identities(&self) -> Vec<Identity> {
        let accounts = self.accounts.iter().map(|(account, one)| {
            let from: Vec<&str> = one.from.iter().copied().collect();
            let reason = "logged in from an address that failed for many other users".to_owned();
            propose(IdentityKind::Account, account, &from, one.span.window, one.confidence, reason)
        });
        let sessions = self.sessions.iter().map(|(session, one)| {
            let reason = "opened by a login in the burst".to_owned();
            propose(IdentityKind::Session, session, &[], one.span.window, one.confidence, reason)
        });
        accounts.chain(sessions).collect()
    }
}

fn minutes(window: Window) -> String {
    match (window.to.0 - window.from.0) / burst::MINUTE_US + 1 {
        1 => "a minute".to_owned(),
        m if m < 120 => format!("{m} minutes"),
        m => format!("{} hours", (m + 30) / 60),
    }
}
