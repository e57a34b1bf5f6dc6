//! A live PostgreSQL, read in one read-only transaction, so that all tables are of one moment. Its rows come by COPY in the same
//! text form as a dump's.

mod describe;

use crate::account::SnapshotAccount;
use crate::bytes::{self, hex};
use crate::dump::{CopyRow, Encoding};
use crate::error::SnapshotError;
use crate::tables::{Rows, Tables};
use describe::{Relation, describe};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use stanch_model::Instant;
use std::path::Path;
use std::pin::pin;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

/// What every session begins with. No search path, so that names come back whole; row security off, so that a policy that would
/// hide rows is an error and not a gap; a limit per statement and none waiting for a lock, so that the store is not held up.
const SESSION: &str = "SET statement_timeout = '30min'; SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '30min'; SET client_encoding = 'UTF8'; SET search_path = ''; \
    SET DateStyle = 'ISO'; SET TimeZone = 'UTC'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; \
    SET extra_float_digits = 3; SET row_security = off; \
    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Loads every table that the role of the connection string may read. A password missing there is taken from `PGPASSWORD`.
pub(crate) fn load(
    url: &str,
    taken_at: Option<Instant>,
    out: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<SnapshotAccount, SnapshotError> {
    // The parser's own error may repeat a part of the string, and with it of the password.
    let mut config: Config = url.parse().map_err(|_| SnapshotError::ConnectionString)?;
    if let (None, Ok(password)) = (config.get_password(), std::env::var("PGPASSWORD")) {
        config.password(password);
    }
    config.application_name("stanch snapshot").connect_timeout(std::time::Duration::from_secs(20));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| SnapshotError::Open { path: "a network runtime".into(), source })?;
    runtime.block_on(read(&config, taken_at, out, progress))
}

/// Where the server is, for people; never the password.
fn place(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "no host".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("{host}:{port}/{}", config.get_dbname().or(config.get_user()).unwrap_or(""))
}

async fn read(
    config: &Config,
    taken_at: Option<Instant>,
    out: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<SnapshotAccount, SnapshotError> {
    let refused = |source| SnapshotError::Connect { at: place(config), source };
    let (client, connection) = config.connect(NoTls).await.map_err(refused)?;
    let driver = tokio::spawn(connection);
    let result = read_all(&client, taken_at, out, progress).await;
    drop(client);
    // How the connection closes says nothing about what was read before.
    let _ = driver.await;
    let (tables, contents, size, at) = result?;
    if tables.is_empty() {
        return Err(SnapshotError::NoTables { path: place(config).into() });
    }
    Ok(tables.finish()?.account("postgresql", bytes::manifest_seal(contents), size, at))
}

type Everything = (Tables, Vec<(String, String)>, u64, Option<Instant>);

async fn read_all(
    client: &Client,
    taken_at: Option<Instant>,
    out: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Everything, SnapshotError> {
    let asking = |doing: &str| {
        let doing = doing.to_owned();
        move |source| SnapshotError::Query { doing, source }
    };
    client.batch_execute(SESSION).await.map_err(asking("beginning a read-only transaction"))?;
    let mut tables = Tables::new(out, "postgresql")?;
    let described = describe(client, &mut tables).await.map_err(asking("describing its tables"))?;
    let mut contents = Vec::new();
    let mut size = 0;
    for relation in &described.relations {
        let Some(why_not) = relation.unreadable() else {
            let (seal, bytes) = copy(client, relation, &mut tables, progress).await?;
            contents.push((relation.shown(), seal));
            size += bytes;
            continue;
        };
        tables.cut_by_name(&relation.shown());
        tables.doubt(format!("table {:?} was left out: {why_not}", relation.shown()));
    }
    client.batch_execute("ROLLBACK").await.map_err(asking("ending the transaction"))?;
    Ok((tables, contents, size, taken_at.or(described.now)))
}

/// Reads one table in the order of its key. A failure (a timeout, a lock) costs the rest of this table only.
async fn copy(
    client: &Client,
    relation: &Relation,
    tables: &mut Tables,
    progress: &mut dyn FnMut(u64),
) -> Result<(String, u64), SnapshotError> {
    let name = relation.shown();
    let mut reading = Reading { hash: Sha256::new(), size: 0, line: Vec::new(), row: CopyRow::default() };
    let Some(rows) = tables.rows(&name, Some(&relation.columns)) else {
        return Ok((hex(&reading.hash.finalize()), 0));
    };
    let failed = |source| SnapshotError::Query { doing: format!("reading table {name:?}"), source };
    client.batch_execute("SAVEPOINT before_table").await.map_err(failed)?;
    if let Err(e) = reading.run(client, relation, tables, &rows, progress).await? {
        tables.cut(&rows);
        let code = e.code().map_or("no code", |c| c.code());
        tables.doubt(format!("reading table {name:?} failed (SQLSTATE {code}); the rows before were kept"));
        client.batch_execute("ROLLBACK TO SAVEPOINT before_table").await.map_err(failed)?;
    }
    Ok((hex(&reading.hash.finalize()), reading.size))
}

struct Reading {
    hash: Sha256,
    size: u64,
    /// The part of a row that came without its end yet.
    line: Vec<u8>,
    row: CopyRow,
}

impl Reading {
    async fn run(
        &mut self,
        client: &Client,
        relation: &Relation,
        tables: &mut Tables,
        rows: &Rows,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Result<(), tokio_postgres::Error>, SnapshotError> {
        let stream = match client.copy_out(&relation.copy_sql()).await {
            Ok(stream) => stream,
            Err(e) => return Ok(Err(e)),
        };
        let mut stream = pin!(stream);
        while let Some(chunk) = stream.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(e) => return Ok(Err(e)),
            };
            self.hash.update(&chunk);
            self.size += chunk.len() as u64;
            progress(chunk.len() as u64);
            self.take(&chunk, tables, rows)?;
        }
        Ok(Ok(()))
    }

    fn take(&mut self, chunk: &[u8], tables: &mut Tables, rows: &Rows) -> Result<(), SnapshotError> {
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let cells = self.row.split(&self.line, Encoding::Utf8);
            tables.push(rows, &cells)?;
            self.line.clear();
        }
        self.line.extend_from_slice(rest);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
