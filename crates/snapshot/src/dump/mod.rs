//! A plain dump as pg_dump writes it.

mod copy;
mod cursor;
mod define;
mod insert;
mod lex;
mod text;

pub(crate) use copy::{CopyRow, Encoding};

use crate::account::SnapshotAccount;
use crate::bytes;
use crate::catalog::{Column, Table};
use crate::error::SnapshotError;
use crate::tables::{Rows, Tables};
use cursor::Cursor;
use insert::Value;
use stanch_model::{Instant, Seal};
use std::io::BufRead;
use std::path::Path;
use text::{DumpText, Line, Piece};

/// Loads a plain dump, maybe gzip or zstd.
pub(crate) fn load(
    path: &Path,
    taken_at: Option<Instant>,
    out: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<SnapshotAccount, SnapshotError> {
    let (sealing, mut text) = bytes::open(path, progress)?;
    if let Some(format) = archive(&mut text) {
        return Err(SnapshotError::Archive { path: path.to_owned(), format });
    }
    let tables = Tables::new(out, "pg_dump")?;
    let mut dump = Dump {
        text: DumpText::new(text),
        tables,
        schema: "public".to_owned(),
        encoding: Encoding::Utf8,
        header: Header::default(),
        database: None,
        buffer: Vec::new(),
        replaced_in_statements: 0,
        copied: false,
        inserted: false,
    };
    dump.read()?;
    dump.judge_end();
    let Dump { mut tables, header, text, .. } = dump;
    drop(text);
    if tables.is_empty() {
        return Err(SnapshotError::NoTables { path: path.to_owned() });
    }
    if let Some(container) = sealing.container {
        tables
            .remarks
            .push(format!("the dump is compressed with {container}; byte positions count after decompression"));
    }
    tables.catalog.server_version = header.server_version;
    let (seal, size) = sealing.finish(path)?;
    Ok(tables.finish()?.account("pg_dump", Seal(seal), size, taken_at.or(header.started)))
}

/// Which binary format of pg_dump it is, if one.
fn archive(text: &mut impl BufRead) -> Option<&'static str> {
    let head = text.fill_buf().ok()?;
    if head.starts_with(b"PGDMP") {
        return Some("custom");
    }
    (head.get(257..262) == Some(b"ustar")).then_some("tar")
}

/// What pg_dump says about itself in comments.
#[derive(Default)]
struct Header {
    /// pg_dump wrote its opening comment, so its closing one is to be expected.
    opened: bool,
    closed: bool,
    server_version: Option<String>,
    started: Option<Instant>,
}

struct Dump<R> {
    text: DumpText<R>,
    tables: Tables,
    /// What unqualified names belong to.
    schema: String,
    encoding: Encoding,
    header: Header,
    /// Which database of a whole cluster's dump; nothing until one is named.
    database: Option<String>,
    buffer: Vec<u8>,
    replaced_in_statements: u64,
    /// COPY was seen: then pg_dump writes one for empty tables too.
    copied: bool,
    inserted: bool,
}

impl<R: BufRead> Dump<R> {
    fn read(&mut self) -> Result<(), SnapshotError> {
        loop {
            let from = self.text.offset;
            let mut buffer = std::mem::take(&mut self.buffer);
            let piece = self.text.piece(&mut buffer);
            match piece {
                Piece::Comment => self.comment(&buffer),
                Piece::Meta => {
                    if !self.meta(&buffer) {
                        return Ok(());
                    }
                }
                Piece::Statement => self.statement(&buffer, from)?,
                Piece::TooLong => self.tables.doubt(format!(
                    "a statement of more than {} MiB at byte {from} was skipped; it begins {:?}",
                    text::STATEMENT_MAX >> 20,
                    first_words(&buffer)
                )),
                Piece::End => {
                    self.unfinished(&buffer, from)?;
                    return Ok(());
                }
            }
            self.buffer = buffer;
        }
    }

    fn comment(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_start_matches('-').trim();
        match line {
            "PostgreSQL database dump" | "PostgreSQL database cluster dump" => self.header.opened = true,
            "PostgreSQL database dump complete" | "PostgreSQL database cluster dump complete" => {
                self.header.closed = true;
            }
            _ => {}
        }
        if let Some(version) = line.strip_prefix("Dumped from database version ") {
            self.header.server_version = Some(version.to_owned());
        } else if let Some(started) = line.strip_prefix("Started on ") {
            self.header.started = moment(started);
        }
    }

    /// `\connect`: a cluster's dump holds several databases, of which the first with tables is read. False ends reading.
    fn meta(&mut self, line: &[u8]) -> bool {
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_whitespace();
        if !matches!(words.next(), Some("\\connect" | "\\c")) {
            return true;
        }
        let name = words.rfind(|w| !w.starts_with('-')).unwrap_or("").trim_matches(['"', '\'']).to_owned();
        if self.tables.is_empty() {
            self.database = Some(name);
            return true;
        }
        if self.database.as_deref() == Some(name.as_str()) {
            return true;
        }
        self.tables.doubt(format!(
            "the dump holds several databases; only the first with tables was read, database {name:?} and those after it were not"
        ));
        false
    }

