//! Blocks of NUL bytes in a text: what a crash leaves, or a file that was emptied while its writer went on where it was.

use stanch_lake::EventRows;
use stanch_model::evidence::GapKind;
use stanch_model::{CoverageGap, EventFields, FileAccount, Instant, Window};
use std::collections::BTreeMap;

/// The records next to each block, by file.
#[derive(Debug, Default)]
pub(crate) struct Nuls {
    files: BTreeMap<String, Vec<Place>>,
}

#[derive(Debug)]
struct Place {
    at: u64,
    before: Option<(u64, Instant)>,
    after: Option<(u64, Instant)>,
}

impl Nuls {
    pub(crate) fn new(files: &[FileAccount]) -> Nuls {
        let torn = files.iter().filter(|f| !f.tears.nul_at.is_empty());
        let places =
            |f: &FileAccount| f.tears.nul_at.iter().map(|at| Place { at: *at, before: None, after: None }).collect();
        Nuls { files: torn.map(|f| (f.seal.0.clone(), places(f))).collect() }
    }

    pub(crate) fn observe(&mut self, rows: &EventRows) {
        if self.files.is_empty() {
            return;
        }
        for row in rows.iter() {
            let Some(places) = self.files.get_mut(row.evidence_str()) else { continue };
            let here = (row.position().offset, row.time());
            for place in places {
                if here.0 < place.at {
                    place.before = place.before.max(Some(here));
                } else {
                    place.after = Some(place.after.map_or(here, |known| known.min(here)));
                }
            }
        }
    }

    pub(crate) fn gaps(&self, files: &[FileAccount], source: &dyn Fn(&FileAccount) -> String) -> Vec<CoverageGap> {
        let mut gaps = Vec::new();
        for file in files {
            let Some(places) = self.files.get(&file.seal.0) else { continue };
            let name = file.path.rsplit(['/', '!']).next().unwrap_or(&file.path);
            let (runs, bytes) = (file.tears.nul_runs, file.tears.nul_bytes);
            let blocks = if runs == 1 { "a block".to_owned() } else { format!("one of {runs} blocks") };
            let of = if runs == 1 { format!("of {bytes}") } else { format!("(of {bytes} in all)") };
            for place in places {
                let (before, after) = (place.before.map(|(_, t)| t), place.after.map(|(_, t)| t));
                let (Some(a), Some(b)) = (before.or(after), after.or(before)) else { continue };
                let why = format!(
                    "{name} has {blocks} {of} NUL bytes at byte {}: a crash, or it was emptied while it was written to",
                    place.at
                );
                let window = Window { from: a.min(b), to: a.max(b) };
                gaps.push(CoverageGap { source: source(file), kind: GapKind::Torn, window, why, in_intrusion: false });
            }
        }
        gaps
    }
}
