//! The formats that are known, as their packs declare them.

use crate::apps::rails::pack::RailsPack;
use crate::clock::{Clock, numeric_offset};
use crate::framing::{Blocks, Framing, Inside};
use crate::hosts::auditd::tables::{AuditPack, AuditTables};
use crate::hosts::windows::table::{WindowsPack, WindowsTable};
use crate::postgres::csv::Column;
use crate::postgres::pgbouncer::Saying;
use crate::postgres::prefix::{Ends, Prefix};
use crate::postgres::words::{self, Words};
use crate::postgres::wrapped::Layout;
use crate::reader::access::Shape;
use crate::reader::before::Before;
use crate::reader::delimited::{ColumnsPack, Written};
use crate::reader::messages::Programs;
use crate::reader::pattern::{LogFormats, Pattern, Variables, VariablesPack};
use crate::reader::patterns::{InMessage, MessagePattern, PatternPack};
use crate::reader::rules::{Rules, RulesPack};
use crate::reader::text::TextFormat;
use crate::reader::text::behind::Behind;
use crate::reader::text::spans::{Span, SpanPack};
use crate::reader::wrapped::Wrapper;
use crate::targets::Target;
use jiff::tz::TimeZone;
use regex::Regex;
use serde::Deserialize;
use stanch_model::evidence::{Counter, Steps};
use stanch_model::store::LogSource;
use stanch_model::{EventClass, Numbering, TextField};
use stanch_packs::{PackError, Packs};
use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::resume_unwind;
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
    /// Whether it takes what any program writes; a format made for a file's lines then goes before it.
    #[serde(default)]
    pub general: bool,
    /// The event fields that it gives (OCSF path), each with what it holds here.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// What `metadata.sequence` counts: `counts` is `per_session` (each session from 1 on) or `per_source`; `steps` is `one`
    /// or `rising`; `by` tells the counters of a source apart (`field`, an event field or `unmapped.NAME`, `part`, a regular
    /// expression with a group, `needed`), `except` leaves records out; `shared` says that several records may have one number; `missing` and `anew` say
    /// for people what it may mean that numbers are not there or begin anew. Without it nothing is read from numbers.
    #[serde(default)]
    pub sequence: Option<Numbering>,
    /// Key in the file → event field or one of the words of [`crate::mapping_words`]; for jsonlog → csvlog's column.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
    /// What the variables of a `log_format` or `LogFormat` mean.
    #[serde(default)]
    pub variables: VariablesPack,
    /// Access logs written by a pattern that is known: nginx's `log_format` or Apache's `LogFormat`, tried in their
    /// order. A pack without any gives the variables for patterns that the store file states.
    #[serde(default)]
    pub log_formats: Vec<String>,
    /// Log formats: what the server does to values so that they hold no quotes, if not `\x22`.
    #[serde(default)]
    pub written: Option<Written>,
    /// Text: pieces of patterns by their names; `<<name>>` in a pattern stands for the piece.
    #[serde(default)]
    pub parts: BTreeMap<String, String>,
    /// JSON, pairs, log formats: a regular expression for what may stand before a record on its line. Its named groups
    /// are values like the record's own.
    #[serde(default)]
    pub before: Option<String>,
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
    /// syslog: beginnings of `program[process` that are PostgreSQL's; messages: the programs that write them.
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
    /// Documents: keys under which they keep their records in an array. Another format's array of that name is none.
    #[serde(default)]
    pub inside: Vec<String>,
    /// The format whose rules this one has too, written in another way (`zeek_json`).
    #[serde(default)]
    pub rules_of: Option<String>,
    /// Records with named values: which are in this format, and where each value goes.
    #[serde(default)]
    pub rules: RulesPack,
    /// Columns: how lines are cut into them.
    #[serde(default)]
    pub table: Option<ColumnsPack>,
    /// Text: the patterns that lines follow, tried in their order.
    #[serde(default)]
    pub patterns: Vec<PatternPack>,
    /// Text: a regular expression for lines that go on with the record before them.
    #[serde(default)]
    pub continues: Option<String>,
    /// Text: records that go on whatever their lines look like.
    #[serde(default)]
    pub spans: Vec<SpanPack>,
    /// Text: names for JSON values that stand behind the message, in their order.
    #[serde(default)]
    pub json_behind: Vec<String>,
    /// Text: the word that must stand between the message and them.
    #[serde(default)]
    pub json_marker: Option<String>,
    /// Text, JSON, columns: patterns for the message, such as those of sign-ins; of several that fit, the first counts.
    #[serde(default)]
    pub in_message: Vec<PatternPack>,
    /// Further formats whose patterns for the message count too.
    #[serde(default)]
    pub in_message_of: Vec<String>,
    /// Rails: which of a program's codes are sign-ins.
    #[serde(default)]
    pub rails: RailsPack,
    /// Container logs: how each line of a program's output is wrapped.
    #[serde(default)]
    pub wrapper: Option<Wrapper>,
    /// Audit logs: system call numbers by architecture.
    #[serde(default)]
    pub syscalls: BTreeMap<String, BTreeMap<u32, String>>,
    /// Audit logs: what record types and calls mean.
    #[serde(default)]
    pub audit: AuditPack,
    /// Windows events: what they mean. One pack says it for all that hold such events.
    #[serde(default)]
    pub windows: Option<WindowsPack>,
    /// Its own proof.
    pub samples: Vec<Sample>,
}

