//! A folder of CSV or Parquet files, one a table, each named after its table.

mod csv_table;
mod infer;

use crate::account::SnapshotAccount;
use crate::bytes::{self, hex};
use crate::catalog::{Column, Table};
use crate::error::SnapshotError;
use crate::tables::Tables;
use sha2::{Digest, Sha256};
use stanch_lake::Engine;
use stanch_model::Instant;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a file of the folder is, by its ending; a further `.gz` or `.zst` is allowed for text.
enum Kind {
    Csv,
    Parquet,
}

/// Loads every CSV and Parquet file that stands directly in the folder. Other files get a remark.
pub(crate) fn load(
    path: &Path,
    taken_at: Option<Instant>,
    out: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<SnapshotAccount, SnapshotError> {
    let mut tables = Tables::new(out, "folder")?;
    let mut contents = Vec::new();
    let mut size = 0;
    for file in files(path)? {
        let Some((table, kind)) = table_of(&file) else {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            tables.remarks.push(format!("{name:?} is neither CSV nor Parquet by its ending and was left alone"));
            continue;
        };
        if tables.has(&table) {
            tables.doubt(format!("two files of the folder are for table {table:?}; the first by name was kept"));
            continue;
        }
        let (seal, bytes) = match kind {
            Kind::Csv => csv_table::load(&file, &table, &mut tables, progress)?,
            Kind::Parquet => parquet(&file, &table, &mut tables, out, progress)?,
        };
        contents.push((table, seal));
        size += bytes;
    }
    if tables.is_empty() {
        return Err(SnapshotError::NoTables { path: path.to_owned() });
    }
    let seal = bytes::manifest_seal(contents);
    Ok(tables.finish()?.account("folder", seal, size, taken_at))
}

fn files(path: &Path) -> Result<Vec<PathBuf>, SnapshotError> {
    let failed = |source| SnapshotError::Open { path: path.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn table_of(file: &Path) -> Option<(String, Kind)> {
    let name = file.file_name()?.to_str()?;
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    let (table, ending) = name.rsplit_once('.')?;
    if table.is_empty() {
        return None;
    }
    match ending.to_ascii_lowercase().as_str() {
        "csv" | "tsv" => Some((table.to_owned(), Kind::Csv)),
        "parquet" => Some((table.to_owned(), Kind::Parquet)),
        _ => None,
    }
}

/// Takes a Parquet file in as it stands. One that cannot be read is left out, openly.
fn parquet(
    file: &Path,
    table: &str,
    tables: &mut Tables,
    out: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<(String, u64), SnapshotError> {
    let (seal, size) = seal_of(file, progress)?;
    match stanch_lake::copy_parquet(file, out, table) {
        Ok(rows) => {
            let columns = parquet_columns(out, table)
                .map_err(|source| SnapshotError::Table { table: table.to_owned(), source })?;
            let about = Table { name: table.to_owned(), kind: "parquet".to_owned(), columns, ..Table::default() };
            tables.define_done(about, rows);
        }
        Err(e) => tables.doubt(format!("table {table:?} was left out: {e}")),
    }
    Ok((seal, size))
}

fn seal_of(file: &Path, progress: &mut dyn FnMut(u64)) -> Result<(String, u64), SnapshotError> {
    let failed = |source| SnapshotError::Read { path: file.to_owned(), source };
    let mut reader = File::open(file).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut chunk = vec![0; 256 << 10];
    loop {
        let n = reader.read(&mut chunk).map_err(failed)?;
        if n == 0 {
            return Ok((hex(&hash.finalize()), size));
        }
        hash.update(&chunk[..n]);
        size += n as u64;
        progress(n as u64);
    }
}

/// The columns of a table that was copied in, as the engine sees them.
fn parquet_columns(out: &Path, table: &str) -> Result<Vec<Column>, stanch_lake::LakeError> {
    let engine = Engine::new(out)?;
    engine.register_folder(None, out)?;
    let (schema, _) = engine.query(&format!("SELECT * FROM \"{}\" LIMIT 0", table.replace('"', "\"\"")))?;
    let column = |name: &str, kind: String, nullable: bool| Column {
        name: name.to_owned(),
        declared: kind.clone(),
        stored: kind,
        not_null: !nullable,
        generated: None,
    };
    Ok(schema
        .fields()
        .iter()
        .map(|f| column(f.name(), f.data_type().to_string().to_lowercase(), f.is_nullable()))
        .collect())
}

#[cfg(test)]
mod tests;
