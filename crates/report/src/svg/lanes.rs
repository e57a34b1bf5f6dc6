//! Activity over time: one lane per source, everybody's above its line, the intruder's below; the story's phases on top.

use super::{Anchor, Picture, Share, trimmed};
use crate::figures::count;
use crate::moments::Zone;
use crate::words;
use stanch_model::timeline::{Lane, Phase, Timeline};
use stanch_model::{Instant, Window};
use std::fmt::Write;

const PHASE_ROW_PX: f64 = 32.0;
const LANE_HEAD_PX: f64 = 18.0;
const UP_PX: f64 = 30.0;
const DOWN_PX: f64 = 16.0;
const LANE_GAP_PX: f64 = 14.0;
const AXIS_PX: f64 = 24.0;
/// More buckets than this are added up, since no screen shows them.
const BUCKETS_MAX: usize = 360;

/// The picture and what must be said under it.
pub(crate) struct LanesPicture {
    /// The SVG; empty where there is nothing to draw.
    pub(crate) svg: String,
    /// Width of one bucket as drawn, in microseconds.
    pub(crate) bucket_us: i64,
}

/// Draws the timeline. `intrusion` is shaded behind all lanes.
pub(crate) fn lanes(id: &str, timeline: &Timeline, intrusion: Option<Window>, zone: &Zone) -> LanesPicture {
    let Some(axis) = Axis::of(timeline) else { return LanesPicture { svg: String::new(), bucket_us: 0 } };
    let phases = phases_in(timeline);
    let lane_px = LANE_HEAD_PX + UP_PX + DOWN_PX + LANE_GAP_PX;
    let phases_px = if phases.is_empty() { 0.0 } else { phases.len() as f64 * PHASE_ROW_PX + 24.0 };
    let bottom = phases_px + timeline.lanes.len() as f64 * lane_px;

    let mut p = Picture::new(id);
    if let Some(window) = intrusion {
        let (x, width) = axis.across(window);
        p.rect("intrusion", x, 0.0, width, bottom);
    }
    for (t, label) in zone.ticks(axis.window, 6) {
        let x = axis.at(t);
        p.line("grid", (x, 0.0), (x, bottom));
        let anchor = if x.0 < 0.03 {
            Anchor::Start
        } else if x.0 > 0.96 {
            Anchor::End
        } else {
            Anchor::Middle
        };
        p.text("tick", x, bottom + 16.0, anchor, &label);
    }
    draw_phases(&mut p, timeline, &phases, &axis);
    for (i, lane) in timeline.lanes.iter().enumerate() {
        draw_lane(&mut p, lane, timeline, &axis, phases_px + i as f64 * lane_px);
    }
    let description = describe(timeline, &axis, zone);
    let bucket_us = axis.bucket_us.saturating_mul(i64::try_from(axis.per_drawn).unwrap_or(1));
    LanesPicture { svg: p.described(bottom + AXIS_PX, "Activity over time", &description), bucket_us }
}

/// Where one moment stands between the first and the last, as a thin rail for a line of a list.
pub(crate) fn track(window: Window, whole: Window) -> String {
    let axis = Axis { window: whole, bucket_us: 1, buckets: 1, per_drawn: 1 };
    let (x, width) = axis.across(window);
    let mut p = Picture::new("track");
    p.line("rail-line", (Share(0.0), 4.0), (Share(1.0), 4.0));
    p.rect("mark", x, 0.0, width, 8.0);
    p.decorative(8.0)
}

struct Axis {
    window: Window,
    bucket_us: i64,
    buckets: usize,
    per_drawn: usize,
}

impl Axis {
    fn of(timeline: &Timeline) -> Option<Axis> {
        let first = timeline.lanes.iter().find(|l| l.bucket_us > 0 && !l.total.is_empty())?;
        let buckets = timeline.lanes.iter().map(|l| l.total.len().max(l.intruder.len())).max()?;
        let span = first.bucket_us.saturating_mul(i64::try_from(buckets).ok()?);
        Some(Axis {
            window: Window { from: first.from, to: first.from.plus_us(span) },
            bucket_us: first.bucket_us,
            buckets,
            per_drawn: buckets.div_ceil(BUCKETS_MAX),
        })
    }

    fn at(&self, t: Instant) -> Share {
        let span = (self.window.to.0 as f64 - self.window.from.0 as f64).max(1.0);
        Share(((t.0 as f64 - self.window.from.0 as f64) / span).clamp(0.0, 1.0))
    }

    /// Start and width, wide enough to be seen.
    fn across(&self, w: Window) -> (Share, Share) {
        const SEEN: f64 = 0.004;
        let from = self.at(w.from).0;
        let width = (self.at(w.to).0 - from).max(SEEN);
        (Share(from.min(1.0 - SEEN)), Share(width))
    }
}

fn phases_in(timeline: &Timeline) -> Vec<Phase> {
    let mut phases: Vec<Phase> = timeline.moments.iter().map(|m| m.phase).collect();
    phases.sort_unstable();
    phases.dedup();
    phases
}

