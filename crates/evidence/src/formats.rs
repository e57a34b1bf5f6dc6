//! The formats that are known, as their packs declare them.

use crate::clock::{Clock, numeric_offset};
use crate::postgres::csv::Column;
use crate::postgres::pgbouncer::Saying;
use crate::postgres::prefix::{Ends, Prefix};
use crate::postgres::words::{self, Words};
use crate::postgres::wrapped::Layout;
use crate::reader::access::Shape;
use crate::targets::Target;
use jiff::tz::TimeZone;
use serde::Deserialize;
use stanch_model::EventClass;
use stanch_model::store::LogSource;
use stanch_packs::{PackError, Packs};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The pack that tells which time zone abbreviation means what; it is no format.
const TIME_ZONES: &str = "formats/time_zones";
/// Packs beside the formats that their readers share.
const NO_FORMATS: [&str; 2] = [TIME_ZONES, words::PACK];

/// A format pack: what a lawyer or an analyst may read and change.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatPack {
    /// The format's name for people: `nginx combined`.
    pub title: String,
    /// What such a file tells and what it does not.
    pub description: String,
    /// Where such files are found.
    pub found: String,
    /// Where the format is documented.
    pub source: String,
    /// By what it is recognised, for people.
    pub recognised_by: String,
    /// The reader that turns its lines into events.
    pub reader: ReaderKind,
    /// Access logs: which of their shapes this is.
    #[serde(default)]
    pub shape: Option<Shape>,
    /// The event fields that it gives (OCSF path), each with what it holds here.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Key in the file → event field or one of the words of [`crate::mapping_words`]; for jsonlog → csvlog's column.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
    /// Variable of a `log_format` or `LogFormat` → event field or word.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// csvlog: its columns in order.
    #[serde(default)]
    pub columns: Vec<String>,
    /// stderr: prefixes often configured.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// stderr: the words that end a prefix.
    #[serde(default)]
    pub severities: Vec<String>,
    /// stderr: beginnings of lines that other programs write into the same file.
    #[serde(default)]
    pub beside: Vec<String>,
    /// syslog: beginnings of `program[process` that are PostgreSQL's.
    #[serde(default)]
    pub programs: Vec<String>,
    /// Wrapped lines: where in an object what stands.
    #[serde(default)]
    pub layout: Layout,
    /// PgBouncer: what its messages mean, the first that fits.
    #[serde(default)]
    pub sayings: Vec<Saying>,
    /// JSON lines: where the time usually stands.
    #[serde(default)]
    pub time_keys: Vec<String>,
    /// Its own proof.
    pub samples: Vec<Sample>,
}

/// The readers that packs may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReaderKind {
    /// Access logs in a server's own text shapes.
    Access,
    /// JSON access logs, by a table of keys.
    NginxJson,
    /// PostgreSQL csvlog.
    PgCsv,
    /// PostgreSQL jsonlog.
    PgJson,
    /// PostgreSQL stderr.
    PgStderr,
    /// PostgreSQL's log through syslog.
    PgSyslog,
    /// PostgreSQL's log inside what a container's runtime or a log service puts around it.
    PgWrapped,
    /// PgBouncer.
    PgBouncer,
    /// JSON lines of any program.
    JsonLines,
}

/// A piece of a log with what must come out of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// What it shows.
    pub name: String,
    /// Whether it is an attempt to mislead a reader, or damage.
    #[serde(default)]
    pub hostile: bool,
    /// The text. `latin1: true` stands for one byte a character, for bytes that are no UTF-8.
    pub text: String,
    /// See `text`.
    #[serde(default)]
    pub latin1: bool,
    /// What the store file says about the log, if it says anything.
    #[serde(default)]
    pub log: Option<LogSource>,
    /// The events, each with the fields that matter: `time`, `class`, event fields; null where a field must be absent.
    #[serde(default)]
    pub gives: Vec<BTreeMap<String, Option<Scalar>>>,
    /// Part of a reason → how many lines are unread for it.
    #[serde(default)]
    pub unread: BTreeMap<String, u64>,
}

/// A value in a sample.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// A number field's.
    Number(i64),
    /// A text field's, or the time.
    Text(String),
}

/// All formats, ready to read by.
#[derive(Clone, Debug)]
pub struct Formats {
    pub(crate) formats: Vec<Format>,
    abbreviations: Arc<BTreeMap<String, i64>>,
    /// PostgreSQL's words in other languages.
    pub(crate) pg_words: Arc<Words>,
    /// Keys behind an access log's lines, of all access packs.
    pub(crate) access_keys: Arc<BTreeMap<String, Target>>,
    /// Variables of patterns, of all access packs.
    pub(crate) variables: BTreeMap<String, Target>,
}

/// One format, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Format {
    /// `nginx_json`: the pack's name without its kind.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) reader: ReaderKind,
    pub(crate) shape: Option<Shape>,
    /// Whether its pack gives the variables of patterns.
    pub(crate) has_variables: bool,
    pub(crate) keys: Arc<BTreeMap<String, Target>>,
    pub(crate) pg_keys: Arc<BTreeMap<String, Column>>,
    pub(crate) columns: Arc<Vec<Column>>,
    pub(crate) prefixes: Arc<Vec<Prefix>>,
    pub(crate) severities: Arc<Vec<String>>,
    pub(crate) beside: Arc<Vec<String>>,
    pub(crate) programs: Arc<Vec<String>>,
    pub(crate) layout: Arc<Layout>,
    pub(crate) sayings: Arc<Vec<Saying>>,
    pub(crate) time_keys: Arc<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "a pack says where it is from, for people")]
