//! Drafts a format pack from a sample of a format that nobody has described, for a person to finish.
//!
//! The draft says in comments what it is unsure of. Its samples are the file's first records, with what may be
//! somebody's replaced by invented values of the same shape, so that the pack can be shown to others; and it reads
//! them as they say, so that every change can be checked at once.

mod mask;
mod names;
mod plan;
mod proof;
mod table;
mod text;
mod values;
mod yaml;

use crate::formats::Formats;
use crate::options::ReadOptions;
use crate::samples::read_text;
use mask::Mask;
use names::Names;
use plan::{Columns, Plan};
use proof::{Proof, proof};
use stanch_model::FileAccount;
use std::collections::HashMap;
use std::fmt::Write as _;
use table::{Made, Table, Values};
use text::{TextPlan, text_plan};
use values::Column;

/// Share of a sample's lines that a draft must read.
const MOST: f64 = 0.9;
/// Bytes of a sample that are looked at.
const SAMPLE_BYTES_MAX: usize = 1 << 20;
/// Columns that are looked at, or names of values; a sample may have as many as bytes.
const COLUMNS_MAX: usize = 2_000;
/// Records that become the draft's proof.
const SHOWN_MAX: usize = 4;

/// Why no pack can be drafted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DraftFault {
    /// There is nothing in it.
    #[error("the sample is empty")]
    Empty,
    /// It holds bytes that are no text.
    #[error("the sample is no text, and packs without code read text only; a binary format needs a reader of its own")]
    Binary,
    /// A format that is there reads it.
    #[error(
        "the sample is read already, as {title} ({share:.0} % of its lines); see what is unread, or state that format for the log in the store file"
    )]
    Known {
        /// The format.
        title: String,
        /// Share of the lines that it reads, in percent.
        share: f64,
    },
    /// No event can be without its time.
    #[error(
        "no time was found in the sample's records, and no event can be without one; is there another file with times, or a time without its year? ({hint})"
    )]
    NoTime {
        /// What stands in it instead.
        hint: String,
    },
    /// What was drafted does not read enough.
    #[error(
        "the best draft reads {share:.0} % of the sample's lines only, because {reason}; its records may span lines in a way that needs a reader of its own"
    )]
    TooFew {
        /// Share of the lines, in percent.
        share: f64,
        /// The most frequent reason.
        reason: String,
    },
    /// A name that no pack can have.
    #[error("{0:?} cannot be a pack's name: letters, digits and _ only")]
    Name(String),
}

/// Drafts a pack of that name from a sample. The text that comes back passes [`crate::check`] as it stands.
///
/// # Errors
/// In words why none can be drafted.
pub fn draft_format(sample: &[u8], formats: &Formats, name: &str) -> Result<String, DraftFault> {
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !is_name {
        return Err(DraftFault::Name(name.to_owned()));
    }
    let sample = whole_lines(sample);
    let text = String::from_utf8_lossy(sample);
    if text.trim().is_empty() {
        return Err(DraftFault::Empty);
    }
    let made = Made::of(sample, &text);
    if matches!(made, Made::Binary) {
        return Err(DraftFault::Binary);
    }
    known(sample, formats)?;
    let draft = Draft { name, text: &text, formats };
    match made {
        Made::JsonLines(records) => draft.objects(&records, None),
        Made::Document(key, records) => draft.objects(&records, Some(key)),
        Made::Table(table) => draft.columns(&table).or_else(|_| draft.lines()),
        Made::Text | Made::Binary => draft.lines(),
    }
}

/// What a line looks like, without what it says: letters as `a`, digits as `0`.
fn shape_of(line: &str) -> String {
    let shown = line.chars().take(60).filter(|c| !c.is_control());
    shown
        .map(|c| {
            if c.is_ascii_digit() {
                '0'
            } else if c.is_alphabetic() {
                'a'
            } else {
                c
            }
        })
        .collect()
}

/// A sample up to the end of a line.
fn whole_lines(sample: &[u8]) -> &[u8] {
    if sample.len() <= SAMPLE_BYTES_MAX {
        return sample;
    }
    let cut = &sample[..SAMPLE_BYTES_MAX];
    &cut[..memchr::memrchr(b'\n', cut).map_or(cut.len(), |at| at + 1)]
}

