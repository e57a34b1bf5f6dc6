//! Every access judged: statements and routes become plans, plans become rows, rows become cells.

use crate::access::{Answered, Outcome, Spot, Statement, during};
use crate::batch;
use crate::blind::{self, Asked};
use crate::plan::{self, Block, How, Plan, Role, Schema, Write};
use crate::platform::Platform;
use crate::probe::{Probe, Test};
use crate::replay::{Replay, Replayed};
use crate::shape;
use crate::tally::{Hit, Support, Tally, flows_of, rows_of};
use crate::worlds::{World, Worlds};
use stanch_model::exposure::Shape;
use stanch_model::{Effect, Grade};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A shape from this many statements on is planned once for all of them.
const BATCH_FROM: usize = 48;

/// What a statement is judged with.
#[derive(Clone, Copy)]
pub(crate) struct Access<'a> {
    pub(crate) spot: Spot,
    pub(crate) shape: u32,
    pub(crate) during: (i64, i64),
    /// Why nothing of it is certain; empty where it may be.
    pub(crate) because: &'a str,
}

struct Target {
    block: Block,
    asked: Vec<AskedProbe>,
}

/// A probe that was sent, and how many rows came back.
struct AskedProbe {
    test: Test,
    spot: Spot,
    shape: u32,
    during: (i64, i64),
    rows: Option<i64>,
}

/// Statements that have no provenance query, by reason.
#[derive(Default)]
pub(crate) struct Unplanned {
    pub(crate) by_reason: BTreeMap<String, (u64, Spot2)>,
}

/// The first place where something was seen.
pub(crate) type Spot2 = Option<Spot>;

/// Judges accesses one after another.
pub(crate) struct Judge<'a, 'l> {
    pub(crate) worlds: &'a mut Worlds<'l>,
    platform: &'a Platform,
    catalog: stanch_snapshot::Catalog,
    replay: Replay,
    pub(crate) tally: Tally,
    pub(crate) shapes: Vec<Shape>,
    shape_numbers: HashMap<String, u32>,
    pub(crate) unplanned: Unplanned,
    /// Statements that the server counted otherwise than the replay, by shape.
    pub(crate) sizes: BTreeMap<String, u64>,
    targets: BTreeMap<String, Target>,
    rolled_back: BTreeSet<(String, usize)>,
}

impl<'a, 'l> Judge<'a, 'l> {
    pub(crate) fn new(worlds: &'a mut Worlds<'l>, platform: &'a Platform) -> Judge<'a, 'l> {
        let catalog = worlds.catalog.clone();
        Judge {
            worlds,
            platform,
            catalog,
            replay: Replay::default(),
            tally: Tally::default(),
            shapes: Vec::new(),
            shape_numbers: HashMap::new(),
            unplanned: Unplanned::default(),
            sizes: BTreeMap::new(),
            targets: BTreeMap::new(),
            rolled_back: BTreeSet::new(),
        }
    }

    fn shape(&mut self, id: String, text: &str) -> u32 {
        if let Some(number) = self.shape_numbers.get(&id) {
            return *number;
        }
        let number = u32::try_from(self.shapes.len()).unwrap_or(u32::MAX);
        self.shapes.push(Shape {
            id: id.clone(),
            text: text.to_owned(),
            judged: String::new(),
            statements: 0,
            failed: 0,
            rows_predicted: None,
            rows_observed: None,
            bytes_observed: None,
            disagree: 0,
        });
        self.shape_numbers.insert(id, number);
        number
    }

    /// The shape under which requests that no route explains are counted.
    pub(crate) fn route_shape(&mut self, name: &str) -> u32 {
        self.shape(format!("route:{name}"), name)
    }

