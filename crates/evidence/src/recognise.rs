//! Finds out by content which format a file has: every reader tries a sample, and the one that understands most wins.

use crate::apps::rails::Rails;
use crate::binlog::BinaryLog;
use crate::clock::{Clock, local_us};
use crate::formats::{Format, Formats, ReaderKind};
use crate::framing::{Cutter, Framing};
use crate::glob;
use crate::harvest::{Harvest, Reason};
use crate::hosts::auditd::Auditd;
use crate::hosts::evtx::WindowsEvtx;
use crate::hosts::journald::{JournaldExport, JournaldJson};
use crate::hosts::windows::{json::WindowsEventJson, xml::WindowsEventXml};
use crate::json;
use crate::lines::{Line, RawLine, trimmed};
use crate::mysql;
use crate::network::PacketCapture;
use crate::options::{Limits, ReadOptions};
use crate::postgres::readers;
use crate::postgres_decoding;
use crate::reader::Reader;
use crate::reader::access::Access;
use crate::reader::audit_sections::AuditSections;
use crate::reader::delimited::Delimited;
use crate::reader::json_lines::{JsonLines, Mapping};
use crate::reader::json_records::{self, JsonRecords};
use crate::reader::make::Make;
use crate::reader::messages::Messages;
use crate::reader::mixed::Mixed;
use crate::reader::pairs::Pairs;
use crate::reader::pattern::{ByPattern, Escape, LogFormats, Pattern};
use crate::reader::rules::Rules;
use crate::reader::syslog::Syslog;
use crate::reader::text::Text;
use crate::reader::tree::{Members, Tree};
use crate::reader::wrapped::{Wrapped, Wrapper};
use crate::syslog::Years;
use stanch_model::store::LogSource;
use stanch_model::{FileAccount, Instant};
use std::rc::Rc;
use std::sync::Arc;

/// Share of lines from which on a format that is made for them is preferred to a general one.
pub(crate) const FITS: f64 = 0.5;
/// The same inside a wrapper, where a line that is in no format is an event all the same.
const FITS_INSIDE: f64 = 0.1;

/// Lines by which it is told whether a text is wrapped.
const WRAPPED_LINES: usize = 100;
/// Formats that may stand among the lines of another, and lines that one must have for it.
const OTHERS_MAX: usize = 3;
const OTHER_LINES: usize = 2;
/// How much less of a sample a format may read that asks more of a record, and still be the one that is meant: lines are
/// cut off, and what another format reads of the rest is read too.
const NEARLY: f64 = 0.05;

/// What is known of a log before its first line is read.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) formats: &'a Formats,
    pub(crate) source: Option<&'a LogSource>,
    pub(crate) limits: &'a Limits,
    pub(crate) time_zone: &'a str,
    now: Option<Instant>,
    /// What became of the beginning of the text, where that was read before.
    pub(crate) beginning: Option<&'a FileAccount>,
}

impl<'a> Context<'a> {
    /// The context of a text. `name` is the file's, or `archive!member`.
    pub(crate) fn of(name: &str, options: &'a ReadOptions<'_>) -> Context<'a> {
        let member = name.split_once('!').map(|(_, member)| member);
        let is_for = |log: &&LogSource| {
            glob::matches(&log.files, name) || member.is_some_and(|member| glob::matches(&log.files, member))
        };
        let source = options.logs.iter().find(is_for);
        let own_zone = source.and_then(|s| s.time_zone.as_deref());
        Context {
            formats: options.formats,
            source,
            limits: &options.limits,
            time_zone: own_zone.unwrap_or(options.time_zone),
            now: options.now,
            beginning: options.read_before(),
        }
    }

    /// The zone of times that carry none: what the store file says of the log, else what the format lays down.
    fn zone_of(&self, format: &'a Format) -> &'a str {
        let said = self.source.and_then(|s| s.time_zone.as_deref());
        said.or(format.rules.time_zone.as_deref()).unwrap_or(self.time_zone)
    }

    /// For times that carry no year.
    pub(crate) fn years(&self) -> Years {
        Years::new(self.source.and_then(|s| s.year), self.now)
    }
}

