//! A folder that is made apart and takes its place as a whole.

use crate::error::CaseError;
use std::fs;
use std::path::{Path, PathBuf};

/// A derived folder while it is being made: `exposure.draft` next to `exposure`. Dropped without [`Draft::put`], it
/// is thrown away and what stood there stays.
#[derive(Debug)]
pub struct Draft {
    place: PathBuf,
    draft: PathBuf,
    put: bool,
}

impl Draft {
    /// Begins a new version of the folder at `place`. What an interrupted command left of an earlier draft is removed.
    ///
    /// # Errors
    /// If the folders cannot be made or removed.
    pub fn begin(place: &Path) -> Result<Draft, CaseError> {
        let draft = beside(place, "draft");
        recover(place)?;
        remove(&draft)?;
        fs::create_dir_all(&draft).map_err(|source| CaseError::Write { path: draft.clone(), source })?;
        Ok(Draft { place: place.to_owned(), draft, put: false })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.draft
    }

    /// Puts the draft in the old folder's place.
    ///
    /// # Errors
    /// If it cannot be moved. The old folder then stands, or is put back by the next [`Draft::begin`].
    pub fn put(mut self) -> Result<(), CaseError> {
        let old = beside(&self.place, "old");
        let write = |path: &Path| {
            let path = path.to_owned();
            move |source| CaseError::Write { path, source }
        };
        if self.place.exists() {
            remove(&old)?;
            fs::rename(&self.place, &old).map_err(write(&self.place))?;
        }
        fs::rename(&self.draft, &self.place).map_err(write(&self.place))?;
        self.put = true;
        remove(&old)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.put {
            // Nothing depends on it being gone; the next draft removes it too.
            let _ = fs::remove_dir_all(&self.draft);
        }
    }
}

/// Puts back a folder that was moved aside by a command that was interrupted before its new version was in place.
fn recover(place: &Path) -> Result<(), CaseError> {
    let old = beside(place, "old");
    if !place.exists() && old.exists() {
        fs::rename(&old, place).map_err(|source| CaseError::Write { path: place.to_owned(), source })?;
    }
    Ok(())
}

fn remove(dir: &Path) -> Result<(), CaseError> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(CaseError::Write { path: dir.to_owned(), source: e }),
        _ => Ok(()),
    }
}

fn beside(place: &Path, suffix: &str) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    place.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dir: &Path) -> Option<String> {
        fs::read_to_string(dir.join("x")).ok()
    }

    #[test]
    fn a_draft_takes_the_old_folders_place_as_a_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("exposure");
        let first = Draft::begin(&place).unwrap();
        fs::write(first.path().join("x"), "1").unwrap();
        assert_eq!(read(&place), None);
        first.put().unwrap();
        assert_eq!(read(&place).as_deref(), Some("1"));
        let second = Draft::begin(&place).unwrap();
        fs::write(second.path().join("x"), "2").unwrap();
        drop(second);
        assert_eq!(read(&place).as_deref(), Some("1"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_command_that_stopped_between_the_two_moves_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("exposure");
        fs::create_dir(dir.path().join("exposure.old")).unwrap();
        fs::write(dir.path().join("exposure.old/x"), "1").unwrap();
        drop(Draft::begin(&place).unwrap());
        assert_eq!(read(&place).as_deref(), Some("1"));
    }
}
