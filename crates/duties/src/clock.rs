//! How long is left until a duty is due, in words.

use stanch_model::{Duty, Instant};
use std::fmt;

/// How a duty stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// There is no instant by which it is due: the law gives no number, or the moment that starts it is unknown.
    NoDeadline,
    /// It is still in time, by so many microseconds.
    Left {
        /// Microseconds until it is due; 0 at the very instant.
        us: i64,
    },
    /// It is late, by so many microseconds.
    Overdue {
        /// Microseconds since it was due; at least 1.
        us: i64,
    },
}

/// How a duty's deadline stands at `now`. Says nothing of whether the duty arises, or has been done.
pub fn clock(duty: &Duty, now: Instant) -> Clock {
    match duty.due {
        None => Clock::NoDeadline,
        Some(due) if now <= due => Clock::Left { us: due.0.saturating_sub(now.0) },
        Some(due) => Clock::Overdue { us: now.0.saturating_sub(due.0) },
    }
}

impl fmt::Display for Clock {
    /// `58 h 12 min left`, `12 days 5 h left`, `overdue by 3 days`, `no fixed deadline`. Rounded down to the
    /// smaller unit, so that nothing looks longer than it is; a lateness of less than a minute shows as one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Clock::NoDeadline => f.write_str("no fixed deadline"),
            Clock::Left { us } => write!(f, "{} left", span(us / MINUTE_US)),
            Clock::Overdue { us } => write!(f, "overdue by {}", lateness((us / MINUTE_US).max(1))),
        }
    }
}

const MINUTE_US: i64 = 60_000_000;
const DAY_MINUTES: i64 = 24 * 60;

fn span(minutes: i64) -> String {
    let (hours, rest) = (minutes / 60, minutes % 60);
    match minutes {
        0..60 => format!("{minutes} min"),
        _ if minutes <= 4 * DAY_MINUTES => format!("{hours} h {rest} min"),
        _ => format!("{} days {} h", minutes / DAY_MINUTES, hours % 24),
    }
}

fn lateness(minutes: i64) -> String {
    match minutes {
        _ if minutes < 2 * DAY_MINUTES => span(minutes),
        _ => format!("{} days", minutes / DAY_MINUTES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(left_s: i64) -> String {
        let clock = if left_s >= 0 {
            Clock::Left { us: left_s * 1_000_000 }
        } else {
            Clock::Overdue { us: -left_s * 1_000_000 }
        };
        clock.to_string()
    }

    #[test]
    fn it_reads_as_somebody_would_say_it() {
        assert_eq!(words(58 * 3600 + 12 * 60 + 59), "58 h 12 min left");
        assert_eq!(words(12 * 86_400 + 5 * 3600 + 1), "12 days 5 h left");
        assert_eq!(words(59), "0 min left");
        assert_eq!(words(-1), "overdue by 1 min");
        assert_eq!(words(-3600), "overdue by 1 h 0 min");
        assert_eq!(words(-3 * 86_400 - 5), "overdue by 3 days");
        assert_eq!(Clock::NoDeadline.to_string(), "no fixed deadline");
    }
}
