//! From a statement to what it can tell about whom: its query blocks, each with a provenance query.
//!
//! A block is a SELECT over tables with personal data. Its provenance query keeps FROM and WHERE and returns the rows
//! of the personal tables in place of the select list, with their rank where the statement cuts by LIMIT. Flows say
//! which columns of those rows reach the block's output, and how. Whatever has no faithful provenance query is
//! [`Unplanned`], with the reason, and falls to the ceiling.

use crate::expr::{
    constant, cut_of, equalities, extremum, group_count, group_expressions, has_aggregates, output_name, over_group,
    resolve_output, uses,
};
use crate::platform::Platform;
use crate::probe::{self, Probe};
use crate::worlds::{BORN, ROW, quote};
use sqlparser::ast::{
    Distinct, Expr, Ident, ObjectName, ObjectNamePart, OrderByKind, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, SetOperator, TableFactor, TableWithJoins, Visit, Visitor,
};
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

/// What a statement does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) blocks: Vec<Block>,
    pub(crate) probes: Vec<Probe>,
    pub(crate) writes: Vec<Write>,
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

/// An identifier as PostgreSQL folds it.
fn fold(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
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

impl Planner<'_> {
    fn is_personal(&self, table: &str) -> bool {
        self.schema.platform.tables.contains_key(table)
            || self.schema.catalog.view(table).is_some_and(|v| words(&v.sql).iter().any(|w| self.is_personal(w)))
    }

    fn text(&mut self, sql: &str) -> Result<(), Unplanned> {
        match parse(sql)?.first() {
            Some(sqlparser::ast::Statement::Query(query)) => self.query(query, Role::Output, None, &Ctes::default()),
            _ => Err("not a query".to_owned()),
        }
    }

    fn query(&mut self, query: &Query, role: Role, gate: Option<&Gate>, outer: &Ctes) -> Result<(), Unplanned> {
        let mut ctes = outer.clone();
        if let Some(with) = &query.with {
            if with.recursive {
                return self.give_up_if_personal(query, "a recursive query");
            }
            for cte in &with.cte_tables {
                if !matches!(cte.query.body.as_ref(), SetExpr::Select(_)) {
                    return self.give_up_if_personal(query, "a WITH that is no plain SELECT");
                }
                ctes.0.insert(fold(&cte.alias.name), (*cte.query).clone());
            }
        }
        let from = self.plan.blocks.len();
        self.set(&query.body, query, role, gate, &ctes)?;
        if !matches!(query.body.as_ref(), SetExpr::Select(_)) {
            self.doubt_cut(query, from);
        }
        Ok(())
    }

    fn set(
        &mut self,
        body: &SetExpr,
        query: &Query,
        role: Role,
        gate: Option<&Gate>,
        ctes: &Ctes,
    ) -> Result<(), Unplanned> {
        match body {
            SetExpr::Select(select) => self.select(select, query, role, gate, ctes),
            SetExpr::Query(inner) => self.query(inner, role, gate, ctes),
            SetExpr::SetOperation { op, left, right, .. } => {
                let from = self.plan.blocks.len();
                self.set(left, query, role, gate, ctes)?;
                let between = self.plan.blocks.len();
                self.set(right, query, role, gate, ctes)?;
                if !matches!(op, SetOperator::Union) {
                    for block in &mut self.plan.blocks[from..] {
                        block.doubts.push("one side of INTERSECT or EXCEPT".to_owned());
                    }
                    for block in &mut self.plan.blocks[between..] {
                        block.role = Role::Condition;
                    }
                }
                Ok(())
            }
            SetExpr::Values(_) => Ok(()),
            SetExpr::Table(table) => {
                let name = table.table_name.clone().unwrap_or_default();
                self.text(&format!("SELECT * FROM {name}"))
            }
            _ => Err("a statement that changes data inside a query".to_owned()),
        }
    }

    /// A cut over a whole set operation may have taken any of its rows away.
    fn doubt_cut(&mut self, query: &Query, from: usize) {
        if !matches!(cut_of(query), Ok(None)) {
            for block in &mut self.plan.blocks[from..] {
                block.doubts.push("cut by a LIMIT over several queries".to_owned());
            }
        }
    }

    fn give_up_if_personal(&mut self, node: &impl Visit, why: &str) -> Result<(), Unplanned> {
        if names_of(node).iter().any(|n| self.is_personal(n)) { Err(why.to_owned()) } else { Ok(()) }
    }

    fn select(
        &mut self,
        select: &Select,
        query: &Query,
        role: Role,
        gate: Option<&Gate>,
        ctes: &Ctes,
    ) -> Result<(), Unplanned> {
        let mut block = empty_block(role);
        block.gate = gate.cloned();
        let mut relations = Vec::new();
        let mut from = Vec::new();
        for table in &select.from {
            from.push(self.joined(table, ctes, &mut relations, &mut block)?);
        }
        block.from = from.join(", ");
        if let Some(condition) = &select.selection {
            block.conditions.push(format!("({condition})"));
        }
        self.inner_queries(select, role, &block, ctes)?;
        if block.sources.is_empty() {
            return Ok(());
        }
        let aggregated = has_aggregates(select) || group_count(&select.group_by) > 0;
        block.row_for_row &= !aggregated && select.distinct.is_none() && select.having.is_none();
        self.flows(select, &relations, &mut block, aggregated)?;
        let is_whole = matches!(query.body.as_ref(), SetExpr::Select(s) if std::ptr::eq(s.as_ref(), select));
        if is_whole {
            rank(query, select, aggregated, &mut block)?;
        }
        if select.having.is_some() {
            block.doubts.push("groups kept by HAVING".to_owned());
        }
        if matches!(select.distinct, Some(Distinct::On(_))) {
            block.doubts.push("one row of each kept by DISTINCT ON".to_owned());
        }
        self.plan.blocks.push(block);
        Ok(())
    }

    /// Subqueries of the select list flow where the list flows; those of conditions into conditions.
    fn inner_queries(&mut self, select: &Select, role: Role, block: &Block, ctes: &Ctes) -> Result<(), Unplanned> {
        let gate = (!select.from.is_empty()).then(|| {
            let conditions = block.conditions.join(" AND ");
            let conditions = if conditions.is_empty() { conditions } else { format!(" WHERE {conditions}") };
            Gate { sql: format!("SELECT 1 FROM {}{conditions} LIMIT 1", block.from), tables: block.tables.clone() }
        });
        for item in &select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                self.inner_of(expr, role, gate.as_ref(), ctes)?;
            }
        }
        let conditions = select.selection.iter().chain(&select.having);
        let joins = select.from.iter().flat_map(|t| &t.joins).filter_map(probe::join_condition);
        for condition in conditions.chain(joins) {
            self.inner_of(condition, Role::Condition, None, ctes)?;
        }
        Ok(())
    }

    fn inner_of(&mut self, expr: &Expr, role: Role, gate: Option<&Gate>, ctes: &Ctes) -> Result<(), Unplanned> {
        if probe::hides_queries(expr) {
            self.give_up_if_personal(expr, "a query in an unusual place of an expression")?;
        }
        for found in probe::inner_queries(expr, role) {
            match found {
                probe::Inner::Query(query, role) => {
                    let gate = if role == Role::Output { gate } else { None };
                    self.query(query, role, gate, ctes)?;
                }
                probe::Inner::Probe(test, query) => {
                    let from = self.plan.blocks.len();
                    self.query(query, Role::Condition, None, ctes)?;
                    let blocks = self.plan.blocks.split_off(from);
                    match <[Block; 1]>::try_from(blocks) {
                        Ok([block]) => self.plan.probes.push(Probe { test, block }),
                        Err(blocks) => self.plan.blocks.extend(blocks),
                    }
                }
            }
        }
        Ok(())
    }

    fn joined(
        &mut self,
        table: &TableWithJoins,
        ctes: &Ctes,
        relations: &mut Vec<Relation>,
        block: &mut Block,
    ) -> Result<String, Unplanned> {
        let mut text = self.factor(&table.relation, ctes, relations, block)?;
        for join in &table.joins {
            let right = self.factor(&join.relation, ctes, relations, block)?;
            let whole = join.to_string();
            let Some(rest) = whole.split_once(&join.relation.to_string()).map(|(a, b)| format!("{a}{right}{b}")) else {
                return Err("a join of an unusual form".to_owned());
            };
            if whole.contains("LATERAL") || whole.contains("APPLY") {
                return Err("a lateral join".to_owned());
            }
            text.push(' ');
            text.push_str(rest.trim_start());
        }
        Ok(text)
    }

    fn factor(
        &mut self,
        factor: &TableFactor,
        ctes: &Ctes,
        relations: &mut Vec<Relation>,
        block: &mut Block,
    ) -> Result<String, Unplanned> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let table = table_name(name);
                let alias = alias
                    .as_ref()
                    .map_or_else(|| table.rsplit('.').next().unwrap_or(&table).to_owned(), |a| fold(&a.name));
                if let Some(query) = ctes.0.get(&table) {
                    return self.derived(&query.clone(), alias, ctes, relations, block);
                }
                if let Some(view) = self.schema.catalog.view(&table) {
                    let parsed = parse(&view.sql)?;
                    let Some(sqlparser::ast::Statement::Query(query)) = parsed.into_iter().next() else {
                        return Err("a view whose text is no query".to_owned());
                    };
                    return self.derived(&query, alias, &Ctes::default(), relations, block);
                }
                block.tables.push(table.clone());
                block.aliases.push(alias.clone());
                let kind = if self.schema.platform.tables.contains_key(&table) {
                    block.sources.push(Source { table: table.clone() });
                    let source = block.sources.len() - 1;
                    select_row(block, source, &alias, ROW);
                    RelationKind::Personal(source)
                } else {
                    RelationKind::Plain
                };
                // Rows that were not yet born are kept out before joining: an outer join must still find its other side.
                let text =
                    format!("(SELECT * FROM {} WHERE {} <= {{T}}) AS {}", quote(&table), quote(BORN), quote(&alias));
                relations.push(Relation { alias, kind });
                Ok(text)
            }
            TableFactor::Derived { lateral: false, subquery, alias, .. } => {
                let alias = alias.as_ref().map_or_else(|| format!("derived{}", relations.len()), |a| fold(&a.name));
                self.derived(subquery, alias, ctes, relations, block)
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                Ok(format!("({})", self.joined(table_with_joins, ctes, relations, block)?))
            }
            other => Err(match other {
                TableFactor::Derived { .. } => "a lateral subquery",
                _ => "a table function",
            }
            .to_owned()),
        }
    }

    /// A query in FROM: its rows are carried outward under hidden names.
    fn derived(
        &mut self,
        query: &Query,
        alias: String,
        ctes: &Ctes,
        relations: &mut Vec<Relation>,
        block: &mut Block,
    ) -> Result<String, Unplanned> {
        let mut inner = Planner { schema: self.schema, plan: Plan::default() };
        inner.query(query, Role::Output, None, ctes)?;
        let plain = inner.plan.blocks.is_empty();
        let SetExpr::Select(select) = query.body.as_ref() else {
            return if plain {
                self.plain_derived(query, alias, relations, block)
            } else {
                Err("a set operation in FROM".to_owned())
            };
        };
        if plain {
            return self.plain_derived(query, alias, relations, block);
        }
        let Ok([found]) = <[Block; 1]>::try_from(inner.plan.blocks) else {
            return Err("subqueries within a query in FROM".to_owned());
        };
        if has_aggregates(select) || group_count(&select.group_by) > 0 {
            return self.aggregated_derived(found, alias, select, relations, block);
        }
        if found.cut.is_some() || select.distinct.is_some() {
            return Err("a cut or distinct query in FROM".to_owned());
        }
        let base = block.sources.len();
        let mut names = Names::new();
        let outputs = outputs_of(select, &found, self.schema)?;
        let mut list = Vec::new();
        for (name, expr, flows) in outputs {
            list.push(format!("{expr} AS {}", quote(&name)));
            names.insert(name, flows.into_iter().map(|(s, c, how)| (s + base, c, how)).collect());
        }
        let hidden = hide(&found, relations.len());
        list.push(hidden.select);
        let mut conditions = found.conditions.clone();
        let text = format!(
            "(SELECT {} FROM {}{}) AS {}",
            list.join(", "),
            found.from,
            if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) },
            quote(&alias)
        );
        conditions.clear();
        for (source, column) in found.sources.iter().zip(hidden.columns) {
            block.sources.push(source.clone());
            let place = block.sources.len() - 1;
            select_row(block, place, &alias, &column);
        }
        block.tables.extend(found.tables);
        block.doubts.extend(found.doubts);
        relations.push(Relation { alias, kind: RelationKind::Derived(names) });
        Ok(text)
    }

    fn plain_derived(
        &mut self,
        query: &Query,
        alias: String,
        relations: &mut Vec<Relation>,
        block: &mut Block,
    ) -> Result<String, Unplanned> {
        block.tables.extend(names_of(query));
        relations.push(Relation { alias: alias.clone(), kind: RelationKind::Plain });
        Ok(format!("({query}) AS {}", quote(&alias)))
    }

    /// An aggregate in FROM gives, for each of its groups, all rows of the group. They are carried outward, and beside
    /// each its group's aggregates, as window functions over the group: so the outer conditions keep the same groups.
    fn aggregated_derived(
        &mut self,
        found: Block,
        alias: String,
        select: &Select,
        relations: &mut Vec<Relation>,
        block: &mut Block,
    ) -> Result<String, Unplanned> {
        let base = block.sources.len();
        let group = group_expressions(&select.group_by)?;
        let mut names = Names::new();
        let mut list: Vec<String> = Vec::new();
        for (at, item) in select.projection.iter().enumerate() {
            let name = output_name(item, at);
            let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
                return Err("a wildcard over groups".to_owned());
            };
            let shown = uses(expr, How::Value);
            let flows = found.flows.iter().filter(|f| !f.column.is_empty() && f.how != How::Equality);
            let flows = flows.filter_map(|f| {
                let how = shown.iter().filter(|(c, _)| c.1 == f.column).map(|(_, how)| *how).min()?;
                Some((f.source + base, f.column.clone(), how))
            });
            list.push(format!("{} AS {}", over_group(expr, &group), quote(&name)));
            names.insert(name, flows.collect());
        }
        let hidden = hide(&found, relations.len());
        let conditions = match found.conditions.as_slice() {
            [] => String::new(),
            some => format!(" WHERE {}", some.join(" AND ")),
        };
        list.push(hidden.select);
        for (source, column) in found.sources.iter().zip(hidden.columns) {
            block.sources.push(source.clone());
            let place = block.sources.len() - 1;
            select_row(block, place, &alias, &column);
        }
        block.row_for_row = false;
        block.tables.extend(found.tables);
        block.doubts.extend(found.doubts);
        relations.push(Relation { alias: alias.clone(), kind: RelationKind::Derived(names) });
        Ok(format!("(SELECT {} FROM {}{conditions}) AS {}", list.join(", "), found.from, quote(&alias)))
    }

    fn flows(
        &self,
        select: &Select,
        relations: &[Relation],
        block: &mut Block,
        aggregated: bool,
    ) -> Result<(), Unplanned> {
        let mut flows = Vec::new();
        let mut values = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    values.push(expr.to_string());
                    for (column, how) in uses(expr, How::Value) {
                        self.resolve(&column, how, relations, block, &mut flows)?;
                    }
                }
                SelectItem::Wildcard(_) => {
                    for relation in relations {
                        self.all_of(relation, block, &mut flows);
                    }
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let name = table_name(name);
                    for relation in relations.iter().filter(|r| r.alias == name) {
                        self.all_of(relation, block, &mut flows);
                    }
                }
                _ => return Err("an unusual select list".to_owned()),
            }
        }
        if let Some(condition) = select.selection.as_ref().filter(|_| !aggregated) {
            for column in equalities(condition) {
                self.resolve(&column, How::Equality, relations, block, &mut flows)?;
            }
            for (column, _) in uses(condition, How::Membership) {
                self.resolve(&column, How::Membership, relations, block, &mut flows)?;
            }
        }
        // A source that gives no column still gives its rows' existence.
        for source in 0..block.sources.len() {
            flows.push(Flow { source, column: String::new(), how: How::Membership });
        }
        flows.sort();
        flows.dedup();
        block.flows = flows;
        block.value = match <[String; 1]>::try_from(values) {
            Ok([value]) if !aggregated => Some(value),
            _ => None,
        };
        extremum(select, block);
        Ok(())
    }

    fn all_of(&self, relation: &Relation, block: &Block, flows: &mut Vec<Flow>) {
        match &relation.kind {
            RelationKind::Plain => {}
            RelationKind::Personal(source) => {
                let table = &block.sources[*source].table;
                for column in self.schema.platform.columns_of(table).into_iter().flat_map(BTreeMap::keys) {
                    flows.push(Flow { source: *source, column: column.clone(), how: How::Value });
                }
            }
            RelationKind::Derived(names) => {
                for (source, column, how) in names.values().flatten() {
                    flows.push(Flow { source: *source, column: column.clone(), how: *how });
                }
            }
        }
    }

    fn resolve(
        &self,
        column: &(Option<String>, String),
        how: How,
        relations: &[Relation],
        block: &Block,
        flows: &mut Vec<Flow>,
    ) -> Result<(), Unplanned> {
        let (qualifier, name) = column;
        for relation in relations.iter().filter(|r| qualifier.as_ref().is_none_or(|q| *q == r.alias)) {
            match &relation.kind {
                RelationKind::Plain => {}
                RelationKind::Personal(source) => {
                    let table = &block.sources[*source].table;
                    if self.schema.platform.columns_of(table).is_some_and(|c| c.contains_key(name)) {
                        flows.push(Flow { source: *source, column: name.clone(), how });
                    }
                    // A whole row used as a value: `SELECT u FROM auth_user u`, row_to_json(u).
                    if qualifier.is_none() && *name == relation.alias {
                        self.all_of(relation, block, flows);
                    }
                }
                RelationKind::Derived(names) => {
                    for (source, column, inner) in names.get(name).into_iter().flatten() {
                        // What shows through two steps shows as the weaker of them.
                        flows.push(Flow { source: *source, column: column.clone(), how: how.max(*inner) });
                    }
                    if qualifier.is_none() && *name == relation.alias {
                        self.all_of(relation, block, flows);
                    }
                }
            }
        }
        Ok(())
    }

    fn update(&mut self, update: &sqlparser::ast::Update) -> Result<(), Unplanned> {
        use sqlparser::ast::AssignmentTarget;
        let TableFactor::Table { name, .. } = &update.table.relation else {
            return Err("an update of no table".to_owned());
        };
        let table = table_name(name);
        if update.from.is_some() || !update.table.joins.is_empty() {
            return self.give_up_if_personal(&update.table, "an update with a join");
        }
        let mut set = BTreeMap::new();
        for assignment in &update.assignments {
            let AssignmentTarget::ColumnName(column) = &assignment.target else {
                return Err("an update of several columns at once".to_owned());
            };
            set.insert(table_name(column), constant(&assignment.value));
        }
        self.write(&table, &update.table.to_string(), update.selection.as_ref(), set, false)?;
        self.returning(update.returning.as_deref(), &update.table.to_string(), update.selection.as_ref())
    }

    fn delete(&mut self, delete: &sqlparser::ast::Delete) -> Result<(), Unplanned> {
        use sqlparser::ast::FromTable;
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let [table] = from.as_slice() else { return Err("a delete from several tables".to_owned()) };
        let TableFactor::Table { name, .. } = &table.relation else {
            return Err("a delete from no table".to_owned());
        };
        if delete.using.is_some() {
            return self.give_up_if_personal(&delete.from, "a delete with a join");
        }
        self.write(&table_name(name), &table.to_string(), delete.selection.as_ref(), BTreeMap::new(), true)?;
        self.returning(delete.returning.as_deref(), &table.to_string(), delete.selection.as_ref())
    }

    fn write(
        &mut self,
        table: &str,
        from: &str,
        condition: Option<&Expr>,
        set: BTreeMap<String, Option<String>>,
        deletes: bool,
    ) -> Result<(), Unplanned> {
        if !self.is_personal(table) {
            return Ok(());
        }
        let condition = condition.map(|c| format!(" WHERE {c}")).unwrap_or_default();
        let mut inner = Planner { schema: self.schema, plan: Plan::default() };
        inner.text(&format!("SELECT * FROM {from}{condition}"))?;
        let place = inner.plan.blocks.iter().position(|b| b.role == Role::Output);
        let Some(block) = place.map(|p| inner.plan.blocks.swap_remove(p)) else {
            return Err("an update whose rows cannot be found".to_owned());
        };
        self.plan.blocks.extend(inner.plan.blocks);
        self.plan.writes.push(Write { table: table.to_owned(), set, deletes, block });
        Ok(())
    }

    fn returning(
        &mut self,
        list: Option<&[SelectItem]>,
        from: &str,
        condition: Option<&Expr>,
    ) -> Result<(), Unplanned> {
        let Some(list) = list else { return Ok(()) };
        let list = list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let condition = condition.map(|c| format!(" WHERE {c}")).unwrap_or_default();
        self.text(&format!("SELECT {list} FROM {from}{condition}"))
    }
}