/// A format that was chosen, with its reader.
pub(crate) struct Chosen {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) score: f64,
    pub(crate) runner_up: Option<(String, f64)>,
    pub(crate) reader: Box<dyn Reader>,
    /// A second one of the same, to look ahead with.
    pub(crate) ahead: Box<dyn Reader>,
    pub(crate) remarks: Vec<String>,
    /// The formats whose readers make up this one, if each line is read by itself: a further reader of the same can
    /// then be made from their names alone, and read from any line on.
    pub(crate) recipe: Option<Vec<String>>,
}

/// A reader by its recipe.
pub(crate) fn by_recipe(recipe: &[String], context: &Context<'_>) -> Option<Box<dyn Reader>> {
    let nothing = Sample { records: Vec::new() };
    let of = |name: &String| final_reader(context.formats.by_name(name)?, &nothing, context, &mut Vec::new());
    let mut readers = recipe.iter().map(of).collect::<Option<Vec<_>>>()?.into_iter();
    let main = readers.next()?;
    let others: Vec<Box<dyn Reader>> = readers.collect();
    Some(if others.is_empty() { main } else { Box::new(Mixed::new(main, others)) })
}

/// The outcome of looking at a sample.
pub(crate) enum Recognised {
    /// A format fits.
    As(Chosen),
    /// None does; the nearest, its score, and why not.
    Unknown { reason: String, nearest: Option<(String, f64)> },
}

/// How a format did on a sample.
struct Trial<'a> {
    format: &'a Format,
    score: f64,
    refusal: Option<String>,
}

/// Recognises a sample of a text: its first records, or later ones where the first were in no format.
pub(crate) fn recognise(sample: &[u8], texts: &Sample, framing: Framing, context: &Context<'_>) -> Recognised {
    let wrapping = context.formats.formats.iter().find(|f| framing == Framing::Lines && texts.is_wrapped_as(f));
    let Some((format, wrapper)) = wrapping.and_then(|f| Some((f, f.wrapper?))) else {
        return match choose(texts, framing, context) {
            Ok(chosen) => Recognised::As(chosen),
            Err(trials) => unknown(sample, texts, &trials),
        };
    };
    let inside = choose(&texts.unwrapped(wrapper), framing, context);
    Recognised::As(wrap(format, wrapper, inside.ok().filter(|c| c.score >= FITS_INSIDE), context))
}

/// Puts the reader of a wrapper's lines around that of what is inside, if that is known.
fn wrap(format: &Format, wrapper: Wrapper, inside: Option<Chosen>, context: &Context<'_>) -> Chosen {
    let around = |inner: Option<Box<dyn Reader>>| -> Box<dyn Reader> {
        let clock = context.formats.clock(context.time_zone);
        Box::new(Wrapped::new(wrapper, clock, inner, context.limits.line_bytes_max))
    };
    match inside {
        Some(inside) => {
            let mut remarks = vec![format!("each line in the wrapper of {}, taken off", wrapper.title())];
            remarks.extend(inside.remarks);
            let (reader, ahead) = (around(Some(inside.reader)), around(Some(inside.ahead)));
            Chosen { reader, ahead, remarks, recipe: None, ..inside }
        }
        None => Chosen {
            name: format.name.clone(),
            title: format.title.clone(),
            score: 1.0,
            runner_up: None,
            reader: around(None),
            ahead: around(None),
            remarks: Vec::new(),
            recipe: None,
        },
    }
}

/// The format of some records, stated or tried; else what was tried.
fn choose<'a>(texts: &Sample, framing: Framing, context: &Context<'a>) -> Result<Chosen, Vec<Trial<'a>>> {
    let mut remarks = Vec::new();
    if let Some(stated) = stated(texts, framing, context, &mut remarks) {
        return Ok(Chosen { remarks, ..stated });
    }
    let few = texts.some();
    let mut trials = try_all(&few, framing, context);
    if trials.iter().all(|t| t.score == 0.0) && (MANY..ALL_MAX).contains(&texts.records.len()) {
        trials = try_all(texts, framing, context);
    }
    sort(&mut trials);
    let runner_up = trials.get(1).filter(|t| t.score > 0.0).map(|t| (t.format.name.clone(), t.score));
    let Some(best) = trials.first().filter(|t| t.score > 0.0) else { return Err(trials) };
    let readers = final_reader(best.format, texts, context, &mut remarks)
        .and_then(|reader| Some((reader, ahead_reader(best.format, texts, context)?)));
    let Some((reader, ahead)) = readers else { return Err(trials) };
    let recipe = reader.is_line_by_line().then(|| vec![best.format.name.clone()]);
    let chosen = Chosen {
        recipe,
        name: best.format.name.clone(),
        title: best.format.title.clone(),
        score: best.score,
        runner_up,
        reader,
        ahead,
        remarks,
    };
    Ok(if best.score < 1.0 && framing == Framing::Lines { with_others(chosen, &few, context) } else { chosen })
}

