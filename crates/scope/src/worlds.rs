//! The store's data as it may have stood when a statement ran.
//!
//! Between the snapshot from before the intrusion and the one from after it, rows were born, changed and deleted. Two
//! worlds bound what a statement can have seen: `Early`, in which every row still has the version of the first
//! snapshot, and `Late`, in which it already has that of the last. Rows born in between carry the moment of their birth
//! where the platform pack names a column for it. What holds in both worlds is certain, what holds in one is possible.

use crate::error::ScopeError;
use crate::people::{Gathered, People, PersonIndex};
use crate::platform::{Column, Owner, Platform};
use stanch_lake::datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, UInt32Array,
};
use stanch_lake::datafusion::arrow::compute::{cast, concat_batches, filter_record_batch};
use stanch_lake::datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use stanch_lake::{Engine, Lake, SNAPSHOT_ROLES};
use stanch_snapshot::Catalog;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Which version of the store's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum World {
    /// Every row as the first snapshot has it.
    Early,
    /// Every row as the last snapshot has it.
    Late,
}

/// The two, in order.
pub(crate) const BOTH: [World; 2] = [World::Early, World::Late];

/// The column with a row's number within its table, the same in both worlds.
pub(crate) const ROW: &str = "__row";
/// The column with the moment of a row's birth, in microseconds; the smallest number where it was there from the start.
pub(crate) const BORN: &str = "__born";

/// A table of the store, loaded.
pub(crate) struct Loaded {
    /// Column names and types, in order.
    pub(crate) columns: Vec<(String, DataType)>,
    /// Row number → key as text.
    pub(crate) keys: Vec<String>,
    /// Row number → moment of birth; the smallest number where it was there from the start or is unknown.
    born: Vec<i64>,
    /// Row number → person.
    pub(crate) owners: Vec<Option<PersonIndex>>,
    /// Mapped columns, in the pack's order, with what is known of each row's value.
    pub(crate) mapped: Vec<MappedColumn>,
    /// Moments at which rows were born, ascending.
    pub(crate) births: Vec<i64>,
    /// Rows born at an unknown moment: only the late world has them, so they are never certain.
    pub(crate) births_unknown: u64,
    /// Whether both worlds hold the same rows.
    pub(crate) same: bool,
}

impl Loaded {
    /// Whether a row was born between the snapshots, and not after the moment.
    pub(crate) fn born_before(&self, row: u32, moment: i64) -> bool {
        let born = self.born[row as usize];
        born != i64::MIN && born <= moment
    }
}

/// A column with personal data.
pub(crate) struct MappedColumn {
    pub(crate) name: String,
    pub(crate) about: Column,
    /// Row number → whether the early and the late version hold a value at all.
    pub(crate) filled: [Vec<bool>; 2],
    /// Row number → the scheme's index in `schemes`, for columns whose form names one.
    pub(crate) scheme: Vec<u16>,
    pub(crate) schemes: Vec<String>,
}

/// Both worlds of all tables.
pub(crate) struct Worlds<'a> {
    lake: &'a Lake,
    platform: &'a Platform,
    engines: [Engine; 2],
    /// What the snapshots say about tables and views; the later one's word counts.
    pub(crate) catalog: Catalog,
    roles: Vec<&'static str>,
    present: BTreeMap<String, Vec<&'static str>>,
    loaded: BTreeMap<String, Option<Loaded>>,
    pub(crate) people: People,
}

