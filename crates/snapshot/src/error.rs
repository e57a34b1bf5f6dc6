//! Why a snapshot could not be loaded at all.

use std::io;
use std::path::PathBuf;

/// Loading a snapshot failed as a whole. Bad rows never come here.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The store file names none, or several, of the three kinds of source.
    #[error("a snapshot needs exactly one of file, folder and postgres; the store file gives {given}")]
    NotOneSource {
        /// How many it gives.
        given: usize,
    },
    /// The file or folder cannot be opened.
    #[error("cannot open the snapshot {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Reading it failed for a reason that is not a cut file.
    #[error("cannot read the snapshot {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A pg_dump in one of its binary formats.
    #[error("{} is a pg_dump archive in {format} format; make a plain dump of it: pg_restore --file=dump.sql {}", path.display(), path.display())]
    Archive {
        /// Which file.
        path: PathBuf,
        /// `custom` or `tar`.
        format: &'static str,
    },
    /// Nothing in it defines or fills a table.
    #[error("{} holds no table; a plain pg_dump, a folder of CSV or Parquet files, or a connection string is expected", path.display())]
    NoTables {
        /// Which file or folder.
        path: PathBuf,
    },
    /// The output folder cannot be written.
    #[error("cannot write the snapshot's tables to {}", path.display())]
    Out {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A table's Parquet file cannot be written.
    #[error("cannot write table {table}")]
    Table {
        /// Which table.
        table: String,
        /// What the lake says.
        source: stanch_lake::LakeError,
    },
    /// A table's rows cannot be written.
    #[error("cannot write the rows of table {table}")]
    Row {
        /// Which table.
        table: String,
        /// What the lake says.
        source: stanch_lake::CellError,
    },
    /// `catalog.json` cannot be read back.
    #[error("{} is not a catalog of this version", path.display())]
    Catalog {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The connection string cannot be understood. It is not repeated, since it may hold a password.
    #[error(
        "the connection string is not understood; write it as postgres://user@host:5432/database and give the password in PGPASSWORD"
    )]
    ConnectionString,
    /// The server cannot be reached or refuses.
    #[error(
        "cannot connect to PostgreSQL at {at}; its host, port, role and pg_hba.conf must allow it (TLS is not spoken yet: use a local socket or a tunnel)"
    )]
    Connect {
        /// Host and database, never the password.
        at: String,
        /// What the server or system says.
        source: tokio_postgres::Error,
    },
    /// A question to the server failed.
    #[error("PostgreSQL refused while {doing}")]
    Query {
        /// What was being done.
        doing: String,
        /// What the server says.
        source: tokio_postgres::Error,
    },
}
