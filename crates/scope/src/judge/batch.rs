//! Many questions of one shape as one join: the literals that vary become a table.
//!
//! Each question is one row of it; where its literals are spread ([`super::literals`]), it is several.

use super::alike::{Alike, During};
use super::literals::{Kinds, SPREAD, Spread, set_to_literals, template, varying};
use crate::access::Seen;
use crate::expr::LITERALS;
use crate::plan::{self, Block, Plan, Role, Schema, Unplanned};
use crate::replay::{check_functions, load};
use crate::shape::{self, Literal};
use crate::worlds::{BORN, World, Worlds, quote};
use sqlparser::ast::Statement;
use stanch_lake::datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, UInt32Array,
};
use stanch_lake::datafusion::arrow::datatypes::{DataType, Field, Schema as ArrowSchema, UInt32Type};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// A result row: question, block, source, row of the source's table.
type Row = (u32, u16, u16, u32);
/// One end of the time in which a statement ran.
type End = fn(During) -> i64;

/// Accesses that are alike and saw the same rows.
pub(super) struct Unit<'a> {
    pub(super) alike: &'a Alike<'a>,
    pub(super) during: During,
    pub(super) seen: Seen,
    literals: Vec<Literal>,
}

/// A row reached by one of the questions. The block behind the last is the write's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BatchHit {
    pub(super) unit: u32,
    pub(super) block: u16,
    pub(super) source: u16,
    pub(super) row: u32,
    pub(super) sure: bool,
}

/// What some of the questions reached, in their order.
pub(super) struct Answered {
    pub(super) hits: Vec<BatchHit>,
    /// Fewest and most result rows of each question.
    pub(super) predicted: Vec<(u64, u64)>,
}

/// A shape, planned once for all its questions.
pub(super) struct Batch<'a> {
    pub(super) plan: Plan,
    pub(super) units: Vec<Unit<'a>>,
    /// Which literals vary, and whether each of them is a whole number.
    varying: Vec<(usize, bool)>,
    spread: Option<Spread>,
    /// Columns that the write sets to a varying literal.
    set: BTreeMap<String, usize>,
    births: bool,
}

impl<'a> Batch<'a> {
    /// Plans the questions together, or says why they must be judged one by one.
    pub(super) fn prepare(
        worlds: &mut Worlds<'_>,
        schema: &Schema<'_>,
        questions: &[&'a Alike<'a>],
    ) -> Result<Batch<'a>, Unplanned> {
        let literals: Vec<Vec<Literal>> = questions.iter().map(|q| shape::take(q.text).literals).collect();
        let varying = varying(&literals)?;
        let template = template(questions[0].text, &literals[0], &varying);
        let mut parsed = plan::parse(&template)?;
        let [statement] = parsed.as_mut_slice() else { return Err("several statements at once".to_owned()) };
        let plan = plan_of(statement, schema)?;
        load(worlds, plan.needs())?;
        let kinds = Kinds { worlds, plan: &plan, literals: &literals };
        let varying = kinds.numeric(statement, &varying)?;
        let spread = kinds.spread(statement, &varying);
        let births = plan.needs().filter_map(|t| worlds.table(t)).any(|t| !t.births.is_empty());
        let units = questions
            .iter()
            .zip(literals)
            .flat_map(|(alike, literals)| {
                let moments = alike.by_moment(worlds, plan.needs());
                moments.into_iter().map(move |(during, seen)| Unit { alike, during, seen, literals: literals.clone() })
            })
            .collect();
        let set = set_to_literals(statement);
        let plan = plan_of(statement, schema)?;
        Ok(Batch { plan, units, varying, spread, set, births })
    }

    /// The blocks in the order of [`BatchHit::block`].
    pub(super) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.plan.blocks.iter().chain(self.plan.writes.iter().map(|w| &w.block))
    }

    /// The write, with what this question sets in place of the literals' names.
    pub(super) fn write_of(&self, unit: usize) -> Option<plan::Write> {
        let mut write = self.plan.writes.first()?.clone();
        for (column, place) in &self.set {
            let (at, _) = self.varying[*place];
            write.set.insert(column.clone(), Some(self.units[unit].literals[at].value.clone()));
        }
        Some(write)
    }

    /// Runs some of the questions.
    pub(super) fn run(&self, worlds: &Worlds<'_>, span: Range<usize>) -> Result<Answered, Unplanned> {
        // With no row born in between, when a statement ran makes no difference.
        let ends: &[End] = if self.births { &[|d| d.0, |d| d.1] } else { &[|d| d.1] };
        let mut runs: Vec<Vec<Row>> = Vec::new();
        let mut predicted = vec![(u64::MAX, 0); span.len()];
        for end in ends {
            let table = self.literal_table(span.clone(), *end);
            for world in worlds.needed(self.plan.needs()) {
                let (rows, counts) = self.once(worlds, *world, &table, &span)?;
                runs.push(rows);
                for (bounds, count) in predicted.iter_mut().zip(counts) {
                    *bounds = (bounds.0.min(count), bounds.1.max(count));
                }
            }
        }
        let certain: Vec<bool> = self.blocks().map(|b| b.doubts.is_empty()).collect();
        Ok(Answered { hits: merge(runs, &certain), predicted })
    }

    fn once(
        &self,
        worlds: &Worlds<'_>,
        world: World,
        table: &RecordBatch,
        span: &Range<usize>,
    ) -> Result<(Vec<Row>, Vec<u64>), Unplanned> {
        let engine = worlds.engine(world);
        let fault = |_| "the replay engine does not run it".to_owned();
        engine.register(LITERALS, table.schema(), vec![table.clone()]).map_err(fault)?;
        let (mut rows, mut counts) = (Vec::new(), vec![0; span.len()]);
        for (at, block) in (0u16..).zip(self.blocks()) {
            let sql = joined(block, self.births)?;
            for batch in engine.stream(&sql).map_err(fault)? {
                let batch = batch.map_err(fault)?;
                if usize::from(at) < self.plan.blocks.len() {
                    let units = batch.column(0).as_primitive::<UInt32Type>().values();
                    units.iter().for_each(|unit| counts[*unit as usize - span.start] += 1);
                }
                read(&batch, at, block.sources.len(), &mut rows);
            }
        }
        rows.sort_unstable();
        rows.dedup();
        Ok((rows, counts))
    }

    fn literal_table(&self, span: Range<usize>, end: End) -> RecordBatch {
        // Which question each row of the table is of, and its own value where values are spread.
        let (mut of, mut spread): (Vec<usize>, Vec<Spreading<'_>>) = (Vec::new(), Vec::new());
        for unit in span {
            let literals = &self.units[unit].literals;
            let value = |place: usize| literals[self.varying[place].0].value.as_str();
            match &self.spread {
                None => of.push(unit),
                Some(Spread::List(places)) => {
                    let values: BTreeSet<&str> = places.iter().map(|p| value(*p)).collect();
                    of.extend(values.iter().map(|_| unit));
                    spread.extend(values.into_iter().map(Spreading::Value));
                }
                Some(Spread::Buckets { low, high, width }) => {
                    let number = |place| value(place).parse::<i64>().unwrap_or(0);
                    let (first, last) = (number(*low) / width, number(*high) / width);
                    of.extend((first..=last).map(|_| unit));
                    spread.extend((first..=last).map(Spreading::Bucket));
                }
            }
        }
        let number = |at: usize| u32::try_from(at).expect("fewer than four thousand million questions");
        let mut fields = vec![Field::new("i", DataType::UInt32, false), Field::new("t", DataType::Int64, false)];
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::from_iter_values(of.iter().map(|u| number(*u)))),
            Arc::new(Int64Array::from_iter_values(of.iter().map(|u| end(self.units[*u].during)))),
        ];
        for (place, (at, numeric)) in self.varying.iter().enumerate() {
            let values = of.iter().map(|u| self.units[*u].literals[*at].value.as_str());
            let column: ArrayRef = if *numeric {
                Arc::new(values.map(|v| v.parse::<i64>().ok()).collect::<Int64Array>())
            } else {
                Arc::new(StringArray::from_iter_values(values))
            };
            fields.push(Field::new(format!("p{place}"), column.data_type().clone(), true));
            columns.push(column);
        }
        if let Some(how) = &self.spread {
            let numeric = !matches!(how, Spread::List(places) if !self.varying[places[0]].1);
            let column: ArrayRef = if numeric {
                Arc::new(spread.iter().map(Spreading::number).collect::<Int64Array>())
            } else {
                Arc::new(spread.iter().map(Spreading::text).collect::<StringArray>())
            };
            fields.push(Field::new(SPREAD, column.data_type().clone(), true));
            columns.push(column);
        }
        RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), columns).expect("one value a row in each column")
    }
}

