//! The passing of time in a log, and how logs write it.

use super::chance::Chance;
use std::io::Write as _;

/// A clock that moves on by chance around a mean step, and keeps its last second's text.
pub(super) struct Clock {
    us: u64,
    step_us: u64,
    combined_second: u64,
    combined: Vec<u8>,
    plain_second: u64,
    plain: Vec<u8>,
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Clock {
    /// Starts at a Unix second; moves on by 0 to twice `step_us`.
    pub(super) fn starting(second: u64, step_us: u64) -> Clock {
        let never = u64::MAX;
        Clock {
            us: second * 1_000_000,
            step_us: step_us.max(1),
            combined_second: never,
            combined: Vec::new(),
            plain_second: never,
            plain: Vec::new(),
        }
    }

    pub(super) fn tick(&mut self, chance: &mut Chance) {
        self.us += chance.below(2 * self.step_us + 1);
    }

    /// Jumps ahead.
    pub(super) fn skip(&mut self, seconds: u64) {
        self.us += seconds * 1_000_000;
    }

    /// `02/Mar/2026:21:14:05 +0000`
    pub(super) fn combined(&mut self) -> &[u8] {
        let second = self.us / 1_000_000;
        if second != self.combined_second {
            self.combined_second = second;
            self.combined.clear();
            let (y, m, d) = civil(second / 86_400);
            let (h, min, s) = clock(second);
            let month = MONTHS[m as usize - 1];
            // Writing to memory does not fail.
            let _ = write!(self.combined, "{d:02}/{month}/{y}:{h:02}:{min:02}:{s:02} +0000");
        }
        &self.combined
    }

    /// `2026-03-02 21:14:05` and the milliseconds.
    pub(super) fn plain(&mut self) -> (&str, u64) {
        let second = self.us / 1_000_000;
        if second != self.plain_second {
            self.plain_second = second;
            self.plain.clear();
            let (y, m, d) = civil(second / 86_400);
            let (h, min, s) = clock(second);
            let _ = write!(self.plain, "{y}-{m:02}-{d:02} {h:02}:{min:02}:{s:02}");
        }
        (std::str::from_utf8(&self.plain).unwrap_or(""), self.us / 1000 % 1000)
    }
}

fn clock(second: u64) -> (u64, u64, u64) {
    (second / 3600 % 24, second / 60 % 60, second % 60)
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + u64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_514), (2026, 3, 2));
    }
}
