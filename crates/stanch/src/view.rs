//! What reports are made of, loaded from a case.

use crate::pipeline::{duties, intruder, timeline};
use crate::session::Session;
use anyhow::Context;
use stanch_case::{Case, Stage};
use stanch_duties::clock;
use stanch_model::exposure::Matrix;
use stanch_model::store::Moments;
use stanch_model::{Duty, FileAccount, Finding, Instant, Intruder, Timeline, Verdict};
use stanch_report::CaseView;
use std::rc::Rc;

/// A case's results, owned; [`Loaded::view`] lends them to the report.
pub(crate) struct Loaded<'c> {
    case: &'c Case,
    moments: Moments,
    files: Vec<FileAccount>,
    findings: Vec<Finding>,
    pub(crate) intruder: Intruder,
    accepted_by: Option<String>,
    timeline: Timeline,
    pub(crate) matrix: Rc<Matrix>,
    duties: Vec<Duty>,
    clocks: Vec<String>,
    as_of: Instant,
}

impl<'c> Loaded<'c> {
    /// Loads what the stages up to duties have made.
    pub(crate) fn of(session: &'c Session, as_of: Instant) -> anyhow::Result<Loaded<'c>> {
        let case = &session.case;
        case.require(Stage::Duties)?;
        let database = case.database();
        let intruder = database.intruder()?;
        let duties = database.duties()?;
        Ok(Loaded {
            case,
            moments: duties::moments(case)?,
            files: database.accounts()?.into_iter().map(|k| k.account).collect(),
            findings: database.findings()?,
            accepted_by: accepted_by(case, &intruder),
            intruder,
            timeline: database
                .kept(timeline::KEPT)?
                .context("the case keeps no timeline\nhint: `stanch run` makes it")?,
            matrix: session.matrix()?,
            clocks: duties.iter().map(|d| clock(d, as_of).to_string()).collect(),
            duties,
            as_of,
        })
    }

    /// The results as a report takes them. The ledger's head is left out: it tells when the tool was run, and two
    /// reports over the same case are the same but for their stated time.
    pub(crate) fn view(&self) -> CaseView<'_> {
        let store = &self.case.store().file.store;
        CaseView {
            store_name: &store.name,
            platform: &store.platform,
            version: env!("CARGO_PKG_VERSION"),
            time_zone: &store.time_zone,
            moments: &self.moments,
            files: &self.files,
            findings: &self.findings,
            intruder: &self.intruder,
            accepted_by: self.accepted_by.as_deref(),
            timeline: &self.timeline,
            matrix: &self.matrix,
            duties: &self.duties,
            duty_clocks: &self.clocks,
            as_of: self.as_of,
            ledger_head: None,
        }
    }
}

/// Who took the identities: the rule where it took any, else the persons who did.
fn accepted_by(case: &Case, intruder: &Intruder) -> Option<String> {
    let rule = intruder::taker(case.store().file.intruder.take_from);
    let taken = || intruder.identities.iter().filter(|i| i.verdict == Verdict::Confirmed).filter_map(|i| i.by.as_ref());
    if taken().any(|by| *by == rule) {
        return Some(rule);
    }
    let mut people: Vec<String> = taken().cloned().collect();
    people.sort();
    people.dedup();
    (!people.is_empty()).then(|| people.join(", "))
}
