//! Values of columns, written as JSON.

use super::bytes::Bytes;
use super::jsonb;
use super::moment::{self, write_date_time, write_time};
use super::table::{Column, types::*};
use super::text::decoded;
use crate::json::push_string;
use stanch_model::Instant;
use std::fmt::Write;
use std::io::Read;

/// Bytes of one value that are shown.
pub(super) const SHOWN_MAX: usize = 4_096;
/// Bytes that may come out of one compressed value.
const DECOMPRESSED_MAX: u64 = 16 << 20;

/// Reads the value of a column and writes it. Of a value that is not shown whole, its length comes back.
pub(super) fn write(column: &Column, bytes: &mut Bytes<'_>, out: &mut String) -> Option<Option<usize>> {
    let [first, second] = column.detail;
    let both = usize::from(u16::from_le_bytes(column.detail));
    match column.kind {
        NULL => out.push_str("null"),
        TINY => whole(bytes, 1, column, out)?,
        SHORT => whole(bytes, 2, column, out)?,
        INT24 => whole(bytes, 3, column, out)?,
        LONG => whole(bytes, 4, column, out)?,
        LONGLONG => whole(bytes, 8, column, out)?,
        FLOAT => float(f32::from_bits(bytes.number(4)? as u32), out),
        DOUBLE => float(f64::from_bits(bytes.number(8)?), out),
        NEWDECIMAL => {
            out.push('"');
            decimal(bytes, usize::from(first), usize::from(second), out)?;
            out.push('"');
        }
        YEAR => put(out, bytes.byte().map(|year| if year == 0 { 0 } else { 1_900 + u32::from(year) })?),
        BIT => {
            let bits = usize::from(second) * 8 + usize::from(first);
            put(out, bytes.big_endian(Some(bits.div_ceil(8)).filter(|length| *length <= 8)?)?);
        }
        ENUM | SET => put(out, bytes.number(Some(usize::from(second)).filter(|length| *length <= 8)?)?),
        NEWDATE | DATE => date(bytes.number(3)?, out),
        TIMESTAMP => moment_of(bytes.number(4)?, 0, out),
        TIMESTAMP2 => {
            let seconds = bytes.big_endian(4)?;
            moment_of(seconds, moment::fraction(bytes, first)?, out);
        }
        DATETIME => {
            let n = bytes.number(8)?;
            let _ = write!(out, "\"{:04}-{:02}-{:02} ", n / 10_000_000_000, n / 100_000_000 % 100, n / 1_000_000 % 100);
            let _ = write!(out, "{:02}:{:02}:{:02}\"", n / 10_000 % 100, n / 100 % 100, n % 100);
        }
        DATETIME2 => {
            let packed = bytes.big_endian(5)? as i64 - 0x80_0000_0000;
            let micros = moment::fraction(bytes, first)?;
            write_date_time(packed, micros, first, out);
        }
        TIME => {
            let n = signed(bytes.number(3)?, 3);
            let sign = if n < 0 { "-" } else { "" };
            let n = n.unsigned_abs();
            let _ = write!(out, "\"{sign}{:02}:{:02}:{:02}\"", n / 10_000, n / 100 % 100, n % 100);
        }
        TIME2 => write_time(bytes, first, out)?,
        JSON => {
            let value = bytes.behind_length(length_bytes(first)?)?;
            return Some(json_value(value, out));
        }
        VARCHAR | VAR_STRING => return Some(text(bytes.behind_length(bytes_for(both))?, column, out)),
        STRING => {
            // Bits of a length above 255 stand turned over in the type.
            let length = if first & 0x30 == 0x30 {
                second.into()
            } else {
                usize::from(second) | usize::from(first & 0x30 ^ 0x30) << 4
            };
            return Some(text(bytes.behind_length(bytes_for(length))?, column, out));
        }
        TINY_BLOB..=BLOB => return Some(text(bytes.behind_length(length_bytes(first)?)?, column, out)),
        GEOMETRY | VECTOR => return Some(hex(bytes.behind_length(length_bytes(first)?)?, out)),
        BLOB_COMPRESSED => return Some(unpacked(bytes.behind_length(length_bytes(first)?)?, column, out)),
        VARCHAR_COMPRESSED => return Some(unpacked(bytes.behind_length(bytes_for(both))?, column, out)),
        _ => return None,
    }
    Some(None)
}

/// How many bytes tell a text's length, by how long it may be.
fn bytes_for(length: usize) -> usize {
    if length < 256 { 1 } else { 2 }
}

fn length_bytes(detail: u8) -> Option<usize> {
    (1..=4).contains(&detail).then_some(usize::from(detail))
}