impl<'a> Worlds<'a> {
    /// Opens the snapshots and finds everybody in them.
    pub(crate) fn open(lake: &'a Lake, platform: &'a Platform, snapshot_dir: &Path) -> Result<Worlds<'a>, ScopeError> {
        let mut present: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
        let mut roles = Vec::new();
        let mut catalog = None;
        for role in SNAPSHOT_ROLES {
            let dir = snapshot_dir.join(role);
            if !dir.join(stanch_snapshot::catalog::FILE_NAME).is_file() {
                continue;
            }
            roles.push(role);
            let read = Catalog::read(&dir).map_err(|source| ScopeError::Catalog { source })?;
            for table in &read.tables {
                present.entry(table.name.clone()).or_default().push(role);
            }
            catalog = Some(read);
        }
        let catalog = catalog.ok_or(ScopeError::NoSnapshot)?;
        let spill = lake.events_dir().parent().unwrap_or(lake.events_dir()).join("tmp");
        let engine = || Engine::new(&spill).map_err(ScopeError::lake("start the replay engine"));
        let mut worlds = Worlds {
            lake,
            platform,
            engines: [engine()?, engine()?],
            catalog,
            roles,
            present,
            loaded: BTreeMap::new(),
            people: People::default(),
        };
        worlds.check_map()?;
        worlds.people = worlds.find_people()?;
        Ok(worlds)
    }

    /// Whether the snapshots have that table.
    pub(crate) fn has(&self, table: &str) -> bool {
        self.present.contains_key(table)
    }

    /// The engine of a world. Tables are there once [`Worlds::load`] has seen them.
    pub(crate) fn engine(&self, world: World) -> &Engine {
        &self.engines[world as usize]
    }

    /// The worlds in which a query over these loaded tables must be replayed: one will do where they are the same.
    pub(crate) fn needed<'t>(&self, mut tables: impl Iterator<Item = &'t String>) -> &'static [World] {
        if tables.all(|t| self.table(t).is_some_and(|l| l.same)) { &BOTH[..1] } else { &BOTH }
    }

    /// Tables that were needed and hold rows born at an unknown moment, with how many.
    pub(crate) fn undated(&self) -> impl Iterator<Item = (&str, u64)> {
        let loaded =
            self.loaded.iter().filter_map(|(name, table)| Some((name.as_str(), table.as_ref()?.births_unknown)));
        loaded.filter(|(name, rows)| *rows > 0 && self.platform.tables.contains_key(*name))
    }

    /// A table that [`Worlds::load`] has seen.
    pub(crate) fn table(&self, table: &str) -> Option<&Loaded> {
        self.loaded.get(table)?.as_ref()
    }

    /// A platform pack that maps what is not there would silently expose nobody: refuse it.
    fn check_map(&self) -> Result<(), ScopeError> {
        let accounts = &self.platform.accounts;
        if !self.has(&accounts.table) {
            return Err(ScopeError::NoAccounts { table: accounts.table.clone() });
        }
        for (name, table) in &self.platform.tables {
            let Some(there) = self.catalog.tables.iter().find(|t| t.name == *name) else { continue };
            let owner = [&table.owner.account, &table.owner.email, &table.owner.column, &table.created, &table.key];
            for column in table.columns.keys().chain(owner.into_iter().flatten()) {
                if !there.columns.iter().any(|c| c.name == *column) {
                    return Err(ScopeError::NoColumn { table: name.clone(), column: column.clone() });
                }
            }
        }
        Ok(())
    }

    fn read(&self, role: &str, table: &str) -> Result<(SchemaRef, RecordBatch), ScopeError> {
        let sql = format!("SELECT * FROM {role}.{}", quote(table));
        let (schema, batches) =
            self.lake.engine().query(&sql).map_err(ScopeError::lake("read a table of the snapshot"))?;
        let batch = concat_batches(&schema, &batches).expect("batches of one query have one schema");
        Ok((schema, batch))
    }

    fn find_people(&self) -> Result<People, ScopeError> {
        let accounts = &self.platform.accounts;
        let mut gathered = Gathered::default();
        for role in self.present[&accounts.table].clone() {
            let (_, batch) = self.read(role, &accounts.table)?;
            let column = |name: &str| {
                text_column(&batch, name)
                    .ok_or_else(|| ScopeError::NoColumn { table: accounts.table.clone(), column: name.to_owned() })
            };
            let (ids, emails) = (column(&accounts.key)?, column(&accounts.email)?);
            let names = accounts.name.iter().map(|n| column(n)).collect::<Result<Vec<_>, _>>()?;
            for row in 0..batch.num_rows() {
                let parts: Vec<&str> = names.iter().filter_map(|n| get(n, row)).filter(|n| !n.is_empty()).collect();
                let name = (!parts.is_empty()).then(|| parts.join(" "));
                if let Some(id) = get(&ids, row) {
                    gathered.account(id, get(&emails, row), name);
                }
            }
        }
        for (name, table) in &self.platform.tables {
            let Some(email) = &table.owner.email else { continue };
            for role in self.present.get(name).cloned().unwrap_or_default() {
                let (_, batch) = self.read(role, name)?;
                let account = table.owner.account.as_ref().and_then(|a| text_column(&batch, a));
                let Some(emails) = text_column(&batch, email) else { continue };
                for row in 0..batch.num_rows() {
                    if account.as_ref().and_then(|a| get(a, row)).is_none()
                        && let Some(email) = get(&emails, row)
                    {
                        gathered.guest(email);
                    }
                }
            }
        }
        Ok(gathered.merge())
    }

    /// Loads a table into both worlds. Returns whether the snapshots have it.
    pub(crate) fn load(&mut self, table: &str) -> Result<bool, ScopeError> {
        if let Some(known) = self.loaded.get(table) {
            return Ok(known.is_some());
        }
        if !self.has(table) {
            self.loaded.insert(table.to_owned(), None);
            return Ok(false);
        }
        let versions = self
            .roles
            .clone()
            .into_iter()
            .filter(|role| self.present[table].contains(role))
            .map(|role| Ok((role, self.read(role, table)?.1)))
            .collect::<Result<Vec<_>, ScopeError>>()?;
        let loaded = self.join_versions(table, &versions)?;
        self.loaded.insert(table.to_owned(), Some(loaded));
        Ok(true)
    }

    fn join_versions(&mut self, table: &str, versions: &[(&str, RecordBatch)]) -> Result<Loaded, ScopeError> {
        let first = &versions[0].1;
        let (last, one) = match versions {
            [_] => (first.clone(), true),
            _ => (align(&versions[versions.len() - 1].1, &first.schema()), false),
        };
        // With one snapshot only, both worlds are that snapshot; with a table that only the later one has, likewise.
        let about = self.platform.tables.get(table).cloned();
        let key_columns = self.key_of(table, about.as_ref().and_then(|t| t.key.as_deref()), first);
        let first_keys = row_keys(first, &key_columns);
        let last_keys = if one { first_keys.clone() } else { row_keys(&last, &key_columns) };
        let mut numbers: HashMap<String, u32> = HashMap::with_capacity(first_keys.len());
        let mut keys: Vec<String> = Vec::with_capacity(first_keys.len());
        let mut number = |key: &String| -> u32 {
            if let Some(number) = numbers.get(key) {
                return *number;
            }
            let number = u32::try_from(keys.len()).expect("fewer than four thousand million rows");
            keys.push(key.clone());
            numbers.insert(key.clone(), number);
            number
        };
        let first_rows: Vec<u32> = first_keys.iter().map(&mut number).collect();
        let old_rows = u32::try_from(first_rows.len()).expect("as above");
        let last_rows: Vec<u32> = if one { first_rows.clone() } else { last_keys.iter().map(&mut number).collect() };
        let created = about.as_ref().and_then(|t| t.created.as_deref());
        let own_births = born_at(&last, created);
        let births: Vec<Option<i64>> = match about.as_ref().filter(|t| t.created.is_none()) {
            Some(about) => self.births_of_owners(&about.owner, &last, &last_keys)?,
            None => own_births,
        };
        let births: Vec<Option<i64>> = births
            .into_iter()
            .zip(&last_rows)
            .map(|(born, row)| if *row < old_rows { Some(i64::MIN) } else { born })
            .collect();

        let newborn: BooleanArray = births.iter().map(|b| Some(b.is_some_and(|b| b != i64::MIN))).collect();
        let early = extend(first, &first_rows, &vec![i64::MIN; first_rows.len()]);
        let mut late_births: Vec<i64> = births.iter().map(|b| b.unwrap_or(i64::MIN)).collect();
        let late = extend(&last, &last_rows, &late_births);
        let newborn = filter_record_batch(&late, &newborn).expect("the mask has a value for each row");
        let early = match newborn.num_rows() {
            0 => early,
            _ => concat_batches(&late.schema(), [&early, &newborn]).expect("aligned to one schema"),
        };
        let same = first.num_rows() == last.num_rows() && early.columns() == late.columns();

        let mut born = vec![i64::MIN; keys.len()];
        for (row, moment) in last_rows.iter().zip(&late_births) {
            born[*row as usize] = *moment;
        }
        late_births.retain(|b| *b != i64::MIN);
        late_births.sort_unstable();
        late_births.dedup();
        let mut loaded = Loaded {
            columns: first.schema().fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect(),
            born,
            owners: vec![None; keys.len()],
            keys,
            mapped: Vec::new(),
            births: late_births,
            births_unknown: births.iter().filter(|b| b.is_none()).count() as u64,
            same,
        };
        if let Some(about) = &about {
            self.own(&about.owner, [&early, &late], &mut loaded)?;
            for (name, column) in &about.columns {
                loaded.mapped.push(map_column(name, column, [&early, &late], loaded.keys.len()));
            }
        }
        for (world, batch) in BOTH.into_iter().zip([early, late]) {
            self.engine(world)
                .register(table, batch.schema(), vec![batch])
                .map_err(ScopeError::lake("register a table for replay"))?;
        }
        Ok(loaded)
    }

    fn key_of(&self, table: &str, stated: Option<&str>, batch: &RecordBatch) -> Vec<String> {
        if let Some(key) = stated {
            return vec![key.to_owned()];
        }
        let known = self.catalog.tables.iter().find(|t| t.name == table).map(|t| t.primary_key.clone());
        match known {
            Some(key) if !key.is_empty() => key,
            // Without a key a row is known by all that it holds.
            _ => batch.schema().fields().iter().map(|f| f.name().clone()).collect(),
        }
    }

    fn own(&mut self, owner: &Owner, versions: [&RecordBatch; 2], loaded: &mut Loaded) -> Result<(), ScopeError> {
        let leads = match owner {
            Owner { column: Some(_), of: Some(of), .. } => self.owners_by_key(of)?,
            Owner { pointed_by: Some(from), by: Some(by), .. } => self.owners_by_pointer(from, by)?,
            _ => HashMap::new(),
        };
        for batch in versions {
            let rows = batch
                .column_by_name(ROW)
                .expect("added by extend")
                .as_primitive::<stanch_lake::datafusion::arrow::datatypes::UInt32Type>();
            let text = |name: &Option<String>| name.as_ref().and_then(|n| text_column(batch, n));
            let (account, email, column) = (text(&owner.account), text(&owner.email), text(&owner.column));
            for (at, row) in rows.values().iter().enumerate() {
                let person = account
                    .as_ref()
                    .and_then(|a| self.people.of_account(get(a, at)?))
                    .or_else(|| email.as_ref().and_then(|e| self.people.of_email(get(e, at)?)))
                    .or_else(|| match (&column, &owner.pointed_by) {
                        (Some(column), _) => leads.get(get(column, at)?).copied(),
                        (None, Some(_)) => leads.get(&loaded.keys[*row as usize]).copied(),
                        _ => None,
                    });
                let slot = &mut loaded.owners[*row as usize];
                *slot = slot.or(person);
            }
        }
        Ok(())
    }

    /// Rows without a moment of their own were born with the row that leads to their owner: an order's address with
    /// the order.
    fn births_of_owners(
        &mut self,
        owner: &Owner,
        batch: &RecordBatch,
        keys: &[String],
    ) -> Result<Vec<Option<i64>>, ScopeError> {
        let born = |loaded: &Loaded, row: usize| Some(loaded.born[row]).filter(|b| *b != i64::MIN);
        match owner {
            Owner { column: Some(column), of: Some(of), .. } if self.load(of)? => {
                let loaded = self.table(of).expect("just loaded");
                let by_key: HashMap<&String, Option<i64>> =
                    loaded.keys.iter().enumerate().map(|(row, key)| (key, born(loaded, row))).collect();
                let pointers = text_column(batch, column);
                let lead = |row| by_key.get(&get(pointers.as_ref()?, row)?.to_owned()).copied().flatten();
                Ok((0..batch.num_rows()).map(lead).collect())
            }
            Owner { pointed_by: Some(from), by: Some(by), .. } if self.load(from)? => {
                let pointers = self.values(World::Late, from, by)?;
                let loaded = self.table(from).expect("just loaded");
                let by_key: HashMap<String, Option<i64>> =
                    pointers.into_iter().filter_map(|(row, to)| Some((to?, born(loaded, row as usize)))).collect();
                Ok(keys.iter().map(|key| by_key.get(key).copied().flatten()).collect())
            }
            _ => Ok(vec![None; keys.len()]),
        }
    }

    fn owners_by_key(&mut self, table: &str) -> Result<HashMap<String, PersonIndex>, ScopeError> {
        if !self.load(table)? {
            return Ok(HashMap::new());
        }
        let loaded = self.table(table).expect("just loaded");
        Ok(loaded.keys.iter().zip(&loaded.owners).filter_map(|(k, o)| Some((k.clone(), (*o)?))).collect())
    }

    fn owners_by_pointer(&mut self, from: &str, by: &str) -> Result<HashMap<String, PersonIndex>, ScopeError> {
        if !self.load(from)? {
            return Ok(HashMap::new());
        }
        let sql = format!("SELECT {by}, {ROW} FROM {from} WHERE {by} IS NOT NULL", by = quote(by), from = quote(from));
        let mut leads = HashMap::new();
        for world in BOTH {
            let (schema, batches) =
                self.engine(world).query(&sql).map_err(ScopeError::lake("follow rows to their owner"))?;
            let batch = concat_batches(&schema, &batches).expect("batches of one query have one schema");
            let pointers = text_column(&batch, by).expect("selected above");
            let rows = batch.column(1).as_primitive::<stanch_lake::datafusion::arrow::datatypes::UInt32Type>();
            let loaded = self.table(from).expect("just loaded");
            for (at, row) in rows.values().iter().enumerate() {
                if let (Some(to), Some(person)) = (get(&pointers, at), loaded.owners[*row as usize]) {
                    leads.entry(to.to_owned()).or_insert(person);
                }
            }
        }
        Ok(leads)
    }

    /// The rows that a world's table has.
    pub(crate) fn rows(&self, world: World, table: &str) -> Result<Vec<u32>, ScopeError> {
        let sql = format!("SELECT {ROW} FROM {}", quote(table));
        let (_, batches) = self.engine(world).query(&sql).map_err(ScopeError::lake("read the rows of a table"))?;
        let numbers = |batch: &RecordBatch| {
            let column = batch.column(0).as_primitive::<stanch_lake::datafusion::arrow::datatypes::UInt32Type>();
            column.values().to_vec()
        };
        Ok(batches.iter().flat_map(numbers).collect())
    }

    /// Registered batches of a world's table, for looking at values without SQL.
    pub(crate) fn values(
        &self,
        world: World,
        table: &str,
        column: &str,
    ) -> Result<Vec<(u32, Option<String>)>, ScopeError> {
        let sql = format!("SELECT {ROW}, {} FROM {}", quote(column), quote(table));
        let (schema, batches) =
            self.engine(world).query(&sql).map_err(ScopeError::lake("read a column of the snapshot"))?;
        let batch = concat_batches(&schema, &batches).expect("batches of one query have one schema");
        let rows = batch.column(0).as_primitive::<stanch_lake::datafusion::arrow::datatypes::UInt32Type>();
        let texts = text_column(&batch, column);
        Ok(rows
            .values()
            .iter()
            .enumerate()
            .map(|(at, row)| (*row, texts.as_ref().and_then(|t| get(t, at)).map(str::to_owned)))
            .collect())
    }

    /// Tables and views that anything named in `names` may mean: views lead to the tables below them.
    pub(crate) fn tables_below(&self, names: impl IntoIterator<Item = String>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open: Vec<String> = names.into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            if self.has(&name) {
                found.insert(name);
            } else if let Some(view) = self.catalog.views.iter().find(|v| v.name == name) {
                open.extend(crate::plan::words(&view.sql));
            }
        }
        found
    }
}

