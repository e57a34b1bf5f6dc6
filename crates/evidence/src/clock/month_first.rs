//! Times with the month first and a line before the time of day: `03/02/2026-21:14:05.123456`.

use super::{DAY_US, SECOND_US, check, days, two};

/// A date and time of day as microseconds since 1970 as if it were UTC.
pub(super) fn local_us(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    let marks = [(2, b'/'), (5, b'/'), (10, b'-'), (13, b':'), (16, b':')];
    if b.len() < 19 || marks.iter().any(|(at, mark)| b[*at] != *mark) {
        return None;
    }
    let day = days(two(b, 6)? * 100 + two(b, 8)?, two(b, 0)?, two(b, 3)?)?;
    let seconds = check(two(b, 11)?, 23)? * 3_600 + check(two(b, 14)?, 59)? * 60 + check(two(b, 17)?, 60)?;
    let mut fraction = 0;
    if b.len() > 19 {
        let digits = text.get(19..)?.strip_prefix('.').filter(|d| d.bytes().all(|d| d.is_ascii_digit()))?;
        let mut unit = SECOND_US / 10;
        for d in digits.bytes() {
            fraction += i64::from(d - b'0') * unit;
            unit /= 10;
        }
    }
    Some(day * DAY_US + seconds * SECOND_US + fraction)
}

#[cfg(test)]
mod tests {
    use super::super::tests::any;

    #[test]
    fn times_with_the_month_first() {
        assert_eq!(any("03/02/2026-21:14:05.123456"), "2026-03-02T20:14:05.123456Z");
        assert_eq!(any("03/02/2026-21:14:05"), "2026-03-02T20:14:05Z");
        assert_eq!(any("13/02/2026-21:14:05"), "NotATime");
        assert_eq!(any("03/02/2026-21:14:05.x"), "NotATime");
        assert_eq!(any("03/02-21:14:05.123456"), "NotATime");
    }
}
