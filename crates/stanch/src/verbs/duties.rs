//! `stanch duties`: who has to be told, by when.

use crate::args::Shared;
use crate::pipeline::duties as stage;
use crate::screen::{self, Side};
use crate::session::{self, Session};
use clap::Args;
use serde::Serialize;
use stanch_case::Stage;
use stanch_duties::clock;
use stanch_model::Instant;
use stanch_model::duty::{Duty, DutyState};

/// Judge every law on the exposure, and show what is due when
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch duties
  stanch duties --all                        those that do not arise too, with what decided it
  stanch duties --at 2026-03-09T09:00:00Z    the clocks as they stand then")]
pub(crate) struct Duties {
    /// Read deadlines at this moment instead of now
    #[arg(long, value_name = "TIME")]
    at: Option<Instant>,
    /// Show duties that do not arise, too
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Clocked<'a> {
    clock: String,
    #[serde(flatten)]
    duty: &'a Duty,
}

pub(crate) fn duties(duties: &Duties, shared: &Shared) -> anyhow::Result<()> {
    let session = Session::open(shared)?;
    let as_of = session::at_or_now(duties.at);
    if let Some(mut work) = session.work(as_of)? {
        stage::judge(&mut work)?;
    }
    session.case.require(Stage::Duties)?;
    let judged = session.case.database().duties()?;
    let shown: Vec<Clocked<'_>> = judged
        .iter()
        .filter(|d| duties.all || d.ceiling.state > DutyState::NotTriggered)
        .map(|duty| Clocked { clock: clock(duty, as_of).to_string(), duty })
        .collect();
    if session.json {
        return screen::json(&shown);
    }
    if shown.is_empty() {
        return screen::say("no duty arises under the laws that were asked; `--all` shows why; counsel decides");
    }
    let columns = [
        ("Duty", Side::Left),
        ("state", Side::Left),
        ("people", Side::Right),
        ("due", Side::Left),
        ("clock", Side::Left),
        ("what", Side::Left),
    ];
    let rows: Vec<Vec<String>> = shown.iter().map(row).collect();
    screen::put(&screen::table(&columns, &rows))?;
    if duties.all {
        shown.iter().try_for_each(|c| say_conditions(c.duty))?;
    }
    Ok(())
}

fn row(clocked: &Clocked<'_>) -> Vec<String> {
    let duty = clocked.duty;
    let (floor, ceiling) = (duty.floor.state, duty.ceiling.state);
    let state =
        if floor == ceiling { floor.word().to_owned() } else { format!("{} / {}", floor.word(), ceiling.word()) };
    let due = duty.due.map(|at| at.to_string()).or_else(|| duty.timing.clone()).unwrap_or_default();
    let people = format!("{}–{}", duty.persons.floor, duty.persons.ceiling);
    vec![duty.id.clone(), state, people, due, clocked.clock.clone(), duty.title.clone()]
}

fn say_conditions(duty: &Duty) -> anyhow::Result<()> {
    screen::heading(&format!("{} · {}", duty.id, duty.ceiling.state.word()))?;
    for condition in &duty.ceiling.conditions {
        let holds = match condition.holds {
            Some(true) => "holds",
            Some(false) => "does not hold",
            None => "not known",
        };
        screen::say(&format!("  {holds}: {} ({}; {})", condition.condition, condition.value, condition.citation))?;
    }
    Ok(())
}