/// The readers that packs may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReaderKind {
    /// Access logs in a server's own text shapes.
    Access,
    /// Access logs by a server's pattern.
    LogFormat,
    /// Audit logs of a web application firewall, in sections.
    AuditSections,
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
    /// JSON objects by the pack's rules, one a line or in documents.
    Json,
    /// Lines of columns by the pack's rules.
    Columns,
    /// Lines of `key=value` by the pack's rules.
    Pairs,
    /// Lines of text by the pack's patterns.
    Text,
    /// Rails' own log.
    Rails,
    /// What container runtimes put around each line of a program's output.
    Container,
    /// What programs write to syslog or the journal, by the pack's patterns. Read through those formats.
    Messages,
    /// Syslog.
    Syslog,
    /// The Linux audit log.
    Auditd,
    /// The systemd journal as JSON.
    JournaldJson,
    /// The systemd journal's export format.
    JournaldExport,
    /// Windows event logs in their binary form.
    WindowsEvtx,
    /// Windows events as XML.
    WindowsEventXml,
    /// Windows events as JSON.
    WindowsEventJson,
    /// Packet captures.
    Pcap,
    /// Binary logs of MySQL and MariaDB.
    Binlog,
    /// MySQL and MariaDB general query log.
    MysqlGeneral,
    /// MySQL and MariaDB slow query log.
    MysqlSlow,
    /// MySQL and MariaDB error log.
    MysqlError,
    /// MariaDB's server_audit plugin.
    MariadbServerAudit,
    /// MySQL Enterprise and Percona audit log as XML.
    MysqlAuditXml,
    /// MySQL Enterprise and Percona audit log as JSON.
    MysqlAuditJson,
    /// Percona audit log as CSV.
    MysqlAuditCsv,
    /// What mysqlbinlog and mariadb-binlog print.
    MysqlBinlogText,
    /// PostgreSQL's test_decoding.
    PgTestDecoding,
    /// PostgreSQL's wal2json.
    PgWal2json,
}

impl ReaderKind {
    /// Whether it reads what stands in a framing of that kind.
    pub(crate) fn reads(self, framing: Framing) -> bool {
        match self {
            ReaderKind::Messages | ReaderKind::Container => false,
            ReaderKind::WindowsEvtx => framing == Framing::Blocks(Blocks::Evtx),
            ReaderKind::Binlog => framing == Framing::Blocks(Blocks::Binlog),
            ReaderKind::Pcap => {
                matches!(framing, Framing::Blocks(Blocks::Pcap { .. } | Blocks::PcapNg { .. }))
            }
            ReaderKind::PgJson
            | ReaderKind::PgWrapped
            | ReaderKind::JsonLines
            | ReaderKind::Json
            | ReaderKind::JournaldJson
            | ReaderKind::MysqlAuditJson
            | ReaderKind::PgWal2json
            | ReaderKind::WindowsEventJson => matches!(framing, Framing::Lines | Framing::Documents),
            _ => framing == Framing::Lines,
        }
    }
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
    /// The format as which it is recognised, where that is another pack's: what stands inside a wrapper.
    #[serde(default)]
    pub format: Option<String>,
    /// The text is base64 of the bytes, blanks between them left out; where zstd made them smaller, of what it made.
    #[serde(default)]
    pub base64: bool,
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
    /// The variables of patterns that the store file states.
    pub(crate) variables: Arc<Variables>,
    /// Keys under which documents of any format keep their records.
    /// What Windows events mean, whatever they are written in.
    pub(crate) windows: Arc<WindowsTable>,
    /// What programs say, by their names.
    pub(crate) programs: Arc<Programs>,
    pub(crate) inside: Vec<Inside>,
}

