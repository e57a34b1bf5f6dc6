//! What may stand before a record on its line: syslog's head, a container's stamp.

use crate::reader::patterns::plain_digits;
use crate::reader::rules::{Named, Rules, Used};
use crate::targets::{Draft, Target};
use regex::{Regex, RegexBuilder};
use stanch_packs::PackError;
use std::borrow::Cow;

/// Bytes that a compiled expression may take: packs are data, and must not be able to take the memory.
const SIZE_MAX: usize = 1 << 20;

/// A head, as a pack describes it. Its named groups are values like the record's own.
#[derive(Clone, Debug)]
pub(crate) struct Before {
    regex: Regex,
    groups: Vec<(usize, String)>,
}

impl Before {
    /// Compiles a pack's `before`.
    ///
    /// # Errors
    /// If the expression cannot be read.
    pub(crate) fn compile(shown: &str, written: &str) -> Result<Before, PackError> {
        let regex = RegexBuilder::new(&format!("^(?:{})", plain_digits(written)))
            .size_limit(SIZE_MAX)
            .build()
            .map_err(|e| PackError::new(shown, format!("`before` cannot be read: {e}")))?;
        let groups = regex.capture_names().enumerate().filter_map(|(i, name)| Some((i, name?.to_owned()))).collect();
        Ok(Before { regex, groups })
    }

    /// The head's values, and what stands behind it. A line without one is itself.
    pub(crate) fn split<'h, 't>(&'h self, text: &'t str) -> (Vec<(&'h str, &'t str)>, &'t str) {
        let Some(found) = self.regex.captures(text) else { return (Vec::new(), text) };
        let value = |(i, name): &'h (usize, String)| Some((name.as_str(), found.get(*i)?.as_str()));
        let values = self.groups.iter().filter_map(value).filter(|(_, value)| !value.is_empty()).collect();
        (values, &text[found.get(0).map_or(0, |whole| whole.end())..])
    }
}

/// A record with the values of the head before it.
pub(crate) struct Headed<'t, R> {
    pub(crate) head: &'t [(&'t str, &'t str)],
    pub(crate) record: &'t R,
}

impl<R: Named> Named for Headed<'_, R> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        let head = || self.head.iter().find(|(name, _)| *name == key).map(|(_, value)| Cow::Borrowed(*value));
        self.record.value(key).or_else(head)
    }

    fn is_nested(&self, key: &str) -> bool {
        self.record.is_nested(key)
    }
}

impl<R> Headed<'_, R> {
    /// Puts what the rules have not used of the head where its names say, else into `unmapped`.
    pub(crate) fn rest<'d>(&'d self, rules: &Rules, used: Used, draft: &mut Draft<'d>) {
        for (name, value) in self.head.iter().filter(|(name, _)| !rules.uses(used, name)) {
            put(name, value, draft);
        }
    }
}

/// Puts a head's value where its name says.
pub(crate) fn put<'d>(name: &str, value: &'d str, draft: &mut Draft<'d>) {
    match Target::from_name(name) {
        Some(target) if draft.has(target) => draft.unmapped_text(name, value),
        Some(target) => draft.put(target, value),
        None => draft.unmapped_text(name, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_taken_off_where_there_is_one() {
        let head = Before::compile("x", r"(?P<at>\d+) (?P<device_hostname>\S+)?: ").unwrap();
        assert_eq!(head.split("12 web: {}"), (vec![("at", "12"), ("device_hostname", "web")], "{}"));
        assert_eq!(head.split("12 : {}"), (vec![("at", "12")], "{}"));
        assert_eq!(head.split("{}"), (vec![], "{}"));
        assert!(Before::compile("x", "(").is_err());
    }
}
