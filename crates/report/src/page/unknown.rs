//! What is not known, and why.

use super::{Span, located};
use crate::CaseView;
use crate::figures::{bytes, count};
use crate::moments::Zone;
use stanch_model::exposure::Doubt;
use stanch_model::timeline::SkewKind;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What is not known.
pub(crate) struct Unknown {
    pub(crate) gaps: Vec<GapRow>,
    pub(crate) gaps_in_intrusion: usize,
    /// How far clocks are apart, where they are.
    pub(crate) skews: Vec<SkewRow>,
    /// Everything that widened the ceiling or bears on it; unplanned statements and unexplained bytes among them.
    pub(crate) doubts: Vec<DoubtRow>,
    pub(crate) unexplained: String,
    pub(crate) unread: Vec<UnreadRow>,
    pub(crate) unread_lines: String,
    pub(crate) has_unread: bool,
    /// Statements whose sizes disagree with the replay.
    pub(crate) disagree: String,
    pub(crate) has_disagree: bool,
}

/// A span without records.
pub(crate) struct GapRow {
    pub(crate) source: String,
    pub(crate) span: Span,
    pub(crate) why: String,
    pub(crate) in_intrusion: bool,
}

/// Two clocks that are apart.
pub(crate) struct SkewRow {
    pub(crate) told: String,
    pub(crate) confirm: Vec<String>,
}

/// One doubt.
pub(crate) struct DoubtRow {
    pub(crate) kind: String,
    pub(crate) detail: String,
    pub(crate) count: String,
    pub(crate) bytes: Option<String>,
    pub(crate) raised: bool,
    pub(crate) example: Option<String>,
}

/// Lines that became nothing, of all files, by reason.
pub(crate) struct UnreadRow {
    pub(crate) reason: String,
    pub(crate) lines: String,
    pub(crate) bytes: String,
    pub(crate) files: String,
    pub(crate) example: Option<String>,
}

impl Unknown {
    pub(crate) fn of(view: &CaseView<'_>, zone: &Zone) -> Unknown {
        let lines: u64 = view.files.iter().map(stanch_model::FileAccount::unread_lines).sum();
        let disagree = view.matrix.shapes.iter().map(|s| s.disagree).sum();
        let gaps = &view.timeline.gaps;
        Unknown {
            gaps_in_intrusion: gaps.iter().filter(|g| g.in_intrusion).count(),
            gaps: gaps
                .iter()
                .map(|g| GapRow {
                    source: g.source.clone(),
                    span: Span::of(zone, g.window),
                    why: g.why.clone(),
                    in_intrusion: g.in_intrusion,
                })
                .collect(),
            skews: view
                .timeline
                .skews
                .iter()
                .filter(|skew| skew.looks_like != SkewKind::Agree)
                .map(|skew| SkewRow { told: skew.told(), confirm: skew.confirm.clone() })
                .collect(),
            doubts: view.matrix.doubts.iter().map(|d| doubt(view, d)).collect(),
            unexplained: bytes(view.matrix.doubts.iter().fold(0, |sum, d| d.bytes.saturating_add(sum))),
            unread: unread(view),
            unread_lines: count(lines),
            has_unread: lines > 0,
            disagree: count(disagree),
            has_disagree: disagree > 0,
        }
    }
}

fn doubt(view: &CaseView<'_>, d: &Doubt) -> DoubtRow {
    DoubtRow {
        kind: d.kind.clone(),
        detail: d.detail.clone(),
        count: count(d.count),
        bytes: (d.bytes > 0).then(|| bytes(d.bytes)),
        raised: d.raised_ceiling,
        example: d.example.as_ref().map(|e| located(view.files, e)),
    }
}

/// Unread lines by reason, most lines first, with one place to look.
fn unread(view: &CaseView<'_>) -> Vec<UnreadRow> {
    #[derive(Default)]
    struct Sum {
        lines: u64,
        bytes: u64,
        files: u64,
        example: Option<String>,
    }
    let mut by_reason: BTreeMap<&str, Sum> = BTreeMap::new();
    for file in view.files {
        for group in file.unread.iter().filter(|g| g.lines > 0) {
            let sum = by_reason.entry(&group.reason).or_default();
            sum.lines += group.lines;
            sum.bytes += group.bytes;
            sum.files += 1;
            let first = group.examples.first();
            sum.example =
                sum.example.take().or_else(|| first.map(|(line, ..)| format!("{}, line {}", file.path, count(*line))));
        }
    }
    let mut rows: Vec<_> = by_reason.into_iter().collect();
    rows.sort_by_key(|(reason, sum)| (Reverse(sum.lines), *reason));
    rows.into_iter()
        .map(|(reason, sum)| UnreadRow {
            reason: reason.to_owned(),
            lines: count(sum.lines),
            bytes: bytes(sum.bytes),
            files: count(sum.files),
            example: sum.example,
        })
        .collect()
}
