//! What the lines before a table say of it: the columns' names, and how their values are written.

use crate::lines::Line;
use crate::reader::access::unescaped;
use crate::reader::csv;
use crate::reader::delimited::ColumnsPack;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How lines begin by which a file itself says how its table is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToldPack {
    /// What stands between two columns, perhaps as `\x09`. A new table begins with it.
    #[serde(default)]
    pub separator: Option<String>,
    /// What stands between the values of a column that holds several.
    #[serde(default)]
    pub list_separator: Option<String>,
    /// What stands for no value.
    #[serde(default)]
    pub unset: Option<String>,
    /// What stands for an empty value.
    #[serde(default)]
    pub empty: Option<String>,
    /// The columns' types.
    #[serde(default)]
    pub types: Option<String>,
    /// How the types of columns begin that hold several values.
    #[serde(default)]
    pub lists: Vec<String>,
    /// Lines whose value counts as a column of every row: how they begin → the column's name.
    #[serde(default)]
    pub kept: BTreeMap<String, String>,
}

/// What is known of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) separator: String,
    pub(crate) names: Vec<String>,
    /// What stands between values, for columns that hold several.
    pub(crate) list_separator: Option<String>,
    /// Which columns do.
    pub(crate) lists: Vec<bool>,
    pub(crate) unset: Option<String>,
    pub(crate) empty: Option<String>,
    /// Columns that all rows have in common.
    pub(crate) common: Vec<(String, String)>,
    /// The first line, where it names the columns.
    line: String,
}

/// What a line turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadLine {
    /// It names the columns.
    Names,
    /// It says something else of the table, or nothing.
    Other,
    /// It is no head.
    Row,
}

impl Head {
    pub(crate) fn new(pack: &ColumnsPack) -> Head {
        Head { separator: pack.separator.to_string(), ..Head::default() }
    }

    /// Takes in a line, if it is a head. `names_first` says whether it may be one that names the columns without a mark.
    pub(crate) fn take(&mut self, line: &Line<'_>, pack: &ColumnsPack, names_first: bool) -> HeadLine {
        if let Some(names) = pack.named_behind.as_ref().and_then(|begin| line.text.strip_prefix(begin.as_str())) {
            // CloudFront names columns with blanks between them and separates their values by tabs.
            let is_blank = self.separator.chars().all(char::is_whitespace);
            let pieces: Vec<&str> = if is_blank {
                names.split_whitespace().collect()
            } else {
                names.split(self.separator.as_str()).map(str::trim).collect()
            };
            let names = pieces.into_iter().filter(|n| !n.is_empty());
            self.names = names.map(str::to_owned).collect();
            self.lists.clear();
            return HeadLine::Names;
        }
        if names_first {
            self.names = self.first_line(line.text, pack);
            line.text.clone_into(&mut self.line);
            return HeadLine::Names;
        }
        if pack.comment.as_ref().is_some_and(|begin| line.text.starts_with(begin.as_str())) {
            if let Some(told) = &pack.told {
                self.told(line.text, told);
            }
            return HeadLine::Other;
        }
        HeadLine::Row
    }

    /// Whether the file's first line comes again.
    pub(crate) fn is_first(&self, text: &str) -> bool {
        self.line == text
    }

    /// Forgets names that turned out to be none.
    pub(crate) fn forget_names(&mut self) {
        self.names.clear();
        self.line.clear();
    }

    fn first_line(&self, text: &str, pack: &ColumnsPack) -> Vec<String> {
        let mut ranges = Vec::new();
        if pack.csv && csv::cut(text, self.separator.as_bytes(), &mut ranges) == csv::Cut::Whole {
            return ranges.into_iter().map(|range| csv::value(text, range).trim().to_owned()).collect();
        }
        text.split(self.separator.as_str()).map(|name| name.trim().trim_matches('"').to_owned()).collect()
    }