/// Adds the formats of lines that the main one refuses, where enough are in one.
fn with_others(mut chosen: Chosen, texts: &Sample, context: &Context<'_>) -> Chosen {
    let mut readers: Vec<Box<dyn Reader>> = Vec::new();
    let mut aheads: Vec<Box<dyn Reader>> = Vec::new();
    let mut left = texts.refused_by(chosen.ahead.as_mut());
    while readers.len() < OTHERS_MAX && left.records.len() >= OTHER_LINES {
        let mut trials = try_all(&left, Framing::Lines, context);
        sort(&mut trials);
        #[expect(clippy::cast_precision_loss, reason = "a sample has few lines")]
        let Some(other) = trials.first().filter(|t| t.score * left.records.len() as f64 >= OTHER_LINES as f64) else {
            break;
        };
        let again = || final_reader(other.format, &left, context, &mut Vec::new());
        let (Some(mut reader), Some(ahead)) = (again(), again()) else { break };
        let rest = left.refused_by(reader.as_mut());
        if other.format.name == chosen.name || rest.records.len() == left.records.len() {
            break;
        }
        chosen.recipe = chosen.recipe.filter(|_| reader.is_line_by_line()).map(|mut recipe| {
            recipe.push(other.format.name.clone());
            recipe
        });
        chosen.remarks.push(format!("among its lines stand some of another format: {}", other.format.title));
        readers.push(reader);
        aheads.push(ahead);
        left = rest;
    }
    if !readers.is_empty() {
        chosen.reader = Box::new(Mixed::new(chosen.reader, readers));
        chosen.ahead = Box::new(Mixed::new(chosen.ahead, aheads));
    }
    chosen
}

fn try_all<'a>(texts: &Sample, framing: Framing, context: &Context<'a>) -> Vec<Trial<'a>> {
    let formats = context.formats.formats.iter().filter(|f| f.reader.reads(framing));
    let objects = Objects::of(texts);
    formats
        .filter_map(|format| {
            if format.reader == ReaderKind::Json
                && format.before.is_none()
                && !objects.is_repairable
                && let Some(refusal) = objects.refusal(&format.rules)
            {
                return Some(Trial { format, score: 0.0, refusal: Some(refusal.into_owned()) });
            }
            let mut reader = trial_reader(format, texts, context)?;
            let (score, refusal) = texts.score(reader.as_mut());
            Some(Trial { format, score, refusal })
        })
        .collect()
}

/// Objects of a sample that are looked at for whether they can be repaired.
const REPAIRS_MAX: usize = 20;

/// A sample's JSON objects, opened once for all formats that may be theirs.
struct Objects<'a> {
    texts: &'a Sample,
    opened: Vec<Option<Rc<Members<'a>>>>,
    /// Whether an object that cannot be opened as it stands could be repaired.
    is_repairable: bool,
}

