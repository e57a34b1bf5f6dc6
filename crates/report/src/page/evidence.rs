//! The evidence: each file, sealed, with the account of its lines.

use super::Span;
use crate::figures::{bytes, count, share};
use crate::moments::Zone;
use stanch_model::FileAccount;

/// The evidence.
pub(crate) struct Evidence<'a> {
    pub(crate) files: Vec<FileRow<'a>>,
    pub(crate) bytes: String,
    pub(crate) lines: String,
    pub(crate) events: String,
    pub(crate) unread: String,
}

/// One file.
pub(crate) struct FileRow<'a> {
    pub(crate) path: &'a str,
    pub(crate) seal: &'a str,
    pub(crate) format: String,
    pub(crate) bytes: String,
    pub(crate) lines: String,
    pub(crate) in_events: String,
    pub(crate) events: String,
    pub(crate) unread: String,
    pub(crate) has_unread: bool,
    /// Whether every line is an event's or an unread one, as it must be.
    pub(crate) adds_up: bool,
    pub(crate) span: Option<Span>,
    pub(crate) remarks: Vec<String>,
}

impl<'a> Evidence<'a> {
    pub(crate) fn of(files: &'a [FileAccount], zone: &Zone) -> Evidence<'a> {
        let sum = |of: fn(&FileAccount) -> u64| files.iter().map(of).fold(0, u64::saturating_add);
        Evidence {
            files: files.iter().map(|f| row(f, zone)).collect(),
            bytes: bytes(sum(|f| f.bytes)),
            lines: count(sum(|f| f.lines)),
            events: count(sum(|f| f.events)),
            unread: count(sum(FileAccount::unread_lines)),
        }
    }
}

fn row<'a>(file: &'a FileAccount, zone: &Zone) -> FileRow<'a> {
    FileRow {
        path: &file.path,
        seal: &file.seal.0,
        format: format(file),
        bytes: bytes(file.bytes),
        lines: count(file.lines),
        in_events: count(file.lines_in_events),
        events: count(file.events),
        unread: count(file.unread_lines()),
        has_unread: file.unread_lines() > 0,
        adds_up: file.lines == file.lines_in_events + file.unread_lines(),
        span: file.window.map(|w| Span::of(zone, w)),
        remarks: remarks(file),
    }
}

fn format(file: &FileAccount) -> String {
    let container = file.container.as_ref().map_or(String::new(), |c| format!(", {c}"));
    match &file.format {
        Some(format) => format!("{format}{container} (fits {})", share(file.format_score)),
        None => format!("none fits{container}"),
    }
}

fn remarks(file: &FileAccount) -> Vec<String> {
    let mut out = file.remarks.clone();
    if file.clock_offset_s != 0 {
        out.push(format!(
            "Its clock was wrong: {} s added to every time, as the store file states.",
            file.clock_offset_s
        ));
    }
    if !file.duplicates.is_empty() {
        out.push(format!("Handed over more than once, read once; also as {}.", super::listed(&file.duplicates)));
    }
    if let Some((format, score)) = &file.runner_up {
        out.push(format!("Next best format: {format} (fits {}).", share(*score)));
    }
    out
}