    /// Judges all statements, by shape. Writes go first, since they explain what differs between the snapshots.
    pub(crate) fn statements(&mut self, statements: &[Statement]) {
        self.rolled_back = undone(statements);
        let mut by_shape: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, statement) in statements.iter().enumerate() {
            by_shape.entry(shape::take(&statement.text).shape).or_default().push(at);
        }
        for (text, members) in by_shape {
            let number = self.shape(shape::id(&text), &text);
            self.observe(number, statements, &members);
            if members.len() >= BATCH_FROM && self.in_one(number, statements, &members) {
                continue;
            }
            for at in members {
                self.statement(number, at, &statements[at]);
            }
        }
        self.add_up_probes();
    }

    fn observe(&mut self, number: u32, statements: &[Statement], members: &[usize]) {
        let shape = &mut self.shapes[number as usize];
        for statement in members.iter().map(|at| &statements[*at]) {
            shape.statements += 1;
            shape.failed += u64::from(statement.outcome != Outcome::Ran);
            let unsigned = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
            if let Some(rows) = unsigned(statement.rows) {
                shape.rows_observed = Some(shape.rows_observed.unwrap_or(0) + rows);
            }
            if let Some(bytes) = unsigned(statement.bytes) {
                shape.bytes_observed = Some(shape.bytes_observed.unwrap_or(0) + bytes);
            }
        }
    }

    /// Many statements of one shape as one join. Says whether that was possible.
    fn in_one(&mut self, number: u32, statements: &[Statement], members: &[usize]) -> bool {
        let plain = |s: &Statement| s.outcome == Outcome::Ran && s.parameters.is_none();
        if !members.iter().all(|at| plain(&statements[*at])) {
            return false;
        }
        let chosen: Vec<&Statement> = members.iter().map(|at| &statements[*at]).collect();
        let schema = Schema { platform: self.platform, catalog: &self.catalog };
        let Ok(found) = batch::run(self.worlds, &schema, &chosen) else { return false };
        for (block, reached) in found.blocks.iter().zip(&found.reached) {
            let flows = self.flows(block, false);
            for hit in reached {
                let statement = chosen[hit.statement as usize];
                let source = usize::from(hit.source);
                self.tally.hit(
                    self.worlds,
                    &Hit {
                        spot: statement.spot,
                        shape: number,
                        table: &block.sources[source].table,
                        row: hit.row,
                        sure: hit.sure,
                        flows: &flows[source],
                        effect: Effect::Disclosed,
                        because: block.doubts.first().map_or("", String::as_str),
                    },
                );
            }
        }
        let shape = &mut self.shapes[number as usize];
        shape.rows_predicted = Some(found.predicted);
        shape.judged = format!("planned once for {} statements", members.len());
        true
    }

    fn statement(&mut self, number: u32, at: usize, statement: &Statement) {
        let mut because = "";
        let mut only_casts = false;
        if let Outcome::Failed { code, .. } = &statement.outcome {
            match code.get(..2).unwrap_or_default() {
                // Rejected before a row was read: syntax, names, rights, an aborted transaction.
                "42" | "25" | "0A" | "26" | "34" => return self.say(number, "rejected by the server"),
                "22" => only_casts = true,
                _ => because = "it failed, and how far it got is not known",
            }
        }
        let text = match &statement.parameters {
            Some(json) => {
                shape::bind(&statement.text, &serde_json::from_str::<Vec<Option<String>>>(json).unwrap_or_default())
            }
            None => statement.text.clone(),
        };
        let access = Access { spot: statement.spot, shape: number, during: during(statement.spot.time), because };
        let parsed = match plan::parse(&text) {
            Ok(parsed) => parsed,
            Err(why) => return self.fall_back(&access, &text, &why),
        };
        for one in &parsed {
            let schema = Schema { platform: self.platform, catalog: &self.catalog };
            let plan = match plan::plan(one, &schema) {
                Ok(plan) => plan,
                Err(why) => {
                    self.fall_back(&access, &one.to_string(), &why);
                    continue;
                }
            };
            let undone = self.rolled_back.contains(&(statement.session.clone(), at));
            self.planned(&access, statement, plan, only_casts, undone, one);
        }
    }

    fn planned(
        &mut self,
        access: &Access<'_>,
        statement: &Statement,
        plan: Plan,
        only_casts: bool,
        undone: bool,
        text: &impl std::fmt::Display,
    ) {
        let counted = match plan.blocks.as_slice() {
            [one] if one.role == Role::Output && one.gate.is_none() && one.row_for_row && plan.writes.is_empty() => {
                statement.rows
            }
            _ => None,
        };
        self.say(access.shape, &describe(&plan));
        for block in &plan.blocks {
            let shown = match block.role {
                Role::Output => !only_casts,
                Role::Cast => only_casts && statement.shows_errors,
                Role::Condition => false,
            };
            match self.replay.run(self.worlds, block, access.during) {
                Ok(replayed) => self.reached(access, block, &replayed, shown, counted, statement),
                Err(why) => return self.fall_back(access, &text.to_string(), &why),
            }
        }
        for probe in plan.probes {
            self.keep_probe(access, probe, statement);
        }
        for write in plan.writes.iter().filter(|_| statement.outcome == Outcome::Ran && !undone) {
            self.written(access, write, &text.to_string());
        }
    }

    fn reached(
        &mut self,
        access: &Access<'_>,
        block: &Block,
        replayed: &Replayed,
        shown: bool,
        counted: Option<i64>,
        statement: &Statement,
    ) {
        let mut because = access.because.to_owned();
        if let Some(doubt) = block.doubts.first().filter(|_| because.is_empty()) {
            because.clone_from(doubt);
        }
        let mut sure = access.because.is_empty();
        if block.role == Role::Output && shown {
            self.note_predicted(access.shape, replayed.predicted.1);
        }
        if let Some(observed) = counted.and_then(|c| u64::try_from(c).ok()) {
            let (least, most) = replayed.predicted;
            if observed < least || observed > most {
                self.shapes[access.shape as usize].disagree += 1;
                *self.sizes.entry(self.shapes[access.shape as usize].id.clone()).or_default() += 1;
                sure &= observed > most;
                because = "the server counted other rows than the replay".to_owned();
            }
        }
        if block.role == Role::Cast && shown {
            // The error's text holds the value: that the two agree is the proof.
            let Outcome::Failed { message, .. } = &statement.outcome else { return };
            let agrees = replayed.value.as_ref().is_some_and(|v| !v.is_empty() && message.contains(v.as_str()));
            if !agrees {
                sure = false;
                because = "the error's text does not show the replayed value".to_owned();
            }
        }
        let flows = self.flows(block, !shown);
        for (source, flows) in flows.iter().enumerate() {
            for row in rows_of(&replayed.rows, source) {
                let tie = if because.is_empty() && block.cut.is_some() {
                    "tied at the edge of a LIMIT, or moved by changes around the access"
                } else {
                    &because
                };
                self.tally.hit(
                    self.worlds,
                    &Hit {
                        spot: access.spot,
                        shape: access.shape,
                        table: &block.sources[source].table,
                        row: row.row,
                        sure: sure && row.sure,
                        flows,
                        effect: Effect::Disclosed,
                        because: tie,
                    },
                );
            }
        }
    }

    fn flows(&self, block: &Block, as_membership: bool) -> Vec<Vec<(usize, How)>> {
        block
            .sources
            .iter()
            .enumerate()
            .map(|(at, source)| {
                let loaded = self.worlds.table(&source.table);
                loaded.map(|l| flows_of(&block.flows, at, l, as_membership)).unwrap_or_default()
            })
            .collect()
    }

    fn note_predicted(&mut self, shape: u32, rows: u64) {
        let predicted = &mut self.shapes[shape as usize].rows_predicted;
        *predicted = Some(predicted.unwrap_or(0) + rows);
    }

    fn say(&mut self, shape: u32, judged: &str) {
        let shape = &mut self.shapes[shape as usize];
        if shape.judged.is_empty() || shape.judged == "rejected by the server" {
            shape.judged = judged.to_owned();
        }
    }

    /// Rows that a write changed. In the early world its condition finds them; what the late world shows decides.
    fn written(&mut self, access: &Access<'_>, write: &Write, text: &str) {
        let replayed = match self.replay.run(self.worlds, &write.block, access.during) {
            Ok(replayed) => replayed,
            Err(why) => return self.fall_back(access, text, &why),
        };
        let effect = if write.deletes { Effect::Destroyed } else { Effect::Altered };
        let found: BTreeSet<u32> = rows_of(&replayed.rows, 0).map(|r| r.row).collect();
        let changed = self.changed(write, access.during.1);
        let Some(loaded) = self.worlds.table(&write.table) else { return };
        let columns: Vec<(usize, How)> = loaded
            .mapped
            .iter()
            .enumerate()
            .filter(|(_, m)| write.deletes || write.set.contains_key(&m.name))
            .map(|(at, _)| (at, How::Value))
            .collect();
        let also: BTreeSet<u32> = changed.keys().copied().filter(|row| changed[row] != Change::Otherwise).collect();
        for row in found.union(&also) {
            let sure =
                found.contains(row) && matches!(changed.get(row), Some(Change::ToTheConstant | Change::Otherwise));
            self.tally.hit(
                self.worlds,
                &Hit {
                    spot: access.spot,
                    shape: access.shape,
                    table: &write.table,
                    row: *row,
                    sure,
                    flows: &columns,
                    effect,
                    because: "the later snapshot does not show the change",
                },
            );
        }
        self.note_predicted(access.shape, found.len() as u64);
    }

    /// Rows whose written columns differ between the worlds, and whether they became what the statement set.
    fn changed(&self, write: &Write, moment: i64) -> BTreeMap<u32, Change> {
        let mut changed = BTreeMap::new();
        let Some(loaded) = self.worlds.table(&write.table) else { return changed };
        if write.deletes {
            let (Ok(early), Ok(late)) = (self.rows(World::Early, &write.table), self.rows(World::Late, &write.table))
            else {
                return changed;
            };
            changed.extend(early.difference(&late).map(|row| (*row, Change::Otherwise)));
            return changed;
        }
        for (column, constant) in &write.set {
            let read = |world| {
                self.worlds.values(world, &write.table, column).map(|v| v.into_iter().collect::<HashMap<_, _>>())
            };
            let (Ok(early), Ok(late)) = (read(World::Early), read(World::Late)) else { continue };
            for (row, before) in early {
                let Some(after) = late.get(&row) else { continue };
                // What a row born in between held before the statement is nowhere kept: it may have been changed.
                if loaded.born_before(row, moment) && constant.as_ref().is_none_or(|c| after.as_ref() == Some(c)) {
                    changed.entry(row).or_insert(Change::Unseen);
                    continue;
                }
                if before == *after {
                    continue;
                }
                let change = match constant {
                    Some(constant) if after.as_ref() == Some(constant) => Change::ToTheConstant,
                    Some(_) => continue,
                    None => Change::Otherwise,
                };
                changed.entry(row).or_insert(change);
            }
        }
        changed
    }

    fn rows(&self, world: World, table: &str) -> Result<BTreeSet<u32>, crate::error::ScopeError> {
        let key = crate::worlds::ROW;
        Ok(self.worlds.values(world, table, key)?.into_iter().map(|(row, _)| row).collect())
    }

    /// A request that a route answered.
    pub(crate) fn answered(&mut self, request: &Answered) {
        let number = self.shape(format!("route:{}", request.route), &request.pattern);
        let shape = &mut self.shapes[number as usize];
        shape.statements += 1;
        if let Some(bytes) = request.bytes.and_then(|b| u64::try_from(b).ok()) {
            shape.bytes_observed = Some(shape.bytes_observed.unwrap_or(0) + bytes);
        }
        if let Some(rows) = request.rows.and_then(|b| u64::try_from(b).ok()) {
            shape.rows_observed = Some(shape.rows_observed.unwrap_or(0) + rows);
        }
        let because = if request.account_guessed { "which account asked is not logged" } else { "" };
        let access = Access { spot: request.spot, shape: number, during: request.during, because };
        for sql in &request.reads {
            let schema = Schema { platform: self.platform, catalog: &self.catalog };
            let planned = plan::parse(sql).and_then(|parsed| {
                let one = parsed.first().ok_or_else(|| "a route without a query".to_owned())?;
                plan::plan(one, &schema)
            });
            match planned {
                Ok(plan) => {
                    self.say(number, "a route of the platform pack");
                    let counted = if request.reads.len() == 1 { request.rows } else { None };
                    self.route(&access, plan, counted, sql);
                }
                Err(why) => self.fall_back(&access, sql, &why),
            }
        }
    }

    fn route(&mut self, access: &Access<'_>, plan: Plan, counted: Option<i64>, sql: &str) {
        for block in &plan.blocks {
            match self.replay.run(self.worlds, block, access.during) {
                Ok(replayed) => {
                    let shown = block.role == Role::Output;
                    let counted = counted.filter(|_| shown && block.row_for_row && plan.blocks.len() == 1);
                    let nobody = no_statement(access.spot);
                    self.reached(access, block, &replayed, shown, counted, &nobody);
                }
                Err(why) => return self.fall_back(access, sql, &why),
            }
        }
    }

    /// Whatever cannot be planned may have reached every row of every table that it can name.
    pub(crate) fn fall_back(&mut self, access: &Access<'_>, text: &str, why: &str) {
        let names = match plan::parse(text) {
            Ok(parsed) => parsed.iter().flat_map(plan::names_of).collect(),
            Err(_) => plan::words(text),
        };
        let mut tables: Vec<String> =
            self.worlds.tables_below(names).into_iter().filter(|t| self.platform.tables.contains_key(t)).collect();
        let first = text.split_whitespace().next().unwrap_or_default().to_uppercase();
        if matches!(first.as_str(), "FETCH" | "EXECUTE" | "CALL" | "DO") {
            tables = self.platform.tables.keys().cloned().collect();
        }
        let effect = match first.as_str() {
            "UPDATE" => Effect::Altered,
            "DELETE" | "TRUNCATE" => Effect::Destroyed,
            _ => Effect::Disclosed,
        };
        if tables.is_empty() {
            return self.say(access.shape, "names no personal data");
        }
        let because = format!("a statement that is not replayed: {why}");
        for table in &tables {
            self.tally.whole_table(table, effect, access.spot, access.shape, &because);
        }
        self.shapes[access.shape as usize].judged = format!("not planned: {why}");
        let entry = self.unplanned.by_reason.entry(why.to_owned()).or_insert((0, None));
        entry.0 += 1;
        entry.1.get_or_insert(access.spot);
    }

    fn keep_probe(&mut self, access: &Access<'_>, probe: Probe, statement: &Statement) {
        let block = &probe.block;
        let key = format!("{:?}|{}|{:?}|{:?}|{:?}", block.value, block.from, block.conditions, block.order, block.cut);
        let target = self.targets.entry(key).or_insert_with(|| Target { block: block.clone(), asked: Vec::new() });
        let rows = statement.rows.filter(|_| statement.outcome == Outcome::Ran);
        let Probe { test, .. } = probe;
        target.asked.push(AskedProbe { test, spot: access.spot, shape: access.shape, during: access.during, rows });
    }

    fn add_up_probes(&mut self) {
        for target in std::mem::take(&mut self.targets).into_values() {
            self.add_up(target);
        }
    }

    fn add_up(&mut self, target: Target) {
        let from = target.asked.iter().map(|a| a.during.0).min().unwrap_or(i64::MIN);
        let to = target.asked.iter().map(|a| a.during.1).max().unwrap_or(i64::MAX);
        let replayed = match self.replay.run(self.worlds, &target.block, (from, to)) {
            Ok(replayed) => replayed,
            Err(why) => {
                let AskedProbe { spot, shape, during, .. } = target.asked[0];
                let access = Access { spot, shape, during, because: "" };
                return self.fall_back(&access, &format!("SELECT 1 FROM {}", target.block.from), &why);
            }
        };
        let known = replayed.value.as_ref().filter(|_| replayed.rows.iter().all(|r| r.sure)).map(|value| {
            let asked: Vec<Asked<'_>> = target.asked.iter().map(|a| (&a.test, a.rows.map(|rows| rows > 0))).collect();
            blind::add_up(value, &asked)
        });
        let (grade, because) = match &known {
            Some(k) if k.contradicted > 0 => (Grade::Possible, "answers seen contradict the replay"),
            Some(k) if k.whole => (Grade::Certain, ""),
            Some(k) if k.characters > 0 => (Grade::Partial, "some of its characters were determined"),
            Some(_) => (Grade::Membership, "asked about, no character determined"),
            None => (Grade::Possible, "asked about, and which row is not certain"),
        };
        let because = self.tally.reasons.number(because);
        for (source, about) in target.block.sources.iter().enumerate() {
            let Some(loaded) = self.worlds.table(&about.table) else { continue };
            let table = self.tally.tables.number(&about.table);
            for row in rows_of(&replayed.rows, source) {
                let Some(person) = loaded.owners[row.row as usize] else { continue };
                for (column, how) in flows_of(&target.block.flows, source, loaded, false) {
                    let mapped = &loaded.mapped[column];
                    let grade = if how == How::Value { grade } else { Grade::Membership };
                    let scheme =
                        self.tally.schemes.number(&mapped.schemes[usize::from(mapped.scheme[row.row as usize])]);
                    for AskedProbe { spot, shape, .. } in &target.asked {
                        let support = Support { spot: *spot, shape: *shape, table, row: row.row, because };
                        for class in mapped.about.classes() {
                            let key = (person, *class, Effect::Disclosed);
                            self.tally.add(key, grade, mapped.about.protection(), scheme, support);
                        }
                    }
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The later snapshot holds what the statement set, the earlier one something else.
    ToTheConstant,
    /// The snapshots differ.
    Otherwise,
    /// The row was born in between, and holds what the statement set.
    Unseen,
}

fn no_statement(spot: Spot) -> Statement {
    Statement::none(spot)
}

/// Statements of transactions that were rolled back: their writes never came to be.
fn undone(statements: &[Statement]) -> BTreeSet<(String, usize)> {
    let mut open: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut undone = BTreeSet::new();
    for (at, statement) in statements.iter().enumerate() {
        let word = statement.text.split_whitespace().next().unwrap_or_default().trim_end_matches(';').to_uppercase();
        let session = statement.session.as_str();
        match word.as_str() {
            "BEGIN" | "START" => {
                open.insert(session, Vec::new());
            }
            "COMMIT" | "END" => {
                open.remove(session);
            }
            "ROLLBACK" | "ABORT" => {
                let members = open.remove(session).unwrap_or_default();
                undone.extend(members.into_iter().map(|m| (session.to_owned(), m)));
            }
            _ => {
                if let Some(members) = open.get_mut(session) {
                    members.push(at);
                }
            }
        }
    }
    undone
}

fn describe(plan: &Plan) -> String {
    let outputs = plan.blocks.iter().filter(|b| b.role == Role::Output).count();
    let mut parts = Vec::new();
    match outputs {
        0 => {}
        1 => parts.push("one query to the output".to_owned()),
        many => parts.push(format!("{many} queries to the output")),
    }
    if plan.blocks.iter().any(|b| b.role == Role::Cast) {
        parts.push("a value in a conversion that may fail".to_owned());
    }
    if !plan.probes.is_empty() {
        parts.push("a blind probe".to_owned());
    }
    if plan.writes.iter().any(|w| w.deletes) {
        parts.push("a deletion".to_owned());
    }
    if plan.writes.iter().any(|w| !w.deletes) {
        parts.push("a change".to_owned());
    }
    if parts.is_empty() { "reaches no personal data".to_owned() } else { format!("planned: {}", parts.join(", ")) }
}