    fn told(&mut self, text: &str, told: &ToldPack) {
        let behind = |begin: &Option<String>| begin.as_ref().and_then(|begin| text.strip_prefix(begin.as_str()));
        if let Some(written) = behind(&told.separator) {
            let separator = unescaped(written.trim()).into_owned();
            let separator = if separator.is_empty() { self.separator.clone() } else { separator };
            *self = Head { separator, ..Head::default() };
            return;
        }
        let separator = self.separator.clone();
        let value = |begin: &Option<String>| behind(begin).map(|v| v.strip_prefix(separator.as_str()).unwrap_or(v));
        if let Some(value) = value(&told.list_separator) {
            self.list_separator = Some(unescaped(value).into_owned()).filter(|v| !v.is_empty());
        } else if let Some(value) = value(&told.unset) {
            self.unset = Some(value.to_owned());
        } else if let Some(value) = value(&told.empty) {
            self.empty = Some(value.to_owned());
        } else if let Some(types) = value(&told.types) {
            let is_list = |kind: &str| told.lists.iter().any(|begin| kind.starts_with(begin.as_str()));
            self.lists = types.split(separator.as_str()).map(is_list).collect();
        } else if let Some((begin, name)) = told.kept.iter().find(|(begin, _)| text.starts_with(begin.as_str())) {
            let value = text[begin.len()..].trim_start_matches(separator.as_str()).trim().to_owned();
            self.common.retain(|(n, _)| n != name);
            self.common.push((name.clone(), value));
        }
    }

    /// Whether a value as it stands in the file stands for none.
    pub(crate) fn is_none(&self, raw: &str) -> bool {
        self.unset.as_deref() == Some(raw) || self.empty.as_deref() == Some(raw)
    }

    /// What separates the values of a column, if it holds several.
    pub(crate) fn list(&self, column: usize) -> Option<&str> {
        let is_list = self.lists.get(column).copied().unwrap_or(false);
        self.list_separator.as_deref().filter(|_| is_list)
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::Formats;
    use crate::options::ReadOptions;
    use crate::samples::read_text;
    use stanch_model::{EventBatch, EventFields, FileAccount, TextField};
    use stanch_packs::Packs;
    use std::fmt::Write;

    fn read(text: &str) -> (FileAccount, Vec<String>) {
        let formats = Formats::load(&Packs::shipped()).unwrap();
        let (account, kept) = read_text("x", text.as_bytes(), &ReadOptions::new(&formats, "UTC"));
        let users =
            kept.iter().flat_map(EventBatch::rows).map(|r| r.text(TextField::UserName).unwrap_or("").to_owned());
        (account, users.collect())
    }

    #[test]
    fn a_head_holds_for_all_windows_of_a_long_file() {
        let mut text =
            "#separator \\x09\n#unset_field\t-\n#path\thttp\n#fields\tts\tuid\tid.orig_h\turi\tusername\n".to_owned();
        for i in 0..20_000 {
            let _ = writeln!(text, "{}.5\tC{i}\t203.0.113.9\t/a/{i}\tkim{i}", 1_772_486_045 + i);
        }
        let (account, users) = read(&text);
        assert!(text.len() > 3 * 256 * 1024);
        assert_eq!((account.events, account.unread_lines()), (20_000, 0), "{:?}", account.unread);
        assert_eq!(users.last().map(String::as_str), Some("kim19999"));
        assert!(account.remarks.is_empty(), "{:?}", account.remarks);
    }

    #[test]
    fn csv_records_over_several_lines_hold_together_across_windows() {
        let mut text = "Date (UTC),User agent,Username,IP address,Application ID,Status\n".to_owned();
        for i in 0..6_000 {
            let agent = format!("\"x{i}\n2026-03-02T21:14:05Z,y,forged,192.0.2.1,a,Success\n{}\"", "z".repeat(50));
            let _ = writeln!(text, "2026-03-02T21:14:05Z,{agent},kim{i},203.0.113.9,a,Failure");
        }
        let (account, users) = read(&text);
        assert_eq!((account.events, account.unread_lines()), (6_000, 0), "{:?}", account.unread);
        assert_eq!(account.lines, 18_001);
        assert!(users.iter().enumerate().all(|(i, user)| *user == format!("kim{i}")));
    }

    #[test]
    fn comments_or_names_alone_make_no_format() {
        let (account, _) = read("# a file\n# of comments\n# only\n");
        assert_eq!((account.format, account.unread.len()), (None, 1));
        let (account, _) = read("srcaddr and dstaddr, start and bytes\nof a letter\n");
        assert_eq!(account.events, 0);
    }
}
