//! Running provenance queries, in both worlds and at both ends of the time in which a statement may have run.

use crate::plan::{Block, Cut};
use crate::worlds::{BOTH, World, Worlds};
use sqlparser::ast::{Expr, Visitor};
use stanch_lake::datafusion::arrow::array::{Array, AsArray, RecordBatch};
use stanch_lake::datafusion::arrow::datatypes::{DataType, Int64Type, UInt32Type, UInt64Type};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::rc::Rc;

/// A row that a block reached: which source, which row of its table, and whether in every world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reached {
    pub(crate) source: u16,
    pub(crate) row: u32,
    pub(crate) sure: bool,
}

/// What a block reached.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replayed {
    pub(crate) rows: Vec<Reached>,
    /// Fewest and most result rows over the worlds: what the server should have counted.
    pub(crate) predicted: (u64, u64),
    /// The block's value and the rows it stands in, where it is one value and the same in every world.
    pub(crate) value: Option<String>,
}

/// One result row: each source's row number, its place in the order, and the block's value.
struct Ranked {
    rows: Vec<Option<u32>>,
    /// Places before it, and places it may take: `first <= place < first + ties`.
    first: u64,
    ties: u64,
    value: Option<String>,
}

type Answer = Result<Rc<Vec<Ranked>>, String>;

/// Answers are kept: an injection asks the same inner query thousands of times.
#[derive(Default)]
pub(crate) struct Replay {
    kept: HashMap<(World, String), Answer>,
    gates: HashMap<(World, String), Result<bool, String>>,
}

impl Replay {
    /// Runs a block for a statement that ran between the two moments.
    pub(crate) fn run(
        &mut self,
        worlds: &mut Worlds<'_>,
        block: &Block,
        during: (i64, i64),
    ) -> Result<Replayed, String> {
        check_functions(block)?;
        load(worlds, &block.tables)?;
        if let Some(gate) = &block.gate {
            load(worlds, &gate.tables)?;
        }
        let mut moments = vec![settle(worlds, block, during.0), settle(worlds, block, during.1)];
        moments.dedup();
        let mut runs = Vec::new();
        for world in BOTH {
            for moment in &moments {
                runs.push(self.once(worlds, block, world, *moment)?);
            }
        }
        Ok(join(block, &runs))
    }

    fn once(&mut self, worlds: &Worlds<'_>, block: &Block, world: World, moment: i64) -> Answer {
        if let Some(gate) = &block.gate {
            let sql = gate.sql.replace("{T}", &moment.to_string());
            let open = self.gates.entry((world, sql.clone())).or_insert_with(|| {
                let (_, batches) =
                    worlds.engine(world).query(&sql).map_err(|_| "its outer query does not replay".to_owned())?;
                Ok(batches.iter().any(|b| b.num_rows() > 0))
            });
            if !open.clone()? {
                return Ok(Rc::new(Vec::new()));
            }
        }
        let sql = sql_of(block, moment);
        self.kept.entry((world, sql)).or_insert_with_key(|(world, sql)| ask(worlds, *world, sql, block)).clone()
    }
}

fn load(worlds: &mut Worlds<'_>, tables: &[String]) -> Result<(), String> {
    for table in tables {
        match worlds.load(table) {
            Ok(true) => {}
            Ok(false) => return Err(format!("table {table} is not in the snapshot")),
            Err(_) => return Err(format!("table {table} could not be read")),
        }
    }
    Ok(())
}

/// The last birth of a row at or before a moment, so that moments with the same rows share an answer.
fn settle(worlds: &Worlds<'_>, block: &Block, moment: i64) -> i64 {
    let gate = block.gate.iter().flat_map(|g| &g.tables);
    let births = block.tables.iter().chain(gate).filter_map(|t| worlds.table(t)).filter_map(|t| {
        let after = t.births.partition_point(|b| *b <= moment);
        after.checked_sub(1).map(|at| t.births[at])
    });
    births.max().unwrap_or(i64::MIN)
}

