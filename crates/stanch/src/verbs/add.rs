//! `stanch add`: evidence for a case.

mod news;
mod table;

use crate::args::Shared;
use crate::instant;
use crate::pipeline::evidence::{Intake, same_bytes, take_in, trouble};
use crate::pipeline::{Done, Work};
use crate::screen;
use crate::session::Session;
use crate::verbs::run::jobs;
use clap::Args;
use stanch_case::{Acquisition, Acquisitions, Case, Manifest};
use stanch_model::{FileAccount, Instant};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Take in evidence: seal it, read it, account for every line
///
/// Without files it shows what the case holds.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch add /var/log/nginx          a folder with all that is in it
  stanch add access.log.1.gz --copy  one file, its bytes kept in the case
  stanch add logs/ --from web01:/var/log/nginx --taken-by 'A. Admin' --tool 'rsync 3.4'
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
    #[command(flatten)]
    told: Told,
}

/// How the evidence came to be handed over. The ledger keeps a digest, `evidence/acquisitions.json` the words.
#[derive(Debug, Args)]
#[command(next_help_heading = "How the evidence was come by")]
struct Told {
    /// Where it was taken from, in words: host, path, device
    #[arg(long, value_name = "WHERE", requires = "evidence")]
    from: Option<String>,
    /// Who took it there; who runs this command is told by `--by`
    #[arg(long, value_name = "NAME", requires = "evidence")]
    taken_by: Option<String>,
    /// When it was taken there
    #[arg(long, value_name = "TIME", requires = "evidence")]
    taken_at: Option<Instant>,
    /// With what: `rsync 3.4`, `dd`, the hoster's panel
    #[arg(long, value_name = "TOOL", requires = "evidence")]
    tool: Option<String>,
    /// What else whoever reads this in a year must know
    #[arg(long, value_name = "TEXT", requires = "evidence")]
    note: Option<String>,
}

impl Told {
    fn acquisition(&self) -> Acquisition {
        let Told { from, taken_by, taken_at, tool, note } = self;
        Acquisition {
            from: from.clone(),
            taken_by: taken_by.clone(),
            taken_at: *taken_at,
            tool: tool.clone(),
            note: note.clone(),
        }
    }
}

pub(crate) fn add(add: &Add, shared: &Shared) -> anyhow::Result<()> {
    let session = Session::open(shared)?;
    let (mut said, mut news) = (Vec::new(), Vec::new());
    if !add.evidence.is_empty() {
        let before = news::Before::of(&session.case)?;
        let mut work = Work::begin(&session, instant::now())?;
        let told = add.told.acquisition();
        let intake = Intake { paths: &add.evidence, copy: add.copy, jobs: jobs(add.jobs), acquisition: Some(&told) };
        let Done { said: told, .. } = take_in(&mut work, &intake)?;
        said = told;
        news = before.news(&session.case)?;
    }
    let accounts: Vec<FileAccount> = session.case.database().accounts()?.into_iter().map(|k| k.account).collect();
    if session.json {
        return screen::json(&accounts);
    }
    screen::put(&table::of(&accounts))?;
    table::unknown(&accounts, &session.case)?.iter().try_for_each(|line| screen::warn(line))?;
    let troubles: Vec<String> = accounts.iter().flat_map(trouble).collect();
    troubles.iter().try_for_each(|line| screen::warn(line))?;
    // What the intake says of the files it has just read stands among them.
    said.retain(|line| !troubles.contains(line));
    said.extend(accounts.iter().flat_map(doubles));
    said.extend(acquired(&session.case)?);
    said.sort();
    said.dedup();
    said.iter().chain(&news).try_for_each(|line| screen::say(line))
}

/// How files came to be handed over, as it was told.
fn acquired(case: &Case) -> anyhow::Result<Vec<String>> {
    let manifest = Manifest::read(&case.evidence_dir())?;
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for holding in manifest.holdings() {
        for digest in &holding.acquired {
            files.entry(digest).or_default().extend(holding.paths.first().map(String::as_str));
        }
    }
    let all = Acquisitions::read(&case.evidence_dir())?;
    let line = |(digest, files): (&str, Vec<&str>)| {
        let told = all.get(digest).map_or_else(|| "what was told is gone".to_owned(), Acquisition::words);
        let named = match files.as_slice() {
            [a, b, c, rest @ ..] if !rest.is_empty() => format!("{a}, {b}, {c} and {} more", rest.len()),
            few => few.join(", "),
        };
        screen::shown(&format!("{named}: {told}"))
    };
    Ok(files.into_iter().map(line).collect())
}

/// Files that hold the same bytes as another, in the words of the intake.
fn doubles(account: &FileAccount) -> impl Iterator<Item = String> {
    let also = screen::shown(&account.duplicates.join(", "));
    let line = same_bytes(&also, &screen::shown(&account.path));
    (!account.duplicates.is_empty()).then_some(line).into_iter()
}
