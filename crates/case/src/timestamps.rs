//! Answers of time-stamp authorities, each beside the head that it is for: `timestamps/17-3f2a55e0c1d9.head` and `.tsr`.

use crate::custody::replace_file;
use crate::error::CaseError;
use crate::folder::Case;
use stanch_ledger::{SignedHead, Stamp, stamp_for};
use std::fs;
use std::path::PathBuf;

/// One kept answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptStamp {
    /// The head that it is kept for.
    pub head: SignedHead,
    /// What it says, if it is an answer for that head.
    pub stamp: Option<Stamp>,
}

/// The head among these that an answer is for.
pub fn find<'h>(heads: &'h [SignedHead], answer: &[u8]) -> Option<(&'h SignedHead, Stamp)> {
    heads.iter().rev().find_map(|head| Some((head, stamp_for(answer, &head.digest())?)))
}

/// Where a head and the answer for it are kept.
pub fn paths(case: &Case, head: &SignedHead) -> (PathBuf, PathBuf) {
    let name = format!("{}-{}", head.entries, &head.digest()[..12]);
    let dir = case.timestamps_dir();
    (dir.join(format!("{name}.head")), dir.join(format!("{name}.tsr")))
}

/// Keeps an answer, and the head that it is for.
///
/// # Errors
/// If they cannot be written.
pub fn keep(case: &Case, head: &SignedHead, answer: &[u8]) -> Result<(), CaseError> {
    let dir = case.timestamps_dir();
    fs::create_dir_all(&dir).map_err(|source| CaseError::Write { path: dir, source })?;
    let (head_path, answer_path) = paths(case, head);
    replace_file(&answer_path, answer)?;
    replace_file(&head_path, head.file().as_bytes())
}

/// Every answer that the case keeps, by entry. What reads as no head is left out.
///
/// # Errors
/// If the folder or a file in it cannot be read.
pub fn kept(case: &Case) -> Result<Vec<KeptStamp>, CaseError> {
    let dir = case.timestamps_dir();
    let mut kept = Vec::new();
    if !dir.is_dir() {
        return Ok(kept);
    }
    let unreadable = |source| CaseError::Read { path: dir.clone(), source };
    for entry in fs::read_dir(&dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_none_or(|e| e != "head") {
            continue;
        }
        let read = |path: PathBuf| fs::read(&path).map_err(|source| CaseError::Read { path, source });
        let text = String::from_utf8(read(path.clone())?).unwrap_or_default();
        if let Ok(head) = SignedHead::from_file(&text) {
            let answer = read(path.with_extension("tsr"))?;
            kept.push(KeptStamp { stamp: stamp_for(&answer, &head.digest()), head });
        }
    }
    kept.sort_by_key(|k| (k.head.entries, k.head.at));
    Ok(kept)
}
