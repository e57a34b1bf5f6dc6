//! Rows as they were before and after a change.

use super::bytes::{Bytes, bit};
use super::event::decompressed;
use super::table::{Column, Table, types::JSON};
use super::value;
use crate::json::{Object, push_string};
use std::borrow::Cow;
use std::fmt::Write;

/// Bytes of text that one row may become.
const ROW_MAX: usize = 1 << 20;

/// What was done to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    Insert,
    Update,
    Delete,
}

impl Change {
    pub(super) fn command(self) -> &'static str {
        match self {
            Change::Insert => "INSERT",
            Change::Update => "UPDATE",
            Change::Delete => "DELETE",
        }
    }
}

/// How events of one kind hold rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    change: Change,
    /// Whether further data may stand in their head.
    has_extra: bool,
    is_compressed: bool,
    /// Whether only what changed of a document may stand in it.
    is_partial: bool,
}

impl Kind {
    /// The kind of that number, if it holds rows.
    pub(super) fn of(kind: u8) -> Option<Kind> {
        let change = match kind {
            23 | 30 | 166 | 169 => Change::Insert,
            24 | 31 | 39 | 167 | 170 => Change::Update,
            25 | 32 | 168 | 171 => Change::Delete,
            _ => return None,
        };
        let has_extra = matches!(kind, 30..=32 | 39 | 169..=171);
        Some(Kind { change, has_extra, is_compressed: kind >= 166, is_partial: kind == 39 })
    }
}

/// An event with rows.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    pub(super) table: u64,
    pub(super) change: Change,
    /// Whether the statement ends with it.
    pub(super) is_last: bool,
    columns: usize,
    /// Columns that stand in a row: as it was before, or as it is after an insertion.
    present: &'a [u8],
    /// Columns that stand in it as it is after an update.
    present_after: Option<&'a [u8]>,
    is_partial: bool,
    data: Cow<'a, [u8]>,
}

/// What became of an event's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Whole,
    /// A row cannot be read, and nothing behind it.
    Broken,
}

impl<'a> Rows<'a> {
    pub(super) fn of(kind: Kind, body: &'a [u8]) -> Option<Rows<'a>> {
        let mut bytes = Bytes(body);
        let table = bytes.number(6)?;
        let flags = bytes.number(2)?;
        if kind.has_extra {
            let length = bytes.length(2)?;
            bytes.take(length.checked_sub(2)?)?;
        }
        let columns = usize::try_from(bytes.packed()?).ok()?;
        let present = bytes.take(columns.div_ceil(8))?;
        let present_after = match kind.change {
            Change::Update => Some(bytes.take(columns.div_ceil(8))?),
            _ => None,
        };
        let data = if kind.is_compressed { decompressed(bytes.0)? } else { Cow::Borrowed(bytes.0) };
        let Kind { change, is_partial, .. } = kind;
        Some(Rows { table, change, is_last: flags & 1 != 0, columns, present, present_after, is_partial, data })
    }

    /// Whether it holds nothing but the end of its statement.
    pub(super) fn is_empty(&self) -> bool {
        self.columns == 0
    }

    pub(super) fn fit(&self, table: &Table) -> bool {
        self.columns == table.columns.len()
    }

    /// Writes each row into `unmapped` and hands it out. Rows are only counted while `each` says so.
    pub(super) fn each(
        &self,
        table: &Table,
        unmapped: &mut Object,
        mut each: impl FnMut(&mut Object) -> Showing,
    ) -> Read {
        let mut data = Bytes(&self.data);
        let mut cut = String::new();
        let mut showing = Showing::Text;
        // A row of default values only has no bytes.
        let mut is_due = self.present.iter().all(|b| *b == 0);
        while !data.is_empty() || is_due {
            is_due = false;
            let left = data.0.len();
            unmapped.begin();
            cut.clear();
            let mut image = |name: &str, present: &[u8], is_partial: bool| {
                let image = Image { table, present, is_partial, showing };
                image.read(&mut data, unmapped.name(name), &mut cut)
            };
            let read = match (self.change, self.present_after) {
                (Change::Update, Some(after)) => {
                    image("before", self.present, false).and_then(|()| image("after", after, self.is_partial))
                }
                (Change::Delete, _) => image("before", self.present, false),
                _ => image("after", self.present, false),
            };
            if read.is_none() || data.0.len() == left && left > 0 {
                return Read::Broken;
            }
            if !cut.is_empty() {
                unmapped.raw("cut", format_args!("{{{cut}}}"));
            }
            showing = each(unmapped);
        }
        Read::Whole
    }
}

/// Whether rows are written or only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Showing {
    Text,
    Count,
}

/// A row as it was at one time.
struct Image<'a> {
    table: &'a Table,
    present: &'a [u8],
    is_partial: bool,
    showing: Showing,
}

impl Image<'_> {
    /// Reads it and writes its columns as an object; into `cut`, the lengths of values that are not shown whole.
    fn read(&self, data: &mut Bytes<'_>, out: &mut String, cut: &mut String) -> Option<()> {
        let columns = || self.table.columns.iter().enumerate().filter(|(i, _)| bit(self.present, *i)).map(|(_, c)| c);
        let differences = if self.is_partial { self.differences(data)? } else { &[] };
        let nulls = data.take(columns().count().div_ceil(8))?;
        let begin = out.len();
        let mut documents = 0;
        out.push('{');
        for (i, column) in columns().enumerate() {
            let mark = out.len();
            if mark > begin + 1 {
                out.push(',');
            }
            push_string(out, &column.name);
            out.push(':');
            let is_difference = column.kind == JSON && bit(differences, documents);
            documents += usize::from(column.kind == JSON);
            if bit(nulls, i) {
                out.push_str("null");
            } else {
                let before = data.0.len();
                let short =
                    if is_difference { difference(column, data, out)? } else { value::write(column, data, out)? };
                let is_long = out.len() - begin > ROW_MAX;
                if let Some(length) = short.or(is_long.then_some(before - data.0.len())) {
                    note(cut, &column.name, length);
                }
                if is_long {
                    out.truncate(mark);
                }
            }
            if self.showing == Showing::Count {
                out.truncate(mark);
            }
        }
        out.push('}');
        Some(())
    }

    /// Which documents stand in the row as what changed in them.
    fn differences<'b>(&self, data: &mut Bytes<'b>) -> Option<&'b [u8]> {
        let is_any = data.packed()? & 1 != 0;
        let documents = self.table.columns.iter().filter(|c| c.kind == JSON).count();
        data.take(if is_any { documents.div_ceil(8) } else { 0 })
    }
}

/// Notes the length of a value that is not shown whole. A few thousand of them are enough.
fn note(cut: &mut String, name: &str, length: usize) {
    if cut.len() > ROW_MAX {
        return;
    }
    if !cut.is_empty() {
        cut.push(',');
    }
    push_string(cut, name);
    let _ = write!(cut, ":{length}");
}

/// What changed in a document, as bytes: places and values one after the other.
fn difference(column: &Column, data: &mut Bytes<'_>, out: &mut String) -> Option<Option<usize>> {
    let changes = data.behind_length(usize::from(column.detail[0]).min(8))?;
    out.push_str("{\"difference\":");
    let cut = value::hex(changes, out);
    out.push('}');
    Some(cut)
}
