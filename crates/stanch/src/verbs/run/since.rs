//! What a run changed against the one before.

use crate::pipeline::Done;
use crate::pipeline::totals::{Difference, since_before};
use crate::screen::{self, Side};
use stanch_case::{Case, Stage};
use stanch_model::exposure::Bounds;

/// The differences, if exposure was judged anew in this run and had been judged before.
pub(super) fn differences(case: &Case, done: &[Done]) -> anyhow::Result<Option<Vec<Difference>>> {
    let judged = done.iter().any(|d| d.stage == Stage::Scope && !d.unchanged);
    if judged { Ok(since_before(case.database())?) } else { Ok(None) }
}

/// Shows them.
pub(super) fn say(differences: &[Difference]) -> anyhow::Result<()> {
    screen::say("")?;
    if differences.is_empty() {
        return screen::say("The numbers are those of the run before.");
    }
    let span = |b: Bounds| {
        let (floor, ceiling) = (screen::count(b.floor), screen::count(b.ceiling));
        if floor == ceiling { floor } else { format!("{floor} to {ceiling}") }
    };
    let row = |d: &Difference| vec![d.of.clone(), span(d.before), span(d.now)];
    let columns = [("Since the run before", Side::Left), ("people, before", Side::Right), ("now", Side::Right)];
    screen::put(&screen::table(&columns, &differences.iter().map(row).collect::<Vec<_>>()))
}
