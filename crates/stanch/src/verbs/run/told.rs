//! What `stanch run --json` tells.

use crate::pipeline::totals::Difference;
use crate::pipeline::{self, Done};
use crate::view::Loaded;
use serde::Serialize;
use stanch_case::Case;
use stanch_model::exposure::Bounds;
use std::path::PathBuf;

/// The end of a run, for programs. Without the store's data there is no exposure and no report.
#[derive(Serialize)]
pub(super) struct Told {
    case: PathBuf,
    report: Option<PathBuf>,
    exposure: Option<PathBuf>,
    people: Option<Bounds>,
    /// What differs from the run before; null where exposure was not judged anew, or for the first time.
    since_before: Option<Vec<Difference>>,
    /// What these numbers lack, a sentence each.
    incomplete: Vec<&'static str>,
    seconds: f64,
    stages: Vec<StageTold>,
}

#[derive(Serialize)]
struct StageTold {
    stage: &'static str,
    unchanged: bool,
    seconds: f64,
    bytes: Option<u64>,
    bytes_per_second: Option<u64>,
    events: Option<u64>,
    events_per_second: Option<u64>,
    said: Vec<String>,
}

impl Told {
    pub(super) fn of(
        case: &Case,
        loaded: Option<&Loaded<'_>>,
        done: &[Done],
        since_before: Option<Vec<Difference>>,
        took_us: i64,
    ) -> Told {
        Told {
            case: case.root().to_owned(),
            report: loaded.map(|_| pipeline::report::path(case)),
            exposure: loaded.map(|_| case.exposure_dir().join("exposure.csv")),
            people: loaded.map(|l| l.matrix.people()),
            since_before,
            incomplete: loaded.map(|l| stanch_report::lacking(&l.matrix)).unwrap_or_default(),
            seconds: seconds(took_us),
            stages: done.iter().map(stage).collect(),
        }
    }
}

fn stage(done: &Done) -> StageTold {
    StageTold {
        stage: done.stage.word(),
        unchanged: done.unchanged,
        seconds: seconds(done.took_us),
        bytes: done.bytes,
        bytes_per_second: done.per_second(done.bytes),
        events: done.events,
        events_per_second: done.per_second(done.events),
        said: done.said.clone(),
    }
}

/// To the millisecond.
fn seconds(us: i64) -> f64 {
    (us / 1_000) as f64 / 1_000.0
}
