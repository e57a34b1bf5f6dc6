//! Counting: from a moment and a number to the instant by which a duty is due.
//!
//! Hours are clock hours. Days are counted from the day after the moment's local date, to the end (23:59:59) of the
//! last. Business days are Mondays to Fridays; public holidays are not left out, which can only make a deadline
//! earlier than the law's. A last day that is no business day is not moved either, for the same reason.

use crate::law::{Deadline, MomentWord, Placed};
use jiff::civil::{Date, Weekday, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use stanch_model::Instant;
use stanch_model::store::Moments;

/// A unit that laws count in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Hours,
    Days,
    BusinessDays,
    Months,
}

impl Deadline {
    /// The unit and the fact with the number, where the deadline has one.
    pub(crate) fn number(&self) -> Option<(Unit, &Placed)> {
        let numbers = [
            (Unit::Hours, &self.hours),
            (Unit::Days, &self.days),
            (Unit::BusinessDays, &self.business_days),
            (Unit::Months, &self.months),
        ];
        numbers.into_iter().find_map(|(unit, number)| number.as_ref().map(|n| (unit, n)))
    }
}

impl MomentWord {
    pub(crate) const ALL: [MomentWord; 5] = [
        MomentWord::Discovered,
        MomentWord::BecameAware,
        MomentWord::Determined,
        MomentWord::Occurred,
        MomentWord::Notified,
    ];

    pub(crate) fn of(self, moments: &Moments) -> Option<Instant> {
        match self {
            MomentWord::Occurred => moments.occurred,
            MomentWord::Discovered => moments.discovered,
            MomentWord::BecameAware => moments.became_aware,
            MomentWord::Determined => moments.determined,
            MomentWord::Notified => moments.notified,
        }
    }

    /// After "from" or "when".
    pub(crate) fn words(self) -> &'static str {
        match self {
            MomentWord::Occurred => "the breach occurred",
            MomentWord::Discovered => "the breach was discovered",
            MomentWord::BecameAware => "the store became aware",
            MomentWord::Determined => "the store determined that there was a breach",
            MomentWord::Notified => "people were notified",
        }
    }
}

/// The instant at which `number` units after `start` are over; nothing past the end of the calendar.
pub(crate) fn end_of(unit: Unit, number: u64, start: Instant, zone: &TimeZone) -> Option<Instant> {
    let number = i32::try_from(number).ok()?;
    let local = start.to_jiff().to_zoned(zone.clone());
    let day = local.date();
    match unit {
        Unit::Hours => {
            let end = start.to_jiff().checked_add(SignedDuration::from_hours(i64::from(number))).ok()?;
            Some(Instant::from(end))
        }
        Unit::Days => end_of_day(day.checked_add(number.days()).ok()?, zone),
        Unit::Months => end_of_day(day.checked_add(number.months()).ok()?, zone),
        Unit::BusinessDays => end_of_day(business_days_after(day, number)?, zone),
    }
}

fn business_days_after(mut day: Date, number: i32) -> Option<Date> {
    let mut left = number;
    while left > 0 {
        day = day.tomorrow().ok()?;
        if !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
            left -= 1;
        }
    }
    Some(day)
}

fn end_of_day(day: Date, zone: &TimeZone) -> Option<Instant> {
    let end = day.to_datetime(time(23, 59, 59, 0)).to_zoned(zone.clone()).ok()?;
    Some(Instant::from(end.timestamp()))
}

/// The rule in words: `72 clock hours from when the store became aware; nights, weekends and holidays count`.
pub(crate) fn counting(unit: Unit, number: u64, from: &[MomentWord], zone: &str) -> String {
    let start = words_of(from);
    let start = if from.len() > 1 { format!("{start}, whichever was earlier") } else { start };
    match unit {
        Unit::Hours => format!("{number} clock hours from when {start}; nights, weekends and holidays count"),
        Unit::Days => format!(
            "{number} calendar days, beginning the day after {start}, to the end of the last day in {zone}; \
             weekends and holidays count"
        ),
        Unit::BusinessDays => format!(
            "{number} business days, beginning after the day on which {start}, to the end of the last day in {zone}; \
             Mondays to Fridays count, public holidays among them, to be on the safe side"
        ),
        Unit::Months => {
            format!("{number} calendar months from the day on which {start}, to the end of the last day in {zone}")
        }
    }
}

/// `the breach was discovered or the store became aware`.
pub(crate) fn words_of(from: &[MomentWord]) -> String {
    from.iter().map(|m| m.words()).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(unit: Unit, number: u64, start: &str, zone: &str) -> String {
        let zone = TimeZone::get(zone).unwrap();
        end_of(unit, number, start.parse().unwrap(), &zone).unwrap().to_string()
    }

    #[test]
    fn hours_run_through_weekends_and_the_change_to_summer_time() {
        // Berlin puts its clocks forward on 29 March 2026.
        assert_eq!(end(Unit::Hours, 72, "2026-03-27T12:00:00Z", "Europe/Berlin"), "2026-03-30T12:00:00Z");
    }

    #[test]
    fn days_begin_on_the_local_day_after_and_end_at_its_last_second() {
        // 05:30 UTC on the 3rd is still the evening of the 2nd in California.
        assert_eq!(end(Unit::Days, 30, "2026-03-03T05:30:00Z", "America/Los_Angeles"), "2026-04-02T06:59:59Z");
        assert_eq!(end(Unit::Days, 30, "2026-03-03T05:30:00Z", "America/New_York"), "2026-04-03T03:59:59Z");
        assert_eq!(end(Unit::Days, 1, "2028-02-28T12:00:00Z", "UTC"), "2028-02-29T23:59:59Z");
    }

    #[test]
    fn business_days_skip_saturday_and_sunday() {
        // Friday 6 March 2026.
        assert_eq!(end(Unit::BusinessDays, 1, "2026-03-06T12:00:00Z", "UTC"), "2026-03-09T23:59:59Z");
        assert_eq!(end(Unit::BusinessDays, 5, "2026-03-06T12:00:00Z", "UTC"), "2026-03-13T23:59:59Z");
    }

    #[test]
    fn a_month_from_the_last_of_january_ends_with_february() {
        assert_eq!(end(Unit::Months, 1, "2026-01-31T12:00:00Z", "UTC"), "2026-02-28T23:59:59Z");
    }

    #[test]
    fn a_deadline_past_the_end_of_the_calendar_is_none() {
        assert_eq!(end_of(Unit::Days, u64::MAX, Instant(0), &TimeZone::UTC), None);
        assert_eq!(end_of(Unit::Hours, 2_000_000_000, Instant(i64::MAX), &TimeZone::UTC), None);
        assert_eq!(end_of(Unit::BusinessDays, 2_000_000_000, Instant(0), &TimeZone::UTC), None);
    }
}