/// One format, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Format {
    /// `nginx_json`: the pack's name without its kind.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) reader: ReaderKind,
    pub(crate) is_general: bool,
    pub(crate) shape: Option<Shape>,
    /// Patterns that its lines follow.
    pub(crate) log_formats: Arc<LogFormats>,
    pub(crate) before: Option<Arc<Before>>,
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
    pub(crate) rules: Arc<Rules>,
    pub(crate) table: Option<Arc<ColumnsPack>>,
    pub(crate) text: Arc<TextFormat>,
    pub(crate) in_message: Arc<InMessage>,
    pub(crate) rails: Arc<RailsPack>,
    pub(crate) wrapper: Option<Wrapper>,
    /// How much a record must have to be in it: of two formats that read the same, the one that asks more is meant.
    pub(crate) demands: usize,
    pub(crate) audit: Arc<AuditTables>,
    /// What its numbers count.
    pub(crate) numbered: Option<Arc<Numbering>>,
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
        let (mut access_keys, mut variables) = (BTreeMap::new(), Variables::default());
        let mut windows = WindowsTable::default();
        let mut programs = Programs::default();
        let mut inside: BTreeMap<String, Vec<Arc<Rules>>> = BTreeMap::new();
        let all = packs_of(packs)?;
        let compiled = compiled_side_by_side(packs, &all);
        for ((name, pack), format) in all.iter().zip(compiled) {
            let (shown, format) = (packs.shown(name), format?);
            if pack.reader == ReaderKind::Access {
                access_keys.extend(format.keys.iter().map(|(k, t)| (k.clone(), *t)));
            }
            if pack.reader == ReaderKind::LogFormat && pack.log_formats.is_empty() {
                variables = known_variables(&shown, &pack.variables)?;
            }
            if pack.reader == ReaderKind::Messages {
                programs.add(&pack.programs, &format.text);
            }
            if let Some(pack) = &pack.windows {
                windows = WindowsTable::compile(&shown, pack)?;
            }
            for key in &pack.inside {
                inside.entry(key.clone()).or_default().push(Arc::clone(&format.rules));
            }
            formats.push(format);
        }
        let abbreviations = Arc::new(abbreviations(packs)?);
        let inside = inside.into_iter().map(|(key, rules)| Inside { key, rules }).collect();
        let pg_words = Arc::new(Words::load(packs)?);
        Ok(Formats {
            pg_words,
            formats,
            abbreviations,
            access_keys: Arc::new(access_keys),
            variables: Arc::new(variables),
            inside,
            windows: Arc::new(windows),
            programs: Arc::new(programs),
        })
    }

    /// These formats with one more, or with another in the place of the one of that name.
    pub(crate) fn with_pack(&self, name: &str, text: &str) -> Result<Formats, PackError> {
        let shown = format!("packs/formats/{name}.yaml");
        let pack: FormatPack = stanch_packs::parse(&shown, text)?;
        let mut formats = self.clone();
        let format = compile(&shown, name, &pack, &[])?;
        for key in &pack.inside {
            match formats.inside.iter_mut().find(|inside| inside.key == *key) {
                Some(inside) => inside.rules.push(Arc::clone(&format.rules)),
                None => formats.inside.push(Inside { key: key.clone(), rules: vec![Arc::clone(&format.rules)] }),
            }
        }
        formats.formats.retain(|f| f.name != name);
        formats.formats.push(format);
        Ok(formats)
    }

    /// What is wrong with a pack by its own samples.
    pub(crate) fn problems_of(&self, name: &str, text: &str) -> Vec<String> {
        match stanch_packs::parse::<FormatPack>(name, text) {
            Ok(pack) => crate::samples::check_pack(name, &pack, self),
            Err(e) => vec![e.to_string()],
        }
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
        with_reader.clone().find(|f| f.log_formats.patterns.is_empty()).or_else(|| with_reader.next())
    }

    /// A clock for times of the given IANA zone; an unknown zone counts as UTC.
    pub(crate) fn clock(&self, zone: &str) -> Clock {
        Clock::new(TimeZone::get(zone).unwrap_or(TimeZone::UTC), Arc::clone(&self.abbreviations))
    }
}

