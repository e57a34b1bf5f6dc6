//! Times that name their month, and others that programs write for people.

use super::{DAY_US, SECOND_US, days, two};

/// Their English names.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A date and time of day as microseconds since 1970 as if it were UTC, and what stands after it (its zone):
///
/// - `02-Mar-2026 21:14:05.123 Europe/Berlin` (PHP, Tomcat), `02/Mar/2026 21:14:05` (Django), `2 Mar 2026 21:14:05`
/// - `Mon Mar  2 21:14:05.123456 2026` (C's `ctime`), `Mon, 02 Mar 2026 21:14:05 GMT` (HTTP, mail)
/// - `Mar 2, 2026 9:14:05 PM`, `March 2, 2026 9:14 pm`, `March 2, 2026, 9:14 pm`
/// - `2026/03/02 - 21:14:05` (PrestaShop, Gin)
pub(super) fn local_us(text: &str) -> Option<(i64, &str)> {
    let mut scan = Scan(text);
    if text.as_bytes().first()?.is_ascii_digit() {
        return year_first(text).or_else(|| day_first(&mut scan));
    }
    let word = scan.word()?;
    if month(word).is_none() {
        // The day of the week.
        if !(word.len() == 3 || word.ends_with("day")) {
            return None;
        }
        scan.any_of(", ");
        if scan.0.as_bytes().first()?.is_ascii_digit() {
            return day_first(&mut scan);
        }
        return ctime(scan.word()?, &mut scan);
    }
    scan.any_of(" .");
    let after_the_month = Scan(scan.0);
    let day = scan.number()?;
    if !scan.0.starts_with(',') {
        return ctime(word, &mut Scan(after_the_month.0));
    }
    scan.any_of(", ");
    let year = scan.number()?;
    scan.any_of(", ");
    let seconds = scan.time_of_day()?;
    moment(year, month(word)?, day, seconds, scan.0)
}

/// `2026/03/02 - 21:14:05`
fn year_first(text: &str) -> Option<(i64, &str)> {
    let b = text.as_bytes();
    if b.len() < 21 || !matches!(b[4], b'/' | b'-') || b[7] != b[4] || &b[10..13] != b" - " {
        return None;
    }
    let mut scan = Scan(text.get(13..)?);
    let seconds = scan.time_of_day()?;
    moment(two(b, 0)? * 100 + two(b, 2)?, two(b, 5)?, two(b, 8)?, seconds, scan.0)
}

/// `02-Mar-2026 21:14:05`
fn day_first<'a>(scan: &mut Scan<'a>) -> Option<(i64, &'a str)> {
    let day = scan.number()?;
    scan.one_of("-/ ")?;
    let month = month(scan.word()?)?;
    scan.one_of("-/ ")?;
    let year = scan.number()?;
    scan.one_of(" :,")?;
    scan.any_of(" ");
    let seconds = scan.time_of_day()?;
    moment(year, month, day, seconds, scan.0)
}

/// `Mar  2 21:14:05 2026`, the day of the week being taken.
fn ctime<'a>(name: &str, scan: &mut Scan<'a>) -> Option<(i64, &'a str)> {
    scan.any_of(" ");
    let day = scan.number()?;
    scan.one_of(" ")?;
    let seconds = scan.time_of_day()?;
    scan.one_of(" ")?;
    // Some put the zone before the year: `Mon Mar  2 21:14:05 UTC 2026`.
    if let Some((zone, year)) = scan.0.rsplit_once(' ').filter(|(_, year)| year.len() == 4) {
        return moment(year.parse().ok()?, month(name)?, day, seconds, zone);
    }
    let year = scan.number()?;
    moment(year, month(name)?, day, seconds, scan.0)
}

/// A month's number by its English name or abbreviation.
fn month(name: &str) -> Option<i64> {
    let is_named = |full: &&str| **full == *name || (matches!(name.len(), 3 | 4) && full.starts_with(name));
    MONTHS.iter().position(is_named).and_then(|at| i64::try_from(at + 1).ok())
}

fn moment(year: i64, month: i64, day: i64, us_of_day: i64, rest: &str) -> Option<(i64, &str)> {
    if !(1000..=9999).contains(&year) {
        return None;
    }
    Some((days(year, month, day)? * DAY_US + us_of_day, rest))
}

/// What is left of a text.
struct Scan<'a>(&'a str);

