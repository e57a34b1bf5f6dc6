//! The samples of a draft: lines of the file, masked, each with what the draft makes of it.

use super::yaml;
use crate::formats::{Formats, Scalar};
use crate::options::ReadOptions;
use crate::samples::{read_text, value};
use stanch_model::event::BatchRow;
use stanch_model::{EventBatch, FileAccount, NumberField, TextField};
use std::fmt::Write as _;

/// A sample with what it gives.
pub(super) struct Proof {
    name: String,
    text: String,
    hostile: bool,
    gives: Vec<String>,
    unread: Vec<(String, u64)>,
}

/// Reads a text with the drafted format among all others. None if it is read as another.
pub(super) fn proof(name: &str, text: &str, hostile: bool, format: &str, formats: &Formats) -> Option<Proof> {
    let options = ReadOptions::new(formats, "UTC");
    let (account, kept) = read_text("sample", text.as_bytes(), &options);
    if account.format.as_deref() != Some(format) {
        return None;
    }
    let rows: Vec<BatchRow<'_>> = kept.iter().flat_map(EventBatch::rows).collect();
    let gives = rows.iter().map(gives).collect();
    Some(Proof { name: name.to_owned(), text: text.to_owned(), hostile, gives, unread: unread(&account) })
}

impl Proof {
    pub(super) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    pub(super) fn write(&self, out: &mut String) {
        let _ = writeln!(out, "  - name: {}", yaml::scalar(&self.name));
        if self.hostile {
            out.push_str("    hostile: true\n");
        }
        yaml::text(out, "    ", "text", &self.text);
        if !self.gives.is_empty() {
            out.push_str("    gives:\n");
            for given in &self.gives {
                let _ = writeln!(out, "      - {given}");
            }
        }
        if !self.unread.is_empty() {
            let parts: Vec<String> = self.unread.iter().map(|(r, n)| format!("{}: {n}", yaml::quoted(r))).collect();
            let _ = writeln!(out, "    unread: {{ {} }}", parts.join(", "));
        }
    }
}

/// An event's fields as a pack writes them.
fn gives(row: &BatchRow<'_>) -> String {
    let mut parts = Vec::new();
    let left_out = [TextField::LogName, TextField::Unmapped, TextField::UrlDecoded];
    let texts = TextField::ALL.iter().filter(|f| !left_out.contains(f)).map(|f| f.ocsf());
    let names = ["line", "class", "time"].into_iter().chain(texts).chain(NumberField::ALL.iter().map(|f| f.ocsf()));
    for name in names {
        // A duration's column is given in microseconds under its own name.
        let name = if name == NumberField::DurationUs.ocsf() { "duration_us" } else { name };
        match value(row, name) {
            None => {}
            Some(Scalar::Number(n)) => parts.push(format!("{name}: {n}")),
            Some(Scalar::Text(text)) => parts.push(format!("{name}: {}", yaml::quoted(&text))),
        }
    }
    format!("{{ {} }}", parts.join(", "))
}

fn unread(account: &FileAccount) -> Vec<(String, u64)> {
    let mut found: Vec<(String, u64)> = Vec::new();
    for group in &account.unread {
        // The format's title goes before a reason, and a person may change it.
        let reason = group
            .reason
            .strip_prefix("not in format ")
            .and_then(|r| r.split_once(": "))
            .map_or(group.reason.as_str(), |(_, r)| r);
        match found.iter_mut().find(|(r, _)| r == reason) {
            Some((_, lines)) => *lines += group.lines,
            None => found.push((reason.to_owned(), group.lines)),
        }
    }
    found
}
