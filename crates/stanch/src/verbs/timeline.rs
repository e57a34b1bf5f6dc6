//! `stanch timeline`: what happened when.

use crate::args::Shared;
use crate::instant;
use crate::pipeline::{intruder, timeline as stage};
use crate::screen::{self, Side};
use crate::session::Session;
use anyhow::Context;
use clap::Args;
use stanch_case::Stage;

/// Tell what happened when, and where logs fell silent
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch timeline")]
pub(crate) struct Timeline {}

pub(crate) fn timeline(_: &Timeline, shared: &Shared) -> anyhow::Result<()> {
    let session = Session::open(shared)?;
    if let Some(mut work) = session.work(instant::now())? {
        intruder::propose(&mut work)?;
        stage::tell(&mut work)?;
    }
    session.case.require(Stage::Timeline)?;
    let kept: Option<stanch_model::Timeline> = session.case.database().kept(stage::KEPT)?;
    let timeline = kept.context("the case keeps no timeline")?;
    if session.json {
        return screen::json(&timeline);
    }
    let columns = [("From (UTC)", Side::Left), ("to", Side::Left), ("events", Side::Right), ("what", Side::Left)];
    let rows: Vec<Vec<String>> = timeline
        .moments
        .iter()
        .map(|m| {
            let (from, to) = (m.window.from.to_string(), m.window.to.to_string());
            vec![from, to, screen::count(m.events), format!("{} ({})", m.title, m.detail)]
        })
        .collect();
    screen::put(&screen::table(&columns, &rows))?;
    for gap in &timeline.gaps {
        let line = format!("{} to {}: {}: {}", gap.window.from, gap.window.to, gap.source, gap.why);
        if gap.in_intrusion { screen::warn(&screen::shown(&line))? } else { screen::say(&screen::shown(&line))? }
    }
    Ok(())
}
