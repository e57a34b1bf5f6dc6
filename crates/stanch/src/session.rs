//! What a verb works with: the case, the packs, who acts, and when.

use crate::args::Shared;
use crate::exit::WrongUsage;
use crate::instant;
use crate::pipeline::scope;
use anyhow::Context;
use stanch_case::{Case, Record, Stage};
use stanch_ledger::On;
use stanch_model::{Instant, Matrix};
use stanch_packs::Packs;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// An open case and what goes with it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) case: Case,
    pub(crate) packs: Packs,
    pub(crate) by: String,
    pub(crate) json: bool,
    /// The matrix once it was judged or read: with a million cells, reading it takes seconds.
    matrix: RefCell<Option<Rc<Matrix>>>,
}

impl Session {
    /// Opens the case that was named, or the one that is here.
    pub(crate) fn open(shared: &Shared) -> anyhow::Result<Session> {
        Session::of(Case::open(&case_root(shared)?)?, shared)
    }

    /// A session over an open case.
    pub(crate) fn of(case: Case, shared: &Shared) -> anyhow::Result<Session> {
        let packs = packs_for(&case, shared.packs.as_deref())?;
        Ok(Session { case, packs, by: by(shared), json: shared.json, matrix: RefCell::default() })
    }

    /// The matrix that the case keeps.
    pub(crate) fn matrix(&self) -> anyhow::Result<Rc<Matrix>> {
        self.case.require(Stage::Scope)?;
        if let Some(known) = self.matrix.borrow().as_ref() {
            return Ok(known.clone());
        }
        let read = Rc::new(scope::kept(&self.case)?);
        self.take_matrix(read.clone());
        Ok(read)
    }

    /// Takes the matrix that was just judged.
    pub(crate) fn take_matrix(&self, matrix: Rc<Matrix>) {
        *self.matrix.borrow_mut() = Some(matrix);
    }

    /// The right to act on the case.
    pub(crate) fn record(&self) -> anyhow::Result<Record<'_>> {
        Ok(self.case.record(&self.by)?)
    }

    /// Puts that somebody looked at personal data on record.
    pub(crate) fn looked(&self, at: Instant, act: &'static str, on: On) -> anyhow::Result<()> {
        Ok(self.record()?.act(at, act, on)?)
    }
}

/// Who acts: as said, else the account that runs the program.
pub(crate) fn by(shared: &Shared) -> String {
    let account = || ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    shared.by.clone().or_else(account).filter(|n| !n.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// The case that was named, or the one that is here.
pub(crate) fn case_root(shared: &Shared) -> anyhow::Result<PathBuf> {
    match &shared.case {
        Some(root) => Ok(root.clone()),
        None => Ok(stanch_case::find(Path::new("."))?),
    }
}

/// The shipped packs, a folder of one's own over them, and the store's own platform files.
fn packs_for(case: &Case, overlay: Option<&Path>) -> anyhow::Result<Packs> {
    let mut packs = shipped_with(overlay)?;
    for (name, path) in case.store().own_platforms() {
        packs = packs
            .with_file(&format!("platforms/{name}"), &path)
            .context("a platform pack that the store file names could not be read")?;
    }
    Ok(packs)
}

/// The shipped packs, and a folder of one's own over them.
pub(crate) fn shipped_with(overlay: Option<&Path>) -> anyhow::Result<Packs> {
    let shipped = Packs::shipped();
    match overlay {
        Some(dir) => Ok(shipped.with_overlay(dir)?),
        None => Ok(shipped),
    }
}

/// A moment that was given, or now.
pub(crate) fn at_or_now(at: Option<Instant>) -> Instant {
    at.unwrap_or_else(instant::now)
}

/// For verbs that act and have no answer to give in JSON.
pub(crate) fn no_json(shared: &Shared) -> anyhow::Result<()> {
    if shared.json {
        anyhow::bail!(WrongUsage("`--json` is for verbs that read; this one acts".to_owned()));
    }
    Ok(())
}
