//! Where an export is put: a folder, or one tar file, maybe encrypted. Names, order, modes and times are the same each
//! time, so that the same case makes the same bytes.

use super::BundleError;
use super::sums;
use crate::cipher::EncryptTo;
use crate::hashing::Hashing;
use age::stream::StreamWriter;
use stanch_model::Seal;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

/// What an export is put into while it is made: under another name than its own.
pub(super) struct Shelf<'p> {
    draft: PathBuf,
    place: Place,
    sums: Vec<u8>,
    files: u64,
    progress: &'p mut dyn FnMut(u64),
    done: bool,
}

enum Place {
    Folder,
    Tar { tar: tar::Builder<Out>, top: PathBuf, at: u64 },
}

enum Out {
    Plain(BufWriter<File>),
    Encrypted(Box<StreamWriter<BufWriter<File>>>),
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Out::Plain(out) => out.write(bytes),
            Out::Encrypted(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Out::Plain(out) => out.flush(),
            Out::Encrypted(out) => out.flush(),
        }
    }
}

/// How one file stands in the export.
pub(super) enum Wanted<'s> {
    /// With whatever it holds.
    Any,
    /// With these bytes and no others, so many. What a file has grown by since is left out.
    Sealed(&'s Seal, u64),
}

impl<'p> Shelf<'p> {
    pub(super) fn folder(draft: PathBuf, progress: &'p mut dyn FnMut(u64)) -> Result<Shelf<'p>, BundleError> {
        crate::keys::make_private_dir(&draft).map_err(BundleError::write(&draft))?;
        Ok(Shelf { draft, place: Place::Folder, sums: Vec::new(), files: 0, progress, done: false })
    }

    /// `top` is the folder that all of it stands in, `at` the time of each file in seconds.
    pub(super) fn tar(
        draft: PathBuf,
        top: &Path,
        at: u64,
        to: Option<&EncryptTo>,
        progress: &'p mut dyn FnMut(u64),
    ) -> Result<Shelf<'p>, BundleError> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&draft).map_err(BundleError::write(&draft))?;
        let out = BufWriter::with_capacity(1 << 20, file);
        let out = match to {
            None => Out::Plain(out),
            Some(to) => Out::Encrypted(Box::new(to.begin_to_them_alone(out)?)),
        };
        let place = Place::Tar { tar: tar::Builder::new(out), top: top.to_owned(), at };
        let mut shelf = Shelf { draft, place, sums: Vec::new(), files: 0, progress, done: false };
        shelf.dir(Path::new(""))?;
        Ok(shelf)
    }

    /// A folder, after the one that it stands in.
    pub(super) fn dir(&mut self, name: &Path) -> Result<(), BundleError> {
        let write = BundleError::write(&self.draft);
        match &mut self.place {
            Place::Folder => fs::create_dir_all(self.draft.join(within(name))).map_err(write),
            Place::Tar { tar, top, at } => {
                let mut header = header(tar::EntryType::Directory, 0o700, 0, *at);
                let name = if name.as_os_str().is_empty() { top.clone() } else { top.join(within(name)) };
                tar.append_data(&mut header, name, io::empty()).map_err(write)
            }
        }
    }

    /// A file from memory.
    pub(super) fn bytes(&mut self, name: &Path, bytes: &[u8]) -> Result<(), BundleError> {
        self.put(name, Path::new(name), bytes.len() as u64, bytes, &Wanted::Any)
    }

    /// A file from disk.
    pub(super) fn file(&mut self, name: &Path, from: &Path, wanted: &Wanted<'_>) -> Result<(), BundleError> {
        let read = |source| BundleError::Read { path: from.to_owned(), source };
        let file = File::open(from).map_err(read)?;
        let bytes = match wanted {
            Wanted::Any => file.metadata().map_err(read)?.len(),
            Wanted::Sealed(_, bytes) => *bytes,
        };
        self.put(name, from, bytes, file, wanted)
    }

    fn put(
        &mut self,
        name: &Path,
        from: &Path,
        bytes: u64,
        source: impl Read,
        wanted: &Wanted<'_>,
    ) -> Result<(), BundleError> {
        let name = within(name);
        // What is written while it is copied makes the copy neither the one nor the other.
        let mut source = Hashing::new(source.take(bytes));
        match &mut self.place {
            Place::Folder => {
                let to = self.draft.join(&name);
                let mut options = File::options();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut file = options.open(&to).map_err(BundleError::write(&to))?;
                let copied = io::copy(&mut source, &mut file).and_then(|_| file.sync_all());
                copied.map_err(|e| failed(e, &source, from, &to))?;
            }
            Place::Tar { tar, top, at } => {
                let mut header = header(tar::EntryType::Regular, 0o600, bytes, *at);
                let put = tar.append_data(&mut header, top.join(&name), &mut source);
                put.map_err(|e| failed(e, &source, from, &self.draft))?;
            }
        }
        let whole = source.passed() == bytes;
        let seal = source.seal();
        if !whole || matches!(wanted, Wanted::Sealed(sealed, _) if **sealed != seal) {
            return Err(BundleError::NotAsSealed { path: from.to_owned() });
        }
        self.sums.extend(sums::line(&seal, &name));
        self.files += 1;
        (self.progress)(bytes);
        Ok(())
    }

    /// The sums of all files so far, and their number.
    pub(super) fn sums(&self) -> (Vec<u8>, u64) {
        (self.sums.clone(), self.files)
    }

    /// Makes all of it durable. It still stands under the draft's name.
    pub(super) fn finish(&mut self) -> Result<(), BundleError> {
        let place = std::mem::replace(&mut self.place, Place::Folder);
        if let Place::Tar { tar, .. } = place {
            let end = || {
                let file = match tar.into_inner()? {
                    Out::Plain(out) => out,
                    Out::Encrypted(out) => out.finish()?,
                };
                file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
            };
            end().map_err(BundleError::write(&self.draft))?;
        }
        Ok(())
    }

    /// Gives it its name, which must still be free.
    pub(super) fn place(mut self, out: &Path) -> Result<(), BundleError> {
        if out.symlink_metadata().is_ok() {
            return Err(BundleError::InTheWay { path: out.to_owned() });
        }
        fs::rename(&self.draft, out).map_err(BundleError::write(out))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Shelf<'_> {
    fn drop(&mut self) {
        if !self.done {
            // Best effort: it has a name that says what it is.
            let _ = if self.draft.is_dir() { fs::remove_dir_all(&self.draft) } else { fs::remove_file(&self.draft) };
        }
    }
}

/// Of a copy that failed, the side that did.
fn failed<R>(source: io::Error, reader: &Hashing<R>, from: &Path, to: &Path) -> BundleError {
    if reader.failed() {
        BundleError::Read { path: from.to_owned(), source }
    } else {
        BundleError::Write { path: to.to_owned(), source }
    }
}

/// A name that leads nowhere but below the export, whatever was asked for.
fn within(name: &Path) -> PathBuf {
    name.components().filter(|part| matches!(part, Component::Normal(_))).collect()
}

fn header(kind: tar::EntryType, mode: u32, bytes: u64, at: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(bytes);
    header.set_mtime(at);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out() {
        for (name, expect) in [("a/b", "a/b"), ("../../etc/passwd", "etc/passwd"), ("/etc/./x", "etc/x"), ("..", "")] {
            assert_eq!(within(Path::new(name)), Path::new(expect));
        }
    }
}
