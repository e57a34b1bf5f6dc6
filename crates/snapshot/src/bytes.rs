//! Bytes of a source: sealed and counted as they are read, decompressed by what they are and not by their name.

use crate::error::SnapshotError;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

/// How much is read at once.
const CHUNK: usize = 256 << 10;

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The file as handed over; everything read through it goes into the seal.
struct Tapped<'p> {
    file: File,
    hash: Sha256,
    bytes: u64,
    progress: &'p mut dyn FnMut(u64),
}

impl Read for Tapped<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buf)?;
        self.hash.update(&buf[..n]);
        self.bytes += n as u64;
        if n > 0 {
            (self.progress)(n as u64);
        }
        Ok(n)
    }
}

#[derive(Clone)]
struct SharedTap<'p>(Rc<RefCell<Tapped<'p>>>);

impl Read for SharedTap<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buf)
    }
}

/// An opened source, and the text in it.
pub(crate) struct Sealing<'p> {
    tap: SharedTap<'p>,
    /// `gzip` or `zstd`, where there was one to peel off.
    pub(crate) container: Option<&'static str>,
}

/// The text of a source after decompression.
pub(crate) type Text<'p> = BufReader<Box<dyn Read + 'p>>;

/// Opens a file and peels off its compression.
pub(crate) fn open<'p>(
    path: &Path,
    progress: &'p mut dyn FnMut(u64),
) -> Result<(Sealing<'p>, Text<'p>), SnapshotError> {
    let failed = |source| SnapshotError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let mut head = Vec::with_capacity(4);
    (&file).take(4).read_to_end(&mut head).map_err(failed)?;
    (&file).seek(SeekFrom::Start(0)).map_err(failed)?;
    let tap = SharedTap(Rc::new(RefCell::new(Tapped { file, hash: Sha256::new(), bytes: 0, progress })));
    let container = match head.as_slice() {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd] => Some("zstd"),
        _ => None,
    };
    let text: Box<dyn Read + 'p> = match container {
        Some("gzip") => Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK, tap.clone()))),
        Some(_) => Box::new(zstd::stream::read::Decoder::new(tap.clone()).map_err(failed)?),
        None => Box::new(tap.clone()),
    };
    Ok((Sealing { tap, container }, BufReader::with_capacity(CHUNK, text)))
}

impl Sealing<'_> {
    /// Reads whatever is left, and gives the SHA-256 (hexadecimal) and size of the file as handed over.
    pub(crate) fn finish(mut self, path: &Path) -> Result<(String, u64), SnapshotError> {
        io::copy(&mut self.tap, &mut io::sink())
            .map_err(|source| SnapshotError::Read { path: path.to_owned(), source })?;
        let tapped = self.tap.0.borrow();
        Ok((hex(&tapped.hash.clone().finalize()), tapped.bytes))
    }
}

/// The seal of a source that is not one file: a manifest with one line a table (its name, a tab, the SHA-256 of its content,
/// a newline), sorted by name.
pub(crate) fn manifest_seal(mut contents: Vec<(String, String)>) -> stanch_model::Seal {
    contents.sort();
    let mut hash = Sha256::new();
    for (name, content) in contents {
        hash.update(name.as_bytes());
        hash.update(b"\t");
        hash.update(content.as_bytes());
        hash.update(b"\n");
    }
    stanch_model::Seal(hex(&hash.finalize()))
}