impl<'a> Objects<'a> {
    fn of(texts: &'a Sample) -> Objects<'a> {
        let opened: Vec<_> = texts.records.iter().map(|(text, ..)| json::members(text).map(Rc::new)).collect();
        let unopened =
            texts.records.iter().zip(&opened).filter(|((text, ..), opened)| opened.is_none() && text.starts_with('{'));
        let is_repairable = unopened.take(REPAIRS_MAX).any(|((text, ..), _)| json::repaired(text).is_some());
        Objects { texts, opened, is_repairable }
    }

    /// Why not one of them follows the rules, if none does.
    fn refusal(&self, rules: &Rules) -> Option<Reason> {
        let mut first = None;
        for (opened, (text, ..)) in self.opened.iter().zip(&self.texts.records) {
            let Some(members) = opened else { continue };
            let refused = if rules.unpack.is_empty() {
                rules.refusal(&Tree::new(Rc::clone(members), Vec::new()))
            } else {
                json_records::refusal(text, rules)
            };
            first.get_or_insert(refused?);
        }
        first.or(Some("not one whole JSON object".into()))
    }
}

/// The best first. A format made for these lines goes before a general one that also takes them; of two that take as
/// many or nearly as many, the one that asks more of a record.
fn sort(trials: &mut [Trial<'_>]) {
    let is_made_for = |t: &Trial<'_>| t.score >= FITS && !t.format.is_general;
    let top = trials.iter().filter(|t| is_made_for(t)).map(|t| t.score).fold(0.0, f64::max);
    let rank = |t: &Trial<'_>| {
        let is_meant = is_made_for(t) && t.score >= top - NEARLY;
        (is_made_for(t), is_meant, if is_meant { t.format.demands } else { 0 })
    };
    trials.sort_by(|a, b| {
        let by_rank = rank(b).cmp(&rank(a)).then(b.score.total_cmp(&a.score));
        let by_rank = by_rank.then(a.format.is_general.cmp(&b.format.is_general));
        by_rank.then(b.format.demands.cmp(&a.format.demands)).then_with(|| a.format.name.cmp(&b.format.name))
    });
}

fn unknown(sample: &[u8], texts: &Sample, trials: &[Trial<'_>]) -> Recognised {
    if let Some(what) = known_kind(sample) {
        return Recognised::Unknown { reason: format!("no format fits; it is {what}"), nearest: None };
    }
    // All have scored nothing, so that the outer shape of the lines must tell which is nearest.
    let shaped = texts.resembles();
    let refused = |t: &&Trial<'_>| t.refusal.is_some();
    let nearest =
        trials.iter().filter(refused).find(|t| t.format.reader == shaped).or_else(|| trials.iter().find(refused));
    let reason = match nearest {
        Some(t) => format!(
            "no format fits; nearest is {} ({:.2}), because {}",
            t.format.title,
            t.score,
            t.refusal.as_deref().unwrap_or("nothing in it is known")
        ),
        None => "no format fits".to_owned(),
    };
    Recognised::Unknown { reason, nearest: nearest.map(|t| (t.format.name.clone(), t.score)) }
}

/// Files that hold no lines, by their first bytes, and what to do about them.
fn known_kind(sample: &[u8]) -> Option<&'static str> {
    const KINDS: &[(&[u8], &str)] = &[
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it and add it again"),
        (b"\x04\x22\x4d\x18", "compressed with lz4; unpack it and add it again"),
        (b"Rar!", "a RAR archive; unpack it and add it again"),
        (b"PK\x03\x04", "a zip archive inside an archive; unpack it and add it again"),
        (b"PAR1", "a Parquet file, no log"),
        (b"SQLite format 3\0", "an SQLite database, no log"),
        (b"\xd4\xc3\xb2\xa1", "a packet capture of which no packet can be read"),
        (b"\x0a\x0d\x0d\x0a", "a packet capture of which no packet can be read"),
        (b"\x34\xcd\xb2\xa1", "a packet capture in a variant that is not read; save it as pcapng and add it again"),
        (b"\xfebin", "a binary log of MySQL or MariaDB of which nothing can be read"),
        (
            b"\xfdbin",
            "an encrypted binary log of MySQL; have the server write it in the open (mysqlbinlog --read-from-remote-server) and add that",
        ),
        (b"\x7fELF", "a program, no log"),
        (b"%PDF", "a PDF, no log"),
        (b"\x89PNG", "a picture, no log"),
        (b"PGDMP", "a PostgreSQL dump in custom format, no log; name it under [snapshot] as a plain dump"),
        (b"\xff\xfe", "UTF-16 text; convert it to UTF-8 and add it again"),
        (b"\xfe\xff", "UTF-16 text; convert it to UTF-8 and add it again"),
        (b"-- PostgreSQL database dump", "a PostgreSQL dump, no log; name it under [snapshot]"),
        (b"--\n-- PostgreSQL database dump", "a PostgreSQL dump, no log; name it under [snapshot]"),
    ];
    KINDS.iter().find(|(magic, _)| sample.starts_with(magic)).map(|(_, what)| *what)
}

/// The reader that the store file states for this log, if it states one.
fn stated(texts: &Sample, framing: Framing, context: &Context<'_>, remarks: &mut Vec<String>) -> Option<Chosen> {
    let source = context.source?;
    let named = source.format.as_deref().and_then(|name| {
        let format = context.formats.by_name(name);
        if format.is_none() {
            remarks
                .push(format!("the store file states format {name:?}, which is no format pack; recognised by content"));
        }
        format
    });
    let format = match (named, &source.pattern) {
        (Some(format), Some(pattern)) if format.reader == ReaderKind::Access => by_pattern(pattern, texts, context)?,
        (Some(format), _) => format,
        (None, Some(pattern)) => by_pattern(pattern, texts, context)?,
        (None, None) if !source.fields.is_empty() => context.formats.by_reader(ReaderKind::JsonLines)?,
        (None, None) => return None,
    };
    if !format.reader.reads(framing) {
        let title = &format.title;
        remarks
            .push(format!("the store file states {title}, which does not stand in such a file; recognised by content"));
        return None;
    }
    let reader = final_reader(format, texts, context, remarks)?;
    let mut ahead = ahead_reader(format, texts, context)?;
    let (score, _) = texts.score(ahead.as_mut());
    Some(Chosen {
        recipe: reader.is_line_by_line().then(|| vec![format.name.clone()]),
        name: format.name.clone(),
        title: format.title.clone(),
        score,
        runner_up: None,
        reader,
        ahead,
        remarks: Vec::new(),
    })
}

/// Whose pattern it is: nginx's has `$`, Apache's a quoted request or a status, PostgreSQL's neither. What is around
/// PostgreSQL's lines is told by the lines.
fn by_pattern<'a>(pattern: &str, texts: &Sample, context: &Context<'a>) -> Option<&'a Format> {
    let of_a_web_server =
        pattern.contains('$') || pattern.contains("%r") && pattern.contains('"') || pattern.contains("%>s");
    let is_directive = pattern.contains("LogFormat ") || pattern.contains("CustomLog ");
    if of_a_web_server || is_directive || pattern.contains("%{") {
        return context.formats.by_reader(ReaderKind::LogFormat);
    }
    let score = |format: &&Format| trial_reader(format, texts, context).map_or(0.0, |mut r| texts.score(r.as_mut()).0);
    let around = [ReaderKind::PgSyslog, ReaderKind::PgWrapped];
    let around = around.into_iter().filter_map(|reader| context.formats.by_reader(reader));
    around.into_iter().find(|f| score(f) >= FITS).or_else(|| context.formats.by_reader(ReaderKind::PgStderr))
}

