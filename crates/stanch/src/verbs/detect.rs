//! `stanch detect`: what detections found.

use crate::args::Shared;
use crate::instant;
use crate::pipeline::detect as stage;
use crate::screen::{self, Side};
use crate::session::Session;
use clap::Args;
use stanch_case::Stage;

/// Look for an intruder in the events, and show the findings
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch detect
  stanch detect --json | jq '.[].title'")]
pub(crate) struct Detect {}

pub(crate) fn detect(_: &Detect, shared: &Shared) -> anyhow::Result<()> {
    let session = Session::open(shared)?;
    if let Some(mut work) = session.work(instant::now())? {
        stage::detect(&mut work)?;
    }
    session.case.require(Stage::Detect)?;
    let findings = session.case.database().findings()?;
    if session.json {
        return screen::json(&findings);
    }
    let columns = [
        ("Sure", Side::Right),
        ("first", Side::Left),
        ("events", Side::Right),
        ("finding", Side::Left),
        ("detection", Side::Left),
    ];
    let rows: Vec<Vec<String>> = findings
        .iter()
        .map(|f| {
            let events = screen::count(f.events);
            vec![
                format!("{:.2}", f.confidence),
                f.window.from.to_string(),
                events,
                f.title.clone(),
                f.detection.clone(),
            ]
        })
        .collect();
    screen::put(&screen::table(&columns, &rows))?;
    for finding in &findings {
        screen::say(&format!("{}: {}", finding.detection, screen::shown(&finding.detail)))?;
    }
    Ok(())
}
