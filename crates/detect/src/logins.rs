//! Bursts of failed logins: when the rate of all failures rises far above its own, which addresses carry it, and whom they got in as.

mod burst;
mod judge;

pub(crate) use burst::{Counts, bursts};

use crate::example::{Examples, Span};
use crate::names::{Fnv, Name};
use crate::requests::is_login_request;
use stanch_lake::EventRow;
use stanch_model::{EventClass, EventFields, Instant, TextField, Window};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Users, requests and successes remembered per address.
const PER_ADDRESS_MAX: usize = 4096;

/// First reading: logins per minute and log, and which addresses fail when.
#[derive(Debug, Default)]
pub(crate) struct LoginSurvey {
    pub(crate) minutes: BTreeMap<Name, BTreeMap<i64, Counts>>,
    failing: HashMap<(Name, Name), Span>,
}

impl LoginSurvey {
    pub(crate) fn observe(&mut self, row: &EventRow<'_>, log: Name, address: Name) {
        let Some(success) = login(row) else { return };
        let minute = row.time().0.div_euclid(burst::MINUTE_US);
        let counts = self.minutes.entry(log).or_default().entry(minute).or_default();
        if success {
            counts.successes += 1;
        } else {
            counts.failures += 1;
            self.failing.entry((log, address)).or_default().add(row.time());
        }
    }
}

/// Whether the event is a login, and whether it went through.
fn login(row: &EventRow<'_>) -> Option<bool> {
    if row.class() != EventClass::Authentication || row.text_of(TextField::Activity) == Some("logoff") {
        return None;
    }
    match row.text_of(TextField::Status)? {
        "success" => Some(true),
        "failure" => Some(false),
        _ => None,
    }
}

/// Second reading: the addresses that fail in a burst.
#[derive(Debug)]
pub(crate) struct LoginCloser {
    bursts: BTreeMap<Name, Vec<Window>>,
    logins: HashMap<(Name, Name), AddressLogins>,
    posts: HashMap<Name, Posts>,
}

/// One address's logins in one log.
#[derive(Debug, Default)]
struct AddressLogins {
    failures: Span,
    successes_in_burst: u64,
    unnamed: u64,
    users_failed: BTreeSet<u64>,
    users_in: BTreeSet<u64>,
    failed_requests: BTreeSet<u64>,
    failed_agents: BTreeSet<u64>,
    successes: BTreeSet<Success>,
    examples: Examples,
    examples_in: Examples,
}

/// One login that went through.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Success {
    time: Instant,
    user: Option<String>,
    session: Option<String>,
    request: Option<u64>,
    agent: Option<u64>,
}

/// The login requests of one address as the web server saw them.
#[derive(Debug, Default)]
struct Posts {
    agent_of: BTreeMap<u64, u64>,
    agents: BTreeMap<u64, u64>,
}

impl LoginCloser {
    pub(crate) fn new(survey: &LoginSurvey) -> LoginCloser {
        let bursts: BTreeMap<Name, Vec<Window>> = survey
            .minutes
            .iter()
            .map(|(log, minutes)| (*log, bursts(minutes)))
            .filter(|(_, b)| !b.is_empty())
            .collect();
        let in_a_burst = |(log, span): (&Name, &Span)| {
            bursts.get(log).is_some_and(|windows| windows.iter().any(|w| w.overlaps(&span.window)))
        };
        let logins: HashMap<_, _> = survey
            .failing
            .iter()
            .filter(|((log, _), span)| in_a_burst((log, span)))
            .map(|(key, _)| (*key, AddressLogins::default()))
            .collect();
        let posts = logins.keys().map(|(_, address)| (*address, Posts::default())).collect();
        LoginCloser { bursts, logins, posts }
    }

    pub(crate) fn observe(&mut self, row: &EventRow<'_>, log: Option<Name>, address: Name) {
        if let (Some(success), Some(log)) = (login(row), log) {
            if let Some(logins) = self.logins.get_mut(&(log, address)) {
                let in_burst = self.bursts[&log].iter().any(|w| w.contains(row.time()));
                logins.add(row, success, in_burst);
            }
        } else if let Some(posts) = self.posts.get_mut(&address) {
            posts.add(row);
        }
    }
}

impl AddressLogins {
    fn add(&mut self, row: &EventRow<'_>, success: bool, in_burst: bool) {
        let user = row.text_of(TextField::UserName).or(row.text_of(TextField::UserUid)).map(Fnv::of);
        let request = row.text_of(TextField::RequestUid).map(Fnv::of);
        let agent = row.text_of(TextField::UserAgent).map(Fnv::of);
        if success {
            self.successes_in_burst += u64::from(in_burst);
            keep(&mut self.users_in, user);
            keep(
                &mut self.successes,
                Some(Success {
                    time: row.time(),
                    user: row.text_of(TextField::UserUid).map(str::to_owned),
                    session: row.text_of(TextField::SessionUid).map(str::to_owned),
                    request,
                    agent,
                }),
            );
            self.examples_in.add(row);
        } else if in_burst {
            self.failures.add(row.time());
            self.unnamed += u64::from(user.is_none());
            keep(&mut self.users_failed, user);
            keep(&mut self.failed_requests, request);
            keep(&mut self.failed_agents, agent);
            self.examples.add(row);
        }
    }

    fn users_lost(&self) -> usize {
        self.users_failed.difference(&self.users_in).count()
    }

    fn fail_share(&self) -> f64 {
        let all = self.failures.events + self.successes_in_burst;
        if all == 0 { 0.0 } else { self.failures.events as f64 / all as f64 }
    }
}

impl Posts {
    fn add(&mut self, row: &EventRow<'_>) {
        if !is_login_request(row) {
            return;
        }
        let Some(agent) = row.text_of(TextField::UserAgent).map(Fnv::of) else { return };
        *self.agents.entry(agent).or_default() += 1;
        if let Some(request) = row.text_of(TextField::RequestUid) {
            self.agent_of.insert(Fnv::of(request), agent);
            while self.agent_of.len() > PER_ADDRESS_MAX {
                self.agent_of.pop_last();
            }
        }
    }
}

/// Adds to a set that keeps its smallest members, so that the order of events does not matter.
fn keep<T: Ord>(set: &mut BTreeSet<T>, member: Option<T>) {
    set.extend(member);
    while set.len() > PER_ADDRESS_MAX {
        set.pop_last();
    }
}
