//! From a statement to what it can tell about whom: its query blocks, each with a provenance query.
//!
//! A block is a SELECT over tables with personal data. Its provenance query keeps FROM and WHERE and returns the rows
//! of the personal tables in place of the select list, with their rank where the statement cuts by LIMIT. Flows say
//! which columns of those rows reach the block's output, and how. Whatever has no faithful provenance query is
//! [`Unplanned`], with the reason, and falls to the ceiling.

mod flows;
mod from;
mod query;
#[cfg(test)]
mod tests;
mod write;

use crate::expr::fold;
use crate::platform::Platform;
use crate::probe::Probe;
use sqlparser::ast::{ObjectName, ObjectNamePart, Query, Visit, Visitor};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use stanch_snapshot::Catalog;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Why a statement has no faithful provenance query. Holds no literal of the statement.
pub(crate) type Unplanned = String;

/// Where a block's output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// To the statement's output.
    Output,
    /// Into a value whose conversion may fail, so that the error's text shows it.
    Cast,
    /// Into a condition.
    Condition,
}

/// How a column reaches the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum How {
    /// As it is, perhaps within other text.
    Value,
    /// It was compared for equality and the row came back.
    Equality,
    /// Some of its characters.
    Part,
    /// As the least or greatest value of a group, and whose that was is not kept.
    OneOfGroup,
    /// Only through a condition, a count or a sum.
    Membership,
}

/// One personal column's way to the output.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flow {
    /// Which of the block's sources.
    pub(crate) source: usize,
    pub(crate) column: String,
    pub(crate) how: How,
}

/// A table with personal data that a block reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) table: String,
}

/// A cut by LIMIT and OFFSET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) offset: u64,
    pub(crate) limit: Option<u64>,
}

impl Cut {
    /// The first place behind it.
    pub(crate) fn end(self) -> u64 {
        self.limit.map_or(u64::MAX, |limit| self.offset.saturating_add(limit))
    }
}

/// A query block over personal data.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) role: Role,
    pub(crate) sources: Vec<Source>,
    /// Every table it reads, personal or not: they must be loaded.
    pub(crate) tables: Vec<String>,
    /// The names under which these tables stand in FROM.
    pub(crate) aliases: Vec<String>,
    pub(crate) flows: Vec<Flow>,
    /// Select list of the provenance query: `alias."__row" AS r0, …`.
    pub(crate) select: String,
    /// FROM, without the word.
    pub(crate) from: String,
    /// Conditions; `{T}` stands for the statement's time.
    pub(crate) conditions: Vec<String>,
    /// ORDER BY expressions with their direction.
    pub(crate) order: Vec<(String, String)>,
    pub(crate) cut: Option<Cut>,
    /// The one output expression, where there is just one: to replay its value.
    pub(crate) value: Option<String>,
    /// A query that must return a row for this block to be evaluated at all.
    pub(crate) gate: Option<Gate>,
    /// Whether the server counts one row for each row of the provenance query.
    pub(crate) row_for_row: bool,
    /// Why its rows are only possible; empty where they are certain.
    pub(crate) doubts: Vec<String>,
}

/// A query that must return a row, and the tables that it reads.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) sql: String,
    pub(crate) tables: Vec<String>,
}

impl Block {
    /// Whether the server's count of rows is the count of this block's.
    pub(crate) fn counts_rows(&self) -> bool {
        self.role == Role::Output && self.gate.is_none() && self.row_for_row
    }

    /// Every table that must be loaded to replay it.
    pub(crate) fn needs(&self) -> impl Iterator<Item = &String> + Clone {
        self.tables.iter().chain(self.gate.iter().flat_map(|gate| &gate.tables))
    }
}

/// What a statement does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) blocks: Vec<Block>,
    pub(crate) probes: Vec<Probe>,
    pub(crate) writes: Vec<Write>,
}

impl Plan {
    /// Every table that must be loaded to replay it.
    pub(crate) fn needs(&self) -> impl Iterator<Item = &String> + Clone {
        let probes = self.probes.iter().map(|p| &p.block);
        self.blocks.iter().chain(probes).chain(self.writes.iter().map(|w| &w.block)).flat_map(Block::needs)
    }
}

