//! Reads JSON access logs, one object a line, by the table of keys in their format pack.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::json;
use crate::lines::Line;
use crate::reader::Reader;
use crate::targets::{Draft, Target};
use stanch_model::{EventClass, NumberField, TextField};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The reader.
pub(crate) struct KeyedJson {
    clock: Clock,
    keys: Arc<BTreeMap<String, Target>>,
}

impl KeyedJson {
    pub(crate) fn new(clock: Clock, keys: Arc<BTreeMap<String, Target>>) -> KeyedJson {
        KeyedJson { clock, keys }
    }
}

impl Reader for KeyedJson {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let Some(members) = json::members(line.text) else {
            return harvest.unread(line, "not one whole JSON object");
        };
        let mut draft = Draft::default();
        for (key, raw) in &members {
            let Some(value) = json::text(raw).filter(|v| !matches!(v.as_ref(), "" | "-")) else { continue };
            match self.keys.get(key.as_ref()) {
                Some(target) => draft.put(*target, value),
                None => draft.unmapped_json(key, raw),
            }
        }
        let is_request = draft.has(Target::RequestLine) || draft.has(Target::Text(TextField::Url));
        if !is_request || !draft.has(Target::Number(NumberField::HttpStatus)) {
            return harvest.unread(line, "no key for the request or its status");
        }
        match draft.time(&mut self.clock) {
            Ok(time) => {
                draft.finish((time, EventClass::HttpActivity, line.position), |record| harvest.event(record, 1));
            }
            Err(fault) => harvest.unread(line, fault.reason()),
        }
    }

    fn is_line_by_line(&self) -> bool {
        true
    }
}
