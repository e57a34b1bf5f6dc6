//! Reads the ways in which logs write a moment. Parsed by hand: a time stands in every line.

mod month_first;
mod words;

pub(crate) use words::MONTHS;

use jiff::tz::{AmbiguousOffset, TimeZone};
use stanch_model::Instant;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

const SECOND_US: i64 = 1_000_000;
const HOUR_US: i64 = 3_600 * SECOND_US;
const DAY_US: i64 = 24 * HOUR_US;

/// Why a text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeFault {
    /// It is not written as one.
    NotATime,
    /// It is, in a time zone whose abbreviation nobody knows.
    UnknownZone,
    /// It is, without its year, and nobody said which.
    NoYear,
}

impl TimeFault {
    /// The words for an unread line.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            TimeFault::NotATime => "no time that can be read",
            TimeFault::UnknownZone => "a time zone that is not known; state time_zone for this log in the store file",
            TimeFault::NoYear => "the year is missing; state it with year = … for this log in the store file",
        }
    }
}

/// The offsets that a quarter of an hour has in a zone, in microseconds east of UTC.
#[derive(Clone, Copy, Default)]
struct Offsets {
    first: i64,
    /// When a clock change repeats it: that of its second run.
    again: Option<i64>,
}

/// Where a clock is in an hour that a clock change repeats.
#[derive(Clone, Default)]
struct Fold {
    /// The latest local time of this run.
    last: Option<i64>,
    is_second: bool,
}

impl Fold {
    /// The offset of a local time that occurs twice: its first run's until times go back by more than lines out of their
    /// order do.
    fn offset(&mut self, local: i64, first: i64, again: i64) -> i64 {
        let length = first - again;
        match self.last {
            // Two times of the same hour are less than its length apart.
            Some(last) if (local - last).abs() < length => {
                if !self.is_second && last - local >= length / 6 {
                    self.is_second = true;
                    self.last = Some(local);
                } else {
                    self.last = Some(last.max(local));
                }
            }
            _ => *self = Fold { last: Some(local), is_second: false },
        }
        Repeats::count(self.is_second);
        if self.is_second { again } else { first }
    }
}

thread_local! {
    /// What clocks came across on this thread since somebody asked. A reader owns its clocks, and whoever gives it lines
    /// knows when it reads and when it is only tried.
    static REPEATS: Cell<Repeats> = const { Cell::new(Repeats { first: 0, second: 0 }) };
}

/// Times without a zone in an hour that a clock change repeats, by the run that they were taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repeats {
    pub(crate) first: u64,
    pub(crate) second: u64,
}

impl Repeats {
    fn count(is_second: bool) {
        REPEATS.with(|cell| {
            let mut all = cell.get();
            if is_second {
                all.second += 1
            } else {
                all.first += 1
            }
            cell.set(all);
        });
    }

    /// Those since the last time, on this thread.
    pub(crate) fn take() -> Repeats {
        REPEATS.with(Cell::take)
    }

    pub(crate) fn add(&mut self, more: Repeats) {
        self.first += more.first;
        self.second += more.second;
    }

    pub(crate) fn any(self) -> bool {
        self.first + self.second > 0
    }
}

/// Turns written times into moments. Keeps what it worked out last, since neighbours share their hour.
#[derive(Clone)]
pub(crate) struct Clock {
    zone: TimeZone,
    abbreviations: Arc<BTreeMap<String, i64>>,
    clf_hour: ([u8; 20], i64),
    local: (i64, Offsets),
    fold: Fold,
    named: (String, i64, i64),
}

impl Clock {
    /// `zone` is for times that carry none, and for abbreviations that it uses itself; `abbreviations` gives the
    /// others in microseconds east of UTC.
    pub(crate) fn new(zone: TimeZone, abbreviations: Arc<BTreeMap<String, i64>>) -> Clock {
        Clock {
            zone,
            abbreviations,
            clf_hour: ([0; 20], 0),
            local: (i64::MIN, Offsets::default()),
            fold: Fold::default(),
            named: (String::new(), i64::MIN, 0),
        }
    }

