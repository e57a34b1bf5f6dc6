//! The store's tables: typed Parquet, one file a table.

use crate::error::LakeError;
use crate::event_writer::writer_properties;
use datafusion::arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::compute::kernels::cast_utils::{Parser, parse_decimal};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use datafusion::parquet::arrow::ArrowWriter;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The types that a snapshot's columns take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// true or false.
    Bool,
    /// Any integer up to 64 bits.
    Int,
    /// Exact numbers of up to 38 digits.
    Decimal {
        /// Digits after the point.
        scale: i8,
    },
    /// Binary floating point.
    Float,
    /// Everything that has no better type.
    Text,
    /// A day.
    Date,
    /// A moment, UTC; times without a zone are taken as UTC.
    Timestamp,
    /// Raw bytes.
    Bytes,
}

impl ColumnKind {
    fn arrow(self) -> DataType {
        match self {
            ColumnKind::Bool => DataType::Boolean,
            ColumnKind::Int => DataType::Int64,
            ColumnKind::Decimal { scale } => DataType::Decimal128(38, scale),
            ColumnKind::Float => DataType::Float64,
            ColumnKind::Text => DataType::Utf8,
            ColumnKind::Date => DataType::Date32,
            ColumnKind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            ColumnKind::Bytes => DataType::Binary,
        }
    }
}

/// A column of a store's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDef {
    /// Its name.
    pub name: String,
    /// What it is kept as.
    pub kind: ColumnKind,
    /// The SQL type as declared.
    pub declared: String,
}

/// A cell whose text does not fit its column, or a row of the wrong width. The value is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// The text is not of the column's type.
    #[error("column {column:?} holds a value that is no {kind:?}")]
    Type {
        /// Which column.
        column: String,
        /// What it should be.
        kind: ColumnKind,
    },
    /// Too many or too few cells.
    #[error("a row has {found} cells where the table has {expected} columns")]
    Width {
        /// Cells found.
        found: usize,
        /// Columns there are.
        expected: usize,
    },
    /// The file could not be written.
    #[error("could not write the table: {0}")]
    Write(String),
}

enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Decimal(i128),
    Float(f64),
    Text(&'a str),
    Date(i32),
    Timestamp(i64),
    Bytes(Vec<u8>),
}

enum Builder {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Decimal(Decimal128Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Bytes(BinaryBuilder),
}

/// Writes one table. Until [`TableWriter::finish`] the file has another name.
pub struct TableWriter {
    columns: Vec<ColumnDef>,
    schema: SchemaRef,
    builders: Vec<Builder>,
    pending_rows: usize,
    pending_bytes: usize,
    writer: Option<ArrowWriter<File>>,
    temporary: PathBuf,
    target: PathBuf,
    rows: u64,
}

impl TableWriter {
    /// Opens `<dir>/<table>.parquet`. `keys` names the primary key's columns and is kept in the file's metadata.
    pub fn create(dir: &Path, table: &str, columns: &[ColumnDef], keys: &[String]) -> Result<TableWriter, LakeError> {
        std::fs::create_dir_all(dir).map_err(LakeError::io("create", dir))?;
        let fields: Vec<Field> = columns
            .iter()
            .map(|c| {
                let about = HashMap::from([("declared".to_owned(), c.declared.clone())]);
                Field::new(&c.name, c.kind.arrow(), true).with_metadata(about)
            })
            .collect();
        let about = HashMap::from([("primary_key".to_owned(), keys.join(","))]);
        let schema = Arc::new(Schema::new_with_metadata(fields, about));
        let target = dir.join(file_name_of(table));
        let temporary = dir.join(format!(".unfinished-{}", file_name_of(table)));
        let file = File::create(&temporary).map_err(LakeError::io("create", &temporary))?;
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(writer_properties()))
            .map_err(LakeError::parquet("write", &temporary))?;
        Ok(TableWriter {
            builders: columns.iter().map(|c| builder(c.kind)).collect(),
            columns: columns.to_vec(),
            schema,
            pending_rows: 0,
            pending_bytes: 0,
            writer: Some(writer),
            temporary,
            target,
            rows: 0,
        })
    }

