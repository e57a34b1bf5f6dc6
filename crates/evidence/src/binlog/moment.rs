//! Dates and times as columns hold them.

use super::bytes::Bytes;
use std::fmt::Write;

/// Microseconds, of so many digits behind the second.
pub(super) fn fraction(bytes: &mut Bytes<'_>, digits: u8) -> Option<u32> {
    let (length, unit) = match digits {
        0 => return Some(0),
        1 | 2 => (1, 10_000),
        3 | 4 => (2, 100),
        5 | 6 => (3, 1),
        _ => return None,
    };
    u32::try_from(bytes.big_endian(length)? * unit).ok()
}

/// Day and time in one number: 17 bits of year and month, 5 of the day, 5, 6 and 6 of the time.
pub(super) fn write_date_time(packed: i64, micros: u32, digits: u8, out: &mut String) {
    let packed = packed.unsigned_abs();
    let (days, time) = (packed >> 17, packed & 0x1_ffff);
    let (months, day) = (days >> 5, days & 31);
    let _ = write!(out, "\"{:04}-{:02}-{:02} ", months / 13, months % 13, day);
    let _ = write!(out, "{:02}:{:02}:{:02}", time >> 12, time >> 6 & 63, time & 63);
    write_fraction(micros, digits, out);
    out.push('"');
}

/// Hours, which may be many and less than none.
pub(super) fn write_time(bytes: &mut Bytes<'_>, digits: u8, out: &mut String) -> Option<()> {
    let length = match digits {
        0 => 0,
        1..=6 => usize::from(digits.div_ceil(2)),
        _ => return None,
    };
    // Whole and fraction are one number, from the middle of its range.
    let packed = bytes.big_endian(3 + length)?.cast_signed() - (0x80_0000 << (8 * length));
    let unit = [1, 10_000, 100, 1][length];
    let (sign, packed) = (if packed < 0 { "-" } else { "" }, packed.unsigned_abs());
    let (whole, micros) = (packed >> (8 * length), (packed & ((1 << (8 * length)) - 1)) * unit);
    write_clock(sign, whole, u32::try_from(micros).unwrap_or(0), digits, out);
    Some(())
}

/// The same out of a document, in which the fraction always has 24 bits.
pub(super) fn write_packed_time(packed: i64, out: &mut String) {
    let (sign, packed) = (if packed < 0 { "-" } else { "" }, packed.unsigned_abs());
    write_clock(sign, packed >> 24, (packed & 0xff_ffff) as u32, 6, out);
}

fn write_clock(sign: &str, whole: u64, micros: u32, digits: u8, out: &mut String) {
    let _ = write!(out, "\"{sign}{:02}:{:02}:{:02}", whole >> 12 & 1_023, whole >> 6 & 63, whole & 63);
    write_fraction(micros, digits, out);
    out.push('"');
}

fn write_fraction(micros: u32, digits: u8, out: &mut String) {
    let digits = usize::from(digits.min(6));
    if digits > 0 {
        let all = format!("{micros:06}");
        out.push('.');
        out.push_str(&all[..digits]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_below_nought_and_fractions() {
        for (digits, value, expected) in [
            (0, &b"\x80\x00\x01"[..], "\"00:00:01\""),
            (0, b"\x7f\xff\xff", "\"-00:00:01\""),
            (2, b"\x7f\xff\xff\xff", "\"-00:00:00.01\""),
            (4, b"\x7f\xff\xfe\xec\x78", "\"-00:00:01.5000\""),
            (6, b"\x80\x00\x00\x00\x00\x01", "\"00:00:00.000001\""),
        ] {
            let mut out = String::new();
            write_time(&mut Bytes(value), digits, &mut out).unwrap();
            assert_eq!(out, expected);
        }
        let mut out = String::new();
        write_date_time(0x19_9b45_4385_i64, 123_456, 3, &mut out);
        assert!(out.ends_with(".123\""), "{out}");
    }
}
