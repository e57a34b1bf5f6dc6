//! The exposure as a list, for spreadsheets and other tools. This is where the names are.

use crate::ReportError;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use stanch_model::exposure::Matrix;
use stanch_model::{Cell, Person, Proof};
use std::io::Write;

/// The columns of `exposure.csv`, in order.
const COLUMNS: [&str; 12] = [
    "person",
    "email",
    "customer_ids",
    "data_class",
    "effect",
    "grade",
    "protection",
    "first_at",
    "last_at",
    "accesses",
    "proof",
    "residence",
];

/// Why an export was not finished.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The matrix contradicts itself.
    #[error("could not export the exposure")]
    Matrix(#[source] ReportError),
    /// The CSV could not be written.
    #[error("could not write the exposure as CSV; look at free space and permissions")]
    Csv(#[source] csv::Error),
    /// The JSON could not be written.
    #[error("could not write the exposure as JSON; look at free space and permissions")]
    Json(#[source] serde_json::Error),
    /// The last bytes could not be written.
    #[error("could not finish writing the exposure; look at free space and permissions")]
    Flush(#[source] std::io::Error),
}

/// One line per cell, after RFC 4180, in the matrix's order. Returns how many.
///
/// `customer_ids` are separated by spaces, times are RFC 3339 in UTC, `proof` is
/// `<SHA-256 of the evidence>:<offset>+<length> line <line>`, `residence` is empty where it is not known. A value that a
/// spreadsheet would run as a formula gets an apostrophe in front.
///
/// # Errors
///
/// [`ExportError::Csv`] or [`ExportError::Flush`] where `out` fails.
pub fn exposure_csv(matrix: &Matrix, out: &mut dyn Write) -> Result<u64, ExportError> {
    crate::check(matrix).map_err(ExportError::Matrix)?;
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    writer.write_record(COLUMNS).map_err(ExportError::Csv)?;
    let mut written = 0;
    for cell in &matrix.cells {
        let person = &matrix.persons[cell.person as usize];
        let fields = csv_fields(person, cell);
        writer.write_record(fields.iter().map(|f| inert(f))).map_err(ExportError::Csv)?;
        written += 1;
    }
    writer.flush().map_err(ExportError::Flush)?;
    Ok(written)
}

fn csv_fields(person: &Person, cell: &Cell) -> [String; 12] {
    let Proof { evidence, offset, length, line, .. } = &cell.proof;
    [
        person.id.clone(),
        person.email.as_ref().map_or_else(String::new, |e| e.reveal().clone()),
        person.customer_ids.join(" "),
        cell.class.word().to_owned(),
        cell.effect.word().to_owned(),
        cell.grade.named(cell.effect).to_owned(),
        protection(cell),
        cell.window.from.to_string(),
        cell.window.to.to_string(),
        cell.accesses.to_string(),
        format!("{evidence}:{offset}+{length} line {line}"),
        person.residence.place.as_ref().map_or_else(String::new, |p| p.0.clone()),
    ]
}

/// `hashed pbkdf2_sha256`: the form, then its particulars.
fn protection(cell: &Cell) -> String {
    match &cell.protection_detail {
        Some(detail) => format!("{} {detail}", cell.protection),
        None => cell.protection.to_string(),
    }
}

/// A value that no spreadsheet runs. Those that begin with white space count too: some programs trim first.
fn inert(value: &str) -> String {
    let first = value.trim_start_matches([' ', '\u{a0}']).chars().next();
    if matches!(first, Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')) {
        format!("'{value}")
    } else {
        value.to_owned()
    }
}

/// The same content as one JSON document, streamed. Returns how many cells.
///
/// ```json
/// {"format": "stanch-exposure-1",
///  "people": {"floor": 1, "ceiling": 2},
///  "incomplete": [a sentence for each thing that every number lacks],
///  "cells": [{"person": "P-…", "email": "…" or null, "customer_ids": ["42"], "data_class": "name",
///             "effect": "disclosed", "grade": "possible", "protection": "plain", "protection_detail": null,
///             "first_at": "2026-03-02T21:14:05Z", "last_at": "…", "accesses": 3,
///             "proof": {"evidence": "<sha256>", "offset": 0, "length": 120, "line": 1, "time": "…", "shape": "S-…",
///                       "snapshot": "<sha256>", "table": "…", "row_key": "…", "because": null},
///             "residence": "DE" or null}]}
/// ```
///
/// `grade` is as in the CSV: `disclosed`, `altered`, `destroyed`, `partial`, `possible`, `membership` or `handled`.
/// Values stand as they are: JSON has no formulas.
///
/// # Errors
///
/// [`ExportError::Json`] or [`ExportError::Flush`] where `out` fails.
pub fn exposure_json(matrix: &Matrix, out: &mut dyn Write) -> Result<u64, ExportError> {
    crate::check(matrix).map_err(ExportError::Matrix)?;
    let mut serializer = serde_json::Serializer::pretty(&mut *out);
    let document = |s: &mut serde_json::Serializer<_, _>| -> Result<(), serde_json::Error> {
        let mut map = s.serialize_map(Some(4))?;
        map.serialize_entry("format", "stanch-exposure-1")?;
        map.serialize_entry("people", &matrix.people())?;
        map.serialize_entry("incomplete", &crate::lacking(matrix))?;
        map.serialize_entry("cells", &Cells(matrix))?;
        SerializeMap::end(map)
    };
    document(&mut serializer).map_err(ExportError::Json)?;
    out.write_all(b"\n").map_err(ExportError::Flush)?;
    out.flush().map_err(ExportError::Flush)?;
    Ok(matrix.cells.len() as u64)
}

struct Cells<'a>(&'a Matrix);

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut seq = s.serialize_seq(Some(self.0.cells.len()))?;
        for cell in &self.0.cells {
            seq.serialize_element(&ExportedCell::of(&self.0.persons[cell.person as usize], cell))?;
        }
        seq.end()
    }
}