/// Refuses a sample that a format made for it reads.
fn known(sample: &[u8], formats: &Formats) -> Result<(), DraftFault> {
    let (account, _) = read_text("sample", sample, &ReadOptions::new(formats, "UTC"));
    let format = account.format.as_ref().and_then(|name| formats.by_name(name)).filter(|f| !f.is_general);
    match format {
        Some(format) if share(&account) >= MOST => {
            Err(DraftFault::Known { title: format.title.clone(), share: share(&account) * 100.0 })
        }
        _ => Ok(()),
    }
}

/// The share of lines that were read; empty ones do not count.
#[expect(clippy::cast_precision_loss, reason = "a sample has few lines")]
fn share(account: &FileAccount) -> f64 {
    let empty: u64 = account.unread.iter().filter(|g| g.reason.contains("empty line")).map(|g| g.lines).sum();
    let lines = account.lines.saturating_sub(empty);
    if account.events == 0 || lines == 0 { 0.0 } else { account.lines_in_events as f64 / lines as f64 }
}

/// A draft under way.
struct Draft<'a> {
    name: &'a str,
    text: &'a str,
    formats: &'a Formats,
}

/// The part of a pack that tells how records are read.
struct Body {
    reader: &'static str,
    recognised_by: String,
    /// Lines between `reader` and `fields`.
    yaml: String,
    fields: Vec<(String, String)>,
}

