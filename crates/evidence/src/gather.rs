//! Finds the files that the paths named hold.

use crate::error::GatherError;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One file to take in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Its name relative to the path that was named, `/`-separated; becomes `FileAccount.path`.
    pub name: String,
    /// Where it is on disk.
    pub path: PathBuf,
}

/// Every file that the paths hold: files as they are, folders with all that is below them, in order of name.
///
/// Links inside a folder are not followed: one that stays inside leads to a file that is taken in at its own place, one
/// that leads out is an error, since nobody named what it leads to. Files from two folders that would have the same
/// name get their folder's name in front.
///
/// # Errors
/// If a path cannot be read, is no file or folder, or a folder holds no file.
pub fn gather(paths: &[PathBuf]) -> Result<Vec<Source>, GatherError> {
    if paths.is_empty() {
        return Err(GatherError::Nothing);
    }
    let mut found: Vec<(usize, Source)> = Vec::new();
    for (root, path) in paths.iter().enumerate() {
        let kind = fs::metadata(path).map_err(|source| unreadable(path, source))?;
        if kind.is_dir() {
            let before = found.len();
            let canonical = path.canonicalize().map_err(|source| unreadable(path, source))?;
            for file in files_below(path, &canonical)? {
                let name = slashed(file.strip_prefix(path).unwrap_or(&file));
                found.push((root, Source { name, path: file }));
            }
            if found.len() == before {
                return Err(GatherError::Empty { path: path.clone() });
            }
        } else if kind.is_file() {
            let name = path.file_name().map_or_else(|| slashed(path), |n| n.to_string_lossy().into_owned());
            found.push((root, Source { name, path: path.clone() }));
        } else {
            return Err(GatherError::NotAFile { path: path.clone() });
        }
    }
    let mut sources = tell_apart(found, paths);
    sources.sort();
    Ok(sources)
}

fn unreadable(path: &Path, source: std::io::Error) -> GatherError {
    GatherError::Unreadable { path: path.to_owned(), source }
}

fn files_below(dir: &Path, root: &Path) -> Result<Vec<PathBuf>, GatherError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(|source| unreadable(dir, source))? {
        let path = entry.map_err(|source| unreadable(dir, source))?.path();
        let kind = fs::symlink_metadata(&path).map_err(|source| unreadable(&path, source))?.file_type();
        if kind.is_dir() {
            found.extend(files_below(&path, root)?);
        } else if kind.is_file() {
            found.push(path);
        } else if kind.is_symlink() {
            if !path.canonicalize().is_ok_and(|target| target.starts_with(root)) {
                return Err(GatherError::LinkOut { path });
            }
        } else {
            return Err(GatherError::NotAFile { path });
        }
    }
    Ok(found)
}

fn slashed(path: &Path) -> String {
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Gives files of the same name from different roots their root's name in front, and a number if that is not enough.
fn tell_apart(found: Vec<(usize, Source)>, roots: &[PathBuf]) -> Vec<Source> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for (_, source) in &found {
        *times.entry(source.name.clone()).or_default() += 1;
    }
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    found
        .into_iter()
        .map(|(root, mut source)| {
            if times[&source.name] > 1 {
                let parent = if roots[root].is_dir() { Some(roots[root].as_path()) } else { roots[root].parent() };
                if let Some(folder) = parent.and_then(Path::file_name) {
                    source.name = format!("{}/{}", folder.to_string_lossy(), source.name);
                }
            }
            let nth = taken.entry(source.name.clone()).or_default();
            *nth += 1;
            if *nth > 1 {
                source.name = format!("{} ({nth})", source.name);
            }
            source
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: PathBuf) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }

    #[test]
    fn folders_give_all_their_files_in_order_of_name() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path().join("web/access.log"));
        write(dir.path().join("db/a.csv"));
        let names: Vec<String> = gather(&[dir.path().to_owned()]).unwrap().into_iter().map(|s| s.name).collect();
        assert_eq!(names, ["db/a.csv", "web/access.log"]);
    }

    #[test]
    fn the_same_name_in_two_folders_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path().join("one/access.log"));
        write(dir.path().join("two/access.log"));
        let roots = [dir.path().join("one"), dir.path().join("two"), dir.path().join("two")];
        let names: Vec<String> = gather(&roots).unwrap().into_iter().map(|s| s.name).collect();
        assert_eq!(names, ["one/access.log", "two/access.log", "two/access.log (2)"]);
    }

    #[test]
    fn an_empty_folder_a_missing_path_and_nothing_at_all_are_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(gather(&[dir.path().to_owned()]), Err(GatherError::Empty { .. })));
        assert!(matches!(gather(&[dir.path().join("x")]), Err(GatherError::Unreadable { .. })));
        assert!(matches!(gather(&[]), Err(GatherError::Nothing)));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_out_is_refused_and_one_that_stays_inside_is_not_read_twice() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path().join("in/a.log"));
        write(dir.path().join("outside.log"));
        let root = dir.path().join("in");
        std::os::unix::fs::symlink(root.join("a.log"), root.join("b.log")).unwrap();
        assert_eq!(gather(std::slice::from_ref(&root)).unwrap().len(), 1);
        std::os::unix::fs::symlink(dir.path().join("outside.log"), root.join("c.log")).unwrap();
        assert!(matches!(gather(&[root]), Err(GatherError::LinkOut { .. })));
    }
}
