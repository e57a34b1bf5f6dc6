//! What is put on record of a file besides that it was sealed: how it came to be handed over, what its file system said
//! of it, and what tells which part of it changed.

use super::Work;
use crate::instant;
use anyhow::Context;
use stanch_case::{Acquisition, Acquisitions, Case, FileFacts, Manifest};
use stanch_evidence::{SealedBlocks, gather};
use stanch_ledger::{On, sha256};
use stanch_model::Seal;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a person tells of the files that are handed over now, and which files those are.
pub(super) struct Told<'a> {
    acquisition: Option<&'a Acquisition>,
    files: BTreeSet<PathBuf>,
}

impl<'a> Told<'a> {
    /// Keeps what is told, so that the ledger's digest of it leads somewhere.
    pub(super) fn keep(case: &Case, told: Option<&'a Acquisition>, paths: &[PathBuf]) -> anyhow::Result<Told<'a>> {
        let acquisition = told.filter(|told| !told.is_empty());
        let mut files = BTreeSet::new();
        if let Some(acquisition) = acquisition {
            Acquisitions::add(&case.evidence_dir(), acquisition)?;
            files = gather(paths)?.into_iter().map(|source| super::evidence::absolute(&source.path)).collect();
        }
        Ok(Told { acquisition, files })
    }

    /// Its digest, where it is about this file.
    pub(super) fn of(&self, path: &Path) -> Option<String> {
        self.acquisition.filter(|_| self.files.contains(path)).map(Acquisition::digest)
    }
}

/// What the file system says of a file, if it still says anything.
pub(super) fn facts(path: &Path) -> Option<FileFacts> {
    std::fs::metadata(path).ok().map(|metadata| FileFacts::of(&metadata))
}

/// Keeps a file's blocks; gives the digest of their list.
pub(super) fn keep_blocks(case: &Case, seal: &Seal, blocks: &SealedBlocks) -> anyhow::Result<String> {
    let text = blocks.text();
    let path = case.blocks_path(seal);
    if std::fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
        case.replace(&path, text.as_bytes()).context("the list of a sealed file's blocks could not be kept")?;
    }
    Ok(sha256(text.as_bytes()))
}

/// A file that the case holds already, and was sealed again now.
pub(super) struct Held<'c> {
    pub(super) seal: &'c Seal,
    pub(super) blocks: Option<&'c SealedBlocks>,
    pub(super) path: PathBuf,
}

/// Puts on record what is new of files that are held and need not be read again.
pub(super) fn complete(
    work: &mut Work<'_>,
    manifest: &mut Manifest,
    told: &Told<'_>,
    held: &[Held<'_>],
) -> anyhow::Result<()> {
    let case = work.case();
    for file in held {
        if let Some(blocks) = file.blocks.filter(|_| !case.blocks_path(file.seal).exists()) {
            let digest = keep_blocks(case, file.seal, blocks)?;
            let on = On::nothing().seal("seal", file.seal).reference("blocks", &digest);
            work.record.act(instant::now(), "evidence.blocks_kept", on)?;
        }
        let Some(digest) = told.of(&file.path) else { continue };
        if manifest.describe(file.seal, &digest) {
            let on = On::nothing().seal("seal", file.seal).reference("acquisition", &digest);
            work.record.act(instant::now(), "evidence.described", on)?;
            manifest.write(&case.evidence_dir())?;
        }
    }
    Ok(())
}
