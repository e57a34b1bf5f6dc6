//! Times with the month's name: `02/Mar/2026:21:14:05.123`, `Mon Mar  2 21:14:05.123456 2026`,
//! `Mon, 02 Mar 2026 21:14:05 GMT`.

use super::{Clock, DAY_US, SECOND_US, TimeFault, check, days, numeric_offset, two};
use stanch_model::Instant;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Pieces of such a time at most; what has more is none.
const PIECES_MAX: usize = 8;

impl Clock {
    /// A time with the month's name. Without a zone, in the clock's own.
    pub(super) fn words(&mut self, text: &str) -> Result<Instant, TimeFault> {
        let mut pieces = [""; PIECES_MAX];
        let mut count = 0;
        for piece in text.split([' ', ',', '/']).filter(|p| !p.is_empty()) {
            *pieces.get_mut(count).ok_or(TimeFault::NotATime)? = piece;
            count += 1;
        }
        let pieces = &pieces[..count];
        let pieces = match pieces {
            [weekday, rest @ ..] if WEEKDAYS.contains(weekday) => rest,
            whole => whole,
        };
        let (local, zone) = local(pieces).ok_or(TimeFault::NotATime)?;
        let offset = match zone {
            "" => self.own_offset(local).ok_or(TimeFault::NotATime)?,
            "Z" | "UTC" | "GMT" | "UCT" => 0,
            _ => match numeric_offset(zone) {
                Some(offset) => offset,
                None => self.named_offset(zone, local)?,
            },
        };
        Ok(Instant(local - offset))
    }
}

/// The time as if it were UTC, and its zone.
fn local<'a>(pieces: &[&'a str]) -> Option<(i64, &'a str)> {
    match *pieces {
        // 02/Mar/2026:21:14:05.123 +0100
        [day, month, clock, ref zone @ ..] if clock.contains(':') && day.len() <= 2 && month_of(month).is_some() => {
            let (year, clock) = clock.split_once(':')?;
            Some((moment(year, month, day, clock)?, only(zone)?))
        }
        // 02 Mar 2026 21:14:05 GMT
        [day, month, year, clock, ref zone @ ..] if month_of(month).is_some() => {
            Some((moment(year, month, day, clock)?, only(zone)?))
        }
        // Mar 2 21:14:05 2026, and with the zone before the year
        [month, day, clock, year] => Some((moment(year, month, day, clock)?, "")),
        [month, day, clock, zone, year] => Some((moment(year, month, day, clock)?, zone)),
        _ => None,
    }
}

fn only<'a>(zone: &[&'a str]) -> Option<&'a str> {
    match zone {
        [] => Some(""),
        [zone] => Some(zone),
        _ => None,
    }
}

fn month_of(name: &str) -> Option<i64> {
    MONTHS.iter().zip(1..).find(|(month, _)| **month == name).map(|(_, number)| number)
}

fn moment(year: &str, month: &str, day: &str, clock: &str) -> Option<i64> {
    if year.len() != 4 || day.len() > 2 {
        return None;
    }
    let b = clock.as_bytes();
    if b.len() < 8 || b[2] != b':' || b[5] != b':' {
        return None;
    }
    let seconds = check(two(b, 0)?, 23)? * 3_600 + check(two(b, 3)?, 59)? * 60 + check(two(b, 6)?, 60)?;
    let mut fraction = 0;
    if let Some(digits) = clock.get(8..).filter(|rest| !rest.is_empty()) {
        let digits = digits.strip_prefix(['.', ','])?;
        if digits.is_empty() || !digits.bytes().all(|d| d.is_ascii_digit()) {
            return None;
        }
        let mut unit = SECOND_US / 10;
        for d in digits.bytes() {
            fraction += i64::from(d - b'0') * unit;
            unit /= 10;
        }
    }
    let day = days(year.parse().ok().filter(|y| *y > 0)?, month_of(month)?, day.parse().ok()?)?;
    Some(day * DAY_US + seconds * SECOND_US + fraction)
}

#[cfg(test)]
mod tests {
    use super::super::tests::any;

    #[test]
    fn times_with_the_names_of_months() {
        for (text, expect) in [
            ("02/Mar/2026:21:14:05.123", "2026-03-02T20:14:05.123Z"),
            ("02/Mar/2026:21:14:05.123456 +0000", "2026-03-02T21:14:05.123456Z"),
            ("Mon Mar  2 21:14:05.123456 2026", "2026-03-02T20:14:05.123456Z"),
            ("Mon Mar 02 21:14:05 2026", "2026-03-02T20:14:05Z"),
            ("Mon Mar  2 21:14:05 UTC 2026", "2026-03-02T21:14:05Z"),
            ("Mon, 02 Mar 2026 21:14:05 GMT", "2026-03-02T21:14:05Z"),
            ("2 Mar 2026 21:14:05 +0100", "2026-03-02T20:14:05Z"),
            ("Mar  2 21:14:05", "NotATime"),
            ("Mon Mar 32 21:14:05 2026", "NotATime"),
            ("Mon Mar  2 21:14:05.x 2026", "NotATime"),
            ("Mon Mar  2 21:14:05 XYZT 2026", "UnknownZone"),
        ] {
            assert_eq!(any(text), expect, "{text}");
        }
    }
}