    fn statement(&mut self, bytes: &[u8], from: u64) -> Result<(), SnapshotError> {
        let sql = self.decode(bytes);
        let schema = self.schema.clone();
        let backslash = self.text.backslash_escapes;
        let mut words = Cursor::new(&sql, &schema, backslash);
        if words.is("COPY") {
            self.copy(&mut words, from)
        } else if words.is("INSERT") {
            self.insert(&mut words)
        } else if words.eat("SET") {
            self.set(&mut words);
            Ok(())
        } else {
            define::statement(&mut words, &mut self.tables);
            Ok(())
        }
    }

    fn decode(&mut self, bytes: &[u8]) -> String {
        if self.encoding == Encoding::Latin1 {
            return bytes.iter().map(|b| char::from(*b)).collect();
        }
        match String::from_utf8_lossy(bytes) {
            std::borrow::Cow::Borrowed(text) => text.to_owned(),
            std::borrow::Cow::Owned(text) => {
                self.replaced_in_statements += 1;
                text
            }
        }
    }

    fn set(&mut self, words: &mut Cursor<'_>) {
        words.eat("SESSION");
        let Some(setting) = words.name() else { return };
        let _ = words.eat_mark('=') || words.eat("TO");
        let value = words.rest().trim_matches('\'');
        match setting.as_str() {
            "client_encoding" => {
                self.tables.catalog.encoding = Some(value.to_owned());
                self.encoding = match value.to_ascii_uppercase().replace(['-', '_'], "").as_str() {
                    "LATIN1" | "ISO88591" => Encoding::Latin1,
                    "UTF8" | "UNICODE" | "SQLASCII" => Encoding::Utf8,
                    _ => {
                        self.tables.remarks.push(format!(
                            "the dump is in {value}, which is not read: characters beyond ASCII are replaced and counted; \
                             take it again with --encoding=UTF8"
                        ));
                        Encoding::Utf8
                    }
                };
            }
            "standard_conforming_strings" => self.text.backslash_escapes = value.eq_ignore_ascii_case("off"),
            "search_path" => {
                let first = value.split(',').next().unwrap_or("").trim().trim_matches(['"', '\'']);
                if !first.is_empty() && first != "pg_catalog" {
                    self.schema = first.to_owned();
                }
            }
            _ => {}
        }
    }

    /// `COPY name (columns) FROM stdin`, and the rows after it.
    fn copy(&mut self, words: &mut Cursor<'_>, from: u64) -> Result<(), SnapshotError> {
        words.eat("COPY");
        let name = words.qualified().map(|n| n.shown());
        let columns = words.names_in_parens();
        if !words.eat("FROM stdin") {
            return Ok(()); // COPY … TO, or from a file of the server's: no rows here.
        }
        self.copied = true;
        let plain = words.done() || words.rest().trim() == "WITH";
        self.skip_line_end();
        let Some(rows) = name.as_deref().filter(|_| plain).and_then(|n| self.rows_of(n, columns.as_deref())) else {
            let name = name.unwrap_or_default();
            self.tables.cut_by_name(&name);
            self.tables.doubt(format!("the rows of table {name:?} at byte {from} are in a form that is not read"));
            return self.copy_rows(None, &name);
        };
        self.copy_rows(Some(&rows), &name.unwrap_or_default())
    }

    /// The newline after COPY's semicolon belongs to the statement, not to the rows.
    fn skip_line_end(&mut self) {
        let mut rest = Vec::new();
        self.text.line(&mut rest);
    }

    fn copy_rows(&mut self, rows: Option<&Rows>, name: &str) -> Result<(), SnapshotError> {
        let mut line = std::mem::take(&mut self.buffer);
        let mut row = CopyRow::default();
        loop {
            let kind = self.text.line(&mut line);
            match (kind, rows) {
                (Line::Done, _) => break,
                (Line::End, _) => {
                    self.cut_in(rows, name, !line.is_empty());
                    break;
                }
                (_, None) => {}
                (Line::TooLong, Some(rows)) => self.tables.bad(rows, "longer than 256 MiB"),
                (Line::Row, Some(rows)) => {
                    let cells = row.split(&line, self.encoding);
                    self.tables.push(rows, &cells)?;
                    if row.replaced {
                        self.tables.mended(rows, REPLACED);
                    }
                }
            }
        }
        self.buffer = line;
        Ok(())
    }

    fn cut_in(&mut self, rows: Option<&Rows>, name: &str, part_of_a_row: bool) {
        if let Some(rows) = rows {
            self.tables.cut(rows);
            if part_of_a_row {
                self.tables.bad(rows, "cut off");
            }
        }
        let why = self.text.broken.as_deref().map(|b| format!(" ({b})")).unwrap_or_default();
        self.tables.doubt(format!(
            "the dump ends inside table {name:?}, at byte {}{why}; the rows before were kept",
            self.text.offset
        ));
    }

