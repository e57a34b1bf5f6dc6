//! The path that every row of every source takes: from cells of text to the table's Parquet file, counted.

use crate::account::{Flaw, SnapshotAccount, TableAccount};
use crate::catalog::{self, Catalog};
use crate::error::SnapshotError;
use crate::kinds::{self, Stored};
use crate::names;
use stanch_lake::{CellError, ColumnDef, TableWriter};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Writers that wait for further rows at one time. Above it the one that waited longest is finished.
const OPEN_MAX: usize = 32;
/// Distinct reasons kept apart per table; further ones count under the last.
const REASONS_MAX: usize = 50;

/// Every table of one snapshot while it is being loaded.
pub(crate) struct Tables {
    out: PathBuf,
    tables: BTreeMap<String, TableSink>,
    pub(crate) catalog: Catalog,
    pub(crate) domains: BTreeMap<String, String>,
    pub(crate) remarks: Vec<String>,
    pub(crate) complete: bool,
    turn: u64,
}

/// One table while it is being loaded.
struct TableSink {
    about: catalog::Table,
    columns: Vec<ColumnDef>,
    trims: Vec<bool>,
    writer: Writing,
    last_used: u64,
    rows: u64,
    bad: BTreeMap<String, u64>,
    mended: BTreeMap<String, u64>,
    cut: bool,
    /// Rows were offered, or their absence is no sign of anything.
    filled: bool,
}

enum Writing {
    Waiting,
    Open(Box<TableWriter>),
    Done,
}

/// Where the rows of one table go: itself, and the tables whose partition or child it is.
pub(crate) struct Route {
    name: String,
    /// For each column of the target: which incoming cell, if any.
    from: Vec<Option<usize>>,
}

/// One row's fate, told apart only for the account.
pub(crate) struct Rows {
    routes: Vec<Route>,
    width: usize,
}

impl Tables {
    pub(crate) fn new(out: &Path, kind: &str) -> Result<Tables, SnapshotError> {
        clear(out).map_err(|source| SnapshotError::Out { path: out.to_owned(), source })?;
        Ok(Tables {
            out: out.to_owned(),
            tables: BTreeMap::new(),
            catalog: Catalog { kind: kind.to_owned(), ..Catalog::default() },
            domains: BTreeMap::new(),
            remarks: Vec::new(),
            complete: true,
            turn: 0,
        })
    }

