//! A case for somebody else: what it holds, sums of it all, and a page that says how to check them. It opens as a case
//! that is only read.

mod error;
mod readme;
mod shelf;
mod sums;

pub use error::BundleError;

use crate::cipher::EncryptTo;
use crate::custody::{How, Manifest};
use crate::error::CaseError;
use crate::folder::{Case, EXPORT_MARK};
use crate::record::Record;
use crate::stage::Stage;
use crate::store_file;
use serde::{Deserialize, Serialize};
use shelf::{Shelf, Wanted};
use stanch_ledger::{Head, Heads, Ledger, On, SignedHead, sha256};
use stanch_model::{Instant, Seal};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is wanted of an export.
#[derive(Debug)]
pub struct Bundle<'a> {
    /// Where it goes: a folder, `NAME.tar`, or `NAME.tar.age`.
    pub out: &'a Path,
    /// For whom, in a word.
    pub recipient: &'static str,
    /// The evidence itself, not only what it was sealed as.
    pub with_evidence: bool,
    /// The store's data, of everybody.
    pub with_snapshot: bool,
    /// To whom it is encrypted.
    pub encrypt_to: Option<&'a EncryptTo>,
}

/// What was handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// How many files, the sums not among them.
    pub files: u64,
    /// SHA-256 of `SHA256SUMS`.
    pub sums: String,
    /// What is not in it, a sentence each.
    pub left_out: Vec<String>,
}

/// `export.json`: that this folder is an export, and of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    made_by: String,
    recipient: String,
    as_of: Instant,
    ledger_entries: u64,
    ledger_head: String,
    evidence: bool,
    snapshot: bool,
}

/// What the export tells of the case.
struct About<'a> {
    case_name: String,
    store: &'a str,
    wanted: &'a Bundle<'a>,
    as_of: Instant,
    head: Head,
    signed: Option<SignedHead>,
    left_out: Vec<String>,
    has_report: bool,
    has_exposure: bool,
    has_told: bool,
}

