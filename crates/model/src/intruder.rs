//! The set of identities and time windows attributed to the attacker.

use crate::event::{EventFields, TextField};
use crate::time::Window;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of thing an identity is, and so which event field it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// A client address (`src_endpoint_ip`).
    Address,
    /// A session of the store or of the database (`actor_session_uid`).
    Session,
    /// A customer's or staff account (`actor_user_uid`), used by the intruder only from `only_from`.
    Account,
    /// A key of the store's API (`actor_credential_uid`).
    ApiKey,
    /// A role of the database (`actor_user_name` of datastore events).
    DatabaseRole,
    /// A user agent.
    UserAgent,
}

impl IdentityKind {
    /// The event field that holds such a value.
    pub fn field(self) -> TextField {
        match self {
            IdentityKind::Address => TextField::SrcIp,
            IdentityKind::Session => TextField::SessionUid,
            IdentityKind::Account => TextField::UserUid,
            IdentityKind::ApiKey => TextField::CredentialUid,
            IdentityKind::DatabaseRole => TextField::UserName,
            IdentityKind::UserAgent => TextField::UserAgent,
        }
    }

    /// The word for it on screens and in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            IdentityKind::Address => "address",
            IdentityKind::Session => "session",
            IdentityKind::Account => "account",
            IdentityKind::ApiKey => "api_key",
            IdentityKind::DatabaseRole => "database_role",
            IdentityKind::UserAgent => "user_agent",
        }
    }
}

impl fmt::Display for IdentityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Whether somebody has said yes or no to a proposed identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A detection proposes it; nobody has spoken.
    Proposed,
    /// A person, or `run` by its stated confidence, took it.
    Confirmed,
    /// A person said that it is not the intruder.
    Rejected,
}

/// One mark by which the intruder's events are told from others'.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// What it is.
    pub kind: IdentityKind,
    /// Its value, compared whole.
    pub value: String,
    /// Where the owner uses it too, the addresses from which it counts as the intruder's. Empty: from anywhere.
    pub only_from: Vec<String>,
    /// When it counts.
    pub window: Window,
    /// 0 to 1, the strongest of the reasons.
    pub confidence: f64,
    /// Why, one line per detection.
    pub reasons: Vec<String>,
    /// Who has said what.
    pub verdict: Verdict,
    /// Who said so: a person, or `run (confidence ≥ 0.80)`.
    pub by: Option<String>,
}

impl Identity {
    /// Whether an event carries this mark, inside its window and from its addresses.
    pub fn claims(&self, event: &impl EventFields) -> bool {
        if !self.window.contains(event.time()) || event.text(self.kind.field()) != Some(self.value.as_str()) {
            return false;
        }
        if self.kind == IdentityKind::DatabaseRole && !event.class().is_datastore() {
            return false;
        }
        self.only_from.is_empty()
            || event.text(TextField::SrcIp).is_some_and(|ip| self.only_from.iter().any(|a| a == ip))
    }
}

/// Everybody and everything attributed to the attacker, accepted or not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Intruder {
    /// The identities in a stable order: kind, value, window.
    pub identities: Vec<Identity>,
}

impl Intruder {
    /// The identities that count: those confirmed.
    pub fn confirmed(&self) -> impl Iterator<Item = &Identity> {
        self.identities.iter().filter(|i| i.verdict == Verdict::Confirmed)
    }

    /// The first confirmed identity that claims the event.
    pub fn claims(&self, event: &impl EventFields) -> Option<&Identity> {
        self.confirmed().find(|i| i.claims(event))
    }

    /// From the first to the last moment of all confirmed identities.
    pub fn window(&self) -> Option<Window> {
        self.confirmed().map(|i| i.window).reduce(|a, b| Window { from: a.from.min(b.from), to: a.to.max(b.to) })
    }
}