impl Draft<'_> {
    fn objects(&self, records: &[Values], document: Option<Option<String>>) -> Result<String, DraftFault> {
        let columns = self.columns_of(records);
        let plan = self.plan(&columns, records);
        if plan.time.is_empty() {
            return Err(no_time(&columns));
        }
        let mut yaml = String::new();
        if let Some(Some(key)) = &document {
            let _ = writeln!(yaml, "inside: {}", yaml::list([key.as_str()]));
        }
        rules(&mut yaml, &plan, &plan.needs, &[]);
        let recognised_by = format!("JSON objects with {}", plan.needs.join(", "));
        let body = Body { reader: "json", recognised_by, yaml, fields: fields(&plan) };
        let kept = columns.iter().map(|(name, _)| name.clone());
        let people = self.people(&columns, &plan);
        let shown = match document {
            None => self.first_lines(SHOWN_MAX),
            // A document is shown by its beginning, closed by hand below.
            Some(key) => self.document_of(key.as_deref()),
        };
        self.finish(&body, &plan.questions, &shown, Mask::keeping(kept), &people)
    }

    fn columns(&self, table: &Table) -> Result<String, DraftFault> {
        let columns = self.columns_of(&table.rows);
        let plan = self.plan(&columns, &table.rows);
        if plan.time.is_empty() {
            return Err(no_time(&columns));
        }
        let mut yaml = String::new();
        let separator =
            if table.separator == '\t' { "\"\\t\"".to_owned() } else { format!("{:?}", table.separator.to_string()) };
        let mut parts = vec![format!("separator: {separator}")];
        match &table.named_behind {
            Some(begin) => parts.push(format!("named_behind: {}", yaml::quoted(begin))),
            None => parts.push("csv: true".to_owned()),
        }
        if table.has_head && table.named_behind.is_none() {
            parts.push("named_first: true".to_owned());
        }
        if let Some(comment) = &table.comment {
            parts.push(format!("comment: {}", yaml::quoted(comment)));
        }
        let mut questions = plan.questions.clone();
        if !table.has_head {
            parts.push(format!("columns: [{}]", yaml::list(table.names.iter().map(String::as_str))));
            questions.insert(
                0,
                "The file does not name its columns. What does each hold? Give them names under columns".to_owned(),
            );
        }
        let _ = writeln!(yaml, "table: {{ {} }}", parts.join(", "));
        rules(&mut yaml, &plan, &plan.needs, &["-"]);
        let what = if table.has_head {
            format!("a head with {}", plan.needs.join(", "))
        } else {
            format!("{} columns", table.names.len())
        };
        let body = Body { reader: "columns", recognised_by: what, yaml, fields: fields(&plan) };
        let people = self.people(&columns, &plan);
        let shown = self.first_lines(SHOWN_MAX + usize::from(table.has_head));
        self.finish(&body, &questions, &shown, Mask::keeping(table.names.iter().cloned()), &people)
    }

    fn lines(&self) -> Result<String, DraftFault> {
        let lines: Vec<&str> = self.text.lines().collect();
        let names = Names::of(self.formats);
        let mut fault = None;
        for simple in [false, true] {
            let mut clock = self.formats.clock("UTC");
            let Some(plan) = text_plan(&lines, &names, &mut clock, simple) else {
                let hint = lines.iter().find(|l| !l.trim().is_empty()).map_or("", |l| l.trim());
                let hint = format!("a line has the shape {}", shape_of(hint));
                return Err(fault.unwrap_or(DraftFault::NoTime { hint }));
            };
            match self.text(&plan, &lines) {
                Ok(draft) => return Ok(draft),
                Err(e) => fault = Some(e),
            }
        }
        Err(fault.unwrap_or(DraftFault::Empty))
    }

    fn text(&self, plan: &TextPlan, lines: &[&str]) -> Result<String, DraftFault> {
        let mut yaml = String::from("patterns:\n");
        for pattern in &plan.patterns {
            yaml::comment(&mut yaml, "  ", &format!("{} of the lines that were looked at.", pattern.lines));
            let _ = writeln!(yaml, "  - match: {}", yaml::quoted(&pattern.regex));
            for (key, word) in [("class", pattern.class), ("activity", pattern.activity), ("status", pattern.status)] {
                if let Some(word) = word {
                    let _ = writeln!(yaml, "    {key}: {word}");
                }
            }
        }
        let mut questions = plan.plan.questions.clone();
        if let Some(continues) = &plan.continues {
            yaml::comment(&mut yaml, "", "Lines that go on with the record above them.");
            let _ = writeln!(yaml, "continues: {}", yaml::quoted(continues));
            questions
                .push("Some lines have no time. Do they belong to the record above, as stack traces do?".to_owned());
        }
        if plan.has_spans {
            yaml.push_str("spans:\n  - { opens: '.', lines_max: 200 }\n");
        }
        rules(&mut yaml, &plan.plan, &[], &["-"]);
        let recognised_by = "lines that follow the patterns below".to_owned();
        let body = Body { reader: "text", recognised_by, yaml, fields: fields(&plan.plan) };
        let mut mask = Mask::keeping(plan.constants.iter().cloned());
        plan.people.iter().for_each(|name| mask.person(name));
        let mut shown = String::new();
        for number in plan.shown.iter().take(SHOWN_MAX + 2) {
            for line in lines.iter().skip(*number).take(1) {
                shown.push_str(line);
                shown.push('\n');
            }
        }
        self.finish(&body, &questions, &shown, mask, &[])
    }

    fn columns_of(&self, records: &[Values]) -> Columns {
        let mut clock = self.formats.clock("UTC");
        let mut columns: Columns = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        for (name, value) in records.iter().flatten() {
            let at = match known.get(name.as_str()) {
                Some(at) => *at,
                None if columns.len() == COLUMNS_MAX => continue,
                None => {
                    known.insert(name, columns.len());
                    columns.push((name.clone(), Column::default()));
                    columns.len() - 1
                }
            };
            columns[at].1.add(value, &mut clock);
        }
        columns
    }

    fn plan(&self, columns: &Columns, records: &[Values]) -> Plan {
        let times: Vec<String> = self.formats.formats.iter().flat_map(|f| f.time_keys.iter().cloned()).collect();
        Plan::of(columns, &Names::of(self.formats), &times, self.date_and_time(records))
    }

    /// Two columns that are a moment together.
    fn date_and_time(&self, records: &[Values]) -> Option<String> {
        let mut clock = self.formats.clock("UTC");
        let first = records.first()?;
        let is_date = |v: &str| v.len() == 10 && v.as_bytes()[4] == b'-';
        let is_time = |v: &str| v.len() >= 8 && v.as_bytes()[2] == b':';
        let (date, day) = first.iter().find(|(_, v)| is_date(v))?;
        let (time, clock_time) = first.iter().find(|(_, v)| is_time(v))?;
        clock.any(&format!("{day} {clock_time}")).ok()?;
        Some(format!("{date}+{time}"))
    }

    fn people(&self, columns: &Columns, plan: &Plan) -> Vec<String> {
        let named = columns.iter().filter(|(name, _)| plan.people.contains(name));
        named.flat_map(|(_, column)| column.distinct.keys().cloned()).collect()
    }

    fn first_lines(&self, count: usize) -> String {
        self.text
            .lines()
            .filter(|l| !l.trim().is_empty())
            .take(count)
            .fold(String::new(), |text, line| text + line + "\n")
    }

    /// The first records of a document, as a document.
    fn document_of(&self, key: Option<&str>) -> String {
        use crate::framing::{Cutter, Framing};
        let inside: Vec<String> = key.iter().map(|k| (*k).to_owned()).collect();
        let mut cutter = Cutter::new(Framing::Documents, &inside, 1 << 20);
        let mut records: Vec<String> = Vec::new();
        let mut take = |record: crate::lines::RawLine<'_>| {
            if records.len() < SHOWN_MAX {
                let text = String::from_utf8_lossy(record.bytes).into_owned();
                records.push(text.lines().map(str::trim).collect::<Vec<_>>().join(" "));
            }
        };
        cutter.feed(self.text.as_bytes(), &mut take);
        cutter.finish(&mut take);
        let records = records.join(",\n");
        match key {
            Some(key) => format!("{{\"{key}\":[\n{records}]}}\n"),
            None => format!("[\n{records}]\n"),
        }
    }

    /// Puts the pack together, and proves it.
    fn finish(
        &self,
        body: &Body,
        questions: &[String],
        shown: &str,
        mut mask: Mask,
        people: &[String],
    ) -> Result<String, DraftFault> {
        people.iter().for_each(|name| mask.person(name));
        let without_proof = self.pack(body, questions, &[]);
        let formats = self.formats.with_pack(self.name, &without_proof).map_err(|e| self.unfit(&e.to_string()))?;
        let (account, _) = read_text("sample", self.text.as_bytes(), &ReadOptions::new(&formats, "UTC"));
        if account.format.as_deref() != Some(self.name) || share(&account) < MOST {
            let reason = account.unread.first().map_or("another format takes them", |g| g.reason.as_str());
            return Err(DraftFault::TooFew { share: share(&account) * 100.0, reason: reason.to_owned() });
        }
        let shown = mask.text(shown);
        let first =
            proof("its first records", &shown, false, self.name, &formats).ok_or_else(|| self.unfit("masked"))?;
        let cut = self.cut_off(&shown, &formats).ok_or_else(|| self.unfit("cut off"))?;
        let pack = self.pack(body, questions, &[first, cut]);
        let problems =
            formats.with_pack(self.name, &pack).map_err(|e| self.unfit(&e.to_string()))?.problems_of(self.name, &pack);
        match problems.first() {
            None => Ok(pack),
            Some(problem) => Err(self.unfit(problem)),
        }
    }

    fn unfit(&self, reason: &str) -> DraftFault {
        DraftFault::TooFew { share: 0.0, reason: reason.to_owned() }
    }

    /// The shown lines with one more, cut off where it can no longer be read.
    fn cut_off(&self, shown: &str, formats: &Formats) -> Option<Proof> {
        let last = shown.trim_end_matches('\n').lines().last()?;
        let lengths = [last.len() / 2, last.len() / 3, last.len() / 4, 12, 6, 2];
        let proofs = lengths.into_iter().filter_map(|length| {
            let end = (0..=length.min(last.len())).rev().find(|end| last.is_char_boundary(*end))?;
            let text = format!("{shown}{}\n", &last[..end]);
            proof("a line cut off", &text, true, self.name, formats)
        });
        let mut fallback = None;
        for proof in proofs {
            if proof.has_unread() {
                return Some(proof);
            }
            fallback.get_or_insert(proof);
        }
        fallback
    }

    fn pack(&self, body: &Body, questions: &[String], proofs: &[Proof]) -> String {
        let mut out = String::new();
        yaml::comment(
            &mut out,
            "",
            "A draft, worked out from a sample. It reads that sample; whether it reads it right is for you to say. Answer the questions, correct what is wrong, and run `stanch packs check` after each change.",
        );
        if !questions.is_empty() {
            out.push_str("#\n# Questions:\n");
            for question in questions {
                let mut lines = String::new();
                yaml::comment(&mut lines, "", &format!("- {question}"));
                out.push_str(&lines.replace("\n# ", "\n#   "));
            }
        }
        yaml::comment(&mut out, "", "");
        let _ = writeln!(out, "title: {}", yaml::scalar(&self.name.replace('_', " ")));
        out.push_str("# What do such files tell, and what not?\ndescription: to be written\n");
        out.push_str("# Where are they found, under which path, on which machine?\nfound: to be written\n");
        out.push_str("# Where is the format documented?\nsource: https://example.org/\n");
        let _ = writeln!(out, "recognised_by: {}", yaml::scalar(&body.recognised_by));
        let _ = writeln!(out, "reader: {}", body.reader);
        out.push_str(&body.yaml);
        out.push_str("fields:\n");
        for (field, what) in &body.fields {
            let _ = writeln!(out, "  {field}: {}", yaml::scalar(what));
        }
        if proofs.is_empty() {
            out.push_str("samples: []\n");
            return out;
        }
        yaml::comment(
            &mut out,
            "",
            "Records of the sample with what the draft makes of them. Mails, addresses, long numbers and keys were replaced, and names where a column of names was found. Look through them for what is left of real people before you show this to anybody.",
        );
        out.push_str("samples:\n");
        proofs.iter().for_each(|proof| proof.write(&mut out));
        out
    }
}

