//! Puts acts on record: in the ledger, and the ledger's head in the database, so that a cut ledger is noticed.

use crate::database::Database;
use crate::error::CaseError;
use stanch_ledger::{Ledger, On};
use stanch_model::Instant;

/// The right to act on a case: one process has it at a time. Dropping it gives it back.
#[derive(Debug)]
pub struct Record<'c> {
    pub(crate) ledger: Ledger,
    pub(crate) database: &'c Database,
    pub(crate) by: String,
}

impl Record<'_> {
    /// Records an act; when this returns it is on disk.
    ///
    /// # Errors
    /// If the ledger or the database cannot be written.
    pub fn act(&mut self, at: Instant, act: &'static str, on: On) -> Result<(), CaseError> {
        let head = self.ledger.append(at, &self.by, act, on)?;
        self.database.keep_head(head)
    }

    /// Who acts.
    pub fn by(&self) -> &str {
        &self.by
    }
}
