//! The matrix: person × data class × effect, each cell with its grade and proof.

use crate::evidence::Seal;
use crate::personal::Personal;
use crate::place::Residence;
use crate::time::{Instant, Window};
use crate::words::{DataClass, Effect, Grade, Protection};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A data subject: all accounts and guest orders that share a normalised e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Stable across runs: `P-` and ten hexadecimal digits derived from the e-mail or, without one, the customer number.
    pub id: String,
    /// Normalised e-mail.
    pub email: Option<Personal<String>>,
    /// Name as the store has it, for letters and the person's own page.
    pub name: Option<Personal<String>>,
    /// The store's customer numbers, ascending. Empty for guests.
    pub customer_ids: Vec<String>,
    /// Where they live.
    pub residence: Residence,
}

/// Where a cell's strongest support stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The evidence file.
    pub evidence: Seal,
    /// First byte of the record in it.
    pub offset: u64,
    /// Its length.
    pub length: u32,
    /// Its line.
    pub line: u64,
    /// When.
    pub time: Instant,
    /// The statement's shape, see [`Shape`].
    pub shape: String,
    /// The snapshot that it was replayed on.
    pub snapshot: Seal,
    /// Table of the row that was reached.
    pub table: String,
    /// Key of that row.
    pub row_key: String,
    /// Why this grade and no other, where it is not certain.
    pub because: Option<String>,
}

/// One cell of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Index into [`Matrix::persons`].
    pub person: u32,
    /// Which data.
    pub class: DataClass,
    /// What happened to it.
    pub effect: Effect,
    /// How surely.
    pub grade: Grade,
    /// In what form it stood.
    pub protection: Protection,
    /// The scheme or other words on the form: `pbkdf2_sha256`.
    pub protection_detail: Option<String>,
    /// First and last access.
    pub window: Window,
    /// How many accesses support it, at any grade.
    pub accesses: u64,
    /// The first access with the cell's grade.
    pub proof: Proof,
}

/// A statement with its literals taken out; each is planned once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// `S-` and ten hexadecimal digits of the text's SHA-256; a route's shape is `route:` and its id.
    pub id: String,
    /// The text, literals as `?`. Never holds a literal.
    pub text: String,
    /// How it was judged, in words: `planned: 2 blocks, output channel`.
    pub judged: String,
    /// How many statements have it.
    pub statements: u64,
    /// How many of these were rejected by the server.
    pub failed: u64,
    /// Rows of personal tables that the replay says were reached.
    pub rows_predicted: Option<u64>,
    /// Rows that the evidence counted.
    pub rows_observed: Option<u64>,
    /// Bytes that the evidence counted.
    pub bytes_observed: Option<u64>,
    /// Statements whose predicted and observed sizes disagree.
    pub disagree: u64,
}

/// The kind of doubt about rows of the store's data that were never read: no ceiling counts the people in them.
pub const INCOMPLETE_SNAPSHOT: &str = "incomplete snapshot";
/// The kind of doubt about evidence that could not be unpacked to its end.
pub const INCOMPLETE_EVIDENCE: &str = "incomplete evidence";

/// Something that widened the ceiling, or bears on it, in words a person reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// What kind: `unplanned statement`, `unknown route`, `coverage gap`, `unexplained bytes`, `snapshot drift`, `tie`.
    pub kind: String,
    /// The particulars, without personal data.
    pub detail: String,
    /// How many statements, requests or spans.
    pub count: u64,
    /// Bytes it leaves unexplained, where that can be said.
    pub bytes: u64,
    /// Whether it raised the ceiling.
    pub raised_ceiling: bool,
    /// One place to look.
    pub example: Option<(Seal, u64, u32)>,
}

/// The exposure of one breach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    /// Every person that the store's data knows, by id; cells point here.
    pub persons: Vec<Person>,
    /// Cells, by person, class, effect; no two alike.
    pub cells: Vec<Cell>,
    /// What was run, most statements first.
    pub shapes: Vec<Shape>,
    /// What is not known, and why.
    pub doubts: Vec<Doubt>,
    /// The snapshots used, in order of time.
    pub snapshots: Vec<SnapshotRef>,
    /// Accesses judged: the intruder's events that reached data.
    pub accesses: u64,
    /// The intruder's events that were considered.
    pub intruder_events: u64,
}

/// A snapshot that statements were replayed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRef {
    /// Seal of the dump, or of the folder's manifest.
    pub seal: Seal,
    /// `before` or `after`.
    pub role: String,
    /// Its time, as stated.
    pub taken_at: Instant,
    /// Tables and rows.
    pub tables: BTreeMap<String, u64>,
}

/// Floor and ceiling of one row in a table of counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Persons for whom it is certain.
    pub floor: u64,
    /// Persons for whom it cannot be ruled out. Never below the floor.
    pub ceiling: u64,
}

impl Matrix {
    /// Whether people may be missing from every count, since the store's data was not read whole.
    pub fn lacks_people(&self) -> bool {
        self.doubts.iter().any(|d| d.kind == INCOMPLETE_SNAPSHOT)
    }

    /// Persons per (class, effect), floor and ceiling.
    pub fn by_class(&self) -> BTreeMap<(DataClass, Effect), Bounds> {
        let mut out: BTreeMap<(DataClass, Effect), Bounds> = BTreeMap::new();
        for cell in &self.cells {
            let bounds = out.entry((cell.class, cell.effect)).or_default();
            bounds.floor += u64::from(cell.grade.in_floor());
            bounds.ceiling += u64::from(cell.grade.in_ceiling());
        }
        out
    }

    /// Persons with any cell, floor and ceiling.
    pub fn people(&self) -> Bounds {
        self.count_people(|_| true)
    }

    /// Persons with any cell for which `wanted` holds, floor and ceiling.
    pub fn count_people(&self, wanted: impl Fn(&Cell) -> bool) -> Bounds {
        let mut best: Vec<Option<Grade>> = vec![None; self.persons.len()];
        for cell in self.cells.iter().filter(|c| wanted(c)) {
            let slot = &mut best[cell.person as usize];
            *slot = (*slot).max(Some(cell.grade));
        }
        let mut out = Bounds::default();
        for grade in best.into_iter().flatten() {
            out.floor += u64::from(grade.in_floor());
            out.ceiling += u64::from(grade.in_ceiling());
        }
        out
    }

    /// Persons by place of residence (`unknown` where none is recorded), floor and ceiling.
    pub fn by_residence(&self) -> BTreeMap<String, Bounds> {
        let mut best: BTreeMap<u32, Grade> = BTreeMap::new();
        for cell in &self.cells {
            let grade = best.entry(cell.person).or_insert(cell.grade);
            *grade = (*grade).max(cell.grade);
        }
        let mut out: BTreeMap<String, Bounds> = BTreeMap::new();
        for (person, grade) in best {
            if !grade.in_ceiling() {
                continue;
            }
            let place = &self.persons[person as usize].residence.place;
            let bounds = out.entry(place.as_ref().map_or("unknown".to_owned(), |p| p.0.clone())).or_default();
            bounds.floor += u64::from(grade.in_floor());
            bounds.ceiling += 1;
        }
        out
    }

    /// The cells of one person, by class and effect.
    pub fn cells_of(&self, person: u32) -> &[Cell] {
        let from = self.cells.partition_point(|c| c.person < person);
        let to = self.cells.partition_point(|c| c.person <= person);
        &self.cells[from..to]
    }
}
