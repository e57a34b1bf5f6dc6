//! What evidence that was added brought, in words.

use crate::screen;
use stanch_case::{Case, KeptAccount, Stage, StageState};
use stanch_model::{FileAccount, Seal, Window};
use std::collections::BTreeSet;

/// A case before evidence is added to it.
pub(super) struct Before {
    accounts: Vec<KeptAccount>,
    done: Vec<Stage>,
}

impl Before {
    pub(super) fn of(case: &Case) -> anyhow::Result<Before> {
        Ok(Before { accounts: case.database().accounts()?, done: done(case)? })
    }

    /// What is new against it, a line each. Nothing where there was no evidence before: then all of it is.
    pub(super) fn news(&self, case: &Case) -> anyhow::Result<Vec<String>> {
        if self.accounts.is_empty() {
            return Ok(Vec::new());
        }
        let mut lines = self.brought(&case.database().accounts()?);
        let done = done(case)?;
        let stale: Vec<&str> = self.done.iter().filter(|s| !done.contains(s)).map(|s| s.makes()).collect();
        if !stale.is_empty() {
            lines.push(format!("out of date now: {}; `stanch run` makes them again", stale.join(", ")));
        }
        Ok(lines)
    }

    fn brought(&self, now: &[KeptAccount]) -> Vec<String> {
        let key = |k: &KeptAccount| (k.source.clone(), k.account.path.clone());
        let known: BTreeSet<(Seal, String)> = self.accounts.iter().map(key).collect();
        let new: Vec<&FileAccount> = now.iter().filter(|k| !known.contains(&key(k))).map(|k| &k.account).collect();
        if new.is_empty() {
            return vec!["nothing new".to_owned()];
        }
        let events: u64 = new.iter().map(|a| a.events).sum();
        let files = if new.len() == 1 { "1 file".to_owned() } else { format!("{} files", new.len()) };
        let mut lines = vec![format!("new: {files}, {} events{}", screen::count(events), self.formats(&new))];
        let (before, after) = (span(self.accounts.iter()), span(now.iter()));
        if let (Some(before), Some(after)) = (before, after)
            && before != after
        {
            let was = format!("before, {} to {}", before.from, before.to);
            lines.push(format!("evidence now reaches from {} to {}; {was}", after.from, after.to));
        }
        lines
    }

    fn formats(&self, new: &[&FileAccount]) -> String {
        let known: BTreeSet<&str> = self.accounts.iter().filter_map(|k| k.account.format.as_deref()).collect();
        let named: BTreeSet<&str> = new.iter().filter_map(|a| a.format.as_deref()).collect();
        let told = |format: &&str| match known.contains(format) {
            true => (*format).to_owned(),
            false => format!("{format} (the first of that format)"),
        };
        if named.is_empty() {
            String::new()
        } else {
            format!(": {}", named.iter().map(told).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Stages that are whole and in step.
fn done(case: &Case) -> anyhow::Result<Vec<Stage>> {
    let stages = case.database().stages()?;
    let rows = stages.iter().filter(|row| row.state == StageState::Done && row.stage != Stage::Evidence);
    Ok(rows.map(|row| row.stage).collect())
}

/// From the first event to the last.
fn span<'a>(accounts: impl Iterator<Item = &'a KeptAccount>) -> Option<Window> {
    let windows = accounts.filter_map(|k| k.account.window);
    windows.reduce(|a, b| Window { from: a.from.min(b.from), to: a.to.max(b.to) })
}
