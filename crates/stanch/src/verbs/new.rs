//! `stanch new`: an empty case.

use crate::args::Shared;
use crate::screen;
use crate::session;
use crate::{instant, verbs::run::case_name};
use clap::Args;
use stanch_case::{Case, store_file};
use std::path::PathBuf;

/// Open a case, empty
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch new --store store.toml                        store-name.case here
  stanch new --store store.toml --case /cases/acme.case")]
pub(crate) struct New {
    /// The store file
    #[arg(long, value_name = "STORE.toml")]
    store: PathBuf,
}

pub(crate) fn new(new: &New, shared: &Shared) -> anyhow::Result<()> {
    session::no_json(shared)?;
    session::no_read_only(shared)?;
    let store = store_file::read(&new.store)?;
    let root = shared.case.clone().unwrap_or_else(|| PathBuf::from(case_name(&store.file.store.name)));
    let case = Case::create(&root, &store, instant::now(), &session::by(shared))?;
    *shared.acted.borrow_mut() = Some(case.root().to_owned());
    screen::say(&format!("{} is open; `stanch add` takes in evidence, `stanch run` does the rest", root.display()))
}
