//! Signs the ledger's head: with the key that was named, or the case's own among the user's.

use crate::args::Shared;
use crate::{instant, session};
use anyhow::Context;
use stanch_case::{Case, CaseError, KeyFile, Keys};
use stanch_ledger::{Ledger, LedgerError};
use std::path::PathBuf;

/// Where keys are looked for: the file that was named, or the folder below the user's configuration.
pub(crate) fn keys(shared: &Shared) -> Keys {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    Keys { dir: config.map(|config| config.join("stanch/keys")), file: shared.key.clone() }
}

/// The key for a case, if there is one.
pub(crate) fn key_of(case: &Case, shared: &Shared) -> anyhow::Result<Option<KeyFile>> {
    let Some(id) = Ledger::id_of(&case.ledger_path())? else { return Ok(None) };
    Ok(keys(shared).find(&id)?)
}

/// The key for a case, made now if there is none.
pub(crate) fn key_for(case: &Case, shared: &Shared) -> anyhow::Result<KeyFile> {
    if let Some(found) = key_of(case, shared)? {
        return Ok(found);
    }
    let path = || CaseError::NothingToSign { path: case.root().to_owned() };
    let id = Ledger::id_of(&case.ledger_path())?.ok_or_else(path)?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("the system gave no randomness for a key")?;
    Ok(keys(shared).make(case.root(), &id, &seed)?)
}

/// At the end of a command: signs the head of the case that was acted on, if there is a key for it.
pub(crate) fn sign_what_was_acted_on(shared: &Shared) -> anyhow::Result<()> {
    let Some(root) = shared.acted.borrow_mut().take() else { return Ok(()) };
    let sign = || -> anyhow::Result<()> {
        let case = Case::open(&root)?;
        let Some(key) = key_of(&case, shared)? else { return Ok(()) };
        match case.record(&session::by(shared)) {
            // Another command acts already, and signs when it ends.
            Err(CaseError::Ledger(LedgerError::InUse { .. })) => Ok(()),
            record => Ok(record?.sign(&key, instant::now()).map(drop)?),
        }
    };
    sign().context("the acts of this command are on record, but the ledger's head could not be signed")
}
