//! What can stand in the way of an export.

use crate::cipher::CipherError;
use crate::error::CaseError;
use std::io;
use std::path::{Path, PathBuf};

/// An export that was not made.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Something is there already.
    #[error("{} is already there\nhint: an export replaces nothing; name another place", path.display())]
    InTheWay {
        /// What.
        path: PathBuf,
    },
    /// The name does not say what would be in it.
    #[error("{} cannot hold this export: {why}", path.display())]
    WrongName {
        /// The name.
        path: PathBuf,
        /// Which one can.
        why: &'static str,
    },
    /// It would lie in the case that it is made of.
    #[error("{} lies in the case itself\nhint: name a place outside it", path.display())]
    InTheCase {
        /// The name.
        path: PathBuf,
    },
    /// Evidence is not what was sealed.
    #[error("{} is not what was sealed\nhint: `stanch verify` says where it differs; leave out `--with evidence`, or put the sealed bytes back", path.display())]
    NotAsSealed {
        /// The file.
        path: PathBuf,
    },
    /// Evidence is held under something that is no seal.
    #[error("the manifest names a file {seal:?}, which is no SHA-256\nhint: put the manifest back from a copy")]
    NoSeal {
        /// What it names.
        seal: String,
    },
    /// A part of the case cannot be read.
    #[error("could not read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The export cannot be written.
    #[error("could not write {}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be encrypted.
    #[error(transparent)]
    Cipher(#[from] CipherError),
    /// The case.
    #[error(transparent)]
    Case(#[from] CaseError),
}

impl BundleError {
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> BundleError + use<> {
        let path = path.to_owned();
        move |source| BundleError::Write { path, source }
    }
}

impl From<stanch_ledger::LedgerError> for BundleError {
    fn from(error: stanch_ledger::LedgerError) -> BundleError {
        BundleError::Case(error.into())
    }
}
