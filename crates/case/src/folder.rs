//! The case folder: making, finding and opening it, and where everything in it is.

use crate::custody::{self, How, Manifest, replace_file};
use crate::database::Database;
use crate::draft::Draft;
use crate::error::CaseError;
use crate::keys::make_private_dir;
use crate::record::Record;
use crate::stage::{Stage, StageState};
use crate::store_file::{self, CaseHead, LoadedStore, STORE_BEGINS};
use stanch_ledger::{Head, Heads, Ledger, On, PublicKey, SignedHead, sha256};
use stanch_model::{Instant, Seal};
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// In which way this program keeps a case.
pub const FORMAT: u32 = 1;

/// The file that tells that a folder is an export of a case; see `bundle`.
pub(crate) const EXPORT_MARK: &str = "export.json";

/// Why a case is not written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyReadOnly {
    /// The user says so.
    Asked,
    /// It is an export: what is done with it does not become part of the case.
    Export,
    /// The folder or its ledger cannot be written to.
    NotWritable,
}

impl fmt::Display for WhyReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WhyReadOnly::Asked => "`--read-only` or STANCH_READ_ONLY says so",
            WhyReadOnly::Export => "it is an export of a case\nhint: work on the case itself",
            WhyReadOnly::NotWritable => "its folder cannot be written to",
        })
    }
}

/// An open case.
#[derive(Debug)]
pub struct Case {
    root: PathBuf,
    read_only: Option<WhyReadOnly>,
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
        // A case holds personal data.
        make_private_dir(&root).map_err(|source| CaseError::Write { path: root.clone(), source })?;
        write_case_toml(&root, store)?;
        let case = Case::open(&root)?;
        let on = On::nothing().digest("store_file", store.text.as_bytes()).count("format", u64::from(FORMAT));
        case.record(by)?.act(at, "case.created", on)?;
        Ok(case)
    }

    /// Opens the case at `root`.
    ///
    /// # Errors
    /// If there is none, it is kept in another way, its parts do not read, or it is an export.
    pub fn open(root: &Path) -> Result<Case, CaseError> {
        if root.join(EXPORT_MARK).exists() {
            return Err(CaseError::ReadOnly { path: root.to_owned(), why: WhyReadOnly::Export });
        }
        Case::open_as(root, None)
    }

    /// Opens the case at `root` to read it. Nothing in the folder is written to.
    ///
    /// # Errors
    /// As [`Case::open`].
    pub fn open_to_read(root: &Path, why: WhyReadOnly) -> Result<Case, CaseError> {
        Case::open_as(root, Some(why))
    }

    /// Why the case at `root` can only be read, if that is so.
    pub fn why_read_only(root: &Path) -> Option<WhyReadOnly> {
        if root.join(EXPORT_MARK).exists() {
            return Some(WhyReadOnly::Export);
        }
        let refused = |e: &io::Error| matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem);
        // Opened and left as it is.
        let ledger = fs::OpenOptions::new().append(true).open(root.join("ledger.jsonl"));
        let closed = fs::metadata(root).is_ok_and(|m| m.permissions().readonly());
        (closed || ledger.is_err_and(|e| refused(&e))).then_some(WhyReadOnly::NotWritable)
    }

    /// Why it can only be read, if that is so.
    pub fn read_only(&self) -> Option<WhyReadOnly> {
        self.read_only
    }

    fn open_as(root: &Path, read_only: Option<WhyReadOnly>) -> Result<Case, CaseError> {
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
        let parts: &[&str] = match read_only {
            None => &["evidence", "evidence/blocks", "events", "snapshot", "exposure", "report"],
            Some(_) => &[],
        };
        for part in parts {
            let path = root.join(part);
            fs::create_dir_all(&path).map_err(|source| CaseError::Write { path, source })?;
        }
        let path = root.join("case.db");
        let database = if read_only.is_some() { Database::open_to_read(&path)? } else { Database::open(&path)? };
        Ok(Case { root, read_only, head, store, database })
    }

    /// Takes a store file in place of the copy in the case. Says whether it differs from the copy.
    ///
    /// # Errors
    /// If the copy was edited by a person and the store file says something else, or it cannot be written.
    pub fn take_store(&mut self, store: &LoadedStore, at: Instant, by: &str) -> Result<bool, CaseError> {
        if self.store.text == store.text && self.head.base == store.base {
            return Ok(false);
        }
        if let Some(why) = self.read_only {
            return Err(CaseError::ReadOnly { path: self.root.clone(), why });
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
    /// If another process has it, the ledger does not hold, or the case is only to be read.
    pub fn record(&self, by: &str) -> Result<Record<'_>, CaseError> {
        if let Some(why) = self.read_only {
            return Err(CaseError::ReadOnly { path: self.root.clone(), why });
        }
        let ledger = Ledger::open(&self.ledger_path(), &self.known_heads()?)?;
        Ok(Record { ledger, case: self, by: by.to_owned() })
    }

    /// The ledger's heads that are kept apart from it: the one in the database, and the last that was signed.
    ///
    /// # Errors
    /// If the database or the signed heads cannot be read.
    pub fn known_heads(&self) -> Result<Vec<Head>, CaseError> {
        let signed = Heads::read(&self.heads_path())?.heads.last().map(SignedHead::head);
        Ok(self.database.head()?.into_iter().chain(signed).collect())
    }

    /// Takes a sealed file into custody: in place, or as a copy. The manifest is written by the caller once for all.
    ///
    /// # Errors
    /// If the copy cannot be made.
    pub fn hold(&self, manifest: &mut Manifest, mut holding: custody::Holding, copy: bool) -> Result<(), CaseError> {
        let held = manifest.find(&holding.seal).map(|h| h.how);
        if copy || held == Some(How::Copied) {
            holding.place = custody::copy_in(&self.evidence_dir(), &holding.place, &holding.seal, holding.bytes)?;
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

    /// `ledger.heads.jsonl`: heads of the ledger, signed.
    pub fn heads_path(&self) -> PathBuf {
        self.root.join("ledger.heads.jsonl")
    }

    /// `ledger.signer-….pem`: the public half of a key that signs.
    pub fn signer_path(&self, key: &PublicKey) -> PathBuf {
        self.root.join(format!("ledger.signer-{}.pem", key.short()))
    }

    /// `timestamps/`: answers of time-stamp authorities, and the head that each is for.
    pub fn timestamps_dir(&self) -> PathBuf {
        self.root.join("timestamps")
    }

    /// `evidence/`.
    pub fn evidence_dir(&self) -> PathBuf {
        self.root.join("evidence")
    }

    /// `evidence/blocks/<seal>`: what tells which part of a sealed file changed, should it change.
    pub fn blocks_path(&self, seal: &Seal) -> PathBuf {
        self.evidence_dir().join("blocks").join(&seal.0)
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