struct TimeZones {
    title: String,
    description: String,
    source: String,
    offsets: BTreeMap<String, String>,
}

impl Formats {
    /// Loads every format pack.
    ///
    /// # Errors
    /// If a pack is not of its shape, or names a field, word or column that does not exist.
    pub fn load(packs: &Packs) -> Result<Formats, PackError> {
        let mut formats = Vec::new();
        let (mut access_keys, mut variables) = (BTreeMap::new(), BTreeMap::new());
        for (name, pack) in packs_of(packs)? {
            let shown = packs.shown(&name);
            let format = compile(&shown, name.trim_start_matches("formats/"), &pack)?;
            if pack.reader == ReaderKind::Access {
                access_keys.extend(format.keys.iter().map(|(k, t)| (k.clone(), *t)));
            }
            variables.extend(targets(&shown, &pack.variables)?);
            formats.push(format);
        }
        let abbreviations = Arc::new(abbreviations(packs)?);
        let pg_words = Arc::new(Words::load(packs)?);
        Ok(Formats { formats, abbreviations, pg_words, access_keys: Arc::new(access_keys), variables })
    }

    /// The names of the formats, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.formats.iter().map(|f| f.name.as_str())
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Format> {
        let name = name.replace('-', "_");
        self.formats.iter().find(|f| f.name == name)
    }

    /// The format that a reader has; of several, the one that a stated pattern is for.
    pub(crate) fn by_reader(&self, reader: ReaderKind) -> Option<&Format> {
        let mut with_reader = self.formats.iter().filter(|f| f.reader == reader);
        with_reader.clone().find(|f| f.has_variables).or_else(|| with_reader.next())
    }

    /// A clock for times of the given IANA zone; an unknown zone counts as UTC.
    pub(crate) fn clock(&self, zone: &str) -> Clock {
        Clock::new(TimeZone::get(zone).unwrap_or(TimeZone::UTC), Arc::clone(&self.abbreviations))
    }
}

/// The format packs by their full names.
pub(crate) fn packs_of(packs: &Packs) -> Result<Vec<(String, FormatPack)>, PackError> {
    let names = packs.files("formats").map(|(name, _)| name).filter(|name| !NO_FORMATS.contains(name));
    names.map(|name| Ok((name.to_owned(), packs.load(name)?))).collect()
}

fn compile(shown: &str, name: &str, pack: &FormatPack) -> Result<Format, PackError> {
    let is_pg_json = matches!(pack.reader, ReaderKind::PgJson | ReaderKind::PgWrapped);
    let pg_keys =
        pack.keys.iter().filter(|_| is_pg_json).map(|(key, column)| Ok((key.clone(), named_column(shown, column)?)));
    let keys = if is_pg_json { BTreeMap::new() } else { targets(shown, &pack.keys)? };
    Ok(Format {
        name: name.to_owned(),
        title: pack.title.clone(),
        reader: pack.reader,
        shape: pack.shape,
        has_variables: !pack.variables.is_empty(),
        keys: Arc::new(keys),
        pg_keys: Arc::new(pg_keys.collect::<Result<_, PackError>>()?),
        columns: Arc::new(pack.columns.iter().map(|c| named_column(shown, c)).collect::<Result<_, _>>()?),
        prefixes: Arc::new(pack.prefixes.iter().map(|p| prefix(shown, p, &pack.severities)).collect::<Result<_, _>>()?),
        severities: Arc::new(pack.severities.clone()),
        beside: Arc::new(pack.beside.clone()),
        programs: Arc::new(pack.programs.clone()),
        layout: Arc::new(pack.layout.clone()),
        sayings: Arc::new(sayings(shown, &pack.sayings)?),
        time_keys: Arc::new(pack.time_keys.clone()),
    })
}

fn prefix(shown: &str, pattern: &str, severities: &[String]) -> Result<Prefix, PackError> {
    Prefix::compile(pattern, Ends { english: severities, foreign: None })
        .ok_or_else(|| PackError::new(shown, format!("the prefix {pattern:?} has an unknown escape")))
}

fn sayings(shown: &str, sayings: &[Saying]) -> Result<Vec<Saying>, PackError> {
    match sayings.iter().find(|s| EventClass::from_word(&s.class).is_none()) {
        Some(s) => Err(PackError::new(shown, format!("{:?} is a {:?}, which is no event class", s.begins, s.class))),
        None => Ok(sayings.to_vec()),
    }
}

fn named_column(shown: &str, name: &str) -> Result<Column, PackError> {
    Column::from_name(name)
        .ok_or_else(|| PackError::new(shown, format!("{name:?} is not a column of PostgreSQL's csvlog")))
}

fn targets(shown: &str, names: &BTreeMap<String, String>) -> Result<BTreeMap<String, Target>, PackError> {
    let target = |(key, name): (&String, &String)| match Target::from_name(name) {
        Some(target) => Ok((key.clone(), target)),
        None => Err(PackError::new(shown, format!("`{key}` goes to {name:?}, which is no event field"))
            .with_hint(format!("an OCSF path such as src_endpoint.ip, or one of: {}", Target::WORDS.join(", ")))),
    };
    names.iter().map(target).collect()
}

fn abbreviations(packs: &Packs) -> Result<BTreeMap<String, i64>, PackError> {
    let table: TimeZones = packs.load(TIME_ZONES)?;
    let offset = |(name, written): (String, String)| match numeric_offset(&written) {
        Some(offset) => Ok((name, offset)),
        None => Err(PackError::new(packs.shown(TIME_ZONES), format!("`{name}` has no offset such as +01:00"))),
    };
    table.offsets.into_iter().map(offset).collect()
}
