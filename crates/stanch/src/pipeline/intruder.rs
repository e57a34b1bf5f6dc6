//! Findings → intruder: proposals, what persons ruled, and what is taken by its confidence.

use super::inputs::Inputs;
use super::{Done, Outcome, Work};
use crate::instant;
use stanch_case::{Database, Stage};
use stanch_ledger::On;
use stanch_model::{Identity, Intruder, Verdict};
use stanch_timeline::edit::{self, EditError};

/// In whose name `run` takes proposals: `run (confidence ≥ 0.80)`.
pub(crate) fn taker(from_confidence: f64) -> String {
    format!("run (confidence ≥ {from_confidence:.2})")
}

/// Proposes the intruder, applies rulings, takes what is sure enough.
pub(crate) fn propose(work: &mut Work<'_>) -> anyhow::Result<Done> {
    let rule = work.case().store().file.intruder.clone();
    let rulings = work.case().database().rulings()?;
    let inputs = Inputs::new(Stage::Intruder).and_value(&rule).and_value(&rulings);
    work.stage(Stage::Intruder, &inputs, |work| {
        let database = work.case().database();
        let mut intruder = stanch_timeline::propose(&database.findings()?, &rule);
        for ruling in &rulings {
            apply(&mut intruder, ruling)?;
        }
        let by = taker(rule.take_from);
        stanch_timeline::accept(&mut intruder, rule.take_from, &by);
        database.keep_intruder(&intruder)?;
        let number = |verdict| intruder.identities.iter().filter(|i| i.verdict == verdict).count() as u64;
        let (taken, open) = (number(Verdict::Confirmed), number(Verdict::Proposed));
        let on = On::nothing().count("taken", taken).count("open", open).count("rejected", number(Verdict::Rejected));
        work.record.act(instant::now(), "intruder.proposed", on)?;
        let mut said = vec![format!("{taken} identities taken by {by}, {open} open")];
        if taken == 0 {
            said.push("nobody was taken as the intruder; `stanch intruder` shows who is proposed".to_owned());
        }
        Ok(Outcome { said, ..Outcome::default() })
    })
}

/// What a person said of an identity holds for every new proposal of it, and for none.
fn apply(intruder: &mut Intruder, ruling: &Identity) -> Result<(), EditError> {
    let by = ruling.by.as_deref().unwrap_or("unknown");
    let ruled = match ruling.verdict {
        Verdict::Confirmed => edit::confirm(intruder, ruling.kind, &ruling.value, by),
        Verdict::Rejected => edit::reject(intruder, ruling.kind, &ruling.value, by),
        Verdict::Proposed => return Ok(()),
    };
    match ruled {
        Ok(_) => Ok(()),
        // Nobody proposes it any more: a rejection has nothing to do, a confirmation stands by itself.
        Err(EditError::NotThere { .. }) if ruling.verdict == Verdict::Rejected => Ok(()),
        Err(EditError::NotThere { .. }) => {
            let reason = ruling.reasons.first().map_or("a person added it", String::as_str);
            edit::add(intruder, ruling.kind, &ruling.value, &ruling.only_from, ruling.window, reason, by)
        }
        Err(other) => Err(other),
    }
}

/// Keeps a ruling, and the intruder as it now is; what was made from the earlier one is out of date.
pub(crate) fn keep_ruling(database: &Database, intruder: &Intruder, rulings: &[Identity]) -> anyhow::Result<()> {
    for ruling in rulings {
        database.keep_ruling(ruling)?;
    }
    database.keep_intruder(intruder)?;
    // Whatever the mark says next, it is not the one from before the ruling.
    database.begin_stage(Stage::Intruder, "ruled", instant::now())?;
    Ok(database.finish_stage(Stage::Intruder, 0, None, None)?)
}
