//! `stanch verify`: whether the case is what it says it is.

use crate::args::Shared;
use crate::exit::AnswerIsNo;
use crate::instant;
use crate::pipeline::open_lake;
use crate::progress::Progress;
use crate::screen;
use crate::session::Session;
use clap::Args;
use serde::Serialize;
use stanch_case::{Manifest, StageState};
use stanch_model::Seal;
use std::collections::BTreeMap;

/// Check seals, ledger and derived parts
///
/// Every evidence file is read again and its SHA-256 compared with its seal; the ledger's chain is followed from its
/// first entry; the events of each file are counted against its account. Exit code 1 if anything does not hold.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch verify
  stanch verify --repair     set a ledger line that was cut off while being written aside")]
pub(crate) struct Verify {
    /// Set the torn last line of a ledger aside
    #[arg(long)]
    repair: bool,
}

#[derive(Serialize)]
struct Answer {
    holds: bool,
    evidence_files: usize,
    evidence_bytes: u64,
    ledger_entries: u64,
    ledger_head: String,
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
        events: 0,
        wrong: Vec::new(),
        remarks: Vec::new(),
    };
    if verify.repair {
        let (known, now) = (case.known_heads()?, instant::now());
        if let Some(repair) = stanch_ledger::repair(&case.ledger_path(), &known, now, &session.by)? {
            let name = repair.set_aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
            answer.remarks.push(format!("{} bytes of a torn ledger line are set aside in {name}", repair.bytes));
        }
    }
    check_ledger(&session, &mut answer)?;
    check_seals(&session, &mut answer)?;
    check_events(&session, &mut answer)?;
    for row in case.database().stages()?.iter().filter(|row| row.state == StageState::Begun) {
        answer.remarks.push(format!("{} was interrupted; `stanch run` makes it again", row.stage));
    }
    answer.holds = answer.wrong.is_empty();
    show(&session, &answer)?;
    if answer.holds { Ok(()) } else { anyhow::bail!(AnswerIsNo(format!("{} things do not hold", answer.wrong.len()))) }
}

fn check_ledger(session: &Session, answer: &mut Answer) -> anyhow::Result<()> {
    let report = stanch_ledger::verify(&session.case.ledger_path(), &session.case.known_heads()?)?;
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

fn check_seals(session: &Session, answer: &mut Answer) -> anyhow::Result<()> {
    let evidence_dir = session.case.evidence_dir();
    let manifest = Manifest::read(&evidence_dir)?;
    let progress = Progress::over_bytes("seals", manifest.holdings().iter().map(|h| h.bytes).sum());
    for holding in manifest.holdings() {
        let name = screen::shown(holding.paths.first().map_or("", String::as_str));
        answer.evidence_files += 1;
        answer.evidence_bytes += holding.bytes;
        match stanch_evidence::seal(&holding.path(&evidence_dir)) {
            Ok((seal, _)) if seal == holding.seal => {}
            Ok((seal, bytes)) => answer.wrong.push(format!(
                "evidence {name}: sealed as {} ({} bytes), now {} ({bytes} bytes)",
                holding.seal.short(),
                holding.bytes,
                seal.short()
            )),
            Err(error) => {
                let why = std::error::Error::source(&error).map_or(String::new(), |s| format!(": {s}"));
                answer.wrong.push(format!("evidence {name}: {error}{why}"));
            }
        }
        progress.add(holding.bytes);
    }
    progress.done();
    Ok(())
}

/// Events that are there against those that each account says were read.
fn check_events(session: &Session, answer: &mut Answer) -> anyhow::Result<()> {
    let counted = open_lake(&session.case)?.sql("SELECT evidence, count(*) FROM events GROUP BY evidence")?;
    let mut found: BTreeMap<Seal, u64> = BTreeMap::new();
    for row in &counted.rows {
        if let [Some(seal), Some(number)] = row.as_slice() {
            found.insert(Seal(seal.clone()), number.parse()?);
        }
    }
    for kept in session.case.database().accounts()? {
        let (said, there) = (kept.account.events, found.remove(&kept.account.seal).unwrap_or(0));
        answer.events += there;
        if said != there {
            let path = screen::shown(&kept.account.path);
            answer.wrong.push(format!("events of {path}: {said} were read, {there} are there"));
        }
    }
    for (seal, number) in found {
        answer.wrong.push(format!("events of {}: {number} are there, and no such file was read", seal.short()));
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
    for remark in &answer.remarks {
        screen::say(remark)?;
    }
    for wrong in &answer.wrong {
        screen::warn(wrong)?;
    }
    if answer.holds { screen::say("everything holds") } else { Ok(()) }
}
