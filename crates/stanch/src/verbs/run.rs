//! `stanch run`: everything, to a report.

mod since;
mod told;

use crate::args::Shared;
use crate::exit::WrongUsage;
use crate::instant;
use crate::pipeline::evidence::Intake;
use crate::pipeline::{self, Done, Work};
use crate::screen::{self, Side};
use crate::session::{self, Session};
use crate::view::Loaded;
use clap::Args;
use stanch_case::{Case, store_file};
use stanch_model::Instant;
use std::path::{Path, PathBuf};

/// Do everything: take in evidence and the store's data, find the intruder, say who was exposed and what is due
///
/// Makes a case, or goes on with one. Evidence that has not changed is not read again, and a stage is only done again
/// when something that it is made from has changed. What `run` takes as the intruder without asking is said at the end.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch run evidence/ --store store.toml              a new case, store-name.case
  stanch run evidence/ more.log --case acme.case       more evidence for a case
  stanch run                                           again, after a ruling or an edit of case.toml
  stanch run evidence/ --store store.toml --copy       keep copies of the evidence in the case")]
pub(crate) struct Run {
    /// Files and folders with logs; none to go on with what the case holds
    #[arg(value_name = "EVIDENCE")]
    evidence: Vec<PathBuf>,
    /// The store file: the store, its platform, its data, the moments of the case
    #[arg(long, value_name = "STORE.toml")]
    store: Option<PathBuf>,
    /// Copy evidence into the case instead of referring to it where it is
    #[arg(long)]
    copy: bool,
    /// Read deadlines at this moment instead of now (2026-03-02T21:14:05Z)
    #[arg(long, value_name = "TIME")]
    at: Option<Instant>,
    /// Files read side by side; default: one for each processor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

/// Lines of one stage that are shown on a terminal.
const SAID_MAX: usize = 20;

/// Files read side by side where nobody says.
pub(crate) fn jobs(asked: Option<u16>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

pub(crate) fn run(run: &Run, shared: &Shared) -> anyhow::Result<()> {
    session::no_read_only(shared)?;
    let session = Session::of(open_or_create(run, shared)?, shared)?;
    let as_of = session::at_or_now(run.at);
    let began = instant::now();
    let intake = Intake { paths: &run.evidence, copy: run.copy, jobs: jobs(run.jobs), acquisition: None };
    let has_data = has_data(&session.case);
    let done = {
        let mut work = Work::begin(&session, as_of)?;
        let mut done = up_to_timeline(&mut work, &intake)?;
        if has_data {
            done.extend(from_scope_on(&mut work)?);
        }
        done
    };
    let loaded = if has_data { Some(Loaded::of(&session, as_of)?) } else { None };
    let took_us = instant::now().0 - began.0;
    if session.json {
        let since = since::differences(&session.case, &done)?;
        return screen::json(&told::Told::of(&session.case, loaded.as_ref(), &done, since, took_us));
    }
    if let Some(loaded) = &loaded {
        screen::summary(&stanch_report::summary(&loaded.view(), screen::width()))?;
    }
    if let Some(differences) = since::differences(&session.case, &done)? {
        since::say(&differences)?;
    }
    say_stages(&done, took_us)?;
    say_next(&session, loaded.is_some())
}

/// What needs nothing but logs.
fn up_to_timeline(work: &mut Work<'_>, intake: &Intake<'_>) -> anyhow::Result<Vec<Done>> {
    Ok(vec![
        pipeline::evidence::take_in(work, intake)?,
        pipeline::snapshot::take_in(work)?,
        pipeline::detect::detect(work)?,
        pipeline::intruder::propose(work)?,
        pipeline::timeline::tell(work)?,
    ])
}

/// What needs the store's data.
fn from_scope_on(work: &mut Work<'_>) -> anyhow::Result<Vec<Done>> {
    Ok(vec![pipeline::scope::scope(work)?, pipeline::duties::judge(work)?, pipeline::report::lay_out(work)?])
}

/// Whether the store file names any of the store's data. Without it nobody can be named and nobody ruled out, so that
/// there is no exposure, no duty and no report, rather than empty ones that read as all-clear.
fn has_data(case: &Case) -> bool {
    let named = &case.store().file.snapshot;
    named.before.is_some() || named.after.is_some()
}

/// The case that is there, with the store file that was given; else a new one.
fn open_or_create(run: &Run, shared: &Shared) -> anyhow::Result<Case> {
    let (now, by) = (instant::now(), session::by(shared));
    let Some(path) = &run.store else {
        return match session::case_root(shared) {
            Ok(root) => session::open_case(&root, shared),
            Err(error) if run.evidence.is_empty() => Err(error),
            Err(error) => Err(error.context(WrongUsage(
                "there is no case to add evidence to\nhint: `--store STORE.toml` makes one".to_owned(),
            ))),
        };
    };
    let store = store_file::read(path)?;
    let root = shared.case.clone().unwrap_or_else(|| PathBuf::from(case_name(&store.file.store.name)));
    if root.join("case.toml").exists() {
        let mut case = session::open_case(&root, shared)?;
        case.take_store(&store, now, &by)?;
        return Ok(case);
    }
    if run.evidence.is_empty() {
        anyhow::bail!(WrongUsage(
            "a new case needs evidence\nhint: name the files or folders that hold the logs".to_owned()
        ));
    }
    // Nothing is made for evidence that is not there.
    stanch_evidence::gather(&run.evidence)?;
    Ok(Case::create(&root, &store, now, &by)?)
}

/// `copperleaf.case` for `Copperleaf`: the store's name as a folder's.
pub(crate) fn case_name(store: &str) -> String {
    let word: String = store.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let parts: Vec<&str> = word.split('-').filter(|p| !p.is_empty()).collect();
    if parts.is_empty() { "store.case".to_owned() } else { format!("{}.case", parts.join("-")) }
}

fn say_stages(done: &[Done], took_us: i64) -> anyhow::Result<()> {
    screen::say("")?;
    let rows: Vec<Vec<String>> = done
        .iter()
        .map(|d| {
            let time = if d.unchanged { "unchanged".to_owned() } else { instant::length(d.took_us) };
            let bytes = d.per_second(d.bytes).map(|b| format!("{}/s", screen::bytes(b)));
            let events = d.per_second(d.events).map(screen::count);
            vec![d.stage.word().to_owned(), time, bytes.unwrap_or_default(), events.unwrap_or_default()]
        })
        .collect();
    let columns = [("Stage", Side::Left), ("time", Side::Right), ("bytes", Side::Right), ("events/s", Side::Right)];
    screen::put(&screen::table(&columns, &rows))?;
    screen::say(&format!("all in {}", instant::length(took_us)))?;
    for Done { stage, said, .. } in done {
        for line in said.iter().take(SAID_MAX) {
            screen::say(&format!("  {stage}: {line}"))?;
        }
        if said.len() > SAID_MAX {
            screen::say(&format!("  {stage}: and {} more; `--json` tells them all", said.len() - SAID_MAX))?;
        }
    }
    Ok(())
}

fn say_next(session: &Session, has_report: bool) -> anyhow::Result<()> {
    let root = session.case.root();
    let here = stanch_case::find(Path::new(".")).map(|found| std::path::absolute(&found).unwrap_or(found));
    let named = match here {
        Ok(here) if here == root => String::new(),
        _ => format!(" --case {}", near(root).display()),
    };
    screen::say("")?;
    if has_report {
        let report = near(&pipeline::report::path(&session.case));
        screen::heading(&format!("Report: {}", report.display()))?;
        screen::say(&format!("Exposure: {}", near(&session.case.exposure_dir()).join("exposure.csv").display()))?;
    } else {
        screen::warn("The store file names no snapshot: who was exposed is not known, and nobody is ruled out.")?;
        screen::say("Name one under [snapshot.before] or [snapshot.after], and run again.")?;
    }
    screen::say("Next:")?;
    screen::say(&format!("  stanch intruder{named}    who was taken as the intruder, and why; confirm, reject, add"))?;
    if has_report {
        screen::say(&format!("  stanch prove PERSON{named}    why one person is on the list, down to the raw line"))?;
        screen::say(&format!("  stanch duties{named}    who has to be told, by when"))?;
    }
    Ok(())
}

/// A path as seen from here, where it lies below.
fn near(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).map_or_else(|_| path.to_owned(), Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::case_name;

    #[test]
    fn a_case_is_named_after_its_store() {
        assert_eq!(case_name("Copperleaf"), "copperleaf.case");
        assert_eq!(case_name("Acme & Söhne, Ltd."), "acme-söhne-ltd.case");
        assert_eq!(case_name("../.."), "store.case");
    }
}