fn rank(query: &Query, select: &Select, aggregated: bool, block: &mut Block) -> Result<(), Unplanned> {
    let cut = cut_of(query)?;
    if let Some(cut) = cut {
        if aggregated {
            // Without groups there is one row: any LIMIT keeps it, any OFFSET drops it.
            if group_count(&select.group_by) > 0 || cut.offset > 0 || cut.limit == Some(0) {
                block.doubts.push("groups cut by LIMIT".to_owned());
            }
            return Ok(());
        }
        if select.distinct.is_some() {
            block.doubts.push("distinct rows cut by LIMIT".to_owned());
            return Ok(());
        }
        block.cut = Some(cut);
    }
    if aggregated {
        return Ok(());
    }
    let Some(order) = &query.order_by else { return Ok(()) };
    let OrderByKind::Expressions(expressions) = &order.kind else {
        block.doubts.push("ORDER BY ALL".to_owned());
        return Ok(());
    };
    for by in expressions {
        let expr = resolve_output(&by.expr, select);
        block.order.push((expr, by.options.to_string()));
    }
    Ok(())
}

fn empty_block(role: Role) -> Block {
    Block {
        role,
        sources: Vec::new(),
        tables: Vec::new(),
        aliases: Vec::new(),
        flows: Vec::new(),
        select: String::new(),
        from: String::new(),
        conditions: Vec::new(),
        order: Vec::new(),
        cut: None,
        value: None,
        gate: None,
        row_for_row: true,
        doubts: Vec::new(),
    }
}

