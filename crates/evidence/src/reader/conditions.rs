//! Conditions that a pack puts on a record's values.

use serde::Deserialize;
use std::collections::BTreeMap;

/// What a value must be: `null` absent, `"*"` present, `">=400"`, `"<400"`, `"Failed*"`, `"*denied*"`, one text or a list. In a
/// list the empty text stands for absent.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Wanted {
    /// Any of these.
    Any(Vec<Value>),
    /// Yes or no.
    Flag(bool),
    /// That number.
    Number(i64),
    /// That text.
    Text(String),
    /// Absent.
    Absent(()),
}

/// One value of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// That number.
    Number(i64),
    /// That text.
    Text(String),
}

impl Value {
    fn written(&self) -> String {
        match self {
            Value::Flag(flag) => flag.to_string(),
            Value::Number(n) => n.to_string(),
            Value::Text(text) => text.clone(),
        }
    }
}

/// A condition, compiled.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Absent,
    Present,
    Is(Vec<Glob>),
    AtLeast(i64),
    Below(i64),
}

/// A text with a star at its ends.
#[derive(Clone, Debug)]
pub(crate) enum Glob {
    Exact(String),
    Starts(String),
    Ends(String),
    Contains(String),
}

/// Compiles conditions, each with its key.
pub(crate) fn tests(wanted: &BTreeMap<String, Wanted>) -> Vec<(String, Test)> {
    wanted.iter().map(|(key, wanted)| (key.clone(), Test::of(wanted))).collect()
}

impl Test {
    fn of(wanted: &Wanted) -> Test {
        let number = |text: &str| text.trim().parse::<i64>().ok();
        match wanted {
            Wanted::Absent(()) => Test::Absent,
            Wanted::Flag(flag) => Test::Is(vec![Glob::Exact(flag.to_string())]),
            Wanted::Number(n) => Test::Is(vec![Glob::Exact(n.to_string())]),
            Wanted::Any(texts) => Test::Is(texts.iter().map(|t| Glob::of(&t.written())).collect()),
            Wanted::Text(text) if text == "*" => Test::Present,
            Wanted::Text(text) => {
                if let Some(n) = text.strip_prefix(">=").and_then(number) {
                    Test::AtLeast(n)
                } else if let Some(n) = text.strip_prefix('<').and_then(number) {
                    Test::Below(n)
                } else {
                    Test::Is(vec![Glob::of(text)])
                }
            }
        }
    }

    /// Whether a value meets it; none, where the record has no such value.
    pub(crate) fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(crate::targets::whole);
        match (self, value) {
            (Test::Absent, value) => value.is_none(),
            (Test::Present, value) => value.is_some(),
            (Test::Is(globs), Some(value)) => globs.iter().any(|g| g.matches(value)),
            (Test::Is(globs), None) => globs.iter().any(|g| g.matches("")),
            (Test::AtLeast(n), _) => number().is_some_and(|v| v >= *n),
            (Test::Below(n), _) => number().is_some_and(|v| v < *n),
        }
    }
}

impl Glob {
    fn of(text: &str) -> Glob {
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (Some(rest), Some(_)) if rest.len() > 1 => Glob::Contains(rest[..rest.len() - 1].to_owned()),
            (None, Some(start)) => Glob::Starts(start.to_owned()),
            (Some(end), None) => Glob::Ends(end.to_owned()),
            _ => Glob::Exact(text.to_owned()),
        }
    }

    fn matches(&self, value: &str) -> bool {
        match self {
            Glob::Exact(text) => value == text,
            Glob::Starts(text) => value.starts_with(text.as_str()),
            Glob::Ends(text) => value.ends_with(text.as_str()),
            Glob::Contains(text) => value.contains(text.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(wanted: &str, value: Option<&'static str>) -> bool {
        Test::of(&Wanted::Text(wanted.to_owned())).holds(value)
    }

    #[test]
    fn conditions_say_what_they_mean() {
        assert!(holds("*", Some("x")) && !holds("*", None));
        assert!(holds(">=400", Some("404")) && !holds(">=400", Some("302")) && !holds(">=400", Some("x")));
        assert!(holds("<400", Some("302")) && !holds("<400", None));
        assert!(holds("Fail*", Some("Failed")) && holds("*den*", Some("was denied")) && holds("*ed", Some("denied")));
        assert!(Test::of(&Wanted::Absent(())).holds(None));
        let list = Test::of(&Wanted::Any(vec![Value::Text(String::new()), Value::Text("OK".to_owned())]));
        assert!(list.holds(None) && list.holds(Some("OK")) && !list.holds(Some("x")));
    }
}
