//! Cuts a record's raw bytes out of its evidence again.

use crate::error::ExcerptError;
use crate::unpack::{Container, peek, peel};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// The bytes of a record as they stand in the evidence: `length` bytes from `offset` of the decompressed text of the
/// file on disk, or of one of its members. Member and offsets are those of the record's account and position; how
/// the file is packed is told from its content.
///
/// # Errors
/// If the file cannot be read, has no such member, or ends before: then it is not the file that was sealed.
pub fn excerpt(path_on_disk: &Path, member: Option<&str>, offset: u64, length: u32) -> Result<Vec<u8>, ExcerptError> {
    let unreadable = |source| ExcerptError::Unreadable { path: path_on_disk.to_owned(), offset, source };
    let file = File::open(path_on_disk).map_err(unreadable)?;
    let (container, mut reader) = peek(BufReader::new(file));
    let found = match (container, member) {
        (Container::Zip, Some(member)) => from_zip(path_on_disk, member, offset, length),
        (Container::Tar, Some(member)) => from_tar(reader, member, offset, length),
        (Container::Gzip | Container::Zstd | Container::Bzip2 | Container::Xz, Some(member)) => {
            from_tar(peel(reader).1, member, offset, length)
        }
        (_, Some(_)) => Ok(None),
        (Container::Plain, None) => {
            // Nothing to decompress on the way there.
            let (_, file) = reader.get_mut();
            file.seek(SeekFrom::Start(offset)).and_then(|_| cut(file, 0, length)).map(Some)
        }
        (_, None) => cut(peel(reader).1, offset, length).map(Some),
    };
    match found.map_err(unreadable)? {
        None => Err(ExcerptError::NoSuchMember {
            path: path_on_disk.to_owned(),
            member: member.unwrap_or_default().to_owned(),
        }),
        Some(bytes) if bytes.len() < length as usize => {
            Err(ExcerptError::Short { path: path_on_disk.to_owned(), offset, length })
        }
        Some(bytes) => Ok(bytes),
    }
}

/// Splits an account's path into the path of the file on disk and the member inside it.
pub fn split_member(account_path: &str) -> (&str, Option<&str>) {
    match account_path.split_once('!') {
        Some((file, member)) => (file, Some(member)),
        None => (account_path, None),
    }
}

fn cut(mut reader: impl Read, offset: u64, length: u32) -> io::Result<Vec<u8>> {
    io::copy(&mut (&mut reader).take(offset), &mut io::sink())?;
    let mut bytes = Vec::new();
    reader.take(u64::from(length)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn from_zip(path: &Path, member: &str, offset: u64, length: u32) -> io::Result<Option<Vec<u8>>> {
    let mut archive = zip::ZipArchive::new(BufReader::new(File::open(path)?)).map_err(io::Error::other)?;
    let mut names = crate::unpack::Names::default();
    for i in 0..archive.len() {
        let Ok(file) = archive.by_index(i) else { continue };
        if file.is_file() && names.name(file.name_raw()) == member {
            return cut(peel(file).1, offset, length).map(Some);
        }
    }
    Ok(None)
}

fn from_tar(reader: impl Read, member: &str, offset: u64, length: u32) -> io::Result<Option<Vec<u8>>> {
    let mut archive = tar::Archive::new(reader);
    let mut names = crate::unpack::Names::default();
    for entry in archive.entries()? {
        let entry = entry?;
        if crate::unpack::is_read(entry.header().entry_type()) && names.name(&entry.path_bytes()) == member {
            return cut(peel(entry).1, offset, length).map(Some);
        }
    }
    Ok(None)
}
