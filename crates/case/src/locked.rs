//! A case at rest: the folder as one encrypted file, and back. At every moment one of the two is whole under its own
//! name; whatever is under way has another.

mod error;

pub use error::LockError;

use crate::cipher::{DecryptWith, EncryptTo};
use crate::folder::Case;
use crate::hashing::Hashing;
use crate::keys::make_private_dir;
use crate::record::Record;
use stanch_model::Seal;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

/// What a folder is called while it is being removed, or made.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// One file or folder of a case: what went in has to come out.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    name: PathBuf,
    /// None for a folder.
    seal: Option<Seal>,
}

/// Writes the case to `out`, encrypted; decrypts that again and compares it with what was written; only then removes the
/// folder. `record` keeps everybody else from acting meanwhile. `progress` is told of bytes, each of which passes twice.
///
/// # Errors
/// If something cannot be read, written or read back. The folder then stays as it is.
pub fn lock(record: Record<'_>, to: &EncryptTo, out: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), LockError> {
    let root = record.case.root().to_owned();
    if out.symlink_metadata().is_ok() {
        return Err(LockError::InTheWay { path: out.to_owned() });
    }
    let draft = beside(out, ".locking");
    // What a lock that was interrupted left: an encrypted file that nobody relies on.
    let _ = fs::remove_file(&draft);
    let done = write(&root, to, &draft, progress).and_then(|(written, check)| {
        if read_back(&draft, &check, progress)? == written {
            Ok(())
        } else {
            Err(LockError::NotTheSame { path: out.to_owned(), source: None })
        }
    });
    if done.is_err() {
        let _ = fs::remove_file(&draft);
        return done;
    }
    fs::rename(&draft, out).map_err(LockError::write(out))?;
    sync_folder_of(out)?;
    // From here on the file is the case. The folder gives up its name at once, and its files after that.
    let leaving = beside(&root, ".removing");
    fs::rename(&root, &leaving).map_err(LockError::write(&root))?;
    sync_folder_of(&root)?;
    drop(record);
    fs::remove_dir_all(&leaving).map_err(LockError::write(&leaving))
}

/// Removes what a lock that was interrupted after its file was whole left of the folder. Says whether there was anything.
///
/// # Errors
/// If it cannot be removed.
pub fn remove_rest(root: &Path) -> Result<bool, LockError> {
    let leaving = beside(root, ".removing");
    match fs::remove_dir_all(&leaving) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(LockError::write(&leaving)(e)),
    }
}

/// Makes a locked case a folder again, at `root`. The file is removed afterwards, unless it is to be kept.
///
/// # Errors
/// If something is in the way, the file is for others or damaged, or the folder cannot be written. The file then stays,
/// and nothing stands at `root`.
pub fn unlock(
    file: &Path,
    with: &DecryptWith,
    root: &Path,
    keep: bool,
    progress: &mut dyn FnMut(u64),
) -> Result<(), LockError> {
    if root.symlink_metadata().is_ok() {
        return Err(LockError::InTheWay { path: root.to_owned() });
    }
    let draft = beside(root, ".unlocking");
    // What an unlock that was interrupted left; the file is still whole.
    match fs::remove_dir_all(&draft) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(LockError::write(&draft)(e)),
        _ => {}
    }
    make_private_dir(&draft).map_err(LockError::write(&draft))?;
    let mut put = |name: &Path, entry: Option<(&mut dyn Read, bool)>| put_back(&draft, name, entry);
    let done = each(file, with, &mut put, progress).and_then(|()| {
        let case = draft.join("case.toml").is_file();
        let what = "there is no case.toml in it";
        if case { Ok(()) } else { Err(LockError::NotACase { path: file.to_owned(), what }) }
    });
    if done.is_err() {
        let _ = fs::remove_dir_all(&draft);
        return done;
    }
    sync_folder_of(&draft.join("case.toml"))?;
    fs::rename(&draft, root).map_err(LockError::write(root))?;
    sync_folder_of(root)?;
    if !keep {
        fs::remove_file(file).map_err(LockError::write(file))?;
    }
    Ok(())
}

fn write(
    root: &Path,
    to: &EncryptTo,
    draft: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<(Vec<Kept>, DecryptWith), LockError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(draft).map_err(LockError::write(draft))?;
    let out = BufWriter::with_capacity(1 << 20, file);
    let (encrypted, check) = to.begin(out).map_err(LockError::cipher(draft))?;
    let mut tar = tar::Builder::new(encrypted);
    let top = PathBuf::from(root.file_name().unwrap_or_default());
    let mut written = Vec::new();
    put_dir(&mut tar, root, &top, &mut written, draft, progress)?;
    let end = || {
        let out = tar.into_inner()?.finish()?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    };
    end().map_err(LockError::write(draft))?;
    Ok((written, check))
}