    /// Where the rows of a table go. A dump of data alone defines no table; its columns are then text.
    fn rows_of(&mut self, name: &str, columns: Option<&[String]>) -> Option<Rows> {
        if !self.tables.has(name) {
            let text = |name: &String| Column {
                name: name.clone(),
                declared: "text".to_owned(),
                stored: String::new(),
                not_null: false,
                generated: None,
            };
            let about = Table {
                name: name.to_owned(),
                columns: columns?.iter().map(text).collect(),
                kind: "table".to_owned(),
                ..Table::default()
            };
            self.tables.define(about);
            self.tables
                .remarks
                .push(format!("the dump has rows for table {name:?} but not its definition; all its columns are text"));
        }
        self.tables.rows(name, columns)
    }

    fn insert(&mut self, words: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let Some(head) = insert::head(words) else { return Ok(()) };
        let Some(rows) = self.rows_of(&head.table.shown(), head.columns.as_deref()) else {
            self.tables.doubt(format!("rows of table {:?} name no columns, and it is not defined", head.table.shown()));
            return Ok(());
        };
        self.inserted = true;
        while let Some(values) = insert::row(words) {
            let mut expressions = 0;
            let cells: Vec<Option<&str>> = values
                .iter()
                .map(|value| match value {
                    Value::Cell(cell) => cell.as_deref(),
                    Value::Expression => {
                        expressions += 1;
                        None
                    }
                })
                .collect();
            self.tables.push(&rows, &cells)?;
            for _ in 0..expressions {
                self.tables.mended(&rows, "an expression that only a server can compute, kept as NULL");
            }
        }
        Ok(())
    }

    /// The end came, maybe inside a statement.
    fn unfinished(&mut self, bytes: &[u8], from: u64) -> Result<(), SnapshotError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let sql = self.decode(bytes);
        let schema = self.schema.clone();
        let mut words = Cursor::new(&sql, &schema, self.text.backslash_escapes);
        let at = self.text.offset;
        match insert::head(&mut words) {
            Some(head) => {
                let name = head.table.shown();
                self.tables.cut_by_name(&name);
                self.tables
                    .doubt(format!("the dump ends inside table {name:?}, at byte {at}; the rows before were kept"));
            }
            None => self.tables.doubt(format!(
                "the dump ends inside a statement, at byte {at}; the statement begins at byte {from} with {:?}",
                first_words(bytes)
            )),
        }
        Ok(())
    }

    /// pg_dump can leave the rows of some or all tables out; nothing in the dump says so openly.
    fn judge_missing_rows(&mut self) {
        if self.tables.is_empty() {
            return;
        }
        if !self.copied && !self.inserted {
            return self.tables.doubt("the dump holds definitions and no rows at all".to_owned());
        }
        if !self.copied {
            return;
        }
        // Where the dump ends early, that has been said; here it only matters whose rows never came.
        let ended_early = !self.tables.complete;
        for name in self.tables.unfilled() {
            self.tables.cut_by_name(&name);
            if !ended_early {
                let what = format!("the dump has no rows section for table {name:?}: its rows were left out");
                self.tables.remarks.push(what);
            }
        }
    }

    /// What the way in which the dump ended says about what is missing.
    fn judge_end(&mut self) {
        let at = self.text.offset;
        if let Some(broken) = self.text.broken.take()
            && self.tables.complete
        {
            self.tables.doubt(format!("reading stopped at byte {at} ({broken}); what came before was kept"));
        }
        if self.header.opened && !self.header.closed && self.tables.complete {
            self.tables.doubt(format!(
                "the dump lacks pg_dump's closing comment: it ends early, at byte {at}, between two statements"
            ));
        }
        self.judge_missing_rows();
        if self.replaced_in_statements > 0 {
            self.tables.remarks.push(format!(
                "{} statements held bytes that are not in the dump's encoding; these were replaced",
                self.replaced_in_statements
            ));
        }
    }
}

const REPLACED: &str = "a row with bytes that are not in the dump's encoding, these replaced";

/// The first two words of a statement: enough to know its kind, too little to hold data.
fn first_words(bytes: &[u8]) -> String {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    head.split_whitespace().take(2).filter(|w| w.len() < 20).collect::<Vec<_>>().join(" ")
}

/// `2026-03-02 21:14:05 CET`: only where the zone is UTC is the moment known.
fn moment(text: &str) -> Option<Instant> {
    let (stamp, zone) = text.trim().rsplit_once(' ')?;
    matches!(zone, "UTC" | "GMT" | "Etc/UTC").then_some(())?;
    format!("{}Z", stamp.trim().replace(' ', "T")).parse().ok()
}

#[cfg(test)]
mod tests;