fn sql_of(block: &Block, moment: i64) -> String {
    let mut list = vec![block.select.clone()];
    if block.cut.is_some() {
        if block.order.is_empty() {
            list.push("CAST(1 AS BIGINT UNSIGNED) AS first_place, COUNT(*) OVER () AS ties".to_owned());
        } else {
            let order: Vec<String> = block.order.iter().map(|(e, o)| format!("{e} {o}")).collect();
            let by: Vec<&str> = block.order.iter().map(|(e, _)| e.as_str()).collect();
            list.push(format!(
                "RANK() OVER (ORDER BY {}) AS first_place, COUNT(*) OVER (PARTITION BY {}) AS ties",
                order.join(", "),
                by.join(", ")
            ));
        }
    }
    if let Some(value) = &block.value {
        list.push(format!("CAST({value} AS VARCHAR) AS shown"));
    }
    let conditions =
        if block.conditions.is_empty() { String::new() } else { format!(" WHERE {}", block.conditions.join(" AND ")) };
    format!("SELECT {} FROM {}{conditions}", list.join(", "), block.from).replace("{T}", &moment.to_string())
}

fn ask(worlds: &Worlds<'_>, world: World, sql: &str, block: &Block) -> Answer {
    let ranked = block.cut.is_some();
    let (_, batches) = match worlds.engine(world).query(sql) {
        Ok(answer) => answer,
        // The value is a help, not a need: without it the rows still stand.
        Err(_) if block.value.is_some() => {
            let mut bare = block.clone();
            bare.value = None;
            return ask(worlds, world, &strip_value(sql), &bare);
        }
        Err(_) => return Err("the replay engine does not run it".to_owned()),
    };
    let mut rows = Vec::new();
    for batch in &batches {
        read(batch, block.sources.len(), ranked, &mut rows);
    }
    Ok(Rc::new(rows))
}

/// Cuts the value out of a provenance query again.
fn strip_value(sql: &str) -> String {
    match (sql.find(", CAST("), sql.find(" AS VARCHAR) AS shown")) {
        (Some(_), Some(to)) => {
            let from = sql[..to].rfind(", CAST(").unwrap_or(to);
            format!("{}{}", &sql[..from], &sql[to + " AS VARCHAR) AS shown".len()..])
        }
        _ => sql.to_owned(),
    }
}

fn read(batch: &RecordBatch, sources: usize, ranked: bool, rows: &mut Vec<Ranked>) {
    let number = |name: &str, row: usize| {
        let column = batch.column_by_name(name)?;
        match column.data_type() {
            DataType::UInt64 => Some(column.as_primitive::<UInt64Type>().value(row)),
            DataType::Int64 => u64::try_from(column.as_primitive::<Int64Type>().value(row)).ok(),
            _ => None,
        }
    };
    let columns: Vec<_> = (0..sources).map(|s| batch.column(s).as_primitive::<UInt32Type>()).collect();
    let shown = batch
        .column_by_name("shown")
        .and_then(|c| stanch_lake::datafusion::arrow::compute::cast(c, &DataType::Utf8).ok());
    for row in 0..batch.num_rows() {
        let (first, ties) = if ranked {
            (number("first_place", row).unwrap_or(1), number("ties", row).unwrap_or(u64::MAX))
        } else {
            (1, 1)
        };
        rows.push(Ranked {
            rows: columns.iter().map(|c| c.is_valid(row).then(|| c.value(row))).collect(),
            first,
            ties,
            value: shown.as_ref().filter(|s| s.is_valid(row)).map(|s| s.as_string::<i32>().value(row).to_owned()),
        });
    }
}

/// Whether a row lies inside a cut: surely, or only if ties fall so.
fn inside(row: &Ranked, cut: Option<Cut>) -> Option<bool> {
    let Some(cut) = cut else { return Some(true) };
    let (from, to) = (cut.offset, cut.limit.map_or(u64::MAX, |l| cut.offset.saturating_add(l)));
    let (first, last) = (row.first - 1, (row.first - 1).saturating_add(row.ties.saturating_sub(1)));
    if first >= to || last < from {
        return None;
    }
    Some(first >= from && last < to)
}