/// The last birth of a row of these tables at or before a moment: moments with the same rows share an answer.
pub(crate) fn settled<'t>(worlds: &Worlds<'_>, tables: impl Iterator<Item = &'t String>, moment: i64) -> i64 {
    let births = tables.filter_map(|t| worlds.table(t)).filter_map(|t| {
        let after = t.births.partition_point(|b| *b <= moment);
        after.checked_sub(1).map(|at| t.births[at])
    });
    births.max().unwrap_or(i64::MIN)
}

/// A name as SQL writes it.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text_column(batch: &RecordBatch, name: &str) -> Option<ArrayRef> {
    cast(batch.column_by_name(name)?, &DataType::Utf8).ok()
}

fn get(column: &ArrayRef, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.as_string::<i32>().value(row))
}

fn row_keys(batch: &RecordBatch, columns: &[String]) -> Vec<String> {
    let columns: Vec<ArrayRef> = columns.iter().filter_map(|c| text_column(batch, c)).collect();
    (0..batch.num_rows())
        .map(|row| match columns.as_slice() {
            [one] => get(one, row).unwrap_or_default().to_owned(),
            many => many.iter().map(|c| get(c, row).unwrap_or("∅")).collect::<Vec<_>>().join("/"),
        })
        .collect()
}

/// The later snapshot's columns in the earlier one's order and types; what it lacks is null.
fn align(batch: &RecordBatch, schema: &SchemaRef) -> RecordBatch {
    let columns = schema
        .fields()
        .iter()
        .map(|field| {
            let there = batch.column_by_name(field.name()).and_then(|c| cast(c, field.data_type()).ok());
            there.unwrap_or_else(|| {
                stanch_lake::datafusion::arrow::array::new_null_array(field.data_type(), batch.num_rows())
            })
        })
        .collect();
    let fields: Vec<Field> = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("one column a field, all of one length")
}

