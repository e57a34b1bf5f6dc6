//! What statements changed and destroyed: their conditions find the rows, the two snapshots show whether it took.

use super::{Access, Judge};
use crate::error::ScopeError;
use crate::plan::{How, Write};
use crate::tally::Hit;
use crate::worlds::{World, Worlds};
use stanch_model::Effect;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// What became of a row's column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The later snapshot holds what the statement set, the earlier one something else.
    ToTheConstant,
    /// The snapshots differ.
    Otherwise,
    /// The row was born in between, and holds what the statement set.
    Unseen,
}

/// How a column differs between the worlds.
#[derive(Default)]
struct ColumnChanges {
    /// Row → its later value, where the two differ.
    after: HashMap<u32, Option<String>>,
    /// Later value → the rows that came to hold it.
    became: HashMap<Option<String>, Vec<u32>>,
    /// Rows born in between.
    born: BTreeMap<u32, Option<String>>,
}

/// Differences between the worlds, looked up once for each column.
#[derive(Default)]
pub(super) struct Changes {
    columns: HashMap<(String, String), Rc<ColumnChanges>>,
    deleted: HashMap<String, Rc<BTreeSet<u32>>>,
}

impl Changes {
    fn column(&mut self, worlds: &Worlds<'_>, table: &str, column: &str) -> Result<Rc<ColumnChanges>, ScopeError> {
        let key = (table.to_owned(), column.to_owned());
        if let Some(known) = self.columns.get(&key) {
            return Ok(known.clone());
        }
        let mut changes = ColumnChanges::default();
        if let Some(loaded) = worlds.table(table).filter(|l| !l.same) {
            let mut early: HashMap<u32, Option<String>> =
                worlds.values(World::Early, table, column)?.into_iter().collect();
            for (row, after) in worlds.values(World::Late, table, column)? {
                let Some(before) = early.remove(&row) else { continue };
                if loaded.born_before(row, i64::MAX) {
                    changes.born.insert(row, after);
                } else if before != after {
                    changes.became.entry(after.clone()).or_default().push(row);
                    changes.after.insert(row, after);
                }
            }
        }
        let changes = Rc::new(changes);
        self.columns.insert(key, changes.clone());
        Ok(changes)
    }

    fn deleted(&mut self, worlds: &Worlds<'_>, table: &str) -> Result<Rc<BTreeSet<u32>>, ScopeError> {
        if let Some(known) = self.deleted.get(table) {
            return Ok(known.clone());
        }
        let mut gone: BTreeSet<u32> = BTreeSet::new();
        if worlds.table(table).is_some_and(|l| !l.same) {
            gone.extend(worlds.rows(World::Early, table)?);
            for row in worlds.rows(World::Late, table)? {
                gone.remove(&row);
            }
        }
        let gone = Rc::new(gone);
        self.deleted.insert(table.to_owned(), gone.clone());
        Ok(gone)
    }
}

impl Judge<'_, '_> {
    /// Rows that a write changed: those that its condition finds, and those that came to hold what it set. Certain is
    /// what both say.
    pub(super) fn written(&mut self, access: &Access<'_>, write: &Write, found: &BTreeSet<u32>) -> Result<(), String> {
        let Some(loaded) = self.worlds.table(&write.table) else {
            return Err("a change through a view".to_owned());
        };
        let unread = |_: ScopeError| format!("table {} could not be read", write.table);
        let (mut rows, mut changed) = (found.clone(), HashMap::new());
        if write.deletes {
            let deleted = self.changes.deleted(self.worlds, &write.table).map_err(unread)?;
            changed.extend(found.iter().filter(|r| deleted.contains(r)).map(|row| (*row, Change::Otherwise)));
        }
        for (column, constant) in &write.set {
            let about = self.changes.column(self.worlds, &write.table, column).map_err(unread)?;
            // What a row born in between held before the statement is nowhere kept: it may have been changed.
            for (row, after) in &about.born {
                let fits = constant.as_ref().is_none_or(|c| after.as_ref() == Some(c));
                if fits && loaded.born_before(*row, access.during.1) {
                    changed.entry(*row).or_insert(Change::Unseen);
                    rows.insert(*row);
                }
            }
            if constant.is_some() {
                for row in about.became.get(constant).into_iter().flatten() {
                    changed.entry(*row).or_insert(Change::ToTheConstant);
                    rows.insert(*row);
                }
            } else {
                for row in found.iter().filter(|row| about.after.contains_key(row)) {
                    changed.entry(*row).or_insert(Change::Otherwise);
                }
            }
        }
        let columns: Vec<(usize, How)> = loaded
            .mapped
            .iter()
            .enumerate()
            .filter(|(_, m)| write.deletes || write.set.contains_key(&m.name))
            .map(|(at, _)| (at, How::Value))
            .collect();
        for row in rows {
            let sure =
                found.contains(&row) && matches!(changed.get(&row), Some(Change::ToTheConstant | Change::Otherwise));
            self.tally.hit(
                self.worlds,
                &Hit {
                    seen: access.seen,
                    shape: access.shape,
                    table: &write.table,
                    row,
                    sure,
                    flows: &columns,
                    effect: if write.deletes { Effect::Destroyed } else { Effect::Altered },
                    because: "the later snapshot does not show the change",
                },
            );
        }
        self.note_predicted(access.shape, found.len() as u64);
        Ok(())
    }
}
