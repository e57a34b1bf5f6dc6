//! `stanch lock` and `stanch unlock`: a case at rest.

use crate::args::Shared;
use crate::encryption::{Decrypt, Encrypt};
use crate::exit::{BadInput, WrongUsage};
use crate::instant;
use crate::progress::Progress;
use crate::screen;
use crate::session::{self, Session};
use crate::signing;
use clap::Args;
use stanch_case::{Case, locked};
use stanch_ledger::On;
use std::path::{Path, PathBuf};

/// Put the case to rest: one encrypted file instead of the folder
///
/// The file is written, decrypted again and compared, and only then is the folder removed. Evidence that is referred to
/// in place stays where it is. Plain `age -d` opens the file too. (Removing does not wipe a disk: what was deleted may be
/// found on it until it is overwritten.)
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch lock --encrypt-to age1…
  stanch lock --passphrase-file secret.txt --out /backup/acme.case.age")]
pub(crate) struct Lock {
    /// The file to write; default: CASE.age beside the folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    encrypt: Encrypt,
}

/// Take a case up again: the folder instead of the encrypted file
///
/// `--case DIR` names the folder; default: the file's name without `.age`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch unlock acme.case.age --identity key.txt
  stanch unlock acme.case.age --passphrase-file secret.txt --keep")]
pub(crate) struct Unlock {
    /// The locked case
    #[arg(value_name = "FILE.case.age")]
    file: PathBuf,
    #[command(flatten)]
    decrypt: Decrypt,
    /// Leave the file where it is
    #[arg(long)]
    keep: bool,
}

pub(crate) fn lock(lock: &Lock, shared: &Shared) -> anyhow::Result<()> {
    session::no_json(shared)?;
    let Some(to) = lock.encrypt.to()? else {
        anyhow::bail!(WrongUsage(
            "nobody was named to encrypt to\nhint: `--encrypt-to age1…` or `--passphrase-file FILE`".to_owned()
        ));
    };
    if let Some(root) = shared.case.as_deref().filter(|root| !root.exists())
        && locked::remove_rest(root)?
    {
        return screen::say("what an interrupted `stanch lock` left of the folder is removed");
    }
    let session = Session::open(shared)?;
    let root = session.case.root().to_owned();
    let out = lock.out.clone().unwrap_or_else(|| with_ending(&root));
    if out.starts_with(&root) {
        anyhow::bail!(WrongUsage(format!("{} lies in the case that is to be locked", out.display())));
    }
    if out.symlink_metadata().is_ok() {
        anyhow::bail!(locked::LockError::InTheWay { path: out });
    }
    let elsewhere = session.case.evidence_elsewhere()?;
    let mut record = session.record()?;
    record.act(instant::now(), "case.lock_begun", On::nothing().word("encrypted", to.word()))?;
    if let Some(key) = signing::key_of(&session.case, shared)? {
        record.sign(&key, instant::now())?;
    }
    let progress = Progress::without_end("lock");
    let done = locked::lock(record, &to, &out, &mut |bytes| progress.add(bytes));
    progress.done();
    done?;
    // The folder is gone, and its ledger signed already.
    shared.acted.borrow_mut().take();
    screen::heading(&format!("{}: the case, encrypted; the folder is removed", out.display()))?;
    if elsewhere > 0 {
        let line = "files of evidence are only referred to: they stay where they are, as they are";
        screen::warn(&format!("{elsewhere} {line}"))?;
    }
    screen::say(&format!("Next: stanch unlock {}", out.display()))
}

pub(crate) fn unlock(unlock: &Unlock, shared: &Shared) -> anyhow::Result<()> {
    session::no_json(shared)?;
    session::no_read_only(shared)?;
    let with = unlock.decrypt.with()?;
    let root = match &shared.case {
        Some(root) => root.clone(),
        None => without_ending(&unlock.file)?,
    };
    let progress = Progress::without_end("unlock");
    locked::unlock(&unlock.file, &with, &root, unlock.keep, &mut |bytes| progress.add(bytes))?;
    progress.done();
    locked::remove_rest(&root)?;
    let case = Case::open(&root)?;
    case.record(&session::by(shared))?.act(instant::now(), "case.unlocked", On::nothing())?;
    *shared.acted.borrow_mut() = Some(root.clone());
    screen::heading(&format!("{}: the case is a folder again", root.display()))
}

fn with_ending(root: &Path) -> PathBuf {
    let mut name = root.file_name().unwrap_or_default().to_owned();
    name.push(".age");
    root.with_file_name(name)
}

fn without_ending(file: &Path) -> anyhow::Result<PathBuf> {
    match file.extension() {
        Some(ending) if ending == "age" => Ok(file.with_extension("")),
        _ => anyhow::bail!(BadInput(format!(
            "{} does not end in .age, so that its folder has no name\nhint: `--case DIR` names one",
            file.display()
        ))),
    }
}
