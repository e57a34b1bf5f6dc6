//! Where in the text each key of a TOML document stands.

use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// Byte offset of every key's value, by path: `store.time_zone`, `log.0.fields.src_endpoint_ip`. Keys that hold dots
/// make no trouble, since paths are lists of parts.
#[derive(Debug, Default)]
pub(super) struct Places {
    offsets: BTreeMap<Vec<String>, usize>,
}

impl Places {
    pub(super) fn of(table: &DeTable<'_>) -> Places {
        let mut places = Places::default();
        places.take_table(&mut Vec::new(), table);
        places
    }

    /// Where the value at that path stands; if it is not there, the nearest thing around it.
    pub(super) fn find(&self, path: &[String]) -> Option<usize> {
        (1..=path.len()).rev().find_map(|parts| self.offsets.get(&path[..parts]).copied())
    }

    fn take_table(&mut self, path: &mut Vec<String>, table: &DeTable<'_>) {
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            // A scalar is at fault itself; for a table or list the key is what a person looks for.
            let is_scalar = !matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_));
            let span = if is_scalar { value.span() } else { key.span() };
            self.offsets.insert(path.clone(), span.start);
            self.take_value(path, value.get_ref());
            path.pop();
        }
    }

    fn take_value(&mut self, path: &mut Vec<String>, value: &DeValue<'_>) {
        match value {
            DeValue::Table(inner) => self.take_table(path, inner),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    self.offsets.insert(path.clone(), item.span().start);
                    self.take_value(path, item.get_ref());
                    path.pop();
                }
            }
            _ => {}
        }
    }
}