/// The format packs by their full names.
pub(crate) fn packs_of(packs: &Packs) -> Result<Vec<(String, FormatPack)>, PackError> {
    let names = packs.files("formats").map(|(name, _)| name).filter(|name| !NO_FORMATS.contains(name));
    names.map(|name| Ok((name.to_owned(), with_rules(packs, name)?))).collect()
}

/// A pack, with the rules of the one that it names for them. What it says itself of records goes first.
fn with_rules(packs: &Packs, name: &str) -> Result<FormatPack, PackError> {
    let mut pack: FormatPack = packs.load(name)?;
    if let Some(other) = &pack.rules_of {
        let rules = packs.load::<FormatPack>(&format!("formats/{other}"))?.rules;
        pack.rules = std::mem::take(&mut pack.rules).or(rules);
    }
    Ok(pack)
}

/// All packs' formats, in their order. What a pack says takes a while to compile, and one does not need another.
fn compiled_side_by_side(packs: &Packs, all: &[(String, FormatPack)]) -> Vec<Result<Format, PackError>> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let one = |(name, pack): &(String, FormatPack)| {
        compile(&packs.shown(name), name.trim_start_matches("formats/"), pack, all)
    };
    std::thread::scope(|scope| {
        let parts = all.chunks(all.len().div_ceil(threads).max(1));
        let under_way: Vec<_> =
            parts.map(|part| scope.spawn(move || part.iter().map(one).collect::<Vec<_>>())).collect();
        let joined = under_way.into_iter().map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)));
        joined.flatten().collect()
    })
}

fn compile(shown: &str, name: &str, pack: &FormatPack, others: &[(String, FormatPack)]) -> Result<Format, PackError> {
    let is_pg_json = matches!(pack.reader, ReaderKind::PgJson | ReaderKind::PgWrapped);
    let pg_keys =
        pack.keys.iter().filter(|_| is_pg_json).map(|(key, column)| Ok((key.clone(), named_column(shown, column)?)));
    let keys = if is_pg_json { BTreeMap::new() } else { targets(shown, &pack.keys)? };
    let log_formats = log_formats(shown, pack)?;
    // A line that follows a longer pattern has more of it.
    let variables = log_formats.patterns.iter().map(Pattern::variable_count).min().unwrap_or(0);
    Ok(Format {
        name: name.to_owned(),
        title: pack.title.clone(),
        reader: pack.reader,
        is_general: pack.general || pack.reader == ReaderKind::JsonLines,
        shape: pack.shape,
        before: pack.before.as_ref().map(|written| Before::compile(shown, written)).transpose()?.map(Arc::new),
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
        rules: Arc::new(Rules::compile(shown, &pack.rules)?),
        table: pack.table.clone().map(Arc::new),
        text: Arc::new(text_format(shown, pack)?),
        in_message: Arc::new(in_message(shown, pack, others)?),
        rails: Arc::new(pack.rails.clone()),
        wrapper: pack.wrapper,
        audit: Arc::new(AuditTables::compile(shown, &pack.audit, &pack.syscalls)?),
        numbered: pack.sequence.as_ref().map(|numbering| numbering_of(shown, numbering)).transpose()?.map(Arc::new),
        demands: pack.rules.needs.len() + pack.rules.only.len() + variables,
        log_formats: Arc::new(log_formats),
    })
}

