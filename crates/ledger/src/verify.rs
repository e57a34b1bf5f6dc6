//! Walks a ledger from its first line and says where it stops holding.

use crate::chain::{Entry, Head};
use crate::writer::LedgerError;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;

/// Bytes above which a line is no entry: entries hold references only.
pub(crate) const LINE_BYTES_MAX: u64 = 1 << 20;

/// What was found in a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The end of the part that holds, counted from the first entry.
    pub head: Head,
    /// Where it stops holding, if it does before its end.
    pub broken: Option<Break>,
    /// A last line that was cut off while being written.
    pub torn: Option<Torn>,
    /// Bytes of the part that holds.
    pub bytes: u64,
}

impl Report {
    /// Whether every line holds and every known head was met.
    pub fn is_whole(&self) -> bool {
        self.broken.is_none() && self.torn.is_none()
    }
}

/// The first entry that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// A line that is no entry, or is one in another spelling than the ledger's own.
    #[error("line {line} is not an entry as the ledger writes them")]
    NotAnEntry {
        /// The line, from 1.
        line: u64,
    },
    /// Entries are missing, doubled or in another order.
    #[error("line {line} says it is entry {found}; entry {line} belongs here: lines were removed, added or moved")]
    OutOfOrder {
        /// The line, from 1.
        line: u64,
        /// The number that it carries.
        found: u64,
    },
    /// The entry names another line before it than the one that is there.
    #[error("entry {line} does not follow from the line before it: entry {} or what came before was changed", line - 1)]
    NotChained {
        /// The line, from 1.
        line: u64,
    },
    /// A head kept elsewhere names another line than the one that is there.
    #[error("entry {entry} is not the one that was recorded elsewhere as the ledger's head: it was changed")]
    OtherThanKnown {
        /// The entry, from 1.
        entry: u64,
    },
    /// A head kept elsewhere lies behind the ledger's end.
    #[error("the ledger ends at entry {found}, and entry {known} was recorded elsewhere: its end was cut off")]
    CutShort {
        /// Entries that are there.
        found: u64,
        /// Entries that were there.
        known: u64,
    },
}

/// A last line without its newline: the machine stopped while it was written, and the act was not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// First byte of it.
    pub offset: u64,
    /// How many bytes there are.
    pub bytes: u64,
}

/// Checks a ledger against itself and against heads that were kept elsewhere. A file that is not there is an empty
/// ledger.
///
/// # Errors
/// If the file cannot be read. That it does not hold is no error but the answer.
pub fn verify(path: &Path, known: &[Head]) -> Result<Report, LedgerError> {
    let (report, _) = walk(path, known, |_, _| ())?;
    Ok(report)
}

/// Every entry of the part that holds, handed to `each` with the head that it makes.
pub(crate) fn walk(
    path: &Path,
    known: &[Head],
    mut each: impl FnMut(Entry, &Head),
) -> Result<(Report, Option<File>), LedgerError> {
    let mut report = Report { head: Head::start(), broken: None, torn: None, bytes: 0 };
    let reading = |source| LedgerError::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => Some(file),
        Err(e) if e.kind() == ErrorKind::NotFound => None,
        Err(e) => return Err(reading(e)),
    };
    let Some(opened) = &file else {
        report.broken = beyond(&report.head, known);
        return Ok((report, None));
    };
    let mut lines = BufReader::new(opened);
    let mut line = Vec::new();
    while report.is_whole() {
        line.clear();
        let got = read_line(&mut lines, &mut line).map_err(reading)?;
        if got == 0 {
            report.broken = beyond(&report.head, known);
            break;
        }
        if line.pop_if(|b| *b == b'\n').is_none() && got <= LINE_BYTES_MAX {
            report.torn = Some(Torn { offset: report.bytes, bytes: got });
            break;
        }
        match follows(&report.head, &line, known) {
            Ok(entry) => {
                report.head = report.head.after(&line);
                report.bytes += got;
                each(entry, &report.head);
            }
            Err(broken) => report.broken = Some(broken),
        }
    }
    Ok((report, file))
}

/// One line with its newline, or as much of it as an entry may have and a byte more.
fn read_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<u64> {
    use std::io::Read;
    let mut limited = lines.take(LINE_BYTES_MAX + 1);
    Ok(limited.read_until(b'\n', line)? as u64)
}

/// The entry in a line, if it is the one that comes after `head`.
fn follows(head: &Head, line: &[u8], known: &[Head]) -> Result<Entry, Break> {
    let number = head.entries + 1;
    let entry: Entry = serde_json::from_slice(line).map_err(|_| Break::NotAnEntry { line: number })?;
    if entry.line().as_bytes() != line {
        return Err(Break::NotAnEntry { line: number });
    }
    if entry.seq != number {
        return Err(Break::OutOfOrder { line: number, found: entry.seq });
    }
    if entry.prev != head.hash {
        return Err(Break::NotChained { line: number });
    }
    let after = head.after(line);
    if known.iter().any(|k| k.entries == number && k.hash != after.hash) {
        return Err(Break::OtherThanKnown { entry: number });
    }
    Ok(entry)
}

fn beyond(head: &Head, known: &[Head]) -> Option<Break> {
    let furthest = known.iter().map(|k| k.entries).max()?;
    (furthest > head.entries).then_some(Break::CutShort { found: head.entries, known: furthest })
}
