//! A request under way: what its lines have said of it so far.

use super::pack::RailsPack;
use crate::json;
use crate::targets::{Draft, Target};
use stanch_model::{EventClass, Instant, NumberField, Position, TextField};

/// Bytes kept of a request's further words.
const WORDS_BYTES_MAX: usize = 64 << 10;

/// A request under way.
#[derive(Default)]
pub(super) struct Request {
    pub(super) time: Instant,
    pub(super) uid: Option<String>,
    pub(super) pid: Option<String>,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) ip: String,
    pub(super) action: String,
    pub(super) form: String,
    pub(super) parameters: String,
    pub(super) status: String,
    pub(super) milliseconds: String,
    pub(super) tags: String,
    pub(super) words: String,
    /// Lines that were left out of its words.
    pub(super) left_out: u64,
    pub(super) first: Option<Position>,
    pub(super) end: u64,
    pub(super) lines: u64,
    /// Its lines may be those of another request of the same process.
    pub(super) is_mixed: bool,
}

impl Request {
    /// Counts a line as part of it.
    pub(super) fn took(&mut self, position: Position) {
        self.first.get_or_insert(position);
        self.end = self.end.max(position.offset + u64::from(position.length));
        self.lines += 1;
    }

    /// Keeps words that have no field.
    pub(super) fn say(&mut self, text: &str) {
        if self.words.len() + text.len() > WORDS_BYTES_MAX {
            self.left_out += 1;
        } else if !text.trim().is_empty() {
            if !self.words.is_empty() {
                self.words.push('\n');
            }
            self.words.push_str(text);
        }
    }

    pub(super) fn position(&self) -> Option<Position> {
        let first = self.first?;
        Some(Position { length: u32::try_from(self.end - first.offset).unwrap_or(u32::MAX), ..first })
    }

    /// The request as an event's values.
    pub(super) fn draft(&self) -> Draft<'_> {
        let mut draft = Draft::default();
        let texts = [
            (TextField::HttpMethod, self.method.as_str()),
            (TextField::Url, &self.url),
            (TextField::SrcIp, &self.ip),
            (TextField::RequestUid, self.uid.as_deref().unwrap_or_default()),
            (TextField::Message, &self.words),
        ];
        for (field, text) in texts {
            if !text.is_empty() {
                draft.put(Target::Text(field), text);
            }
        }
        if !self.milliseconds.is_empty() {
            draft.put(Target::Duration(1_000), self.milliseconds.as_str());
        }
        if !self.status.is_empty() {
            draft.put(Target::Number(NumberField::HttpStatus), self.status.as_str());
        }
        if let Some(pid) = &self.pid {
            draft.put(Target::Number(NumberField::Pid), pid.as_str());
        }
        let unmapped = [
            ("controller", &self.action),
            ("format", &self.form),
            ("parameters", &self.parameters),
            ("tags", &self.tags),
        ];
        for (name, text) in unmapped {
            if !text.is_empty() {
                draft.unmapped_text(name, text);
            }
        }
        if self.status.is_empty() {
            let why = if self.is_mixed {
                "lines of several requests stand between each other"
            } else {
                "no answer in this file"
            };
            draft.unmapped_text("unfinished", why);
        }
        if self.left_out > 0 {
            draft.unmapped_json("lines_left_out_of_message", &self.left_out.to_string());
        }
        draft
    }

    /// The sign-in that this request was, if the pack knows its code as one.
    pub(super) fn sign_in<'a>(&'a self, pack: &RailsPack) -> Option<Draft<'a>> {
        let is =
            |actions: &[String]| actions.iter().any(|a| self.action == *a || self.action.ends_with(&format!("::{a}")));
        let (activity, failed) = if is(&pack.sign_ins) {
            let code: u16 = self.status.parse().ok()?;
            let is_data = !matches!(self.form.as_str(), "HTML" | "TURBO_STREAM" | "*/*" | "");
            // A page that answers with itself shows the form again.
            ("logon", !((300..400).contains(&code) || is_data && (200..300).contains(&code)))
        } else if is(&pack.sign_outs) {
            ("logoff", self.status.parse::<u16>().ok()? >= 400)
        } else {
            return None;
        };
        let mut draft = Draft::default();
        draft.put(Target::Text(TextField::Activity), activity);
        draft.put(Target::Text(TextField::Status), if failed { "failure" } else { "success" });
        draft.put(Target::Text(TextField::SrcIp), self.ip.as_str());
        if let Some(uid) = &self.uid {
            draft.put(Target::Text(TextField::RequestUid), uid.as_str());
        }
        if let Some(user) = super::said::parameter(&self.parameters, &pack.user_parameters) {
            draft.put(Target::Text(TextField::UserName), user);
        }
        draft.unmapped_text("controller", &self.action);
        Some(draft)
    }

    pub(super) const CLASS: EventClass = EventClass::HttpActivity;
}

/// The values bound to a statement, as Rails prints them, as a JSON array of texts: `[["id", 1], ["name", "a"]]`.
pub(super) fn bound(binds: &str) -> Option<String> {
    let text = format!("[[{binds}");
    let pairs: Vec<(serde_json::Value, serde_json::Value)> =
        serde_json::from_str(&text.replace(", nil]", ", null]")).ok()?;
    let mut out = String::from("[");
    for (i, (_, value)) in pairs.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        match value {
            serde_json::Value::Null => out.push_str("null"),
            serde_json::Value::String(text) => json::push_string(&mut out, text),
            other => json::push_string(&mut out, &other.to_string()),
        }
    }
    out.push(']');
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_values_become_an_array() {
        assert_eq!(bound(r#""id", 1], ["name", "a\"b"], ["x", nil]]"#).as_deref(), Some(r#"["1","a\"b",null]"#));
        assert_eq!(bound("cut"), None);
    }
}