    /// `10/Oct/2000:13:55:36 -0700`, as web servers write it.
    pub(crate) fn clf(&mut self, text: &str) -> Option<Instant> {
        let b = text.as_bytes();
        if b.len() != 26 || b[14] != b':' || b[17] != b':' || b[20] != b' ' {
            return None;
        }
        let mut key = [0u8; 20];
        key[..14].copy_from_slice(&b[..14]);
        key[14..].copy_from_slice(&b[20..26]);
        if key != self.clf_hour.0 {
            self.clf_hour = (key, clf_hour(b)?);
        }
        let (minute, second) = (two(b, 15)?, two(b, 18)?);
        if minute > 59 || second > 60 {
            return None;
        }
        Some(Instant(self.clf_hour.1 + (minute * 60 + second) * SECOND_US))
    }

    /// `2026-03-02 21:14:05.123 UTC`, `2026-03-02T21:14:05+01:00` and their like; without a zone, in the clock's own.
    pub(crate) fn iso(&mut self, text: &str) -> Result<Instant, TimeFault> {
        let (local, rest) = local_us(text).ok_or(TimeFault::NotATime)?;
        self.in_zone(local, rest)
    }

    /// A local time in the zone that is written behind it, or else in the clock's own.
    fn in_zone(&mut self, local: i64, zone: &str) -> Result<Instant, TimeFault> {
        let zone = zone.trim();
        let offset = match zone {
            "" => self.own_offset(local).ok_or(TimeFault::NotATime)?,
            "Z" | "z" | "UTC" | "GMT" | "UCT" => 0,
            _ => match numeric_offset(zone.split('[').next().unwrap_or(zone)) {
                Some(offset) => offset,
                None => self.named_offset(zone, local)?,
            },
        };
        Ok(Instant(local - offset))
    }

    /// A date and time of day, as microseconds since 1970 as if it were UTC, in the clock's own zone.
    pub(crate) fn local(&mut self, local: i64) -> Option<Instant> {
        Some(Instant(local - self.own_offset(local)?))
    }

    /// Any of the ways above, or a number of seconds, milli-, micro- or nanoseconds since 1970 told by its size.
    pub(crate) fn any(&mut self, text: &str) -> Result<Instant, TimeFault> {
        let text = text.trim();
        let b = text.as_bytes();
        if b.len() > 4 && b[..4].iter().all(u8::is_ascii_digit) && matches!(b[4], b'-' | b'/') {
            match self.iso(text) {
                Err(TimeFault::NotATime) => {}
                read => return read,
            }
        }
        if let Some(t) = epoch(text) {
            return Ok(t);
        }
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if let Some(local) = month_first::local_us(bare) {
            return self.own_offset(local).map(|offset| Instant(local - offset)).ok_or(TimeFault::NotATime);
        }
        if let Some(t) = self.clf(bare) {
            return Ok(t);
        }
        match words::local_us(bare) {
            Some((local, zone)) => self.in_zone(local, zone),
            None => self.iso(bare),
        }
    }

    /// A date and time of day, as microseconds since 1970 as if it were UTC, with its offset or its zone's name if it
    /// has one; else in the clock's own zone.
    pub(crate) fn moment(&mut self, local: i64, offset_us: Option<i64>, zone: &str) -> Option<Instant> {
        let offset = match (offset_us, zone) {
            (Some(offset), _) => offset,
            (None, "") => self.own_offset(local)?,
            (None, "UTC" | "GMT" | "UCT") => 0,
            (None, name) => self.named_offset(name, local).ok()?,
        };
        Some(Instant(local - offset))
    }