    /// Says that something is missing, and what.
    pub(crate) fn doubt(&mut self, remark: String) {
        self.complete = false;
        self.remarks.push(remark);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.tables.contains_key(name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Knows a table from here on. A second definition of the same name is left out, with a remark.
    pub(crate) fn define(&mut self, mut about: catalog::Table) {
        if self.has(&about.name) {
            self.doubt(format!("table {:?} is defined twice; the first definition was kept", about.name));
            return;
        }
        let Some(file) = names::file_of(&about.name) else {
            self.doubt(format!("a table whose name has {} bytes was left out", about.name.len()));
            return;
        };
        about.file = file;
        let mut trims = Vec::with_capacity(about.columns.len());
        let mut columns = Vec::with_capacity(about.columns.len());
        for column in &mut about.columns {
            let Stored { kind, trims: trim } = kinds::stored(&column.declared, &self.domains);
            column.stored = kinds::word(kind);
            columns.push(ColumnDef { name: column.name.clone(), kind, declared: column.declared.clone() });
            trims.push(trim);
        }
        let sink = TableSink {
            columns,
            trims,
            writer: Writing::Waiting,
            last_used: 0,
            rows: 0,
            bad: BTreeMap::new(),
            mended: BTreeMap::new(),
            cut: false,
            filled: about.kind != "table",
            about,
        };
        self.tables.insert(sink.about.name.clone(), sink);
    }

    /// As [`Tables::define`], with kinds that were found out otherwise (a folder's).
    pub(crate) fn define_as(&mut self, about: catalog::Table, columns: Vec<ColumnDef>) {
        let name = about.name.clone();
        let known = self.has(&name);
        self.define(about);
        if let (false, Some(sink)) = (known, self.tables.get_mut(&name)) {
            for (column, def) in sink.about.columns.iter_mut().zip(&columns) {
                column.stored = kinds::word(def.kind);
            }
            sink.trims = vec![false; columns.len()];
            sink.columns = columns;
        }
    }

    /// As [`Tables::define`], for a table whose file is written already, its columns told.
    pub(crate) fn define_done(&mut self, about: catalog::Table, rows: u64) {
        let (name, columns) = (about.name.clone(), about.columns.clone());
        self.define(about);
        if let Some(sink) = self.tables.get_mut(&name) {
            sink.about.columns = columns;
            sink.writer = Writing::Done;
            sink.rows = rows;
        }
    }

    /// What is known of a table, to add to it.
    pub(crate) fn about(&mut self, name: &str) -> Option<&mut catalog::Table> {
        self.tables.get_mut(name).map(|t| &mut t.about)
    }

    /// Prepares to take rows for a table, their cells in the order of `columns` (all of the table's when `None`).
    pub(crate) fn rows(&mut self, name: &str, columns: Option<&[String]>) -> Option<Rows> {
        let own: Vec<String> = match columns {
            Some(columns) => columns.to_vec(),
            None => self.tables.get(name)?.columns.iter().map(|c| c.name.clone()).collect(),
        };
        let mut routes = Vec::new();
        let mut next = vec![name.to_owned()];
        while let Some(target) = next.pop() {
            if routes.iter().any(|r: &Route| r.name == target) {
                continue;
            }
            let Some(sink) = self.tables.get_mut(&target) else { continue };
            sink.filled = true;
            next.extend(sink.about.parents.iter().cloned());
            let from: Vec<Option<usize>> = sink.columns.iter().map(|c| own.iter().position(|o| *o == c.name)).collect();
            routes.push(Route { name: target, from });
        }
        (!routes.is_empty()).then_some(Rows { routes, width: own.len() })
    }

    /// Takes one row. What cannot be kept is counted.
    pub(crate) fn push(&mut self, rows: &Rows, cells: &[Option<&str>]) -> Result<(), SnapshotError> {
        if cells.len() != rows.width {
            self.bad(rows, &format!("{} cells where {} were announced", bucket(cells.len(), rows.width), rows.width));
            return Ok(());
        }
        for route in &rows.routes {
            self.push_to(route, cells)?;
        }
        Ok(())
    }

    fn push_to(&mut self, route: &Route, cells: &[Option<&str>]) -> Result<(), SnapshotError> {
        self.make_room(&route.name)?;
        self.turn += 1;
        let turn = self.turn;
        let Some(sink) = self.tables.get_mut(&route.name) else { return Ok(()) };
        sink.last_used = turn;
        let mut row: Vec<Option<&str>> = Vec::with_capacity(sink.columns.len());
        for (from, trim) in route.from.iter().zip(&sink.trims) {
            let cell = from.and_then(|i| cells[i]);
            row.push(if *trim { cell.map(|c| c.trim_end_matches(' ')) } else { cell });
        }
        if let Writing::Waiting = sink.writer {
            sink.writer = Writing::Open(Box::new(sink.create(&self.out)?));
        }
        sink.write(&mut row)
    }

    /// Counts a row that cannot be kept.
    pub(crate) fn bad(&mut self, rows: &Rows, reason: &str) {
        for route in &rows.routes {
            if let Some(sink) = self.tables.get_mut(&route.name) {
                count(&mut sink.bad, reason);
            }
        }
    }

    /// Counts something mended in a row that is kept.
    pub(crate) fn mended(&mut self, rows: &Rows, reason: &str) {
        for route in &rows.routes {
            if let Some(sink) = self.tables.get_mut(&route.name) {
                count(&mut sink.mended, reason);
            }
        }
    }

    /// Notes that rows of these tables are missing.
    pub(crate) fn cut(&mut self, rows: &Rows) {
        for route in &rows.routes {
            if let Some(sink) = self.tables.get_mut(&route.name) {
                sink.cut = true;
            }
        }
    }

    /// Tables that never were offered a row, though the source says even of empty ones that they are.
    pub(crate) fn unfilled(&self) -> Vec<String> {
        self.tables.values().filter(|t| !t.filled).map(|t| t.about.name.clone()).collect()
    }

    /// Marks a table's rows as missing.
    pub(crate) fn cut_by_name(&mut self, name: &str) {
        if let Some(sink) = self.tables.get_mut(name) {
            sink.cut = true;
        }
    }

    /// Finishes the writer that waited longest once too many are open.
    fn make_room(&mut self, wanted: &str) -> Result<(), SnapshotError> {
        if self.tables.get(wanted).is_none_or(|t| !matches!(t.writer, Writing::Waiting)) {
            return Ok(());
        }
        let open: Vec<(u64, String)> = self
            .tables
            .values()
            .filter(|t| matches!(t.writer, Writing::Open(_)))
            .map(|t| (t.last_used, t.about.name.clone()))
            .collect();
        if open.len() < OPEN_MAX {
            return Ok(());
        }
        if let Some((_, name)) = open.into_iter().min()
            && let Some(sink) = self.tables.get_mut(&name)
        {
            sink.finish(&self.out)?;
        }
        Ok(())
    }

    /// Finishes every table and writes the catalog. Tables without rows get a file too.
    pub(crate) fn finish(mut self) -> Result<Finished, SnapshotError> {
        let mut accounts = Vec::with_capacity(self.tables.len());
        for mut sink in std::mem::take(&mut self.tables).into_values() {
            if !sink.columns.is_empty() {
                sink.finish(&self.out)?;
            }
            if let Some(lost) = sink.bad.get(PARTS) {
                self.complete = false;
                sink.cut = true;
                self.remarks.push(format!(
                    "table {:?}: {lost} rows stand so far apart in the source that they were left out",
                    sink.about.name
                ));
            }
            self.catalog.tables.push(sink.about.clone());
            accounts.push(sink.account());
        }
        self.catalog.write(&self.out)?;
        Ok(Finished { tables: accounts, remarks: self.remarks, complete: self.complete })
    }
}

/// What [`Tables::finish`] gives: the parts of an account that do not depend on the source's kind.
pub(crate) struct Finished {
    tables: Vec<TableAccount>,
    remarks: Vec<String>,
    complete: bool,
}

impl Finished {
    pub(crate) fn account(
        self,
        kind: &str,
        seal: stanch_model::Seal,
        bytes: u64,
        taken_at: Option<stanch_model::Instant>,
    ) -> SnapshotAccount {
        let Finished { tables, remarks, complete } = self;
        SnapshotAccount { seal, kind: kind.to_owned(), taken_at, bytes, tables, remarks, complete }
    }
}

const PARTS: &str = "came after the table's file was finished";

impl TableSink {
    fn create(&self, out: &Path) -> Result<TableWriter, SnapshotError> {
        TableWriter::create(out, &self.about.name, &self.columns, &self.about.primary_key)
            .map_err(|source| SnapshotError::Table { table: self.about.name.clone(), source })
    }

    /// Writes a row; a cell that does not fit its type becomes NULL, so that one odd date does not lose a person.
    fn write(&mut self, row: &mut [Option<&str>]) -> Result<(), SnapshotError> {
        let Writing::Open(writer) = &mut self.writer else {
            count(&mut self.bad, PARTS);
            return Ok(());
        };
        for _ in 0..=row.len() {
            match writer.push(row) {
                Ok(()) => {
                    self.rows += 1;
                    return Ok(());
                }
                Err(CellError::Type { column, kind }) => {
                    let Some(at) = self.columns.iter().position(|c| c.name == column && c.kind == kind) else { break };
                    let declared = &self.columns[at].declared;
                    count(&mut self.mended, &format!("column {column:?}: not a value of {declared}, kept as NULL"));
                    row[at] = None;
                }
                Err(CellError::Width { .. }) => break,
                Err(source @ CellError::Write(_)) => {
                    return Err(SnapshotError::Row { table: self.about.name.clone(), source });
                }
            }
        }
        count(&mut self.bad, "the table's columns do not take it");
        Ok(())
    }

    fn finish(&mut self, out: &Path) -> Result<(), SnapshotError> {
        let writer = match std::mem::replace(&mut self.writer, Writing::Done) {
            Writing::Open(writer) => *writer,
            Writing::Waiting => self.create(out)?,
            Writing::Done => return Ok(()),
        };
        self.rows =
            writer.finish().map_err(|source| SnapshotError::Table { table: self.about.name.clone(), source })?;
        Ok(())
    }

    fn account(self) -> TableAccount {
        TableAccount {
            bad_rows: self.bad.values().sum(),
            name: self.about.name,
            file: self.about.file,
            columns: self.about.columns,
            rows: self.rows,
            keys: self.about.primary_key,
            foreign_keys: self.about.foreign_keys,
            bad: flaws(self.bad),
            mended: flaws(self.mended),
            cut: self.cut,
        }
    }
}

fn count(reasons: &mut BTreeMap<String, u64>, reason: &str) {
    if let Some(n) = reasons.get_mut(reason) {
        *n += 1;
        return;
    }
    let reason = if reasons.len() < REASONS_MAX { reason } else { "further reasons" };
    *reasons.entry(reason.to_owned()).or_default() += 1;
}

fn flaws(reasons: BTreeMap<String, u64>) -> Vec<Flaw> {
    let mut flaws: Vec<Flaw> = reasons.into_iter().map(|(reason, count)| Flaw { reason, count }).collect();
    flaws.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
    flaws
}

/// Cell counts in reasons, so that hostile input does not make a reason for every width.
fn bucket(found: usize, expected: usize) -> Cow<'static, str> {
    match found {
        0 => Cow::Borrowed("no"),
        n if n > expected + 20 => Cow::Borrowed("far too many"),
        n => Cow::Owned(n.to_string()),
    }
}

/// Removes what an earlier load left.
fn clear(out: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(out)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = name.ends_with(".parquet") || name.starts_with(".unfinished-") || name == catalog::FILE_NAME;
        if ours && entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