/// A reader that counts only what is in the format itself.
fn trial_reader(format: &Format, texts: &Sample, context: &Context<'_>) -> Option<Box<dyn Reader>> {
    if format.reader == ReaderKind::Access {
        let clock = context.formats.clock(context.time_zone);
        return Some(Box::new(Access::new(clock, context.formats.access_keys.clone(), format.shape)));
    }
    if format.reader == ReaderKind::PgWrapped {
        return readers::reader(format, texts.texts(), context, true, &mut Vec::new());
    }
    ahead_reader(format, texts, context)
}

/// A reader to look ahead with, whose events nobody keeps.
fn ahead_reader(format: &Format, texts: &Sample, context: &Context<'_>) -> Option<Box<dyn Reader>> {
    made_reader(format, context, true).or_else(|| final_reader(format, texts, context, &mut Vec::new()))
}

/// A reader that its family makes.
fn made_reader(format: &Format, context: &Context<'_>, is_trial: bool) -> Option<Box<dyn Reader>> {
    let clock = context.formats.clock(context.time_zone);
    let make = Make { format, clock, bytes_max: context.limits.line_bytes_max, is_trial };
    match format.reader {
        ReaderKind::PgTestDecoding | ReaderKind::PgWal2json => postgres_decoding::reader(make),
        _ => mysql::reader(make),
    }
}

