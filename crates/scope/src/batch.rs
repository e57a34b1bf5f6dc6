//! Many statements of one shape as one join: the literals that vary become a table.

use crate::access::{Statement, during};
use crate::plan::{self, Block, Role, Schema, Unplanned};
use crate::shape::{self, LiteralKind};
use crate::worlds::{BORN, BOTH, Worlds, quote};
use sqlparser::ast::{Expr, Visit, Visitor};
use stanch_lake::datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, UInt32Array,
};
use stanch_lake::datafusion::arrow::datatypes::{DataType, Field, Schema as ArrowSchema, UInt32Type};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The literals' table. No store's table starts with two underscores and this word.
const LITERALS: &str = "__literals";
/// Statements that are joined at once: bounds memory, whatever their number.
const CHUNK: usize = 1 << 18;

/// A result row: statement, source, row of the source's table.
type Row = (u32, u16, u32);
/// One end of the time in which a statement ran.
type End = fn((i64, i64)) -> i64;

/// A row reached by one of the statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BatchHit {
    pub(crate) statement: u32,
    pub(crate) source: u16,
    pub(crate) row: u32,
    pub(crate) sure: bool,
}

/// What a shape reached, block by block.
pub(crate) struct Batched {
    pub(crate) blocks: Vec<Block>,
    pub(crate) reached: Vec<Vec<BatchHit>>,
    pub(crate) predicted: u64,
}

/// Runs all statements of one shape, or says why they must be run one by one.
pub(crate) fn run(
    worlds: &mut Worlds<'_>,
    schema: &Schema<'_>,
    statements: &[&Statement],
) -> Result<Batched, Unplanned> {
    let literals: Vec<Vec<shape::Literal>> = statements.iter().map(|s| shape::take(&s.text).literals).collect();
    let varying = varying(&literals)?;
    let template = template(&statements[0].text, &literals[0], &varying);
    let parsed = plan::parse(&template)?;
    let [one] = parsed.as_slice() else { return Err("several statements at once".to_owned()) };
    let found = plan::plan(one, schema)?;
    if !found.writes.is_empty() || !found.probes.is_empty() {
        return Err("writes and probes are judged one by one".to_owned());
    }
    let plain = |b: &Block| {
        b.role == Role::Output
            && b.cut.is_none()
            && b.gate.is_none()
            && b.from.matches("(SELECT").count() == b.tables.len()
    };
    if !found.blocks.iter().all(plain) {
        return Err("a cut or nested query is judged one by one".to_owned());
    }
    for table in found.blocks.iter().flat_map(|b| &b.tables) {
        if !matches!(worlds.load(table), Ok(true)) {
            return Err(format!("table {table} is not in the snapshot"));
        }
    }
    let numeric = numeric_literals(one, &found.blocks, worlds, &literals, &varying)?;
    let mut batched = Batched { reached: vec![Vec::new(); found.blocks.len()], blocks: found.blocks, predicted: 0 };
    for from in (0..statements.len()).step_by(CHUNK) {
        let to = (from + CHUNK).min(statements.len());
        chunk(worlds, statements, &literals, &varying, &numeric, from..to, &mut batched)?;
    }
    Ok(batched)
}

/// Which literals differ between the statements. All must have the same number of them.
fn varying(literals: &[Vec<shape::Literal>]) -> Result<Vec<usize>, Unplanned> {
    let first = &literals[0];
    if literals.iter().any(|l| l.len() != first.len()) {
        return Err("literals of different number".to_owned());
    }
    Ok((0..first.len()).filter(|at| literals.iter().any(|l| l[*at].value != first[*at].value)).collect())
}

fn template(text: &str, literals: &[shape::Literal], varying: &[usize]) -> String {
    let mut template = String::with_capacity(text.len() + 16 * varying.len());
    let mut at = 0;
    for (number, literal) in literals.iter().enumerate() {
        if let Some(place) = varying.iter().position(|v| *v == number) {
            template.push_str(&text[at..literal.span.0]);
            template.push_str(&format!("{LITERALS}.p{place}"));
            at = literal.span.1;
        }
    }
    template.push_str(&text[at..]);
    template
}

/// Which varying literals are whole numbers: those written as such, and quoted ones compared with a whole-number column.
fn numeric_literals(
    statement: &sqlparser::ast::Statement,
    blocks: &[Block],
    worlds: &Worlds<'_>,
    literals: &[Vec<shape::Literal>],
    varying: &[usize],
) -> Result<Vec<bool>, Unplanned> {
    let compared = compared_columns(statement);
    let is_whole_number = |column: &str| {
        blocks
            .iter()
            .flat_map(|b| &b.tables)
            .filter_map(|t| worlds.table(t))
            .any(|t| t.columns.iter().any(|(name, kind)| name == column && *kind == DataType::Int64))
    };
    varying
        .iter()
        .enumerate()
        .map(|(place, at)| {
            let written_as_number = literals.iter().all(|l| l[*at].kind == LiteralKind::Number);
            let column_is_number = compared.get(&format!("p{place}")).is_some_and(|c| is_whole_number(c));
            if written_as_number || column_is_number {
                // A value that is no whole number would need the engine's own conversion rules.
                let all = literals.iter().all(|l| l[*at].value.parse::<i64>().is_ok());
                return if all { Ok(true) } else { Err("literals that are no whole numbers".to_owned()) };
            }
            Ok(false)
        })
        .collect()
}

