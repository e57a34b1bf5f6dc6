//! Reads JSON lines of any program: by the store file's mapping, or whole with the time found by its usual names.

use crate::clock::{Clock, TimeFault};
use crate::harvest::{Harvest, Reason};
use crate::json;
use crate::lines::Line;
use crate::reader::Reader;
use crate::targets::{Draft, Target};
use stanch_model::event::Record;
use stanch_model::store::{KindRule, LogSource};
use stanch_model::{EventClass, Instant, TextField};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A store file's mapping, compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    time: Option<String>,
    /// Path in the file → target.
    fields: Vec<(String, Target)>,
    kind: Option<KindRule>,
    class: Option<EventClass>,
}

impl Mapping {
    /// Compiles a mapping; the second value tells what in it is not understood, for the account.
    pub(crate) fn compile(source: &LogSource) -> (Mapping, Vec<String>) {
        let mut mapping = Mapping { time: source.time.clone(), kind: source.kind.clone(), ..Mapping::default() };
        let mut remarks = Vec::new();
        for (name, path) in &source.fields {
            match Target::from_name(name) {
                Some(target) => mapping.fields.push((path.clone(), target)),
                None => {
                    remarks.push(format!("the store file maps to {name:?}, which is no event field; kept as unmapped"))
                }
            }
        }
        for (value, meaning) in source.kind.iter().flat_map(|k| &k.values) {
            if EventClass::from_word(&meaning.class).is_none() {
                remarks.push(format!("the store file calls {value:?} a {:?}, which is no event class", meaning.class));
            }
        }
        let has = |f: TextField| mapping.fields.iter().any(|(_, t)| *t == Target::Text(f));
        mapping.class = if mapping.kind.is_some() {
            None
        } else if has(TextField::Query) {
            Some(EventClass::DatastoreActivity)
        } else if has(TextField::Url) {
            Some(EventClass::HttpActivity)
        } else {
            None
        };
        (mapping, remarks)
    }

    fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.kind.is_none()
    }

    /// Top-level keys whose whole value the mapping uses.
    fn used(&self) -> BTreeSet<&str> {
        let kind = self.kind.as_ref().map(|k| k.field.as_str());
        self.fields.iter().map(|(path, _)| path.as_str()).chain(self.time.as_deref()).chain(kind).collect()
    }
}

/// The reader.
pub(crate) struct JsonLines {
    clock: Clock,
    mapping: Mapping,
    time_keys: Arc<Vec<String>>,
    /// Why a line is unread that has no time.
    no_time: Reason,
}

impl JsonLines {
    pub(crate) fn new(clock: Clock, mapping: Mapping, time_keys: Arc<Vec<String>>) -> JsonLines {
        let no_time = match &mapping.time {
            Some(key) => format!("no time in {key:?}, where the store file says that it stands").into(),
            None => "no member that holds a time".into(),
        };
        JsonLines { clock, mapping, time_keys, no_time }
    }

    fn time(&mut self, members: &[(Cow<'_, str>, &str)]) -> Result<Instant, TimeFault> {
        let mut fault = TimeFault::NotATime;
        let stated = self.mapping.time.iter();
        let usual = self.time_keys.iter().filter(|_| self.mapping.time.is_none());
        for key in stated.chain(usual) {
            let Some(written) = json::at_path(members, key).and_then(json::text) else { continue };
            match self.clock.any(&written) {
                Ok(t) => return Ok(t),
                Err(e) => fault = e,
            }
        }
        Err(fault)
    }

    fn mapped(&self, members: &[(Cow<'_, str>, &str)], time: Instant, line: &Line<'_>, harvest: &mut Harvest) {
        let mut draft = Draft::default();
        let used = self.mapping.used();
        for (path, target) in &self.mapping.fields {
            let value = json::at_path(members, path).and_then(json::text).filter(|v| !v.is_empty());
            if let Some(value) = value {
                draft.put(*target, value);
            }
        }
        for (key, raw) in members.iter().filter(|(key, raw)| *raw != "null" && !used.contains(key.as_ref())) {
            draft.unmapped_json(key, raw);
        }
        let mut class = self.mapping.class.unwrap_or(EventClass::Base);
        if let Some(kind) = &self.mapping.kind {
            let value = json::at_path(members, &kind.field).and_then(json::text);
            match value.as_deref().and_then(|v| kind.values.get(v)) {
                Some(meaning) => {
                    class = EventClass::from_word(&meaning.class).unwrap_or(EventClass::Base);
                    let said = [(TextField::Activity, &meaning.activity), (TextField::Status, &meaning.status)];
                    for (field, word) in said {
                        if let Some(word) = word {
                            draft.put(Target::Text(field), word.clone());
                        }
                    }
                }
                None => {
                    if let Some(value) = value {
                        draft.unmapped_text(&kind.field, &value);
                    }
                }
            }
        }
        draft.finish((time, class, line.position), |record| harvest.event(record, 1));
    }
}

impl Reader for JsonLines {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let Some(members) = json::members(line.text) else {
            return harvest.unread(line, "not one whole JSON object");
        };
        let time = match self.time(&members) {
            Ok(time) => time,
            Err(TimeFault::NotATime) => return harvest.unread(line, self.no_time.clone()),
            Err(fault) => return harvest.unread(line, fault.reason()),
        };
        if self.mapping.is_empty() {
            let mut record = Record::new(time, EventClass::Base, line.position);
            record.set_text(TextField::Unmapped, line.text.trim());
            harvest.event(record, 1);
        } else {
            self.mapped(&members, time, line, harvest);
        }
    }

    fn is_line_by_line(&self) -> bool {
        true
    }
}
