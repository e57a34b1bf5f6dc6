//! The year that syslog's old times leave out.

use super::{SECOND_US, behind_year, day_of_month, of_day};
use crate::clock::{Clock, TimeFault, days, month, two};
use stanch_model::Instant;

const DAY_S: i64 = 86_400;

/// Turns the times of one file's envelopes into moments. Where they carry no year, the first has the one that was
/// stated, else the last in which it is not later than now; from there on the year follows the months.
#[derive(Clone, Debug)]
pub(crate) struct Years {
    stated: Option<i64>,
    now: Option<Instant>,
    /// Year, month and day of the last line without a year.
    last: Option<(i64, i64, i64)>,
    assumed: Option<i64>,
}

impl Years {
    /// `stated` is the first line's year, `now` a moment that no line is later than.
    pub(crate) fn new(stated: Option<i32>, now: Option<Instant>) -> Years {
        Years { stated: stated.map(i64::from), now, last: None, assumed: None }
    }

    /// The moment of an envelope's time.
    pub(crate) fn instant(&mut self, time: &str, clock: &mut Clock) -> Result<Instant, TimeFault> {
        let b = time.as_bytes();
        if b.first().is_some_and(u8::is_ascii_digit) {
            return clock.any(time);
        }
        let month = b.get(..3).and_then(month).ok_or(TimeFault::NotATime)?;
        let (day, after_day) = day_of_month(b).ok_or(TimeFault::NotATime)?;
        let at = behind_year(b, after_day);
        let written = if at > after_day { two(b, after_day).zip(two(b, after_day + 2)) } else { None };
        let (of_day_us, _) = of_day(b, at).ok_or(TimeFault::NotATime)?;
        let mut moment = |year: i64| {
            let local = days(year, month, day)? * DAY_S * SECOND_US + of_day_us;
            clock.local(local)
        };
        if let Some((century, rest)) = written {
            return moment(century * 100 + rest).ok_or(TimeFault::NotATime);
        }
        let Some((last_year, last_month, last_day)) = self.last else {
            let year = self.first_year(&mut moment)?;
            let first = moment(year).ok_or(TimeFault::NotATime)?;
            self.last = Some((year, month, day));
            self.assumed = Some(year);
            return Ok(first);
        };
        let is_late = (last_month, last_day) <= (1, 7) && (month, day) >= (12, 25);
        let year = if is_late {
            // A line of the old year that was written after the first of the new.
            return moment(last_year - 1).ok_or(TimeFault::NotATime);
        } else if last_month - month >= 6 {
            last_year + 1
        } else {
            last_year
        };
        let found = moment(year).ok_or(TimeFault::NotATime)?;
        self.last = Some((year, month, day));
        Ok(found)
    }

    fn first_year(&self, moment: &mut impl FnMut(i64) -> Option<Instant>) -> Result<i64, TimeFault> {
        if let Some(stated) = self.stated {
            return Ok(stated);
        }
        let now = self.now.ok_or(TimeFault::NoYear)?;
        // A day of grace, since the line's clock and zone may be off. Leap days come every eighth year at the rarest.
        let latest = now.plus_us(DAY_S * SECOND_US);
        let this_year = i64::from(now.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).year());
        (this_year - 8..=this_year + 1)
            .rev()
            .find(|year| moment(*year).is_some_and(|t| t <= latest))
            .ok_or(TimeFault::NotATime)
    }

    /// What was taken for granted, for the account, once a line needed it.
    pub(crate) fn remark(&self) -> Option<String> {
        let year = self.assumed?;
        Some(if self.stated.is_some() {
            format!("its times carry no year: its first line is from {year}, as the store file states")
        } else {
            format!(
                "its times carry no year: its first line is taken to be from {year}, the last in which it is not in the \
                 future; state year for this log in the store file if that is wrong"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn clock() -> Clock {
        Clock::new(TimeZone::get("Europe/Berlin").unwrap(), Arc::new(BTreeMap::new()))
    }

    fn read(years: &mut Years, times: &[&str]) -> Vec<String> {
        let mut clock = clock();
        let read = |t: &&str| years.instant(t, &mut clock).map_or_else(|e| format!("{e:?}"), |t| t.to_string());
        times.iter().map(read).collect()
    }

    fn now() -> Option<Instant> {
        clock().any("2026-03-02T12:00:00Z").ok()
    }

    #[test]
    fn the_year_is_the_last_that_is_not_in_the_future_and_rolls_over() {
        let mut years = Years::new(None, now());
        assert_eq!(
            read(
                &mut years,
                &["Dec 31 23:59:59", "Jan  1 00:00:01", "Dec 31 23:59:58", "Jan  1 00:00:02", "Mar  2 12:00:00"]
            ),
            [
                "2025-12-31T22:59:59Z",
                "2025-12-31T23:00:01Z",
                "2025-12-31T22:59:58Z",
                "2025-12-31T23:00:02Z",
                "2026-03-02T11:00:00Z"
            ]
        );
        assert!(years.remark().is_some_and(|r| r.contains("2025")));
        assert_eq!(read(&mut Years::new(None, now()), &["Mar  3 11:00:00"]), ["2026-03-03T10:00:00Z"]);
        assert_eq!(read(&mut Years::new(None, now()), &["Mar  4 13:00:00"]), ["2025-03-04T12:00:00Z"]);
        assert_eq!(read(&mut Years::new(None, now()), &["Feb 29 13:00:00"]), ["2024-02-29T12:00:00Z"]);
    }

    #[test]
    fn a_stated_year_goes_before_and_without_any_there_is_no_moment() {
        let mut years = Years::new(Some(2019), now());
        assert_eq!(
            read(&mut years, &["Nov  2 10:00:00", "Feb  3 10:00:00", "Jan 30 10:00:00"]),
            ["2019-11-02T09:00:00Z", "2020-02-03T09:00:00Z", "2020-01-30T09:00:00Z"]
        );
        let mut unknown = Years::new(None, None);
        assert_eq!(
            read(&mut unknown, &["Nov  2 10:00:00", "Nov  2 2020 10:00:00", "2020-01-02T03:04:05Z"]),
            ["NoYear", "2020-11-02T09:00:00Z", "2020-01-02T03:04:05Z"]
        );
        assert_eq!(unknown.remark(), None);
    }

    #[test]
    fn a_day_that_does_not_exist_is_no_moment() {
        assert_eq!(
            read(&mut Years::new(Some(2023), None), &["Feb 29 10:00:00", "Feb 30 10:00:00"]),
            ["NotATime", "NotATime"]
        );
        let mut clock = clock();
        for text in ["", "Mar", "Mar  x 10:00:00", "Mär  2 10:00:00", "Mar  2 10:00"] {
            assert_eq!(Years::new(Some(2023), None).instant(text, &mut clock), Err(TimeFault::NotATime), "{text}");
        }
    }
}
