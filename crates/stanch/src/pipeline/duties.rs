//! Exposure, laws, moments → duties.

use super::inputs::Inputs;
use super::{Done, Outcome, Work};
use crate::instant;
use stanch_case::{Case, Stage};
use stanch_duties::Laws;
use stanch_ledger::On;
use stanch_model::DutyState;
use stanch_model::store::Moments;

/// Judges every law.
pub(crate) fn judge(work: &mut Work<'_>) -> anyhow::Result<Done> {
    let file = &work.case().store().file;
    let inputs = Inputs::new(Stage::Duties)
        .and_packs(&work.session.packs, &["laws", "words"])
        .and_value(&file.moments)
        .and_value(&file.facts);
    work.stage(Stage::Duties, &inputs, |work| {
        let laws = Laws::load(&work.session.packs)?;
        let matrix = work.session.matrix()?;
        let moments = moments(work.case())?;
        let duties = stanch_duties::judge(&laws, &matrix, &moments, &work.case().store().file.facts);
        work.case().database().keep_duties(&duties)?;
        let number = |state| duties.iter().filter(|d| d.ceiling.state == state).count() as u64;
        let (triggered, open) = (number(DutyState::Triggered), number(DutyState::ToBeConfirmed));
        let on = On::nothing().count("triggered", triggered).count("to_be_confirmed", open);
        work.record.act(instant::now(), "duties.judged", on)?;
        let said = vec![format!("{} laws: {triggered} duties triggered, {open} to be confirmed", laws.len())];
        Ok(Outcome { said, ..Outcome::default() })
    })
}

/// The moments of the case: as stated; the first act of the intruder is found where nobody states it.
pub(crate) fn moments(case: &Case) -> anyhow::Result<Moments> {
    let mut moments = case.store().file.moments.clone();
    if moments.occurred.is_none() {
        moments.occurred = case.database().intruder()?.window().map(|w| w.from);
    }
    Ok(moments)
}
