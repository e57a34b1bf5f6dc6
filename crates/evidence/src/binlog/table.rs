//! Tables as the log describes them before it tells of their rows.

use super::bytes::Bytes;
use super::text::Charset;
use std::collections::HashMap;
use std::sync::Arc;

/// A table of one statement.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) database: String,
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// The number of its type.
    pub(super) kind: u8,
    /// What the type needs to be read: lengths, digits.
    pub(super) detail: [u8; 2],
    /// Whether its numbers have no sign. Logs without further metadata do not say; then it counts as having one.
    pub(super) is_unsigned: bool,
    pub(super) charset: Charset,
    /// Its name, or its place (`@1`).
    pub(super) name: Box<str>,
}

/// Numbers of types.
pub(super) mod types {
    pub(in super::super) const TINY: u8 = 1;
    pub(in super::super) const SHORT: u8 = 2;
    pub(in super::super) const LONG: u8 = 3;
    pub(in super::super) const FLOAT: u8 = 4;
    pub(in super::super) const DOUBLE: u8 = 5;
    pub(in super::super) const NULL: u8 = 6;
    pub(in super::super) const TIMESTAMP: u8 = 7;
    pub(in super::super) const LONGLONG: u8 = 8;
    pub(in super::super) const INT24: u8 = 9;
    pub(in super::super) const DATE: u8 = 10;
    pub(in super::super) const TIME: u8 = 11;
    pub(in super::super) const DATETIME: u8 = 12;
    pub(in super::super) const YEAR: u8 = 13;
    pub(in super::super) const NEWDATE: u8 = 14;
    pub(in super::super) const VARCHAR: u8 = 15;
    pub(in super::super) const BIT: u8 = 16;
    pub(in super::super) const TIMESTAMP2: u8 = 17;
    pub(in super::super) const DATETIME2: u8 = 18;
    pub(in super::super) const TIME2: u8 = 19;
    /// MariaDB's.
    pub(in super::super) const BLOB_COMPRESSED: u8 = 140;
    /// MariaDB's.
    pub(in super::super) const VARCHAR_COMPRESSED: u8 = 141;
    pub(in super::super) const VECTOR: u8 = 242;
    pub(in super::super) const JSON: u8 = 245;
    pub(in super::super) const NEWDECIMAL: u8 = 246;
    pub(in super::super) const ENUM: u8 = 247;
    pub(in super::super) const SET: u8 = 248;
    pub(in super::super) const TINY_BLOB: u8 = 249;
    pub(in super::super) const BLOB: u8 = 252;
    pub(in super::super) const VAR_STRING: u8 = 253;
    pub(in super::super) const STRING: u8 = 254;
    pub(in super::super) const GEOMETRY: u8 = 255;
}

use types::*;

/// Columns that a table may have.
const COLUMNS_MAX: usize = 4_096;
/// Bytes of a column's name; servers allow 64 characters.
const NAME_MAX: usize = 256;
/// Tables of one statement that are kept.
const TABLES_MAX: usize = 4_096;
/// Columns of all of them together.
const KEPT_COLUMNS_MAX: usize = 100_000;

/// The tables of the statement that is being read, by the numbers that its rows name.
#[derive(Debug, Default)]
pub(super) struct Tables {
    by_number: HashMap<u64, Arc<Table>>,
    columns: usize,
}

impl Tables {
    /// Takes in what describes a table.
    pub(super) fn describe(&mut self, body: &[u8]) -> Result<(), &'static str> {
        let (number, table) = parse(body).ok_or("a description of a table that is broken")?;
        if self.by_number.len() >= TABLES_MAX || self.columns + table.columns.len() > KEPT_COLUMNS_MAX {
            return Err("more tables in one statement than can be kept");
        }
        self.columns += table.columns.len();
        self.by_number.insert(number, Arc::new(table));
        Ok(())
    }

    pub(super) fn get(&self, number: u64) -> Option<Arc<Table>> {
        self.by_number.get(&number).map(Arc::clone)
    }

    /// Forgets all: the statement has ended, and the next describes its own.
    pub(super) fn clear(&mut self) {
        self.by_number.clear();
        self.columns = 0;
    }
}

fn parse(body: &[u8]) -> Option<(u64, Table)> {
    let mut bytes = Bytes(body);
    let number = bytes.number(6)?;
    bytes.take(2)?;
    let database = String::from_utf8_lossy(bytes.behind_length(1)?).into_owned();
    bytes.take(1)?;
    let name = String::from_utf8_lossy(bytes.behind_length(1)?).into_owned();
    bytes.take(1)?;
    let count = usize::try_from(bytes.packed()?).ok().filter(|count| *count <= COLUMNS_MAX)?;
    let kinds = bytes.take(count)?;
    let mut details = Bytes(bytes.packed_bytes()?);
    bytes.take(count.div_ceil(8))?;
    let mut columns = Vec::with_capacity(count);
    for (i, kind) in kinds.iter().enumerate() {
        columns.push(Column::of(*kind, &mut details, i)?);
    }
    // What is broken here costs names and signs, not the rows.
    let _ = further(bytes, &mut columns);
    Some((number, Table { database, name, columns }))
}

