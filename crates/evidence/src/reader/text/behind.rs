//! JSON values that stand behind a message on the same line, as Monolog writes a record's context.

use crate::json;
use serde::de::IgnoredAny;

/// Places at which a value might begin that are tried: a hostile line can have any number.
const TRIES_MAX: usize = 64;

/// What stands behind the message, as a pack says it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Behind {
    /// Names for the values, in their order.
    pub(crate) names: Vec<String>,
    /// What must stand before them.
    pub(crate) marker: String,
}

impl Behind {
    /// The message alone, and the values.
    pub(super) fn taken_off<'a>(&self, text: &'a str) -> (&'a str, Vec<&'a str>) {
        let (message, values) = taken_off(text, self.names.len());
        match message.strip_suffix(self.marker.as_str()) {
            Some(message) if !values.is_empty() => (message.trim_end(), values),
            _ if self.marker.is_empty() => (message, values),
            _ => (text, Vec::new()),
        }
    }
}

/// Takes up to `max` whole JSON objects or arrays off the end of a text: what stands before them, and the values in
/// their order. Looked for from the right, since what stands left of them may be a client's own words.
fn taken_off(text: &str, max: usize) -> (&str, Vec<&str>) {
    let mut rest = text.trim_end();
    let mut found = Vec::new();
    while found.len() < max
        && let Some(at) = last_value(rest)
    {
        found.push(&rest[at..]);
        rest = rest[..at].trim_end();
    }
    found.reverse();
    (rest, found)
}

/// Where the last JSON object or array begins that ends with the text.
fn last_value(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let open = match bytes.last()? {
        b'}' => b'{',
        b']' => b'[',
        _ => return None,
    };
    let begins = |at: &usize| {
        let is_member = open == b'[' || matches!(bytes.get(at + 1), Some(b'"' | b'}'));
        is_member && (*at == 0 || bytes[at - 1] == b' ')
    };
    memchr::memrchr_iter(open, bytes).filter(begins).take(TRIES_MAX).find(|at| is_json(&text[*at..]))
}

/// Whether a text is one whole JSON object or array.
pub(super) fn is_json(text: &str) -> bool {
    match text.as_bytes() {
        [b'{', .., b'}'] => json::members(text).is_some(),
        [b'[', .., b']'] => serde_json::from_str::<IgnoredAny>(text).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_behind_a_message_are_found_from_the_right() {
        assert_eq!(taken_off(r#"said {"a":{"b":1}} []"#, 2), ("said", vec![r#"{"a":{"b":1}}"#, "[]"]));
        assert_eq!(taken_off(r#"said {"a":1} then {"b":2}"#, 2), (r#"said {"a":1} then"#, vec![r#"{"b":2}"#]));
        assert_eq!(taken_off(r#"x {"a":"evil {\"b\":1}"}"#, 2), ("x", vec![r#"{"a":"evil {\"b\":1}"}"#]));
        assert_eq!(taken_off(r#"x {"a":"evil {","b":":1}"}"#, 1), ("x", vec![r#"{"a":"evil {","b":":1}"}"#]));
        assert_eq!(taken_off("not closed {\"a\":1", 2), ("not closed {\"a\":1", vec![]));
        assert_eq!(taken_off("[] []", 2), ("", vec!["[]", "[]"]));
        assert_eq!(taken_off("", 2), ("", vec![]));
    }

    #[test]
    fn a_marker_must_stand_before_them() {
        let behind = Behind { names: vec!["context".to_owned()], marker: "CONTEXT:".to_owned() };
        assert_eq!(
            behind.taken_off(r#"a CONTEXT: {"b":1} CONTEXT: {"c":2}"#),
            (r#"a CONTEXT: {"b":1}"#, vec![r#"{"c":2}"#])
        );
        assert_eq!(behind.taken_off(r#"a {"b":1}"#), (r#"a {"b":1}"#, vec![]));
        assert_eq!(behind.taken_off("a CONTEXT:"), ("a CONTEXT:", vec![]));
    }

    #[test]
    fn a_line_full_of_brackets_is_looked_at_in_bounded_time() {
        let text = format!("{}]", " [\"".repeat(500_000));
        assert!(taken_off(&text, 2).1.len() <= 1);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "[ \\[\\]{}\",:a1]{0,40}") {
            let (rest, found) = taken_off(&text, 2);
            prop_assert!(text.starts_with(rest));
            prop_assert_eq!(found.iter().map(|f| f.trim().len()).sum::<usize>() + rest.len() <= text.len(), true);
        }
    }
}
