//! From evidence to report: one module a stage, each of which reads what the stages before it left in the case, has
//! its crate do the work, and leaves the result.
//!
//! A stage whose inputs have not changed since it was done is not done again. Inputs are named by a digest: of the
//! packs that the stage reads, of what the store file says, of the program's version, and of the digests before it.

pub(crate) mod detect;
pub(crate) mod duties;
pub(crate) mod evidence;
pub(crate) mod intruder;
pub(crate) mod report;
pub(crate) mod scope;
pub(crate) mod snapshot;
pub(crate) mod timeline;
pub(crate) mod totals;

mod custody;
mod inputs;

use crate::instant;
use crate::session::Session;
use anyhow::Context;
use inputs::Inputs;
use stanch_case::{Case, Record, Stage, StageState};
use stanch_lake::Lake;
use stanch_model::Instant;

/// What the stages share.
pub(crate) struct Work<'s> {
    pub(crate) session: &'s Session,
    pub(crate) record: Record<'s>,
    /// The moment that clocks are read at.
    pub(crate) as_of: Instant,
}

/// What came of a stage, for the table at the end of `run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) stage: Stage,
    /// Nothing it is made from had changed.
    pub(crate) unchanged: bool,
    pub(crate) took_us: i64,
    pub(crate) bytes: Option<u64>,
    pub(crate) events: Option<u64>,
    /// What a person must know: counts, no personal data.
    pub(crate) said: Vec<String>,
}

impl Done {
    /// So much of it in a second; nothing where there was none, or nothing was done.
    pub(crate) fn per_second(&self, amount: Option<u64>) -> Option<u64> {
        let amount = amount.filter(|a| *a > 0 && self.took_us > 0)?;
        u64::try_from(u128::from(amount) * 1_000_000 / u128::from(self.took_us.unsigned_abs())).ok()
    }
}

/// What a stage's own work gives back.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) bytes: Option<u64>,
    pub(crate) events: Option<u64>,
    pub(crate) said: Vec<String>,
}

impl<'s> Work<'s> {
    /// Takes the right to act on the session's case.
    pub(crate) fn begin(session: &'s Session, as_of: Instant) -> anyhow::Result<Work<'s>> {
        let record = session.record()?;
        // What a command that was killed left of its sorting; nobody else acts on the case now.
        let spilled = session.case.root().join("tmp");
        if spilled.exists() {
            std::fs::remove_dir_all(&spilled).with_context(|| format!("could not remove {}", spilled.display()))?;
        }
        Ok(Work { session, record, as_of })
    }

    pub(crate) fn case(&self) -> &'s Case {
        &self.session.case
    }

    /// What can be asked of the case now. Opened anew by each stage, since the tables of the one before are new.
    pub(crate) fn lake(&self) -> anyhow::Result<Lake> {
        open_lake(self.case())
    }

    /// Does a stage unless it is done from the same inputs: marks it as begun, works, marks it as done.
    fn stage(
        &mut self,
        stage: Stage,
        inputs: &Inputs,
        work: impl FnOnce(&mut Self) -> anyhow::Result<Outcome>,
    ) -> anyhow::Result<Done> {
        let database = self.case().database();
        for needed in stage.needs() {
            self.case().require(*needed)?;
        }
        if let Some(row) = database.stage(stage)?
            && row.state == StageState::Done
            && row.inputs == inputs.digest()
        {
            return Ok(Done {
                stage,
                unchanged: true,
                took_us: 0,
                bytes: row.bytes,
                events: row.events,
                said: Vec::new(),
            });
        }
        let began = instant::now();
        database.begin_stage(stage, inputs.digest(), began)?;
        let Outcome { bytes, events, said } = work(self)?;
        let took_us = instant::now().0.saturating_sub(began.0);
        database.finish_stage(stage, took_us, bytes, events)?;
        Ok(Done { stage, unchanged: false, took_us, bytes, events, said })
    }
}

/// Opens everything that can be asked of a case.
pub(crate) fn open_lake(case: &Case) -> anyhow::Result<Lake> {
    let (events, snapshot, exposure) = (case.events_dir(), case.snapshot_dir(), case.exposure_dir());
    match case.read_only() {
        None => Ok(Lake::open(&events, &snapshot, &exposure)?),
        Some(_) => Ok(Lake::open_spilling_into(&std::env::temp_dir(), &events, &snapshot, &exposure)?),
    }
}
