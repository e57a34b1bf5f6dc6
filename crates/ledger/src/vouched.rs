//! Holds signed heads against the ledger: what somebody vouched for has to be there still.

use crate::heads::SignedHead;
use crate::key::PublicKey;
use crate::verify::walk;
use crate::writer::LedgerError;
use stanch_model::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The act that says whose key signs from here on.
pub const KEY_TAKEN: &str = "ledger.key_taken";

/// What signed heads say of a ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vouched {
    /// What does not hold, in the order of the heads.
    pub wrong: Vec<HeadBreak>,
    /// The last entry of the ledger that a head which holds vouches for.
    pub up_to: u64,
    /// Every key whose signature holds, with the number of heads that it signed.
    pub keys: BTreeMap<PublicKey, u64>,
}

/// A signed head that does not fit the ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadBreak {
    /// The signature is not that key's, or what it stands under was changed.
    #[error("the head signed at entry {entries} carries no signature of its key: the head was changed")]
    NotSigned {
        /// Its number of entries.
        entries: u64,
    },
    /// It vouches for another ledger.
    #[error("the head signed at entry {entries} is of another ledger: the first entry is not the one that was signed")]
    OtherLedger {
        /// Its number of entries.
        entries: u64,
    },
    /// The ledger does not say that this key signs it.
    #[error("the head signed at entry {entries} is by key {}, which the ledger does not name", key.short())]
    UnknownKey {
        /// Its number of entries.
        entries: u64,
        /// The key.
        key: PublicKey,
    },
    /// The chain follows from itself, and is not the one that was signed.
    #[error("{}", rewritten(*from, *entries, *at, by))]
    Rewritten {
        /// The first entry that may have been changed: up to the one before, another signed head holds.
        from: u64,
        /// The entry that was signed.
        entries: u64,
        /// When.
        at: Instant,
        /// By whom.
        by: String,
    },
    /// The chain ends before what was signed.
    #[error("the ledger ends at entry {found}; entry {entries} was signed at {at} by {by}: its end was cut off")]
    CutShort {
        /// Entries that are there.
        found: u64,
        /// The entry that was signed.
        entries: u64,
        /// When.
        at: Instant,
        /// By whom.
        by: String,
    },
}

fn rewritten(from: u64, entries: u64, at: Instant, by: &str) -> String {
    let what = if from == entries {
        format!("entry {from} was")
    } else {
        format!("one of the entries {from} to {entries} was")
    };
    format!("entry {entries} is not the one that was signed at {at} by {by}: {what} changed, and the chain made to fit")
}

/// Holds heads against the ledger at `path`. Heads behind the place where the chain itself breaks are left out:
/// [`crate::verify`] names that place.
///
/// # Errors
/// If the ledger cannot be read.
pub fn vouched(path: &Path, heads: &[SignedHead]) -> Result<Vouched, LedgerError> {
    let wanted: BTreeSet<u64> = heads.iter().map(|h| h.entries).collect();
    let mut hashes: BTreeMap<u64, String> = BTreeMap::new();
    let mut named: BTreeSet<String> = BTreeSet::new();
    let mut case = String::new();
    let (report, _) = walk(path, &[], |entry, after| {
        if after.entries == 1 {
            case.clone_from(&after.hash);
        }
        if wanted.contains(&after.entries) {
            hashes.insert(after.entries, after.hash.clone());
        }
        if entry.act == KEY_TAKEN
            && let Some(key) = entry.on.get("key").and_then(|k| k.as_str())
        {
            named.insert(key.to_owned());
        }
    })?;
    let mut told = Vouched::default();
    let mut sorted: Vec<&SignedHead> = heads.iter().collect();
    sorted.sort_by_key(|h| (h.entries, h.at));
    for head in sorted {
        let (entries, at, by) = (head.entries, head.at, head.by.clone());
        if !head.is_signed() {
            told.wrong.push(HeadBreak::NotSigned { entries });
            continue;
        }
        *told.keys.entry(head.key).or_default() += 1;
        match hashes.get(&entries) {
            _ if report.head.entries > 0 && head.case != case => told.wrong.push(HeadBreak::OtherLedger { entries }),
            Some(hash) if *hash != head.hash => {
                told.wrong.push(HeadBreak::Rewritten { from: told.up_to + 1, entries, at, by });
            }
            Some(_) if !named.contains(&head.key.to_string()) => {
                told.wrong.push(HeadBreak::UnknownKey { entries, key: head.key });
            }
            Some(_) => told.up_to = entries,
            None if report.broken.is_none() => {
                told.wrong.push(HeadBreak::CutShort { found: report.head.entries, entries, at, by });
            }
            None => {}
        }
    }
    Ok(told)
}
