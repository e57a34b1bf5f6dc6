//! What can go wrong between a plan and a Parquet file.

use datafusion::error::DataFusionError;
use std::path::PathBuf;

/// An operation of the lake failed.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The operating system refused.
    #[error("could not {doing} {}", path.display())]
    Io {
        /// `create`, `rename`, …
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A Parquet file could not be written or read.
    #[error("could not {doing} the table {}", path.display())]
    Parquet {
        /// `write`, `finish`, `read`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: datafusion::parquet::errors::ParquetError,
    },
    /// What was read back is not what was written.
    #[error("the events in {} are not all that were written; is the disk failing?", path.display())]
    NotAsWritten {
        /// The file.
        path: PathBuf,
    },
    /// Columns do not fit together.
    #[error("could not lay out columns for {what}")]
    Columns {
        /// Of what.
        what: String,
        /// Why.
        #[source]
        source: datafusion::arrow::error::ArrowError,
    },
    /// The engine rejected or could not finish a query. The query itself is not repeated: it may hold personal data.
    #[error("the query engine could not {doing}")]
    Query {
        /// `plan the query`, `run the query`, `register events`.
        doing: &'static str,
        /// Why.
        #[source]
        source: DataFusionError,
    },
}

impl LakeError {
    pub(crate) fn query(doing: &'static str) -> impl FnOnce(DataFusionError) -> LakeError {
        move |source| LakeError::Query { doing, source }
    }

    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> LakeError {
        let path = path.into();
        move |source| LakeError::Io { doing, path, source }
    }

    pub(crate) fn parquet(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(datafusion::parquet::errors::ParquetError) -> LakeError {
        let path = path.into();
        move |source| LakeError::Parquet { doing, path, source }
    }
}
