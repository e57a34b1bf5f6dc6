//! The tables, and how an older database becomes one of this version.

use super::Database;
use crate::error::CaseError;
use sqlx::Connection;

/// Each step takes a database from the version of its index to the next. Steps are only ever added.
const STEPS: &[&str] = &["
CREATE TABLE ledger_head (one INTEGER PRIMARY KEY CHECK (one = 1), entries INTEGER NOT NULL, hash TEXT NOT NULL);
CREATE TABLE stage (
    name TEXT PRIMARY KEY, state TEXT NOT NULL CHECK (state IN ('begun', 'done')), inputs TEXT NOT NULL,
    begun_at_us INTEGER NOT NULL, took_us INTEGER, bytes INTEGER, events INTEGER
);
CREATE TABLE file (
    seal TEXT NOT NULL, path TEXT NOT NULL, source TEXT NOT NULL, reading TEXT NOT NULL, format TEXT,
    bytes INTEGER NOT NULL, events INTEGER NOT NULL, unread_lines INTEGER NOT NULL, account TEXT NOT NULL,
    PRIMARY KEY (source, seal, path)
);
CREATE TABLE finding (
    position INTEGER PRIMARY KEY, detection TEXT NOT NULL, severity TEXT NOT NULL, confidence REAL NOT NULL,
    first_at_us INTEGER NOT NULL, last_at_us INTEGER NOT NULL, events INTEGER NOT NULL, finding TEXT NOT NULL
);
CREATE TABLE identity (
    position INTEGER PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, verdict TEXT NOT NULL,
    confidence REAL NOT NULL, identity TEXT NOT NULL
);
CREATE TABLE ruling (
    kind TEXT NOT NULL, value TEXT NOT NULL, identity TEXT NOT NULL, PRIMARY KEY (kind, value)
);
CREATE TABLE duty (id TEXT PRIMARY KEY, position INTEGER NOT NULL, state_floor TEXT NOT NULL,
    state_ceiling TEXT NOT NULL, due_us INTEGER, duty TEXT NOT NULL);
CREATE TABLE kept (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"];

impl Database {
    /// The version found, and the one that this program writes.
    fn version(&self) -> Result<(i64, i64), CaseError> {
        let (found,): (i64,) = self.reading(sqlx::query_as("PRAGMA user_version").fetch_one(&self.pool))?;
        let known = i64::try_from(STEPS.len()).expect("there are few steps");
        if found > known {
            return Err(CaseError::NewerDatabase { path: self.path.clone(), found, known });
        }
        Ok((found, known))
    }

    /// Refuses a database of another version.
    pub(super) fn check_version(&self) -> Result<(), CaseError> {
        let (found, known) = self.version()?;
        if found < known {
            return Err(CaseError::OlderDatabase { path: self.path.clone(), found, known });
        }
        Ok(())
    }

    /// Runs the steps that are missing, each whole or not at all.
    pub(super) fn bring_up_to_date(&self) -> Result<(), CaseError> {
        let (found, _) = self.version()?;
        let missing = STEPS.iter().zip(1i64..).filter(|(_, version)| *version > found);
        for (step, version) in missing {
            self.writing(async {
                let mut connection = self.pool.acquire().await?;
                let mut all = connection.begin().await?;
                sqlx::raw_sql(*step).execute(&mut *all).await?;
                let set = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {version}"));
                sqlx::raw_sql(set).execute(&mut *all).await?;
                all.commit().await
            })?;
        }
        Ok(())
    }
}