fn join(block: &Block, runs: &[Rc<Vec<Ranked>>]) -> Replayed {
    let mut seen: HashMap<(u16, u32), (usize, bool)> = HashMap::new();
    let mut values: Vec<Option<String>> = Vec::new();
    let mut predicted = (u64::MAX, 0);
    for rows in runs {
        let mut here: HashMap<(u16, u32), bool> = HashMap::new();
        let mut taken = 0u64;
        let mut value = None;
        for row in rows.iter() {
            let Some(sure) = inside(row, block.cut) else { continue };
            taken += 1;
            value = if taken == 1 && sure { row.value.clone() } else { None };
            for (source, number) in row.rows.iter().enumerate() {
                let Some(number) = number else { continue };
                let slot = here.entry((u16::try_from(source).unwrap_or(u16::MAX), *number)).or_insert(false);
                *slot |= sure;
            }
        }
        for (key, sure) in here {
            let entry = seen.entry(key).or_insert((0, true));
            entry.0 += 1;
            entry.1 &= sure;
        }
        values.push(value);
        let counted = block.cut.and_then(|c| c.limit).map_or(taken, |l| taken.min(l));
        predicted = (predicted.0.min(counted), predicted.1.max(counted));
    }
    let certain = block.doubts.is_empty();
    let mut rows: Vec<Reached> = seen
        .into_iter()
        .map(|((source, row), (times, sure))| Reached { source, row, sure: certain && sure && times == runs.len() })
        .collect();
    rows.sort_unstable();
    let same = values.windows(2).all(|v| v[0] == v[1]);
    Replayed { rows, predicted, value: values.into_iter().next().flatten().filter(|_| same) }
}

/// Functions that attack SQL may run here: pure, and cheap whatever they are given.
const FUNCTIONS: &[&str] = &[
    "abs",
    "ascii",
    "avg",
    "btrim",
    "cast",
    "ceil",
    "char_length",
    "character_length",
    "chr",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "current_date",
    "date_part",
    "date_trunc",
    "floor",
    "greatest",
    "initcap",
    "least",
    "left",
    "length",
    "lower",
    "ltrim",
    "max",
    "md5",
    "min",
    "mod",
    "now",
    "nullif",
    "octet_length",
    "position",
    "power",
    "regexp_like",
    "replace",
    "reverse",
    "right",
    "round",
    "rtrim",
    "sign",
    "split_part",
    "sqrt",
    "starts_with",
    "string_agg",
    "strpos",
    "substr",
    "substring",
    "sum",
    "to_char",
    "to_date",
    "to_timestamp",
    "trim",
    "trunc",
    "upper",
];

fn check_functions(block: &Block) -> Result<(), String> {
    let texts = block
        .conditions
        .iter()
        .chain(block.order.iter().map(|(e, _)| e))
        .chain(&block.value)
        .chain(block.gate.iter().map(|g| &g.sql));
    for text in texts {
        let sql = if text.starts_with("SELECT ") { text.clone() } else { format!("SELECT {text}") };
        let sql = sql.replace("{T}", "0");
        for statement in crate::plan::parse(&sql)? {
            if let Some(name) = foreign_function(&statement) {
                return Err(format!("it calls {name}(), which is not replayed"));
            }
        }
    }
    Ok(())
}

fn foreign_function(node: &impl sqlparser::ast::Visit) -> Option<String> {
    struct Search;
    impl Visitor for Search {
        type Break = String;
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
            if let Expr::Function(function) = expr {
                let name = function.name.to_string().to_lowercase();
                if !FUNCTIONS.contains(&name.as_str()) {
                    let plain = name.chars().filter(|c| c.is_alphanumeric() || *c == '_').take(40).collect();
                    return ControlFlow::Break(plain);
                }
            }
            ControlFlow::Continue(())
        }
    }
    match node.visit(&mut Search) {
        ControlFlow::Break(name) => Some(name),
        ControlFlow::Continue(()) => None,
    }
}
