//! The journal as JSON objects: `journalctl -o json`, `json-pretty`, `json-sse` and `json-seq`.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::hosts::journald::Entry;
use crate::json;
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::rules::Rules;
use std::borrow::Cow;
use std::sync::Arc;

/// The reader.
pub(crate) struct JournaldJson {
    clock: Clock,
    rules: Arc<Rules>,
}

impl JournaldJson {
    pub(crate) fn new(clock: Clock, rules: Arc<Rules>) -> JournaldJson {
        JournaldJson { clock, rules }
    }
}

impl Reader for JournaldJson {
    fn is_line_by_line(&self) -> bool {
        true
    }

    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let text = line.text.trim_start_matches('\u{1e}');
        let text = text.strip_prefix("data: ").unwrap_or(text);
        let Some(members) = json::members(text) else {
            return harvest.unread(line, "not one whole JSON object");
        };
        let mut entry = Entry::default();
        members.into_iter().for_each(|(key, raw)| entry.take(key, raw));
        if let Err(reason) = entry.write((&self.rules, &mut self.clock), (line.position, 1), harvest) {
            harvest.unread(line, reason);
        }
    }
}

impl<'a> Entry<'a> {
    /// Takes a member: text; bytes as an array of numbers; an array of either, where the field stands several times.
    fn take(&mut self, key: Cow<'a, str>, raw: &'a str) {
        if raw == "null" {
            return self.left_out.push(key);
        }
        if !raw.starts_with('[') {
            if let Some(value) = json::text(raw) {
                self.fields.push((key, value));
            }
            return;
        }
        if let Ok(bytes) = serde_json::from_str::<Vec<u8>>(raw) {
            return self.fields.push((key, Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())));
        }
        match serde_json::from_str::<Vec<&serde_json::value::RawValue>>(raw) {
            // Arrays inside of it are values of bytes; deeper ones are none, and are kept as they stand.
            Ok(values) => {
                for value in values {
                    let raw = value.get();
                    let bytes = raw.starts_with('[').then(|| serde_json::from_str::<Vec<u8>>(raw).ok()).flatten();
                    let text = match bytes {
                        Some(bytes) => Some(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())),
                        None => json::text(raw),
                    };
                    if let Some(text) = text {
                        self.fields.push((key.clone(), text));
                    }
                }
            }
            Err(_) => self.fields.push((key, Cow::Borrowed(raw))),
        }
    }
}