    /// The offset of the clock's own zone at a local time. An hour that a clock change repeats counts as its first run until
    /// times go back in it.
    fn own_offset(&mut self, local: i64) -> Option<i64> {
        // Zones change on quarters of an hour.
        let quarter = local.div_euclid(HOUR_US / 4);
        if self.local.0 != quarter {
            let start = quarter * (HOUR_US / 4);
            let wall = jiff::Timestamp::from_microsecond(start).ok()?.to_zoned(TimeZone::UTC).datetime();
            let ambiguous = self.zone.to_ambiguous_timestamp(wall);
            let again = match ambiguous.offset() {
                AmbiguousOffset::Fold { after, .. } => Some(i64::from(after.seconds()) * SECOND_US),
                _ => None,
            };
            let moment = ambiguous.compatible().ok()?;
            self.local = (quarter, Offsets { first: start - moment.as_microsecond(), again });
        }
        let Offsets { first, again } = self.local.1;
        Some(again.map_or(first, |again| self.fold.offset(local, first, again)))
    }

    /// The offset that an abbreviation stands for: in the clock's own zone if that uses it around then, else by the table.
    fn named_offset(&mut self, name: &str, local: i64) -> Result<i64, TimeFault> {
        let hour = local.div_euclid(HOUR_US);
        if self.named.1 == hour && self.named.0 == name {
            return Ok(self.named.2);
        }
        let own = [0, -DAY_US, DAY_US].into_iter().find_map(|away| {
            let moment = jiff::Timestamp::from_microsecond(local.saturating_add(away)).ok()?;
            let info = self.zone.to_offset_info(moment);
            (info.abbreviation() == name).then(|| i64::from(info.offset().seconds()) * SECOND_US)
        });
        let in_table = || self.abbreviations.get(name).copied();
        let offset = own.or_else(in_table).or_else(|| iana_offset(name, local)).ok_or(TimeFault::UnknownZone)?;
        self.named = (name.to_owned(), hour, offset);
        Ok(offset)
    }
}

/// The offset of `Europe/Berlin` and its like at a local time.
fn iana_offset(name: &str, local: i64) -> Option<i64> {
    if !name.contains('/') {
        return None;
    }
    let zone = TimeZone::get(name).ok()?;
    let wall = jiff::Timestamp::from_microsecond(local).ok()?.to_zoned(TimeZone::UTC).datetime();
    Some(local - zone.to_ambiguous_timestamp(wall).compatible().ok()?.as_microsecond())
}

