//! Signed heads: who vouched for the ledger's end, when. Kept in `ledger.heads.jsonl`, one a line; handed out as a
//! small text file each.

use crate::chain::{Head, sha256};
use crate::key::{Key, PublicKey, from_hex, hex};
use serde::{Deserialize, Serialize};
use stanch_model::Instant;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// First line of what is signed: no signature for anything else is one for a head.
const DOMAIN: &str = "stanch ledger head, version 1";
/// Bytes of `ledger.heads.jsonl` that are read. A head takes some 500.
const HEADS_BYTES_MAX: u64 = 256 << 20;

/// A head, and somebody's signature under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHead {
    /// Which ledger: the SHA-256 of its first line.
    pub case: String,
    /// Number of entries.
    pub entries: u64,
    /// SHA-256 of the last line.
    pub hash: String,
    /// When it was signed.
    pub at: Instant,
    /// Who signed.
    pub by: String,
    /// The key that signed.
    pub key: PublicKey,
    /// The signature over [`SignedHead::text`], hexadecimal.
    pub signature: String,
}

impl SignedHead {
    /// Signs a head.
    pub fn sign(case: &str, head: &Head, at: Instant, by: &str, key: &Key) -> SignedHead {
        let mut signed = SignedHead {
            case: case.to_owned(),
            entries: head.entries,
            hash: head.hash.clone(),
            at,
            by: by.to_owned(),
            key: key.public(),
            signature: String::new(),
        };
        signed.signature = hex(&key.sign(signed.text().as_bytes()));
        signed
    }

    /// What is signed: a line for each part, in this order and spelling.
    pub fn text(&self) -> String {
        let SignedHead { case, entries, hash, at, by, key, .. } = self;
        // As JSON, a name cannot break into a line of its own.
        let by = serde_json::Value::from(by.as_str());
        format!("{DOMAIN}\ncase: {case}\nentries: {entries}\nhash: {hash}\nat: {at}\nby: {by}\nkey: {key}\n")
    }

    /// The head as a file of its own: its text, and the signature as the last line.
    pub fn file(&self) -> String {
        format!("{}signature: {}\n", self.text(), self.signature)
    }

    /// Reads what [`SignedHead::file`] wrote.
    ///
    /// # Errors
    /// If the text is anything else.
    pub fn from_file(text: &str) -> Result<SignedHead, NotAHead> {
        SignedHead::parse(text).filter(|head| head.file() == text).ok_or(NotAHead)
    }

    fn parse(text: &str) -> Option<SignedHead> {
        let mut lines = text.lines();
        let mut part = |name: &str| lines.next()?.strip_prefix(name);
        part(DOMAIN)?;
        Some(SignedHead {
            case: part("case: ")?.to_owned(),
            entries: part("entries: ")?.parse().ok()?,
            hash: part("hash: ")?.to_owned(),
            at: part("at: ")?.parse().ok()?,
            by: serde_json::from_str(part("by: ")?).ok()?,
            key: part("key: ")?.parse().ok()?,
            signature: part("signature: ")?.to_owned(),
        })
    }

    /// The signature's 64 bytes, as OpenSSL takes them.
    pub fn signature_bytes(&self) -> Option<[u8; 64]> {
        from_hex(&self.signature)
    }

    /// Whether the signature is the key's, under exactly this text.
    pub fn is_signed(&self) -> bool {
        self.signature_bytes().is_some_and(|signature| self.key.signed(self.text().as_bytes(), &signature))
    }

    /// SHA-256 of the head's file: what a time-stamp authority is asked to stamp.
    pub fn digest(&self) -> String {
        sha256(self.file().as_bytes())
    }

    /// The head alone.
    pub fn head(&self) -> Head {
        Head { entries: self.entries, hash: self.hash.clone() }
    }
}

/// A text that is no head's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a signed head, as `stanch ledger head --out FILE` writes them")]
pub struct NotAHead;

/// The file of signed heads cannot be read or added to.
#[derive(Debug, thiserror::Error)]
pub enum HeadsError {
    /// It cannot be read.
    #[error("could not read the signed heads in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error("could not add a signed head to {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What `ledger.heads.jsonl` holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// Every head that reads, first to last.
    pub heads: Vec<SignedHead>,
    /// Lines, from 1, that are no signed head.
    pub unread: Vec<u64>,
    /// Bytes behind the last whole line: the machine stopped while a head was added.
    pub torn_bytes: u64,
    whole_bytes: u64,
}

