//! One record of text to an event: the parts of the pattern that it follows, the JSON behind its message, what its
//! pack's rules and the patterns for its message say.

use super::Text;
use super::behind::{Behind, is_json};
use crate::harvest::Harvest;
use crate::json;
use crate::reader::patterns::MessagePattern;
use crate::reader::rules::{Named, Used};
use crate::targets::{Draft, Target};
use regex::CaptureLocations;
use stanch_model::{Position, TextField};
use std::borrow::Cow;
use std::sync::Arc;

const MESSAGE: Target = Target::Text(TextField::Message);

/// A record's parts under their names.
#[derive(Default)]
struct Parts<'a>(Vec<Part<'a>>);

struct Part<'a> {
    name: &'a str,
    target: Option<Target>,
    text: Cow<'a, str>,
    /// The members of a part that is a JSON object.
    members: Option<json::Members<'a>>,
}

impl Named for Parts<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        if let Some(part) = self.0.iter().find(|part| part.name == key) {
            return Some(Cow::Borrowed(part.text.as_ref()));
        }
        let (name, path) = key.split_once('.')?;
        let part = self.0.iter().find(|part| part.name == name)?;
        json::at_path(part.members.as_ref()?, path).and_then(json::text)
    }
}

impl<'a> Parts<'a> {
    fn push(&mut self, name: &'a str, target: Option<Target>, text: Cow<'a, str>) {
        let members = match text {
            Cow::Borrowed(text) if target.is_none() && text.starts_with('{') => json::members(text),
            _ => None,
        };
        self.0.push(Part { name, target, text, members });
    }

    /// Takes the JSON values off the message's end.
    fn split_message(&mut self, behind: &'a Behind) {
        let at = self.0.iter().position(|part| part.target == Some(MESSAGE));
        if let Some(at) = at.filter(|_| !behind.names.is_empty()) {
            let Cow::Borrowed(text) = self.0[at].text else { return };
            let (message, values) = behind.taken_off(text);
            self.0[at].text = Cow::Borrowed(message);
            for (name, value) in behind.names.iter().zip(values) {
                self.push(name, None, Cow::Borrowed(value));
            }
        }
    }
}

impl Text {
    /// Hands out a record. `first` is the length of its first line.
    pub(super) fn emit(&mut self, text: &str, first: usize, (position, lines): (Position, u64), harvest: &mut Harvest) {
        let format = Arc::clone(&self.format);
        let followed = format.patterns.iter().zip(&mut self.found).find_map(|(pattern, found)| {
            let looked_at = if pattern.whole { text } else { &text[..first] };
            pattern.find(looked_at, found).then_some((pattern, &*found, looked_at))
        });
        let Some((pattern, found, looked_at)) = followed else {
            // `begins` said that it is one; only a changed reader could come here.
            return harvest.unread_lines(position, lines, "it follows none of the format's patterns");
        };
        let mut parts = parts(pattern, found, looked_at);
        parts.split_message(&format.behind);
        let mut draft = Draft::default();
        for part in parts.0.iter().filter(|part| !format.rules.is_absent(&part.text)) {
            if let Some(target) = part.target {
                draft.put(target, part.text.as_ref());
            }
        }
        let time = match draft.time(&mut self.clock) {
            Ok(time) => time,
            Err(fault) => return harvest.unread_lines(position, lines, fault.reason()),
        };
        pattern.say(&mut draft);
        let mut used = Used::default();
        let by_rules = format.rules.fill(&parts, &mut used, &mut draft);
        for part in parts.0.iter().filter(|part| part.target.is_none() && !format.rules.is_absent(&part.text)) {
            match part.text.as_ref() {
                _ if format.rules.uses(used, part.name) => {}
                "[]" | "{}" => {}
                text if part.members.is_some() || is_json(text) => draft.unmapped_json(part.name, text),
                text => draft.unmapped_text(part.name, text),
            }
        }
        let in_message = self.in_message.read_in(&mut draft);
        let more = text[looked_at.len()..].trim_matches('\n');
        if !more.is_empty() {
            match draft.text(MESSAGE).map(|said| format!("{said}\n{more}")) {
                Some(joined) => draft.replace(MESSAGE, joined),
                None => draft.put(MESSAGE, more),
            }
        }
        let class = in_message.or(pattern.class).unwrap_or(by_rules);
        draft.finish((time, class, position), |record| harvest.event(record, lines));
    }
}

fn parts<'a>(pattern: &'a MessagePattern, found: &CaptureLocations, text: &'a str) -> Parts<'a> {
    let mut parts = Parts::default();
    for (name, target, range) in pattern.ranges(found) {
        parts.push(name, target, pattern.plain(&text[range]));
    }
    parts
}
