//! A law's facts on a given day: what a reference such as `individual_deadline.days` stands for then.

use crate::law::{Dated, Placed};
use crate::value::Value;
use jiff::civil::Date;
use stanch_model::duty::Source;
use std::collections::BTreeMap;

/// The facts as they stood on a day.
#[derive(Clone, Copy)]
pub(crate) struct FactsOn<'a> {
    pub(crate) facts: &'a BTreeMap<String, Vec<Dated>>,
    /// Nothing where no moment of the case is known: then the latest values.
    pub(crate) day: Option<Date>,
}

/// What a reference leads to.
pub(crate) struct Found<'a> {
    /// The fact, if it had a value on that day.
    pub(crate) dated: Option<&'a Dated>,
    /// The value at the reference; nothing where it is not known.
    pub(crate) value: Option<&'a Value>,
}

impl<'a> FactsOn<'a> {
    pub(crate) fn find(&self, reference: &str) -> Found<'a> {
        let Some((name, path)) = split(self.facts, reference) else { return Found { dated: None, value: None } };
        let dated = self.dated(name);
        let value = dated.and_then(|d| d.value.at(path.split('.').filter(|p| !p.is_empty())));
        Found { dated, value: value.filter(|v| **v != Value::Null) }
    }

    pub(crate) fn number(&self, reference: &Placed) -> Option<u64> {
        self.find(&reference.value).value?.number()
    }

    pub(crate) fn citation(&self, reference: &Placed) -> String {
        let found = self.find(&reference.value);
        let dated = found.dated.or_else(|| self.latest(&reference.value));
        dated.map_or_else(String::new, |d| d.citation.value.clone())
    }

    /// The value in force on the day, or on no day in particular the last.
    fn dated(&self, name: &str) -> Option<&'a Dated> {
        let versions = self.facts.get(name)?;
        match self.day {
            None => versions.last(),
            Some(day) => versions.iter().rev().find(|v| v.from.value.0 <= day),
        }
    }

    /// The last value, whenever it came into force: still the best place to look it up.
    pub(crate) fn latest(&self, reference: &str) -> Option<&'a Dated> {
        let (name, _) = split(self.facts, reference)?;
        self.facts.get(name)?.last()
    }
}

/// The fact that a reference names and the path into it. Names may have dots; the longest that fits is meant.
pub(crate) fn split<'r>(facts: &BTreeMap<String, Vec<Dated>>, reference: &'r str) -> Option<(&'r str, &'r str)> {
    let mut end = reference.len();
    loop {
        let name = &reference[..end];
        if facts.contains_key(name) {
            return Some((name, reference[end..].trim_start_matches('.')));
        }
        end = name.rfind('.')?;
    }
}

impl Dated {
    pub(crate) fn as_source(&self) -> Source {
        Source {
            citation: self.citation.value.clone(),
            confidence: self.confidence.word().to_owned(),
            source_kind: self.source_kind.map(|k| k.word().to_owned()),
            as_of: self.as_of.to_string(),
        }
    }
}
