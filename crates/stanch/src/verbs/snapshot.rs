//! `stanch snapshot`: the store's data.

use crate::args::Shared;
use crate::instant;
use crate::pipeline::{Work, snapshot as stage};
use crate::screen::{self, Side};
use crate::session::Session;
use clap::Args;
use stanch_case::Stage;
use stanch_lake::SNAPSHOT_ROLES;
use stanch_snapshot::SnapshotAccount;
use std::collections::BTreeMap;

/// Take in the store's data from before and after, as the store file names it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch snapshot            load what is new, show what there is
  stanch snapshot --again    load a live database or a folder again")]
pub(crate) struct Snapshot {
    /// Load again even where nothing seems to have changed
    #[arg(long)]
    again: bool,
}

pub(crate) fn snapshot(snapshot: &Snapshot, shared: &Shared) -> anyhow::Result<()> {
    let session = Session::open(shared)?;
    let work =
        if snapshot.again { Some(Work::begin(&session, instant::now())?) } else { session.work(instant::now())? };
    if let Some(mut work) = work {
        if snapshot.again {
            session.case.database().begin_stage(Stage::Snapshot, "again", instant::now())?;
        }
        stage::take_in(&mut work)?;
    }
    let mut accounts: BTreeMap<&str, SnapshotAccount> = BTreeMap::new();
    for role in SNAPSHOT_ROLES {
        if let Some(account) = session.case.database().kept(&stage::kept_name(role))? {
            accounts.insert(role, account);
        }
    }
    if session.json {
        return screen::json(&accounts);
    }
    if accounts.is_empty() {
        return screen::warn("the store file names no snapshot");
    }
    let mut rows = Vec::new();
    for (role, account) in &accounts {
        for table in &account.tables {
            let (kept, bad) = (screen::count(table.rows), screen::count(table.bad_rows));
            rows.push(vec![(*role).to_owned(), table.name.clone(), kept, bad]);
        }
    }
    let columns = [("Role", Side::Left), ("table", Side::Left), ("rows", Side::Right), ("bad", Side::Right)];
    screen::put(&screen::table(&columns, &rows))?;
    let mut troubles = accounts.iter().flat_map(|(role, account)| stage::trouble(role, account));
    troubles.try_for_each(|line| screen::warn(&line))
}
