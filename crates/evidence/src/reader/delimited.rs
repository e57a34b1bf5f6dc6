//! Reads lines of columns by a pack's rules: columns named in the file (W3C, Zeek, CSV with a head) or in the pack.

use crate::clock::Clock;
use crate::harvest::{Harvest, Reason};
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::cut::{cut, value};
use crate::reader::patterns::InMessage;
use crate::reader::rules::{Named, Rules};
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
    /// How a quoted column writes a quote of its own.
    #[serde(default)]
    pub quotes: Quotes,
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

/// How a quoted column writes a quote of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quotes {
    /// With a backslash or as it is; the column ends where a separator follows.
    #[default]
    Loose,
    /// Twice, as RFC 4180 has it. A column may go over lines.
    Doubled,
    /// Twice, but once behind a backslash, as PHP's `fputcsv` does. A column may go over lines.
    DoubledUnlessEscaped,
}

/// Lines and bytes of a record whose quoted columns go over lines.
const SPREAD_LINES_MAX: usize = 1_000;
const SPREAD_BYTES_MAX: usize = 1 << 20;
const NEVER_CLOSES: &str = "a quote that never closes";

/// The reader.
pub(crate) struct Delimited {
    clock: Clock,
    rules: Arc<Rules>,
    pack: Arc<ColumnsPack>,
    in_message: Arc<InMessage>,
    /// Columns named by the file.
    named: Vec<String>,
    ranges: Vec<(usize, usize)>,
    /// A record whose quoted column goes on in further lines.
    spread: Vec<Kept>,
}

/// A line that waits for others.
struct Kept {
    text: String,
    raw: Vec<u8>,
    position: Position,
}

impl Kept {
    fn line(&self) -> Line<'_> {
        Line { text: &self.text, raw: &self.raw, position: self.position }
    }
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
    pub(crate) fn new(
        clock: Clock,
        rules: Arc<Rules>,
        pack: Arc<ColumnsPack>,
        in_message: Arc<InMessage>,
    ) -> Delimited {
        Delimited { clock, rules, pack, in_message, named: Vec::new(), ranges: Vec::new(), spread: Vec::new() }
    }

    /// The columns that a file's first line names, if they are those of this format.
    fn names_in(&mut self, text: &str) -> Vec<String> {
        if !cut(text, &self.pack, &mut self.ranges) {
            return Vec::new();
        }
        let names = self.ranges.iter().map(|range| value(text, *range, &self.pack).trim().trim_matches('"').to_owned());
        let names: Vec<String> = names.collect();
        let has_needed = self.rules.has_needed(|key| names.iter().any(|name| name == key));
        if has_needed { names } else { Vec::new() }
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
            self.named = self.names_in(line.text);
            return !self.named.is_empty();
        }
        self.pack.comment.as_ref().is_some_and(|begin| line.text.starts_with(begin.as_str()))
    }
}

impl Delimited {
    /// Keeps a line whose quoted column has not ended, or goes on with one that was kept.
    fn spread(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        self.spread.push(Kept { text: line.text.to_owned(), raw: line.raw.to_vec(), position: line.position });
        let bytes: usize = self.spread.iter().map(|kept| kept.text.len()).sum();
        if self.spread.len() > SPREAD_LINES_MAX || bytes > SPREAD_BYTES_MAX {
            return self.give_up(harvest);
        }
        if self.spread.len() == 1 || !line.text.contains('"') {
            return;
        }
        let texts: Vec<&str> = self.spread.iter().map(|kept| kept.text.as_str()).collect();
        let text = texts.join("\n");
        if cut(&text, &self.pack, &mut self.ranges) {
            let first = self.spread[0].position;
            let end = line.position.offset + u64::from(line.position.length);
            let length = u32::try_from(end - first.offset).unwrap_or(u32::MAX);
            let position = Position { length, ..first };
            let lines = self.spread.len() as u64;
            self.spread.clear();
            self.row(&text, (position, lines), harvest);
        }
    }

    /// The quote that opened a kept line never closes: each of the lines behind it is read for itself.
    fn give_up(&mut self, harvest: &mut Harvest) {
        for kept in std::mem::take(&mut self.spread) {
            if cut(&kept.text, &self.pack, &mut self.ranges) {
                self.row(&kept.text, (kept.position, 1), harvest);
            } else {
                harvest.unread(&kept.line(), NEVER_CLOSES);
            }
        }
    }

    /// Reads a record that has been cut.
    fn row(&mut self, text: &str, (position, lines): (Position, u64), harvest: &mut Harvest) {
        let pack = Arc::clone(&self.pack);
        let mut refuse = |reason: Reason| match lines {
            1 => harvest.unread(&Line { text, raw: text.as_bytes(), position }, reason),
            _ => harvest.unread_lines(position, lines, reason),
        };
        let names = match (&self.named, &pack.columns) {
            (named, lists) if named.is_empty() => match list_for(self.ranges.len(), lists) {
                Some(list) => list,
                None if lists.is_empty() => return refuse("no line before it names this format's columns".into()),
                None => return refuse("not the number of columns that this format has".into()),
            },
            (named, _) if self.ranges.len() < named.len() => {
                return refuse("fewer columns than were named: cut off".into());
            }
            (named, _) => named.as_slice(),
        };
        let values = self.ranges.iter().map(|range| value(text, *range, &pack)).collect();
        let row = Row { names, values };
        if let Some(reason) = self.rules.refusal(&row) {
            return refuse(reason);
        }
        let mut draft = Draft::default();
        let (time, class) = match self.rules.apply(&row, &mut self.clock, &mut draft) {
            Ok(found) => found,
            Err(fault) => return refuse(fault.reason().into()),
        };
        for (i, value) in row.values.iter().enumerate().filter(|(_, value)| !self.rules.is_absent(value)) {
            match names.get(i) {
                Some(name) if self.rules.uses(name) => {}
                Some(name) => draft.unmapped_text(name, value),
                None => draft.unmapped_text(&format!("further_{}", i + 1), value),
            }
        }
        let class = self.in_message.read_in(&mut draft).unwrap_or(class);
        draft.finish((time, class, position), |record| harvest.event(record, lines));
    }
}

impl Reader for Delimited {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        if !self.spread.is_empty() {
            return self.spread(line, harvest);
        }
        if self.is_head(line) {
            return harvest.framing(line);
        }
        if cut(line.text, &self.pack, &mut self.ranges) {
            self.row(line.text, (line.position, 1), harvest);
        } else if self.pack.quotes == Quotes::Loose {
            harvest.unread(line, NEVER_CLOSES);
        } else {
            self.spread(line, harvest);
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        self.give_up(harvest);
    }
}

/// The list of columns for a line of so many: one as long, else the longest that is shorter.
fn list_for(count: usize, lists: &[Vec<String>]) -> Option<&[String]> {
    let exact = lists.iter().find(|list| list.len() == count);
    exact.or_else(|| lists.iter().filter(|l| l.len() < count).max_by_key(|l| l.len())).map(Vec::as_slice)
}
