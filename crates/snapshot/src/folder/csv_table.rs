//! One CSV file as a table. Read twice: once to find out what its columns hold, once to keep them.

use super::infer::Guess;
use crate::bytes;
use crate::catalog::{Column, Table};
use crate::error::SnapshotError;
use crate::tables::Tables;
use csv::ByteRecord;
use stanch_lake::ColumnDef;
use std::borrow::Cow;
use std::path::Path;

/// What the first reading found.
struct Found {
    delimiter: u8,
    names: Vec<String>,
    guesses: Vec<Guess>,
    key: Option<String>,
}

/// Takes a CSV file in. Gives the SHA-256 of its bytes and their number.
pub(super) fn load(
    file: &Path,
    table: &str,
    tables: &mut Tables,
    progress: &mut dyn FnMut(u64),
) -> Result<(String, u64), SnapshotError> {
    let found = look(file, table, tables)?;
    let Some(found) = found else {
        tables.doubt(format!("table {table:?} was left out: its file has no header"));
        let (sealing, _) = bytes::open(file, progress)?;
        return sealing.finish(file);
    };
    define(table, &found, tables);
    keep(file, table, &found, tables, progress)
}

fn look(file: &Path, table: &str, tables: &mut Tables) -> Result<Option<Found>, SnapshotError> {
    let delimiter = delimiter_of(file)?;
    let mut silent = |_| {};
    let (_sealing, text) = bytes::open(file, &mut silent)?;
    let mut reader = reader(delimiter, text);
    let mut record = ByteRecord::new();
    if !reader.read_byte_record(&mut record).unwrap_or(false) {
        return Ok(None);
    }
    let names = header(&record);
    let mut guesses = vec![Guess::default(); names.len()];
    let mut key = RisingKey::of(&names);
    while let Ok(true) = reader.read_byte_record(&mut record) {
        if record.len() != names.len() {
            continue;
        }
        for (guess, cell) in guesses.iter_mut().zip(&record) {
            if let Some(cell) = value(cell).0 {
                *guess = guess.with(&cell);
            }
        }
        key.see(&record);
    }
    let key = key.0.map(|(at, _)| names[at].clone());
    if key.is_some() {
        tables.remarks.push(format!("table {table:?}: \"id\" rises from row to row and was taken as its primary key"));
    }
    Ok(Some(Found { delimiter, names, guesses, key }))
}

fn define(table: &str, found: &Found, tables: &mut Tables) {
    let kinds = found.guesses.iter().map(|g| g.kind());
    let defs: Vec<ColumnDef> = found
        .names
        .iter()
        .zip(kinds)
        .map(|(name, (kind, declared))| ColumnDef { name: name.clone(), kind, declared: declared.to_owned() })
        .collect();
    let columns = defs.iter().map(|d| Column {
        name: d.name.clone(),
        declared: d.declared.clone(),
        stored: String::new(),
        not_null: false,
        generated: None,
    });
    let about = Table {
        name: table.to_owned(),
        kind: "csv".to_owned(),
        columns: columns.collect(),
        primary_key: found.key.iter().cloned().collect(),
        ..Table::default()
    };
    tables.define_as(about, defs);
}

fn keep(
    file: &Path,
    table: &str,
    found: &Found,
    tables: &mut Tables,
    progress: &mut dyn FnMut(u64),
) -> Result<(String, u64), SnapshotError> {
    let (sealing, text) = bytes::open(file, progress)?;
    let mut reader = reader(found.delimiter, text);
    let mut record = ByteRecord::new();
    let _header = reader.read_byte_record(&mut record);
    if let Some(rows) = tables.rows(table, None) {
        loop {
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) => {
                    tables.cut(&rows);
                    let at = reader.position().byte();
                    tables.doubt(format!(
                        "the file of table {table:?} ends early, at byte {at} ({e}); the rows before were kept"
                    ));
                    break;
                }
            }
            let cells: Vec<(Option<Cow<'_, str>>, bool)> = record.iter().map(value).collect();
            let row: Vec<Option<&str>> = cells.iter().map(|(c, _)| c.as_deref()).collect();
            tables.push(&rows, &row)?;
            if row.len() == found.names.len() && cells.iter().any(|(_, replaced)| *replaced) {
                tables.mended(&rows, "a row with bytes that are not UTF-8, these replaced");
            }
        }
    }
    drop(reader);
    sealing.finish(file)
}

fn reader<R: std::io::Read>(delimiter: u8, text: R) -> csv::Reader<R> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text)
}

/// The delimiter that stands most often in the first line.
fn delimiter_of(file: &Path) -> Result<u8, SnapshotError> {
    let mut silent = |_| {};
    let (_sealing, mut text) = bytes::open(file, &mut silent)?;
    let head = std::io::BufRead::fill_buf(&mut text).unwrap_or(&[]);
    let line = head.split(|b| *b == b'\n').next().unwrap_or(&[]);
    let count = |d: u8| line.iter().filter(|b| **b == d).count();
    Ok([b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|d| count(*d)).unwrap_or(b','))
}

/// Column names; empty and repeated ones are told apart by their number.
fn header(record: &ByteRecord) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(record.len());
    for (at, cell) in record.iter().enumerate() {
        let name = String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').trim().to_owned();
        let taken = name.is_empty() || names.contains(&name);
        names.push(if taken { format!("{name}_{}", at + 1) } else { name });
    }
    names
}

/// A cell's text, and whether bytes of it were replaced. CSV cannot tell an empty text from NULL: both are NULL here, as is
/// `\N`.
fn value(cell: &[u8]) -> (Option<Cow<'_, str>>, bool) {
    if cell.is_empty() || cell == b"\\N" {
        return (None, false);
    }
    let text = String::from_utf8_lossy(cell);
    let replaced = matches!(text, Cow::Owned(_));
    (Some(text), replaced)
}

/// Whether the column `id` rises strictly, so that it is a key, without keeping its values.
struct RisingKey(Option<(usize, i64)>);

impl RisingKey {
    fn of(names: &[String]) -> RisingKey {
        RisingKey(names.iter().position(|n| n.eq_ignore_ascii_case("id")).map(|at| (at, i64::MIN)))
    }

    fn see(&mut self, record: &ByteRecord) {
        let Some((at, last)) = self.0 else { return };
        let value = record.get(at).and_then(|c| std::str::from_utf8(c).ok()).and_then(|c| c.parse::<i64>().ok());
        self.0 = value.filter(|v| *v > last).map(|v| (at, v));
    }
}
