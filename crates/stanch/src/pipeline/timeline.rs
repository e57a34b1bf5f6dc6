//! Findings, events, intruder → what happened when.

use super::inputs::Inputs;
use super::{Done, Outcome, Work};
use crate::progress::Progress;
use stanch_case::Stage;
use stanch_lake::EventOrder;
use stanch_model::FileAccount;
use stanch_model::timeline::SkewKind;
use stanch_timeline::{Given, Pass, Rules};

/// The name under which the case keeps the timeline.
pub(crate) const KEPT: &str = "timeline";

/// Tells the story.
pub(crate) fn tell(work: &mut Work<'_>) -> anyhow::Result<Done> {
    let file = work.case().store().file.clone();
    let inputs = Inputs::new(Stage::Timeline)
        .and_packs(&work.session.packs, &["coverage"])
        .and_value(&file.moments)
        .and_value(&file.logs)
        .and(&file.store.time_zone);
    work.stage(Stage::Timeline, &inputs, |work| {
        let database = work.case().database();
        let (findings, intruder) = (database.findings()?, database.intruder()?);
        let lake = work.lake()?;
        let progress = Progress::without_end("timeline");
        let mut events = |pass: &Pass| {
            progress.say(pass.name);
            lake.events(pass.texts, pass.numbers, pass.filter.as_deref(), EventOrder::AsStored)
        };
        let files: Vec<FileAccount> = database.accounts()?.into_iter().map(|kept| kept.account).collect();
        let given = Given {
            findings: &findings,
            intruder: &intruder,
            moments: &file.moments,
            files: &files,
            logs: &file.logs,
            time_zone: &file.store.time_zone,
            rules: &Rules::load(&work.session.packs)?,
        };
        let timeline = stanch_timeline::timeline(&mut events, &given)?;
        progress.done();
        database.keep(KEPT, &timeline)?;
        let gaps = timeline.gaps.iter().filter(|g| g.in_intrusion).count();
        let mut said = match gaps {
            0 => Vec::new(),
            1 => vec!["1 gap in a source during the intrusion".to_owned()],
            n => vec![format!("{n} gaps in sources during the intrusion")],
        };
        match timeline.skews.iter().filter(|skew| skew.looks_like != SkewKind::Agree).count() {
            0 => {}
            1 => said.push("the clocks of 2 sources are apart; `stanch timeline` says how to confirm it".to_owned()),
            n => said.push(format!("{n} pairs of sources have clocks apart; `stanch timeline` says how to confirm it")),
        }
        Ok(Outcome { said, ..Outcome::default() })
    })
}
