//! The matrix while it grows: each cell keeps its strongest grade, its first proof of that grade, and its accesses.

use crate::access::Spot;
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
    latest: Spot,
    pub(crate) support: Support,
}

/// Everything that reaches a row through one block of one statement.
pub(crate) struct Hit<'a> {
    pub(crate) spot: Spot,
    pub(crate) shape: u32,
    pub(crate) table: &'a str,
    pub(crate) row: u32,
    pub(crate) sure: bool,
    pub(crate) flows: &'a [(usize, How)],
    pub(crate) effect: Effect,
    pub(crate) because: &'a str,
}

/// What made a whole table, or all of a person, possible: first, last, how often.
#[derive(Clone, Copy)]
struct Widened {
    spot: Spot,
    shape: u32,
    because: u16,
    last: Instant,
    count: u64,
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
    everything: Vec<(PersonIndex, Spot, u32, u16)>,
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
                spot: hit.spot,
                shape: hit.shape,
                table: self.tables.number(hit.table),
                row: hit.row,
                because: self.reasons.number(because),
            };
            for class in mapped.about.classes() {
                self.add((person, *class, hit.effect), grade, mapped.about.protection(), scheme, support);
            }
        }
    }

    /// Counts a person's class as blind probing found it.
    pub(crate) fn add(&mut self, key: CellKey, grade: Grade, protection: Protection, scheme: u16, support: Support) {
        let spot = support.spot;
        let cell = self.cells.entry(key).or_insert(Growing {
            grade,
            protection,
            scheme,
            first: spot.time,
            last: spot.time,
            accesses: 0,
            latest: Spot { time: Instant(i64::MIN), ..spot },
            support,
        });
        if cell.latest != spot {
            cell.accesses += 1;
            cell.latest = spot;
        }
        cell.first = cell.first.min(spot.time);
        cell.last = cell.last.max(spot.time);
        if grade > cell.grade || (grade == cell.grade && spot < cell.support.spot) {
            (cell.grade, cell.support) = (grade, support);
        }
        // The least protected form is what counts.
        if protection < cell.protection {
            (cell.protection, cell.scheme) = (protection, scheme);
        }
    }

    /// Every row of a table becomes possible.
    pub(crate) fn whole_table(&mut self, table: &str, effect: Effect, spot: Spot, shape: u32, because: &str) {
        let because = self.reasons.number(because);
        let entry = self.whole.entry((table.to_owned(), effect)).or_insert(Widened {
            spot,
            shape,
            because,
            last: spot.time,
            count: 0,
        });
        if spot < entry.spot {
            (entry.spot, entry.shape, entry.because) = (spot, shape, because);
        }
        entry.last = entry.last.max(spot.time);
        entry.count += 1;
    }

    /// Everything that the store holds of a person becomes possible.
    pub(crate) fn whole_person(&mut self, person: PersonIndex, spot: Spot, shape: u32, because: &str) {
        let because = self.reasons.number(because);
        self.everything.push((person, spot, shape, because));
    }

    /// Works the whole tables and persons into cells.
    pub(crate) fn settle(&mut self, worlds: &mut Worlds<'_>, mapped: &[String]) {
        for ((table, effect), how) in std::mem::take(&mut self.whole) {
            self.widen(worlds, &table, effect, None, how);
        }
        let mut persons: BTreeMap<PersonIndex, Widened> = BTreeMap::new();
        for (person, spot, shape, because) in std::mem::take(&mut self.everything) {
            let entry = persons.entry(person).or_insert(Widened { spot, shape, because, last: spot.time, count: 0 });
            entry.last = entry.last.max(spot.time);
            entry.count += 1;
        }
        for table in if persons.is_empty() { &[] } else { mapped } {
            for (person, how) in &persons {
                self.widen(worlds, table, Effect::Disclosed, Some(*person), *how);
            }
        }
    }

    fn widen(
        &mut self,
        worlds: &mut Worlds<'_>,
        table: &str,
        effect: Effect,
        only: Option<PersonIndex>,
        Widened { spot, shape, because, last, count }: Widened,
    ) {
        if !matches!(worlds.load(table), Ok(true)) {
            return;
        }
        let loaded = worlds.table(table).expect("just loaded");
        let number = self.tables.number(table);
        for (row, owner) in loaded.owners.iter().enumerate() {
            let Some(person) = owner.filter(|p| only.is_none_or(|o| o == *p)) else { continue };
            for mapped in loaded.mapped.iter().filter(|m| m.filled[0][row] || m.filled[1][row]) {
                let scheme = self.schemes.number(&mapped.schemes[usize::from(mapped.scheme[row])]);
                let row = u32::try_from(row).unwrap_or(u32::MAX);
                let support = Support { spot, shape, table: number, row, because };
                for class in mapped.about.classes() {
                    let key = (person, *class, effect);
                    self.add(key, Grade::Possible, mapped.about.protection(), scheme, support);
                    let cell = self.cells.get_mut(&key).expect("just added");
                    cell.last = cell.last.max(last);
                    cell.accesses = cell.accesses.max(count);
                }
            }
        }
    }
}

/// Rows of one source among what a block reached.
pub(crate) fn rows_of(reached: &[Reached], source: usize) -> impl Iterator<Item = &Reached> {
    reached.iter().filter(move |r| usize::from(r.source) == source)
}
