//! The matrix as Parquet: `exposure/cells.parquet` and `exposure/shapes.parquet`.

use crate::error::ScopeError;
use stanch_lake::{ColumnDef, ColumnKind, LakeError, TableWriter};
use stanch_model::Matrix;
use std::path::Path;

const CELLS: &[(&str, ColumnKind)] = &[
    ("person", ColumnKind::Text),
    ("email", ColumnKind::Text),
    ("customer_ids", ColumnKind::Text),
    ("residence", ColumnKind::Text),
    ("data_class", ColumnKind::Text),
    ("effect", ColumnKind::Text),
    ("grade", ColumnKind::Text),
    ("protection", ColumnKind::Text),
    ("protection_detail", ColumnKind::Text),
    ("first_at", ColumnKind::Timestamp),
    ("last_at", ColumnKind::Timestamp),
    ("accesses", ColumnKind::Int),
    ("evidence", ColumnKind::Text),
    ("byte_offset", ColumnKind::Int),
    ("byte_length", ColumnKind::Int),
    ("line", ColumnKind::Int),
    ("shape", ColumnKind::Text),
    ("snapshot", ColumnKind::Text),
    ("table_name", ColumnKind::Text),
    ("row_key", ColumnKind::Text),
    ("because", ColumnKind::Text),
];

const SHAPES: &[(&str, ColumnKind)] = &[
    ("shape", ColumnKind::Text),
    ("text", ColumnKind::Text),
    ("judged", ColumnKind::Text),
    ("statements", ColumnKind::Int),
    ("failed", ColumnKind::Int),
    ("rows_predicted", ColumnKind::Int),
    ("rows_observed", ColumnKind::Int),
    ("bytes_observed", ColumnKind::Int),
    ("disagree", ColumnKind::Int),
];

/// Writes both tables into `dir`.
pub fn write(matrix: &Matrix, dir: &Path) -> Result<(), ScopeError> {
    let fault = || ScopeError::lake("write the exposure");
    let mut cells = open(dir, "cells", CELLS).map_err(fault())?;
    for cell in &matrix.cells {
        let person = &matrix.persons[cell.person as usize];
        let customer_ids = person.customer_ids.join(";");
        let numbers = [cell.accesses, cell.proof.offset, u64::from(cell.proof.length), cell.proof.line];
        let [accesses, offset, length, line] = numbers.map(|n| n.to_string());
        let (first, last) = (cell.window.from.to_string(), cell.window.to.to_string());
        let row = [
            Some(person.id.as_str()),
            person.email.as_ref().map(|e| e.reveal().as_str()),
            Some(customer_ids.as_str()),
            person.residence.place.as_ref().map(|p| p.0.as_str()),
            Some(cell.class.word()),
            Some(cell.effect.word()),
            Some(cell.grade.named(cell.effect)),
            Some(cell.protection.word()),
            cell.protection_detail.as_deref(),
            Some(first.as_str()),
            Some(last.as_str()),
            Some(accesses.as_str()),
            Some(cell.proof.evidence.0.as_str()),
            Some(offset.as_str()),
            Some(length.as_str()),
            Some(line.as_str()),
            Some(cell.proof.shape.as_str()),
            Some(cell.proof.snapshot.0.as_str()),
            Some(cell.proof.table.as_str()),
            Some(cell.proof.row_key.as_str()),
            cell.proof.because.as_deref(),
        ];
        push(&mut cells, &row, dir)?;
    }
    cells.finish().map_err(fault())?;
    let mut shapes = open(dir, "shapes", SHAPES).map_err(fault())?;
    for shape in &matrix.shapes {
        let number = |n: Option<u64>| n.map(|n| n.to_string());
        let (statements, failed) = (number(Some(shape.statements)), number(Some(shape.failed)));
        let (predicted, rows) = (number(shape.rows_predicted), number(shape.rows_observed));
        let (bytes, disagree) = (number(shape.bytes_observed), number(Some(shape.disagree)));
        let row = [
            Some(shape.id.as_str()),
            Some(shape.text.as_str()),
            Some(shape.judged.as_str()),
            statements.as_deref(),
            failed.as_deref(),
            predicted.as_deref(),
            rows.as_deref(),
            bytes.as_deref(),
            disagree.as_deref(),
        ];
        push(&mut shapes, &row, dir)?;
    }
    shapes.finish().map_err(fault())?;
    Ok(())
}

fn open(dir: &Path, table: &str, columns: &[(&str, ColumnKind)]) -> Result<TableWriter, LakeError> {
    let columns: Vec<ColumnDef> = columns
        .iter()
        .map(|(name, kind)| ColumnDef { name: (*name).to_owned(), kind: *kind, declared: String::new() })
        .collect();
    TableWriter::create(dir, table, &columns, &[])
}

fn push(table: &mut TableWriter, row: &[Option<&str>], dir: &Path) -> Result<(), ScopeError> {
    table.push(row).map_err(|error| ScopeError::Write { path: dir.to_owned(), source: std::io::Error::other(error) })
}