/// The reader that reads the whole text.
fn final_reader<'a>(
    format: &'a Format,
    texts: &Sample,
    context: &Context<'a>,
    remarks: &mut Vec<String>,
) -> Option<Box<dyn Reader>> {
    let formats = context.formats;
    let clock = formats.clock(context.zone_of(format));
    let pattern = context.source.and_then(|s| s.pattern.as_deref());
    let bytes_max = context.limits.line_bytes_max;
    Some(match format.reader {
        ReaderKind::Access => Box::new(Access::new(clock, formats.access_keys.clone(), None)),
        ReaderKind::LogFormat => {
            let known = &format.log_formats;
            let patterns =
                if known.patterns.is_empty() { stated_pattern(pattern?, formats, remarks)? } else { known.clone() };
            Box::new(ByPattern::new(patterns, format.before.clone(), clock))
        }
        ReaderKind::AuditSections => Box::new(AuditSections::new(clock, format.keys.clone(), bytes_max)),
        ReaderKind::PgCsv
        | ReaderKind::PgJson
        | ReaderKind::PgStderr
        | ReaderKind::PgSyslog
        | ReaderKind::PgWrapped
        | ReaderKind::PgBouncer => readers::reader(format, texts.texts(), context, false, remarks)?,
        ReaderKind::Json => {
            let (rules, in_message) = (format.rules.clone(), format.in_message.clone());
            Box::new(JsonRecords::new(clock, rules, in_message, format.before.clone()))
        }
        ReaderKind::Pairs => Box::new(Pairs::new(clock, format.rules.clone(), format.before.clone())),
        ReaderKind::Columns => Box::new(Delimited::new(
            clock,
            format.rules.clone(),
            format.table.clone()?,
            format.in_message.clone(),
            bytes_max,
        )),
        ReaderKind::Text => Box::new(Text::new(clock, format.text.clone(), format.in_message.clone(), bytes_max)),
        ReaderKind::Rails => {
            Box::new(Rails::new(clock, format.rails.clone(), format.rules.clone(), format.in_message.clone()))
        }
        ReaderKind::Messages | ReaderKind::Container => return None,
        ReaderKind::Syslog => Box::new(syslog(clock, context)),
        ReaderKind::MysqlGeneral
        | ReaderKind::MysqlSlow
        | ReaderKind::MysqlError
        | ReaderKind::MariadbServerAudit
        | ReaderKind::MysqlAuditXml
        | ReaderKind::MysqlAuditJson
        | ReaderKind::MysqlAuditCsv
        | ReaderKind::MysqlBinlogText
        | ReaderKind::PgTestDecoding
        | ReaderKind::PgWal2json => return made_reader(format, context, false),
        ReaderKind::Pcap => Box::new(PacketCapture::default()),
        ReaderKind::Binlog => Box::new(BinaryLog::default()),
        ReaderKind::JsonLines => {
            let (mapping, faults) = context.source.map(Mapping::compile).unwrap_or_default();
            remarks.extend(faults);
            Box::new(JsonLines::new(clock, mapping, format.time_keys.clone()))
        }
        ReaderKind::JournaldJson => Box::new(JournaldJson::new(clock, format.rules.clone())),
        ReaderKind::JournaldExport => Box::new(JournaldExport::new(clock, format.rules.clone(), bytes_max)),
        ReaderKind::WindowsEvtx => Box::new(WindowsEvtx::new(clock, formats.windows.clone())),
        ReaderKind::WindowsEventXml => Box::new(WindowsEventXml::new(clock, formats.windows.clone(), bytes_max)),
        ReaderKind::WindowsEventJson => Box::new(WindowsEventJson::new(clock, formats.windows.clone())),
        ReaderKind::Auditd => Box::new(Auditd::new(clock, format.audit.clone())),
    })
}

/// The pattern that the store file states, compiled.
fn stated_pattern(written: &str, formats: &Formats, remarks: &mut Vec<String>) -> Option<Arc<LogFormats>> {
    let compiled = match Pattern::compile(written, &formats.variables) {
        Ok(compiled) => compiled,
        Err(fault) => {
            remarks.push(format!(
                "the pattern {written:?} of the store file cannot be read by: {fault}; recognised by content"
            ));
            return None;
        }
    };
    if compiled.escape == Escape::None {
        remarks.push(
            "its values were written with escape=none: what a client sent may pretend to be other fields or lines"
                .into(),
        );
    }
    Some(Arc::new(LogFormats { patterns: vec![compiled], ..LogFormats::default() }))
}

/// Syslog's reader: programs that another format reads from whole lines are left to it.
fn syslog(clock: Clock, context: &Context<'_>) -> Syslog {
    let whole = context.formats.formats.iter().filter(|f| f.reader == ReaderKind::PgSyslog);
    let reader = Syslog::new(clock, context.years(), Messages::new(context.formats));
    whole.flat_map(|f| f.programs.iter()).fold(reader, |reader, program| reader.without(program))
}

/// The complete records of a sample.
pub(crate) struct Sample {
    records: Vec<(String, Vec<u8>, stanch_model::Position)>,
}

