//! Statements that change or delete rows: the rows are those that their condition finds.

use super::{Plan, Planner, Role, Unplanned, Write, table_name};
use crate::expr::constant;
use sqlparser::ast::{Expr, SelectItem, TableFactor};
use std::collections::BTreeMap;

impl Planner<'_> {
    pub(super) fn update(&mut self, update: &sqlparser::ast::Update) -> Result<(), Unplanned> {
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

    pub(super) fn delete(&mut self, delete: &sqlparser::ast::Delete) -> Result<(), Unplanned> {
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
