//! Bytes hashed while they pass.

use sha2::{Digest, Sha256};
use stanch_model::Seal;
use std::io::{self, Read, Write};

/// A reader or writer whose bytes are hashed and counted on their way.
pub(crate) struct Hashing<T> {
    inner: T,
    hasher: Sha256,
    bytes: u64,
    failed: bool,
}

impl<T> Hashing<T> {
    pub(crate) fn new(inner: T) -> Hashing<T> {
        Hashing { inner, hasher: Sha256::new(), bytes: 0, failed: false }
    }

    /// The SHA-256 of what passed.
    pub(crate) fn seal(self) -> Seal {
        let digest = self.hasher.finalize();
        Seal(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// How many bytes passed.
    pub(crate) fn passed(&self) -> u64 {
        self.bytes
    }

    /// Whether it was what is read or written here that failed, and not what stands at the other end.
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }

    fn took(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        self.failed |= read.as_ref().is_err_and(|e| e.kind() != io::ErrorKind::Interrupted);
        let n = read?;
        self.took(&buffer[..n]);
        Ok(n)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buffer)?;
        self.took(&buffer[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
