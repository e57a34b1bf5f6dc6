//! What evidence the case holds: each file's seal, who took it in, when, and where its bytes are.

use crate::acquisition::FileFacts;
use crate::error::CaseError;
use crate::hashing::Hashing;
use serde::{Deserialize, Serialize};
use stanch_model::{Instant, Seal};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// How a file is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It stays where it is; the seal tells if it changes.
    InPlace,
    /// Its bytes are in the case, under its seal.
    Copied,
}

/// One sealed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holding {
    /// Its SHA-256.
    pub seal: Seal,
    /// Its path as handed over, relative to what was named; other paths with the same bytes after it.
    pub paths: Vec<String>,
    /// Its size.
    pub bytes: u64,
    /// Who took it in.
    pub by: String,
    /// When it was taken in.
    pub at: Instant,
    /// Held how.
    pub how: How,
    /// Where the bytes are: absolute for a file in place, below `evidence/` for a copy.
    #[serde(with = "crate::written_path")]
    pub place: PathBuf,
    /// What its file system said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileFacts>,
    /// How it came to be handed over: digests into `acquisitions.json`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acquired: Vec<String>,
    /// The seal of the file that it grew into, of which it is the beginning. Its events are read from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grew_into: Option<Seal>,
}

/// `evidence/manifest.json`: every sealed file, by seal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Manifest {
    holdings: Vec<Holding>,
}

impl Manifest {
    /// Reads the manifest of an evidence folder; one that is not there is empty.
    ///
    /// # Errors
    /// If it cannot be read or is not one.
    pub fn read(evidence_dir: &Path) -> Result<Manifest, CaseError> {
        let path = evidence_dir.join("manifest.json");
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| CaseError::Damaged { path, source }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Manifest::default()),
            Err(source) => Err(CaseError::Read { path, source }),
        }
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, evidence_dir: &Path) -> Result<(), CaseError> {
        replace_file(&evidence_dir.join("manifest.json"), self.text().as_bytes())
    }

    /// As it is written.
    pub(crate) fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a manifest holds only strings and numbers");
        text.push('\n');
        text
    }

    /// Adds a file. One whose bytes are held already only adds its path; its first custody stands.
    pub fn add(&mut self, holding: Holding) {
        match self.holdings.binary_search_by(|h| h.seal.cmp(&holding.seal)) {
            Ok(at) => {
                let held = &mut self.holdings[at];
                add_new(&mut held.paths, holding.paths);
                add_new(&mut held.acquired, holding.acquired);
                // A file that has moved on disk is found at its new place; a copy stays the copy.
                if held.how == How::InPlace {
                    held.how = holding.how;
                    held.place = holding.place;
                }
            }
            Err(at) => self.holdings.insert(at, holding),
        }
    }

    /// Every file, by seal.
    pub fn holdings(&self) -> &[Holding] {
        &self.holdings
    }

    /// The file of that seal.
    pub fn find(&self, seal: &Seal) -> Option<&Holding> {
        self.holdings.binary_search_by(|h| h.seal.cmp(seal)).ok().map(|at| &self.holdings[at])
    }

    /// Notes how a file came to be handed over. False if that stands there already, or there is no such file.
    pub fn describe(&mut self, seal: &Seal, acquisition: &str) -> bool {
        let held = self.holdings.binary_search_by(|h| h.seal.cmp(seal)).ok().map(|at| &mut self.holdings[at]);
        let Some(held) = held.filter(|held| !held.acquired.iter().any(|a| a == acquisition)) else { return false };
        held.acquired.push(acquisition.to_owned());
        true
    }

    /// Notes that a file is the beginning of another by now.
    pub fn grew(&mut self, from: &Seal, into: &Seal) {
        if let Ok(at) = self.holdings.binary_search_by(|h| h.seal.cmp(from)) {
            self.holdings[at].grew_into = Some(into.clone());
        }
    }

    /// Where the bytes of each file are, as absolute paths.
    pub fn places(&self, evidence_dir: &Path) -> BTreeMap<Seal, PathBuf> {
        self.holdings.iter().map(|h| (h.seal.clone(), h.path(evidence_dir))).collect()
    }
}

fn add_new(to: &mut Vec<String>, more: Vec<String>) {
    for text in more {
        if !to.contains(&text) {
            to.push(text);
        }
    }
}

impl Holding {
    /// Where its bytes are.
    pub fn path(&self, evidence_dir: &Path) -> PathBuf {
        match self.how {
            How::InPlace => self.place.clone(),
            How::Copied => evidence_dir.join(&self.place),
        }
    }
}

