//! When an address was there, and when somebody else was at it.

use stanch_model::{Instant, Window};
use std::collections::BTreeMap;

const MINUTE_US: i64 = 60_000_000;
/// A silence longer than this ends a presence: whoever comes after it may be somebody else.
const SILENCE_US: i64 = 6 * 60 * MINUTE_US;

/// One address's events by minute.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    minutes: BTreeMap<i64, Minute>,
}

#[derive(Clone, Copy, Debug)]
struct Minute {
    window: Window,
    /// Somebody whom no detection proposes was logged in there, or used a key or role.
    foreign: bool,
}

impl Presence {
    pub(crate) fn add(&mut self, time: Instant, foreign: bool) {
        let window = Window { from: time, to: time };
        let minute = self.minutes.entry(time.0.div_euclid(MINUTE_US)).or_insert(Minute { window, foreign });
        minute.window = minute.window.stretched_to(time);
        minute.foreign |= foreign;
    }

    /// The window with all that comes before and after it without a long silence and without somebody else.
    pub(crate) fn around(&self, window: Window) -> Window {
        let mut out = window;
        let from = window.from.0.div_euclid(MINUTE_US);
        for (_, minute) in self.minutes.range(..=from).rev() {
            if minute.foreign || out.from.0.saturating_sub(minute.window.to.0) > SILENCE_US {
                break;
            }
            out.from = out.from.min(minute.window.from);
        }
        let to = window.to.0.div_euclid(MINUTE_US);
        for (_, minute) in self.minutes.range(to..) {
            if minute.foreign || minute.window.from.0.saturating_sub(out.to.0) > SILENCE_US {
                break;
            }
            out.to = out.to.max(minute.window.to);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(events: &[(i64, bool)]) -> (i64, i64) {
        let mut presence = Presence::default();
        let at = |minute: i64| Instant(minute * MINUTE_US);
        events.iter().for_each(|(minute, foreign)| presence.add(at(*minute), *foreign));
        let window = presence.around(Window { from: at(1000), to: at(1010) });
        (window.from.0 / MINUTE_US, window.to.0 / MINUTE_US)
    }

    #[test]
    fn a_presence_reaches_over_all_that_is_near() {
        assert_eq!(around(&[(700, false), (1000, false), (1010, false), (1200, false)]), (700, 1200));
    }

    #[test]
    fn a_long_silence_ends_it() {
        assert_eq!(around(&[(100, false), (1000, false), (1010, false), (1400, false)]), (1000, 1010));
    }

    #[test]
    fn somebody_else_at_the_address_ends_it() {
        let events =
            [(900, false), (950, true), (990, false), (1000, false), (1010, false), (1020, true), (1030, false)];
        assert_eq!(around(&events), (990, 1010));
    }
}