fn put(out: &mut String, value: impl std::fmt::Display) {
    let _ = write!(out, "{value}");
}

fn whole(bytes: &mut Bytes<'_>, length: usize, column: &Column, out: &mut String) -> Option<()> {
    let n = bytes.number(length)?;
    if column.is_unsigned {
        put(out, n)
    } else {
        put(out, signed(n, length))
    }
    Some(())
}

/// A number of so many bytes, of which the highest bit is the sign.
fn signed(n: u64, bytes: usize) -> i64 {
    let unused = 64 - 8 * u32::try_from(bytes).unwrap_or(8);
    (n << unused).cast_signed() >> unused
}

fn float(n: impl Into<f64> + std::fmt::Display + Copy, out: &mut String) {
    let wide: f64 = n.into();
    if !wide.is_finite() {
        push_string(out, &n.to_string());
    } else if wide != 0.0 && !(1e-6..1e17).contains(&wide.abs()) {
        // Shortest digits of the narrow number, with an exponent.
        let _ = match n.to_string().parse::<f64>() {
            Ok(exact) => write!(out, "{exact:e}"),
            Err(_) => write!(out, "{wide:e}"),
        };
    } else {
        put(out, n);
    }
}

fn date(n: u64, out: &mut String) {
    let _ = write!(out, "\"{:04}-{:02}-{:02}\"", n >> 9, n >> 5 & 15, n & 31);
}

/// A moment in UTC, as the server keeps it.
fn moment_of(seconds: u64, micros: u32, out: &mut String) {
    if seconds == 0 && micros == 0 {
        return out.push_str("\"0000-00-00 00:00:00\"");
    }
    let us = seconds.cast_signed().saturating_mul(1_000_000).saturating_add(i64::from(micros));
    let _ = write!(out, "\"{}\"", Instant(us));
}

/// Digits that so many bytes hold, of a group of nine or less.
const DIGIT_BYTES: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/// A decimal number: groups of nine digits, four bytes each, the sign being the first bit.
pub(super) fn decimal(bytes: &mut Bytes<'_>, precision: usize, scale: usize, out: &mut String) -> Option<()> {
    if scale > precision || precision == 0 || precision > 81 {
        return None;
    }
    let whole = precision - scale;
    let lengths = |digits: usize| (digits / 9, digits % 9);
    let ((whole_groups, whole_rest), (groups, rest)) = (lengths(whole), lengths(scale));
    let size = (whole_groups + groups) * 4 + DIGIT_BYTES[whole_rest] + DIGIT_BYTES[rest];
    let raw = bytes.take(size)?;
    let mut copy = [0u8; 40];
    let copy = copy.get_mut(..size)?;
    copy.copy_from_slice(raw);
    let is_negative = copy[0] & 0x80 == 0;
    copy[0] ^= 0x80;
    if is_negative {
        copy.iter_mut().for_each(|byte| *byte = !*byte);
        out.push('-');
    }
    let mut digits = Bytes(copy);
    let begin = out.len();
    for group in std::iter::once(whole_rest).chain(std::iter::repeat_n(9, whole_groups)) {
        let n = digits.big_endian(DIGIT_BYTES[group])?;
        // Leading noughts are left out.
        if out.len() > begin {
            let _ = write!(out, "{n:0group$}");
        } else if n > 0 {
            put(out, n);
        }
    }
    if out.len() == begin {
        out.push('0');
    }
    if scale > 0 {
        out.push('.');
        for group in std::iter::repeat_n(9, groups).chain((rest > 0).then_some(rest)) {
            let n = digits.big_endian(DIGIT_BYTES[group])?;
            let _ = write!(out, "{n:0group$}");
        }
    }
    Some(())
}

/// Text, or bytes as hexadecimal digits. Of what is too long, the beginning.
fn text(value: &[u8], column: &Column, out: &mut String) -> Option<usize> {
    let Some(decoded) = decoded(value, column.charset) else { return hex(value, out) };
    if decoded.len() <= SHOWN_MAX {
        push_string(out, &decoded);
        return None;
    }
    push_string(out, &decoded[..decoded.floor_char_boundary(SHOWN_MAX)]);
    Some(value.len())
}

pub(super) fn hex(value: &[u8], out: &mut String) -> Option<usize> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push_str("\"0x");
    for byte in value.iter().take(SHOWN_MAX / 2) {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out.push('"');
    (value.len() > SHOWN_MAX / 2).then_some(value.len())
}

/// A document; as bytes, if it is broken or too long.
fn json_value(value: &[u8], out: &mut String) -> Option<usize> {
    let begin = out.len();
    if value.is_empty() {
        out.push_str("null");
        return None;
    }
    if jsonb::write(value, out).is_some() {
        return None;
    }
    out.truncate(begin);
    hex(value, out);
    Some(value.len())
}

