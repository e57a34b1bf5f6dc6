//! Every access judged: statements and routes become plans, plans become rows, rows become cells.

pub(crate) mod alike;
mod batch;
mod blind;
mod literals;
mod many;
mod one;
mod probes;
#[cfg(test)]
mod tests;
mod writes;

use crate::access::{Answered, Outcome, Seen, Spot, Statement};
use crate::plan::{Block, How, Plan};
use crate::platform::Platform;
use crate::replay::Replay;
use crate::shape;
use crate::tally::{Tally, flows_of};
use crate::worlds::Worlds;
use alike::{Alike, During, Grouping};
use stanch_model::exposure::Shape;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A shape from this many questions on is planned once for all of them.
const BATCH_FROM: usize = 48;
/// Rows that the accesses of one shape may reach together, each counted as often as it is reached. The accesses beyond
/// fall to the ceiling: what a hostile log can cost has a bound.
const ROWS_OF_A_SHAPE: u64 = 200_000_000;

/// What an access is judged with.
#[derive(Clone, Copy)]
pub(crate) struct Access<'a> {
    pub(crate) seen: Seen,
    pub(crate) shape: u32,
    pub(crate) during: During,
    /// Why nothing of it is certain; empty where it may be.
    pub(crate) because: &'a str,
}

/// Judges accesses one after another.
pub(crate) struct Judge<'a, 'l> {
    pub(crate) worlds: &'a mut Worlds<'l>,
    platform: &'a Platform,
    /// Tables of which the snapshots are known to lack rows.
    cut: &'a BTreeSet<String>,
    catalog: stanch_snapshot::Catalog,
    replay: Replay,
    pub(crate) tally: Tally,
    pub(crate) shapes: Vec<Shape>,
    shape_numbers: HashMap<String, u32>,
    /// Statements that have no provenance query, by reason, each reason with the first place where it was met.
    pub(crate) unplanned: BTreeMap<String, (u64, Spot)>,
    /// Statements that the server counted otherwise than the replay, by shape.
    pub(crate) sizes: BTreeMap<String, u64>,
    targets: BTreeMap<String, probes::Target>,
    changes: writes::Changes,
    /// Rows that the accesses of the shape at hand have reached.
    reached: u64,
    batch_from: usize,
}

