//! Intruder, events, snapshot, platform → `exposure/`.

use super::inputs::Inputs;
use super::snapshot::kept_name;
use super::{Done, Outcome, Work, timeline, totals};
use crate::exit::BadInput;
use crate::instant;
use crate::progress::Progress;
use anyhow::Context;
use stanch_case::{Case, Stage};
use stanch_evidence::is_whole;
use stanch_lake::SNAPSHOT_ROLES;
use stanch_ledger::On;
use stanch_model::exposure::{Doubt, INCOMPLETE_EVIDENCE, INCOMPLETE_SNAPSHOT, Matrix, SnapshotRef};
use stanch_model::timeline::Timeline;
use stanch_model::{CoverageGap, FileAccount, GapKind, Window};
use stanch_scope::{Platform, Question, ScopeError};
use stanch_snapshot::SnapshotAccount;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Works out who was exposed, with what.
pub(crate) fn scope(work: &mut Work<'_>) -> anyhow::Result<Done> {
    let file = &work.case().store().file;
    let inputs = Inputs::new(Stage::Scope)
        .and_packs(&work.session.packs, &["platforms", "words"])
        .and_value(&file.store.platform)
        .and_value(&file.store.residence)
        .and_value(&file.logs);
    work.stage(Stage::Scope, &inputs, |work| {
        let case = work.case();
        let progress = Progress::without_end("scope");
        let (matrix, events) = answer(work)?;
        progress.say("writing");
        let draft = case.draft(&case.exposure_dir())?;
        write(&matrix, draft.path())?;
        draft.put()?;
        totals::keep(case.database(), &matrix)?;
        progress.done();
        let people = matrix.people();
        let on = On::nothing()
            .count("persons_floor", people.floor)
            .count("persons_ceiling", people.ceiling)
            .count("cells", matrix.cells.len() as u64)
            .count("doubts", matrix.doubts.len() as u64);
        work.record.act(instant::now(), "exposure.judged", on)?;
        let said = vec![format!("{} to {} people, {} doubts", people.floor, people.ceiling, matrix.doubts.len())];
        work.session.take_matrix(Rc::new(matrix));
        Ok(Outcome { events: Some(events), said, ..Outcome::default() })
    })
}

/// The matrix, and the number of the intruder's events that it was judged from.
fn answer(work: &Work<'_>) -> anyhow::Result<(Matrix, u64)> {
    let case = work.case();
    let store = &case.store().file;
    let platform = Platform::load(&work.session.packs, &store.store.platform)?;
    let timeline: Timeline = case.database().kept(timeline::KEPT)?.unwrap_or_default();
    let (intruder, accounts, torn) = (case.database().intruder()?, snapshot_accounts(case)?, torn(case)?);
    let snapshots = snapshots(&accounts)?;
    let mut gaps = timeline.gaps;
    if let Some(intrusion) = intruder.window() {
        gaps.extend(torn.iter().map(|account| gap_of(account, intrusion)));
    }
    let lake = work.lake()?;
    let question = Question {
        intruder: &intruder,
        platform: &platform,
        logs: &store.logs,
        residence: &store.store.residence,
        snapshot_dir: &case.snapshot_dir(),
        snapshots: &snapshots,
        cut: &cut_tables(&accounts),
        gaps: &gaps,
    };
    let mut matrix = stanch_scope::scope(&lake, &question).map_err(with_who_can_mend)?;
    matrix.doubts.extend(doubts_of_snapshots(&accounts, &platform));
    matrix.doubts.extend(torn.iter().map(doubt_of));
    let events = matrix.intruder_events;
    Ok((matrix, events))
}

/// A platform pack and a snapshot that do not fit: one of the two is the wrong one.
fn with_who_can_mend(error: ScopeError) -> anyhow::Error {
    let misfit = matches!(error, ScopeError::NoAccounts { .. } | ScopeError::NoColumn { .. });
    let error = anyhow::Error::new(error);
    if !misfit {
        return error;
    }
    error.context(
        "the store's data and its platform pack do not fit each other\n\
         hint: correct the pack that the store file names under [store] platform, or the snapshot under [snapshot]; \
         `stanch snapshot` shows the tables that were read",
    )
}

/// The accounts of the snapshots that were taken in.
fn snapshot_accounts(case: &Case) -> anyhow::Result<Vec<(&'static str, SnapshotAccount)>> {
    let mut found = Vec::new();
    for role in SNAPSHOT_ROLES {
        found.extend(case.database().kept::<SnapshotAccount>(&kept_name(role))?.map(|account| (role, account)));
    }
    Ok(found)
}

/// The snapshots, in order of time.
fn snapshots(accounts: &[(&str, SnapshotAccount)]) -> anyhow::Result<Vec<SnapshotRef>> {
    let mut found = Vec::new();
    for (role, account) in accounts {
        let Some(taken_at) = account.taken_at else {
            anyhow::bail!(BadInput(format!(
                "nothing says when the snapshot `{role}` was taken\n\
                 hint: write `taken_at = 2026-03-01T02:00:00Z` under [snapshot.{role}] in the store file"
            )));
        };
        let tables = account.tables.iter().map(|t| (t.name.clone(), t.rows)).collect();
        found.push(SnapshotRef { seal: account.seal.clone(), role: (*role).to_owned(), taken_at, tables });
    }
    found.sort_by_key(|s| s.taken_at);
    Ok(found)
}

