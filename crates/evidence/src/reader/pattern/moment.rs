//! Times in the writing that a pattern asks for (`%{%d/%b/%Y:%T}t`), whole or in pieces.

use crate::clock::{Clock, MONTHS, days};
use stanch_model::Instant;

const SECOND_US: i64 = 1_000_000;
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// How a time, or a piece of one, is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Writing(Vec<Step>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Char(char),
    Field(Field),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Year,
    YearOfCentury,
    Month,
    MonthName,
    Day,
    Weekday,
    DayOfYear,
    Hour,
    Hour12,
    HalfDay,
    Minute,
    Second,
    Offset,
    ZoneName,
    /// Since 1970, in units of so many microseconds.
    Epoch(i64),
    /// Of the second, so many digits.
    Fraction(usize),
}

/// What is known of a moment so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    is_12_hours: bool,
    is_afternoon: bool,
    minute: i64,
    second: i64,
    fraction_us: i64,
    offset_us: Option<i64>,
    epoch_us: Option<i64>,
    zone: String,
}

impl Writing {
    /// Compiles a format of `strftime`, or one of Apache's own words. Nothing if it has an escape that is not known.
    pub(super) fn compile(format: &str) -> Option<Writing> {
        let format = format.strip_prefix("begin:").or_else(|| format.strip_prefix("end:")).unwrap_or(format);
        let word = match format {
            "sec" => Some(Field::Epoch(SECOND_US)),
            "msec" => Some(Field::Epoch(1_000)),
            "usec" => Some(Field::Epoch(1)),
            "msec_frac" => Some(Field::Fraction(3)),
            "usec_frac" => Some(Field::Fraction(6)),
            _ => None,
        };
        if let Some(field) = word {
            return Some(Writing(vec![Step::Field(field)]));
        }
        let mut steps = Vec::new();
        steps_of(format, &mut steps).then_some(Writing(steps))
    }

    /// How many bytes at a text's beginning are in this writing; what they say is added to `parts`.
    pub(super) fn read(&self, text: &str, parts: &mut Parts) -> Option<usize> {
        let mut rest = text;
        for step in &self.0 {
            rest = match step {
                Step::Char(c) => rest.strip_prefix(*c)?,
                Step::Field(field) => field.read(rest, parts)?,
            };
        }
        Some(text.len() - rest.len())
    }
}

fn steps_of(format: &str, steps: &mut Vec<Step>) -> bool {
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            steps.push(Step::Char(c));
            continue;
        }
        // `%-d`, `%_d` and `%Ed` differ from `%d` in what fills them up.
        let letter = chars.by_ref().find(|c| !matches!(c, '-' | '_' | '0' | '^' | 'E' | 'O'));
        let field = match letter {
            Some('Y') => Field::Year,
            Some('y') => Field::YearOfCentury,
            Some('m') => Field::Month,
            Some('b' | 'h' | 'B') => Field::MonthName,
            Some('d' | 'e') => Field::Day,
            Some('a' | 'A') => Field::Weekday,
            Some('j') => Field::DayOfYear,
            Some('H' | 'k') => Field::Hour,
            Some('I' | 'l') => Field::Hour12,
            Some('p' | 'P') => Field::HalfDay,
            Some('M') => Field::Minute,
            Some('S') => Field::Second,
            Some('z') => Field::Offset,
            Some('Z') => Field::ZoneName,
            Some('s') => Field::Epoch(SECOND_US),
            Some('f') => Field::Fraction(6),
            Some('T') if steps_of("%H:%M:%S", steps) => continue,
            Some('R') if steps_of("%H:%M", steps) => continue,
            Some('D') if steps_of("%m/%d/%y", steps) => continue,
            Some('F') if steps_of("%Y-%m-%d", steps) => continue,
            Some('r') if steps_of("%I:%M:%S %p", steps) => continue,
            Some('c') if steps_of("%a %b %e %H:%M:%S %Y", steps) => continue,
            Some(c @ ('%' | 'n' | 't')) => {
                steps.push(Step::Char(if c == 'n' {
                    '\n'
                } else if c == 't' {
                    '\t'
                } else {
                    c
                }));
                continue;
            }
            _ => return false,
        };
        steps.push(Step::Field(field));
    }
    true
}

impl Field {
    fn read<'a>(self, text: &'a str, parts: &mut Parts) -> Option<&'a str> {
        match self {
            Field::MonthName => {
                let (month, rest) = named(&MONTHS, text)?;
                parts.month = Some(month);
                return Some(rest);
            }
            Field::Weekday => return named(&WEEKDAYS, text).map(|(_, rest)| rest),
            Field::HalfDay => {
                let half = text.get(..2)?;
                parts.is_afternoon = half.eq_ignore_ascii_case("pm");
                return (parts.is_afternoon || half.eq_ignore_ascii_case("am")).then(|| &text[2..]);
            }
            Field::Offset => return offset(text, parts),
            Field::ZoneName => {
                let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '+' && c != '-').unwrap_or(text.len());
                text[..end].clone_into(&mut parts.zone);
                return (end > 0).then(|| &text[end..]);
            }
            _ => {}
        }
        let digits = match self {
            Field::Year => 4,
            Field::DayOfYear => 3,
            Field::Epoch(_) => 18,
            Field::Fraction(digits) => digits,
            _ => 2,
        };
        // What is filled up with blanks.
        let text = text.strip_prefix(' ').filter(|_| digits == 2).unwrap_or(text);
        let end = text.bytes().take(digits).take_while(u8::is_ascii_digit).count();
        let number: i64 = text[..end].parse().ok()?;
        let max = |max: i64| (number <= max).then_some(number);
        match self {
            Field::Year => parts.year = Some(number),
            Field::YearOfCentury => parts.year = Some(number + if number < 69 { 2_000 } else { 1_900 }),
            Field::Month => parts.month = Some(number),
            Field::Day => parts.day = Some(number),
            Field::DayOfYear => parts.day_of_year = max(366),
            Field::Hour => parts.hour = max(23)?,
            Field::Hour12 => (parts.hour, parts.is_12_hours) = (max(12)?, true),
            Field::Minute => parts.minute = max(59)?,
            Field::Second => parts.second = max(60)?,
            Field::Epoch(unit_us) => parts.epoch_us = Some(number.checked_mul(unit_us)?),
            Field::Fraction(digits) if end == digits => {
                parts.fraction_us = number * 10i64.pow(6u32.saturating_sub(u32::try_from(digits).ok()?));
            }
            _ => return None,
        }
        Some(&text[end..])
    }
}