    /// Appends a row given in PostgreSQL's text forms; `None` is NULL. A row with a cell that does not fit is refused
    /// whole, and the writer stays usable.
    pub fn push(&mut self, row: &[Option<&str>]) -> Result<(), CellError> {
        if row.len() != self.columns.len() {
            return Err(CellError::Width { found: row.len(), expected: self.columns.len() });
        }
        let mut cells = Vec::with_capacity(row.len());
        for (text, column) in row.iter().zip(&self.columns) {
            let cell = match text {
                None => Some(Cell::Null),
                Some(text) => parse(text, column.kind),
            };
            cells.push(cell.ok_or_else(|| CellError::Type { column: column.name.clone(), kind: column.kind })?);
        }
        for (builder, cell) in self.builders.iter_mut().zip(cells) {
            append(builder, cell);
        }
        self.pending_rows += 1;
        self.pending_bytes += row.iter().map(|c| c.map_or(0, str::len)).sum::<usize>();
        if self.pending_rows >= 16_384 || self.pending_bytes >= 16 << 20 {
            self.flush().map_err(|e| CellError::Write(e.to_string()))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LakeError> {
        if self.pending_rows == 0 {
            return Ok(());
        }
        let arrays: Vec<ArrayRef> = self.builders.iter_mut().map(finish_column).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)
            .map_err(|source| LakeError::Columns { what: self.target.display().to_string(), source })?;
        let writer = self.writer.as_mut().expect("taken only by finish");
        writer.write(&batch).map_err(LakeError::parquet("write", &self.temporary))?;
        self.rows += self.pending_rows as u64;
        (self.pending_rows, self.pending_bytes) = (0, 0);
        Ok(())
    }

    /// Completes the table and gives it its name. Returns the rows written.
    pub fn finish(mut self) -> Result<u64, LakeError> {
        self.flush()?;
        let writer = self.writer.take().expect("finish is called once");
        let file = writer.into_inner().map_err(LakeError::parquet("finish", &self.temporary))?;
        file.sync_all().map_err(LakeError::io("flush", &self.temporary))?;
        std::fs::rename(&self.temporary, &self.target).map_err(LakeError::io("rename", &self.target))?;
        Ok(self.rows)
    }
}

impl Drop for TableWriter {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

fn builder(kind: ColumnKind) -> Builder {
    match kind {
        ColumnKind::Bool => Builder::Bool(BooleanBuilder::new()),
        ColumnKind::Int => Builder::Int(Int64Builder::new()),
        ColumnKind::Decimal { .. } => Builder::Decimal(Decimal128Builder::new().with_data_type(kind.arrow())),
        ColumnKind::Float => Builder::Float(Float64Builder::new()),
        ColumnKind::Text => Builder::Text(StringBuilder::new()),
        ColumnKind::Date => Builder::Date(Date32Builder::new()),
        ColumnKind::Timestamp => Builder::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
        ColumnKind::Bytes => Builder::Bytes(BinaryBuilder::new()),
    }
}

fn parse(text: &str, kind: ColumnKind) -> Option<Cell<'_>> {
    Some(match kind {
        ColumnKind::Bool => Cell::Bool(match text {
            "t" | "true" | "1" | "yes" | "on" => true,
            "f" | "false" | "0" | "no" | "off" => false,
            _ => return None,
        }),
        ColumnKind::Int => Cell::Int(text.trim().parse().ok()?),
        ColumnKind::Decimal { scale } => Cell::Decimal(parse_decimal::<Decimal128Type>(text.trim(), 38, scale).ok()?),
        ColumnKind::Float => Cell::Float(text.trim().parse().ok()?),
        ColumnKind::Text => Cell::Text(text),
        ColumnKind::Date => Cell::Date(Date32Type::parse(text)?),
        ColumnKind::Timestamp => Cell::Timestamp(TimestampMicrosecondType::parse(text)?),
        ColumnKind::Bytes => Cell::Bytes(match text.strip_prefix("\\x") {
            Some(hex) => hex_bytes(hex)?,
            None => text.as_bytes().to_vec(),
        }),
    })
}

fn hex_bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits?;
    digits.len().is_multiple_of(2).then(|| digits.chunks_exact(2).map(|d| d[0] << 4 | d[1]).collect())
}

