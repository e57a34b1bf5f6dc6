//! Adds entries, one writer at a time, each on disk before the call returns.

use crate::chain::{Entry, Head, On, sha256};
use crate::verify::{Break, LINE_BYTES_MAX, verify, walk};
use stanch_model::Instant;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A ledger that cannot be read or added to.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file cannot be read.
    #[error("could not read the ledger {}", path.display())]
    Read {
        /// The ledger.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("could not write to the ledger {}", path.display())]
    Write {
        /// The ledger.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process is adding to it.
    #[error("the ledger {} is in use by another stanch\nhint: wait until that command has ended", path.display())]
    InUse {
        /// The ledger.
        path: PathBuf,
    },
    /// It does not hold, and nothing is added to a chain that is broken.
    #[error(
        "the ledger {} does not hold\nhint: `stanch verify` says more; put the untouched file back from a copy",
        path.display()
    )]
    Broken {
        /// The ledger.
        path: PathBuf,
        /// Where.
        #[source]
        at: Break,
    },
    /// Its last line was cut off while being written.
    #[error(
        "the last line of the ledger {} was cut off while being written ({bytes} bytes after entry {entries})\n\
         hint: `stanch verify --repair` sets it aside and goes on from entry {entries}",
        path.display()
    )]
    Torn {
        /// The ledger.
        path: PathBuf,
        /// Entries that hold.
        entries: u64,
        /// Bytes of the cut line.
        bytes: u64,
    },
}

/// A ledger open for adding to. Holds a lock on the file; dropping it lets the next writer in.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    head: Head,
    /// Bytes that hold.
    bytes: u64,
    first: Option<String>,
}

impl Ledger {
    /// Opens a ledger, or begins one, and checks it against itself and against heads kept elsewhere.
    ///
    /// # Errors
    /// If it is in use, unreadable, broken or torn.
    pub fn open(path: &Path, known: &[Head]) -> Result<Ledger, LedgerError> {
        let file = lock(path)?;
        let mut first = None;
        let (report, _) = walk(path, known, |_, after| {
            first.get_or_insert_with(|| after.hash.clone());
        })?;
        if let Some(at) = report.broken {
            return Err(LedgerError::Broken { path: path.to_owned(), at });
        }
        if let Some(torn) = report.torn {
            let entries = report.head.entries;
            return Err(LedgerError::Torn { path: path.to_owned(), entries, bytes: torn.bytes });
        }
        Ok(Ledger { path: path.to_owned(), file, head: report.head, bytes: report.bytes, first })
    }

    /// Adds an act. When this returns, its line is on disk.
    ///
    /// # Errors
    /// If the line could not be written or made durable. What was written of it is taken back; where that fails too,
    /// the ledger ends in a torn line, which the next `open` reports.
    pub fn append(&mut self, at: Instant, by: &str, act: &'static str, on: On) -> Result<&Head, LedgerError> {
        let entry = Entry {
            seq: self.head.entries + 1,
            prev: self.head.hash.clone(),
            at,
            by: by.to_owned(),
            act: act.to_owned(),
            on,
        };
        let mut line = entry.line().into_bytes();
        let head = self.head.after(&line);
        line.push(b'\n');
        let write = |source| LedgerError::Write { path: self.path.clone(), source };
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // The disk is full, as a rule. The act is not recorded, and its caller is told.
            let _ = self.file.set_len(self.bytes);
            return Err(write(source));
        }
        self.bytes += line.len() as u64;
        self.first.get_or_insert_with(|| head.hash.clone());
        self.head = head;
        Ok(&self.head)
    }

    /// The end of the chain.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What tells this ledger from every other: the SHA-256 of its first line. An empty one has none.
    pub fn id(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// [`Ledger::id`] of the ledger at `path`, without following the rest of its chain.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn id_of(path: &Path) -> Result<Option<String>, LedgerError> {
        first_line(path).map_err(|source| LedgerError::Read { path: path.to_owned(), source })
    }

    /// Every entry of a ledger, first to last, as far as it holds.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn entries(path: &Path) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = Vec::new();
        walk(path, &[], |entry, _| entries.push(entry))?;
        Ok(entries)
    }
}

/// What [`repair`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// Bytes that were set aside.
    pub bytes: u64,
    /// Where they are now.
    pub set_aside: PathBuf,
}

/// Sets the torn end of a ledger aside in a file next to it, cuts the ledger back to its last whole line, and
/// records that. Nothing is done to a ledger that is not torn.
///
/// # Errors
/// If it is in use, broken in another way, or cannot be read or written.
pub fn repair(path: &Path, known: &[Head], at: Instant, by: &str) -> Result<Option<Repair>, LedgerError> {
    let mut file = lock(path)?;
    let report = verify(path, known)?;
    if let Some(at) = report.broken {
        return Err(LedgerError::Broken { path: path.to_owned(), at });
    }
    let Some(torn) = report.torn else { return Ok(None) };
    let read = |source| LedgerError::Read { path: path.to_owned(), source };
    let write = |source| LedgerError::Write { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(torn.offset)).map_err(read)?;
    (&mut file).take(torn.bytes).read_to_end(&mut bytes).map_err(read)?;
    let set_aside = path.with_extension(format!("torn-after-{}", report.head.entries));
    std::fs::write(&set_aside, &bytes).map_err(write)?;
    file.set_len(torn.offset).map_err(write)?;
    file.sync_all().map_err(write)?;
    let first = first_line(path).map_err(read)?;
    let mut ledger = Ledger { path: path.to_owned(), file, head: report.head, bytes: torn.offset, first };
    let on = On::nothing().count("bytes_set_aside", torn.bytes).digest("set_aside", &bytes);
    ledger.append(at, by, "ledger.repaired", on)?;
    Ok(Some(Repair { bytes: torn.bytes, set_aside }))
}

/// The hash of the first line; nothing where there is no whole one.
fn first_line(path: &Path) -> std::io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut line = Vec::new();
    BufReader::new(file.take(LINE_BYTES_MAX)).read_until(b'\n', &mut line)?;
    Ok(line.pop_if(|b| *b == b'\n').map(|_| sha256(&line)))
}

fn lock(path: &Path) -> Result<File, LedgerError> {
    let write = |source| LedgerError::Write { path: path.to_owned(), source };
    let file = OpenOptions::new().create(true).append(true).read(true).open(path).map_err(write)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LedgerError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(e)) => Err(write(e)),
    }
}
