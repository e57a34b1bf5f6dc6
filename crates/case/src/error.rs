//! What can go wrong with a case folder, and what to do about it.

use crate::folder::WhyReadOnly;
use crate::keys::KeyFileError;
use crate::store_file::StoreError;
use stanch_ledger::{HeadsError, LedgerError};
use std::path::PathBuf;

/// A case that cannot be created, opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// There is none where one was looked for.
    #[error("{} is not a case: there is no case.toml in it\nhint: `stanch run EVIDENCE --store STORE.toml` makes one; `--case DIR` names another", path.display())]
    NoCase {
        /// Where.
        path: PathBuf,
    },
    /// No case was named, and there is not exactly one here.
    #[error("{}", which_case(found))]
    WhichCase {
        /// Those that are there.
        found: Vec<PathBuf>,
    },
    /// Something else is in the way of a new case.
    #[error("{} is already there and is not an empty folder\nhint: choose another with `--case DIR`", path.display())]
    InTheWay {
        /// What.
        path: PathBuf,
    },
    /// It was made by a program that keeps cases in another way.
    #[error("the case {} has format {found}; this stanch reads format {known}\nhint: open it with the stanch that made it, or make the case again from its evidence", path.display())]
    OtherFormat {
        /// The case.
        path: PathBuf,
        /// The number in its case.toml.
        found: u32,
        /// The number that this program writes.
        known: u32,
    },
    /// `case.toml` was edited by a person and now a store file would replace it.
    #[error("{} was edited since it was copied from the store file\nhint: leave out `--store` to go on with it, or delete it to take the store file anew", path.display())]
    Edited {
        /// The file.
        path: PathBuf,
    },
    /// The store file, or the copy of it in the case, is wrong.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Its signed heads.
    #[error(transparent)]
    Heads(#[from] HeadsError),
    /// The key that signs them.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The ledger is empty, so that there is nothing to sign.
    #[error("the ledger of the case {} is empty: there is nothing to sign", path.display())]
    NothingToSign {
        /// The case.
        path: PathBuf,
    },
    /// A file of the case cannot be read.
    #[error("could not read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the case cannot be written.
    #[error("could not write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was sealed is not what is there to be copied.
    #[error("{} changed between being sealed and being copied\nhint: take it in again once nobody writes to it", path.display())]
    ChangedWhileCopied {
        /// The file.
        path: PathBuf,
    },
    /// A file that stanch itself writes does not read back.
    #[error("{} is not as stanch writes it\nhint: delete it and run `stanch run` again; it can be made anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        source: serde_json::Error,
    },
    /// The case's database refused.
    #[error("could not {doing} the case's database {}", path.display())]
    Database {
        /// `open`, `read`, `write to`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// The database belongs to a newer program.
    #[error("the case's database {} is of version {found}; this stanch knows up to {known}\nhint: use a newer stanch", path.display())]
    NewerDatabase {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The database is older than this program, and may not be written to.
    #[error("the case's database {} is of version {found}, and this stanch keeps version {known}\nhint: open the case once where it can be written to; that brings it up to date", path.display())]
    OlderDatabase {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version that this program writes.
        known: i64,
    },
    /// The case is only to be read.
    #[error("the case {} is open for reading only: {why}", path.display())]
    ReadOnly {
        /// The case.
        path: PathBuf,
        /// Because of what.
        why: WhyReadOnly,
    },
    /// A derived part is asked for that is not there, or not whole.
    #[error("{}", not_ready(stage, *begun))]
    NotReady {
        /// What is needed.
        stage: crate::Stage,
        /// Whether it was begun and did not end.
        begun: bool,
    },
}

fn which_case(found: &[PathBuf]) -> String {
    if found.is_empty() {
        return "no folder here ends in .case\n\
                hint: `stanch run EVIDENCE --store STORE.toml` makes a case; `--case DIR` names one elsewhere"
            .to_owned();
    }
    let names: Vec<String> = found.iter().map(|p| p.display().to_string()).collect();
    format!("{} folders here end in .case: {}\nhint: name one with `--case DIR`", names.len(), names.join(", "))
}

fn not_ready(stage: &crate::Stage, begun: bool) -> String {
    let state = if begun { "was interrupted, or is still being made" } else { "has not been made, or is out of date" };
    format!("the case's {} {state}\nhint: `stanch run` makes what is missing", stage.makes())
}