fn draw_phases(p: &mut Picture, timeline: &Timeline, phases: &[Phase], axis: &Axis) {
    for (row, phase) in phases.iter().enumerate() {
        let top = row as f64 * PHASE_ROW_PX;
        p.text("label halo", Share(0.0), top + 12.0, Anchor::Start, words::phase(*phase));
        p.line("rail-line", (Share(0.0), top + 22.0), (Share(1.0), top + 22.0));
        for moment in timeline.moments.iter().filter(|m| m.phase == *phase) {
            let (x, width) = axis.across(moment.window);
            let class = if *phase == Phase::Response { "moment response" } else { "moment" };
            p.rect(class, x, top + 18.0, width, 8.0);
        }
    }
}

fn draw_lane(p: &mut Picture, lane: &Lane, timeline: &Timeline, axis: &Axis, top: f64) {
    let total = summed(&lane.total, axis);
    let intruder = summed(&lane.intruder, axis);
    let base = top + LANE_HEAD_PX + UP_PX;
    let drawn = total.len().max(intruder.len());
    p.stretched_path("all", base - UP_PX, UP_PX, drawn, &columns(&total, UP_PX, true));
    p.stretched_path("theirs", base, DOWN_PX, drawn, &columns(&intruder, DOWN_PX, false));
    for gap in timeline.gaps.iter().filter(|g| g.source == lane.source) {
        let (x, width) = axis.across(gap.window);
        p.hatched_rect("gap", x, base - UP_PX, width, UP_PX + DOWN_PX);
    }
    p.line("base", (Share(0.0), base), (Share(1.0), base));
    p.text("label halo", Share(0.0), top + 12.0, Anchor::Start, &lane.source);
    let figures = format!("{} · intruder {}", count(lane.total.iter().sum()), count(lane.intruder.iter().sum()));
    p.text("figure halo", Share(1.0), top + 12.0, Anchor::End, &figures);
}

fn summed(buckets: &[u64], axis: &Axis) -> Vec<u64> {
    let mut full = buckets.to_vec();
    full.resize(axis.buckets, 0);
    full.chunks(axis.per_drawn.max(1)).map(|c| c.iter().fold(0u64, |a, b| a.saturating_add(*b))).collect()
}

/// Columns one unit wide, their heights by the square root of the count, so that a few events beside many stay visible.
fn columns(buckets: &[u64], height: f64, upwards: bool) -> String {
    let most = buckets.iter().copied().max().unwrap_or(0);
    let mut out = String::new();
    let mut i = 0;
    while i < buckets.len() {
        let run = buckets[i..].iter().take_while(|b| **b == buckets[i]).count();
        if buckets[i] > 0 {
            let h = ((buckets[i] as f64 / most as f64).sqrt() * height).max(2.0);
            let (start, sign) = if upwards { (height, "-") } else { (0.0, "") };
            let (start, h) = (trimmed(start), trimmed(h));
            let back = if upwards { "" } else { "-" };
            write!(out, "M{i} {start}v{sign}{h}h{run}v{back}{h}z").expect("writing to a String cannot fail");
        }
        i += run;
    }
    out
}

fn describe(timeline: &Timeline, axis: &Axis, zone: &Zone) -> String {
    let mut out = format!(
        "From {} to {}. {} lanes, one for each source: events of everybody upwards from the line, the intruder’s downwards.",
        zone.minute(axis.window.from).text,
        zone.minute(axis.window.to).text,
        timeline.lanes.len()
    );
    for lane in &timeline.lanes {
        let (total, theirs) = (lane.total.iter().sum(), lane.intruder.iter().sum());
        write!(out, " {}: {} events, of the intruder {}.", lane.source, count(total), count(theirs))
            .expect("writing to a String cannot fail");
    }
    if !timeline.gaps.is_empty() {
        write!(out, " {} gaps are hatched.", timeline.gaps.len()).expect("writing to a String cannot fail");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_merge_equal_neighbours_and_show_the_smallest() {
        assert_eq!(columns(&[0, 4, 4, 1, 0], 20.0, true), "M1 20v-20h2v20zM3 20v-10h1v10z");
        assert_eq!(columns(&[1_000_000, 1], 20.0, false), "M0 0v20h1v-20zM1 0v2h1v-2z");
    }

    #[test]
    fn many_buckets_are_added_up_and_none_lost() {
        let lane = Lane {
            source: "access".into(),
            from: Instant(0),
            bucket_us: 60_000_000,
            total: vec![1; 1000],
            intruder: vec![],
        };
        let timeline = Timeline { lanes: vec![lane.clone()], ..Timeline::default() };
        let axis = Axis::of(&timeline).expect("a lane");
        let drawn = summed(&lane.total, &axis);
        assert!(drawn.len() <= BUCKETS_MAX);
        assert_eq!(drawn.iter().sum::<u64>(), 1000);
        assert_eq!(lanes("t", &timeline, None, &Zone::named("UTC")).bucket_us, 180_000_000);
    }

    #[test]
    fn a_timeline_without_lanes_draws_nothing() {
        assert_eq!(lanes("t", &Timeline::default(), Some(Window::ALWAYS), &Zone::named("UTC")).svg, "");
    }
}
