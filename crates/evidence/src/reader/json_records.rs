//! Reads JSON objects by a pack's rules: one a line, or cut out of a document.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::json;
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::patterns::InMessage;
use crate::reader::rules::{Named, Rules};
use crate::targets::Draft;
use std::borrow::Cow;
use std::sync::Arc;

/// The reader.
pub(crate) struct JsonRecords {
    clock: Clock,
    rules: Arc<Rules>,
    in_message: Arc<InMessage>,
}

impl JsonRecords {
    pub(crate) fn new(clock: Clock, rules: Arc<Rules>, in_message: Arc<InMessage>) -> JsonRecords {
        JsonRecords { clock, rules, in_message }
    }
}

/// An object's members; dots in a key go into objects.
struct Members<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl Named for Members<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        json::at_path(&self.0, key).and_then(json::text)
    }
}

impl Reader for JsonRecords {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let Some(members) = json::members(line.text) else {
            return harvest.unread(line, "not one whole JSON object");
        };
        let members = Members(members);
        if let Some(reason) = self.rules.refusal(&members) {
            return harvest.unread(line, reason);
        }
        let mut draft = Draft::default();
        let (time, class) = match self.rules.apply(&members, &mut self.clock, &mut draft) {
            Ok(found) => found,
            Err(fault) => return harvest.unread(line, fault.reason()),
        };
        for (key, raw) in &members.0 {
            if !self.rules.uses(key) && !matches!(*raw, "null" | "\"\"" | "{}" | "[]" | "\"-\"") {
                draft.unmapped_json(key, raw);
            }
        }
        let class = self.in_message.read_in(&mut draft).unwrap_or(class);
        draft.finish((time, class, line.position), |record| harvest.event(record, 1));
    }

    fn is_line_by_line(&self) -> bool {
        true
    }
}
