//! `stanch add`: evidence for a case.

use crate::args::Shared;
use crate::instant;
use crate::pipeline::evidence::{Intake, same_bytes, take_in, trouble};
use crate::pipeline::{Done, Work};
use crate::screen::{self, Side};
use crate::session::Session;
use crate::verbs::run::jobs;
use clap::Args;
use stanch_model::FileAccount;
use std::path::PathBuf;

/// Take in evidence: seal it, read it, account for every line
///
/// Without files it shows what the case holds.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch add /var/log/nginx          a folder with all that is in it
  stanch add access.log.1.gz --copy  one file, its bytes kept in the case
  stanch add                         what the case holds, and what became of each line")]
pub(crate) struct Add {
    /// Files and folders
    #[arg(value_name = "EVIDENCE")]
    evidence: Vec<PathBuf>,
    /// Copy evidence into the case instead of referring to it where it is
    #[arg(long)]
    copy: bool,
    /// Files read side by side; default: one for each processor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

pub(crate) fn add(add: &Add, shared: &Shared) -> anyhow::Result<()> {
    let session = Session::open(shared)?;
    let mut said = Vec::new();
    if !add.evidence.is_empty() {
        let mut work = Work::begin(&session, instant::now())?;
        let intake = Intake { paths: &add.evidence, copy: add.copy, jobs: jobs(add.jobs) };
        let Done { said: told, .. } = take_in(&mut work, &intake)?;
        said = told;
    }
    let accounts: Vec<FileAccount> = session.case.database().accounts()?.into_iter().map(|k| k.account).collect();
    if session.json {
        return screen::json(&accounts);
    }
    screen::put(&accounts_table(&accounts))?;
    let troubles: Vec<String> = accounts.iter().flat_map(trouble).collect();
    troubles.iter().try_for_each(|line| screen::warn(line))?;
    // What the intake says of the files it has just read stands among them.
    said.retain(|line| !troubles.contains(line));
    said.extend(accounts.iter().flat_map(doubles));
    said.sort();
    said.dedup();
    said.iter().try_for_each(|line| screen::say(line))
}

fn accounts_table(accounts: &[FileAccount]) -> String {
    let columns = [
        ("File", Side::Left),
        ("seal", Side::Left),
        ("format", Side::Left),
        ("size", Side::Right),
        ("lines", Side::Right),
        ("events", Side::Right),
        ("unread", Side::Right),
    ];
    let rows: Vec<Vec<String>> = accounts
        .iter()
        .map(|a| {
            vec![
                a.path.clone(),
                a.seal.short().to_owned(),
                a.format.clone().unwrap_or_else(|| "not known".to_owned()),
                screen::bytes(a.bytes),
                screen::count(a.lines),
                screen::count(a.events),
                screen::count(a.unread_lines()),
            ]
        })
        .collect();
    screen::table(&columns, &rows)
}

/// Files that hold the same bytes as another, in the words of the intake.
fn doubles(account: &FileAccount) -> impl Iterator<Item = String> {
    let also = screen::shown(&account.duplicates.join(", "));
    let line = same_bytes(&also, &screen::shown(&account.path));
    (!account.duplicates.is_empty()).then_some(line).into_iter()
}
