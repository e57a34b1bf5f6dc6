//! What tells one counter of a source from another.

use regex::Regex;
use stanch_lake::EventRow;
use stanch_model::evidence::Mark;
use stanch_model::{Numbering, TextField};

/// The marks that a numbering names, ready to be looked up.
#[derive(Debug)]
pub(crate) struct Marks {
    marks: Vec<(Field, Option<Regex>, bool)>,
    except: Vec<(Field, Regex)>,
}

#[derive(Debug)]
enum Field {
    Column(TextField),
    /// `"KEY":"` as it stands in the JSON object.
    Unmapped(String),
}

impl Field {
    fn of<'a>(&self, row: &EventRow<'a>) -> Option<&'a str> {
        match self {
            Field::Column(field) => row.text_of(*field),
            Field::Unmapped(key) => row.text_of(TextField::Unmapped).and_then(|json| value_of(json, key)),
        }
    }
}

/// Stands between marks.
pub(crate) const BETWEEN: char = '\u{1f}';

impl Marks {
    /// A mark that cannot be followed is none; packs are checked before.
    pub(crate) fn new(numbering: &Numbering) -> Marks {
        let field = |name: &str| match name.strip_prefix("unmapped.") {
            Some(key) => Some(Field::Unmapped(format!("\"{key}\":\""))),
            None => TextField::from_name(name).map(Field::Column),
        };
        let compiled = |mark: &Mark| {
            let part = mark.part.as_ref().and_then(|part| Regex::new(part).ok());
            Some((field(&mark.field)?, part, mark.needed))
        };
        let except = |(name, written): (&String, &String)| Some((field(name)?, Regex::new(written).ok()?));
        Marks {
            marks: numbering.by.iter().filter_map(compiled).collect(),
            except: numbering.except.iter().filter_map(except).collect(),
        }
    }

    /// Writes an event's marks into `out`. False if it has not all that are needed.
    pub(crate) fn of(&self, row: &EventRow<'_>, out: &mut String) -> bool {
        out.clear();
        let is_of_another = |(field, regex): &(Field, Regex)| field.of(row).is_some_and(|value| regex.is_match(value));
        if self.except.iter().any(is_of_another) {
            return false;
        }
        for (field, part, needed) in &self.marks {
            let value = match (field.of(row), part) {
                (Some(value), Some(part)) => part
                    .captures(value)
                    .and_then(|groups| groups.iter().skip(1).flatten().next().map(|group| group.as_str())),
                (value, _) => value,
            };
            match value {
                Some(value) => {
                    if !out.is_empty() {
                        out.push(BETWEEN);
                    }
                    out.push_str(value);
                }
                None if *needed => return false,
                None => {}
            }
        }
        true
    }
}

/// A text in a JSON object as readers write it. A quote inside of a value has a backslash before it, so that no value can
/// look like a key.
fn value_of<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let from = json.find(key)? + key.len();
    let rest = &json[from..];
    let mut escaped = false;
    let end = rest.bytes().position(|b| {
        let is_end = b == b'"' && !escaped;
        escaped = b == b'\\' && !escaped;
        is_end
    })?;
    Some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_pass_for_a_key() {
        let json = r#"{"EventID":4625,"Note":"\"Channel\":\"Forged","Channel":"Sec\"urity","Z":"x"}"#;
        assert_eq!(value_of(json, "\"Channel\":\""), Some(r#"Sec\"urity"#));
        assert_eq!(value_of(json, "\"Absent\":\""), None);
    }
}
