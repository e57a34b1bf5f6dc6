//! `stanch timeline`: what happened when.

use crate::args::Shared;
use crate::instant;
use crate::pipeline::{intruder, timeline as stage};
use crate::screen::{self, Side};
use crate::session::Session;
use anyhow::Context;
use clap::Args;
use stanch_case::Stage;

/// Tell what happened when, where logs lack records, and whose clocks are apart
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch timeline
  stanch --json timeline    moments, sources, gaps, and how far clocks are apart")]
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
    put_sources(&timeline)?;
    for gap in &timeline.gaps {
        let line = format!("{} to {}: {}: {}", gap.window.from, gap.window.to, gap.source, gap.why);
        if gap.in_intrusion { screen::warn(&screen::shown(&line))? } else { screen::say(&screen::shown(&line))? }
    }
    put_skews(&timeline)
}

/// Every source from its first to its last record.
fn put_sources(timeline: &stanch_model::Timeline) -> anyhow::Result<()> {
    if timeline.sources.is_empty() {
        return Ok(());
    }
    let columns = [
        ("source", Side::Left),
        ("first (UTC)", Side::Left),
        ("last", Side::Left),
        ("events", Side::Right),
        ("gaps", Side::Right),
    ];
    let rows: Vec<Vec<String>> = timeline
        .sources
        .iter()
        .map(|s| {
            let (from, to) = (s.window.from.to_string(), s.window.to.to_string());
            vec![s.source.clone(), from, to, screen::count(s.events), screen::count(s.gaps)]
        })
        .collect();
    screen::put(&screen::table(&columns, &rows))
}

/// Whose clocks are apart, and what to write to confirm it.
fn put_skews(timeline: &stanch_model::Timeline) -> anyhow::Result<()> {
    for skew in &timeline.skews {
        screen::say(&screen::shown(&skew.told()))?;
        if skew.confirm.is_empty() {
            continue;
        }
        screen::say("  not applied; if it is right, write one of these into the store file:")?;
        for line in &skew.confirm {
            screen::say(&screen::shown(&format!("    {line}")))?;
        }
    }
    Ok(())
}
