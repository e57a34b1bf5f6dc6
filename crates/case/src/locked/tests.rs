use super::*;
use crate::store_file;
use stanch_model::Instant;

const STORE: &str = "[store]\nname = \"Copperleaf\"\nplatform = [\"oscar\"]\ntime_zone = \"UTC\"\n";

struct Here {
    dir: tempfile::TempDir,
    mine: DecryptWith,
    recipient: EncryptTo,
}

impl Here {
    fn new() -> Here {
        use age::secrecy::ExposeSecret;
        let identity = age::x25519::Identity::generate();
        let mine = DecryptWith::identities(identity.to_string().expose_secret()).unwrap();
        let recipient = EncryptTo::recipients(&[identity.to_public().to_string()]).unwrap();
        let here = Here { dir: tempfile::tempdir().unwrap(), mine, recipient };
        let store = store_file::parse("store.toml", STORE, Path::new("/srv")).unwrap();
        let case = Case::create(&here.root(), &store, Instant(0), "responder").unwrap();
        fs::write(case.evidence_dir().join("ab12"), vec![7; 300_000]).unwrap();
        fs::write(case.root().join("note\u{7}\n.txt"), "mine").unwrap();
        here
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("copperleaf.case")
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("copperleaf.case.age")
    }

    fn lock(&self) -> Result<(), LockError> {
        let case = Case::open(&self.root()).unwrap();
        lock(case.record("responder").unwrap(), &self.recipient, &self.file(), &mut |_| ())
    }

    fn unlock(&self, keep: bool) -> Result<(), LockError> {
        unlock(&self.file(), &self.mine, &self.root(), keep, &mut |_| ())
    }

    fn names(&self) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().to_string_lossy().into_owned();
        let mut names: Vec<String> = fs::read_dir(self.dir.path()).unwrap().map(name).collect();
        names.sort();
        names
    }
}

#[test]
fn a_case_comes_back_as_it_was() {
    let here = Here::new();
    let before = fs::read(here.root().join("ledger.jsonl")).unwrap();
    here.lock().unwrap();
    assert_eq!(here.names(), ["copperleaf.case.age"]);
    here.unlock(true).unwrap();
    assert_eq!(here.names(), ["copperleaf.case", "copperleaf.case.age"]);
    assert_eq!(fs::read(here.root().join("ledger.jsonl")).unwrap(), before);
    assert_eq!(fs::read(here.root().join("evidence/ab12")).unwrap(), vec![7; 300_000]);
    assert_eq!(fs::read_to_string(here.root().join("note\u{7}\n.txt")).unwrap(), "mine");
    Case::open(&here.root()).unwrap().record("responder").unwrap();
    assert!(matches!(here.lock(), Err(LockError::InTheWay { .. })));
    assert!(matches!(here.unlock(false), Err(LockError::InTheWay { .. })));
    fs::remove_file(here.file()).unwrap();
    here.lock().unwrap();
    here.unlock(false).unwrap();
    assert_eq!(here.names(), ["copperleaf.case"]);
}

#[test]
fn whatever_byte_of_the_file_is_changed_or_wherever_it_is_cut_nothing_stands_in_the_cases_place() {
    let here = Here::new();
    here.lock().unwrap();
    let whole = fs::read(here.file()).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 23) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        for bytes in [&changed[..], &whole[..at]] {
            fs::write(here.file(), bytes).unwrap();
            here.unlock(false).unwrap_err();
            assert_eq!(here.names(), ["copperleaf.case.age"]);
        }
    }
    fs::write(here.file(), &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(here.unlock(false), Err(LockError::Damaged { .. })));
}

#[test]
fn what_an_interrupted_command_left_is_taken_away_and_the_whole_one_of_the_two_stays() {
    let here = Here::new();
    fs::write(beside(&here.file(), ".locking"), "half").unwrap();
    here.lock().unwrap();
    fs::create_dir(beside(&here.root(), ".unlocking")).unwrap();
    fs::create_dir(beside(&here.root(), ".removing")).unwrap();
    assert!(remove_rest(&here.root()).unwrap() && !remove_rest(&here.root()).unwrap());
    here.unlock(false).unwrap();
    assert_eq!(here.names(), ["copperleaf.case"]);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_folder_is_named_and_nothing_is_removed() {
    let here = Here::new();
    std::os::unix::fs::symlink("/etc/passwd", here.root().join("evidence/link")).unwrap();
    assert!(matches!(here.lock(), Err(LockError::NotAFile { .. })));
    assert_eq!(here.names(), ["copperleaf.case"]);
}

#[test]
fn names_that_lead_out_links_and_foreign_archives_are_refused() {
    let here = Here::new();
    let raw = |name: &[u8], kind: tar::EntryType| {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(0o644);
        header.set_cksum();
        header
    };
    let cases = [
        raw(b"a/../../x", tar::EntryType::Regular),
        raw(b"/etc/x", tar::EntryType::Regular),
        raw(b"a/x", tar::EntryType::Symlink),
        raw(b"a/x", tar::EntryType::Regular),
    ];
    fs::remove_dir_all(here.root()).unwrap();
    for header in cases {
        let (out, _) = here.recipient.begin(File::create(here.file()).unwrap()).unwrap();
        let mut tar = tar::Builder::new(out);
        tar.append(&header, io::empty()).unwrap();
        tar.into_inner().unwrap().finish().unwrap();
        assert!(matches!(here.unlock(false), Err(LockError::NotACase { .. })));
        assert_eq!(here.names(), ["copperleaf.case.age"]);
    }
}