/// A value that MariaDB compressed, or would have if it had become shorter.
fn unpacked(value: &[u8], column: &Column, out: &mut String) -> Option<usize> {
    let mut bytes = Bytes(value);
    let Some(head) = bytes.byte() else { return text(value, column, out) };
    if head == 0 {
        return text(bytes.0, column, out);
    }
    let plain = (head & 0xf0 == 0x80).then(|| bytes.big_endian(usize::from(head & 7))).flatten().and_then(|length| {
        let mut plain = Vec::new();
        let limit = length.min(DECOMPRESSED_MAX);
        let read = if head & 8 == 0 {
            flate2::read::ZlibDecoder::new(bytes.0).take(limit).read_to_end(&mut plain)
        } else {
            flate2::read::DeflateDecoder::new(bytes.0).take(limit).read_to_end(&mut plain)
        };
        read.ok().map(|_| plain)
    });
    match plain {
        Some(plain) => text(&plain, column, out),
        None => hex(value, out),
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::Charset;
    use super::*;
    use proptest::prelude::*;

    fn column(kind: u8, detail: [u8; 2]) -> Column {
        Column { kind, detail, is_unsigned: false, charset: Charset::Unknown, name: "c".into() }
    }

    fn written(kind: u8, detail: [u8; 2], value: &[u8]) -> String {
        let mut out = String::new();
        write(&column(kind, detail), &mut Bytes(value), &mut out).map_or("nothing".to_owned(), |_| out)
    }

    #[test]
    fn values_of_all_types() {
        for (kind, detail, value, expected) in [
            (TINY, [0, 0], &b"\xff"[..], "-1"),
            (INT24, [0, 0], b"\x00\x00\x80", "-8388608"),
            (LONGLONG, [0, 0], b"\x00\x00\x00\x00\x00\x00\x00\x80", "-9223372036854775808"),
            (FLOAT, [4, 0], b"\x00\x00\xc0\x3f", "1.5"),
            (FLOAT, [4, 0], b"\x00\x00\x80\x7f", "\"inf\""),
            (DOUBLE, [8, 0], b"\x9a\x99\x99\x99\x99\x99\xb9\x3f", "0.1"),
            (NEWDECIMAL, [14, 4], b"\x81\x0d\xfb\x38\xd2\x04\xd2", "\"1234567890.1234\""),
            (NEWDECIMAL, [14, 4], b"\x7e\xf2\x04\xc7\x2d\xfb\x2d", "\"-1234567890.1234\""),
            (NEWDECIMAL, [5, 2], b"\x80\x00\x05", "\"0.05\""),
            (YEAR, [0, 0], b"\x7e", "2026"),
            (BIT, [4, 1], b"\x0a\xaa", "2730"),
            (ENUM, [ENUM, 1], b"\x02", "2"),
            (NEWDATE, [0, 0], b"\x62\xd4\x0f", "\"2026-03-02\""),
            (TIMESTAMP2, [0, 0], b"\x69\xa5\xfd\x8d", "\"2026-03-02T21:13:49Z\""),
            (TIMESTAMP2, [0, 0], b"\0\0\0\0", "\"0000-00-00 00:00:00\""),
            (TIME, [0, 0], b"\x83\x27\x00", "\"01:01:15\""),
            (VARCHAR, [40, 0], b"\x02ab", "\"ab\""),
            (VARCHAR, [0, 4], b"\x02\x00ab", "\"ab\""),
            (STRING, [0xfe, 20], b"\x02a\x1b", "\"a\\u001b\""),
            (BLOB, [2, 0], b"\x03\0\0\xff\x10", "\"0x00ff10\""),
            (BLOB, [9, 0], b"\x03", "nothing"),
            (200, [0, 0], b"abc", "nothing"),
        ] {
            assert_eq!(written(kind, detail, value), expected, "type {kind}");
        }
    }

    #[test]
    fn long_values_are_cut_and_their_length_is_told() {
        let value = [&[0x70, 0x17][..], &[b'x'; 6_000]].concat();
        let mut out = String::new();
        assert_eq!(write(&column(BLOB, [2, 0]), &mut Bytes(&value), &mut out), Some(Some(6_000)));
        assert_eq!(out.len(), SHOWN_MAX + 2);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_what_is_written_is_json(
            kind in any::<u8>(), a in any::<u8>(), b in any::<u8>(), value in prop::collection::vec(any::<u8>(), 0..60)
        ) {
            let mut out = String::new();
            if write(&column(kind, [a, b]), &mut Bytes(&value), &mut out).is_some() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{} from type {}", out, kind);
            }
        }
    }
}
