//! `stanch report`: the page for people.

use crate::args::Shared;
use crate::pipeline::{duties, report as stage};
use crate::screen;
use crate::session::{self, Session};
use crate::view::Loaded;
use clap::Args;
use stanch_case::Stage;
use stanch_model::Instant;

/// Lay out the report, and show the summary
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch report
  stanch report --at 2026-03-09T09:00:00Z    with the clocks as they stand then")]
pub(crate) struct Report {
    /// Read deadlines at this moment instead of now
    #[arg(long, value_name = "TIME")]
    at: Option<Instant>,
}

pub(crate) fn report(report: &Report, shared: &Shared) -> anyhow::Result<()> {
    session::no_json(shared)?;
    let session = Session::open(shared)?;
    let as_of = session::at_or_now(report.at);
    if let Some(mut work) = session.work(as_of)? {
        duties::judge(&mut work)?;
        stage::lay_out(&mut work)?;
    }
    let loaded = Loaded::of(&session, as_of)?;
    screen::summary(&stanch_report::summary(&loaded.view(), screen::width()))?;
    match session.case.require(Stage::Report) {
        Ok(()) => screen::heading(&format!("Report: {}", stage::path(&session.case).display())),
        Err(_) => screen::warn("the report has not been laid out since something that it is made from changed"),
    }
}
