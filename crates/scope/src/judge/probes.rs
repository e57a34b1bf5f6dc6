//! Blind probes are kept by the value that they ask about, and added up once all are known.

use super::blind::{self, Asked};
use super::{Access, Judge};
use crate::access::{Outcome, Seen};
use crate::judge::alike::{Alike, During};
use crate::plan::{Block, How};
use crate::probe::{Probe, Test};
use crate::tally::{Support, flows_of, rows_of};
use stanch_model::{Effect, Grade};

/// A value that was asked about.
pub(super) struct Target {
    block: Block,
    asked: Vec<AskedProbe>,
}

/// A probe that was sent, and how many rows came back.
struct AskedProbe {
    test: Test,
    seen: Seen,
    shape: u32,
    during: During,
    rows: Option<i64>,
    /// Why it may not have been answered; empty where it was.
    because: &'static str,
}

impl Judge<'_, '_> {
    pub(super) fn keep_probe(&mut self, access: &Access<'_>, probe: Probe, alike: &Alike<'_>) {
        let Probe { test, block } = probe;
        let key = format!("{:?}|{}|{:?}|{:?}|{:?}", block.value, block.from, block.conditions, block.order, block.cut);
        let target = self.targets.entry(key).or_insert_with(|| Target { block, asked: Vec::new() });
        let rows = alike.rows.filter(|_| *alike.outcome == Outcome::Ran);
        let (Access { seen, shape, during, .. }, because) = (*access, alike.because);
        target.asked.push(AskedProbe { test, seen, shape, during, rows, because });
    }

    pub(super) fn add_up_probes(&mut self) {
        for target in std::mem::take(&mut self.targets).into_values() {
            self.add_up(&target);
        }
    }

    fn add_up(&mut self, Target { block, asked }: &Target) {
        let from = asked.iter().map(|a| a.during.0).min().unwrap_or(i64::MIN);
        let to = asked.iter().map(|a| a.during.1).max().unwrap_or(i64::MAX);
        let replayed = match self.replay.run(self.worlds, block, (from, to), None) {
            Ok(replayed) => replayed,
            Err(why) => {
                let AskedProbe { seen, shape, during, .. } = asked[0];
                let access = Access { seen, shape, during, because: "" };
                return self.fall_back(&access, &format!("SELECT 1 FROM {}", block.from), &why);
            }
        };
        let known = replayed.value.as_ref().filter(|_| replayed.rows.iter().all(|r| r.sure)).map(|value| {
            let answered = asked.iter().filter(|a| a.because.is_empty());
            let answered: Vec<Asked<'_>> = answered.map(|a| (&a.test, a.rows.map(|rows| rows > 0))).collect();
            blind::add_up(value, &answered)
        });
        let doubt = asked.iter().find(|a| !a.because.is_empty());
        let (grade, because) = match (&known, doubt) {
            (Some(k), Some(doubt)) if !k.whole => (Grade::Possible, doubt.because),
            (known, _) => match known {
                Some(k) if k.contradicted > 0 => (Grade::Possible, "answers seen contradict the replay"),
                Some(k) if k.whole => (Grade::Certain, ""),
                Some(k) if k.characters > 0 => (Grade::Partial, "some of its characters were determined"),
                Some(_) => (Grade::Membership, "asked about, no character determined"),
                None => (Grade::Possible, "asked about, and which row is not certain"),
            },
        };
        let because = self.tally.reasons.number(because);
        for (source, about) in block.sources.iter().enumerate() {
            let Some(loaded) = self.worlds.table(&about.table) else { continue };
            let table = self.tally.tables.number(&about.table);
            for row in rows_of(&replayed.rows, source) {
                let Some(person) = loaded.owners[row.row as usize] else { continue };
                for (column, how) in flows_of(&block.flows, source, loaded, false) {
                    let mapped = &loaded.mapped[column];
                    let grade = if how == How::Value { grade } else { Grade::Membership };
                    let scheme =
                        self.tally.schemes.number(&mapped.schemes[usize::from(mapped.scheme[row.row as usize])]);
                    for AskedProbe { seen, shape, .. } in asked {
                        let support = Support { spot: seen.first, shape: *shape, table, row: row.row, because };
                        for class in mapped.about.classes() {
                            let key = (person, *class, Effect::Disclosed);
                            self.tally.add(key, grade, mapped.about.protection(), scheme, support, *seen);
                        }
                    }
                }
            }
        }
    }
}
