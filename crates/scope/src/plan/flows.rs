//! Which columns of a block's rows reach its output, and how.

use super::{Block, Flow, How, Planner, Relation, RelationKind, Unplanned, table_name};
use crate::expr::{equalities, extremum, uses};
use sqlparser::ast::{Select, SelectItem, SelectItemQualifiedWildcardKind};
use std::collections::BTreeMap;

impl Planner<'_> {
    pub(super) fn flows(
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
}