/// A month's number by its English abbreviation.
pub(crate) fn month(name: &[u8]) -> Option<i64> {
    Some(match name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// The moment at which the hour of a CLF time begins.
fn clf_hour(b: &[u8]) -> Option<i64> {
    if b[2] != b'/' || b[6] != b'/' || b[11] != b':' {
        return None;
    }
    let month = month(&b[3..6])?;
    let (day, year, hour) = (two(b, 0)?, two(b, 7)? * 100 + two(b, 9)?, two(b, 12)?);
    let sign = match b[21] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let offset = sign * (two(b, 22)? * 3_600 + two(b, 24)? * 60);
    Some((days(year, month, day)? * 86_400 + check(hour, 23)? * 3_600 - offset) * SECOND_US)
}

/// A date and time of day as microseconds since 1970 as if it were UTC, and what stands after it.
pub(crate) fn local_us(text: &str) -> Option<(i64, &str)> {
    let b = text.as_bytes();
    if b.len() < 19 || !matches!(b[4], b'-' | b'/') || b[7] != b[4] || b[13] != b':' || b[16] != b':' {
        return None;
    }
    if !matches!(b[10], b'T' | b't' | b' ' | b'_') {
        return None;
    }
    let date = days(two(b, 0)? * 100 + two(b, 2)?, two(b, 5)?, two(b, 8)?)?;
    let seconds = check(two(b, 11)?, 23)? * 3_600 + check(two(b, 14)?, 59)? * 60 + check(two(b, 17)?, 60)?;
    let mut at = 19;
    let mut fraction = 0;
    if b.len() > 20 && matches!(b[19], b'.' | b',') && b[20].is_ascii_digit() {
        at = 20;
        let mut unit = SECOND_US / 10;
        while at < b.len() && b[at].is_ascii_digit() {
            fraction += i64::from(b[at] - b'0') * unit;
            unit /= 10;
            at += 1;
        }
    }
    Some((date * DAY_US + seconds * SECOND_US + fraction, text.get(at..)?))
}

/// `+01`, `+0100`, `+01:00`, `<+03>`, in microseconds east of UTC.
pub(crate) fn numeric_offset(zone: &str) -> Option<i64> {
    let zone = zone.trim_start_matches('<').trim_end_matches('>');
    let (sign, digits) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    let b = digits.as_bytes();
    let (hours, minutes) = match b.len() {
        2 => (two(b, 0)?, 0),
        4 => (two(b, 0)?, two(b, 2)?),
        5 if b[2] == b':' => (two(b, 0)?, two(b, 3)?),
        _ => return None,
    };
    Some(sign * (check(hours, 23)? * 60 + check(minutes, 59)?) * 60 * SECOND_US)
}

/// A count since 1970 with or without a fraction; its size tells its unit.
fn epoch(text: &str) -> Option<Instant> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 19 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let whole_number: i64 = whole.parse().ok()?;
    let (us_each, us_per) = match whole.len() {
        9..=11 => (SECOND_US, 1),
        12..=14 => (1_000, 1),
        15..=17 => (1, 1),
        18..=19 => (1, 1_000),
        _ => return None,
    };
    let mut us = whole_number.checked_mul(us_each)? / us_per;
    let mut unit = us_each / 10;
    for b in fraction.bytes().take(6) {
        us += i64::from(b - b'0') * unit;
        unit /= 10;
    }
    Some(Instant(us))
}

pub(crate) fn two(b: &[u8], at: usize) -> Option<i64> {
    let (x, y) = (b.get(at)?.wrapping_sub(b'0'), b.get(at + 1)?.wrapping_sub(b'0'));
    (x < 10 && y < 10).then(|| i64::from(x) * 10 + i64::from(y))
}

fn check(value: i64, max: i64) -> Option<i64> {
    (value <= max).then_some(value)
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
pub(crate) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if day < 1 || day > length {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year.
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clock(zone: &str) -> Clock {
        let table = BTreeMap::from([("MSK".to_owned(), 3 * HOUR_US), ("CST".to_owned(), -6 * HOUR_US)]);
        Clock::new(TimeZone::get(zone).unwrap(), Arc::new(table))
    }

    pub(super) fn any(text: &str) -> String {
        match clock("Europe/Berlin").any(text) {
            Ok(t) => t.to_string(),
            Err(e) => format!("{e:?}"),
        }
    }

    #[test]
    fn the_ways_in_which_logs_write_a_moment() {
        for (text, expect) in [
            ("10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36Z"),
            ("29/Feb/2024:00:00:00 +0000", "2024-02-29T00:00:00Z"),
            ("29/Feb/2023:00:00:00 +0000", "NotATime"),
            ("2026-03-02T21:14:05Z", "2026-03-02T21:14:05Z"),
            ("2026-03-02T21:14:05.123456+01:00", "2026-03-02T20:14:05.123456Z"),
            ("2026-03-02 21:14:05,5", "2026-03-02T20:14:05.5Z"),
            ("2026-07-02 21:14:05.123 CEST", "2026-07-02T19:14:05.123Z"),
            ("2026-03-02 21:14:05 UTC", "2026-03-02T21:14:05Z"),
            ("2026-03-02 21:14:05 MSK", "2026-03-02T18:14:05Z"),
            ("2026-03-02 21:14:05 <+03>", "2026-03-02T18:14:05Z"),
            ("2026-03-02 21:14:05 XYZT", "UnknownZone"),
            ("2026-13-02 21:14:05", "NotATime"),
            ("1700000000", "2023-11-14T22:13:20Z"),
            ("1700000000.25", "2023-11-14T22:13:20.25Z"),
            ("1700000000250", "2023-11-14T22:13:20.25Z"),
            ("1700000000250000", "2023-11-14T22:13:20.25Z"),
            ("1700000000250000000", "2023-11-14T22:13:20.25Z"),
            ("2026-03-02T21:14:05+01:00[Europe/Berlin]", "2026-03-02T20:14:05Z"),
            ("2026/03/02 - 21:14:05", "2026-03-02T20:14:05Z"),
            ("02-Mar-2026 21:14:05 Europe/Berlin", "2026-03-02T20:14:05Z"),
            ("02-Mar-2026 21:14:05 America/New_York", "2026-03-03T02:14:05Z"),
            ("02-Mar-2026 21:14:05 Middle/Earth", "UnknownZone"),
            ("[Mon Mar  2 21:14:05 2026]", "2026-03-02T20:14:05Z"),
            ("[2026-03-02 21:14:05]", "2026-03-02T20:14:05Z"),
            ("42", "NotATime"),
            ("", "NotATime"),
            ("é2026-03-02 21:14:05", "NotATime"),
        ] {
            assert_eq!(any(text), expect, "{text}");
        }
    }

    #[test]
    fn an_abbreviation_that_the_stores_own_zone_uses_is_read_as_there() {
        let shanghai = clock("Asia/Shanghai").iso("2026-03-02 08:00:00 CST").unwrap();
        let elsewhere = clock("Europe/Berlin").iso("2026-03-02 08:00:00 CST").unwrap();
        assert_eq!(shanghai.to_string(), "2026-03-02T00:00:00Z");
        assert_eq!(elsewhere.to_string(), "2026-03-02T14:00:00Z");
    }

    #[test]
    fn the_hour_that_comes_twice_is_told_apart_by_its_abbreviation() {
        let mut berlin = clock("Europe/Berlin");
        let summer = berlin.iso("2026-10-25 02:30:00 CEST").unwrap();
        let winter = berlin.iso("2026-10-25 02:30:00 CET").unwrap();
        assert_eq!(winter.0 - summer.0, HOUR_US);
        assert_eq!(berlin.iso("2026-10-25 02:30:00").unwrap(), summer);
    }

    #[test]
    fn the_second_run_of_a_repeated_hour_is_where_times_go_back() {
        let mut berlin = clock("Europe/Berlin");
        Repeats::take();
        let read = |clock: &mut Clock, time: &str| clock.iso(&format!("2026-10-25 {time}")).unwrap().to_string();
        let times = ["01:59:00", "02:10:00", "02:50:00", "02:48:00", "02:05:00", "02:04:00", "02:59:00", "03:00:00"];
        let told: Vec<String> = times.iter().map(|time| read(&mut berlin, time)[11..16].to_owned()).collect();
        assert_eq!(told, ["23:59", "00:10", "00:50", "00:48", "01:05", "01:04", "01:59", "02:00"]);
        assert_eq!(Repeats::take(), Repeats { first: 3, second: 3 });
        // A year later the hour begins with its first run again.
        assert_eq!(berlin.iso("2027-10-31 02:30:00").unwrap().to_string(), "2027-10-31T00:30:00Z");
    }

    proptest! {
        #[test]
        fn times_agree_with_a_calendar_library(us in 0i64..4_102_444_800_000_000) {
            let t = Instant(us);
            prop_assert_eq!(clock("UTC").any(&t.to_string()), Ok(t));
            let clf = t.to_jiff().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
            prop_assert_eq!(clock("UTC").clf(&clf), Some(Instant(t.second() * SECOND_US)));
        }

        #[test]
        fn no_text_makes_the_clock_panic(text in "\\PC{0,40}") {
            let _ = clock("Europe/Berlin").any(&text);
        }
    }
}
