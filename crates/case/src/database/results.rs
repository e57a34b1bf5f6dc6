//! What the stages made: accounts, findings, identities, duties, and single values by name.

use super::{Database, json, signed};
use crate::error::CaseError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use stanch_model::duty::Duty;
use stanch_model::{FileAccount, Finding, Identity, Intruder, Seal};

/// The account of one text that was read: a file, or a member of an archive.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptAccount {
    /// Seal of the file as it was handed over; for a member, of its archive.
    pub source: Seal,
    /// Digest of how it was read: formats, what the store file says. Another digest means that it has to be read anew.
    pub reading: String,
    /// The account.
    pub account: FileAccount,
}

impl Database {
    /// Keeps the accounts of one source file, in place of those of an earlier reading.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn keep_accounts(&self, source: &Seal, reading: &str, accounts: &[FileAccount]) -> Result<(), CaseError> {
        self.writing(async {
            let mut all = self.pool.begin().await?;
            sqlx::query("DELETE FROM file WHERE source = ?").bind(&source.0).execute(&mut *all).await?;
            for account in accounts {
                sqlx::query(
                    "INSERT INTO file (seal, path, source, reading, format, bytes, events, unread_lines, account)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                )
                .bind(&account.seal.0)
                .bind(&account.path)
                .bind(&source.0)
                .bind(reading)
                .bind(&account.format)
                .bind(signed(account.bytes))
                .bind(signed(account.events))
                .bind(signed(account.unread_lines()))
                .bind(json(account))
                .execute(&mut *all)
                .await?;
            }
            all.commit().await
        })
    }

    /// Forgets the accounts of one source file: its events are about to be made anew.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn forget_accounts(&self, source: &Seal) -> Result<(), CaseError> {
        let delete = sqlx::query("DELETE FROM file WHERE source = ?").bind(&source.0);
        self.writing(delete.execute(&self.pool)).map(drop)
    }

    /// Every account, by path.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn accounts(&self) -> Result<Vec<KeptAccount>, CaseError> {
        let query = sqlx::query_as("SELECT source, reading, account FROM file ORDER BY path, seal");
        let rows: Vec<(String, String, String)> = self.reading(query.fetch_all(&self.pool))?;
        let kept = |(source, reading, account): (String, String, String)| {
            Ok(KeptAccount { source: Seal(source), reading, account: self.read_json(&account)? })
        };
        rows.into_iter().map(kept).collect()
    }

    /// Keeps the findings, in their order, in place of earlier ones.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn keep_findings(&self, findings: &[Finding]) -> Result<(), CaseError> {
        self.writing(async {
            let mut all = self.pool.begin().await?;
            sqlx::query("DELETE FROM finding").execute(&mut *all).await?;
            for (position, finding) in (1i64..).zip(findings) {
                sqlx::query("INSERT INTO finding VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
                    .bind(position)
                    .bind(&finding.detection)
                    .bind(format!("{:?}", finding.severity).to_lowercase())
                    .bind(finding.confidence)
                    .bind(finding.window.from.0)
                    .bind(finding.window.to.0)
                    .bind(signed(finding.events))
                    .bind(json(finding))
                    .execute(&mut *all)
                    .await?;
            }
            all.commit().await
        })
    }

    /// The findings, in their order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn findings(&self) -> Result<Vec<Finding>, CaseError> {
        self.json_rows("SELECT finding FROM finding ORDER BY position")
    }

    /// Keeps the intruder, in place of an earlier one.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn keep_intruder(&self, intruder: &Intruder) -> Result<(), CaseError> {
        self.writing(async {
            let mut all = self.pool.begin().await?;
            sqlx::query("DELETE FROM identity").execute(&mut *all).await?;
            for (position, identity) in (1i64..).zip(&intruder.identities) {
                sqlx::query("INSERT INTO identity VALUES (?, ?, ?, ?, ?, ?)")
                    .bind(position)
                    .bind(identity.kind.word())
                    .bind(&identity.value)
                    .bind(format!("{:?}", identity.verdict).to_lowercase())
                    .bind(identity.confidence)
                    .bind(json(identity))
                    .execute(&mut *all)
                    .await?;
            }
            all.commit().await
        })
    }

    /// The intruder: every identity, accepted or not.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn intruder(&self) -> Result<Intruder, CaseError> {
        Ok(Intruder { identities: self.json_rows("SELECT identity FROM identity ORDER BY position")? })
    }

    /// Keeps what a person ruled on an identity. Rulings outlive detection: they are applied to every new proposal.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn keep_ruling(&self, identity: &Identity) -> Result<(), CaseError> {
        let set = sqlx::query("INSERT OR REPLACE INTO ruling (kind, value, identity) VALUES (?, ?, ?)")
            .bind(identity.kind.word())
            .bind(&identity.value)
            .bind(json(identity));
        self.writing(set.execute(&self.pool)).map(drop)
    }

    /// What persons ruled, by kind and value.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn rulings(&self) -> Result<Vec<Identity>, CaseError> {
        self.json_rows("SELECT identity FROM ruling ORDER BY kind, value")
    }

    /// Keeps the duties, in their order, in place of earlier ones.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn keep_duties(&self, duties: &[Duty]) -> Result<(), CaseError> {
        self.writing(async {
            let mut all = self.pool.begin().await?;
            sqlx::query("DELETE FROM duty").execute(&mut *all).await?;
            for (position, duty) in (1i64..).zip(duties) {
                sqlx::query("INSERT INTO duty VALUES (?, ?, ?, ?, ?, ?)")
                    .bind(&duty.id)
                    .bind(position)
                    .bind(duty.floor.state.word())
                    .bind(duty.ceiling.state.word())
                    .bind(duty.due.map(|at| at.0))
                    .bind(json(duty))
                    .execute(&mut *all)
                    .await?;
            }
            all.commit().await
        })
    }

    /// The duties, in their order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn duties(&self) -> Result<Vec<Duty>, CaseError> {
        self.json_rows("SELECT duty FROM duty ORDER BY position")
    }

    /// Keeps one value by name: `timeline`, `snapshot.before`.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn keep(&self, name: &str, value: &impl Serialize) -> Result<(), CaseError> {
        let set = sqlx::query("INSERT OR REPLACE INTO kept (name, value) VALUES (?, ?)").bind(name).bind(json(value));
        self.writing(set.execute(&self.pool)).map(drop)
    }

    /// Forgets a value.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn forget(&self, name: &str) -> Result<(), CaseError> {
        self.writing(sqlx::query("DELETE FROM kept WHERE name = ?").bind(name).execute(&self.pool)).map(drop)
    }

    /// A value by name, if it was kept.
    ///
    /// # Errors
    /// If the database cannot be read, or the value is of another shape.
    pub fn kept<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, CaseError> {
        let query = sqlx::query_as("SELECT value FROM kept WHERE name = ?").bind(name);
        let row: Option<(String,)> = self.reading(query.fetch_optional(&self.pool))?;
        row.map(|(text,)| self.read_json(&text)).transpose()
    }

    fn json_rows<T: DeserializeOwned>(&self, sql: &'static str) -> Result<Vec<T>, CaseError> {
        let rows: Vec<(String,)> = self.reading(sqlx::query_as(sql).fetch_all(&self.pool))?;
        rows.iter().map(|(text,)| self.read_json(text)).collect()
    }
}
