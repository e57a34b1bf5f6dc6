//! Puts acts on record: in the ledger, and the ledger's head in the database, so that a cut ledger is noticed. Signs
//! heads.

use crate::error::CaseError;
use crate::folder::Case;
use crate::keys::KeyFile;
use stanch_ledger::{Heads, KEY_TAKEN, Ledger, On, SignedHead};
use stanch_model::Instant;

/// The right to act on a case: one process has it at a time. Dropping it gives it back.
#[derive(Debug)]
pub struct Record<'c> {
    pub(crate) ledger: Ledger,
    pub(crate) case: &'c Case,
    pub(crate) by: String,
}

impl Record<'_> {
    /// Records an act; when this returns it is on disk.
    ///
    /// # Errors
    /// If the ledger or the database cannot be written.
    pub fn act(&mut self, at: Instant, act: &'static str, on: On) -> Result<(), CaseError> {
        let head = self.ledger.append(at, &self.by, act, on)?;
        self.case.database().keep_head(head)
    }

    /// Who acts.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// Signs the ledger's head. A key that signs for the first time is put on record before, and its public half into
    /// the case. A head that is signed with the key already is given as it is.
    ///
    /// # Errors
    /// If the ledger is empty, or something cannot be written.
    pub fn sign(&mut self, signer: &KeyFile, at: Instant) -> Result<SignedHead, CaseError> {
        let key = signer.key.public();
        let Some(id) = self.ledger.id().map(str::to_owned) else {
            return Err(CaseError::NothingToSign { path: self.case.root().to_owned() });
        };
        let heads = Heads::read(&self.case.heads_path())?.heads;
        if let Some(last) = heads.last().filter(|last| last.key == key && last.head() == *self.ledger.head()) {
            return Ok(last.clone());
        }
        let named = On::nothing().reference("key", &key.to_string());
        let entries = Ledger::entries(&self.case.ledger_path())?;
        if !entries.iter().any(|e| e.act == KEY_TAKEN && e.on.get("key") == named.get("key")) {
            self.case.replace(&self.case.signer_path(&key), key.pem().as_bytes())?;
            self.act(at, KEY_TAKEN, named)?;
        }
        let head = SignedHead::sign(&id, self.ledger.head(), at, &self.by, &signer.key);
        Heads::add(&self.case.heads_path(), &head)?;
        signer.keep_head(&head)?;
        Ok(head)
    }
}
