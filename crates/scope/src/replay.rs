//! Running provenance queries, in both worlds and at both ends of the time in which a statement may have run.

use crate::plan::{Block, Cut};
use crate::worlds::{World, Worlds, settled};
use sqlparser::ast::{Expr, Visitor};
use stanch_lake::datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use stanch_lake::datafusion::arrow::compute::{cast, concat, take};
use stanch_lake::datafusion::arrow::datatypes::{DataType, Int64Type, UInt32Type, UInt64Type};
use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
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
    /// The block's value, where it is one value and the same in every world.
    pub(crate) value: Option<String>,
    /// Whether what was said to be shown is the value of one of its rows.
    pub(crate) agrees: bool,
}

/// The rows of a provenance query, by their place in the order.
#[derive(Default)]
struct Ranked {
    sources: usize,
    /// Each result row's row numbers, one for each source; [`NONE`] where an outer join found no other side.
    rows: Vec<u32>,
    /// The first and the last place that each result row may take. Empty where nothing is cut.
    places: Vec<(u64, u64)>,
    /// The block's value in each result row, where it could be replayed.
    values: Option<StringArray>,
}

const NONE: u32 = u32::MAX;

type Answer = Result<Rc<Ranked>, String>;

/// Answers that are kept may take up this much together, in bytes.
const KEPT_BYTES: usize = 256 << 20;

/// Answers are kept: an injection asks the same inner query thousands of times.
#[derive(Default)]
pub(crate) struct Replay {
    kept: HashMap<(World, String), Answer>,
    kept_bytes: usize,
    gates: HashMap<(World, String), Result<bool, String>>,
}

impl Replay {
    /// Runs a block for a statement that ran between the two moments, and of which an error's text may say something.
    pub(crate) fn run(
        &mut self,
        worlds: &mut Worlds<'_>,
        block: &Block,
        during: (i64, i64),
        said: Option<&str>,
    ) -> Result<Replayed, String> {
        check_functions(block)?;
        load(worlds, block.needs())?;
        let mut moments = vec![settled(worlds, block.needs(), during.0), settled(worlds, block.needs(), during.1)];
        moments.dedup();
        let mut runs = Vec::new();
        for world in worlds.needed(block.needs()) {
            for moment in &moments {
                runs.push(self.once(worlds, block, *world, *moment)?);
            }
        }
        Ok(join(block, &runs, said))
    }

    fn once(&mut self, worlds: &Worlds<'_>, block: &Block, world: World, moment: i64) -> Answer {
        if let Some(gate) = &block.gate {
            let sql = gate.sql.replace("{T}", &moment.to_string());
            let open = self.gates.entry((world, sql)).or_insert_with_key(|(world, sql)| {
                let (_, batches) =
                    worlds.engine(*world).query(sql).map_err(|_| "its outer query does not replay".to_owned())?;
                Ok(batches.iter().any(|b| b.num_rows() > 0))
            });
            if !open.clone()? {
                return Ok(Rc::default());
            }
        }
        let key = (world, sql_of(block, moment));
        if let Some(answer) = self.kept.get(&key) {
            return answer.clone();
        }
        let answer = ask(worlds, world, &key.1, block);
        let bytes = key.1.len() + answer.as_ref().map_or(0, |a| a.bytes());
        if self.kept_bytes + bytes > KEPT_BYTES {
            self.kept.clear();
            self.kept_bytes = 0;
        }
        self.kept_bytes += bytes;
        self.kept.insert(key, answer.clone());
        answer
    }
}

/// Loads the tables that a replay needs.
pub(crate) fn load<'t>(worlds: &mut Worlds<'_>, tables: impl Iterator<Item = &'t String>) -> Result<(), String> {
    for table in tables {
        match worlds.load(table) {
            Ok(true) => {}
            Ok(false) => return Err(format!("table {table} is not in the snapshot")),
            Err(_) => return Err(format!("table {table} could not be read")),
        }
    }
    Ok(())
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
    let mut answer = Ranked { sources: block.sources.len(), ..Ranked::default() };
    batches.iter().for_each(|batch| answer.read(batch, ranked));
    let shown: Option<Vec<ArrayRef>> =
        batches.iter().map(|b| cast(b.column_by_name("shown")?, &DataType::Utf8).ok()).collect();
    let shown = shown.filter(|s| !s.is_empty());
    answer.values = shown.and_then(|s| {
        let arrays: Vec<&dyn Array> = s.iter().map(AsRef::as_ref).collect();
        concat(&arrays).ok().map(|all| all.as_string::<i32>().clone())
    });
    Ok(Rc::new(if ranked { answer.sorted() } else { answer }))
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

impl Ranked {
    fn read(&mut self, batch: &RecordBatch, ranked: bool) {
        let columns: Vec<_> = (0..self.sources).map(|s| batch.column(s).as_primitive::<UInt32Type>()).collect();
        for row in 0..batch.num_rows() {
            self.rows.extend(columns.iter().map(|c| if c.is_valid(row) { c.value(row) } else { NONE }));
        }
        if ranked {
            let number = |name: &str, row: usize| {
                let column = batch.column_by_name(name)?;
                match column.data_type() {
                    DataType::UInt64 => Some(column.as_primitive::<UInt64Type>().value(row)),
                    DataType::Int64 => u64::try_from(column.as_primitive::<Int64Type>().value(row)).ok(),
                    _ => None,
                }
            };
            self.places.extend((0..batch.num_rows()).map(|row| {
                let first = number("first_place", row).unwrap_or(1).saturating_sub(1);
                let ties = number("ties", row).unwrap_or(u64::MAX);
                (first, first.saturating_add(ties.saturating_sub(1)))
            }));
        }
    }

