//! Reads the store file, and the copy of it in a case, with a place and a hint for everything that is wrong in it.

mod check;
mod places;

pub use check::MAPPING_WORDS;

use places::Places;
use serde::Deserialize;
use stanch_model::StoreFile;
use stanch_model::spelling::nearest;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

/// A store file as read: its value, its text, and the folder that its relative paths start from.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedStore {
    /// What it says.
    pub file: StoreFile,
    /// Absolute; relative paths in the file (`snapshot.before.file`, `./platform.yaml`) start here.
    pub base: PathBuf,
    /// Its text, comments and all.
    pub text: String,
}

impl LoadedStore {
    /// A path as the file writes it, as one that can be opened.
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.base.join(path)
    }

    /// The platform files of the store's own: as the store file writes them, and where they are.
    pub fn own_platforms(&self) -> impl Iterator<Item = (&str, PathBuf)> {
        let own = self.file.store.platform.iter().filter(|p| p.starts_with("./") || p.starts_with("../"));
        own.map(|p| (p.as_str(), self.resolve(p)))
    }
}

/// Something wrong in a store file. Shown as `store.toml:12:5: …`, the hint on the next line.
#[derive(Debug)]
pub struct StoreError {
    /// The file, as it was named.
    pub file: String,
    /// Line and column, from 1, where they are known.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What would put it right.
    pub hint: Option<String>,
    source: Option<std::io::Error>,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|e| e as _)
    }
}

/// Reads a store file from disk.
///
/// # Errors
/// If it cannot be read, is not TOML, has a key that is not known, or a value that cannot be meant.
pub fn read(path: &Path) -> Result<LoadedStore, StoreError> {
    let shown = path.display().to_string();
    let unreadable = |e: std::io::Error| StoreError {
        file: shown.clone(),
        place: None,
        message: "could not be read".to_owned(),
        hint: Some("`--store` names the store file; docs/guides/first-case.md shows one".to_owned()),
        source: Some(e),
    };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let absolute = std::path::absolute(path).map_err(unreadable)?;
    let base = absolute.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned);
    parse(&shown, &text, &base)
}

/// Reads a store file from its text. `shown` is its name in messages.
///
/// # Errors
/// As [`read`].
pub fn parse(shown: &str, text: &str, base: &Path) -> Result<LoadedStore, StoreError> {
    let table = table(shown, text)?;
    store(shown, text, base, table)
}

/// The head of a case's copy of a store file: everything that is the case's own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseHead {
    /// In which way the folder is kept.
    pub(crate) format: u32,
    /// The program that made it.
    pub(crate) made_by: String,
    /// The folder of the store file that was copied.
    #[serde(with = "crate::written_path")]
    pub(crate) base: PathBuf,
    /// SHA-256 of the store file's text as it was copied, so that an edit can be told.
    pub(crate) copied: String,
}

/// Line that ends a case's own head; the store file's text follows it as it was.
pub(crate) const STORE_BEGINS: &str = "# The store file, as it was given; edit it here.\n";

/// Reads `case.toml`: its head, and the store file in it.
pub(crate) fn parse_case(shown: &str, text: &str) -> Result<(CaseHead, LoadedStore), StoreError> {
    let mut whole = table(shown, text)?;
    let head = match whole.get_mut().remove("case") {
        Some(head) => {
            CaseHead::deserialize(toml::de::ValueDeserializer::from(head)).map_err(|e| explain(shown, text, &e))?
        }
        None => {
            let message = "the table `case` is missing".to_owned();
            let hint = Some("it is written by stanch; edit what stands below it only".to_owned());
            return Err(StoreError { file: shown.to_owned(), place: None, message, hint, source: None });
        }
    };
    let mut loaded = store(shown, text, &head.base.clone(), whole)?;
    if let Some((_, store_text)) = text.split_once(STORE_BEGINS) {
        loaded.text = store_text.to_owned();
    }
    Ok((head, loaded))
}

/// The text of a store file or `case.toml` with its connection strings blanked: they may hold passwords.
pub(crate) fn without_connections(shown: &str, text: &str) -> Result<String, StoreError> {
    let table = DeTable::parse(text).map_err(|e| explain(shown, text, &e))?;
    let mut spans = Vec::new();
    if let Some(DeValue::Table(snapshot)) = table.get_ref().get("snapshot").map(Spanned::get_ref) {
        for role in ["before", "after"] {
            if let Some(DeValue::Table(named)) = snapshot.get(role).map(Spanned::get_ref) {
                spans.extend(named.get("postgres").map(Spanned::span));
            }
        }
    }
    spans.sort_by_key(|span| span.start);
    let mut blanked = text.to_owned();
    for span in spans.into_iter().rev() {
        blanked.replace_range(span, "\"postgresql://left-out-of-this-export\"");
    }
    Ok(blanked)
}

fn table<'t>(shown: &str, text: &'t str) -> Result<Spanned<DeTable<'t>>, StoreError> {
    let mut table = DeTable::parse(text).map_err(|e| explain(shown, text, &e))?;
    quote_moments(table.get_mut());
    Ok(table)
}

/// A moment may be written as TOML's own or in quotes; it is read as text either way.
fn quote_moments(table: &mut DeTable<'_>) {
    fn quote(value: &mut Spanned<DeValue<'_>>) {
        match value.get_mut() {
            DeValue::Datetime(moment) => *value.get_mut() = DeValue::String(moment.to_string().into()),
            DeValue::Table(inner) => quote_moments(inner),
            DeValue::Array(items) => items.iter_mut().for_each(quote),
            _ => {}
        }
    }
    table.iter_mut().for_each(|(_, value)| quote(value));
}

fn store(shown: &str, text: &str, base: &Path, table: Spanned<DeTable<'_>>) -> Result<LoadedStore, StoreError> {
    let places = Places::of(table.get_ref());
    let file = StoreFile::deserialize(Deserializer::from(table)).map_err(|e| explain(shown, text, &e))?;
    if let Some(wrong) = check::first_wrong(&file) {
        let place = places.find(&wrong.at).map(|offset| line_and_column(text, offset));
        let (message, hint) = (wrong.message, wrong.hint);
        return Err(StoreError { file: shown.to_owned(), place, message, hint, source: None });
    }
    Ok(LoadedStore { file, base: base.to_owned(), text: text.to_owned() })
}

/// A TOML error in our words: one line, with place, and the nearest known key where one is unknown.
fn explain(shown: &str, text: &str, error: &toml::de::Error) -> StoreError {
    let said = error.message();
    let words: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
    let (message, hint) = match words.as_slice() {
        [found, known @ ..] if said.starts_with("unknown field") || said.starts_with("unknown variant") => {
            let hint = match nearest(found, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            (format!("unknown key `{found}`"), Some(hint))
        }
        [key] if said.starts_with("missing field") => (format!("the key `{key}` is missing"), None),
        _ => (said.lines().next().unwrap_or(said).to_owned(), None),
    };
    let place = error.span().map(|span| line_and_column(text, span.start));
    StoreError { file: shown.to_owned(), place, message, hint, source: None }
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    (line, String::from_utf8_lossy(&before[line_start..]).chars().count() + 1)
}

#[cfg(test)]
mod tests;
