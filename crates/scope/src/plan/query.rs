//! Queries: their set operations, their blocks, the queries inside their expressions.

use super::{Block, Ctes, Gate, Planner, Role, Unplanned, names_of, parse, words};
use crate::expr::{cut_of, fold, group_count, has_aggregates, resolve_output};
use crate::probe::{self, Probe};
use sqlparser::ast::{Distinct, Expr, OrderByKind, Query, Select, SelectItem, SetExpr, SetOperator, Visit};

impl Planner<'_> {
    pub(super) fn is_personal(&self, table: &str) -> bool {
        self.schema.platform.tables.contains_key(table)
            || self.schema.catalog.view(table).is_some_and(|v| words(&v.sql).iter().any(|w| self.is_personal(w)))
    }

    pub(super) fn text(&mut self, sql: &str) -> Result<(), Unplanned> {
        match parse(sql)?.first() {
            Some(sqlparser::ast::Statement::Query(query)) => self.query(query, Role::Output, None, &Ctes::default()),
            _ => Err("not a query".to_owned()),
        }
    }

    pub(super) fn query(
        &mut self,
        query: &Query,
        role: Role,
        gate: Option<&Gate>,
        outer: &Ctes,
    ) -> Result<(), Unplanned> {
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

    pub(super) fn give_up_if_personal(&mut self, node: &impl Visit, why: &str) -> Result<(), Unplanned> {
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