    /// In the order of places. Those who tie share both their places, so the last ones ascend too.
    fn sorted(self) -> Ranked {
        let mut order: Vec<u32> =
            (0..u32::try_from(self.len()).expect("fewer than four thousand million rows")).collect();
        order.sort_by_key(|at| (self.places[*at as usize], self.row(*at as usize)));
        let order = UInt32Array::from(order);
        let mut sorted = Ranked { sources: self.sources, ..Ranked::default() };
        for at in order.values() {
            sorted.rows.extend_from_slice(self.row(*at as usize));
            sorted.places.push(self.places[*at as usize]);
        }
        let values = self.values.and_then(|v| take(&v, &order, None).ok());
        sorted.values = values.map(|v| v.as_string::<i32>().clone());
        sorted
    }

    fn len(&self) -> usize {
        self.rows.len() / self.sources.max(1)
    }

    fn row(&self, at: usize) -> &[u32] {
        &self.rows[at * self.sources..(at + 1) * self.sources]
    }

    fn bytes(&self) -> usize {
        4 * self.rows.len() + 16 * self.places.len() + self.values.as_ref().map_or(0, Array::get_array_memory_size)
    }

    /// The result rows that may lie inside a cut.
    fn inside(&self, cut: Option<Cut>) -> Range<usize> {
        let Some(cut) = cut else { return 0..self.len() };
        let begin = self.places.partition_point(|(_, last)| *last < cut.offset);
        let end = self.places.partition_point(|(first, _)| *first < cut.end());
        begin..end.max(begin)
    }

    /// The value of a result row.
    fn value(&self, at: usize) -> Option<&str> {
        self.values.as_ref().filter(|v| v.is_valid(at)).map(|v| v.value(at)).filter(|v| !v.is_empty())
    }

    /// The result rows that may lie inside a cut and whose value stands in the text.
    fn saying(&self, text: Option<&str>, cut: Option<Cut>) -> Vec<usize> {
        let Some(text) = text else { return Vec::new() };
        self.inside(cut).filter(|at| self.value(*at).is_some_and(|v| text.contains(v))).collect()
    }

    /// Whether a result row lies inside however ties fall.
    fn surely_inside(&self, at: usize, cut: Option<Cut>) -> bool {
        cut.is_none_or(|cut| self.places[at].0 >= cut.offset && self.places[at].1 < cut.end())
    }
}

/// Adds the runs up. Where an error's text says what was shown, only the rows whose value it holds were shown, and runs
/// without such a row are not what happened.
fn join(block: &Block, runs: &[Rc<Ranked>], said: Option<&str>) -> Replayed {
    let saying: Vec<Vec<usize>> = runs.iter().map(|a| a.saying(said, block.cut)).collect();
    let agrees = saying.iter().any(|s| !s.is_empty());
    let mut seen: HashMap<(u16, u32), (usize, bool)> = HashMap::new();
    let mut values: Vec<Option<&str>> = Vec::new();
    let mut predicted = (u64::MAX, 0);
    let mut counted = 0;
    for (answer, saying) in runs.iter().zip(saying) {
        let inside = answer.inside(block.cut);
        let taken = block.cut.and_then(|c| c.limit).unwrap_or(u64::MAX).min(inside.len() as u64);
        predicted = (predicted.0.min(taken), predicted.1.max(taken));
        let only = (inside.len() == 1 && answer.surely_inside(inside.start, block.cut)).then_some(inside.start);
        values.push(only.and_then(|at| answer.value(at)));
        let shown: Vec<(usize, bool)> = if agrees {
            saying.iter().map(|at| (*at, saying.len() == 1)).collect()
        } else {
            inside.map(|at| (at, answer.surely_inside(at, block.cut))).collect()
        };
        if agrees && shown.is_empty() {
            continue;
        }
        counted += 1;
        let mut here: HashMap<(u16, u32), bool> = HashMap::new();
        for (at, sure) in shown {
            for (source, number) in answer.row(at).iter().enumerate().filter(|(_, n)| **n != NONE) {
                let slot = here.entry((u16::try_from(source).unwrap_or(u16::MAX), *number)).or_insert(false);
                *slot |= sure;
            }
        }
        for (key, sure) in here {
            let entry = seen.entry(key).or_insert((0, true));
            entry.0 += 1;
            entry.1 &= sure;
        }
    }
    let certain = block.doubts.is_empty();
    let mut rows: Vec<Reached> = seen
        .into_iter()
        .map(|((source, row), (times, sure))| Reached { source, row, sure: certain && sure && times == counted })
        .collect();
    rows.sort_unstable();
    let same = values.windows(2).all(|v| v[0] == v[1]);
    let value = values.first().copied().flatten().filter(|_| same).map(str::to_owned);
    Replayed { rows, predicted, value, agrees }
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

/// Refuses a block that calls anything but these.
pub(crate) fn check_functions(block: &Block) -> Result<(), String> {
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
