//! What the auditd pack says of record types, system calls and keys.

use serde::Deserialize;
use stanch_model::EventClass;
use stanch_packs::PackError;
use std::collections::{BTreeMap, BTreeSet};

/// What the pack says, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(default)]
pub struct AuditPack {
    /// Keys whose values are hexadecimal where they stand without quotes.
    pub escaped: Vec<String>,
    /// Machine architectures by the numbers that stand in the log.
    pub architectures: BTreeMap<String, String>,
    /// How the names of those record types begin that are an event each, with no others of the same serial.
    pub alone: Vec<String>,
    /// Record type → what its event is.
    pub records: BTreeMap<String, AuditMeaning>,
    /// System call → what its event is. Calls not named are a base event with the call's name as activity.
    pub calls: BTreeMap<String, AuditMeaning>,
    /// Error number → its name.
    pub errors: BTreeMap<i64, String>,
}

/// What an event is, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditMeaning {
    /// OCSF class by its word.
    pub class: String,
    /// Activity; of a system call, its own name where nothing is said.
    #[serde(default)]
    pub activity: Option<String>,
    /// A key whose value is the activity, where the record has it.
    #[serde(default)]
    pub activity_from: Option<String>,
    /// System calls: what the socket address is, where there is one.
    #[serde(default)]
    pub address: Option<ConnectionEnd>,
}

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionEnd {
    /// Who connected.
    Source,
    /// What was connected to.
    Destination,
}

/// The same, ready to use.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditTables {
    escaped: BTreeSet<String>,
    architectures: BTreeMap<String, String>,
    alone: Vec<String>,
    records: BTreeMap<String, Meaning>,
    calls: BTreeMap<String, Meaning>,
    errors: BTreeMap<i64, String>,
    syscalls: BTreeMap<String, BTreeMap<u32, String>>,
}

/// What an event is.
#[derive(Clone, Debug)]
pub(crate) struct Meaning {
    pub(crate) class: EventClass,
    pub(crate) activity: Option<String>,
    pub(crate) activity_from: Option<String>,
    pub(crate) address: Option<ConnectionEnd>,
}

impl AuditTables {
    /// Compiles a pack's tables.
    ///
    /// # Errors
    /// If one names a class that does not exist.
    pub(crate) fn compile(
        shown: &str,
        pack: &AuditPack,
        syscalls: &BTreeMap<String, BTreeMap<u32, String>>,
    ) -> Result<AuditTables, PackError> {
        let compiled = |table: &BTreeMap<String, AuditMeaning>| -> Result<BTreeMap<String, Meaning>, PackError> {
            table.iter().map(|(name, m)| Ok((name.clone(), meaning(shown, name, m)?))).collect()
        };
        Ok(AuditTables {
            escaped: pack.escaped.iter().cloned().collect(),
            architectures: pack.architectures.clone(),
            alone: pack.alone.clone(),
            records: compiled(&pack.records)?,
            calls: compiled(&pack.calls)?,
            errors: pack.errors.clone(),
            syscalls: syscalls.clone(),
        })
    }

    pub(crate) fn is_escaped(&self, key: &str) -> bool {
        self.escaped.contains(key)
    }

    pub(crate) fn is_alone(&self, kind: &str) -> bool {
        self.alone.iter().any(|beginning| kind.starts_with(beginning.as_str()))
    }

    pub(crate) fn record(&self, kind: &str) -> Option<&Meaning> {
        self.records.get(kind)
    }

    pub(crate) fn call(&self, name: &str) -> Option<&Meaning> {
        self.calls.get(name)
    }

    /// The name of an architecture, or what the log says.
    pub(crate) fn arch<'a>(&'a self, number: &'a str) -> &'a str {
        self.architectures.get(number).map_or(number, String::as_str)
    }

    /// The name of a system call; a log whose numbers were turned into names already has it.
    pub(crate) fn syscall<'a>(&'a self, arch: &str, number: &'a str) -> Option<&'a str> {
        match number.parse::<u32>() {
            Ok(n) => self.syscalls.get(arch)?.get(&n).map(String::as_str),
            Err(_) => Some(number),
        }
    }

    /// The name of an error that a call gave back as a number below zero.
    pub(crate) fn error(&self, exit: &str) -> Option<&str> {
        let n: i64 = exit.parse().ok()?;
        self.errors.get(&n.checked_neg()?).map(String::as_str)
    }
}

fn meaning(shown: &str, name: &str, pack: &AuditMeaning) -> Result<Meaning, PackError> {
    let class = EventClass::from_word(&pack.class)
        .ok_or_else(|| PackError::new(shown, format!("`{name}` is a {:?}, which is no event class", pack.class)))?;
    let AuditMeaning { activity, activity_from, address, .. } = pack.clone();
    Ok(Meaning { class, activity, activity_from, address })
}
