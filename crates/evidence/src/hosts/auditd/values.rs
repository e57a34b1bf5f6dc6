//! A record with its values unescaped, and which of them an event field has.

use crate::hosts::auditd::record::{self, By};
use crate::hosts::auditd::tables::AuditTables;
use crate::json;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;

/// A record, its values unescaped.
pub(crate) struct Record<'a> {
    pub(crate) kind: &'a str,
    pub(crate) fields: Vec<Field<'a>>,
    /// Words outside of fields: `auditd start`.
    pub(crate) words: String,
}

/// One field of a record.
#[derive(PartialEq)]
pub(crate) struct Field<'a> {
    pub(crate) by: By,
    pub(crate) key: Cow<'a, str>,
    pub(crate) value: Cow<'a, str>,
    /// Whether an event field has it already.
    pub(super) used: Cell<bool>,
}

impl<'a> Record<'a> {
    pub(crate) fn read(kind: &'a str, body: &'a str, tables: &AuditTables) -> Record<'a> {
        let (mut fields, mut words) = (Vec::with_capacity(32), String::new());
        let is_args = kind == "EXECVE";
        record::fields(body, &mut words, |f| {
            let is_arg = || is_args && f.key.starts_with('a') && !f.key.ends_with("_len") && f.key != "argc";
            let escaped = !f.quoted && (tables.is_escaped(&f.key) || is_arg());
            let value = match (escaped, f.key.as_ref()) {
                (false, _) => Cow::Borrowed(f.value),
                (true, "proctitle") => Cow::Owned(separated(&record::unescaped(f.value), '\0', " ")),
                (true, "key") => Cow::Owned(separated(&record::unescaped(f.value), '\u{1}', ",")),
                (true, _) => record::unescaped(f.value),
            };
            fields.push(Field { by: f.by, key: f.key, value, used: Cell::new(false) });
        });
        Record { kind, fields, words }
    }

    /// The first field of that key which says something.
    pub(super) fn find(&self, key: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|f| f.key == key && says_something(&f.value))
    }

    /// The last one: where a program does not escape what others choose (a host's name), true values stand behind it.
    pub(super) fn find_last(&self, key: &str) -> Option<&Field<'a>> {
        self.fields.iter().rfind(|f| f.key == key && says_something(&f.value))
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.find(key).map(|f| f.value.as_ref())
    }

    pub(super) fn take(&self, key: &str) -> Option<&str> {
        self.find(key).map(taken)
    }
}

/// A field's value, which an event field now has.
pub(super) fn taken<'f>(field: &'f Field<'_>) -> &'f str {
    field.used.set(true);
    field.value.as_ref()
}

fn separated(text: &str, by: char, with: &str) -> String {
    text.trim_end_matches(by).replace(by, with)
}

/// Whether a value is more than a word for none.
pub(super) fn says_something(value: &str) -> bool {
    !matches!(value, "" | "?" | "(null)" | "(none)")
}

/// An id that is set: the kernel writes -1, without its sign, for one that is not.
pub(super) fn is_set(id: &str) -> bool {
    !matches!(id, "4294967295" | "-1" | "unset")
}

/// The same as members of an object.
pub(super) fn left_over(record: &Record<'_>) -> String {
    let mut object = String::new();
    if !record.words.is_empty() {
        json::push_member(&mut object, "text", &record.words);
    }
    each_left(record, |name, value| json::push_member(&mut object, name, value));
    object
}

/// Fields that no event field has. A program cannot pass its own off for the kernel's.
pub(super) fn each_left(record: &Record<'_>, mut each: impl FnMut(&str, &str)) {
    let mut seen = HashMap::new();
    // A kernel's record has few fields, in which looking is faster than keeping count.
    let are_few = record.fields.len() <= 64;
    for (i, field) in record.fields.iter().enumerate() {
        let count = if are_few {
            record.fields[..i].iter().filter(|f| f.key == field.key).count()
        } else {
            let count: &mut usize = seen.entry(field.key.as_ref()).or_default();
            std::mem::replace(count, *count + 1)
        };
        if field.used.get() || !says_something(&field.value) {
            continue;
        }
        match count {
            0 => each(&field.key, &field.value),
            n => each(&format!("{}#{}", field.key, n + 1), &field.value),
        }
    }
}
