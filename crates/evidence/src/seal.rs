//! Seals bytes: SHA-256 of all that is read.

use crate::blocks::SealedBlocks;
use crate::error::ReadError;
use sha2::{Digest, Sha256};
use stanch_model::Seal;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// The seal and the size in bytes of a file, without reading what is in it.
///
/// # Errors
/// If the operating system does not open or read it.
pub fn seal(path: &Path) -> Result<(Seal, u64), ReadError> {
    seal_in_blocks(path).map(|(seal, blocks)| (seal, blocks.bytes))
}

/// The seal of a file, and what tells which part of it changed, should it change.
///
/// # Errors
/// If the operating system does not open or read it.
pub fn seal_in_blocks(path: &Path) -> Result<(Seal, SealedBlocks), ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Open { path: path.to_owned(), source })?;
    let read = AtomicU64::new(0);
    let mut sealing = Sealing::new(file, &read, None);
    match sealing.drain() {
        Ok(()) => {
            let blocks = sealing.take_blocks().unwrap_or_default();
            Ok((sealing.finish().0, blocks))
        }
        Err(source) => Err(ReadError::Read { path: path.to_owned(), at_byte: read.load(Ordering::Relaxed), source }),
    }
}

/// A file's seal and blocks, and the seal of its first so many bytes: by it a file that only grew is told from one that
/// changed.
///
/// # Errors
/// If the operating system does not open or read it.
pub fn seal_with_beginning(path: &Path, bytes: u64) -> Result<(Seal, SealedBlocks, Seal), ReadError> {
    let mut file = File::open(path).map_err(|source| ReadError::Open { path: path.to_owned(), source })?;
    let (mut hasher, mut blocks, mut beginning) = (Sha256::new(), SealedBlocks::begin(), None);
    let mut buffer = vec![0; 1 << 18];
    loop {
        let left = bytes.saturating_sub(blocks.bytes);
        if left == 0 && beginning.is_none() {
            beginning = Some(Seal(hex(&hasher.clone().finalize())));
        }
        let room = if beginning.is_none() { usize::try_from(left).unwrap_or(usize::MAX) } else { usize::MAX };
        let room = room.min(buffer.len());
        match file.read(&mut buffer[..room]) {
            Ok(0) => break,
            Ok(n) => blocks.update(&mut hasher, &buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(ReadError::Read { path: path.to_owned(), at_byte: blocks.bytes, source }),
        }
    }
    let seal = Seal(hex(&hasher.finalize()));
    let beginning = beginning.unwrap_or_else(|| seal.clone());
    Ok((seal, blocks, beginning))
}

/// A reader that hashes and counts what passes, so that a file is sealed in the same pass in which it is read.
pub(crate) struct Sealing<'c, R> {
    inner: R,
    hasher: Option<(Sha256, SealedBlocks)>,
    known: Option<Seal>,
    read: &'c AtomicU64,
    /// The operating system's own failure, kept apart from a decompressor's complaint about what it was given.
    failed: Option<io::Error>,
}

impl<'c, R: Read> Sealing<'c, R> {
    /// With `known`, the seal is taken from there and nothing is hashed. `read` counts the bytes that passed.
    pub(crate) fn new(inner: R, read: &'c AtomicU64, known: Option<Seal>) -> Self {
        let hasher = known.is_none().then(|| (Sha256::new(), SealedBlocks::begin()));
        Sealing { inner, hasher, known, read, failed: None }
    }

    /// Reads on to the end, so that the whole file is sealed even where nothing more can be made of it.
    pub(crate) fn drain(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 18];
        while self.read(&mut buffer)? > 0 {}
        Ok(())
    }

    /// The failure of the operating system, if there was one.
    pub(crate) fn take_failure(&mut self) -> Option<io::Error> {
        self.failed.take()
    }

    /// The states of all that passed; none where nothing was hashed.
    pub(crate) fn take_blocks(&mut self) -> Option<SealedBlocks> {
        self.hasher.as_mut().map(|(_, blocks)| std::mem::take(blocks))
    }

    /// The seal of all that passed, and how many bytes that was.
    pub(crate) fn finish(self) -> (Seal, u64) {
        let seal = match (self.known, self.hasher) {
            (Some(known), _) => known,
            (None, Some((hasher, _))) => Seal(hex(&hasher.finalize())),
            (None, None) => Seal(hex(&Sha256::digest([]))),
        };
        (seal, self.read.load(Ordering::Relaxed))
    }
}

impl<R: Read> Read for Sealing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(buffer) {
                Ok(n) => {
                    if let Some((hasher, blocks)) = &mut self.hasher {
                        blocks.update(hasher, &buffer[..n]);
                    }
                    self.read.fetch_add(n as u64, Ordering::Relaxed);
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.failed = Some(io::Error::new(e.kind(), e.to_string()));
                    return Err(e);
                }
            }
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seal_is_what_sha256sum_prints() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let (seal, bytes) = seal(&path).unwrap();
        assert_eq!(seal.0, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(bytes, 3);
    }
}
