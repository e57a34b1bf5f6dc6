//! The case folder: making, finding and opening it, and where everything in it is.

use crate::custody::{self, How, Manifest, replace_file};
use crate::database::Database;
use crate::draft::Draft;
use crate::error::CaseError;
use crate::record::Record;
use crate::stage::{Stage, StageState};
use crate::store_file::{self, CaseHead, LoadedStore, STORE_BEGINS};
use stanch_ledger::{Head, Ledger, On, sha256};
use stanch_model::{Instant, Seal};
use std::fs;
use std::path::{Path, PathBuf};

/// In which way this program keeps a case.
pub const FORMAT: u32 = 1;

/// An open case.
#[derive(Debug)]
pub struct Case {
    root: PathBuf,
    head: CaseHead,
    store: LoadedStore,
    database: Database,
}

impl Case {
    /// Makes a case at `root`, which must not be there yet or be an empty folder, and puts that on record.
    ///
    /// # Errors
    /// If something is in the way or the folder cannot be written.
    pub fn create(root: &Path, store: &LoadedStore, at: Instant, by: &str) -> Result<Case, CaseError> {
        let root = std::path::absolute(root).map_err(|source| CaseError::Write { path: root.to_owned(), source })?;
        if !is_free(&root) {
            return Err(CaseError::InTheWay { path: root });
        }
        make_private_dir(&root)?;
        write_case_toml(&root, store)?;
        let case = Case::open(&root)?;
        let on = On::nothing().digest("store_file", store.text.as_bytes()).count("format", u64::from(FORMAT));
        case.record(by)?.act(at, "case.created", on)?;
        Ok(case)
    }

    /// Opens the case at `root`.
    ///
    /// # Errors
    /// If there is none, it is kept in another way, or its parts do not read.
    pub fn open(root: &Path) -> Result<Case, CaseError> {
        let root = std::path::absolute(root).map_err(|source| CaseError::Read { path: root.to_owned(), source })?;
        let path = root.join("case.toml");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(CaseError::NoCase { path: root }),
            Err(source) => return Err(CaseError::Read { path, source }),
        };
        if let Some(found) = format_of(&text)
            && found != FORMAT
        {
            return Err(CaseError::OtherFormat { path: root, found, known: FORMAT });
        }
        let (head, store) = store_file::parse_case(&path.display().to_string(), &text)?;
        for part in ["evidence", "events", "snapshot", "exposure", "report"] {
            let path = root.join(part);
            fs::create_dir_all(&path).map_err(|source| CaseError::Write { path, source })?;
        }
        let database = Database::open(&root.join("case.db"))?;
        Ok(Case { root, head, store, database })
    }

    /// Takes a store file in place of the copy in the case. Says whether it differs from the copy.
    ///
    /// # Errors
    /// If the copy was edited by a person and the store file says something else, or it cannot be written.
    pub fn take_store(&mut self, store: &LoadedStore, at: Instant, by: &str) -> Result<bool, CaseError> {
        if self.store.text == store.text && self.head.base == store.base {
            return Ok(false);
        }
        let path = self.root.join("case.toml");
        if sha256(self.store.text.as_bytes()) != self.head.copied {
            return Err(CaseError::Edited { path });
        }
        write_case_toml(&self.root, store)?;
        self.head.base = store.base.clone();
        self.head.copied = sha256(store.text.as_bytes());
        self.store = store.clone();
        let on = On::nothing().digest("store_file", store.text.as_bytes());
        self.record(by)?.act(at, "case.store_file_taken", on)?;
        Ok(true)
    }

    /// The store file, as it stands in `case.toml`.
    pub fn store(&self) -> &LoadedStore {
        &self.store
    }

    /// The case's database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The right to act on the case, as `by`.
    ///
    /// # Errors
    /// If another process has it, or the ledger does not hold.
    pub fn record(&self, by: &str) -> Result<Record<'_>, CaseError> {
        let ledger = Ledger::open(&self.ledger_path(), &self.known_heads()?)?;
        Ok(Record { ledger, database: &self.database, by: by.to_owned() })
    }

    /// The ledger's heads that are kept apart from it.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn known_heads(&self) -> Result<Vec<Head>, CaseError> {
        Ok(self.database.head()?.into_iter().collect())
    }

    /// Takes a sealed file into custody: in place, or as a copy. The manifest is written by the caller once for all.
    ///
    /// # Errors
    /// If the copy cannot be made.
    pub fn hold(&self, manifest: &mut Manifest, mut holding: custody::Holding, copy: bool) -> Result<(), CaseError> {
        let held = manifest.find(&holding.seal).map(|h| h.how);
        if copy || held == Some(How::Copied) {
            holding.place = custody::copy_in(&self.evidence_dir(), &holding.place, &holding.seal)?;
            holding.how = How::Copied;
        }
        manifest.add(holding);
        Ok(())
    }

    /// Refuses unless that part is whole and in step with what it is made from.
    ///
    /// # Errors
    /// If it is not, or the database cannot be read.
    pub fn require(&self, stage: Stage) -> Result<(), CaseError> {
        match self.database.stage(stage)? {
            Some(row) if row.state == StageState::Done => Ok(()),
            row => Err(CaseError::NotReady { stage, begun: row.is_some() }),
        }
    }

    /// A new version of one of the derived folders, to be put in its place when it is whole.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn draft(&self, place: &Path) -> Result<Draft, CaseError> {
        Draft::begin(place)
    }

    /// Replaces one file of the case, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), CaseError> {
        replace_file(path, bytes)
    }

    /// The folder itself, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `ledger.jsonl`.
    pub fn ledger_path(&self) -> PathBuf {
        self.root.join("ledger.jsonl")
    }

    /// `evidence/`.
    pub fn evidence_dir(&self) -> PathBuf {
        self.root.join("evidence")
    }

    /// `events/`.
    pub fn events_dir(&self) -> PathBuf {
        self.root.join("events")
    }

    /// `events/evidence=<seal>/`: the events of one file.
    pub fn events_of(&self, seal: &Seal) -> PathBuf {
        self.events_dir().join(format!("evidence={seal}"))
    }

    /// `snapshot/`.
    pub fn snapshot_dir(&self) -> PathBuf {
        self.root.join("snapshot")
    }

    /// `exposure/`.
    pub fn exposure_dir(&self) -> PathBuf {
        self.root.join("exposure")
    }

    /// `report/`.
    pub fn report_dir(&self) -> PathBuf {
        self.root.join("report")
    }
}

