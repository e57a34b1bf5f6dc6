//! Why exposure could not be judged at all. What can be judged in part never ends here: it widens the ceiling.

use stanch_lake::LakeError;
use std::path::PathBuf;

/// Exposure could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    /// There is no data of the store to replay on.
    #[error("there is no snapshot of the store's data to replay the intruder's statements on")]
    NoSnapshot,
    /// The accounts' table is not in the snapshot.
    #[error("the platform pack says that accounts stand in table {table:?}, which the snapshot does not have")]
    NoAccounts {
        /// The table.
        table: String,
    },
    /// A mapped column is missing.
    #[error("the platform pack maps column {column:?} of table {table:?}, which the snapshot does not have")]
    NoColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The snapshot's catalog cannot be read.
    #[error("could not read what the snapshot says about its tables")]
    Catalog {
        /// Why.
        #[source]
        source: stanch_snapshot::SnapshotError,
    },
    /// Events or tables could not be read.
    #[error("could not {doing}")]
    Lake {
        /// `read the intruder's events`, …
        doing: &'static str,
        /// Why.
        #[source]
        source: LakeError,
    },
    /// The matrix could not be written.
    #[error("could not write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl ScopeError {
    pub(crate) fn lake(doing: &'static str) -> impl FnOnce(LakeError) -> ScopeError {
        move |source| ScopeError::Lake { doing, source }
    }
}
