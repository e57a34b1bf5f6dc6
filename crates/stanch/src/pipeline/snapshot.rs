//! The store's data → `snapshot/before` and `snapshot/after`.

use super::inputs::Inputs;
use super::{Done, Outcome, Work};
use crate::instant;
use crate::progress::Progress;
use crate::screen;
use anyhow::Context;
use stanch_case::{Draft, Stage};
use stanch_lake::SNAPSHOT_ROLES;
use stanch_ledger::On;
use stanch_model::store::SnapshotSource;
use stanch_snapshot::{Flaw, SnapshotAccount};

/// The name under which the case keeps a snapshot's account.
pub(crate) fn kept_name(role: &str) -> String {
    format!("snapshot.{role}")
}

/// Takes in every snapshot that the store file names.
pub(crate) fn take_in(work: &mut Work<'_>) -> anyhow::Result<Done> {
    let mut inputs = Inputs::new(Stage::Snapshot);
    for role in SNAPSHOT_ROLES {
        let source = source_of(work, role);
        inputs = inputs.and_value(&source).and(&state_of(work, source.as_ref())?);
    }
    work.stage(Stage::Snapshot, &inputs, |work| {
        let mut outcome = Outcome { bytes: Some(0), ..Outcome::default() };
        for role in SNAPSHOT_ROLES {
            match source_of(work, role) {
                Some(source) => load(work, role, &source, &mut outcome)?,
                None => forget(work, role, &mut outcome)?,
            }
        }
        Ok(outcome)
    })
}

fn source_of(work: &Work<'_>, role: &str) -> Option<SnapshotSource> {
    let named = &work.case().store().file.snapshot;
    if role == "before" { named.before.clone() } else { named.after.clone() }
}

/// What tells that a dump is the one that was loaded: its seal. Folders and live databases are loaded again by
/// `stanch snapshot --again`.
fn state_of(work: &Work<'_>, source: Option<&SnapshotSource>) -> anyhow::Result<String> {
    match source.and_then(|s| s.file.as_deref()) {
        Some(file) => {
            let path = work.case().store().resolve(file);
            let sealed =
                stanch_evidence::seal(&path).context("the snapshot that the store file names could not be read");
            Ok(sealed?.0.0)
        }
        None => Ok(String::new()),
    }
}

fn load(work: &mut Work<'_>, role: &'static str, source: &SnapshotSource, outcome: &mut Outcome) -> anyhow::Result<()> {
    let store = work.case().store();
    let size = source.file.as_deref().and_then(|f| std::fs::metadata(store.resolve(f)).ok()).map(|m| m.len());
    let progress = size.map_or_else(|| Progress::without_end("snapshot"), |s| Progress::over_bytes("snapshot", s));
    let draft = Draft::begin(&work.case().snapshot_dir().join(role))?;
    let account = stanch_snapshot::load(source, &store.base, draft.path(), &mut |bytes| progress.add(bytes))
        .with_context(|| format!("the snapshot `{role}` could not be loaded"))?;
    draft.put()?;
    progress.done();
    work.case().database().keep(&kept_name(role), &account)?;
    let rows: u64 = account.tables.iter().map(|t| t.rows).sum();
    let on = On::nothing()
        .word("role", role)
        .seal("seal", &account.seal)
        .count("tables", account.tables.len() as u64)
        .count("rows", rows);
    work.record.act(instant::now(), "snapshot.loaded", on)?;
    outcome.bytes = Some(outcome.bytes.unwrap_or(0) + account.bytes);
    outcome.said.push(format!("{role}: {} tables, {} rows", account.tables.len(), screen::count(rows)));
    outcome.said.extend(trouble(role, &account));
    Ok(())
}

/// What is wrong with a snapshot: what it lacks, rows that could not be kept, cells that could not be kept as they were.
pub(crate) fn trouble(role: &str, account: &SnapshotAccount) -> Vec<String> {
    let mut said: Vec<String> = account.remarks.iter().map(|r| format!("{role}: {}", screen::shown(r))).collect();
    for table in &account.tables {
        let name = screen::shown(&table.name);
        let told = |what: &str, flaw: &Flaw| {
            format!("{role}, table {name}: {} {what}: {}", screen::count(flaw.count), screen::shown(&flaw.reason))
        };
        said.extend(table.bad.iter().map(|flaw| told("unread", flaw)));
        said.extend(table.mended.iter().map(|flaw| told("mended", flaw)));
    }
    said
}

fn forget(work: &mut Work<'_>, role: &'static str, outcome: &mut Outcome) -> anyhow::Result<()> {
    work.case().database().forget(&kept_name(role))?;
    let dir = work.case().snapshot_dir().join(role);
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("could not remove {}", dir.display()))?;
    }
    outcome.said.push(format!("{role}: the store file names none"));
    Ok(())
}
