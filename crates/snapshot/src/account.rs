//! What came of loading a snapshot.

use crate::catalog::{Column, ForeignKey};
use serde::{Deserialize, Serialize};
use stanch_model::evidence::Seal;
use stanch_model::time::Instant;

/// The account of one snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotAccount {
    /// The SHA-256 of the dump's bytes as handed over; for a folder or a live database, of its manifest: one line a
    /// table, its name, a tab, the SHA-256 of its content and a newline, sorted by name.
    pub seal: Seal,
    /// What it was loaded from: `pg_dump`, `folder`, `postgresql`.
    pub kind: String,
    /// Its time: as the store file states, else as the source says, else unknown.
    pub taken_at: Option<Instant>,
    /// Bytes read of the source (compressed bytes where it is compressed).
    pub bytes: u64,
    /// Its tables, by name.
    pub tables: Vec<TableAccount>,
    /// Anything else that a reader must know.
    pub remarks: Vec<String>,
    /// Whether all of the source was read. Where not, a remark says what is missing, and nothing may be ruled out. A
    /// source that is whole and leaves the rows of some tables out is complete; those tables are `cut`.
    pub complete: bool,
}

impl SnapshotAccount {
    /// The account of the table of that name (schema-qualified if not in `public`).
    pub fn table(&self, name: &str) -> Option<&TableAccount> {
        self.tables.binary_search_by(|t| t.name.as_str().cmp(name)).ok().map(|i| &self.tables[i])
    }
}

/// The account of one table. Invariant: the rows that the source offered are `rows + bad_rows`; the rows that a table
/// has from its partitions or children are in `rows` and again in theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableAccount {
    /// Its name, schema-qualified if not in `public`.
    pub name: String,
    /// The Parquet file beside the catalog.
    pub file: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Rows written.
    pub rows: u64,
    /// The primary key's columns; empty where there is none.
    pub keys: Vec<String>,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Rows that could not be kept.
    pub bad_rows: u64,
    /// Why, most frequent first; the counts sum to `bad_rows`.
    pub bad: Vec<Flaw>,
    /// Cells that could not be kept as they were, in rows that were: set to NULL since they do not fit the declared type, or
    /// with foreign bytes replaced.
    pub mended: Vec<Flaw>,
    /// Whether rows of it are known to be missing: the source ended inside it, or left them out.
    pub cut: bool,
}

/// Something wrong with some rows or cells, all for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaw {
    /// Why, in words, without the data.
    pub reason: String,
    /// How many.
    pub count: u64,
}
