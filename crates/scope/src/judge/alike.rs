//! Accesses that ask the same question: judged once, counted as many times as they were made.

use crate::access::{Answered, Outcome, Seen, Spot, Statement, during};
use crate::worlds::{Worlds, settled};
use std::collections::{BTreeMap, HashMap};

/// Between which moments something ran.
pub(crate) type During = (i64, i64);

/// Accesses with the same text and the same outcome.
pub(crate) struct Alike<'a> {
    pub(crate) text: &'a str,
    pub(crate) outcome: &'a Outcome,
    pub(crate) shows_errors: bool,
    /// Rows that the server counted for each of them.
    pub(crate) rows: Option<i64>,
    /// Whether what they changed was rolled back.
    pub(crate) undone: bool,
    /// Why nothing of them is certain; empty where it may be.
    pub(crate) because: &'static str,
    first: (During, Spot),
    more: Vec<(During, Spot)>,
}

/// What makes two accesses alike.
type Question<'a> = (&'a str, &'a Outcome, bool, Option<i64>, bool, &'static str);

/// Groups accesses, in the order in which each kind first came.
#[derive(Default)]
pub(crate) struct Grouping<'a> {
    groups: Vec<Alike<'a>>,
    places: HashMap<Question<'a>, usize>,
}

impl<'a> Grouping<'a> {
    pub(crate) fn statement(&mut self, statement: &'a Statement, undone: bool) {
        let Statement { text, outcome, shows_errors, rows, because, .. } = statement;
        let question = (&**text, outcome, *shows_errors, *rows, undone, *because);
        self.put(question, during(statement.spot.time), statement.spot);
    }

    /// One of the queries with which a route answers a request.
    pub(crate) fn answered(&mut self, request: &'a Answered, sql: &'a str) {
        let because = if request.account_guessed { "which account asked is not logged" } else { "" };
        // With several queries, how many rows each of them gave is not known.
        let rows = request.rows.filter(|_| request.reads.len() == 1);
        self.put((sql, &Outcome::Ran, false, rows, false, because), request.during, request.spot);
    }

    fn put(&mut self, question: Question<'a>, during: During, spot: Spot) {
        match self.places.get(&question) {
            Some(place) => self.groups[*place].more.push((during, spot)),
            None => {
                self.places.insert(question, self.groups.len());
                let (text, outcome, shows_errors, rows, undone, because) = question;
                let first = (during, spot);
                self.groups.push(Alike { text, outcome, shows_errors, rows, undone, because, first, more: Vec::new() });
            }
        }
    }

    pub(crate) fn finish(self) -> Vec<Alike<'a>> {
        self.groups
    }
}

impl Alike<'_> {
    fn members(&self) -> impl Iterator<Item = &(During, Spot)> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// All of them as one.
    pub(crate) fn seen(&self) -> Seen {
        let mut seen = Seen::once(self.first.1);
        self.more.iter().for_each(|(_, spot)| seen.and(Seen::once(*spot)));
        seen
    }

    /// Apart, where rows of these tables were born in between; together otherwise.
    pub(crate) fn by_moment<'t>(
        &self,
        worlds: &Worlds<'_>,
        tables: impl Iterator<Item = &'t String> + Clone,
    ) -> Vec<(During, Seen)> {
        let mut apart: BTreeMap<During, Seen> = BTreeMap::new();
        for ((from, to), spot) in self.members() {
            let moment = |at| settled(worlds, tables.clone(), at);
            let seen = Seen::once(*spot);
            apart.entry((moment(*from), moment(*to))).and_modify(|s| s.and(seen)).or_insert(seen);
        }
        apart.into_iter().collect()
    }
}