impl Column {
    fn of(kind: u8, details: &mut Bytes<'_>, at: usize) -> Option<Column> {
        let length = match kind {
            FLOAT
            | DOUBLE
            | TIMESTAMP2
            | DATETIME2
            | TIME2
            | JSON
            | TINY_BLOB..=BLOB
            | GEOMETRY
            | VECTOR
            | BLOB_COMPRESSED => 1,
            VARCHAR | BIT | NEWDECIMAL | ENUM | SET | VAR_STRING | STRING | VARCHAR_COMPRESSED => 2,
            _ => 0,
        };
        let mut detail = [0; 2];
        detail[..length].copy_from_slice(details.take(length)?);
        // Sets and enumerations pass for texts, and say in their detail what they are.
        let kind = match (kind, detail[0]) {
            (STRING, ENUM) => ENUM,
            (STRING, SET) => SET,
            (DATE, _) => NEWDATE,
            _ => kind,
        };
        let name = format!("@{}", at + 1).into_boxed_str();
        Some(Column { kind, detail, is_unsigned: false, charset: Charset::Unknown, name })
    }

    fn is_number(&self) -> bool {
        matches!(self.kind, TINY | SHORT | INT24 | LONG | LONGLONG | NEWDECIMAL | FLOAT | DOUBLE | YEAR)
    }

    fn is_text(&self) -> bool {
        matches!(self.kind, VARCHAR | VAR_STRING | STRING | TINY_BLOB..=BLOB | BLOB_COMPRESSED | VARCHAR_COMPRESSED)
    }
}

/// The metadata that `binlog_row_metadata` adds: signs, character sets, names.
fn further(mut bytes: Bytes<'_>, columns: &mut [Column]) -> Option<()> {
    while !bytes.is_empty() {
        let kind = bytes.byte()?;
        let mut value = Bytes(bytes.packed_bytes()?);
        match kind {
            1 => {
                for (i, column) in columns.iter_mut().filter(|c| c.is_number()).enumerate() {
                    column.is_unsigned = value.0.get(i / 8).is_some_and(|byte| byte & (0x80 >> (i % 8)) != 0);
                }
            }
            2 => {
                let usual = Charset::of(value.packed()?);
                let mut texts: Vec<&mut Column> = columns.iter_mut().filter(|c| c.is_text()).collect();
                texts.iter_mut().for_each(|c| c.charset = usual);
                while !value.is_empty() {
                    let at = usize::try_from(value.packed()?).ok()?;
                    let charset = Charset::of(value.packed()?);
                    texts.get_mut(at)?.charset = charset;
                }
            }
            3 => {
                for column in columns.iter_mut().filter(|c| c.is_text()) {
                    column.charset = Charset::of(value.packed()?);
                }
            }
            4 => {
                for column in columns.iter_mut() {
                    let name = value.packed_bytes()?;
                    column.name = String::from_utf8_lossy(&name[..name.len().min(NAME_MAX)]).into();
                }
            }
            _ => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn described() -> Vec<u8> {
        let mut body = vec![9, 0, 0, 0, 0, 0, 1, 0];
        body.extend(b"\x04shop\0\x01t\0\x03");
        body.extend([LONG, VARCHAR, STRING]);
        body.extend([4, 40, 0, ENUM, 1, 0]);
        body.extend([1, 1, 0x80, 2, 3, 8, 0, 63, 4, 9]);
        body.extend(b"\x02id\x01n\x03typ");
        body
    }

    #[test]
    fn columns_have_their_names_signs_and_character_sets() {
        let (number, table) = parse(&described()).unwrap();
        assert_eq!((number, table.database.as_str(), table.name.as_str()), (9, "shop", "t"));
        let seen: Vec<_> = table.columns.iter().map(|c| (c.kind, &*c.name, c.is_unsigned, c.charset)).collect();
        let expected = [
            (LONG, "id", true, Charset::Unknown),
            (VARCHAR, "n", false, Charset::Binary),
            (ENUM, "typ", false, Charset::Unknown),
        ];
        assert_eq!(seen, expected);
        let without = parse(&described()[..28]).unwrap().1;
        assert_eq!(&*without.columns[1].name, "@2");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(at in 0usize..60, byte in any::<u8>(), cut in 0usize..60) {
            let mut body = described();
            let at = at.min(body.len() - 1);
            body[at] = byte;
            let _ = parse(&body[..cut.min(body.len())]);
            let _ = parse(&body);
        }
    }
}