fn put_dir<W: Write>(
    tar: &mut tar::Builder<W>,
    from: &Path,
    name: &Path,
    written: &mut Vec<Kept>,
    draft: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<(), LockError> {
    let metadata = fs::metadata(from).map_err(LockError::read(from))?;
    tar.append_data(&mut header(&metadata, 0), name, io::empty()).map_err(LockError::write(draft))?;
    written.push(Kept { name: below_top(name), seal: None });
    let mut paths = Vec::new();
    for entry in fs::read_dir(from).map_err(LockError::read(from))? {
        paths.push(entry.map_err(LockError::read(from))?.path());
    }
    paths.sort();
    for path in paths {
        let metadata = fs::symlink_metadata(&path).map_err(LockError::read(&path))?;
        let name = name.join(path.file_name().unwrap_or_default());
        if metadata.is_dir() {
            put_dir(tar, &path, &name, written, draft, progress)?;
        } else if metadata.is_file() {
            let file = File::open(&path).map_err(LockError::read(&path))?;
            let mut source = Hashing::new(file.take(metadata.len()));
            let put = tar.append_data(&mut header(&metadata, metadata.len()), &name, &mut source);
            put.map_err(|e| if source.failed() { LockError::read(&path)(e) } else { LockError::write(draft)(e) })?;
            progress(metadata.len());
            if source.passed() != metadata.len() {
                return Err(LockError::Changed { path });
            }
            written.push(Kept { name: below_top(&name), seal: Some(source.seal()) });
        } else {
            return Err(LockError::NotAFile { path });
        }
    }
    Ok(())
}

fn header(metadata: &fs::Metadata, bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_metadata_in_mode(metadata, tar::HeaderMode::Deterministic);
    // Folders are their owner's; of a file it matters whether it may be written to.
    header.set_mode(match (metadata.is_dir(), metadata.permissions().readonly()) {
        (true, _) => 0o700,
        (false, true) => 0o400,
        (false, false) => 0o600,
    });
    header.set_size(bytes);
    header
}

fn read_back(draft: &Path, check: &DecryptWith, progress: &mut dyn FnMut(u64)) -> Result<Vec<Kept>, LockError> {
    let mut found = Vec::new();
    let mut note = |name: &Path, entry: Option<(&mut dyn Read, bool)>| {
        let seal = match entry {
            None => None,
            Some((bytes, _)) => {
                let mut hashed = Hashing::new(bytes);
                io::copy(&mut hashed, &mut io::sink()).map_err(LockError::read(draft))?;
                Some(hashed.seal())
            }
        };
        found.push(Kept { name: name.to_owned(), seal });
        Ok(())
    };
    match each(draft, check, &mut note, progress) {
        Ok(()) => Ok(found),
        Err(LockError::Damaged { path, source }) => Err(LockError::NotTheSame { path, source: Some(source) }),
        Err(other) => Err(other),
    }
}

/// Takes what is inside: a name below the case, and for a file its bytes and whether it may be written to.
type Take<'t> = &'t mut dyn FnMut(&Path, Option<(&mut dyn Read, bool)>) -> Result<(), LockError>;

/// Hands out all that a locked case holds, in order.
fn each(file: &Path, with: &DecryptWith, take: Take<'_>, progress: &mut dyn FnMut(u64)) -> Result<(), LockError> {
    let opened = File::open(file).map_err(LockError::read(file))?;
    let decrypted = with.open(BufReader::with_capacity(1 << 20, opened)).map_err(LockError::cipher(file))?;
    let damaged = |source| LockError::Damaged { path: file.to_owned(), source };
    let not_a_case = |what| LockError::NotACase { path: file.to_owned(), what };
    let mut tar = tar::Archive::new(decrypted);
    for entry in tar.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.into_owned();
        let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || name.as_os_str().is_empty() {
            return Err(not_a_case("a name in it leads out of it"));
        }
        let name = below_top(&name);
        match entry.header().entry_type() {
            tar::EntryType::Directory => take(&name, None)?,
            tar::EntryType::Regular if !name.as_os_str().is_empty() => {
                let writable = entry.header().mode().map_err(damaged)? & 0o200 != 0;
                let bytes = entry.size();
                let mut entry = Hashing::new(&mut entry);
                take(&name, Some((&mut entry, writable))).map_err(|e| match e {
                    LockError::Write { source, .. } | LockError::Read { source, .. } if entry.failed() => {
                        damaged(source)
                    }
                    other => other,
                })?;
                progress(bytes);
            }
            _ => return Err(not_a_case("it holds something that is neither a file nor a folder")),
        }
    }
    // A tar has an end of its own; only at the end of the stream has all of it proven to be what was encrypted.
    let mut rest = tar.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(damaged)?;
    Ok(())
}

/// A name without the case's own, which the folder may no longer have.
fn below_top(name: &Path) -> PathBuf {
    name.components().skip(1).collect()
}

fn put_back(draft: &Path, name: &Path, entry: Option<(&mut dyn Read, bool)>) -> Result<(), LockError> {
    let to = draft.join(name);
    let Some((bytes, writable)) = entry else {
        return make_private_dir(&to).map_err(LockError::write(&to));
    };
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&to).map_err(LockError::write(&to))?;
    io::copy(bytes, &mut file).map_err(LockError::write(&to))?;
    if !writable {
        let mut permissions = file.metadata().map_err(LockError::write(&to))?.permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions).map_err(LockError::write(&to))?;
    }
    file.sync_all().map_err(LockError::write(&to))
}

/// Makes a new name durable.
fn sync_folder_of(path: &Path) -> Result<(), LockError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(LockError::write(folder))?;
    Ok(())
}

impl Case {
    /// The evidence that locking does not take along, since it is only referred to: how many files.
    ///
    /// # Errors
    /// If the manifest cannot be read.
    pub fn evidence_elsewhere(&self) -> Result<usize, crate::CaseError> {
        let manifest = crate::Manifest::read(&self.evidence_dir())?;
        Ok(manifest.holdings().iter().filter(|h| h.how == crate::How::InPlace).count())
    }
}

#[cfg(test)]
mod tests;