impl Bundle<'_> {
    /// Refuses what cannot be written to.
    ///
    /// # Errors
    /// If something is there already, or the name and what is wanted do not go together.
    pub fn check(&self, case: &Case) -> Result<(), BundleError> {
        let path = || self.out.to_owned();
        if self.out.symlink_metadata().is_ok() {
            return Err(BundleError::InTheWay { path: path() });
        }
        let name = self.out.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let why = match self.encrypt_to {
            Some(_) if !name.ends_with(".tar.age") => "what is encrypted is one file, NAME.tar.age",
            None if name.ends_with(".age") => "it is not encrypted; `--encrypt-to` or `--passphrase-file` does that",
            None if name.is_empty() || name == ".." => "it has no name",
            _ => {
                let above = std::path::absolute(self.out).ok().and_then(|out| out.parent().map(Path::to_owned));
                let inside = above
                    .and_then(|a| a.canonicalize().ok())
                    .is_some_and(|a| case.root().canonicalize().is_ok_and(|root| a.starts_with(root)));
                return if inside { Err(BundleError::InTheCase { path: path() }) } else { Ok(()) };
            }
        };
        Err(BundleError::WrongName { path: path(), why })
    }

    /// Makes the export, and puts on record that it was made before it gets its name. `progress` is told of bytes.
    ///
    /// # Errors
    /// If something cannot be read or written, or evidence is not what was sealed. Nothing is left behind then.
    pub fn make(
        &self,
        record: &mut Record<'_>,
        now: Instant,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Exported, BundleError> {
        let case = record.case;
        self.check(case)?;
        let about = self.about(case)?;
        let name = self.out.file_name().unwrap_or_default().to_string_lossy();
        let draft = self.out.with_file_name(format!(".{name}.unfinished-{}", std::process::id()));
        let top = PathBuf::from(format!("{}-export", about.case_name.trim_end_matches(".case")));
        let seconds = u64::try_from(about.as_of.second()).unwrap_or(0);
        let mut shelf = match name.ends_with(".tar") || self.encrypt_to.is_some() {
            true => Shelf::tar(draft, &top, seconds, self.encrypt_to, progress)?,
            false => Shelf::folder(draft, progress)?,
        };
        self.fill(case, &about, &mut shelf)?;
        let (sums, files) = shelf.sums();
        shelf.bytes(Path::new("SHA256SUMS"), &sums)?;
        shelf.finish()?;
        let digest = sha256(&sums);
        let on = On::nothing()
            .word("recipient", self.recipient)
            .count("files", files)
            .reference("sums", &digest)
            .word("evidence", if self.with_evidence { "included" } else { "referred to" })
            .word("snapshot", if self.with_snapshot { "included" } else { "left out" })
            .word("encrypted", self.encrypt_to.map_or("no", EncryptTo::word));
        record.act(now, "case.exported", on)?;
        shelf.place(self.out)?;
        Ok(Exported { files, sums: digest, left_out: about.left_out })
    }

    fn about<'c>(&'c self, case: &'c Case) -> Result<About<'c>, BundleError> {
        let entries = Ledger::entries(&case.ledger_path())?;
        let head = stanch_ledger::verify(&case.ledger_path(), &[])?.head;
        let signed = Heads::read(&case.heads_path()).map_err(CaseError::from)?.heads.pop();
        Ok(About {
            case_name: case.root().file_name().unwrap_or_default().to_string_lossy().into_owned(),
            store: &case.store().file.store.name,
            wanted: self,
            as_of: entries.last().map_or(Instant(0), |e| e.at),
            head,
            signed,
            left_out: self.left_out(case)?,
            has_report: is_done(case, Stage::Report)?,
            has_exposure: is_done(case, Stage::Scope)?,
            has_told: case.evidence_dir().join("acquisitions.json").exists(),
        })
    }

    fn left_out(&self, case: &Case) -> Result<Vec<String>, BundleError> {
        let mut left_out = Vec::new();
        if !self.with_evidence {
            left_out.push(
                "The evidence itself. evidence/manifest.json names each file, its size and its SHA-256, and where it is kept; \
                 a copy that is handed over later can be held against that."
                    .to_owned(),
            );
        }
        if !self.with_snapshot {
            left_out.push(
                "The store's data (snapshot/): it holds everybody, also those whom nothing happened to. What was found out \
                 about those who were affected is in exposure/."
                    .to_owned(),
            );
        }
        if case
            .store()
            .file
            .snapshot
            .before
            .iter()
            .chain(&case.store().file.snapshot.after)
            .any(|s| s.postgres.is_some())
        {
            left_out.push(
                "The connection string of the store's database, which may hold a password: it is blanked in case.toml, so \
                 that the digest of the store file in the ledger is that of the file before."
                    .to_owned(),
            );
        }
        for stage in [Stage::Scope, Stage::Report] {
            if !is_done(case, stage)? {
                left_out.push(format!("The {}: it was not made, or is out of date.", stage.makes()));
            }
        }
        left_out.push("Working files, and anything in the folder that Stanch did not write.".to_owned());
        left_out.push("The key that signs the ledger.".to_owned());
        Ok(left_out)
    }

    fn fill(&self, case: &Case, about: &About<'_>, shelf: &mut Shelf<'_>) -> Result<(), BundleError> {
        shelf.bytes(Path::new("README.txt"), readme::text(about).as_bytes())?;
        if let Some(signed) = &about.signed {
            shelf.bytes(Path::new("head.txt"), signed.text().as_bytes())?;
            shelf.bytes(Path::new("head.sig"), &signed.signature_bytes().unwrap_or([0; 64]))?;
            shelf.bytes(Path::new("signer.pem"), signed.key.pem().as_bytes())?;
        }
        let within = Path::new(&about.case_name);
        shelf.dir(within)?;
        let mark = Mark {
            made_by: format!("stanch {}", env!("CARGO_PKG_VERSION")),
            recipient: self.recipient.to_owned(),
            as_of: about.as_of,
            ledger_entries: about.head.entries,
            ledger_head: about.head.hash.clone(),
            evidence: self.with_evidence,
            snapshot: self.with_snapshot,
        };
        let mark = serde_json::to_string_pretty(&mark).expect("a mark holds only strings and numbers");
        shelf.bytes(&within.join(EXPORT_MARK), format!("{mark}\n").as_bytes())?;
        self.put_top(case, within, shelf)?;
        self.put_evidence(case, within, shelf)?;
        put_tree(&case.timestamps_dir(), &within.join("timestamps"), shelf)?;
        put_tree(&case.events_dir(), &within.join("events"), shelf)?;
        let parts = [
            (self.with_snapshot, "snapshot", case.snapshot_dir()),
            (is_done(case, Stage::Scope)?, "exposure", case.exposure_dir()),
            (is_done(case, Stage::Report)?, "report", case.report_dir()),
        ];
        parts
            .into_iter()
            .filter(|(wanted, ..)| *wanted)
            .try_for_each(|(_, name, dir)| put_tree(&dir, &within.join(name), shelf))
    }

    /// The files that stand in the case folder itself.
    fn put_top(&self, case: &Case, within: &Path, shelf: &mut Shelf<'_>) -> Result<(), BundleError> {
        let path = case.root().join("case.toml");
        let text = fs::read_to_string(&path).map_err(|source| BundleError::Read { path: path.clone(), source })?;
        let blanked = store_file::without_connections(&path.display().to_string(), &text).map_err(CaseError::from)?;
        for entry in listed(case.root())? {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let to = within.join(&name);
            if name == "case.toml" {
                shelf.bytes(&to, blanked.as_bytes())?;
            } else if name == "case.db" || name == "ledger.jsonl" || name.starts_with("ledger.") && entry.is_file() {
                shelf.file(&to, &entry, &Wanted::Any)?;
            }
        }
        Ok(())
    }

    fn put_evidence(&self, case: &Case, within: &Path, shelf: &mut Shelf<'_>) -> Result<(), BundleError> {
        let (dir, to) = (case.evidence_dir(), within.join("evidence"));
        shelf.dir(&to)?;
        let manifest = Manifest::read(&dir)?;
        if let Some(odd) = manifest.holdings().iter().find(|h| !is_seal(&h.seal)) {
            return Err(BundleError::NoSeal { seal: odd.seal.0.chars().take(80).collect() });
        }
        let told = dir.join("acquisitions.json");
        if told.exists() {
            shelf.file(&to.join("acquisitions.json"), &told, &Wanted::Any)?;
        }
        put_tree(&dir.join("blocks"), &to.join("blocks"), shelf)?;
        if !self.with_evidence {
            return shelf.bytes(&to.join("manifest.json"), manifest.text().as_bytes());
        }
        let mut copied = Manifest::default();
        for holding in manifest.holdings() {
            shelf.file(
                &to.join(&holding.seal.0),
                &holding.path(&dir),
                &Wanted::Sealed(&holding.seal, holding.bytes),
            )?;
            let mut holding = holding.clone();
            (holding.how, holding.place) = (How::Copied, PathBuf::from(&holding.seal.0));
            copied.add(holding);
        }
        shelf.bytes(&to.join("manifest.json"), copied.text().as_bytes())
    }
}

