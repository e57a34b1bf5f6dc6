//! Findings, events, intruder → what happened when.

use super::inputs::Inputs;
use super::{Done, Outcome, Work};
use crate::progress::Progress;
use stanch_case::Stage;
use stanch_lake::EventOrder;
use stanch_timeline::Pass;

/// The name under which the case keeps the timeline.
pub(crate) const KEPT: &str = "timeline";

/// Tells the story.
pub(crate) fn tell(work: &mut Work<'_>) -> anyhow::Result<Done> {
    let moments = work.case().store().file.moments.clone();
    let inputs = Inputs::new(Stage::Timeline).and_value(&moments);
    work.stage(Stage::Timeline, &inputs, |work| {
        let database = work.case().database();
        let (findings, intruder) = (database.findings()?, database.intruder()?);
        let lake = work.lake()?;
        let progress = Progress::without_end("timeline");
        let mut events = |pass: &Pass| {
            progress.say(pass.name);
            lake.events(pass.texts, pass.numbers, None, EventOrder::AsStored)
        };
        let timeline = stanch_timeline::timeline(&mut events, &findings, &intruder, &moments)?;
        progress.done();
        database.keep(KEPT, &timeline)?;
        let gaps = timeline.gaps.iter().filter(|g| g.in_intrusion).count();
        let said = match gaps {
            0 => Vec::new(),
            1 => vec!["1 gap in a source during the intrusion".to_owned()],
            n => vec![format!("{n} gaps in sources during the intrusion")],
        };
        Ok(Outcome { said, ..Outcome::default() })
    })
}
