//! Reads lines of columns by a pack's rules: columns named in the file (W3C, Zeek, CSV with a head) or in the pack.

use crate::clock::Clock;
use crate::harvest::{Harvest, Reason};
use crate::json;
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::csv::{self, Cut, Grown, OpenRecord};
use crate::reader::heads::{Head, HeadLine, ToldPack};
use crate::reader::patterns::InMessage;
use crate::reader::rules::{Named, Rules, Used};
use crate::reader::tree::Tree;
use crate::targets::Draft;
use serde::Deserialize;
use stanch_model::Position;
use std::borrow::Cow;
use std::rc::Rc;
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
    /// Whether it is CSV: columns in quotes may hold separators, doubled quotes, and ends of lines.
    #[serde(default)]
    pub csv: bool,
    /// How a line begins that names the columns behind it: `#Fields:`.
    #[serde(default)]
    pub named_behind: Option<String>,
    /// Whether the file's first line names the columns.
    #[serde(default)]
    pub named_first: bool,
    /// How lines begin that hold no record, such as further heads.
    #[serde(default)]
    pub comment: Option<String>,
    /// Lines by which the file itself says how it is written; they begin as comments do.
    #[serde(default)]
    pub told: Option<ToldPack>,
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
    in_message: Arc<InMessage>,
    /// What the file has said of its table.
    head: Arc<Head>,
    ranges: Vec<(usize, usize)>,
    record_bytes_max: usize,
    open: Option<OpenRecord>,
}

/// A record's columns under their names.
struct Row<'a> {
    head: &'a Head,
    names: &'a [String],
    values: Vec<Cow<'a, str>>,
    /// The column that holds the record itself as a JSON object, and that object.
    inner: Option<(usize, Tree<'a>)>,
}

impl Named for Row<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        if let Some(value) = self.inner.as_ref().and_then(|(_, tree)| tree.value(key)) {
            return Some(value);
        }
        if let Some((_, value)) = self.head.common.iter().find(|(name, _)| name == key) {
            return Some(Cow::Borrowed(value));
        }
        let at = self.names.iter().position(|name| name == key)?;
        self.values.get(at).map(|v| Cow::Borrowed(v.as_ref()))
    }
}

impl Row<'_> {
    /// Keeps what the object inside has and nobody used.
    fn keep_inner(&self, rules: &Rules, used: Used, draft: &mut Draft<'_>) {
        let top = self.inner.iter().flat_map(|(_, tree)| tree.top());
        for (key, raw) in top.filter(|(key, raw)| !rules.uses(used, key) && !json::is_empty(raw)) {
            draft.unmapped_json(&key, raw);
        }
    }

    /// The name to keep a column around the object by: none for the object itself.
    fn outer_name<'n>(&self, column: usize, name: &'n str) -> Option<Cow<'n, str>> {
        let (_, tree) = self.inner.as_ref().filter(|(at, _)| *at != column)?;
        Some(if tree.has(name) { Cow::Owned(format!("envelope.{name}")) } else { Cow::Borrowed(name) })
    }
}

impl Delimited {
    pub(crate) fn new(
        clock: Clock,
        rules: Arc<Rules>,
        pack: Arc<ColumnsPack>,
        in_message: Arc<InMessage>,
        record_bytes_max: usize,
    ) -> Delimited {
        let head = Arc::new(Head::new(&pack));
        Delimited { clock, rules, pack, in_message, head, ranges: Vec::new(), record_bytes_max, open: None }
    }

    /// Whether the line is a head; what it says is kept.
    fn is_head(&mut self, line: &Line<'_>, harvest: &mut Harvest) -> bool {
        let is_read_by = |begin: &Option<String>| begin.as_ref().is_some_and(|b| line.text.starts_with(b.as_str()));
        let names_first = self.pack.named_first && self.may_name(line.text);
        if !names_first && !is_read_by(&self.pack.named_behind) && !is_read_by(&self.pack.comment) {
            return false;
        }
        let head = Arc::make_mut(&mut self.head);
        match head.take(line, &self.pack, names_first) {
            HeadLine::Names if self.rules.could_have(&head.names) => harvest.head(),
            HeadLine::Names if names_first => {
                head.forget_names();
                return false;
            }
            HeadLine::Names | HeadLine::Other => harvest.framing(line),
            HeadLine::Row => return false,
        }
        true
    }

    /// Whether a line may be the first, which names the columns, or the same again.
    fn may_name(&self, line: &str) -> bool {
        self.head.is_first(line) || self.head.names.is_empty() && self.rules.may_be_named_in(line)
    }

    /// Cuts a record's text into columns.
    fn cut(&mut self, text: &str) -> Cut {
        let separator = self.head.separator.as_bytes();
        if self.pack.csv {
            csv::cut(text, separator, &mut self.ranges)
        } else if cut(text, &self.pack, separator, &mut self.ranges) {
            Cut::Whole
        } else {
            Cut::Open
        }
    }

    /// Adds a line to the open record. False if it cannot belong to it.
    fn go_on(&mut self, open: OpenRecord, line: &Line<'_>, harvest: &mut Harvest) -> bool {
        match open.grow(line, self.head.separator.as_bytes(), self.record_bytes_max) {
            Grown::Open(open) => self.open = Some(open),
            Grown::Closed(open) => {
                let cut = self.cut(&open.text);
                if cut == Cut::Open && open.may_go_on() {
                    self.open = Some(open);
                } else if let Err(reason) = self.emit(&open.text, cut, (open.position, open.lines), harvest) {
                    harvest.unread_lines(open.position, open.lines, reason);
                }
            }
            Grown::Torn(open) => {
                harvest.unread_lines(open.position, open.lines, NEVER_CLOSES);
                return false;
            }
        }
        true
    }

