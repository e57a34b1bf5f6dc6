//! Reads lines of columns by a pack's rules: columns named in the file (W3C, Zeek, CSV with a head) or in the pack.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::rules::{Named, Rules};
use crate::targets::Draft;
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;

/// How lines are cut into columns, as a pack says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnsPack {
    /// What stands between two columns: one character.
    pub separator: char,
    /// Whether several in a row count as one.
    #[serde(default)]
    pub repeated: bool,
    /// Whether a column may stand in double quotes, or a time in square brackets.
    #[serde(default)]
    pub quoted: bool,
    /// How a line begins that names the columns behind it: `#Fields:`.
    #[serde(default)]
    pub named_behind: Option<String>,
    /// Whether the file's first line names the columns.
    #[serde(default)]
    pub named_first: bool,
    /// How lines begin that hold no record, such as further heads.
    #[serde(default)]
    pub comment: Option<String>,
    /// The columns in their order, where the file does not name them. Of several lists, the one with as many as a line
    /// has counts; a longer line's further columns go under `further`.
    #[serde(default)]
    pub columns: Vec<Vec<String>>,
    /// What was done to values so that they hold no separator.
    #[serde(default)]
    pub written: Written,
}

/// What was done to values so that they hold no separator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Written {
    /// Nothing.
    #[default]
    Plain,
    /// A blank became `+`, in the columns named by people only (user agent, referrer).
    Plus,
    /// Percent-encoding over everything that the column's own encoding left, as CloudFront does.
    Percent,
    /// `\x2c` for bytes, as Zeek does.
    Hex,
}

/// The reader.
pub(crate) struct Delimited {
    clock: Clock,
    rules: Arc<Rules>,
    pack: Arc<ColumnsPack>,
    /// Columns named by the file.
    named: Vec<String>,
    ranges: Vec<(usize, usize)>,
}

/// A line's columns under their names.
struct Row<'a> {
    names: &'a [String],
    values: Vec<Cow<'a, str>>,
}

impl Named for Row<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        let at = self.names.iter().position(|name| name == key)?;
        self.values.get(at).map(|v| Cow::Borrowed(v.as_ref()))
    }
}

impl Delimited {
    pub(crate) fn new(clock: Clock, rules: Arc<Rules>, pack: Arc<ColumnsPack>) -> Delimited {
        Delimited { clock, rules, pack, named: Vec::new(), ranges: Vec::new() }
    }

    /// Whether the line is a head; what it names is kept.
    fn is_head(&mut self, line: &Line<'_>) -> bool {
        if let Some(begin) = &self.pack.named_behind
            && let Some(names) = line.text.strip_prefix(begin.as_str())
        {
            let separator = self.pack.separator;
            self.named = names.split(separator).map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect();
            return true;
        }
        if self.pack.named_first && self.named.is_empty() {
            let quoted = |name: &str| name.trim().trim_matches('"').to_owned();
            self.named = line.text.split(self.pack.separator).map(quoted).collect();
            return true;
        }
        self.pack.comment.as_ref().is_some_and(|begin| line.text.starts_with(begin.as_str()))
    }
}

impl Reader for Delimited {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        if self.is_head(line) {
            return harvest.framing(line);
        }
        let pack = Arc::clone(&self.pack);
        if !cut(line.text, &pack, &mut self.ranges) {
            return harvest.unread(line, "a quote that never closes");
        }
        let names = match (&self.named, &pack.columns) {
            (named, lists) if named.is_empty() => match list_for(self.ranges.len(), lists) {
                Some(list) => list,
                None if lists.is_empty() => return harvest.unread(line, "no line before it names its columns"),
                None => return harvest.unread(line, "not the number of columns that this format has"),
            },
            (named, _) if self.ranges.len() < named.len() => {
                return harvest.unread(line, "fewer columns than were named: cut off");
            }
            (named, _) => named.as_slice(),
        };
        let values = self.ranges.iter().map(|(from, to)| plain(&line.text[*from..*to], pack.written)).collect();
        let row = Row { names, values };
        if let Some(reason) = self.rules.refusal(&row) {
            return harvest.unread(line, reason);
        }
        let mut draft = Draft::default();
        let (time, class) = match self.rules.apply(&row, &mut self.clock, &mut draft) {
            Ok(found) => found,
            Err(fault) => return harvest.unread(line, fault.reason()),
        };
        for (i, value) in row.values.iter().enumerate().filter(|(_, value)| !self.rules.is_absent(value)) {
            match names.get(i) {
                Some(name) if self.rules.uses(name) => {}
                Some(name) => draft.unmapped_text(name, value),
                None => draft.unmapped_text(&format!("further_{}", i + 1), value),
            }
        }
        draft.finish((time, class, line.position), |record| harvest.event(record, 1));
    }

    fn is_line_by_line(&self) -> bool {
        self.pack.named_behind.is_none() && !self.pack.named_first
    }
}

