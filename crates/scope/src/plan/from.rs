//! What stands in FROM: tables, views, queries, and the row numbers that travel outward through them.

use super::{
    Block, Ctes, Names, Plan, Planner, Relation, RelationKind, Role, Schema, Source, Unplanned, names_of, parse,
    table_name,
};
use crate::expr::{fold, group_count, group_expressions, has_aggregates, output_name, over_group, uses};
use crate::plan::How;
use crate::worlds::{BORN, ROW, quote};
use sqlparser::ast::{Query, Select, SelectItem, SetExpr, TableFactor, TableWithJoins};

impl Planner<'_> {
    pub(super) fn joined(
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