#[derive(Serialize)]
struct ExportedCell<'a> {
    person: &'a str,
    email: Option<&'a str>,
    customer_ids: &'a [String],
    data_class: &'static str,
    effect: &'static str,
    grade: &'static str,
    protection: &'static str,
    protection_detail: Option<&'a str>,
    first_at: String,
    last_at: String,
    accesses: u64,
    proof: &'a Proof,
    residence: Option<&'a str>,
}

impl<'a> ExportedCell<'a> {
    fn of(person: &'a Person, cell: &'a Cell) -> Self {
        ExportedCell {
            person: &person.id,
            email: person.email.as_ref().map(|e| e.reveal().as_str()),
            customer_ids: &person.customer_ids,
            data_class: cell.class.word(),
            effect: cell.effect.word(),
            grade: cell.grade.named(cell.effect),
            protection: cell.protection.word(),
            protection_detail: cell.protection_detail.as_deref(),
            first_at: cell.window.from.to_string(),
            last_at: cell.window.to.to_string(),
            accesses: cell.accesses,
            proof: &cell.proof,
            residence: person.residence.place.as_ref().map(|p| p.0.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_are_defused_and_plain_values_are_left_alone() {
        for bad in ["=1+1", "+49", "-1", "@SUM(A1)", "\tx", "\rx", " =cmd", "＝1"] {
            assert_eq!(inert(bad), format!("'{bad}"));
        }
        assert_eq!(inert("a=b@example.org"), "a=b@example.org");
        assert_eq!(inert(""), "");
    }

    proptest! {
        #[test]
        fn no_cell_begins_as_a_formula(value in "[ =+@\\-\t\r\na-z]{0,6}") {
            let cell = inert(&value);
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
            prop_assert!(cell.ends_with(&value));
        }
    }
}
