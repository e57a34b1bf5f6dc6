//! What can go wrong between folder and file.

use crate::cipher::CipherError;
use std::io;
use std::path::{Path, PathBuf};

/// A case that was not locked, or not unlocked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Something is there already.
    #[error("{} is already there\nhint: move it away, or name another place", path.display())]
    InTheWay {
        /// What.
        path: PathBuf,
    },
    /// The folder holds something that cannot be kept in the file.
    #[error("{} is neither a file nor a folder\nhint: move it out of the case, then lock", path.display())]
    NotAFile {
        /// What.
        path: PathBuf,
    },
    /// Something wrote to the case meanwhile.
    #[error("{} changed while the case was being locked; the folder stays as it is", path.display())]
    Changed {
        /// What.
        path: PathBuf,
    },
    /// What was written does not read back as it was. The folder stays.
    #[error("{} does not read back as it was written; the folder stays as it is\nhint: look at the disk", path.display())]
    NotTheSame {
        /// The file.
        path: PathBuf,
        /// What went wrong, if something did.
        source: Option<io::Error>,
    },
    /// The file holds something else than a locked case.
    #[error("{} is no locked case: {what}", path.display())]
    NotACase {
        /// The file.
        path: PathBuf,
        /// What it holds.
        what: &'static str,
    },
    /// The file is damaged, or was changed.
    #[error("{} is damaged: it could not be decrypted to its end", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        source: io::Error,
    },
    /// Something cannot be read.
    #[error("could not read {}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something cannot be written.
    #[error("could not write {}", path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The encryption.
    #[error("{} could not be encrypted or decrypted", path.display())]
    Cipher {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CipherError,
    },
}

impl LockError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> LockError + use<> {
        let path = path.to_owned();
        move |source| LockError::Read { path, source }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> LockError + use<> {
        let path = path.to_owned();
        move |source| LockError::Write { path, source }
    }

    pub(super) fn cipher(path: &Path) -> impl FnOnce(CipherError) -> LockError + use<> {
        let path = path.to_owned();
        move |source| LockError::Cipher { path, source }
    }
}