/// The one `*.case` folder in `dir`.
///
/// # Errors
/// If there is none, or more than one, or the folder cannot be read.
pub fn find(dir: &Path) -> Result<PathBuf, CaseError> {
    let unreadable = |source| CaseError::Read { path: dir.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|e| e == "case") && path.is_dir() {
            found.push(path.strip_prefix(".").map(Path::to_owned).unwrap_or(path));
        }
    }
    found.sort();
    match found.len() {
        1 => Ok(found.remove(0)),
        _ => Err(CaseError::WhichCase { found }),
    }
}

fn is_free(root: &Path) -> bool {
    match fs::read_dir(root) {
        Ok(mut entries) => entries.next().is_none(),
        Err(e) => e.kind() == std::io::ErrorKind::NotFound,
    }
}

/// A case holds personal data, so that on Unix only its owner can enter the folder.
fn make_private_dir(root: &Path) -> Result<(), CaseError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(root).map_err(|source| CaseError::Write { path: root.to_owned(), source })
}

fn write_case_toml(root: &Path, store: &LoadedStore) -> Result<(), CaseError> {
    #[derive(serde::Serialize)]
    struct Head {
        case: CaseHead,
    }
    let case = CaseHead {
        format: FORMAT,
        made_by: format!("stanch {}", env!("CARGO_PKG_VERSION")),
        base: store.base.clone(),
        copied: sha256(store.text.as_bytes()),
    };
    let head = toml::to_string(&Head { case }).expect("a head holds only strings and a number");
    replace_file(&root.join("case.toml"), format!("{head}\n{STORE_BEGINS}{}", store.text).as_bytes())
}

/// The number under `case.format`, whatever else is in the file: another format may have other keys.
fn format_of(text: &str) -> Option<u32> {
    let table: toml::Table = text.parse().ok()?;
    table.get("case")?.get("format")?.as_integer().and_then(|n| u32::try_from(n).ok())
}