fn is_done(case: &Case, stage: Stage) -> Result<bool, BundleError> {
    match case.require(stage) {
        Ok(()) => Ok(true),
        Err(CaseError::NotReady { .. }) => Ok(false),
        Err(other) => Err(other.into()),
    }
}

fn is_seal(seal: &Seal) -> bool {
    seal.0.len() == 64 && seal.0.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// What a folder holds, by name. Nothing where it is not there.
fn listed(dir: &Path) -> Result<Vec<PathBuf>, BundleError> {
    let read = |source| BundleError::Read { path: dir.to_owned(), source };
    let mut found = Vec::new();
    match fs::read_dir(dir) {
        Ok(entries) => {
            for entry in entries {
                found.push(entry.map_err(read)?.path());
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(read(e)),
    }
    found.sort();
    Ok(found)
}

/// A folder with all below it, but for what is unfinished. Links are not followed, and stay behind.
fn put_tree(from: &Path, to: &Path, shelf: &mut Shelf<'_>) -> Result<(), BundleError> {
    shelf.dir(to)?;
    for path in listed(from)? {
        let Some(name) = path.file_name() else { continue };
        let kind =
            fs::symlink_metadata(&path).map_err(|source| BundleError::Read { path: path.clone(), source })?.file_type();
        let unfinished =
            name.as_encoded_bytes().starts_with(b".unfinished-") || path.extension().is_some_and(|e| e == "draft");
        if kind.is_dir() && !unfinished {
            put_tree(&path, &to.join(name), shelf)?;
        } else if kind.is_file() && !unfinished {
            shelf.file(&to.join(name), &path, &Wanted::Any)?;
        }
    }
    Ok(())
}
