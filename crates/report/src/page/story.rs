//! What happened: the drawn timeline and its moments.

use super::{Span, located};
use crate::CaseView;
use crate::figures::{count, of};
use crate::moments::{When, Zone};
use crate::{svg, words};
use stanch_model::Window;

/// The story.
pub(crate) struct Story {
    pub(crate) picture: String,
    /// `1 hour`: what one step of the picture stands for.
    pub(crate) step: String,
    pub(crate) has_gaps: bool,
    pub(crate) lanes: Vec<LaneRow>,
    pub(crate) moments: Vec<MomentItem>,
    /// What the store stated: label and moment, if known.
    pub(crate) stated: Vec<(&'static str, Option<When>)>,
}

/// One source's totals: the picture's content as text.
pub(crate) struct LaneRow {
    pub(crate) source: String,
    pub(crate) total: String,
    pub(crate) intruder: String,
    pub(crate) gaps: usize,
}

/// One moment.
pub(crate) struct MomentItem {
    pub(crate) phase: &'static str,
    pub(crate) title: String,
    pub(crate) detail: String,
    pub(crate) events: String,
    pub(crate) span: Span,
    pub(crate) track: String,
    pub(crate) example: Option<String>,
}

impl Story {
    pub(crate) fn of(view: &CaseView<'_>, zone: &Zone) -> Story {
        let timeline = view.timeline;
        let drawn = svg::lanes("activity", timeline, view.intruder.window(), zone);
        let m = view.moments;
        let stated = [
            ("Occurred", m.occurred),
            ("Discovered", m.discovered),
            ("Became aware", m.became_aware),
            ("Determined to be a breach", m.determined),
            ("People notified", m.notified),
        ];
        Story {
            picture: drawn.svg,
            step: duration(drawn.bucket_us),
            has_gaps: !timeline.gaps.is_empty(),
            lanes: timeline
                .lanes
                .iter()
                .map(|lane| LaneRow {
                    source: lane.source.clone(),
                    total: count(lane.total.iter().sum()),
                    intruder: count(lane.intruder.iter().sum()),
                    gaps: timeline.gaps.iter().filter(|g| g.source == lane.source).count(),
                })
                .collect(),
            moments: moments(view, zone),
            stated: stated.into_iter().map(|(label, t)| (label, t.map(|t| zone.when(t)))).collect(),
        }
    }
}

fn moments(view: &CaseView<'_>, zone: &Zone) -> Vec<MomentItem> {
    let all = &view.timeline.moments;
    let whole = all.iter().map(|m| m.window).reduce(|a, b| Window { from: a.from.min(b.from), to: a.to.max(b.to) });
    let whole = whole.unwrap_or(Window::ALWAYS);
    all.iter()
        .map(|m| MomentItem {
            phase: words::phase(m.phase),
            title: m.title.clone(),
            detail: m.detail.clone(),
            events: of(m.events, "event", "events"),
            span: Span::of(zone, m.window),
            track: svg::track(m.window, whole),
            example: m.example.as_ref().map(|e| located(view.files, e)),
        })
        .collect()
}

/// `90 s`, `10 minutes`, `6 hours`, `2 days`.
fn duration(us: i64) -> String {
    let seconds = u64::try_from(us / 1_000_000).unwrap_or(0);
    match seconds {
        s if s >= 86_400 && s % 86_400 == 0 => of(s / 86_400, "day", "days"),
        s if s >= 3600 && s % 3600 == 0 => of(s / 3600, "hour", "hours"),
        s if s >= 60 && s % 60 == 0 => of(s / 60, "minute", "minutes"),
        s => of(s, "second", "seconds"),
    }
}
