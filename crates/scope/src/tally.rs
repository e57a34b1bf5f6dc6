//! The matrix while it grows: each cell keeps its strongest grade, its first proof of that grade, and its accesses.

use crate::access::{Seen, Spot};
use crate::error::ScopeError;
use crate::people::PersonIndex;
use crate::plan::{Flow, How};
use crate::replay::Reached;
use crate::worlds::{Loaded, Worlds};
use stanch_model::{DataClass, Effect, Grade, Instant, Protection};
use std::collections::{BTreeMap, HashMap};

/// A cell's key.
pub(crate) type CellKey = (PersonIndex, DataClass, Effect);

/// Where a cell's strongest support stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Support {
    pub(crate) spot: Spot,
    pub(crate) shape: u32,
    pub(crate) table: u16,
    pub(crate) row: u32,
    pub(crate) because: u16,
}

/// A cell while it grows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growing {
    pub(crate) grade: Grade,
    pub(crate) protection: Protection,
    pub(crate) scheme: u16,
    pub(crate) first: Instant,
    pub(crate) last: Instant,
    pub(crate) accesses: u64,
    /// The access that was counted last, so that one access that reaches a cell twice counts once.
    latest: Option<Spot>,
    pub(crate) support: Support,
}

/// Everything that reaches a row through one block of one statement, or of several that are alike.
pub(crate) struct Hit<'a> {
    pub(crate) seen: Seen,
    pub(crate) shape: u32,
    pub(crate) table: &'a str,
    pub(crate) row: u32,
    pub(crate) sure: bool,
    pub(crate) flows: &'a [(usize, How)],
    pub(crate) effect: Effect,
    pub(crate) because: &'a str,
}

/// What made a whole table, or all of a person, possible.
#[derive(Clone, Copy)]
struct Widened {
    seen: Seen,
    shape: u32,
    because: u16,
}

impl Widened {
    fn and(&mut self, other: Widened) {
        if other.seen.first < self.seen.first {
            (self.shape, self.because) = (other.shape, other.because);
        }
        self.seen.and(other.seen);
    }
}

/// All cells.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) cells: HashMap<CellKey, Growing>,
    pub(crate) tables: Names,
    pub(crate) reasons: Names,
    pub(crate) schemes: Names,
    /// Tables of which every row is possible, with what made it so first, and the span.
    whole: BTreeMap<(String, Effect), Widened>,
    /// Persons of whom everything is possible.
    everything: BTreeMap<PersonIndex, Widened>,
}

/// Names by number.
#[derive(Default)]
pub(crate) struct Names {
    list: Vec<String>,
    index: HashMap<String, u16>,
}

impl Names {
    pub(crate) fn number(&mut self, name: &str) -> u16 {
        if let Some(number) = self.index.get(name) {
            return *number;
        }
        let number = u16::try_from(self.list.len()).unwrap_or(u16::MAX);
        self.list.push(name.to_owned());
        self.index.insert(name.to_owned(), number);
        number
    }

    pub(crate) fn name(&self, number: u16) -> &str {
        self.list.get(usize::from(number)).map_or("", String::as_str)
    }
}

/// A block's flows as numbers of mapped columns, for one of its sources.
pub(crate) fn flows_of(flows: &[Flow], source: usize, loaded: &Loaded, as_membership: bool) -> Vec<(usize, How)> {
    flows
        .iter()
        .filter(|f| f.source == source)
        .filter_map(|f| {
            let how = if as_membership { How::Membership } else { f.how };
            let column = loaded.mapped.iter().position(|m| m.name == f.column)?;
            Some((column, how))
        })
        .collect()
}

impl Tally {
    /// Counts a row that was reached.
    pub(crate) fn hit(&mut self, worlds: &Worlds<'_>, hit: &Hit<'_>) {
        let Some(loaded) = worlds.table(hit.table) else { return };
        let Some(person) = loaded.owners[hit.row as usize] else { return };
        for (column, how) in hit.flows {
            let mapped = &loaded.mapped[*column];
            let filled = [mapped.filled[0][hit.row as usize], mapped.filled[1][hit.row as usize]];
            if filled == [false, false] {
                continue;
            }
            let sure = hit.sure && filled == [true, true];
            let (grade, because) = match how {
                How::Membership => (Grade::Membership, "only that the row exists"),
                How::Value | How::Equality if sure => (Grade::Certain, ""),
                How::Part if sure => (Grade::Partial, "only part of the value was returned"),
                How::OneOfGroup => (Grade::Possible, "the least or greatest of a group, and whose is not kept"),
                _ if hit.because.is_empty() => (Grade::Possible, "the row changed, or was born, around the access"),
                _ => (Grade::Possible, hit.because),
            };
            let scheme = &mapped.schemes[usize::from(mapped.scheme[hit.row as usize])];
            let scheme = self.schemes.number(scheme);
            let support = Support {
                spot: hit.seen.first,
                shape: hit.shape,
                table: self.tables.number(hit.table),
                row: hit.row,
                because: self.reasons.number(because),
            };
            for class in mapped.about.classes() {
                self.add((person, *class, hit.effect), grade, mapped.about.protection(), scheme, support, hit.seen);
            }
        }
    }

