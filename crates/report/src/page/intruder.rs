//! Who it was: identities with their reasons, and the findings behind them.
//!
//! A customer's account number or a live session is personal data, or opens somebody's session; such identities are
//! shown as counts, grouped by why and when.

use super::{Span, located};
use crate::CaseView;
use crate::figures::{count, of, share};
use crate::moments::Zone;
use crate::words;
use stanch_model::intruder::Identity;
use stanch_model::{IdentityKind, Severity, Verdict, Window};
use std::collections::BTreeMap;

/// Who it was.
pub(crate) struct Who {
    pub(crate) lead: String,
    pub(crate) accepted_by: Option<String>,
    /// Taken, proposed, rejected: heading and rows, only those with rows.
    pub(crate) groups: Vec<Group>,
    pub(crate) withholds: bool,
    pub(crate) findings: Vec<FindingRow>,
}

/// Identities of one verdict.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) note: &'static str,
    /// Whether it stands open; the rejected are folded.
    pub(crate) open: bool,
    pub(crate) rows: Vec<Mark>,
}

/// One identity, or several of a kind whose values are withheld.
pub(crate) struct Mark {
    pub(crate) kind: &'static str,
    /// The value, or how many.
    pub(crate) value: String,
    pub(crate) withheld: bool,
    pub(crate) only_from: Vec<String>,
    pub(crate) span: Span,
    pub(crate) confidence: String,
    pub(crate) by: Option<String>,
    pub(crate) reasons: Vec<String>,
}

/// One finding.
pub(crate) struct FindingRow {
    pub(crate) title: String,
    pub(crate) detail: String,
    pub(crate) detection: String,
    pub(crate) severity: &'static str,
    pub(crate) confidence: String,
    pub(crate) events: String,
    pub(crate) span: Span,
    pub(crate) example: Option<String>,
}

impl Who {
    pub(crate) fn of(view: &CaseView<'_>, zone: &Zone) -> Who {
        let groups: Vec<Group> = [
            (
                Verdict::Confirmed,
                "Taken as the intruder’s",
                "These count. Every number in this report rests on them.",
                true,
            ),
            (
                Verdict::Proposed,
                "Proposed, not taken",
                "These do not count. Look at them: each one taken raises the numbers.",
                true,
            ),
            (Verdict::Rejected, "Rejected", "Somebody said that these are not the intruder’s.", false),
        ]
        .into_iter()
        .map(|(verdict, title, note, open)| Group { title, note, open, rows: marks(view, verdict, zone) })
        .filter(|g| !g.rows.is_empty())
        .collect();
        Who {
            lead: lead(view),
            accepted_by: view.accepted_by.map(str::to_owned),
            withholds: groups.iter().flat_map(|g| &g.rows).any(|m| m.withheld),
            groups,
            findings: findings(view, zone),
        }
    }
}

fn lead(view: &CaseView<'_>) -> String {
    let mut kinds: BTreeMap<IdentityKind, u64> = BTreeMap::new();
    for identity in view.intruder.confirmed() {
        *kinds.entry(identity.kind).or_default() += 1;
    }
    let parts: Vec<String> = kinds
        .into_iter()
        .map(|(kind, n)| {
            let (one, many) = words::identity(kind);
            of(n, one, many)
        })
        .collect();
    if parts.is_empty() {
        "Nobody has been taken as the intruder yet.".to_owned()
    } else {
        format!("{}.", super::listed(&parts))
    }
}

fn marks(view: &CaseView<'_>, verdict: Verdict, zone: &Zone) -> Vec<Mark> {
    let mut shown = Vec::new();
    let mut withheld: BTreeMap<_, Vec<&Identity>> = BTreeMap::new();
    for identity in view.intruder.identities.iter().filter(|i| i.verdict == verdict) {
        if matches!(identity.kind, IdentityKind::Account | IdentityKind::Session) {
            let alike = (identity.kind, &identity.reasons, &identity.by, &identity.only_from);
            withheld.entry(alike).or_default().push(identity);
        } else {
            shown.push(mark(&[identity], zone, view.accepted_by));
        }
    }
    shown.extend(withheld.into_values().map(|alike| mark(&alike, zone, view.accepted_by)));
    shown
}

/// One row for identities that are alike in all but value, window and confidence. Who took them is said only where it
/// is not `known` from the part's first line.
fn mark(alike: &[&Identity], zone: &Zone, known: Option<&str>) -> Mark {
    let first = alike[0];
    let (one, many) = words::identity(first.kind);
    let withheld = matches!(first.kind, IdentityKind::Account | IdentityKind::Session);
    let window = alike
        .iter()
        .map(|i| i.window)
        .reduce(|a, b| Window { from: a.from.min(b.from), to: a.to.max(b.to) })
        .unwrap_or(first.window);
    let (low, high) = alike
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), i| (low.min(i.confidence), high.max(i.confidence)));
    let (low, high) = (share(low), share(high));
    Mark {
        kind: one,
        value: if withheld { of(alike.len() as u64, one, many) } else { first.value.clone() },
        withheld,
        only_from: first.only_from.clone(),
        span: Span::of(zone, window),
        confidence: if low == high { high } else { format!("{low} to {high}") },
        by: first.by.clone().filter(|by| Some(by.as_str()) != known),
        reasons: first.reasons.clone(),
    }
}

fn findings(view: &CaseView<'_>, zone: &Zone) -> Vec<FindingRow> {
    view.findings
        .iter()
        .map(|f| FindingRow {
            title: f.title.clone(),
            detail: f.detail.clone(),
            detection: f.detection.clone(),
            severity: match f.severity {
                Severity::Low => "low",
                Severity::Medium => "medium",
                Severity::High => "high",
            },
            confidence: share(f.confidence),
            events: count(f.events),
            span: Span::of(zone, f.window),
            example: f.examples.first().map(|e| located(view.files, e)),
        })
        .collect()
}
