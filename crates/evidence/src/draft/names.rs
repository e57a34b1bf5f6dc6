//! What names of columns and keys usually mean: learnt from the packs that are there.

use crate::formats::Formats;
use crate::targets::Target;
use stanch_model::{NumberField, TextField};
use std::collections::BTreeMap;

/// Names of columns, without case and marks, with what packs make of them.
pub(super) struct Names(BTreeMap<String, BTreeMap<String, usize>>);

impl Names {
    /// From all packs.
    pub(super) fn of(formats: &Formats) -> Names {
        let mut names = Names(BTreeMap::new());
        for format in &formats.formats {
            for (target, key) in format.rules.mapped() {
                names.learn(key, target);
            }
            for (key, target) in format.keys.iter() {
                names.learn(key, *target);
            }
        }
        for (variable, target) in formats.variables.named() {
            names.learn(variable, target);
        }
        names
    }

    fn learn(&mut self, key: &str, target: Target) {
        let Some(field) = field_name(target) else { return };
        let last = key.rsplit(['.', '+']).next().unwrap_or(key);
        for name in [key, last] {
            *self.0.entry(plain(name)).or_default().entry(field.clone()).or_default() += 1;
        }
    }

    /// The fields that a name may mean, with how many packs say so; by its whole path first, then by its last part.
    pub(super) fn fields(&self, name: &str) -> impl Iterator<Item = (&str, usize)> {
        let last = name.rsplit('.').next().unwrap_or(name);
        let known = self.0.get(&plain(name)).or_else(|| self.0.get(&plain(last)));
        known.into_iter().flatten().map(|(field, votes)| (field.as_str(), *votes))
    }
}

/// A name without case and marks.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The name under which packs map to a target.
fn field_name(target: Target) -> Option<String> {
    Some(match target {
        Target::Text(TextField::Unmapped | TextField::LogName | TextField::UrlDecoded) => return None,
        Target::Text(field) => field.ocsf().to_owned(),
        Target::Number(NumberField::DurationUs) | Target::Duration(1) => "duration_us".to_owned(),
        Target::Number(field) => field.ocsf().to_owned(),
        Target::Duration(1_000) => "duration_ms".to_owned(),
        Target::Duration(1_000_000) => "duration_s".to_owned(),
        Target::RequestLine => "request_line".to_owned(),
        Target::QueryArgs => "request_query".to_owned(),
        _ => return None,
    })
}
