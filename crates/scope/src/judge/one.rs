//! One question at a time: planned, replayed, held against what the server counted.

use super::alike::{Alike, During};
use super::{Access, COUNTS_DIFFER, Judge, REJECTED, ROWS_OF_A_SHAPE};
use crate::access::{Outcome, Seen};
use crate::plan::{self, Block, Plan, Role, Schema};
use crate::replay::{self, Replayed};
use crate::tally::{Hit, rows_of};
use stanch_model::Effect;

/// How much of an access the intruder can have seen.
#[derive(Clone, Copy)]
struct Shown<'a> {
    /// Whether it ended in a conversion that failed, so that only an error's text shows anything.
    only_casts: bool,
    alike: &'a Alike<'a>,
}

impl Shown<'_> {
    fn shows(&self, block: &Block) -> bool {
        match block.role {
            Role::Output => !self.only_casts,
            Role::Cast => self.only_casts && self.alike.shows_errors,
            Role::Condition => false,
        }
    }

    /// The error's text, where it shows the block's value.
    fn said(&self, block: &Block) -> Option<&str> {
        match self.alike.outcome {
            Outcome::Failed { message, .. } if block.role == Role::Cast && self.shows(block) => Some(message),
            _ => None,
        }
    }
}

impl Judge<'_, '_> {
    /// Judges accesses that are alike; of all their moments, or of one alone.
    pub(super) fn one(&mut self, number: u32, alike: &Alike<'_>, only: Option<(During, Seen)>) {
        let mut because = alike.because;
        let mut shown = Shown { only_casts: false, alike };
        if let Outcome::Failed { code, .. } = alike.outcome {
            match code.get(..2).unwrap_or_default() {
                // Rejected before a row was read: syntax, names, rights, an aborted transaction.
                "42" | "25" | "0A" | "26" | "34" => return self.say(number, REJECTED),
                "22" => shown.only_casts = true,
                _ => because = "it failed, and how far it got is not known",
            }
        }
        let (during, seen) = only.unwrap_or(((i64::MIN, i64::MAX), alike.seen()));
        let all = Access { seen, shape: number, during, because };
        if self.reached > ROWS_OF_A_SHAPE {
            return self.fall_back(&all, alike.text, "its like reach more rows than are followed one by one");
        }
        let parsed = match plan::parse(alike.text) {
            Ok(parsed) => parsed,
            Err(why) => return self.fall_back(&all, alike.text, &why),
        };
        for one in &parsed {
            let schema = Schema { platform: self.platform, catalog: &self.catalog };
            let planned = plan::plan(one, &schema).and_then(|plan| {
                replay::load(self.worlds, plan.needs())?;
                Ok(plan)
            });
            let mut plan = match planned {
                Ok(plan) => plan,
                Err(why) => {
                    self.fall_back(&all, &one.to_string(), &why);
                    continue;
                }
            };
            self.say(number, &describe(&plan));
            let lacking = self.lacks(&mut plan);
            let moments = only.map_or_else(|| alike.by_moment(self.worlds, plan.needs()), |only| vec![only]);
            for (during, seen) in moments {
                let access = Access { during, seen, ..all };
                if let Err(why) = self.planned(&access, shown, &plan) {
                    self.fall_back(&access, &one.to_string(), &why);
                }
            }
            if let Some(why) = lacking {
                self.fall_short(&all, &one.to_string(), &why);
            }
        }
    }

    fn planned(&mut self, access: &Access<'_>, shown: Shown<'_>, plan: &Plan) -> Result<(), String> {
        let counted = match plan.blocks.as_slice() {
            [one] if one.counts_rows() && plan.writes.is_empty() => shown.alike.rows,
            _ => None,
        };
        for block in &plan.blocks {
            let replayed = self.replay.run(self.worlds, block, access.during, shown.said(block))?;
            self.reached += replayed.rows.len() as u64;
            self.reach(access, block, &replayed, shown, counted);
        }
        for probe in &plan.probes {
            self.keep_probe(access, probe.clone(), shown.alike);
        }
        for write in plan.writes.iter().filter(|_| *shown.alike.outcome == Outcome::Ran && !shown.alike.undone) {
            let replayed = self.replay.run(self.worlds, &write.block, access.during, None)?;
            let found = rows_of(&replayed.rows, 0).map(|r| r.row).collect();
            self.written(access, write, &found)?;
        }
        Ok(())
    }

    fn reach(
        &mut self,
        access: &Access<'_>,
        block: &Block,
        replayed: &Replayed,
        shown: Shown<'_>,
        counted: Option<i64>,
    ) {
        let said = shown.said(block).is_some();
        let shown = shown.shows(block);
        let mut because = access.because;
        if let Some(doubt) = block.doubts.first().filter(|_| because.is_empty()) {
            because = doubt;
        }
        let mut sure = access.because.is_empty();
        if block.role == Role::Output && shown {
            self.note_predicted(access.shape, replayed.predicted.1 * access.seen.times);
        }
        if let Some(observed) = counted.and_then(|c| u64::try_from(c).ok())
            && !self.counts_agree(access, observed, replayed.predicted)
        {
            // Where the server gave more than the replay finds, what the replay finds was among it.
            sure &= observed > replayed.predicted.1;
            because = COUNTS_DIFFER;
        }
        // The error's text holds the value: that the two agree is the proof.
        if said && !replayed.agrees {
            sure = false;
            because = "the error's text does not show the replayed value";
        }
        if because.is_empty() && block.cut.is_some() {
            because = "tied at the edge of a LIMIT, or moved by changes around the access";
        }
        for (source, flows) in self.flows(block, !shown).iter().enumerate() {
            for row in rows_of(&replayed.rows, source) {
                self.tally.hit(
                    self.worlds,
                    &Hit {
                        seen: access.seen,
                        shape: access.shape,
                        table: &block.sources[source].table,
                        row: row.row,
                        sure: sure && row.sure,
                        flows,
                        effect: Effect::Disclosed,
                        because,
                    },
                );
            }
        }
    }

    /// Whatever cannot be planned may have reached every row of every table that it can name.
    pub(super) fn fall_back(&mut self, access: &Access<'_>, text: &str, why: &str) {
        if !self.widen(access, access.seen, text, &format!("a statement that is not replayed: {why}"), why) {
            return self.say(access.shape, "names no personal data");
        }
        self.shapes[access.shape as usize].judged = format!("not planned: {why}");
    }

    /// What was planned may have reached more than it was seen to reach. It is counted already.
    pub(super) fn fall_short(&mut self, access: &Access<'_>, text: &str, why: &str) {
        self.widen(access, Seen { times: 0, ..access.seen }, text, why, why);
    }

    /// Makes all possible that a statement's tables hold. Says whether they hold anything personal.
    fn widen(&mut self, access: &Access<'_>, seen: Seen, text: &str, because: &str, why: &str) -> bool {
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
        for table in &tables {
            self.tally.whole_table(table, effect, seen, access.shape, because);
        }
        if tables.is_empty() {
            return false;
        }
        let entry = self.unplanned.entry(why.to_owned()).or_insert((0, access.seen.first));
        entry.0 += access.seen.times;
        entry.1 = entry.1.min(access.seen.first);
        true
    }
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
