//! The store file: what a person says about the store, its logs, its snapshots and the moments of the case.
//!
//! Reading it (with file, line and hint on error) is `case`'s; this is its shape. Unknown keys are refused.

use crate::place::Place;
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A whole `store.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreFile {
    /// The store itself.
    pub store: Store,
    /// The store's data.
    #[serde(default)]
    pub snapshot: Snapshots,
    /// The moments of the case. All may be unknown at first.
    #[serde(default)]
    pub moments: Moments,
    /// Facts that laws ask about.
    #[serde(default)]
    pub facts: Facts,
    /// What is said about particular logs; those not named are recognised by content.
    #[serde(default, rename = "log")]
    pub logs: Vec<LogSource>,
    /// What `run` takes without asking.
    #[serde(default)]
    pub intruder: IntruderRule,
}

/// The store itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Its name, for people.
    pub name: String,
    /// Platform packs, the store's own last: a shipped pack by name, or a file beside the store file by `./path`.
    pub platform: Vec<String>,
    /// IANA time zone of its logs where they do not say, and of its staff.
    pub time_zone: String,
    /// The records that tell where a person lives, first that has one wins. Words: see `packs/words/residence.yaml`.
    #[serde(default = "default_residence")]
    pub residence: Vec<String>,
}

fn default_residence() -> Vec<String> {
    ["default_address", "billing_address", "shipping_address", "phone_prefix"].map(str::to_owned).to_vec()
}

/// The store's data before and after.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshots {
    /// From before the intrusion.
    pub before: Option<SnapshotSource>,
    /// From after it.
    pub after: Option<SnapshotSource>,
}

/// One snapshot: exactly one of `file`, `folder`, `postgres`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotSource {
    /// A pg_dump in plain format, maybe gzip or zstd; relative to the store file.
    pub file: Option<String>,
    /// A folder of CSV or Parquet files, one a table; relative to the store file.
    pub folder: Option<String>,
    /// A connection string of a live PostgreSQL, read in one read-only transaction.
    pub postgres: Option<String>,
    /// When it was taken.
    pub taken_at: Option<Instant>,
}

/// The moments that clocks start from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    /// The first act of the intruder, if a person wants to state it; else found.
    pub occurred: Option<Instant>,
    /// Somebody saw that something was wrong.
    pub discovered: Option<Instant>,
    /// The store became aware, with reasonable certainty, that personal data were compromised.
    pub became_aware: Option<Instant>,
    /// The store determined that a breach as the law defines it took place.
    pub determined: Option<Instant>,
    /// Persons were notified.
    pub notified: Option<Instant>,
}

/// Facts about the store that laws ask about. An absent one is unknown, which never reads as "no".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Countries in which it is established.
    pub established_in: Option<Vec<Place>>,
    /// Whether it offers goods to people in the EU; in the UK.
    pub offers_to: Option<Vec<Place>>,
    /// The lead supervisory authority's country, if there is one.
    pub lead_authority: Option<Place>,
    /// Whether it conducts business in the United States, by state where it matters.
    pub business_in: Option<Vec<Place>>,
    /// Whether a law-enforcement agency asked to delay notices.
    pub law_enforcement_delay: Option<bool>,
    /// Whether the key of encrypted data was taken too.
    pub encryption_key_taken: Option<bool>,
    /// Whether misuse has been ruled out after an investigation (some states' risk-of-harm exemption).
    pub harm_ruled_out: Option<bool>,
    /// Further yes-or-no facts that single laws ask for, by their word in `packs/words/facts.yaml`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, bool>,
}

/// What is said about some log files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSource {
    /// The source's name in events and the report.
    pub name: String,
    /// Which files: a glob on the path below the evidence root (`app/*.log*`).
    pub files: String,
    /// Which service of the platform pack wrote them: `store`, `vendor-x`. Routes are looked up per service.
    pub service: Option<String>,
    /// The format, if it is not to be guessed: a format pack's name, or `json-lines` with `fields`.
    pub format: Option<String>,
    /// nginx `log_format`, Apache `LogFormat` or PostgreSQL `log_line_prefix`, as configured.
    pub pattern: Option<String>,
    /// Seconds to add to its times: its clock was wrong by that much.
    #[serde(default)]
    pub clock_offset_s: i64,
    /// IANA time zone of its times where they carry none.
    pub time_zone: Option<String>,
    /// The year of its first line, where its times carry none (syslog). Later lines roll over into the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<i32>,
    /// JSON lines: the field that holds the time.
    pub time: Option<String>,
    /// JSON lines: event field (OCSF path or column name) = field in the file (dots go into objects).
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// JSON lines: the field whose value decides the class, and what each value means. Values not named here
    /// become `base_event`s.
    pub kind: Option<KindRule>,
}

/// How one field's value decides an event's class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindRule {
    /// The field in the file.
    pub field: String,
    /// Value → what it means.
    pub values: BTreeMap<String, KindMeaning>,
}

/// What a kind of record means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindMeaning {
    /// OCSF class by its word: `authentication`.
    pub class: String,
    /// Activity: `logon`.
    pub activity: Option<String>,
    /// `success` or `failure`.
    pub status: Option<String>,
}

/// What `run` takes as the intruder without asking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntruderRule {
    /// Proposals with at least this confidence count.
    #[serde(default = "default_confidence")]
    pub take_from: f64,
    /// Addresses that are known to be the store's own or its vendors', never proposed.
    #[serde(default)]
    pub known_networks: Vec<KnownNetwork>,
}

impl Default for IntruderRule {
    fn default() -> Self {
        IntruderRule { take_from: default_confidence(), known_networks: Vec::new() }
    }
}

fn default_confidence() -> f64 {
    0.8
}

/// A network that somebody vouches for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownNetwork {
    /// CIDR.
    pub net: ipnet::IpNet,
    /// Whose it is.
    pub owner: String,
}
