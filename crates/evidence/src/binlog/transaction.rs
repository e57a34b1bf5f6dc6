//! Identities of transactions, values that statements depend on, and transactions that were compressed as a whole.

use super::bytes::Bytes;
use super::event::{Event, kind};
use super::text::{Charset, decoded};
use super::value::{SHOWN_MAX, decimal, hex};
use crate::json::{Object, push_string};
use std::fmt::Write;
use std::io::Read;

/// Bytes that may come out of one compressed transaction.
const TRANSACTION_MAX: u64 = 1 << 30;

/// MySQL's: the server's UUID, and a number.
pub(super) fn gtid_of_mysql(body: &[u8]) -> Option<(String, i64)> {
    let mut bytes = Bytes(body);
    bytes.take(1)?;
    let server = bytes.take(16)?;
    let number = bytes.number(8)?;
    let mut gtid = String::with_capacity(56);
    for (i, byte) in server.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            gtid.push('-');
        }
        let _ = write!(gtid, "{byte:02x}");
    }
    let _ = write!(gtid, ":{number}");
    Some((gtid, number.cast_signed()))
}

/// MariaDB's: domain, server, and a number.
pub(super) fn gtid_of_mariadb(body: &[u8], server: u32) -> Option<(String, i64)> {
    let mut bytes = Bytes(body);
    let number = bytes.number(8)?;
    let domain = bytes.number(4)?;
    Some((format!("{domain}-{server}-{number}"), number.cast_signed()))
}

/// A value that the next statement depends on: what it was given for an automatic number, or a variable.
pub(super) fn parameter(event: &Event<'_>, parameters: &mut Object) -> Option<()> {
    let mut bytes = Bytes(event.body);
    if event.kind == kind::INTVAR {
        let name = match bytes.byte()? {
            1 => "last_insert_id",
            2 => "insert_id",
            _ => return None,
        };
        parameters.raw(name, bytes.number(8)?);
        return Some(());
    }
    let name = format!("@{}", String::from_utf8_lossy(bytes.behind_length(4)?));
    if name.len() > SHOWN_MAX || !parameters.has_room() {
        return Some(());
    }
    if bytes.byte()? != 0 {
        parameters.raw(&name, "null");
        return Some(());
    }
    let kind = bytes.byte()?;
    let charset = Charset::of(bytes.number(4)?);
    let mut value = Bytes(bytes.behind_length(4)?);
    let is_unsigned = bytes.byte().is_some_and(|flags| flags & 1 != 0);
    let out = parameters.name(&name);
    let begin = out.len();
    let written = match kind {
        1 => value.number(8).map(|n| push_string(out, &f64::from_bits(n).to_string())),
        2 => value.number(8).map(|n| {
            let n = if is_unsigned { i128::from(n) } else { i128::from(n.cast_signed()) };
            let _ = write!(out, "{n}");
        }),
        4 => {
            let digits = (value.byte(), value.byte());
            out.push('"');
            let written = match digits {
                (Some(precision), Some(scale)) => decimal(&mut value, precision.into(), scale.into(), out),
                _ => None,
            };
            out.push('"');
            written
        }
        _ => match decoded(value.0, charset) {
            Some(text) => {
                push_string(out, &text[..text.floor_char_boundary(SHOWN_MAX)]);
                Some(())
            }
            None => None,
        },
    };
    if written.is_none() {
        out.truncate(begin);
        hex(value.0, out);
    }
    Some(())
}

/// The events inside a transaction that was compressed as a whole.
pub(super) fn packed_events(body: &[u8]) -> Option<Box<dyn Read + '_>> {
    let mut bytes = Bytes(body);
    let mut is_plain = false;
    loop {
        let field = bytes.packed()?;
        if field == 0 {
            break;
        }
        let mut value = Bytes(bytes.packed_bytes()?);
        // 2 is how it was compressed: 0 for zstd, 255 for not at all.
        if field == 2 {
            is_plain = match value.packed()? {
                0 => false,
                255 => true,
                _ => return None,
            };
        }
    }
    if is_plain {
        return Some(Box::new(bytes.0));
    }
    let decoder = zstd::stream::read::Decoder::with_buffer(bytes.0).ok()?;
    Some(Box::new(decoder.take(TRANSACTION_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_written_as_their_servers_write_them() {
        let body = [&[1][..], &(0..16).collect::<Vec<u8>>(), &7_u64.to_le_bytes()].concat();
        let expected = "00010203-0405-0607-0809-0a0b0c0d0e0f:7".to_owned();
        assert_eq!(gtid_of_mysql(&body), Some((expected, 7)));
        assert_eq!(gtid_of_mysql(&body[..20]), None);
        let body = [&9_u64.to_le_bytes()[..], &2_u32.to_le_bytes(), &[0]].concat();
        assert_eq!(gtid_of_mariadb(&body, 7), Some(("2-7-9".to_owned(), 9)));
    }
}
