//! Finds out by content which format a file has: every reader tries a sample, and the one that understands most wins.

use crate::clock::local_us;
use crate::formats::{Format, Formats, ReaderKind};
use crate::glob;
use crate::harvest::Harvest;
use crate::lines::{Line, LineCutter, RawLine, trimmed};
use crate::options::{Limits, ReadOptions};
use crate::postgres::readers;
use crate::reader::Reader;
use crate::reader::access::Access;
use crate::reader::json_lines::{JsonLines, Mapping};
use crate::reader::keyed_json::KeyedJson;
use crate::reader::pattern::{ByPattern, Pattern};
use crate::syslog::Years;
use stanch_model::Instant;
use stanch_model::store::LogSource;
use std::borrow::Cow;

/// Share of lines from which on a format that is made for them is preferred to a general one.
pub(crate) const FITS: f64 = 0.5;

/// What is known of a log before its first line is read.
pub(crate) struct Context<'a> {
    pub(crate) formats: &'a Formats,
    pub(crate) source: Option<&'a LogSource>,
    pub(crate) limits: &'a Limits,
    pub(crate) time_zone: &'a str,
    now: Option<Instant>,
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
        }
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

/// Recognises a sample of a text: its first lines, or later ones where the first were in no format.
pub(crate) fn recognise(sample: &[u8], context: &Context<'_>) -> Recognised {
    let texts = Sample::of(sample, context.limits);
    let mut remarks = Vec::new();
    if let Some(stated) = stated(&texts, context, &mut remarks) {
        return Recognised::As(Chosen { remarks, ..stated });
    }
    let mut trials: Vec<Trial<'_>> = context
        .formats
        .formats
        .iter()
        .filter_map(|format| {
            let mut reader = trial_reader(format, &texts, context)?;
            let (score, refusal) = texts.score(reader.as_mut());
            Some(Trial { format, score, refusal })
        })
        .collect();
    // A format made for these lines goes before a general one that also takes them.
    let rank = |t: &Trial<'_>| (t.score >= FITS && t.format.reader != ReaderKind::JsonLines, t.score);
    trials.sort_by(|a, b| {
        let (x, y) = (rank(a), rank(b));
        y.0.cmp(&x.0).then(y.1.total_cmp(&x.1)).then_with(|| a.format.name.cmp(&b.format.name))
    });
    let runner_up = trials.get(1).filter(|t| t.score > 0.0).map(|t| (t.format.name.clone(), t.score));
    let Some(best) = trials.first().filter(|t| t.score > 0.0) else { return unknown(sample, &texts, &trials) };
    let readers = final_reader(best.format, &texts, context, &mut remarks)
        .and_then(|reader| Some((reader, final_reader(best.format, &texts, context, &mut Vec::new())?)));
    let Some((reader, ahead)) = readers else { return unknown(sample, &texts, &trials) };
    Recognised::As(Chosen {
        name: best.format.name.clone(),
        title: best.format.title.clone(),
        score: best.score,
        runner_up,
        reader,
        ahead,
        remarks,
    })
}

