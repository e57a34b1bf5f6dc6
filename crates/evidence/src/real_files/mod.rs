//! Reads real files that are no part of the project, where they lie beside it.

mod auditd;
mod cloud;
mod mysql;
mod network;
mod postgres;
mod syslog;
mod web;

use std::path::{Path, PathBuf};

/// A file or folder of the shared data, if it is there. Says so if it is not.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let found = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("skipped: {path} is not beside the repository");
    None
}