/// Adds a source's row number to the provenance query's select list.
fn select_row(block: &mut Block, source: usize, alias: &str, column: &str) {
    if !block.select.is_empty() {
        block.select.push_str(", ");
    }
    block.select.push_str(&format!("{}.{} AS r{source}", quote(alias), quote(column)));
}

/// Hidden names under which a derived table's rows travel outward.
struct Hidden {
    select: String,
    columns: Vec<String>,
}

fn hide(found: &Block, depth: usize) -> Hidden {
    let mut select = found.select.clone();
    let mut columns = Vec::new();
    for source in 0..found.sources.len() {
        let name = format!("__row_{depth}_{source}");
        // Each entry ends in ` AS r<n>`, and entries are parted by `, `.
        let (old, new) = (format!(" AS r{source}"), format!(" AS {name}"));
        let parts: Vec<String> = select
            .split(", ")
            .map(|part| part.strip_suffix(&old).map_or_else(|| part.to_owned(), |p| format!("{p}{new}")))
            .collect();
        select = parts.join(", ");
        columns.push(name);
    }
    Hidden { select, columns }
}

type Output = (String, String, Vec<(usize, String, How)>);

/// A derived table's outputs: name, expression, and which sources' columns its value shows.
fn outputs_of(select: &Select, found: &Block, schema: &Schema<'_>) -> Result<Vec<Output>, Unplanned> {
    let mut outputs = Vec::new();
    for (at, item) in select.projection.iter().enumerate() {
        match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                let shown = uses(expr, How::Value);
                let flows = found.flows.iter().filter(|f| !f.column.is_empty() && f.how != How::Equality);
                let flows = flows.filter_map(|f| {
                    let how = shown.iter().filter(|(c, _)| c.1 == f.column).map(|(_, how)| *how).min()?;
                    Some((f.source, f.column.clone(), how))
                });
                outputs.push((output_name(item, at), expr.to_string(), flows.collect()));
            }
            SelectItem::Wildcard(_) => {
                let [only] = found.tables.as_slice() else { return Err("a wildcard over a join in FROM".to_owned()) };
                let columns = schema.catalog.table(only).map(|t| t.columns.as_slice()).unwrap_or_default();
                for column in columns {
                    let flows = found.flows.iter().filter(|f| f.how == How::Value && f.column == column.name);
                    let flows = flows.map(|f| (f.source, f.column.clone(), f.how)).collect();
                    outputs.push((column.name.clone(), quote(&column.name), flows));
                }
            }
            _ => return Err("an unusual select list in FROM".to_owned()),
        }
    }
    Ok(outputs)
}