fn append(builder: &mut Builder, cell: Cell<'_>) {
    match (builder, cell) {
        (Builder::Bool(b), Cell::Bool(v)) => b.append_value(v),
        (Builder::Int(b), Cell::Int(v)) => b.append_value(v),
        (Builder::Decimal(b), Cell::Decimal(v)) => b.append_value(v),
        (Builder::Float(b), Cell::Float(v)) => b.append_value(v),
        (Builder::Text(b), Cell::Text(v)) => b.append_value(v),
        (Builder::Date(b), Cell::Date(v)) => b.append_value(v),
        (Builder::Timestamp(b), Cell::Timestamp(v)) => b.append_value(v),
        (Builder::Bytes(b), Cell::Bytes(v)) => b.append_value(v),
        (builder, _) => match builder {
            Builder::Bool(b) => b.append_null(),
            Builder::Int(b) => b.append_null(),
            Builder::Decimal(b) => b.append_null(),
            Builder::Float(b) => b.append_null(),
            Builder::Text(b) => b.append_null(),
            Builder::Date(b) => b.append_null(),
            Builder::Timestamp(b) => b.append_null(),
            Builder::Bytes(b) => b.append_null(),
        },
    }
}

fn finish_column(builder: &mut Builder) -> ArrayRef {
    match builder {
        Builder::Bool(b) => Arc::new(b.finish()),
        Builder::Int(b) => Arc::new(b.finish()),
        Builder::Decimal(b) => Arc::new(b.finish()),
        Builder::Float(b) => Arc::new(b.finish()),
        Builder::Text(b) => Arc::new(b.finish()),
        Builder::Date(b) => Arc::new(b.finish()),
        Builder::Timestamp(b) => Arc::new(b.finish()),
        Builder::Bytes(b) => Arc::new(b.finish()),
    }
}

/// The file name of a table: anything but letters, digits, `_`, `-` and `.` inside becomes `%XX`, so that no table's
/// name leaves its folder.
pub fn file_name_of(table: &str) -> String {
    let mut name = String::with_capacity(table.len() + 8);
    for (i, byte) in table.bytes().enumerate() {
        match byte {
            b'.' if i == 0 => name.push_str("%2E"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name + ".parquet"
}

/// The table of a file name made by [`file_name_of`].
pub fn table_name_of(file: &str) -> Option<String> {
    let stem = file.strip_suffix(".parquet")?;
    let mut bytes = Vec::with_capacity(stem.len());
    let mut rest = stem.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let code = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok())?;
            bytes.push(u8::from_str_radix(code, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Takes in a Parquet file as the table of that name: its footer is read to see that it is one, then it is copied.
/// Returns its rows.
pub fn copy_parquet(source: &Path, dir: &Path, table: &str) -> Result<u64, LakeError> {
    use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};
    let file = File::open(source).map_err(LakeError::io("open", source))?;
    let reader = SerializedFileReader::new(file).map_err(LakeError::parquet("read", source))?;
    let rows = u64::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(0);
    std::fs::create_dir_all(dir).map_err(LakeError::io("create", dir))?;
    let target = dir.join(file_name_of(table));
    std::fs::copy(source, &target).map_err(LakeError::io("copy to", &target))?;
    Ok(rows)
}
