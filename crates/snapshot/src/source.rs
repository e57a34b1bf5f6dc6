//! Which kind of source a snapshot comes from.

use crate::error::SnapshotError;
use stanch_model::store::SnapshotSource;
use std::path::{Path, PathBuf};

/// A snapshot's source, one module a kind.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// A plain dump written by pg_dump, maybe gzip or zstd.
    Dump(PathBuf),
    /// A folder of CSV or Parquet files, one a table.
    Folder(PathBuf),
    /// A live PostgreSQL by its connection string, which may hold a password: this type has no `Debug`.
    Postgres(String),
}

impl Source {
    /// The source that a store file's entry names.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::NotOneSource`] unless exactly one of `file`, `folder` and `postgres` is given.
    pub fn of(entry: &SnapshotSource, base: &Path) -> Result<Source, SnapshotError> {
        match (&entry.file, &entry.folder, &entry.postgres) {
            (Some(file), None, None) => Ok(Source::Dump(base.join(file))),
            (None, Some(folder), None) => Ok(Source::Folder(base.join(folder))),
            (None, None, Some(url)) => Ok(Source::Postgres(url.clone())),
            (file, folder, url) => {
                let given = usize::from(file.is_some()) + usize::from(folder.is_some()) + usize::from(url.is_some());
                Err(SnapshotError::NotOneSource { given })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_has_exactly_one_source() {
        let mut entry = SnapshotSource { file: None, folder: None, postgres: None, taken_at: None };
        assert!(matches!(Source::of(&entry, Path::new("/s")), Err(SnapshotError::NotOneSource { given: 0 })));
        entry.file = Some("before.sql.gz".into());
        assert!(Source::of(&entry, Path::new("/s")).is_ok_and(|s| s == Source::Dump("/s/before.sql.gz".into())));
        entry.folder = Some("csv".into());
        assert!(matches!(Source::of(&entry, Path::new("/s")), Err(SnapshotError::NotOneSource { given: 2 })));
    }
}