/// Copies the sealed bytes of a file into the evidence folder under its seal, read-only; returns its place below that folder. A copy that
/// is there already is left alone.
///
/// # Errors
/// If the file cannot be read, is no longer what was sealed, or the copy cannot be written.
pub(crate) fn copy_in(evidence_dir: &Path, from: &Path, seal: &Seal, bytes: u64) -> Result<PathBuf, CaseError> {
    let place = PathBuf::from(&seal.0);
    let to = evidence_dir.join(&place);
    if to.exists() {
        return Ok(place);
    }
    let draft = to.with_extension("draft");
    let write = |source| CaseError::Write { path: draft.clone(), source };
    // An interrupted command may have left one that can no longer be written to.
    match fs::remove_file(&draft) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(write(e)),
        _ => {}
    }
    let source = File::open(from).map_err(|source| CaseError::Read { path: from.to_owned(), source })?;
    // A log that is still written to has grown since.
    let mut source = source.take(bytes);
    let mut copy = File::create(&draft).map_err(write)?;
    let copied = copy_hashed(&mut source, &mut copy, from, &draft);
    if !copied.as_ref().is_ok_and(|now| now == seal) {
        // Best effort: a draft is not the evidence, and the next copy takes its place.
        let _ = fs::remove_file(&draft);
        copied?;
        return Err(CaseError::ChangedWhileCopied { path: from.to_owned() });
    }
    let mut permissions = copy.metadata().map_err(write)?.permissions();
    permissions.set_readonly(true);
    copy.set_permissions(permissions).map_err(write)?;
    copy.sync_all().map_err(write)?;
    fs::rename(&draft, &to).map_err(write)?;
    Ok(place)
}

/// Copies all that is in `source`; gives the seal of what was written.
pub(crate) fn copy_hashed(
    source: &mut impl Read,
    copy: &mut impl Write,
    from: &Path,
    to: &Path,
) -> Result<Seal, CaseError> {
    let mut hashed = Hashing::new(source);
    let mut buffer = vec![0; 1 << 18];
    loop {
        match hashed.read(&mut buffer) {
            Ok(0) => return Ok(hashed.seal()),
            Ok(n) => copy.write_all(&buffer[..n]).map_err(|source| CaseError::Write { path: to.to_owned(), source })?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(CaseError::Read { path: from.to_owned(), source }),
        }
    }
}

/// Writes a file, whole or not at all.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), CaseError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".draft");
    let draft = path.with_file_name(name);
    let write = |source| CaseError::Write { path: path.to_owned(), source };
    let mut file = File::create(&draft).map_err(write)?;
    file.write_all(bytes).map_err(write)?;
    file.sync_all().map_err(write)?;
    fs::rename(&draft, path).map_err(write)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(seal: &str, path: &str) -> Holding {
        Holding {
            seal: Seal(seal.to_owned()),
            paths: vec![path.to_owned()],
            bytes: 3,
            by: "responder".to_owned(),
            at: Instant(0),
            how: How::InPlace,
            place: PathBuf::from("/var/log/x"),
            file: None,
            acquired: Vec::new(),
            grew_into: None,
        }
    }

    #[test]
    fn the_same_bytes_are_held_once_with_both_paths() {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::default();
        manifest.add(holding("b", "web/access.log"));
        manifest.add(holding("a", "db/a.csv"));
        manifest.add(holding("b", "web/access.log.1"));
        manifest.write(dir.path()).unwrap();
        let read = Manifest::read(dir.path()).unwrap();
        assert_eq!(read, manifest);
        assert_eq!(read.holdings().len(), 2);
        assert_eq!(read.find(&Seal("b".to_owned())).unwrap().paths, ["web/access.log", "web/access.log.1"]);
    }

    #[test]
    fn a_copy_is_made_once_under_its_seal() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from.log");
        fs::write(&from, "abc").unwrap();
        let seal = Seal(stanch_ledger::sha256(b"abc"));
        let other = copy_in(dir.path(), &from, &Seal("ab12".to_owned()), 3);
        assert!(matches!(other, Err(CaseError::ChangedWhileCopied { .. })));
        // What a command that was killed left.
        let draft = dir.path().join(&seal.0).with_extension("draft");
        fs::write(&draft, "ab").unwrap();
        let mut permissions = fs::metadata(&draft).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&draft, permissions).unwrap();
        fs::write(&from, "abcd").unwrap();
        let place = copy_in(dir.path(), &from, &seal, 3).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join(&place)).unwrap(), "abc");
        assert_eq!(copy_in(dir.path(), &from, &seal, 3).unwrap(), place);
    }
}
