//! Documents as MySQL keeps them. Written out by hand, with a bound: places in a document point to others, so that a
//! forged one could stand for far more text than it has bytes.

use super::bytes::Bytes;
use super::moment::{write_date_time, write_packed_time};
use super::value::{decimal, hex};
use crate::json::push_string;
use std::fmt::Write;

/// Documents may be nested so deep in MySQL.
const DEPTH_MAX: usize = 100;
/// Bytes of text that one document may become.
const TEXT_MAX: usize = 64 << 10;

/// Writes a document. Nothing if it is broken or too long; what was written by then is to be taken back.
pub(super) fn write(document: &[u8], out: &mut String) -> Option<()> {
    let (kind, value) = document.split_first()?;
    let end = out.len() + TEXT_MAX;
    write_any(*kind, value, 0, end, out)?;
    (out.len() <= end).then_some(())
}

/// A value of that kind, which begins there.
fn write_any(kind: u8, value: &[u8], depth: usize, end: usize, out: &mut String) -> Option<()> {
    if out.len() > end || depth > DEPTH_MAX {
        return None;
    }
    let mut bytes = Bytes(value);
    match kind {
        0..=3 => return container(kind, value, depth, end, out),
        4 => out.push_str(match bytes.byte()? {
            0 => "null",
            1 => "true",
            2 => "false",
            _ => return None,
        }),
        5 => put(out, (bytes.number(2)? as u16).cast_signed()),
        6 => put(out, bytes.number(2)?),
        7 => put(out, (bytes.number(4)? as u32).cast_signed()),
        8 => put(out, bytes.number(4)?),
        9 => put(out, bytes.number(8)?.cast_signed()),
        10 => put(out, bytes.number(8)?),
        11 => match f64::from_bits(bytes.number(8)?) {
            n if n.is_finite() => {
                let _ = write!(out, "{n:?}");
            }
            n => push_string(out, &n.to_string()),
        },
        12 => {
            let length = length(&mut bytes)?;
            push_string(out, &String::from_utf8_lossy(bytes.take(length)?));
        }
        15 => {
            let kind = bytes.byte()?;
            let length = length(&mut bytes)?;
            opaque(kind, bytes.take(length)?, out)?;
        }
        _ => return None,
    }
    Some(())
}

fn put(out: &mut String, value: impl std::fmt::Display) {
    let _ = write!(out, "{value}");
}

/// Objects and arrays: counts, then places of keys, then kinds and places of values, then what stands there.
fn container(kind: u8, value: &[u8], depth: usize, end: usize, out: &mut String) -> Option<()> {
    let (is_object, width) = (kind < 2, if kind & 1 == 0 { 2 } else { 4 });
    let mut head = Bytes(value);
    let count = head.length(width)?;
    let size = head.length(width)?;
    let value = value.get(..size)?;
    let mut keys = Bytes(head.take(if is_object { count.checked_mul(width + 2)? } else { 0 })?);
    let mut values = Bytes(head.take(count.checked_mul(width + 1)?)?);
    out.push(if is_object { '{' } else { '[' });
    for i in 0..count {
        if i > 0 {
            out.push(',');
        }
        if is_object {
            let at = keys.length(width)?;
            let length = keys.length(2)?;
            push_string(out, &String::from_utf8_lossy(value.get(at..at.checked_add(length)?)?));
            out.push(':');
        }
        let kind = values.byte()?;
        // Small values stand in the place of their place.
        let is_here = matches!(kind, 4..=6) || width == 4 && matches!(kind, 7 | 8);
        let here = values.take(width)?;
        let begin = if is_here { here } else { value.get(Bytes(here).length(width)?..)? };
        write_any(kind, begin, depth + 1, end, out)?;
    }
    out.push(if is_object { '}' } else { ']' });
    Some(())
}

/// A value of a column's type.
fn opaque(kind: u8, value: &[u8], out: &mut String) -> Option<()> {
    let mut bytes = Bytes(value);
    match kind {
        246 => {
            let (precision, scale) = (usize::from(bytes.byte()?), usize::from(bytes.byte()?));
            out.push('"');
            decimal(&mut bytes, precision, scale, out)?;
            out.push('"');
        }
        7 | 10 | 12 => {
            let packed = bytes.number(8)?.cast_signed();
            write_date_time(packed >> 24, (packed & 0xff_ffff) as u32, 6, out);
        }
        11 => write_packed_time(bytes.number(8)?.cast_signed(), out),
        _ => {
            hex(value, out);
        }
    }
    Some(())
}

/// A length in groups of seven bits, the lowest first.
fn length(bytes: &mut Bytes<'_>) -> Option<usize> {
    let mut length = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = bytes.byte()?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(document: &[u8]) -> Option<String> {
        let mut out = String::new();
        write(document, &mut out).map(|()| out)
    }

    #[test]
    fn documents_are_written_and_agree_with_another_implementation() {
        let document = b"\x00\x02\x00\x25\x00\x12\x00\x01\x00\x13\x00\x02\x00\x05\xff\xff\x02\x15\x00abc\x03\x00\x10\x00\x04\x01\x00\x0c\x0d\x00\x06\x07\x00\x02h\"";
        assert_eq!(written(document).as_deref(), Some(r#"{"a":-1,"bc":[true,"h\"",7]}"#));
        let mut other = mysql_common::io::ParseBuf(document);
        let value: mysql_common::binlog::jsonb::Value<'_> = other.parse(()).unwrap();
        let theirs = serde_json::Value::try_from(value).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written(document).unwrap()).unwrap(), theirs);
        assert_eq!(written(b"\x0b\0\0\0\0\0\0\xf0\x3f").as_deref(), Some("1.0"));
        assert_eq!(written(b"\x0f\xf6\x05\x05\x02\x80\x01\x05").as_deref(), Some("\"1.05\""));
        assert_eq!(written(b"\x04\x07"), None);
    }

    #[test]
    fn a_document_that_points_to_itself_ends() {
        // An array of two whose values both begin where it does.
        let document = b"\x02\x02\x00\x0a\x00\x02\x00\x00\x02\x00\x00";
        assert_eq!(written(document), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(document in prop::collection::vec(any::<u8>(), 0..60), kind in 0u8..16) {
            if let Some(text) = written(&[&[kind], &document[..]].concat()) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
            }
        }
    }
}