fn no_time(columns: &Columns) -> DraftFault {
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).take(8).collect();
    DraftFault::NoTime { hint: format!("its columns are {}", names.join(", ")) }
}

fn rules(out: &mut String, plan: &Plan, needs: &[String], absent: &[&str]) {
    let is_text = out.starts_with("patterns:");
    let mut lines = String::new();
    if !needs.is_empty() {
        let _ = writeln!(lines, "  needs: {}", yaml::list(needs.iter().map(String::as_str)));
    }
    if !absent.is_empty() {
        let _ = writeln!(lines, "  absent: {}", yaml::list(absent.iter().copied()));
    }
    if !is_text {
        let _ = writeln!(lines, "  time: {}", yaml::list(plan.time.iter().map(String::as_str)));
    }
    if plan.class != "base_event" {
        let _ = writeln!(lines, "  class: {}", plan.class);
    }
    let map: Vec<_> = plan.map.iter().filter(|_| !is_text).collect();
    if !map.is_empty() {
        lines.push_str("  map:\n");
        for (field, names) in map {
            let _ = writeln!(lines, "    {field}: {}", yaml::list(names.iter().map(String::as_str)));
        }
    }
    if !plan.kinds.is_empty() {
        lines.push_str("  kinds:\n");
        for kind in &plan.kinds {
            let values = yaml::list(kind.values.iter().map(String::as_str));
            let _ = writeln!(lines, "    - when: {{ {}: {values} }}", yaml::quoted(&kind.name));
            let _ = writeln!(lines, "      class: {}", kind.class);
            for (key, word) in [("activity", kind.activity), ("status", kind.status)] {
                if let Some(word) = word {
                    let _ = writeln!(lines, "      {key}: {word}");
                }
            }
        }
    }
    if !lines.is_empty() {
        let _ = write!(out, "rules:\n{lines}");
    }
}

/// What each field holds, for the pack's `fields`.
fn fields(plan: &Plan) -> Vec<(String, String)> {
    let mut fields =
        vec![("time".to_owned(), plan.time.first().map_or("the time at its beginning".to_owned(), Clone::clone))];
    for (field, names) in &plan.map {
        let what = names.join(" or ");
        match field.as_str() {
            "request_line" => {
                fields.push(("http_request.http_method".to_owned(), what.clone()));
                fields.push(("http_request.url.url_string".to_owned(), what));
            }
            "request_query" => {}
            duration if duration.starts_with("duration") => fields.push(("duration".to_owned(), what)),
            other => fields.push((other.to_owned(), what)),
        }
    }
    fields.sort();
    fields.dedup_by(|a, b| a.0 == b.0);
    fields
}

#[cfg(test)]
mod tests;
