//! How evidence came to be handed over, as a person tells it. The text stands in `evidence/acquisitions.json`, and its
//! digest in the ledger and beside each file: it may name people.

use crate::custody::replace_file;
use crate::error::CaseError;
use serde::{Deserialize, Serialize};
use stanch_ledger::sha256;
use stanch_model::Instant;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where evidence was taken from, by whom, with what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acquisition {
    /// From where: host, path, device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Who took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<String>,
    /// When it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Instant>,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Acquisition {
    /// Whether nothing is told.
    pub fn is_empty(&self) -> bool {
        *self == Acquisition::default()
    }

    /// What names it in the ledger: the SHA-256 of its JSON, keys in the order of the fields, without spaces.
    pub fn digest(&self) -> String {
        sha256(&serde_json::to_vec(self).expect("an acquisition holds only strings"))
    }

    /// In words, in one line.
    pub fn words(&self) -> String {
        let Acquisition { from, taken_by, taken_at, tool, note } = self;
        let said = |what: &str, text: &Option<String>| text.as_ref().map(|text| format!("{what}{text}"));
        let at = taken_at.map(|at| format!("at {at}"));
        let parts = [said("from ", from), said("by ", taken_by), at, said("with ", tool)];
        let taken: Vec<String> = parts.into_iter().flatten().collect();
        let taken = if taken.is_empty() { String::new() } else { format!("taken {}", taken.join(", ")) };
        [taken, note.clone().unwrap_or_default()].into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

/// `evidence/acquisitions.json`: every acquisition, by its digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Acquisitions(BTreeMap<String, Acquisition>);

impl Acquisitions {
    /// Reads those of an evidence folder; a file that is not there holds none.
    ///
    /// # Errors
    /// If it cannot be read or is something else.
    pub fn read(evidence_dir: &Path) -> Result<Acquisitions, CaseError> {
        let path = path(evidence_dir);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| CaseError::Damaged { path, source }),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Acquisitions::default()),
            Err(source) => Err(CaseError::Read { path, source }),
        }
    }

    /// Adds one and writes them all, whole or not at all.
    ///
    /// # Errors
    /// If they cannot be read or written.
    pub fn add(evidence_dir: &Path, acquisition: &Acquisition) -> Result<(), CaseError> {
        let mut all = Acquisitions::read(evidence_dir)?;
        all.0.insert(acquisition.digest(), acquisition.clone());
        let mut text = serde_json::to_string_pretty(&all).expect("acquisitions hold only strings");
        text.push('\n');
        replace_file(&path(evidence_dir), text.as_bytes())
    }

    /// The one of that digest.
    pub fn get(&self, digest: &str) -> Option<&Acquisition> {
        self.0.get(digest)
    }

    /// Digests under which something else stands: it was changed after it was put on record.
    pub fn changed(&self) -> Vec<&str> {
        self.0.iter().filter(|(digest, told)| told.digest() != **digest).map(|(digest, _)| digest.as_str()).collect()
    }
}

fn path(evidence_dir: &Path) -> PathBuf {
    evidence_dir.join("acquisitions.json")
}

/// What the source's file system says of a file, when it was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFacts {
    /// When it was last modified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Instant>,
    /// The owner's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_uid: Option<u32>,
    /// Who may do what with it, in octal: `0640`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

impl FileFacts {
    /// From the operating system's own record.
    pub fn of(metadata: &fs::Metadata) -> FileFacts {
        let since = metadata.modified().ok().and_then(|t| jiff::Timestamp::try_from(t).ok());
        #[cfg(unix)]
        let (owner_uid, mode) = {
            use std::os::unix::fs::MetadataExt;
            (Some(metadata.uid()), Some(format!("{:04o}", metadata.mode() & 0o7777)))
        };
        #[cfg(not(unix))]
        let (owner_uid, mode) = (None, None);
        FileFacts { modified: since.map(Instant::from), owner_uid, mode }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Acquisition {
        Acquisition {
            from: Some("web01:/var/log/nginx".to_owned()),
            taken_by: Some("A. Admin".to_owned()),
            taken_at: None,
            tool: Some("rsync 3.4".to_owned()),
            note: Some("rotated at midnight".to_owned()),
        }
    }

    #[test]
    fn an_acquisition_is_kept_once_under_its_digest_and_a_changed_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        Acquisitions::add(dir.path(), &told()).unwrap();
        Acquisitions::add(dir.path(), &told()).unwrap();
        let read = Acquisitions::read(dir.path()).unwrap();
        assert_eq!((read.get(&told().digest()), read.0.len()), (Some(&told()), 1));
        assert!(read.changed().is_empty());
        let text = fs::read_to_string(path(dir.path())).unwrap().replace("web01", "web02");
        fs::write(path(dir.path()), text).unwrap();
        assert_eq!(Acquisitions::read(dir.path()).unwrap().changed(), [told().digest()]);
    }

    #[test]
    fn it_reads_as_a_sentence() {
        insta::assert_snapshot!(told().words(), @"taken from web01:/var/log/nginx, by A. Admin, with rsync 3.4; rotated at midnight");
        let note = Acquisition { note: Some("handed over on a stick".to_owned()), ..Acquisition::default() };
        assert_eq!(note.words(), "handed over on a stick");
        assert!(!note.is_empty() && Acquisition::default().is_empty());
    }
}