fn extend(batch: &RecordBatch, rows: &[u32], born: &[i64]) -> RecordBatch {
    let mut fields: Vec<Field> =
        batch.schema().fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), true)).collect();
    fields.push(Field::new(ROW, DataType::UInt32, false));
    fields.push(Field::new(BORN, DataType::Int64, false));
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(UInt32Array::from(rows.to_vec())));
    columns.push(Arc::new(Int64Array::from(born.to_vec())));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("as many numbers as rows")
}

fn born_at(batch: &RecordBatch, created: Option<&str>) -> Vec<Option<i64>> {
    let moments = created
        .and_then(|c| batch.column_by_name(c))
        .and_then(|c| cast(c, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))).ok())
        .and_then(|c| cast(&c, &DataType::Int64).ok());
    match moments {
        Some(moments) => moments.as_primitive::<Int64Type>().iter().collect(),
        None => vec![None; batch.num_rows()],
    }
}

fn map_column(name: &str, about: &Column, versions: [&RecordBatch; 2], rows: usize) -> MappedColumn {
    let mut mapped = MappedColumn {
        name: name.to_owned(),
        about: about.clone(),
        filled: [vec![false; rows], vec![false; rows]],
        scheme: vec![0; rows],
        schemes: vec![String::new()],
    };
    let mark = match about {
        Column::Formed(formed) => formed.scheme_before,
        Column::Plain(_) | Column::Several(_) => None,
    };
    for (world, batch) in versions.into_iter().enumerate() {
        let Some(values) = text_column(batch, name) else { continue };
        let numbers = batch.column_by_name(ROW).expect("added by extend");
        let numbers = numbers.as_primitive::<stanch_lake::datafusion::arrow::datatypes::UInt32Type>();
        for (at, row) in numbers.values().iter().enumerate() {
            let Some(value) = get(&values, at).filter(|v| !v.trim().is_empty()) else { continue };
            mapped.filled[world][*row as usize] = true;
            if let Some((scheme, _)) = mark.and_then(|m| value.split_once(m)).filter(|(s, _)| s.len() <= 40) {
                let index = mapped.schemes.iter().position(|s| s == scheme).unwrap_or_else(|| {
                    mapped.schemes.push(scheme.to_owned());
                    mapped.schemes.len() - 1
                });
                mapped.scheme[*row as usize] = u16::try_from(index).unwrap_or(0);
            }
        }
    }
    mapped
}
