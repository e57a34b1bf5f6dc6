//! Reads lines of columns by a pack's rules: columns named in the file (W3C, Zeek, CSV with a head) or in the pack.

use crate::clock::Clock;
use crate::harvest::{Harvest, Reason};
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::csv::{self, Cut, Grown, OpenRecord};
use crate::reader::heads::{Head, HeadLine, ToldPack};
use crate::reader::patterns::InMessage;
use crate::reader::row::Row;
use crate::reader::rules::Rules;
use crate::targets::Draft;
use serde::Deserialize;
use stanch_model::Position;
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
    /// How many columns a line must have at least, where columns were added over the years: a line with fewer than a
    /// list has its first ones.
    #[serde(default)]
    pub least: Option<usize>,
    /// What was done to values so that they hold no separator.
    #[serde(default)]
    pub written: Written,
    /// The columns whose values were so written, if not all.
    #[serde(default)]
    pub encoded: Vec<String>,
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
    /// Percent-encoding over everything that the column's own encoding left, as CloudFront does; in older files twice.
    Percent,
    /// `\x2c` for bytes, as Zeek does; `\"` and `\\`, as Apache does.
    Hex,
    /// `#2C` for bytes, as HAProxy does.
    Hash,
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
            (named, lists) if named.is_empty() => match list_for(self.ranges.len(), lists, pack.least) {
                Some(list) => list,
                None if lists.is_empty() => return Err("no line before it names this format's columns".into()),
                None => return Err("not the number of columns that this format has".into()),
            },
            (named, _) if self.ranges.len() < named.len() => {
                return Err("fewer columns than were named: cut off".into());
            }
            (named, _) => named.as_slice(),
        };
        let is_encoded =
            |i: usize| pack.encoded.is_empty() || names.get(i).is_some_and(|name| pack.encoded.contains(name));
        let value = |(i, range): (usize, &(usize, usize))| match &text[range.0..range.1] {
            raw if head.is_none(raw) => Cow::Borrowed(""),
            _ if pack.csv => csv::value(text, *range),
            raw if !is_encoded(i) => Cow::Borrowed(raw),
            raw => plain(raw, pack.written),
        };
        let values: Vec<Cow<'_, str>> = self.ranges.iter().enumerate().map(value).collect();
        let inner = Row::inner(names, &values, &self.rules.unpack);
        let row = Row::new((&head, names), &values, inner);
        if let Some(reason) = self.rules.refusal(&row) {
            return Err(reason);
        }
        let mut draft = Draft::default();
        let (time, class, used) =
            self.rules.apply(&row, &mut self.clock, &mut draft).map_err(|fault| Cow::Borrowed(fault.reason()))?;
        row.keep_the_rest((text, &self.ranges, pack.written), &self.rules, used, &mut draft);
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

/// The list of columns for a line of so many: one as long, else the longest that is shorter, else the beginning of a
/// longer one if the line has the least.
fn list_for(count: usize, lists: &[Vec<String>], least: Option<usize>) -> Option<&[String]> {
    let exact = lists.iter().find(|list| list.len() == count);
    let shorter = exact.or_else(|| lists.iter().filter(|l| l.len() < count).max_by_key(|l| l.len()));
    let longer = || lists.iter().find(|l| l.len() > count && least.is_some_and(|least| count >= least));
    shorter.or_else(longer).map(Vec::as_slice)
}

/// Cuts a line into ranges. False if a quote never closes.
fn cut(text: &str, pack: &ColumnsPack, separator: &[u8], ranges: &mut Vec<(usize, usize)>) -> bool {
    ranges.clear();
    let bytes = text.as_bytes();
    let (mut at, mut bracket) = (0, 0);
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
            Some(b'[') if pack.quoted && is_bracketed(bytes, at, separator, &mut bracket) => Some(b']'),
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

/// Whether a bracket holds a whole column: a time does, the address in `[2001:db8::7]:443` does not.
/// `closing` is where the next closing bracket stands, looked for once: a line may hold many `[` before it.
fn is_bracketed(bytes: &[u8], at: usize, separator: &[u8], closing: &mut usize) -> bool {
    if *closing <= at {
        *closing = memchr::memchr(b']', &bytes[at..]).map_or(bytes.len(), |n| at + n);
    }
    *closing + 1 >= bytes.len() || bytes[*closing + 1..].starts_with(separator)
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
pub(super) fn plain(text: &str, written: Written) -> Cow<'_, str> {
    match written {
        Written::Plain => Cow::Borrowed(text),
        Written::Plus if text.contains('+') && !text.starts_with('/') => Cow::Owned(text.replace('+', " ")),
        Written::Plus => Cow::Borrowed(text),
        Written::Percent => {
            let once = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
            if !once.contains("%20") {
                return once;
            }
            Cow::Owned(percent_encoding::percent_decode_str(&once).decode_utf8_lossy().into_owned())
        }
        Written::Hex => crate::reader::access::unescaped(text),
        Written::Hash => unhashed(text),
    }
}

/// Takes `#2C` off.
fn unhashed(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'#', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = (bytes[at] == b'#').then(|| digit(at + 1).zip(digit(at + 2))).flatten();
        match pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
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
            least: None,
            written: Written::Plain,
            encoded: Vec::new(),
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
        assert_eq!(columns("[a b]:1 [c d]", ' ', false), Some(vec!["[a", "b]:1", "c d"]));
        assert_eq!(columns("[a", ' ', false), None);
        assert_eq!(columns("a,,b,", ',', false), Some(vec!["a", "", "b", ""]));
        assert_eq!(columns("a   b  ", ' ', true), Some(vec!["a", "b"]));
        assert_eq!(columns("", ' ', true), Some(vec![""]));
    }

    #[test]
    fn a_line_full_of_brackets_is_cut_in_bounded_time() {
        let text = format!("{}]x", "[ ".repeat(2_000_000));
        assert_eq!(columns(&text, ' ', false).map(|c| c.len()), Some(2_000_001));
    }

    #[test]
    fn values_come_back_as_they_were() {
        assert_eq!(plain("a#22b#7C#zz#", Written::Hash), "a\"b|#zz#");
        assert_eq!(plain("x%20(y)%25", Written::Percent), "x (y)%");
        assert_eq!(plain("x%2520(y)", Written::Percent), "x (y)");
        assert_eq!(plain(r#"\x41\"\\"#, Written::Hex), r#"A"\"#);
    }

    #[test]
    fn a_line_takes_the_list_that_fits_its_length() {
        let lists = [vec!["a".to_owned(); 5], vec!["b".to_owned(); 3]];
        let of = |count, least| list_for(count, &lists, least).map(|l| (l[0].as_str(), l.len()));
        assert_eq!((of(3, None), of(4, None), of(6, None)), (Some(("b", 3)), Some(("b", 3)), Some(("a", 5))));
        assert_eq!((of(2, None), of(2, Some(2)), of(1, Some(2))), (None, Some(("a", 5)), None));
    }
}
