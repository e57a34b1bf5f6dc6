//! What evidence the case holds: each file's seal, who took it in, when, and where its bytes are.

use crate::error::CaseError;
use serde::{Deserialize, Serialize};
use stanch_model::{Instant, Seal};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
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
        let mut text = serde_json::to_string_pretty(self).expect("a manifest holds only strings and numbers");
        text.push('\n');
        replace_file(&evidence_dir.join("manifest.json"), text.as_bytes())
    }

    /// Adds a file. One whose bytes are held already only adds its path; its first custody stands.
    pub fn add(&mut self, holding: Holding) {
        match self.holdings.binary_search_by(|h| h.seal.cmp(&holding.seal)) {
            Ok(at) => {
                let held = &mut self.holdings[at];
                for path in holding.paths {
                    if !held.paths.contains(&path) {
                        held.paths.push(path);
                    }
                }
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

    /// Where the bytes of each file are, as absolute paths.
    pub fn places(&self, evidence_dir: &Path) -> BTreeMap<Seal, PathBuf> {
        self.holdings.iter().map(|h| (h.seal.clone(), h.path(evidence_dir))).collect()
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

/// Copies a file into the evidence folder under its seal, read-only; returns its place below that folder. A copy that
/// is there already is left alone.
///
/// # Errors
/// If the file cannot be read or the copy cannot be written.
pub(crate) fn copy_in(evidence_dir: &Path, from: &Path, seal: &Seal) -> Result<PathBuf, CaseError> {
    let place = PathBuf::from(&seal.0);
    let to = evidence_dir.join(&place);
    if to.exists() {
        return Ok(place);
    }
    let draft = to.with_extension("draft");
    let write = |source| CaseError::Write { path: draft.clone(), source };
    let mut source = File::open(from).map_err(|source| CaseError::Read { path: from.to_owned(), source })?;
    let mut copy = File::create(&draft).map_err(write)?;
    io::copy(&mut source, &mut copy).map_err(write)?;
    let mut permissions = copy.metadata().map_err(write)?.permissions();
    permissions.set_readonly(true);
    copy.set_permissions(permissions).map_err(write)?;
    copy.sync_all().map_err(write)?;
    fs::rename(&draft, &to).map_err(write)?;
    Ok(place)
}

/// Writes a file, whole or not at all.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), CaseError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".draft");
    let draft = path.with_file_name(name);
    let write = |source| CaseError::Write { path: path.to_owned(), source };
    let mut file = File::create(&draft).map_err(write)?;
    io::Write::write_all(&mut file, bytes).map_err(write)?;
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
        let seal = Seal("ab12".to_owned());
        let place = copy_in(dir.path(), &from, &seal).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join(&place)).unwrap(), "abc");
        assert_eq!(copy_in(dir.path(), &from, &seal).unwrap(), place);
    }
}