    /// Makes an event of a record that has just been cut.
    fn emit(
        &mut self,
        text: &str,
        cut: Cut,
        (position, lines): (Position, u64),
        harvest: &mut Harvest,
    ) -> Result<(), Reason> {
        match cut {
            Cut::Whole => {}
            Cut::Open => return Err(NEVER_CLOSES.into()),
            Cut::Malformed => return Err("a column goes on behind its closing quote".into()),
        }
        let (pack, head) = (Arc::clone(&self.pack), Arc::clone(&self.head));
        let names = match (&head.names, &pack.columns) {
            (named, lists) if named.is_empty() => match list_for(self.ranges.len(), lists) {
                Some(list) => list,
                None if lists.is_empty() => return Err("no line before it names this format's columns".into()),
                None => return Err("not the number of columns that this format has".into()),
            },
            (named, _) if self.ranges.len() < named.len() => {
                return Err("fewer columns than were named: cut off".into());
            }
            (named, _) => named.as_slice(),
        };
        let value = |range: &(usize, usize)| match &text[range.0..range.1] {
            raw if head.is_none(raw) => Cow::Borrowed(""),
            _ if pack.csv => csv::value(text, *range),
            raw => plain(raw, pack.written),
        };
        let values: Vec<Cow<'_, str>> = self.ranges.iter().map(value).collect();
        let inner = self.rules.unpack.iter().find_map(|key| {
            let at = names.iter().position(|name| name == key)?;
            Some((at, values.get(at)?.clone()))
        });
        let inner = inner.as_ref().and_then(|(at, text)| {
            let tree = Tree::new(Rc::new(json::members(text)?), Vec::new());
            Some((*at, tree))
        });
        let row = Row { head: &head, names, values, inner };
        if let Some(reason) = self.rules.refusal(&row) {
            return Err(reason);
        }
        let mut draft = Draft::default();
        let (time, class, used) =
            self.rules.apply(&row, &mut self.clock, &mut draft).map_err(|fault| Cow::Borrowed(fault.reason()))?;
        for (name, value) in head.common.iter().filter(|(name, _)| !self.rules.uses(used, name)) {
            draft.unmapped_text(name, value);
        }
        row.keep_inner(&self.rules, used, &mut draft);
        for (i, value) in row.values.iter().enumerate().filter(|(_, value)| !self.rules.is_absent(value)) {
            match (names.get(i), head.list(i)) {
                (Some(name), _) if row.inner.is_some() => {
                    let Some(name) = row.outer_name(i, name).filter(|name| !self.rules.uses(used, name)) else {
                        continue;
                    };
                    draft.unmapped_text(&name, value);
                }
                (Some(name), _) if self.rules.uses(used, name) => {}
                (Some(name), Some(between)) => {
                    let (from, to) = self.ranges[i];
                    draft.unmapped_json(name, &list(&text[from..to], between, pack.written));
                }
                (Some(name), None) => draft.unmapped_text(name, value),
                (None, _) => draft.unmapped_text(&format!("further_{}", i + 1), value),
            }
        }
        let class = self.in_message.read_in(&mut draft).unwrap_or(class);
        draft.finish((time, class, position), |record| harvest.event(record, lines));
        Ok(())
    }
}

const NEVER_CLOSES: &str = "a quote that never closes";

impl Reader for Delimited {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        if let Some(open) = self.open.take()
            && self.go_on(open, line, harvest)
        {
            return;
        }
        if self.is_head(line, harvest) {
            return;
        }
        let cut = self.cut(line.text);
        let has_names = !self.head.names.is_empty() || !self.pack.columns.is_empty();
        if cut == Cut::Open && self.pack.csv && has_names {
            self.open = Some(OpenRecord::new(line));
        } else if let Err(reason) = self.emit(line.text, cut, (line.position, 1), harvest) {
            harvest.unread(line, reason);
        }
    }

    fn is_line_by_line(&self) -> bool {
        let pack = &self.pack;
        pack.named_behind.is_none() && !pack.named_first && !pack.csv && pack.told.is_none()
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        if let Some(open) = self.open.take() {
            harvest.unread_lines(open.position, open.lines, NEVER_CLOSES);
        }
    }

    fn head(&self) -> Option<Arc<Head>> {
        Some(Arc::clone(&self.head))
    }

    fn take_head(&mut self, head: &Arc<Head>) {
        self.head = Arc::clone(head);
    }
}

/// A column of several values as a JSON array.
fn list(raw: &str, between: &str, written: Written) -> String {
    let mut array = String::from("[");
    for (i, value) in raw.split(between).enumerate() {
        if i > 0 {
            array.push(',');
        }
        json::push_string(&mut array, &plain(value, written));
    }
    array.push(']');
    array
}

/// The list of columns for a line of so many: one as long, else the longest that is shorter.
fn list_for(count: usize, lists: &[Vec<String>]) -> Option<&[String]> {
    let exact = lists.iter().find(|list| list.len() == count);
    exact.or_else(|| lists.iter().filter(|l| l.len() < count).max_by_key(|l| l.len())).map(Vec::as_slice)
}

/// Cuts a line into ranges. False if a quote never closes.
fn cut(text: &str, pack: &ColumnsPack, separator: &[u8], ranges: &mut Vec<(usize, usize)>) -> bool {
    ranges.clear();
    let bytes = text.as_bytes();
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
            csv: false,
            named_behind: None,
            named_first: false,
            comment: None,
            told: None,
            columns: Vec::new(),
            written: Written::Plain,
        };
        let mut ranges = Vec::new();
        cut(text, &pack, separator.to_string().as_bytes(), &mut ranges)
            .then(|| ranges.iter().map(|(from, to)| &text[*from..*to]).collect())
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