/// The numbering of a pack, if it can be followed.
fn numbering_of(shown: &str, numbering: &Numbering) -> Result<Numbering, PackError> {
    if numbering.counts == Counter::PerSession && numbering.steps != Steps::One {
        return Err(PackError::new(shown, "`sequence` counts per session, which is looked at by steps of one only"));
    }
    let fields = numbering.by.iter().map(|mark| &mark.field).chain(numbering.except.keys());
    for field in fields {
        let is_unmapped = field.strip_prefix("unmapped.").is_some_and(|key| !key.is_empty());
        if !is_unmapped && TextField::from_name(field).is_none() {
            let said = format!("`sequence` names {field:?}, which is no text field of events");
            return Err(PackError::new(shown, said).with_hint("an event field, or unmapped.NAME"));
        }
    }
    for written in numbering.except.values() {
        if Regex::new(written).is_err() {
            return Err(PackError::new(shown, format!("`sequence`: {written:?} is no regular expression")));
        }
    }
    for mark in &numbering.by {
        if let Some(part) = &mark.part {
            let groups = Regex::new(part).map(|regex| regex.captures_len());
            if groups.map_or(true, |groups| groups < 2) {
                let said = format!("`sequence`: {part:?} is no regular expression with a group");
                return Err(PackError::new(shown, said));
            }
        }
    }
    Ok(numbering.clone())
}

fn log_formats(shown: &str, pack: &FormatPack) -> Result<LogFormats, PackError> {
    let variables = known_variables(shown, &pack.variables)?;
    let compiled = pack.log_formats.iter().map(|written| {
        let compiled = match pack.written {
            Some(values) => Pattern::compile_as(written, values, &variables),
            None => Pattern::compile(written, &variables),
        };
        compiled
            .map_err(|fault| PackError::new(shown, format!("the log format {written:?} cannot be read by: {fault}")))
    });
    let class = Rules::compile(shown, &pack.rules)?.class();
    Ok(LogFormats { patterns: compiled.collect::<Result<_, _>>()?, absent: pack.rules.absent.clone(), class })
}

fn known_variables(shown: &str, pack: &VariablesPack) -> Result<Variables, PackError> {
    Variables::compile(pack).map_err(|fault| {
        PackError::new(shown, format!("`variables` cannot be read: {fault}"))
            .with_hint(format!("an OCSF path such as src_endpoint.ip, or one of: {}", Target::WORDS.join(", ")))
    })
}

fn text_format(shown: &str, pack: &FormatPack) -> Result<TextFormat, PackError> {
    let whole = |p: &PatternPack| {
        let matches =
            pack.parts.iter().fold(p.matches.clone(), |m, (name, part)| m.replace(&format!("<<{name}>>"), part));
        PatternPack { matches, ..p.clone() }
    };
    let patterns = pack.patterns.iter().map(|p| MessagePattern::compile(shown, &whole(p))).collect::<Result<_, _>>()?;
    let continues = pack.continues.as_ref().map(|written| {
        Regex::new(written).map_err(|e| PackError::new(shown, format!("`continues` cannot be read: {e}")))
    });
    let spans = pack.spans.iter().map(|span| Span::compile(shown, span)).collect::<Result<_, _>>()?;
    let rules = Rules::compile(shown, &pack.rules)?;
    let behind = Behind { names: pack.json_behind.clone(), marker: pack.json_marker.clone().unwrap_or_default() };
    Ok(TextFormat { patterns, continues: continues.transpose()?, spans, behind, rules })
}

fn in_message(shown: &str, pack: &FormatPack, others: &[(String, FormatPack)]) -> Result<InMessage, PackError> {
    let mut patterns: Vec<&PatternPack> = pack.in_message.iter().collect();
    for name in &pack.in_message_of {
        let other = others.iter().find(|(full, _)| full.trim_start_matches("formats/") == name);
        let (_, other) = other
            .ok_or_else(|| PackError::new(shown, format!("`in_message_of` names {name:?}, which is no format pack")))?;
        patterns.extend(&other.in_message);
    }
    InMessage::compile(shown, patterns.into_iter())
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