    /// Counts accesses to a person's class.
    pub(crate) fn add(
        &mut self,
        key: CellKey,
        grade: Grade,
        protection: Protection,
        scheme: u16,
        support: Support,
        seen: Seen,
    ) {
        let cell = self.cells.entry(key).or_insert(Growing {
            grade,
            protection,
            scheme,
            first: seen.first.time,
            last: seen.last,
            accesses: 0,
            latest: None,
            support,
        });
        if cell.latest != Some(seen.first) {
            cell.accesses += seen.times;
            cell.latest = Some(seen.first);
        }
        cell.first = cell.first.min(seen.first.time);
        cell.last = cell.last.max(seen.last);
        if grade > cell.grade || (grade == cell.grade && support.spot < cell.support.spot) {
            (cell.grade, cell.support) = (grade, support);
        }
        // The least protected form is what counts.
        if protection < cell.protection {
            (cell.protection, cell.scheme) = (protection, scheme);
        }
    }

    /// Every row of a table becomes possible.
    pub(crate) fn whole_table(&mut self, table: &str, effect: Effect, seen: Seen, shape: u32, because: &str) {
        let widened = Widened { seen, shape, because: self.reasons.number(because) };
        let entry = self.whole.entry((table.to_owned(), effect));
        entry.and_modify(|w| w.and(widened)).or_insert(widened);
    }

    /// Everything that the store holds of a person becomes possible.
    pub(crate) fn whole_person(&mut self, person: PersonIndex, spot: Spot, shape: u32, because: &str) {
        let widened = Widened { seen: Seen::once(spot), shape, because: self.reasons.number(because) };
        self.everything.entry(person).and_modify(|w| w.and(widened)).or_insert(widened);
    }

    /// Works the whole tables and persons into cells.
    pub(crate) fn settle(&mut self, worlds: &mut Worlds<'_>, mapped: &[String]) -> Result<(), ScopeError> {
        for ((table, effect), how) in std::mem::take(&mut self.whole) {
            self.widen(worlds, &table, effect, |_| Some(how))?;
        }
        let persons = std::mem::take(&mut self.everything);
        for table in if persons.is_empty() { &[] } else { mapped } {
            self.widen(worlds, table, Effect::Disclosed, |person| persons.get(&person).copied())?;
        }
        Ok(())
    }

    fn widen(
        &mut self,
        worlds: &mut Worlds<'_>,
        table: &str,
        effect: Effect,
        how: impl Fn(PersonIndex) -> Option<Widened>,
    ) -> Result<(), ScopeError> {
        // A mapped table that the snapshot lacks has no rows; one that cannot be read must not pass for such.
        if !worlds.load(table)? {
            return Ok(());
        }
        let loaded = worlds.table(table).expect("just loaded");
        let number = self.tables.number(table);
        for (row, owner) in loaded.owners.iter().enumerate() {
            let Some((person, Widened { seen, shape, because })) = owner.and_then(|p| Some((p, how(p)?))) else {
                continue;
            };
            for mapped in loaded.mapped.iter().filter(|m| m.filled[0][row] || m.filled[1][row]) {
                let scheme = self.schemes.number(&mapped.schemes[usize::from(mapped.scheme[row])]);
                let row = u32::try_from(row).unwrap_or(u32::MAX);
                let support = Support { spot: seen.first, shape, table: number, row, because };
                for class in mapped.about.classes() {
                    let key = (person, *class, effect);
                    self.add(key, Grade::Possible, mapped.about.protection(), scheme, support, seen);
                }
            }
        }
        Ok(())
    }
}

/// Rows of one source among what a block reached.
pub(crate) fn rows_of(reached: &[Reached], source: usize) -> impl Iterator<Item = &Reached> {
    reached.iter().filter(move |r| usize::from(r.source) == source)
}
