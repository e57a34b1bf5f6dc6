//! Whether what was signed of the ledger is there still, and who signed.

use super::Answer;
use crate::args::Shared;
use crate::exit::BadInput;
use crate::session::Session;
use crate::{screen, signing};
use anyhow::Context;
use serde::Serialize;
use stanch_case::{KeyFile, WhyReadOnly, timestamps};
use stanch_ledger::{Heads, KEY_TAKEN, Ledger, PublicKey, SignedHead, vouched};
use stanch_model::Instant;
use std::path::{Path, PathBuf};

/// What is known from outside the case.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Known {
    /// The key that is known to sign this case: its 64 digits, or a file with them or its PEM
    #[arg(long, value_name = "KEY")]
    signer: Vec<String>,
    /// A head that was kept elsewhere, as `stanch ledger head --out FILE` wrote it
    #[arg(long, value_name = "FILE")]
    head: Vec<PathBuf>,
}

/// What signatures tell.
#[derive(Default, Serialize)]
pub(super) struct Signed {
    heads: u64,
    /// The last entry that a signed head vouches for.
    up_to: u64,
    keys: Vec<SignedBy>,
    stamps: Vec<Stamped>,
}

#[derive(Serialize)]
struct SignedBy {
    key: PublicKey,
    heads: u64,
    /// It is the key on this machine, or one that was named.
    known: bool,
}

#[derive(Serialize)]
struct Stamped {
    entries: u64,
    says: Option<Instant>,
}

pub(super) fn check(session: &Session, shared: &Shared, known: &Known, answer: &mut Answer) -> anyhow::Result<()> {
    let case = &session.case;
    let read = Heads::read(&case.heads_path())?;
    for line in &read.unread {
        answer.wrong.push(format!("signed heads: line {line} of ledger.heads.jsonl is none"));
    }
    if read.torn_bytes > 0 {
        let line = format!("signed heads: {} bytes of one that was cut off while being written", read.torn_bytes);
        answer.remarks.push(format!("{line}; the next one takes their place"));
    }
    let mut heads = read.heads;
    answer.signed.heads = heads.len() as u64;
    for kept in timestamps::kept(case)? {
        let (entries, says) = (kept.head.entries, kept.stamp.and_then(|s| s.time));
        if kept.stamp.is_none() {
            answer.wrong.push(format!("time-stamp: the answer kept for entry {entries} is for something else"));
        }
        answer.signed.stamps.push(Stamped { entries, says });
        heads.push(kept.head);
    }
    for path in &known.head {
        heads.push(read_head(path)?);
    }
    // A damaged key of one's own is no reason not to check what others signed.
    let own = match signing::key_of(case, shared) {
        Ok(own) => own,
        Err(error) => {
            answer.remarks.push(format!("your key was not looked at: {error}"));
            None
        }
    };
    if let (Some(own), Some(id)) = (&own, Ledger::id_of(&case.ledger_path())?)
        && let Some(last) = own.last_head(&id)?
    {
        // The case goes on after an export was made of it, and is signed further.
        if case.read_only() == Some(WhyReadOnly::Export) && last.entries > answer.ledger_entries {
            let line = format!("this is the case as at entry {}; you signed it up to entry", answer.ledger_entries);
            answer.remarks.push(format!("{line} {} since", last.entries));
        } else {
            heads.push(last);
        }
    }
    heads.sort_by_key(|h| (h.entries, h.at));
    heads.dedup();
    let told = vouched(&case.ledger_path(), &heads)?;
    answer.wrong.extend(told.wrong.iter().map(|wrong| format!("ledger: {}", screen::shown(&wrong.to_string()))));
    answer.signed.up_to = told.up_to;
    let trusted = trusted(known, own.as_ref())?;
    for (key, heads) in told.keys {
        answer.signed.keys.push(SignedBy { key, heads, known: trusted.contains(&key) });
    }
    let foreign = answer.signed.keys.iter().filter(|k| !k.known);
    if !known.signer.is_empty() {
        let line = |k: &SignedBy| format!("ledger: {} heads are signed by {}, which you did not name", k.heads, k.key);
        answer.wrong.extend(foreign.map(line));
    }
    remark_unsigned(session, told.up_to, answer)
}

/// What nobody signed, anybody who holds the folder may have written.
fn remark_unsigned(session: &Session, up_to: u64, answer: &mut Answer) -> anyhow::Result<()> {
    let entries = Ledger::entries(&session.case.ledger_path())?;
    let after = entries.get(usize::try_from(up_to)?..).unwrap_or_default();
    if answer.signed.heads == 0 {
        if entries.iter().any(|e| e.act == KEY_TAKEN) {
            answer
                .wrong
                .push("signed heads: the ledger names a key, and no head is there: they were taken away".to_owned());
        }
        answer.remarks.push("nobody signed the ledger; `stanch ledger sign` does".to_owned());
    } else if !after.is_empty() {
        answer.remarks.push(format!("the last {} entries of the ledger are not signed", after.len()));
    }
    Ok(())
}

fn read_head(path: &Path) -> anyhow::Result<SignedHead> {
    let wrong = || BadInput(format!("the head in {} could not be taken", path.display()));
    let text = std::fs::read_to_string(path).with_context(wrong)?;
    SignedHead::from_file(&text).with_context(wrong)
}

/// Keys that are known apart from the case.
fn trusted(known: &Known, own: Option<&KeyFile>) -> anyhow::Result<Vec<PublicKey>> {
    let mut trusted: Vec<PublicKey> = own.map(|own| own.key.public()).into_iter().collect();
    for named in &known.signer {
        let text = std::fs::read_to_string(named).unwrap_or_else(|_| named.clone());
        let wrong = || BadInput(format!("`--signer {}` could not be taken", screen::shown(named)));
        trusted.push(PublicKey::read(&text).with_context(wrong)?);
    }
    Ok(trusted)
}

impl Signed {
    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for SignedBy { key, heads, known } in &self.keys {
            let whose = if *known { "which is known here" } else { "compare it with what its owner told you" };
            lines.push(format!("signed    {heads} heads, up to entry {}, by {key}; {whose}", self.up_to));
        }
        for Stamped { entries, says } in &self.stamps {
            let says = says.map_or_else(|| "at a time that could not be read".to_owned(), |at| format!("at {at}"));
            lines.push(format!("stamped   entry {entries}, {says}; `openssl ts -verify` checks the authority's part"));
        }
        lines
    }
}