fn unknown(sample: &[u8], texts: &Sample<'_>, trials: &[Trial<'_>]) -> Recognised {
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
        (b"BZh", "compressed with bzip2; unpack it and add it again"),
        (b"\xfd7zXZ\0", "compressed with xz; unpack it and add it again"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it and add it again"),
        (b"\x04\x22\x4d\x18", "compressed with lz4; unpack it and add it again"),
        (b"Rar!", "a RAR archive; unpack it and add it again"),
        (b"PK\x03\x04", "a zip archive inside an archive; unpack it and add it again"),
        (b"PAR1", "a Parquet file, no log"),
        (b"SQLite format 3\0", "an SQLite database, no log"),
        (b"ElfFile\0", "a Windows event log, which is not read yet"),
        (b"\xd4\xc3\xb2\xa1", "a packet capture, which is not read yet"),
        (b"\x0a\x0d\x0d\x0a", "a packet capture, which is not read yet"),
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
fn stated(texts: &Sample<'_>, context: &Context<'_>, remarks: &mut Vec<String>) -> Option<Chosen> {
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
        (Some(format), _) => format,
        (None, Some(pattern)) => by_pattern(pattern, texts, context)?,
        (None, None) if !source.fields.is_empty() => context.formats.by_reader(ReaderKind::JsonLines)?,
        (None, None) => return None,
    };
    let reader = final_reader(format, texts, context, remarks)?;
    let mut ahead = final_reader(format, texts, context, &mut Vec::new())?;
    let (score, _) = texts.score(ahead.as_mut());
    Some(Chosen {
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
fn by_pattern<'a>(pattern: &str, texts: &Sample<'_>, context: &Context<'a>) -> Option<&'a Format> {
    let of_a_web_server =
        pattern.contains('$') || pattern.contains("%r") && pattern.contains('"') || pattern.contains("%>s");
    if of_a_web_server || pattern.contains("%{") {
        return context.formats.by_reader(ReaderKind::Access);
    }
    let score = |format: &&Format| trial_reader(format, texts, context).map_or(0.0, |mut r| texts.score(r.as_mut()).0);
    let around = [ReaderKind::PgSyslog, ReaderKind::PgWrapped];
    let around = around.into_iter().filter_map(|reader| context.formats.by_reader(reader));
    around.into_iter().find(|f| score(f) >= FITS).or_else(|| context.formats.by_reader(ReaderKind::PgStderr))
}

/// A reader that counts only what is in the format itself.
fn trial_reader(format: &Format, texts: &Sample<'_>, context: &Context<'_>) -> Option<Box<dyn Reader>> {
    if format.reader == ReaderKind::Access {
        let clock = context.formats.clock(context.time_zone);
        return Some(Box::new(Access::new(clock, context.formats.access_keys.clone(), format.shape)));
    }
    if format.reader == ReaderKind::PgWrapped {
        return readers::reader(format, texts.texts(), context, true, &mut Vec::new());
    }
    final_reader(format, texts, context, &mut Vec::new())
}

/// The reader that reads the whole text.
fn final_reader(
    format: &Format,
    texts: &Sample<'_>,
    context: &Context<'_>,
    remarks: &mut Vec<String>,
) -> Option<Box<dyn Reader>> {
    let formats = context.formats;
    let clock = formats.clock(context.time_zone);
    let pattern = context.source.and_then(|s| s.pattern.as_deref());
    Some(match format.reader {
        ReaderKind::Access => match pattern.map(|p| (p, Pattern::compile(p, &formats.variables))) {
            Some((_, Ok(compiled))) => Box::new(ByPattern::new(compiled, clock)),
            Some((written, Err(fault))) => {
                remarks.push(format!("the pattern {written:?} of the store file cannot be read by: {fault}"));
                Box::new(Access::new(clock, formats.access_keys.clone(), None))
            }
            None => Box::new(Access::new(clock, formats.access_keys.clone(), None)),
        },
        ReaderKind::NginxJson => Box::new(KeyedJson::new(clock, format.keys.clone())),
        ReaderKind::PgCsv
        | ReaderKind::PgJson
        | ReaderKind::PgStderr
        | ReaderKind::PgSyslog
        | ReaderKind::PgWrapped
        | ReaderKind::PgBouncer => readers::reader(format, texts.texts(), context, false, remarks)?,
        ReaderKind::JsonLines => {
            let (mapping, faults) = context.source.map(Mapping::compile).unwrap_or_default();
            remarks.extend(faults);
            Box::new(JsonLines::new(clock, mapping, format.time_keys.clone()))
        }
    })
}

/// The complete lines of a sample.
struct Sample<'a> {
    lines: Vec<(Cow<'a, str>, Vec<u8>, stanch_model::Position)>,
}

impl Sample<'_> {
    fn of<'a>(bytes: &[u8], limits: &Limits) -> Sample<'a> {
        let mut cutter = LineCutter::new(limits.line_bytes_max);
        let mut lines = Vec::new();
        let mut take = |line: RawLine<'_>| {
            if line.too_long.is_none() {
                let text = String::from_utf8_lossy(&line.bytes[trimmed(&line)]).into_owned();
                lines.push((Cow::Owned(text), line.bytes.to_vec(), line.position));
            }
        };
        cutter.feed(bytes, &mut take);
        cutter.finish(&mut take);
        Sample { lines }
    }

    /// The share of text lines that a reader understands, and its main reason for refusing the others.
    fn score(&self, reader: &mut dyn Reader) -> (f64, Option<String>) {
        let mut harvest = Harvest::new("", 0);
        for (text, raw, position) in &self.lines {
            reader.line(&Line { text, raw, position: *position }, &mut harvest);
            if harvest.batch.is_full() {
                harvest.batch = stanch_model::EventBatch::default();
            }
        }
        reader.finish(&mut harvest);
        let (good, bad) = (harvest.lines_in_events, harvest.refused_lines());
        #[expect(clippy::cast_precision_loss, reason = "a sample has few lines")]
        let score = if good + bad == 0 { 0.0 } else { good as f64 / (good + bad) as f64 };
        (score, harvest.main_refusal().map(str::to_owned))
    }

    /// The reader whose lines look like most of these from outside.
    fn resembles(&self) -> ReaderKind {
        let texts = || self.lines.iter().map(|(text, ..)| text.trim()).filter(|t| !t.is_empty());
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
        self.lines.iter().map(|(text, ..)| text.as_ref()).collect()
    }
}
