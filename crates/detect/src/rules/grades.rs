//! Grades: from figures to a confidence, as a table that an analyst may change.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The detectors that take figures over many events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Behaviour {
    /// Failed logins above their own rate; judges addresses.
    LoginFailureBurst,
    /// Successes from addresses of a burst; judges accounts and sessions.
    AccountOpened,
    /// A user agent of the intruder's elsewhere; judges addresses.
    SharedRareAgent,
    /// A session of the intruder's elsewhere; judges addresses.
    SharedSession,
    /// Ids in a row and list pages in a row; judges keys or accounts, and addresses.
    RecordScraping,
    /// A key's use from a network new to it; judges keys and addresses.
    KeyFromNewNetwork,
    /// A database role's use from a client new to it; judges roles and addresses.
    RoleFromNewClient,
    /// What a role does from a client new to it; judges roles and addresses.
    RoleOutsideHabits,
}

macro_rules! figures {
    ($($(#[$doc:meta])* $variant:ident,)+) => {
        /// What a detector measures. A figure that it did not take is 0.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum Figure { $($(#[$doc])* $variant,)+ }
    };
}

figures! {
    /// Requests that hit.
    Requests,
    /// Requests that hit a strong pattern.
    Strong,
    /// Different patterns hit.
    Patterns,
    /// Failed logins.
    Failures,
    /// Share of logins that failed.
    FailShare,
    /// Users who failed from the address and never got in from it.
    UsersLost,
    /// 1 where the log does not name users.
    UsersUnnamed,
    /// Addresses of the same burst.
    Addresses,
    /// 1 where the user agent is hardly seen outside the burst.
    RareAgent,
    /// Confidence in the address.
    Address,
    /// 1 where the user agent is that of the failed logins, or unknown.
    AgentFits,
    /// 1 where the account had been used from there before.
    UsedBefore,
    /// Share of the user agent's addresses that are proposed already.
    IntruderShare,
    /// How many of the user agent's addresses are proposed already.
    IntruderAddresses,
    /// Minutes between two uses.
    MinutesApart,
    /// Events.
    Events,
    /// Different ids.
    Ids,
    /// Share of ids whose neighbour was asked for too.
    InRow,
    /// Share of answers that there is no such record.
    Missing,
    /// List pages in a row.
    Pages,
    /// 1 where the key or account was in use from elsewhere before.
    NewNetwork,
    /// 1 where it was in use from there before.
    Habit,
    /// 1 where a key or account was shown.
    Named,
    /// 1 where many addresses use the same route without a key or account.
    Public,
    /// Uses from the new place.
    Uses,
    /// Uses from the old places before the first from the new one.
    Before,
    /// Uses from the old places after it.
    After,
    /// 1 where the old place is one that somebody vouches for.
    OwnKnown,
    /// Statements.
    Statements,
    /// Kinds of command never used before.
    NewCommands,
    /// 1 where the program's name was never used before.
    NewProgram,
    /// Tables never named before.
    NewTables,
    /// Share of statement shapes never sent before.
    NewShapes,
}

/// Figures taken about one identity.
pub(crate) type Figures = BTreeMap<Figure, f64>;

/// One line of the table: all bounds hold, so the confidence is this.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grade {
    pub(crate) confidence: f64,
    #[serde(default)]
    pub(crate) min: Figures,
    #[serde(default)]
    pub(crate) max: Figures,
}

/// Figures and what must come of them; without a confidence, nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) figures: Figures,
    #[serde(default)]
    pub(crate) confidence: Option<f64>,
}

/// The confidence of the first grade whose bounds all hold.
pub(crate) fn judge(grades: &[Grade], figures: &Figures) -> Option<f64> {
    let value = |figure: &Figure| figures.get(figure).copied().unwrap_or(0.0);
    grades
        .iter()
        .find(|g| {
            g.min.iter().all(|(figure, bound)| value(figure) >= *bound)
                && g.max.iter().all(|(figure, bound)| value(figure) <= *bound)
        })
        .map(|g| g.confidence)
}