/// A name out of twelve or seven, whole or its first three letters, and its number.
fn named<'a>(names: &[&str], text: &'a str) -> Option<(i64, &'a str)> {
    let (name, number) = names.iter().zip(1..).find(|(name, _)| text.starts_with(&name[..3]))?;
    Some((number, text.strip_prefix(name).unwrap_or(&text[3..])))
}

/// `+0100`, `+01:00` or `Z`.
fn offset<'a>(text: &'a str, parts: &mut Parts) -> Option<&'a str> {
    if let Some(rest) = text.strip_prefix('Z') {
        parts.offset_us = Some(0);
        return Some(rest);
    }
    let length = if text.as_bytes().get(3) == Some(&b':') { 6 } else { 5 };
    parts.offset_us = Some(crate::clock::numeric_offset(text.get(..length)?)?);
    Some(&text[length..])
}

impl Parts {
    /// The moment, if enough is known.
    pub(super) fn moment(&self, clock: &mut Clock) -> Option<Instant> {
        if let Some(epoch) = self.epoch_us {
            let fraction = if epoch % SECOND_US == 0 { self.fraction_us } else { 0 };
            return Some(Instant(epoch.checked_add(fraction)?));
        }
        let year = self.year?;
        let day = match self.day_of_year {
            Some(day) => days(year, 1, 1)? + day - 1,
            None => days(year, self.month?, self.day?)?,
        };
        let hour = match (self.is_12_hours, self.is_afternoon) {
            (false, _) => self.hour,
            (true, afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
        };
        let local = (day * 86_400 + hour * 3_600 + self.minute * 60 + self.second) * SECOND_US + self.fraction_us;
        clock.moment(local, self.offset_us, &self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    fn read(pieces: &[(&str, &str)]) -> Option<String> {
        let mut parts = Parts::default();
        for (format, text) in pieces {
            assert_eq!(Writing::compile(format).unwrap().read(text, &mut parts)?, text.len(), "{format}");
        }
        let mut clock = Clock::new(TimeZone::get("Europe/Berlin").unwrap(), std::sync::Arc::default());
        parts.moment(&mut clock).map(|t| t.to_string())
    }

    #[test]
    fn times_in_many_writings() {
        for (format, text, expect) in [
            ("%d/%b/%Y:%T %z", "02/Mar/2026:21:14:05 +0100", "2026-03-02T20:14:05Z"),
            ("%Y-%m-%dT%H:%M:%S%z", "2026-03-02T21:14:05+01:00", "2026-03-02T20:14:05Z"),
            ("%F %T", "2026-03-02 21:14:05", "2026-03-02T20:14:05Z"),
            ("%a %b %e %H:%M:%S %Y", "Mon Mar  2 21:14:05 2026", "2026-03-02T20:14:05Z"),
            ("%I:%M:%S %p %d %B %y", "09:14:05 PM 02 March 26", "2026-03-02T20:14:05Z"),
            ("%r %j %Y", "12:00:00 AM 061 2026", "2026-03-01T23:00:00Z"),
            ("%s", "1772486045", "2026-03-02T21:14:05Z"),
            ("msec", "1772486045250", "2026-03-02T21:14:05.25Z"),
            ("end:usec", "1772486045250001", "2026-03-02T21:14:05.250001Z"),
            ("%Y%m%d%H%M%S %Z", "20260302211405 CET", "2026-03-02T20:14:05Z"),
        ] {
            assert_eq!(read(&[(format, text)]).as_deref(), Some(expect), "{format}");
        }
        assert_eq!(
            read(&[("%Y-%m-%dT%H:%M:%S", "2026-03-02T21:14:05"), ("usec_frac", "000123"), ("%z", "+0000")]).as_deref(),
            Some("2026-03-02T21:14:05.000123Z")
        );
        assert_eq!(read(&[("sec", "1772486045"), ("msec_frac", "250")]).as_deref(), Some("2026-03-02T21:14:05.25Z"));
        assert_eq!(read(&[("%T", "21:14:05")]), None);
        assert_eq!(read(&[("%F", "2026-02-30")]), None);
        assert_eq!(Writing::compile("%Q"), None);
        assert_eq!(Writing::compile("%"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}", format in "%[YymbdeajHIpMSzZsTRDFrc]{1,6}") {
            if let Some(writing) = Writing::compile(&format) {
                let mut parts = Parts::default();
                let _ = writing.read(&text, &mut parts);
                let mut clock = Clock::new(TimeZone::UTC, std::sync::Arc::default());
                let _ = parts.moment(&mut clock);
            }
        }
    }
}