impl<'a, 'l> Judge<'a, 'l> {
    pub(crate) fn new(worlds: &'a mut Worlds<'l>, platform: &'a Platform, cut: &'a BTreeSet<String>) -> Judge<'a, 'l> {
        let catalog = worlds.catalog.clone();
        Judge {
            worlds,
            platform,
            cut,
            catalog,
            replay: Replay::default(),
            tally: Tally::default(),
            shapes: Vec::new(),
            shape_numbers: HashMap::new(),
            unplanned: BTreeMap::new(),
            sizes: BTreeMap::new(),
            targets: BTreeMap::new(),
            changes: writes::Changes::default(),
            reached: 0,
            batch_from: BATCH_FROM,
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

    /// Judges all statements, by shape.
    pub(crate) fn statements(&mut self, statements: &[Statement]) {
        let undone = undone(statements);
        let mut by_shape: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, statement) in statements.iter().enumerate() {
            by_shape.entry(shape::take(&statement.text).shape).or_default().push(at);
        }
        for (text, members) in by_shape {
            let number = self.shape(shape::id(&text), &text);
            let mut grouping = Grouping::default();
            for (at, statement) in members.iter().map(|at| (*at, &statements[*at])) {
                let failed = statement.outcome != Outcome::Ran;
                self.observe(number, failed, statement.rows, statement.bytes);
                grouping.statement(statement, undone.contains(&at));
            }
            self.questions(number, &grouping.finish());
        }
        self.add_up_probes();
    }

    /// Judges the requests that routes answered, by route.
    pub(crate) fn answered(&mut self, requests: &[Answered]) {
        let mut by_route: BTreeMap<&str, Vec<&Answered>> = BTreeMap::new();
        for request in requests {
            by_route.entry(&request.route).or_default().push(request);
        }
        for (route, requests) in by_route {
            let number = self.shape(format!("route:{route}"), &requests[0].pattern);
            let mut by_shape: BTreeMap<String, Grouping<'_>> = BTreeMap::new();
            for request in requests {
                self.observe(number, false, request.rows, request.bytes);
                for sql in &request.reads {
                    by_shape.entry(shape::take(sql).shape).or_default().answered(request, sql);
                }
            }
            self.say(number, "a route of the platform pack");
            for grouping in by_shape.into_values() {
                self.questions(number, &grouping.finish());
            }
        }
    }

    fn observe(&mut self, number: u32, failed: bool, rows: Option<i64>, bytes: Option<i64>) {
        let shape = &mut self.shapes[number as usize];
        shape.statements += 1;
        shape.failed += u64::from(failed);
        let unsigned = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
        if let Some(rows) = unsigned(rows) {
            shape.rows_observed = Some(shape.rows_observed.unwrap_or(0) + rows);
        }
        if let Some(bytes) = unsigned(bytes) {
            shape.bytes_observed = Some(shape.bytes_observed.unwrap_or(0) + bytes);
        }
    }

    /// Judges questions that differ in their literals alone.
    fn questions(&mut self, number: u32, questions: &[Alike<'_>]) {
        self.reached = 0;
        let (plain, other): (Vec<&Alike<'_>>, Vec<&Alike<'_>>) =
            questions.iter().partition(|q| *q.outcome == Outcome::Ran && q.because.is_empty());
        let together = plain.len() >= self.batch_from && self.together(number, &plain);
        for question in plain.into_iter().filter(|_| !together).chain(other) {
            self.one(number, question, None);
        }
    }

    /// Why a plan's answer is not all, where rows are missing that it may have given. What it does give stands, unless
    /// the missing rows could have come in its place.
    fn lacks(&self, plan: &mut Plan) -> Option<String> {
        let table = plan.needs().find(|t| self.cut.contains(*t))?;
        let why = format!("the snapshot lacks rows of table {table}");
        let asked = plan.probes.iter_mut().map(|p| &mut p.block).chain(plan.writes.iter_mut().map(|w| &mut w.block));
        for block in plan.blocks.iter_mut().chain(asked) {
            let nested = block.conditions.iter().any(|c| c.to_uppercase().contains("SELECT"));
            if block.cut.is_some() || nested {
                block.doubts.push(why.clone());
            }
        }
        Some(why)
    }

    fn flows(&self, block: &Block, as_membership: bool) -> Vec<Vec<(usize, How)>> {
        let of = |(at, source): (usize, &crate::plan::Source)| {
            let loaded = self.worlds.table(&source.table);
            loaded.map(|l| flows_of(&block.flows, at, l, as_membership)).unwrap_or_default()
        };
        block.sources.iter().enumerate().map(of).collect()
    }

    fn note_predicted(&mut self, shape: u32, rows: u64) {
        let predicted = &mut self.shapes[shape as usize].rows_predicted;
        *predicted = Some(predicted.unwrap_or(0) + rows);
    }

    /// Holds the server's count against the replay's, fewest and most. Says whether they agree.
    fn counts_agree(&mut self, access: &Access<'_>, observed: u64, (least, most): (u64, u64)) -> bool {
        if observed >= least && observed <= most {
            return true;
        }
        let shape = &mut self.shapes[access.shape as usize];
        shape.disagree += access.seen.times;
        *self.sizes.entry(shape.id.clone()).or_default() += access.seen.times;
        false
    }

    fn say(&mut self, shape: u32, judged: &str) {
        let shape = &mut self.shapes[shape as usize];
        if shape.judged.is_empty() || shape.judged == REJECTED {
            shape.judged = judged.to_owned();
        }
    }
}

const REJECTED: &str = "rejected by the server";
const COUNTS_DIFFER: &str = "the server counted other rows than the replay";

/// Statements of transactions that were rolled back: their writes never came to be.
fn undone(statements: &[Statement]) -> BTreeSet<usize> {
    let mut open: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut undone = BTreeSet::new();
    for (at, statement) in statements.iter().enumerate() {
        let word = statement.text.split_whitespace().next().unwrap_or_default().trim_end_matches(';');
        let is = |words: [&str; 2]| words.iter().any(|w| word.eq_ignore_ascii_case(w));
        let session = &*statement.session;
        if is(["BEGIN", "START"]) {
            open.insert(session, Vec::new());
        } else if is(["COMMIT", "END"]) {
            open.remove(session);
        } else if is(["ROLLBACK", "ABORT"]) {
            undone.extend(open.remove(session).unwrap_or_default());
        } else if let Some(members) = open.get_mut(session) {
            members.push(at);
        }
    }
    undone
}
