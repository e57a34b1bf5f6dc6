//! Times as MySQL and MariaDB write them in their text logs.

use crate::clock::{Clock, TimeFault, local_us};
use stanch_model::Instant;

/// A time that stands at the beginning of a text, in a form that the clock reads.
pub(crate) enum Stamp<'a> {
    /// `2026-03-02T21:14:05.123456Z`, `2026-03-02 21:14:05`.
    Iso(&'a str),
    /// `260302 21:14:05`, `20260302 21:14:05`, `2026-03-02  9:14:05`, written out.
    Short([u8; 19]),
}

impl<'a> Stamp<'a> {
    /// The time that a text begins with, and what follows it.
    pub(crate) fn at_start(text: &'a str) -> Option<(Stamp<'a>, &'a str)> {
        let b = text.as_bytes();
        let digits = b.iter().take(9).take_while(|b| b.is_ascii_digit()).count();
        match (digits, b.get(digits)) {
            (4, Some(b'-')) => iso(text),
            (6, Some(b' ')) => short(text, *b"20", 0),
            (8, Some(b' ')) => short(text, [b[0], b[1]], 2),
            _ => None,
        }
    }

    /// Whether it carries date, `T`, time, as servers from 5.7 on write it.
    pub(crate) fn is_iso(&self) -> bool {
        matches!(self, Stamp::Iso(text) if text.as_bytes().get(10) == Some(&b'T'))
    }

    /// Its date and time of day in microseconds since 1970, as if they were UTC.
    pub(crate) fn local_us(&self) -> Option<i64> {
        let text = match self {
            Stamp::Iso(text) => text,
            Stamp::Short(built) => std::str::from_utf8(built).ok()?,
        };
        local_us(text).map(|(us, _)| us)
    }

    /// The moment.
    pub(crate) fn read(&self, clock: &mut Clock) -> Result<Instant, TimeFault> {
        match self {
            Stamp::Iso(text) => clock.iso(text),
            Stamp::Short(built) => clock.iso(std::str::from_utf8(built).map_err(|_| TimeFault::NotATime)?),
        }
    }
}

fn iso(text: &str) -> Option<(Stamp<'_>, &str)> {
    let b = text.as_bytes();
    match b.get(10)? {
        b'T' => {
            let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
            let (time, rest) = text.split_at(end);
            local_us(time)?;
            Some((Stamp::Iso(time), rest))
        }
        b' ' if b.get(11) == Some(&b' ') => {
            let mut built = [0; 19];
            built.copy_from_slice(b.get(..19)?);
            built[11] = b'0';
            Some((checked(built)?, text.get(19..)?))
        }
        b' ' => {
            let (_, rest) = local_us(text)?;
            Some((Stamp::Iso(&text[..text.len() - rest.len()]), rest))
        }
        _ => None,
    }
}

/// `YYMMDD HH:MM:SS` behind `from` more digits of the year; the hour may be padded with a blank.
fn short(text: &str, century: [u8; 2], from: usize) -> Option<(Stamp<'_>, &str)> {
    let b = text.as_bytes();
    let time: &[u8; 8] = b.get(from + 7..from + 15)?.try_into().ok()?;
    let mut built = *b"2000-00-00 00:00:00";
    built[..2].copy_from_slice(&century);
    for (to, part) in [(2, 0), (5, 2), (8, 4)] {
        built[to..to + 2].copy_from_slice(&b[from + part..from + part + 2]);
    }
    built[11..].copy_from_slice(time);
    if built[11] == b' ' {
        built[11] = b'0';
    }
    Some((checked(built)?, text.get(from + 15..)?))
}

fn checked<'a>(built: [u8; 19]) -> Option<Stamp<'a>> {
    local_us(std::str::from_utf8(&built).ok()?)?;
    Some(Stamp::Short(built))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn read(text: &str) -> Option<(String, &str)> {
        let mut clock = Clock::new(TimeZone::UTC, Arc::default());
        let (stamp, rest) = Stamp::at_start(text)?;
        Some((stamp.read(&mut clock).unwrap().to_string(), rest))
    }

    #[test]
    fn times_in_every_writing_and_what_follows_them() {
        for (text, time, rest) in [
            ("2026-03-02T21:14:05.123456Z\t    8 Query\tx", "2026-03-02T21:14:05.123456Z", "\t    8 Query\tx"),
            ("2026-03-02T21:14:05.123456+01:00 8 [Note]", "2026-03-02T20:14:05.123456Z", " 8 [Note]"),
            ("260302 21:14:05\t    8 Query\tx", "2026-03-02T21:14:05Z", "\t    8 Query\tx"),
            ("260302  9:14:05\t", "2026-03-02T09:14:05Z", "\t"),
            ("20260302 21:14:05,db1,x", "2026-03-02T21:14:05Z", ",db1,x"),
            ("2026-03-02  9:14:05 8 [Warning]", "2026-03-02T09:14:05Z", " 8 [Warning]"),
            ("2026-03-02 19:14:05 8 [Warning]", "2026-03-02T19:14:05Z", " 8 [Warning]"),
        ] {
            assert_eq!(read(text), Some((time.to_owned(), rest)), "{text}");
        }
        for text in ["", "260302", "260332 21:14:05", "260302 21:14", "2026-03-02", "123456789 x", "260302 é1:14:05"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9é]{0,8}[- T]?\\PC{0,20}") {
            let _ = Stamp::at_start(&text);
        }
    }
}