/// Rows that a statement changes or deletes.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) table: String,
    /// Column → the constant it is set to, if it is one. Empty for DELETE.
    pub(crate) set: BTreeMap<String, Option<String>>,
    pub(crate) deletes: bool,
    /// The rows.
    pub(crate) block: Block,
}

/// What planning needs to know of the store.
pub(crate) struct Schema<'a> {
    pub(crate) platform: &'a Platform,
    pub(crate) catalog: &'a Catalog,
}

/// Parses text that may hold several statements.
pub(crate) fn parse(sql: &str) -> Result<Vec<sqlparser::ast::Statement>, Unplanned> {
    Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(120)
        .try_with_sql(sql)
        .and_then(|mut p| p.parse_statements())
        .map_err(|_| "the parser does not understand it".to_owned())
}

/// Plans one parsed statement.
pub(crate) fn plan(statement: &sqlparser::ast::Statement, schema: &Schema<'_>) -> Result<Plan, Unplanned> {
    use sqlparser::ast::{CopySource, Statement};
    let mut planner = Planner { schema, plan: Plan::default() };
    match statement {
        Statement::Query(query) => planner.query(query, Role::Output, None, &Ctes::default())?,
        Statement::Copy { source: CopySource::Query(query), to: true, .. } => {
            planner.query(query, Role::Output, None, &Ctes::default())?;
        }
        Statement::Copy { source: CopySource::Table { table_name, columns }, to: true, .. } => {
            let list = match columns.as_slice() {
                [] => "*".to_owned(),
                some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            };
            planner.text(&format!("SELECT {list} FROM {table_name}"))?;
        }
        Statement::Update(update) => planner.update(update)?,
        Statement::Delete(delete) => planner.delete(delete)?,
        Statement::StartTransaction { .. }
        | Statement::Commit { .. }
        | Statement::Rollback { .. }
        | Statement::Savepoint { .. }
        | Statement::ReleaseSavepoint { .. }
        | Statement::Set(_)
        | Statement::ShowVariable { .. }
        | Statement::Discard { .. }
        | Statement::Deallocate { .. }
        | Statement::Close { .. } => {}
        Statement::Explain { analyze: false, .. } => {}
        other => {
            if !names_of(other).iter().any(|n| planner.is_personal(n))
                && !matches!(other, Statement::Execute { .. } | Statement::Fetch { .. })
            {
                return Ok(planner.plan);
            }
            return Err("this kind of statement has no provenance query yet".to_owned());
        }
    }
    Ok(planner.plan)
}

/// Tables that a statement names.
pub(crate) fn names_of(node: &impl Visit) -> Vec<String> {
    struct Names(Vec<String>);
    impl Visitor for Names {
        type Break = ();
        fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
            self.0.push(table_name(relation));
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(Vec::new());
    let _ = node.visit(&mut names);
    names.0
}

/// Words of a text that could be names, for statements that do not parse.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|w| !w.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.sort();
    words.dedup();
    words
}

fn table_name(name: &ObjectName) -> String {
    let parts: Vec<String> = name.0.iter().filter_map(ObjectNamePart::as_ident).map(fold).collect();
    match parts.as_slice() {
        [schema, table] if schema != "public" => format!("{schema}.{table}"),
        [.., table] => table.clone(),
        [] => name.to_string(),
    }
}

#[derive(Clone, Default)]
struct Ctes(BTreeMap<String, Query>);

struct Planner<'a> {
    schema: &'a Schema<'a>,
    plan: Plan,
}

/// A derived table's outputs: name → the sources' columns in it, and how they show.
type Names = BTreeMap<String, Vec<(usize, String, How)>>;

/// What a name in FROM stands for.
struct Relation {
    alias: String,
    kind: RelationKind,
}

enum RelationKind {
    /// A table without personal data, or a catalog.
    Plain,
    /// A personal table; its place among the sources.
    Personal(usize),
    /// A derived table: output name → flows from sources.
    Derived(Names),
}
