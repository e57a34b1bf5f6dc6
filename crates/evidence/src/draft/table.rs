//! What a sample is made of: JSON objects, columns, or lines of text.

use crate::framing::{Cutter, Framing};
use crate::json;
use crate::reader::csv;
use std::borrow::Cow;

/// Records that are looked at.
pub(super) const RECORDS_MAX: usize = 400;
/// How deep names go into objects.
const DEPTH_MAX: usize = 3;
/// Share of lines that must have the same number of columns.
const MOST: f64 = 0.9;

/// What a sample is made of.
pub(super) enum Made {
    /// JSON objects, one a line.
    JsonLines(Vec<Values>),
    /// JSON objects in a document; under a key, if it keeps them there.
    Document(Option<String>, Vec<Values>),
    /// Columns.
    Table(Table),
    /// Lines of text.
    Text,
    /// Bytes that are no text.
    Binary,
}

/// A record's values under their names.
pub(super) type Values = Vec<(String, String)>;

/// Lines of columns.
pub(super) struct Table {
    pub(super) separator: char,
    /// Names of the columns, where the file has them.
    pub(super) names: Vec<String>,
    /// How the line begins that has them, if it does not stand first.
    pub(super) named_behind: Option<String>,
    pub(super) has_head: bool,
    pub(super) comment: Option<String>,
    pub(super) rows: Vec<Values>,
}

impl Made {
    pub(super) fn of(sample: &[u8], text: &str) -> Made {
        let looked_at = &sample[..sample.len().min(4_096)];
        if looked_at.iter().filter(|b| **b == 0).count() * 50 > looked_at.len() {
            return Made::Binary;
        }
        let begin = text.trim_start_matches('\u{feff}').trim_start();
        if begin.starts_with(['{', '[']) {
            let (lines, document) = (json_lines(text), document(sample, begin));
            // One object that keeps others in an array may stand on one line.
            let is_one = lines.as_ref().is_some_and(|records| records.len() == 1);
            match (lines, document) {
                (_, Some((Some(key), records))) if is_one => return Made::Document(Some(key), records),
                (Some(records), _) => return Made::JsonLines(records),
                (None, Some((key, records))) => return Made::Document(key, records),
                (None, None) => {}
            }
        }
        table(text).map_or(Made::Text, Made::Table)
    }
}

fn json_lines(text: &str) -> Option<Vec<Values>> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(RECORDS_MAX).collect();
    let records: Vec<Values> = lines.iter().filter_map(|line| flat(line.trim())).collect();
    (records.len() * 2 > lines.len()).then_some(records)
}

fn document(sample: &[u8], begin: &str) -> Option<(Option<String>, Vec<Values>)> {
    if begin.starts_with('[') {
        let records = cut(sample, &[]);
        return (!records.is_empty()).then_some((None, records));
    }
    for key in array_keys(begin) {
        let records = cut(sample, std::slice::from_ref(&key));
        if !records.is_empty() {
            return Some((Some(key), records));
        }
    }
    let records = cut(sample, &[]);
    (!records.is_empty()).then_some((None, records))
}

/// Keys of the outermost object that may keep its records.
fn array_keys(text: &str) -> Vec<String> {
    const KEYS_MAX: usize = 8;
    let window = text.char_indices().nth(64 << 10).map_or(text, |(end, _)| &text[..end]);
    let mut keys = Vec::new();
    for (at, _) in window.match_indices('[').take(64) {
        let is_of_objects = window[at + 1..].trim_start().starts_with('{');
        let before = window[..at].trim_end().strip_suffix(':').map(str::trim_end).and_then(|b| b.strip_suffix('"'));
        if let Some((_, key)) = before.filter(|_| is_of_objects).and_then(|b| b.rsplit_once('"'))
            && keys.len() < KEYS_MAX
        {
            keys.push(key.to_owned());
        }
    }
    keys
}

fn cut(sample: &[u8], inside: &[String]) -> Vec<Values> {
    let mut cutter = Cutter::new(Framing::Documents, inside, 1 << 20);
    let mut records = Vec::new();
    let mut take = |record: crate::lines::RawLine<'_>| {
        if records.len() < RECORDS_MAX
            && let Some(values) = std::str::from_utf8(record.bytes).ok().and_then(flat)
        {
            records.push(values);
        }
    };
    cutter.feed(sample, &mut take);
    cutter.finish(&mut take);
    records
}

/// An object's values, dots in the names of those inside objects.
fn flat(object: &str) -> Option<Values> {
    let mut values = Vec::new();
    flatten("", &json::members(object)?, 0, &mut values);
    Some(values)
}

