//! How each number was got: statements by shape, predicted against observed, and the snapshots they were run on.

use crate::CaseView;
use crate::figures::{bytes, count};
use crate::moments::{When, Zone};
use stanch_model::exposure::Shape;

/// Shapes that stand open; the others are folded.
const OPEN_MAX: usize = 12;
/// Characters of a statement that are shown.
const STATEMENT_MAX: usize = 700;

/// How the numbers came about.
pub(crate) struct Method {
    pub(crate) shapes: Vec<ShapeRow>,
    pub(crate) more: Vec<ShapeRow>,
    pub(crate) totals: Totals,
    pub(crate) snapshots: Vec<SnapshotRow>,
    pub(crate) accesses: String,
    pub(crate) intruder_events: String,
}

/// The last line of the reconciliation.
pub(crate) struct Totals {
    pub(crate) shapes: String,
    pub(crate) statements: String,
    pub(crate) failed: String,
    pub(crate) predicted: String,
    pub(crate) observed: String,
    pub(crate) bytes: String,
    pub(crate) disagree: String,
}

/// One shape.
pub(crate) struct ShapeRow {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) cut: Option<String>,
    pub(crate) judged: String,
    pub(crate) statements: String,
    pub(crate) failed: String,
    pub(crate) predicted: String,
    pub(crate) observed: String,
    pub(crate) bytes: String,
    pub(crate) disagree: String,
    pub(crate) disagrees: bool,
}

/// One snapshot.
pub(crate) struct SnapshotRow {
    pub(crate) role: String,
    pub(crate) seal: String,
    pub(crate) taken_at: When,
    pub(crate) rows: String,
    pub(crate) tables: Vec<(String, String)>,
}

impl Method {
    pub(crate) fn of(view: &CaseView<'_>, zone: &Zone) -> Method {
        let mut shapes: Vec<ShapeRow> = view.matrix.shapes.iter().map(row).collect();
        let more = shapes.split_off(OPEN_MAX.min(shapes.len()));
        Method {
            shapes,
            more,
            totals: totals(&view.matrix.shapes),
            snapshots: view
                .matrix
                .snapshots
                .iter()
                .map(|s| SnapshotRow {
                    role: s.role.clone(),
                    seal: s.seal.0.clone(),
                    taken_at: zone.when(s.taken_at),
                    rows: count(s.tables.values().sum()),
                    tables: s.tables.iter().map(|(table, rows)| (table.clone(), count(*rows))).collect(),
                })
                .collect(),
            accesses: count(view.matrix.accesses),
            intruder_events: count(view.matrix.intruder_events),
        }
    }
}

fn row(shape: &Shape) -> ShapeRow {
    // A statement's own line breaks mean nothing; shown as escapes they would only be in the way.
    let text = shape.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (text, cut) = match text.char_indices().nth(STATEMENT_MAX) {
        Some((at, _)) => (format!("{}…", &text[..at]), Some(count(text[at..].chars().count() as u64))),
        None => (text, None),
    };
    ShapeRow {
        id: shape.id.clone(),
        text,
        cut,
        judged: shape.judged.clone(),
        statements: count(shape.statements),
        failed: count(shape.failed),
        predicted: known(shape.rows_predicted, count),
        observed: known(shape.rows_observed, count),
        bytes: known(shape.bytes_observed, bytes),
        disagree: count(shape.disagree),
        disagrees: shape.disagree > 0,
    }
}

fn totals(shapes: &[Shape]) -> Totals {
    let sum = |of: fn(&Shape) -> Option<u64>| shapes.iter().filter_map(of).reduce(u64::saturating_add);
    let all = |of: fn(&Shape) -> u64| count(shapes.iter().map(of).fold(0, u64::saturating_add));
    Totals {
        shapes: count(shapes.len() as u64),
        statements: all(|s| s.statements),
        failed: all(|s| s.failed),
        predicted: known(sum(|s| s.rows_predicted), count),
        observed: known(sum(|s| s.rows_observed), count),
        bytes: known(sum(|s| s.bytes_observed), bytes),
        disagree: all(|s| s.disagree),
    }
}

/// A dash where the evidence does not say: never a zero.
fn known(value: Option<u64>, show: fn(u64) -> String) -> String {
    value.map_or("–".to_owned(), show)
}
