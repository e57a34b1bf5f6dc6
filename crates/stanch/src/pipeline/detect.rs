//! Events → findings.

use super::inputs::Inputs;
use super::{Done, Outcome, Work};
use crate::instant;
use crate::progress::Progress;
use stanch_case::Stage;
use stanch_detect::{Pass, Rules};
use stanch_lake::EventOrder;
use stanch_ledger::On;

/// Looks for an intruder in the events.
pub(crate) fn detect(work: &mut Work<'_>) -> anyhow::Result<Done> {
    let known = work.case().store().file.intruder.known_networks.clone();
    let inputs = Inputs::new(Stage::Detect).and_packs(&work.session.packs, &["detections", "words"]).and_value(&known);
    work.stage(Stage::Detect, &inputs, |work| {
        let rules = Rules::load(&work.session.packs)?;
        let lake = work.lake()?;
        let progress = Progress::without_end("detect");
        let mut events = |pass: &Pass| {
            progress.say(pass.name);
            lake.events(pass.texts, pass.numbers, pass.filter, EventOrder::AsStored)
        };
        let findings = stanch_detect::detect(&mut events, &rules, &known)?;
        progress.done();
        work.case().database().keep_findings(&findings)?;
        let on = On::nothing().count("findings", findings.len() as u64);
        work.record.act(instant::now(), "events.searched", on)?;
        let events = work.case().database().accounts()?.iter().map(|k| k.account.events).sum();
        Ok(Outcome { events: Some(events), said: vec![format!("{} findings", findings.len())], ..Outcome::default() })
    })
}