fn flatten(prefix: &str, members: &[(Cow<'_, str>, &str)], depth: usize, values: &mut Values) {
    for (key, raw) in members {
        let name = if prefix.is_empty() { key.to_string() } else { format!("{prefix}.{key}") };
        match json::members(raw).filter(|_| depth < DEPTH_MAX && raw.len() > 2) {
            Some(inner) => flatten(&name, &inner, depth + 1, values),
            None => values.push((name, json::text(raw).unwrap_or_default().into_owned())),
        }
    }
}

/// Lines of columns, if they are some.
fn table(text: &str) -> Option<Table> {
    let marked = text.lines().take(40).find_map(|line| line.strip_prefix("#Fields:"));
    if let Some(names) = marked {
        let separator = if names.contains('\t') { '\t' } else { ' ' };
        let names: Vec<String> =
            names.split(separator).map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect();
        let rows = text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).take(RECORDS_MAX);
        let rows = rows.map(|l| named(&names, l.split(separator).map(str::to_owned).collect())).collect();
        let named_behind = Some("#Fields:".to_owned());
        return Some(Table { separator, names, named_behind, has_head: true, comment: Some("#".to_owned()), rows });
    }
    let comment = text.starts_with('#').then(|| "#".to_owned());
    let best = [',', ';', '\t', '|'].into_iter().filter_map(|separator| cut_by(text, separator, comment.as_deref()));
    let (separator, rows) = best.max_by_key(|(_, rows)| rows.first().map_or(0, Vec::len))?;
    let has_head = is_head(&rows);
    let names: Vec<String> = if has_head { rows[0].clone() } else { Vec::new() };
    let width = rows.first().map_or(0, Vec::len);
    let given: Vec<String> =
        if has_head { names.clone() } else { (1..=width).map(|n| format!("column_{n}")).collect() };
    let rows = rows.into_iter().skip(usize::from(has_head)).map(|row| named(&given, row)).collect();
    Some(Table { separator, names: given, named_behind: None, has_head, comment, rows })
}

fn named(names: &[String], row: Vec<String>) -> Values {
    names.iter().cloned().zip(row).collect()
}

/// Rows by a separator, if nearly all have the same number of columns.
fn cut_by(text: &str, separator: char, comment: Option<&str>) -> Option<(char, Vec<Vec<String>>)> {
    const COLUMNS_MIN: usize = 3;
    const COLUMNS_MAX: usize = 2_000;
    let mut mark = [0; 4];
    let mark = separator.encode_utf8(&mut mark).as_bytes();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut open = String::new();
    let mut ranges = Vec::new();
    for line in text.lines().filter(|l| !comment.is_some_and(|c| l.starts_with(c))).take(RECORDS_MAX) {
        let whole = if open.is_empty() { line.to_owned() } else { format!("{open}\n{line}") };
        match csv::cut(&whole, mark, &mut ranges) {
            csv::Cut::Whole if whole.trim().is_empty() => {}
            csv::Cut::Whole => {
                rows.push(ranges.iter().map(|range| csv::value(&whole, *range).into_owned()).collect());
                open.clear();
            }
            csv::Cut::Open if whole.len() < 64 << 10 => open = whole,
            _ => {
                rows.push(Vec::new());
                open.clear();
            }
        }
    }
    let width = rows.first().map(Vec::len).filter(|width| (COLUMNS_MIN..=COLUMNS_MAX).contains(width))?;
    let same = rows.iter().filter(|row| row.len() == width).count();
    #[expect(clippy::cast_precision_loss, reason = "a sample has few lines")]
    let is_table = same as f64 >= MOST * rows.len() as f64 && (rows.len() > 1 || width > 5);
    rows.retain(|row| row.len() == width);
    is_table.then_some((separator, rows))
}

/// Whether the first row names the columns: no numbers or times in it, no value twice, and a row below.
fn is_head(rows: &[Vec<String>]) -> bool {
    let Some(first) = rows.first().filter(|_| rows.len() > 1) else { return false };
    let is_name = |cell: &String| {
        let cell = cell.trim();
        !cell.is_empty()
            && cell.len() <= 60
            && cell.parse::<f64>().is_err()
            && !cell.contains(['/', ':', '@', '{', '?', '='])
            && !super::values::is_ip(cell)
            && !super::values::is_method(cell)
            || matches!(cell, "Date/Time")
    };
    let mut sorted: Vec<&String> = first.iter().collect();
    sorted.sort();
    sorted.dedup();
    sorted.len() == first.len() && first.iter().all(is_name)
}
