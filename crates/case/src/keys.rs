//! The keys that sign a case's ledger. They are kept with the user, not with the case: a key that lies beside the ledger
//! proves nothing against somebody who holds the folder.

use crate::custody::replace_file;
use crate::error::CaseError;
use stanch_ledger::{Key, KeyError, NotAHead, SignedHead};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Digits of a ledger's id in the names of files that belong to it.
const ID_DIGITS: usize = 12;

/// Where keys are looked for.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The user's folder of keys, one a case.
    pub dir: Option<PathBuf>,
    /// One file to use instead.
    pub file: Option<PathBuf>,
}

/// A key and where it is kept.
#[derive(Debug)]
pub struct KeyFile {
    /// The file.
    pub path: PathBuf,
    /// The key.
    pub key: Key,
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("could not read the key {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("could not write the key {}\nhint: `--key FILE` puts it elsewhere", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{} holds no key", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        source: KeyError,
    },
    /// Others can read it.
    #[error("the key {} can be read by others\nhint: `chmod 600` it; if somebody else may have it, make another", path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
    },
    /// It lies in the case.
    #[error("the key {} lies in the case: whoever holds the folder could sign with it\nhint: keep it elsewhere", path.display())]
    InTheCase {
        /// The file.
        path: PathBuf,
    },
    /// What is kept beside it is no head.
    #[error("{} was written by something else\nhint: move it away; it keeps the head that was last signed", path.display())]
    NotAHead {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        source: NotAHead,
    },
    /// There is nowhere to keep it.
    #[error("there is no folder for keys: neither XDG_CONFIG_HOME nor HOME is set\nhint: `--key FILE` names a file")]
    Nowhere,
}

impl Keys {
    /// The key for the ledger of that id: the file that was named, or the one in the folder. None if there is none yet.
    ///
    /// # Errors
    /// If it cannot be read, is no key, or others can read it.
    pub fn find(&self, id: &str) -> Result<Option<KeyFile>, KeyFileError> {
        let path = match &self.file {
            Some(file) => Some(file.clone()),
            None => self.named_after(id)?,
        };
        path.map_or(Ok(None), |path| read_key(&path))
    }

    /// The file in the folder that is named after that id, whatever the case was called when it was made.
    fn named_after(&self, id: &str) -> Result<Option<PathBuf>, KeyFileError> {
        let Some(dir) = &self.dir else { return Ok(None) };
        let unreadable = |source| KeyFileError::Read { path: dir.clone(), source };
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(unreadable(e)),
        };
        let ending = format!("-{}.key", short(id));
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(&ending)) {
                found.push(path);
            }
        }
        Ok(found.into_iter().min())
    }

    /// Makes the key for the case at `root` from 32 random bytes, and keeps it: readable by its owner only.
    ///
    /// # Errors
    /// If there is nowhere to keep it, it would lie in the case, or it cannot be written.
    pub fn make(&self, root: &Path, id: &str, seed: &[u8; 32]) -> Result<KeyFile, KeyFileError> {
        let path = match (&self.file, &self.dir) {
            (Some(file), _) => file.clone(),
            (None, Some(dir)) => {
                let stem = root.file_stem().unwrap_or_default().to_string_lossy();
                make_private_dir(dir).map_err(|source| KeyFileError::Write { path: dir.clone(), source })?;
                dir.join(format!("{stem}-{}.key", short(id)))
            }
            (None, None) => return Err(KeyFileError::Nowhere),
        };
        let key = Key::from_seed(seed);
        let write = |source| KeyFileError::Write { path: path.clone(), source };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if folder.canonicalize().is_ok_and(|folder| folder.starts_with(root.canonicalize().unwrap_or_default())) {
            return Err(KeyFileError::InTheCase { path });
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(write)?;
        file.write_all(key.pem().as_bytes()).and_then(|()| file.sync_all()).map_err(write)?;
        Ok(KeyFile { path, key })
    }
}

impl KeyFile {
    /// Where the head that was last signed with this key is kept: beside the key, out of reach of who holds the case.
    fn head_path(&self, id: &str) -> PathBuf {
        self.path.with_extension(format!("{}.head", short(id)))
    }

    /// The head that was last signed with this key, if one was.
    ///
    /// # Errors
    /// If it cannot be read, or is none.
    pub fn last_head(&self, id: &str) -> Result<Option<SignedHead>, KeyFileError> {
        let path = self.head_path(id);
        match fs::read_to_string(&path) {
            Ok(text) => {
                SignedHead::from_file(&text).map(Some).map_err(|source| KeyFileError::NotAHead { path, source })
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(KeyFileError::Read { path, source }),
        }
    }

    pub(crate) fn keep_head(&self, head: &SignedHead) -> Result<(), CaseError> {
        replace_file(&self.head_path(&head.case), head.file().as_bytes())
    }
}

fn short(id: &str) -> &str {
    id.get(..ID_DIGITS).unwrap_or(id)
}

fn read_key(path: &Path) -> Result<Option<KeyFile>, KeyFileError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(KeyFileError::Read { path: path.to_owned(), source }),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o077 != 0) {
            return Err(KeyFileError::OpenToOthers { path: path.to_owned() });
        }
    }
    let key = Key::from_pem(&text).map_err(|source| KeyFileError::NotAKey { path: path.to_owned(), source })?;
    Ok(Some(KeyFile { path: path.to_owned(), key }))
}

/// A folder that only its owner can enter; those above it as usual.
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f2a55e0c1d98877665544332211ffeeddccbbaa99887766554433221100ffee";

    fn keys(dir: &Path) -> Keys {
        Keys { dir: Some(dir.join("config/keys")), file: None }
    }

    #[test]
    fn a_key_is_made_once_and_found_under_whatever_name_the_case_has() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("small.case");
        fs::create_dir(&root).unwrap();
        let keys = keys(dir.path());
        assert!(keys.find(ID).unwrap().is_none());
        let made = keys.make(&root, ID, &[7; 32]).unwrap();
        assert!(made.path.ends_with("config/keys/small-3f2a55e0c1d9.key"));
        assert_eq!(keys.find(ID).unwrap().unwrap().key.public(), made.key.public());
        assert!(keys.find(&ID.replace('3', "4")).unwrap().is_none());
        assert!(matches!(keys.make(&root, ID, &[8; 32]), Err(KeyFileError::Write { .. })));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&made.path), mode(made.path.parent().unwrap())), (0o600, 0o700));
            fs::set_permissions(&made.path, fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(keys.find(ID), Err(KeyFileError::OpenToOthers { .. })));
        }
    }

    #[test]
    fn a_key_inside_the_case_and_one_without_a_place_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let inside = Keys { file: Some(dir.path().join("a.key")), ..keys(dir.path()) };
        assert!(matches!(inside.make(dir.path(), ID, &[7; 32]), Err(KeyFileError::InTheCase { .. })));
        assert!(matches!(Keys::default().make(dir.path(), ID, &[7; 32]), Err(KeyFileError::Nowhere)));
        assert!(Keys::default().find(ID).unwrap().is_none());
        let other = Keys { file: Some(dir.path().join("no.key")), dir: None };
        assert!(other.find(ID).unwrap().is_none());
        fs::write(dir.path().join("no.key"), "hello").unwrap();
        assert!(other.find(ID).is_err());
    }
}
