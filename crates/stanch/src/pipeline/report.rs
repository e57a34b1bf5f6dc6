//! Everything → `report/index.html`.

use super::inputs::Inputs;
use super::{Done, Outcome, Work};
use crate::instant;
use crate::view::Loaded;
use stanch_case::{Case, Stage};
use stanch_ledger::{On, sha256};
use std::path::PathBuf;

/// Where the report stands.
pub(crate) fn path(case: &Case) -> PathBuf {
    case.report_dir().join("index.html")
}

/// Lays the report out.
pub(crate) fn lay_out(work: &mut Work<'_>) -> anyhow::Result<Done> {
    let inputs = Inputs::new(Stage::Report).and(&work.as_of.to_string()).and_value(&work.case().store().file);
    work.stage(Stage::Report, &inputs, |work| {
        let loaded = Loaded::of(work.session, work.as_of)?;
        let html = stanch_report::html(&loaded.view())?;
        work.case().replace(&path(work.case()), html.as_bytes())?;
        let on = On::nothing().reference("sha256", &sha256(html.as_bytes())).count("bytes", html.len() as u64);
        work.record.act(instant::now(), "report.made", on)?;
        Ok(Outcome { bytes: None, ..Outcome::default() })
    })
}
