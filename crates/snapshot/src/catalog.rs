//! `catalog.json`: what the source says about its tables, beside the tables. Scope expands views, needs keys, and bounds
//! with the grants what a database role can have reached.

use crate::error::SnapshotError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The file's name.
pub const FILE_NAME: &str = "catalog.json";

/// What the source says about its tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// What it was loaded from: `pg_dump`, `folder`, `postgresql`.
    pub kind: String,
    /// The server's version as the source states it.
    pub server_version: Option<String>,
    /// The encoding of the source's text, as stated. Tables hold UTF-8 whatever it was.
    pub encoding: Option<String>,
    /// Tables, by name.
    pub tables: Vec<Table>,
    /// Views, by name.
    pub views: Vec<View>,
    /// Sequences, by name.
    pub sequences: Vec<Sequence>,
    /// Functions and procedures of the store's own, by name. What they read is not known.
    pub functions: Vec<Function>,
    /// Role → what it was granted. `PUBLIC` is everybody. An owner may do everything with what it owns.
    pub grants: BTreeMap<String, Vec<Grant>>,
    /// Role → roles that it is a member of (in dumps of a whole cluster, and of live databases).
    pub members: BTreeMap<String, Vec<String>>,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name, schema-qualified if not in `public`.
    pub name: String,
    /// The Parquet file beside the catalog.
    pub file: String,
    /// Columns, in order.
    pub columns: Vec<Column>,
    /// The primary key's columns; empty where there is none.
    pub primary_key: Vec<String>,
    /// Further sets of columns that are unique.
    pub unique: Vec<Vec<String>>,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Tables whose partition or child it is. Its rows are in theirs too.
    pub parents: Vec<String>,
    /// The owning role, if stated.
    pub owner: Option<String>,
    /// `table`, `partitioned table`, `foreign table`, `materialized view`, `csv` or `parquet`.
    pub kind: String,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The SQL type as declared: `character varying(254)`.
    pub declared: String,
    /// The type that it has in Parquet: `bool`, `int`, `decimal(2)`, `float`, `text`, `date`, `timestamp`, `bytes`.
    pub stored: String,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// For a generated column: its expression. A dump does not hold its values.
    pub generated: Option<String>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Columns of this table.
    pub columns: Vec<String>,
    /// The table that they point to, schema-qualified if not in `public`.
    pub table: String,
    /// Its columns; empty means its primary key.
    pub references: Vec<String>,
}

/// A view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Its name, schema-qualified if not in `public`.
    pub name: String,
    /// Its query, as the source writes it, without a last semicolon.
    pub sql: String,
    /// Its columns, if the source names them.
    pub columns: Vec<String>,
    /// Whether it is materialized; its rows then date from its last refresh.
    pub materialized: bool,
    /// The owning role, if stated: a view reads with its owner's rights.
    pub owner: Option<String>,
}

/// A sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Its name, schema-qualified if not in `public`.
    pub name: String,
    /// Its last value, if stated: an upper bound of the ids given out.
    pub last_value: Option<i64>,
}

/// A function or procedure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its name, schema-qualified if not in `public`.
    pub name: String,
    /// Whether it runs with its owner's rights, so that a caller reaches more than its own grants.
    pub security_definer: bool,
}

/// What a role was granted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// `table` (also views), `sequence`, `schema`, `function`, `database`, …
    pub object: String,
    /// Its name, schema-qualified if not in `public`.
    pub name: String,
    /// `ALL`, or the privileges: `SELECT`, `UPDATE`, …
    pub privileges: Vec<String>,
    /// The columns it is limited to; empty means all.
    pub columns: Vec<String>,
}

impl Catalog {
    /// The table of that name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|t| t.name == name)
    }

    /// The view of that name.
    pub fn view(&self, name: &str) -> Option<&View> {
        self.views.iter().find(|v| v.name == name)
    }

    /// Reads the catalog that [`crate::load`] wrote into `dir`.
    ///
    /// # Errors
    ///
    /// When there is none, or it is not of this version.
    pub fn read(dir: &Path) -> Result<Catalog, SnapshotError> {
        let path = dir.join(FILE_NAME);
        let text = std::fs::read(&path).map_err(|source| SnapshotError::Read { path: path.clone(), source })?;
        serde_json::from_slice(&text).map_err(|source| SnapshotError::Catalog { path, source })
    }

    /// Writes it into `dir`, sorted, so that the same source gives the same bytes.
    pub(crate) fn write(&mut self, dir: &Path) -> Result<(), SnapshotError> {
        self.tables.sort_by(|a, b| a.name.cmp(&b.name));
        self.views.sort_by(|a, b| a.name.cmp(&b.name));
        self.sequences.sort_by(|a, b| a.name.cmp(&b.name));
        self.functions.sort_by(|a, b| (&a.name, a.security_definer).cmp(&(&b.name, b.security_definer)));
        self.functions.dedup();
        for granted in self.grants.values_mut() {
            granted.sort();
            granted.dedup();
        }
        for roles in self.members.values_mut() {
            roles.sort();
            roles.dedup();
        }
        let path = dir.join(FILE_NAME);
        let mut text =
            serde_json::to_vec_pretty(self).map_err(|source| SnapshotError::Catalog { path: path.clone(), source })?;
        text.push(b'\n');
        std::fs::write(&path, text).map_err(|source| SnapshotError::Out { path, source })
    }
}