/// What a snapshot lacks, exposure lacks too: people whose rows were never read are in no count.
fn doubts_of_snapshots(accounts: &[(&str, SnapshotAccount)], platform: &Platform) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    for (role, account) in accounts {
        if !account.complete {
            let detail = format!("the snapshot `{role}` is not whole: people whose rows it lacks are in no count");
            doubts.push(incomplete(INCOMPLETE_SNAPSHOT, detail, 1));
        }
        for table in &account.tables {
            let name = &table.name;
            if table.bad_rows > 0 {
                let detail = format!("snapshot `{role}`, table {name}: rows that could not be read");
                doubts.push(incomplete(INCOMPLETE_SNAPSHOT, detail, table.bad_rows));
            } else if table.cut && account.complete && names_people(platform, name) {
                let detail = format!("snapshot `{role}`, table {name}: its rows were left out");
                doubts.push(incomplete(INCOMPLETE_SNAPSHOT, detail, 1));
            }
        }
    }
    doubts
}

/// Whether people are known by a table's rows: accounts, and whatever guests leave their e-mail in. Other tables add to
/// what is known of people, and matter where a statement read them.
fn names_people(platform: &Platform, table: &str) -> bool {
    table == platform.accounts.table || platform.tables.get(table).is_some_and(|t| t.owner.email.is_some())
}

/// Tables of which rows are known to be missing: a statement that reads them is judged, and not believed to be all.
fn cut_tables(accounts: &[(&str, SnapshotAccount)]) -> BTreeSet<String> {
    let tables = accounts.iter().flat_map(|(_, account)| &account.tables);
    tables.filter(|t| t.cut || t.bad_rows > 0).map(|t| t.name.clone()).collect()
}

fn torn(case: &Case) -> anyhow::Result<Vec<FileAccount>> {
    let kept = case.database().accounts()?;
    Ok(kept.into_iter().map(|k| k.account).filter(|account| !is_whole(account)).collect())
}

/// What could not be unpacked may have shown further acts of the intruder: from its last record on, nothing is known.
fn gap_of(account: &FileAccount, intrusion: Window) -> CoverageGap {
    let from = account.window.map_or(intrusion.from, |w| w.to.min(intrusion.to));
    CoverageGap {
        source: account.path.clone(),
        kind: GapKind::Torn,
        window: Window { from, to: intrusion.to },
        why: "what could not be unpacked may have held anything".to_owned(),
        in_intrusion: true,
    }
}

fn doubt_of(account: &FileAccount) -> Doubt {
    let detail = format!("{} is not whole: it may have shown further acts of the intruder", account.path);
    incomplete(INCOMPLETE_EVIDENCE, detail, 1)
}

fn incomplete(kind: &str, detail: String, count: u64) -> Doubt {
    Doubt { kind: kind.to_owned(), detail, count, bytes: 0, raised_ceiling: false, example: None }
}

/// Writes the matrix in all its forms, side by side: with a million cells each of them takes seconds.
fn write(matrix: &Matrix, dir: &Path) -> anyhow::Result<()> {
    let create = |name: &str| {
        let path = dir.join(name);
        let file = File::create(&path).with_context(|| format!("could not write {}", path.display()))?;
        anyhow::Ok(BufWriter::with_capacity(1 << 20, file))
    };
    std::thread::scope(|threads| {
        let tables = threads.spawn(|| -> anyhow::Result<()> {
            stanch_scope::write(matrix, dir)?;
            stanch_report::exposure_csv(matrix, &mut create("exposure.csv")?)?;
            Ok(())
        });
        let json = threads.spawn(|| -> anyhow::Result<()> {
            stanch_report::exposure_json(matrix, &mut create("exposure.json")?)?;
            Ok(())
        });
        let mut packed = zstd::Encoder::new(create(MATRIX)?, 3).context("could not write the matrix")?;
        serde_json::to_writer(&mut packed, matrix).context("could not write the matrix")?;
        let file = packed.finish().context("could not write the matrix")?;
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        let done = [tables.join(), json.join()];
        done.into_iter().try_for_each(|writer| writer.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// The matrix as it was, for the stages after: the Parquet tables beside it leave persons without a cell out.
const MATRIX: &str = "matrix.json.zst";

/// The matrix that the case keeps.
pub(crate) fn kept(case: &Case) -> anyhow::Result<Matrix> {
    case.require(Stage::Scope)?;
    let path: PathBuf = case.exposure_dir().join(MATRIX);
    let unreadable = || format!("could not read {}", path.display());
    let file = File::open(&path).with_context(unreadable)?;
    let unpacked = zstd::Decoder::new(file).with_context(unreadable)?;
    serde_json::from_reader(BufReader::new(unpacked)).with_context(unreadable)
}
