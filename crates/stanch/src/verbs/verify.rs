//! `stanch verify`: whether the case is what it says it is.

mod seals;
mod signatures;

use crate::args::Shared;
use crate::exit::AnswerIsNo;
use crate::instant;
use crate::pipeline::open_lake;
use crate::screen;
use crate::session::Session;
use clap::Args;
use seals::ChangedFile;
use serde::Serialize;
use signatures::{Known, Signed};
use stanch_case::{CaseError, Stage, StageState};
use stanch_ledger::Head;
use stanch_model::Seal;
use std::collections::BTreeMap;

/// Check seals, ledger and derived parts
///
/// Every evidence file is read again and its SHA-256 compared with its seal; the ledger's chain is followed from its
/// first entry and held against every signed head; the events of each file are counted against its account. Exit code 1
/// if anything does not hold.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch verify
  stanch verify --signer acme.pub --head head.txt    against what was kept elsewhere
  stanch verify --repair                             set a ledger line that was cut off while being written aside")]
pub(crate) struct Verify {
    /// Set the torn last line of a ledger aside
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    known: Known,
}

#[derive(Serialize)]
struct Answer {
    holds: bool,
    evidence_files: usize,
    evidence_bytes: u64,
    ledger_entries: u64,
    ledger_head: String,
    signed: Signed,
    changed: Vec<ChangedFile>,
    events: u64,
    wrong: Vec<String>,
    remarks: Vec<String>,
}

pub(crate) fn verify(verify: &Verify, shared: &Shared) -> anyhow::Result<()> {
    let session = Session::open(shared)?;
    let case = &session.case;
    let mut answer = Answer {
        holds: false,
        evidence_files: 0,
        evidence_bytes: 0,
        ledger_entries: 0,
        ledger_head: String::new(),
        signed: Signed::default(),
        changed: Vec::new(),
        events: 0,
        wrong: Vec::new(),
        remarks: Vec::new(),
    };
    if verify.repair {
        if let Some(why) = case.read_only() {
            anyhow::bail!(CaseError::ReadOnly { path: case.root().to_owned(), why });
        }
        let (known, now) = (case.known_heads()?, instant::now());
        if let Some(repair) = stanch_ledger::repair(&case.ledger_path(), &known, now, &session.by)? {
            let name = repair.set_aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
            answer.remarks.push(format!("{} bytes of a torn ledger line are set aside in {name}", repair.bytes));
        }
    }
    check_ledger(&session, &mut answer)?;
    signatures::check(&session, shared, &verify.known, &mut answer)?;
    seals::check(&session, &mut answer)?;
    check_events(&session, &mut answer)?;
    for row in case.database().stages()?.iter().filter(|row| row.state == StageState::Begun) {
        let what = "was interrupted, or is under way";
        answer.remarks.push(format!("{}: making it {what}; `stanch run` makes it again", row.stage));
    }
    answer.holds = answer.wrong.is_empty();
    show(&session, &answer)?;
    match answer.wrong.len() {
        0 => Ok(()),
        1 => anyhow::bail!(AnswerIsNo("1 thing does not hold".to_owned())),
        number => anyhow::bail!(AnswerIsNo(format!("{number} things do not hold"))),
    }
}

fn check_ledger(session: &Session, answer: &mut Answer) -> anyhow::Result<()> {
    let known: Vec<Head> = session.case.database().head()?.into_iter().collect();
    let report = stanch_ledger::verify(&session.case.ledger_path(), &known)?;
    answer.ledger_entries = report.head.entries;
    answer.ledger_head.clone_from(&report.head.hash);
    if let Some(broken) = report.broken {
        answer.wrong.push(format!("ledger: {broken}"));
    }
    if let Some(torn) = report.torn {
        let entries = report.head.entries;
        let line = format!("ledger: {} bytes after entry {entries} were cut off while being written", torn.bytes);
        answer.wrong.push(format!("{line}; `stanch verify --repair` sets them aside"));
    }
    Ok(())
}

/// Events that are there against those that each account says were read. While evidence is being taken in, or after that
/// was interrupted, they are out of step, and the next intake puts that right.
fn check_events(session: &Session, answer: &mut Answer) -> anyhow::Result<()> {
    let counted = open_lake(&session.case)?.sql("SELECT evidence, count(*) FROM events GROUP BY evidence")?;
    let mut found: BTreeMap<Seal, u64> = BTreeMap::new();
    for row in &counted.rows {
        if let [Some(seal), Some(number)] = row.as_slice() {
            found.insert(Seal(seal.clone()), number.parse()?);
        }
    }
    let mut wrong = Vec::new();
    for kept in session.case.database().accounts()? {
        let (said, there) = (kept.account.events, found.remove(&kept.account.seal).unwrap_or(0));
        answer.events += there;
        if said != there {
            let path = screen::shown(&kept.account.path);
            wrong.push(format!("events of {path}: {said} were read, {there} are there"));
        }
    }
    for (seal, number) in found {
        wrong.push(format!("events of {}: {number} are there, and no such file was read", seal.short()));
    }
    let begun = session.case.database().stage(Stage::Evidence)?.is_some_and(|row| row.state == StageState::Begun);
    if begun {
        answer.remarks.extend(wrong)
    } else {
        answer.wrong.extend(wrong)
    }
    Ok(())
}

fn show(session: &Session, answer: &Answer) -> anyhow::Result<()> {
    if session.json {
        return screen::json(answer);
    }
    let (files, bytes) = (answer.evidence_files, screen::bytes(answer.evidence_bytes));
    screen::say(&format!("evidence  {files} files, {bytes}"))?;
    screen::say(&format!("events    {}", screen::count(answer.events)))?;
    screen::say(&format!("ledger    {} entries, head {}", answer.ledger_entries, answer.ledger_head))?;
    answer.signed.lines().iter().try_for_each(|line| screen::say(line))?;
    for remark in &answer.remarks {
        screen::say(remark)?;
    }
    for wrong in &answer.wrong {
        screen::warn(wrong)?;
    }
    if answer.holds { screen::say("everything holds") } else { Ok(()) }
}