impl<'a> Scan<'a> {
    fn split(&mut self, is_part: impl Fn(u8) -> bool) -> &'a str {
        let end = self.0.bytes().position(|b| !is_part(b)).unwrap_or(self.0.len());
        let (part, rest) = self.0.split_at(end);
        self.0 = rest;
        part
    }

    fn word(&mut self) -> Option<&'a str> {
        let word = self.split(|b| b.is_ascii_alphabetic());
        (word.len() >= 3 && word.len() <= 9).then_some(word)
    }

    fn number(&mut self) -> Option<i64> {
        let digits = self.split(|b| b.is_ascii_digit());
        if digits.len() > 4 { None } else { digits.parse().ok() }
    }

    fn one_of(&mut self, chars: &str) -> Option<()> {
        let first = self.0.chars().next().filter(|c| chars.contains(*c))?;
        self.0 = &self.0[first.len_utf8()..];
        Some(())
    }

    fn any_of(&mut self, chars: &str) {
        while self.one_of(chars).is_some() {}
    }

    /// `21:14`, `21:14:05`, `9:14:05.123 PM`, in microseconds since midnight.
    fn time_of_day(&mut self) -> Option<i64> {
        let hour = self.number()?;
        self.one_of(":")?;
        let minute = self.number()?;
        let second = if self.one_of(":").is_some() { self.number()? } else { 0 };
        let mut us = 0;
        if matches!(self.0.as_bytes(), [b'.' | b',', b'0'..=b'9', ..]) {
            self.0 = &self.0[1..];
            let mut unit = SECOND_US / 10;
            for digit in self.split(|b| b.is_ascii_digit()).bytes() {
                us += i64::from(digit - b'0') * unit;
                unit /= 10;
            }
        }
        let hour = self.half_of_day(hour)?;
        let is_time = hour < 24 && minute < 60 && second <= 60;
        is_time.then_some((hour * 3_600 + minute * 60 + second) * SECOND_US + us)
    }

    /// The hour in twenty-four, if `AM` or `PM` follows one in twelve.
    fn half_of_day(&mut self, hour: i64) -> Option<i64> {
        let trimmed = self.0.trim_start_matches([' ', '\u{202f}', '\u{a0}']);
        let is_mark = |m: &&str| m.eq_ignore_ascii_case("am") || m.eq_ignore_ascii_case("pm");
        let goes_on = trimmed.as_bytes().get(2).is_some_and(u8::is_ascii_alphabetic);
        let Some(mark) = trimmed.get(..2).filter(|m| is_mark(m) && !goes_on) else { return Some(hour) };
        if !(1..=12).contains(&hour) {
            return None;
        }
        self.0 = &trimmed[2..];
        Some(hour % 12 + if mark.eq_ignore_ascii_case("pm") { 12 } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use stanch_model::Instant;

    fn shown(text: &str) -> Option<(String, &str)> {
        local_us(text).map(|(us, rest)| (Instant(us).to_string(), rest))
    }

    #[test]
    fn the_ways_in_which_programs_write_a_month() {
        for (text, time, rest) in [
            ("02-Mar-2026 21:14:05 Europe/Berlin", "2026-03-02T21:14:05Z", " Europe/Berlin"),
            ("02-Mar-2026 21:14:05.123", "2026-03-02T21:14:05.123Z", ""),
            ("02/Mar/2026 21:14:05", "2026-03-02T21:14:05Z", ""),
            ("02/Mar/2026:21:14:05", "2026-03-02T21:14:05Z", ""),
            ("Mon Mar  2 21:14:05 2026", "2026-03-02T21:14:05Z", ""),
            ("Mon Mar 02 21:14:05.123456 2026", "2026-03-02T21:14:05.123456Z", ""),
            ("Mon Mar  2 21:14:05 UTC 2026", "2026-03-02T21:14:05Z", "UTC"),
            ("Mon, 02 Mar 2026 21:14:05 GMT", "2026-03-02T21:14:05Z", " GMT"),
            ("Mar 2 21:14:05 2026", "2026-03-02T21:14:05Z", ""),
            ("02/Mar/2026:21:14:05.123456 +0000", "2026-03-02T21:14:05.123456Z", " +0000"),
            ("2 Mar 2026 21:14:05 +0100", "2026-03-02T21:14:05Z", " +0100"),
            ("Mar 2, 2026 9:14:05 PM", "2026-03-02T21:14:05Z", ""),
            ("March 2, 2026 12:14 am", "2026-03-02T00:14:00Z", ""),
            ("March 2, 2026, 9:14 pm", "2026-03-02T21:14:00Z", ""),
            ("2026/03/02 - 21:14:05", "2026-03-02T21:14:05Z", ""),
        ] {
            assert_eq!(shown(text), Some((time.to_owned(), rest)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "Mar",
            "March of 2026",
            "Mar 2 21:14:05",
            "32-Mar-2026 21:14:05",
            "02-Mar-2026 25:14:05",
            "Mon Mar 2",
            "02-Mar-26 21:14:05",
            "13:14:05 PM",
            "Mar 2, 2026 13:14 PM",
            "2026/03/02 - 2",
            "Mon Mar é 21:14:05 2026",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(Mon|Mar|02|2026|21:14|[ ,/:-]|PM|\\PC){0,12}") {
            let _ = local_us(&text);
        }
    }
}
