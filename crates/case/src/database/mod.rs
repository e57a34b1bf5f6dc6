//! The case's SQLite database, behind plain functions: sqlx runs on a runtime of its own inside.

mod results;
mod schema;
mod stages;

pub use results::KeptAccount;

use crate::error::CaseError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use stanch_ledger::Head;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use tokio::runtime::Runtime;

/// The case's database. Not to be called from inside an async runtime.
pub struct Database {
    path: PathBuf,
    pool: SqlitePool,
    runtime: Runtime,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the database, making it or bringing it up to this program's version.
    ///
    /// # Errors
    /// If it cannot be opened, or was made by a newer program.
    pub fn open(path: &Path) -> Result<Database, CaseError> {
        let database = Database::connect(path, false)?;
        database.bring_up_to_date()?;
        Ok(database)
    }

    /// Opens the database to read it; the file stays as it is.
    ///
    /// # Errors
    /// If it cannot be opened, or is not of this program's version.
    pub fn open_to_read(path: &Path) -> Result<Database, CaseError> {
        let database = Database::connect(path, true)?;
        database.check_version()?;
        Ok(database)
    }

    fn connect(path: &Path, read_only: bool) -> Result<Database, CaseError> {
        let opening = |source| CaseError::Database { doing: "open", path: path.to_owned(), source };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| opening(sqlx::Error::Io(e)))?;
        // One file that can be copied at any time between commands: a rollback journal, not a write-ahead log.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(!read_only)
            .read_only(read_only)
            .foreign_keys(true)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(std::time::Duration::from_secs(30));
        let pool =
            runtime.block_on(SqlitePoolOptions::new().max_connections(1).connect_with(options)).map_err(opening)?;
        Ok(Database { path: path.to_owned(), pool, runtime })
    }

    /// The ledger's head as last recorded.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn head(&self) -> Result<Option<Head>, CaseError> {
        let row: Option<(i64, String)> =
            self.reading(sqlx::query_as("SELECT entries, hash FROM ledger_head").fetch_optional(&self.pool))?;
        Ok(row.map(|(entries, hash)| Head { entries: entries.unsigned_abs(), hash }))
    }

    pub(crate) fn keep_head(&self, head: &Head) -> Result<(), CaseError> {
        let set = sqlx::query("INSERT OR REPLACE INTO ledger_head (one, entries, hash) VALUES (1, ?, ?)")
            .bind(signed(head.entries))
            .bind(&head.hash);
        self.writing(set.execute(&self.pool)).map(drop)
    }

    fn reading<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, CaseError> {
        self.doing("read", work)
    }

    fn writing<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, CaseError> {
        self.doing("write to", work)
    }

    fn doing<T>(
        &self,
        doing: &'static str,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, CaseError> {
        self.runtime.block_on(work).map_err(|source| CaseError::Database { doing, path: self.path.clone(), source })
    }

    fn read_json<T: DeserializeOwned>(&self, text: &str) -> Result<T, CaseError> {
        serde_json::from_str(text).map_err(|source| CaseError::Damaged { path: self.path.clone(), source })
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("the case's values have string keys and nothing that refuses to serialise")
}

/// SQLite's integers are signed; counts beyond its range do not occur and would be cut to its end.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