/// Records from which on some are tried for all; in runs, since a record may span lines.
const MANY: usize = 800;
const RUNS: usize = 4;
/// Records up to which all are tried where those were in no format. Windows of more are all but empty lines.
const ALL_MAX: usize = 5_000;

impl Sample {
    /// Whether most lines are wrapped as a format says.
    fn is_wrapped_as(&self, format: &Format) -> bool {
        let Some(wrapper) = format.wrapper else { return false };
        let looked_at = self.records.iter().filter(|(text, ..)| !text.is_empty()).take(WRAPPED_LINES);
        let (count, wrapped) = looked_at.fold((0, 0), |(count, wrapped), (text, ..)| {
            (count + 1, wrapped + usize::from(wrapper.unwrap(text).is_some()))
        });
        wrapped > 0 && wrapped * 10 >= count * 8
    }

    fn unwrapped(&self, wrapper: Wrapper) -> Sample {
        let inner = self.records.iter().filter_map(|(text, _, position)| {
            let inner = wrapper.unwrap(text)?.text.into_owned();
            Some((inner.clone(), inner.into_bytes(), *position))
        });
        Sample { records: inner.collect() }
    }

    /// The records that a reader refuses.
    fn refused_by(&self, reader: &mut dyn Reader) -> Sample {
        let mut harvest = Harvest::new("", 0);
        let refused = self.records.iter().filter(|(text, raw, position)| {
            reader.line(&Line { text, raw, position: *position }, &mut harvest);
            harvest.take_back(*position).is_some()
        });
        let records = refused.cloned().collect();
        reader.finish(&mut harvest);
        Sample { records }
    }

    /// What a cutter makes of a window. At the text's end, what is not ended counts too.
    pub(crate) fn of(mut cutter: Cutter, window: &[u8], is_end: bool) -> Sample {
        let mut records = Vec::new();
        let mut take = |record: RawLine<'_>| {
            if record.too_long.is_none() {
                let text = String::from_utf8_lossy(&record.bytes[trimmed(&record)]).into_owned();
                records.push((text, record.bytes.to_vec(), record.position));
            }
        };
        cutter.feed(window, &mut take);
        if is_end {
            cutter.finish(&mut take);
        }
        Sample { records }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Enough of it to tell the format by.
    fn some(&self) -> Sample {
        let count = self.records.len();
        if count <= MANY {
            return Sample { records: self.records.clone() };
        }
        let run = MANY / RUNS;
        let starts = (0..RUNS).map(|i| i * (count - run) / (RUNS - 1));
        Sample { records: starts.flat_map(|from| self.records[from..from + run].to_vec()).collect() }
    }

    /// The share of text lines that a reader understands, and its main reason for refusing the others.
    fn score(&self, reader: &mut dyn Reader) -> (f64, Option<String>) {
        let mut harvest = Harvest::new("", 0);
        for (text, raw, position) in &self.records {
            reader.line(&Line { text, raw, position: *position }, &mut harvest);
            if harvest.batch.is_full() {
                harvest.batch = stanch_model::EventBatch::default();
            }
        }
        reader.finish(&mut harvest);
        // Comments alone are no sign of a format.
        let is_known = harvest.events > 0 || harvest.heads > 0;
        let (good, bad) = (if is_known { harvest.lines_in_events } else { 0 }, harvest.refused_lines());
        #[expect(clippy::cast_precision_loss, reason = "a sample has few lines")]
        let score = if good + bad == 0 { 0.0 } else { good as f64 / (good + bad) as f64 };
        (score, harvest.main_refusal().map(str::to_owned))
    }

    /// The reader whose lines look like most of these from outside.
    fn resembles(&self) -> ReaderKind {
        let texts = || self.records.iter().map(|(text, ..)| text.trim()).filter(|t| !t.is_empty());
        let most = |is: &dyn Fn(&str) -> bool| texts().filter(|t| is(t)).count() * 2 > texts().count();
        if most(&|t| t.starts_with('{')) {
            ReaderKind::JsonLines
        } else if most(&|t| local_us(t.trim_start_matches('"')).is_some() && t.matches(',').count() > 8) {
            ReaderKind::PgCsv
        } else {
            ReaderKind::Access
        }
    }

    /// Its texts, in their order.
    fn texts(&self) -> Vec<&str> {
        self.records.iter().map(|(text, ..)| text.as_str()).collect()
    }
}