/// The value of a row of the literals' table that is one of several of its question.
enum Spreading<'a> {
    Value(&'a str),
    Bucket(i64),
}

impl Spreading<'_> {
    fn number(&self) -> Option<i64> {
        match self {
            Spreading::Value(text) => text.parse().ok(),
            Spreading::Bucket(bucket) => Some(*bucket),
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Spreading::Value(text) => Some(text),
            Spreading::Bucket(_) => None,
        }
    }
}

fn plan_of(statement: &Statement, schema: &Schema<'_>) -> Result<Plan, Unplanned> {
    let plan = plan::plan(statement, schema)?;
    if plan.writes.len() > 1 || !plan.probes.is_empty() {
        return Err("probes are judged one by one".to_owned());
    }
    let plain = |b: &Block| {
        b.role == Role::Output
            && b.cut.is_none()
            && b.gate.is_none()
            && b.from.matches("(SELECT").count() == b.tables.len()
    };
    let mut blocks = plan.blocks.iter().chain(plan.writes.iter().map(|w| &w.block));
    if !blocks.clone().all(plain) {
        return Err("a cut or nested query is judged one by one".to_owned());
    }
    blocks.try_for_each(check_functions)?;
    Ok(plan)
}

/// A block's provenance query for all questions of the table at once. Where rows were born in between, each question's
/// own moment decides, which for the far side of an outer join no flat condition can say.
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

fn read(batch: &RecordBatch, block: u16, sources: usize, rows: &mut Vec<Row>) {
    let units = batch.column(0).as_primitive::<UInt32Type>();
    for source in 0..sources {
        let numbers = batch.column(source + 1).as_primitive::<UInt32Type>();
        let source = u16::try_from(source).unwrap_or(u16::MAX);
        let filled = (0..batch.num_rows()).filter(|row| numbers.is_valid(*row));
        rows.extend(filled.map(|row| (units.value(row), block, source, numbers.value(row))));
    }
}

/// In every run: certain. In some: possible. Each run is sorted and holds no row twice.
fn merge(runs: Vec<Vec<Row>>, certain: &[bool]) -> Vec<BatchHit> {
    let of = runs.len();
    let mut all: Vec<Row> = runs.into_iter().flatten().collect();
    if of > 1 {
        all.sort_unstable();
    }
    let mut hits = Vec::new();
    let mut rest = all.as_slice();
    while let Some(first) = rest.first() {
        let times = rest.iter().take_while(|r| *r == first).count();
        let (unit, block, source, row) = *first;
        hits.push(BatchHit { unit, block, source, row, sure: certain[usize::from(block)] && times == of });
        rest = &rest[times..];
    }
    hits
}