/// Literal → the column that it is compared with.
fn compared_columns(statement: &sqlparser::ast::Statement) -> BTreeMap<String, String> {
    struct Compared(BTreeMap<String, String>);
    impl Compared {
        fn pair(&mut self, a: &Expr, b: &Expr) {
            let (Some((table, name)), Some((other, column))) =
                (crate::expr::column_name(a), crate::expr::column_name(b))
            else {
                return;
            };
            if table.as_deref() == Some(LITERALS) && other.as_deref() != Some(LITERALS) {
                self.0.insert(name, column);
            }
        }
    }
    impl Visitor for Compared {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::BinaryOp { left, right, .. } => {
                    self.pair(left, right);
                    self.pair(right, left);
                }
                Expr::InList { expr, list, .. } => list.iter().for_each(|e| self.pair(e, expr)),
                Expr::Between { expr, low, high, .. } => {
                    self.pair(low, expr);
                    self.pair(high, expr);
                }
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let mut compared = Compared(BTreeMap::new());
    let _ = statement.visit(&mut compared);
    compared.0
}

fn chunk(
    worlds: &mut Worlds<'_>,
    statements: &[&Statement],
    literals: &[Vec<shape::Literal>],
    varying: &[usize],
    numeric: &[bool],
    span: std::ops::Range<usize>,
    batched: &mut Batched,
) -> Result<(), Unplanned> {
    let births =
        batched.blocks.iter().flat_map(|b| &b.tables).filter_map(|t| worlds.table(t)).any(|t| !t.births.is_empty());
    // With no row born in between, when a statement ran makes no difference.
    let ends: &[End] = if births { &[|d| d.0, |d| d.1] } else { &[|d| d.1] };
    let mut runs: Vec<Vec<Vec<Row>>> = vec![Vec::new(); batched.blocks.len()];
    for end in ends {
        let table = literal_table(statements, literals, varying, numeric, span.clone(), *end);
        for world in BOTH {
            let engine = worlds.engine(world);
            let fault = |_| "the replay engine does not run it".to_owned();
            engine.register(LITERALS, table.schema(), vec![table.clone()]).map_err(fault)?;
            for (at, block) in batched.blocks.iter().enumerate() {
                let sql = joined(block, births)?;
                let mut rows = Vec::new();
                for batch in engine.stream(&sql).map_err(fault)? {
                    let batch = batch.map_err(fault)?;
                    if world == crate::worlds::World::Late && std::ptr::eq(end, &ends[ends.len() - 1]) {
                        batched.predicted += batch.num_rows() as u64;
                    }
                    read(&batch, block.sources.len(), &mut rows);
                }
                rows.sort_unstable();
                rows.dedup();
                runs[at].push(rows);
            }
        }
    }
    for (at, runs) in runs.into_iter().enumerate() {
        let certain = batched.blocks[at].doubts.is_empty();
        merge(runs, certain, &mut batched.reached[at]);
    }
    Ok(())
}

/// A block's provenance query for all statements of the table at once. Where rows were born in between, each
/// statement's own moment decides, which for the far side of an outer join no flat condition can say.
fn joined(block: &Block, births: bool) -> Result<String, Unplanned> {
    let born = format!(" WHERE {} <= {{T}})", quote(BORN));
    let mut conditions = block.conditions.clone();
    let from = if births {
        if block.from.contains(" LEFT ") || block.from.contains(" RIGHT ") || block.from.contains(" FULL ") {
            return Err("an outer join over tables with new rows is judged one by one".to_owned());
        }
        conditions.extend(block.aliases.iter().map(|a| format!("{}.{} <= {LITERALS}.t", quote(a), quote(BORN))));
        block.from.replace(&born, ")")
    } else {
        block.from.replace("{T}", &i64::MAX.to_string())
    };
    let conditions = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    Ok(format!("SELECT {LITERALS}.i AS i, {} FROM {from}, {LITERALS}{conditions}", block.select))
}

fn literal_table(
    statements: &[&Statement],
    literals: &[Vec<shape::Literal>],
    varying: &[usize],
    numeric: &[bool],
    span: std::ops::Range<usize>,
    end: End,
) -> RecordBatch {
    let number = |at: usize| u32::try_from(at).expect("fewer than four thousand million statements");
    let mut fields = vec![Field::new("i", DataType::UInt32, false), Field::new("t", DataType::Int64, false)];
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(span.clone().map(number))),
        Arc::new(Int64Array::from_iter_values(span.clone().map(|at| end(during(statements[at].spot.time))))),
    ];
    for (place, at) in varying.iter().enumerate() {
        let values = span.clone().map(|s| literals[s][*at].value.as_str());
        let column: ArrayRef = if numeric[place] {
            Arc::new(values.map(|v| v.parse::<i64>().ok()).collect::<Int64Array>())
        } else {
            Arc::new(StringArray::from_iter_values(values))
        };
        fields.push(Field::new(format!("p{place}"), column.data_type().clone(), true));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), columns).expect("one value a statement in each column")
}

fn read(batch: &RecordBatch, sources: usize, rows: &mut Vec<Row>) {
    let statements = batch.column(0).as_primitive::<UInt32Type>();
    for source in 0..sources {
        let numbers = batch.column(source + 1).as_primitive::<UInt32Type>();
        let source = u16::try_from(source).unwrap_or(u16::MAX);
        let filled = (0..batch.num_rows()).filter(|row| numbers.is_valid(*row));
        rows.extend(filled.map(|row| (statements.value(row), source, numbers.value(row))));
    }
}

/// In every run: certain. In some: possible. Each run is sorted and holds no row twice.
fn merge(runs: Vec<Vec<Row>>, certain: bool, into: &mut Vec<BatchHit>) {
    let of = runs.len();
    let mut all: Vec<Row> = runs.into_iter().flatten().collect();
    all.sort_unstable();
    let mut rest = all.as_slice();
    while let Some(first) = rest.first() {
        let times = rest.iter().take_while(|r| *r == first).count();
        let (statement, source, row) = *first;
        into.push(BatchHit { statement, source, row, sure: certain && times == of });
        rest = &rest[times..];
    }
}
