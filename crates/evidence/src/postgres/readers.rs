//! The readers of this folder, made for a text from its sample.

use crate::formats::{Format, ReaderKind};
use crate::postgres::csv::Csv;
use crate::postgres::json::Json;
use crate::postgres::pgbouncer::PgBouncer;
use crate::postgres::prefix::{self, Ends, Matcher, Prefix};
use crate::postgres::stderr::Stderr;
use crate::postgres::syslog::{self, Syslog};
use crate::postgres::wrapped::{self, Wrapped};
use crate::reader::Reader;
use crate::recognise::Context;
use crate::syslog::envelope;
use std::sync::Arc;

/// Lines of a sample from which a prefix is worked out.
const PREFIX_LINES: usize = 2_000;

/// The reader of a format. `strict` leaves out what is no more than in the same file.
pub(crate) fn reader(
    format: &Format,
    sample: Vec<&str>,
    context: &Context<'_>,
    strict: bool,
    remarks: &mut Vec<String>,
) -> Option<Box<dyn Reader>> {
    let clock = context.formats.clock(context.time_zone);
    let words = Arc::clone(&context.formats.pg_words);
    let bytes_max = context.limits.line_bytes_max;
    let mut prefix = |texts: &mut dyn Iterator<Item = String>, needs_time| {
        Some(Matcher::new(
            prefix(format, texts, context, needs_time, remarks)?,
            Arc::clone(&format.severities),
            Arc::clone(&context.formats.pg_words),
        ))
    };
    let mut sample = sample.into_iter();
    Some(match format.reader {
        ReaderKind::PgCsv => Box::new(Csv::new(clock, format.columns.clone(), words, bytes_max)),
        ReaderKind::PgJson => Box::new(Json::new(clock, format.pg_keys.clone(), words)),
        ReaderKind::PgStderr => {
            let matcher = prefix(&mut sample.map(str::to_owned), true)?;
            Box::new(Stderr::new(clock, matcher, words, format.beside.clone(), bytes_max))
        }
        ReaderKind::PgSyslog => {
            let first_piece = |text: &str| {
                let e = envelope(text).filter(|e| syslog::is_of(&format.programs, e))?;
                syslog::first_piece(e.message)
            };
            let matcher = prefix(&mut sample.filter_map(first_piece), false)?;
            let (years, programs) = (context.years(), format.programs.clone());
            Box::new(Syslog::new(syslog::Parts { clock, years, matcher, words, programs, record_bytes_max: bytes_max }))
        }
        ReaderKind::PgWrapped => {
            // Any program's objects may hold lines with a severity. PostgreSQL's has two blanks behind it, and a prefix
            // that says whose it is. An operator may write records only, so that no line has a prefix.
            let lines = sample.by_ref().filter_map(|text| format.layout.line_in(text));
            let matcher = prefix(&mut lines.filter(|line| line.contains(":  ")), false);
            let matcher = matcher.filter(Matcher::tells_whose);
            let line_reader = |matcher| {
                let clock = context.formats.clock(context.time_zone);
                Stderr::new(clock, matcher, Arc::clone(&words), format.beside.clone(), bytes_max)
            };
            Box::new(Wrapped::new(wrapped::Parts {
                lines: matcher.map(line_reader),
                clock,
                layout: format.layout.clone(),
                keys: format.pg_keys.clone(),
                words,
                record_bytes_max: bytes_max,
                strict,
            }))
        }
        ReaderKind::PgBouncer => Box::new(PgBouncer::new(clock, context.years(), format.sayings.clone())),
        _ => return None,
    })
}

/// The `log_line_prefix` of the store file, or else the one that the lines have.
fn prefix(
    format: &Format,
    texts: &mut dyn Iterator<Item = String>,
    context: &Context<'_>,
    needs_time: bool,
    remarks: &mut Vec<String>,
) -> Option<Prefix> {
    let ends = Ends { english: &format.severities, foreign: Some(&context.formats.pg_words) };
    let stated = context.source.and_then(|s| s.pattern.as_deref());
    let compiled = stated.and_then(|p| Prefix::compile(p, Ends { foreign: None, ..ends }));
    if let Some(prefix) = compiled.filter(|prefix| prefix.has_time() || !needs_time) {
        return Some(prefix);
    }
    if let Some(written) = stated {
        remarks.push(format!(
            "the prefix {written:?} of the store file has no time or an unknown escape; worked out instead"
        ));
    }
    let lines: Vec<String> = texts.filter(|t| !t.starts_with('\t') && !t.is_empty()).take(PREFIX_LINES).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let prefix = prefix::infer(&lines, &format.prefixes, ends, needs_time)?;
    remarks.push(format!("log_line_prefix worked out from its lines: {:?}", prefix.pattern));
    Some(prefix)
}