impl Heads {
    /// Reads the file; one that is not there holds none.
    ///
    /// # Errors
    /// If it cannot be read. What is in it is no error.
    pub fn read(path: &Path) -> Result<Heads, HeadsError> {
        let mut bytes = Vec::new();
        match File::open(path).and_then(|file| file.take(HEADS_BYTES_MAX).read_to_end(&mut bytes)) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Heads::default()),
            Err(source) => return Err(HeadsError::Read { path: path.to_owned(), source }),
        }
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let torn_bytes = (bytes.len() - whole) as u64;
        let mut heads = Heads { torn_bytes, whole_bytes: whole as u64, ..Heads::default() };
        for (line, number) in bytes[..whole].split_inclusive(|b| *b == b'\n').zip(1..) {
            match serde_json::from_slice(line) {
                Ok(head) => heads.heads.push(head),
                Err(_) => heads.unread.push(number),
            }
        }
        Ok(heads)
    }

    /// Adds a head; when this returns it is on disk. A torn line that an earlier writer left is cut off first. The
    /// caller holds the ledger, so that nobody else writes.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn add(path: &Path, head: &SignedHead) -> Result<(), HeadsError> {
        let whole = Heads::read(path)?.whole_bytes;
        let mut line = serde_json::to_vec(head).expect("a head holds only strings and numbers");
        line.push(b'\n');
        let write = |source| HeadsError::Write { path: path.to_owned(), source };
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(write)?;
        file.set_len(whole).map_err(write)?;
        file.seek(SeekFrom::Start(whole)).map_err(write)?;
        let written = file.write_all(&line).and_then(|()| file.sync_data());
        if written.is_err() {
            // Best effort: a line that is left torn is cut off by the next head.
            let _ = file.set_len(whole);
        }
        written.map_err(write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(by: &str) -> SignedHead {
        let head = Head { entries: 17, hash: "ab".repeat(32) };
        SignedHead::sign(&"cd".repeat(32), &head, Instant(1_772_400_000_000_000), by, &Key::from_seed(&[7; 32]))
    }

    #[test]
    fn a_head_reads_as_it_was_signed() {
        let head = signed("responder");
        assert!(head.is_signed());
        assert_eq!(SignedHead::from_file(&head.file()).unwrap(), head);
        insta::assert_snapshot!(head.text(), @r#"
        stanch ledger head, version 1
        case: cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
        entries: 17
        hash: abababababababababababababababababababababababababababababababab
        at: 2026-03-01T21:20:00Z
        by: "responder"
        key: ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c
        "#);
    }

    #[test]
    fn whatever_is_changed_in_a_head_it_is_no_longer_signed() {
        let head = signed("responder");
        let other = Key::from_seed(&[8; 32]).public();
        let later = Instant(head.at.0 + 1);
        let changed = [
            SignedHead { case: "ce".repeat(32), ..head.clone() },
            SignedHead { entries: 18, ..head.clone() },
            SignedHead { hash: "ac".repeat(32), ..head.clone() },
            SignedHead { at: later, ..head.clone() },
            SignedHead { by: "somebody".to_owned(), ..head.clone() },
            SignedHead { key: other, ..head.clone() },
            SignedHead { signature: head.signature.replacen('0', "1", 1), ..head.clone() },
            SignedHead { signature: head.signature.to_uppercase(), ..head.clone() },
        ];
        assert!(changed.iter().all(|c| !c.is_signed()), "{changed:?}");
    }

    #[test]
    fn a_name_cannot_pass_for_another_line() {
        let head = signed("me\nkey: 00");
        assert_eq!(head.text().lines().count(), 7);
        assert_eq!(SignedHead::from_file(&head.file()).unwrap().by, "me\nkey: 00");
        for text in ["", "stanch ledger head, version 2\n", &head.text(), &format!("{}\n", head.file())] {
            assert_eq!(SignedHead::from_file(text), Err(NotAHead), "{text}");
        }
    }

    #[test]
    fn a_torn_line_is_cut_off_by_the_next_head_and_a_foreign_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.heads.jsonl");
        assert_eq!(Heads::read(&path).unwrap(), Heads::default());
        Heads::add(&path, &signed("a")).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"no head\n", &whole[..40]].concat()).unwrap();
        let read = Heads::read(&path).unwrap();
        assert_eq!((read.heads.len(), read.unread.as_slice(), read.torn_bytes), (1, &[2][..], 40));
        Heads::add(&path, &signed("b")).unwrap();
        let read = Heads::read(&path).unwrap();
        assert_eq!((read.heads.len(), read.torn_bytes), (2, 0));
        assert_eq!(read.heads[1].by, "b");
    }
}
