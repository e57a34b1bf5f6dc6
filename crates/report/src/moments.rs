//! Moments and spans as people read them, in a stated time zone.

use jiff::tz::TimeZone;
use stanch_model::{Instant, Window};

/// A time zone with the name by which it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    tz: TimeZone,
    /// For people: the name, or that it is not known and UTC is shown.
    pub(crate) name: String,
}

/// A moment: for people, and exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct When {
    /// `2 Mar 2026, 22:14:05 +01:00`
    pub(crate) text: String,
    /// `2026-03-02T21:14:05Z`
    pub(crate) utc: String,
}

/// Beyond these a window's end is open (`Window::ALWAYS`).
const OPEN: i64 = 1 << 60;

impl Zone {
    /// The zone of that IANA name. An unknown name gives UTC and says so.
    pub(crate) fn named(name: &str) -> Zone {
        match TimeZone::get(name) {
            Ok(tz) => Zone { tz, name: name.to_owned() },
            Err(_) => Zone { tz: TimeZone::UTC, name: format!("UTC (no time zone is called {name:?})") },
        }
    }

    /// To the second.
    pub(crate) fn when(&self, t: Instant) -> When {
        When { text: self.format(t, "%-d %b %Y, %H:%M:%S %:z"), utc: exact(t) }
    }

    /// To the minute, for prose.
    pub(crate) fn minute(&self, t: Instant) -> When {
        When { text: self.format(t, "%-d %B %Y, %H:%M %:z"), utc: exact(t) }
    }

    /// To the minute with the day of the week, for deadlines.
    pub(crate) fn deadline(&self, t: Instant) -> When {
        When { text: self.format(t, "%A %-d %B %Y, %H:%M %:z"), utc: exact(t) }
    }

    /// First and last moment, to the second; an open end in words.
    pub(crate) fn span(&self, w: Window) -> (When, When) {
        let from = if w.from.0 <= -OPEN { open("the beginning") } else { self.when(w.from) };
        let to = if w.to.0 >= OPEN { open("the end") } else { self.when(w.to) };
        (from, to)
    }

    /// `from – to`, to the minute, the day said once where both share it.
    pub(crate) fn short_span(&self, w: Window) -> String {
        if w.from.0 <= -OPEN && w.to.0 >= OPEN {
            return "at any time".to_owned();
        }
        let day = |t| self.format(t, "%-d %b");
        let from = if w.from.0 <= -OPEN { "the beginning".to_owned() } else { self.format(w.from, "%-d %b, %H:%M") };
        if w.to.0 >= OPEN {
            return format!("{from} – the end");
        }
        let clock = self.format(w.to, "%H:%M");
        if w.from.0 > -OPEN && day(w.from) == day(w.to) {
            if from.ends_with(&clock) { from } else { format!("{from} – {clock}") }
        } else {
            format!("{from} – {}", self.format(w.to, "%-d %b, %H:%M"))
        }
    }

    /// `strftime` in this zone.
    pub(crate) fn format(&self, t: Instant, pattern: &str) -> String {
        t.to_jiff().to_zoned(self.tz.clone()).strftime(pattern).to_string()
    }

    /// Round moments inside a window, at most `most` of them, each with a short label, for an axis.
    pub(crate) fn ticks(&self, w: Window, most: usize) -> Vec<(Instant, String)> {
        const HOUR: i64 = 3_600_000_000;
        const DAY: i64 = 24 * HOUR;
        const STEPS: [i64; 14] = [
            HOUR / 60,
            HOUR / 12,
            HOUR / 4,
            HOUR,
            3 * HOUR,
            6 * HOUR,
            12 * HOUR,
            DAY,
            2 * DAY,
            7 * DAY,
            14 * DAY,
            30 * DAY,
            90 * DAY,
            365 * DAY,
        ];
        let span = w.to.0.saturating_sub(w.from.0).max(1);
        let most = i64::try_from(most.max(1)).unwrap_or(1);
        let step = STEPS.iter().copied().find(|s| span / s < most).unwrap_or(span / most + 1);
        let Ok(midnight) = w.from.to_jiff().to_zoned(self.tz.clone()).start_of_day() else { return Vec::new() };
        let mut out = Vec::new();
        let mut at = Instant::from(midnight.timestamp());
        while at <= w.to && out.len() < 200_000 {
            // A day is not always 24 hours; the label is of the midnight nearest to the step.
            let shown = if step >= DAY { self.midnight_near(at) } else { at };
            if w.contains(shown) {
                let pattern = if step >= DAY || self.format(shown, "%H:%M") == "00:00" { "%-d %b" } else { "%H:%M" };
                out.push((shown, self.format(shown, pattern)));
            }
            at = at.plus_us(step);
        }
        out
    }

    fn midnight_near(&self, t: Instant) -> Instant {
        let half_day_on = t.plus_us(12 * 3_600_000_000).to_jiff().to_zoned(self.tz.clone());
        half_day_on.start_of_day().map_or(t, |z| Instant::from(z.timestamp()))
    }
}

fn exact(t: Instant) -> String {
    t.to_string()
}

fn open(words: &str) -> When {
    When { text: words.to_owned(), utc: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: &str) -> Instant {
        s.parse().expect("a moment")
    }

    #[test]
    fn moments_show_the_zone_they_are_in_and_keep_utc() {
        let berlin = Zone::named("Europe/Berlin");
        let when = berlin.when(at("2026-03-02T21:14:05Z"));
        assert_eq!(when.text, "2 Mar 2026, 22:14:05 +01:00");
        assert_eq!(when.utc, "2026-03-02T21:14:05Z");
    }

    #[test]
    fn an_unknown_zone_is_said_and_shown_in_utc() {
        let zone = Zone::named("Mars/Olympus");
        assert_eq!(zone.when(Instant(0)).text, "1 Jan 1970, 00:00:00 +00:00");
        assert!(zone.name.contains("Mars/Olympus"));
    }

    #[test]
    fn open_windows_and_moments_beyond_the_calendar_do_not_panic() {
        let zone = Zone::named("UTC");
        assert_eq!(zone.short_span(Window::ALWAYS), "at any time");
        let (from, to) = zone.span(Window::ALWAYS);
        assert_eq!((from.text.as_str(), to.text.as_str()), ("the beginning", "the end"));
        assert!(zone.ticks(Window::ALWAYS, 6).len() < 20);
    }

    #[test]
    fn ticks_stand_on_local_midnights_across_a_change_of_clocks() {
        let zone = Zone::named("Europe/Berlin");
        let week = Window { from: at("2026-03-27T10:00:00Z"), to: at("2026-03-31T10:00:00Z") };
        let labels: Vec<_> =
            zone.ticks(week, 6).into_iter().map(|(t, l)| format!("{l} {}", zone.format(t, "%H:%M"))).collect();
        assert_eq!(labels, ["28 Mar 00:00", "29 Mar 00:00", "30 Mar 00:00", "31 Mar 00:00"]);
    }
}