/// The list of columns for a line of so many: one as long, else the longest that is shorter.
fn list_for(count: usize, lists: &[Vec<String>]) -> Option<&[String]> {
    let exact = lists.iter().find(|list| list.len() == count);
    exact.or_else(|| lists.iter().filter(|l| l.len() < count).max_by_key(|l| l.len())).map(Vec::as_slice)
}

/// Cuts a line into ranges. False if a quote never closes.
fn cut(text: &str, pack: &ColumnsPack, ranges: &mut Vec<(usize, usize)>) -> bool {
    ranges.clear();
    let bytes = text.as_bytes();
    let mut separator = [0; 4];
    let separator = pack.separator.encode_utf8(&mut separator).as_bytes();
    let mut at = 0;
    loop {
        if pack.repeated {
            while bytes[at..].starts_with(separator) {
                at += separator.len();
            }
            if at == bytes.len() && !ranges.is_empty() {
                return true;
            }
        }
        let closing = match bytes.get(at) {
            Some(b'"') if pack.quoted => Some(b'"'),
            Some(b'[') if pack.quoted => Some(b']'),
            _ => None,
        };
        let end = match closing {
            Some(close) => match closing_at(bytes, at + 1, close, separator) {
                Some(end) => {
                    ranges.push((at + 1, end));
                    end + 1
                }
                None => return false,
            },
            None => {
                let end = memchr::memmem::find(&bytes[at..], separator).map_or(bytes.len(), |n| at + n);
                ranges.push((at, end));
                end
            }
        };
        if end >= bytes.len() {
            return true;
        }
        at = end + separator.len();
    }
}

/// Where a quoted column ends: a closing character behind which the line ends or a separator stands. Servers that
/// escape no quotes write them into the middle of a value.
fn closing_at(bytes: &[u8], from: usize, close: u8, separator: &[u8]) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + memchr::memchr2(close, b'\\', bytes.get(at..)?)?;
        if bytes[found] == b'\\' && close == b'"' {
            at = found + 2;
        } else if bytes[found] == close && (found + 1 == bytes.len() || bytes[found + 1..].starts_with(separator)) {
            return Some(found);
        } else {
            at = found + 1;
        }
    }
}

/// A value as it was before it was written.
fn plain(text: &str, written: Written) -> Cow<'_, str> {
    match written {
        Written::Plain => Cow::Borrowed(text),
        Written::Plus if text.contains('+') && !text.starts_with('/') => Cow::Owned(text.replace('+', " ")),
        Written::Plus => Cow::Borrowed(text),
        Written::Percent => percent_encoding::percent_decode_str(text).decode_utf8_lossy(),
        Written::Hex => crate::reader::access::unescaped(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str, separator: char, repeated: bool) -> Option<Vec<&str>> {
        let pack = ColumnsPack {
            separator,
            repeated,
            quoted: true,
            named_behind: None,
            named_first: false,
            comment: None,
            columns: Vec::new(),
            written: Written::Plain,
        };
        let mut ranges = Vec::new();
        cut(text, &pack, &mut ranges).then(|| ranges.iter().map(|(from, to)| &text[*from..*to]).collect())
    }

    #[test]
    fn columns_are_cut_with_quotes_and_brackets() {
        assert_eq!(columns(r#"a "b c" [d e] f"#, ' ', false), Some(vec!["a", "b c", "d e", "f"]));
        assert_eq!(columns(r#"a "b "c" d" e"#, ' ', false), Some(vec!["a", "b \"c", "d\"", "e"]));
        assert_eq!(columns(r#""b \" c" e"#, ' ', false), Some(vec![r#"b \" c"#, "e"]));
        assert_eq!(columns("a \"b", ' ', false), None);
        assert_eq!(columns("a,,b,", ',', false), Some(vec!["a", "", "b", ""]));
        assert_eq!(columns("a   b  ", ' ', true), Some(vec!["a", "b"]));
        assert_eq!(columns("", ' ', true), Some(vec![""]));
    }
}
