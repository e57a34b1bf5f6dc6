//! What a verb works with: the case, the packs, who acts, and when.

use crate::args::Shared;
use crate::exit::WrongUsage;
use crate::instant;
use crate::pipeline::{Work, scope};
use crate::screen;
use anyhow::Context;
use stanch_case::{Case, Record, Stage, WhyReadOnly};
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
    acted: Rc<RefCell<Option<PathBuf>>>,
}

impl Session {
    /// Opens the case that was named, or the one that is here.
    pub(crate) fn open(shared: &Shared) -> anyhow::Result<Session> {
        Session::of(open_case(&case_root(shared)?, shared)?, shared)
    }

    /// A session over an open case.
    pub(crate) fn of(case: Case, shared: &Shared) -> anyhow::Result<Session> {
        let packs = packs_for(&case, shared.packs.as_deref())?;
        let acted = shared.acted.clone();
        Ok(Session { case, packs, by: by(shared), json: shared.json, matrix: RefCell::default(), acted })
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

    /// The right to act on the case. The ledger's head is signed when the command ends; see `signing`.
    pub(crate) fn record(&self) -> anyhow::Result<Record<'_>> {
        let record = self.case.record(&self.by)?;
        *self.acted.borrow_mut() = Some(self.case.root().to_owned());
        Ok(record)
    }

    /// The right to act on the case, for a verb that does its stage before it shows the result. None where the case is
    /// only read: then what is there is shown.
    pub(crate) fn work(&self, as_of: Instant) -> anyhow::Result<Option<Work<'_>>> {
        if self.case.read_only().is_some() { Ok(None) } else { Work::begin(self, as_of).map(Some) }
    }

    /// Puts that somebody looked at personal data on record. Where the case is only read there is no record to put it on,
    /// and whoever looks is told.
    pub(crate) fn looked(&self, at: Instant, act: &'static str, on: On) -> anyhow::Result<()> {
        if self.case.read_only().is_some() {
            screen::aside("the case is only read: that you looked is not put on record");
            return Ok(());
        }
        Ok(self.record()?.act(at, act, on)?)
    }
}

/// Opens a case: only to read it where that was asked for, or nothing else can be done.
pub(crate) fn open_case(root: &Path, shared: &Shared) -> anyhow::Result<Case> {
    let asked = shared.read_only.then_some(WhyReadOnly::Asked);
    Ok(match asked.or_else(|| Case::why_read_only(root)) {
        Some(why) => Case::open_to_read(root, why)?,
        None => Case::open(root)?,
    })
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
    if case.read_only().is_some() {
        // Nothing is made, and the store's own files may be on another machine.
        return Ok(packs);
    }
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

/// For verbs that make something apart from a case.
pub(crate) fn no_read_only(shared: &Shared) -> anyhow::Result<()> {
    if shared.read_only {
        anyhow::bail!(WrongUsage("`--read-only` is for verbs that read; this one writes".to_owned()));
    }
    Ok(())
}

/// For verbs that act and have no answer to give in JSON.
pub(crate) fn no_json(shared: &Shared) -> anyhow::Result<()> {
    if shared.json {
        anyhow::bail!(WrongUsage("`--json` is for verbs that read; this one acts".to_owned()));
    }
    Ok(())
}
