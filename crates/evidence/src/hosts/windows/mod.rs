//! Windows events, in whichever writing they come: what each says, by provider and event id.

pub(crate) mod json;
pub(crate) mod table;
pub(crate) mod xml;

use crate::clock::{Clock, TimeFault};
use crate::harvest::{Harvest, Reason};
use crate::hosts::windows::table::WindowsTable;
use crate::reader::rules::Named;
use crate::targets::{Draft, Target};
use stanch_model::{Position, TextField};
use std::borrow::Cow;
use std::collections::HashMap;

/// One event: what Windows says of it, and the values that its provider gives.
#[derive(Debug, Default)]
pub(crate) struct WindowsEvent<'a> {
    /// Names of the System part: `EventID`, `Channel`, `TimeCreated`, …
    pub(crate) system: Vec<(&'static str, Cow<'a, str>)>,
    /// Values under their names; those without one are `Data1`, `Data2`, ….
    pub(crate) data: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    unnamed: usize,
}

/// What begins the name of a value of the System part in packs, since a provider may choose any name for its own.
const SYSTEM: &str = "System.";

/// Names of the System part. `Message` is the text that Windows made of the event, where that was exported too.
pub(crate) const NAMES: [&str; 16] = [
    "EventID",
    "Provider_Name",
    "Channel",
    "Computer",
    "TimeCreated",
    "EventRecordID",
    "Level",
    "Task",
    "Opcode",
    "Version",
    "Keywords",
    "ExecutionProcessID",
    "ThreadID",
    "ActivityID",
    "UserID",
    "Message",
];

impl<'a> WindowsEvent<'a> {
    pub(crate) fn system(&self, name: &str) -> Option<&str> {
        self.system.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_ref())
    }

    /// Takes a value of the System part. The first of a name counts.
    pub(crate) fn say(&mut self, name: &str, value: impl Into<Cow<'a, str>>) {
        let value = value.into();
        let known = NAMES.iter().find(|known| **known == name);
        if let Some(name) = known.filter(|name| !value.is_empty() && self.system(name).is_none()) {
            self.system.push((name, value));
        }
    }

    /// Takes a value of the provider, named or not.
    pub(crate) fn give(&mut self, name: Option<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        let name = name.unwrap_or_else(|| {
            self.unnamed += 1;
            Cow::Owned(format!("Data{}", self.unnamed))
        });
        self.data.push((name, value.into()));
    }

    /// Hands it out, or says why it is no event.
    pub(crate) fn write(
        &self,
        (table, clock): (&WindowsTable, &mut Clock),
        (position, lines): (Position, u64),
        harvest: &mut Harvest,
    ) -> Result<(), Reason> {
        let Some(id) = self.system("EventID").and_then(|id| id.trim().parse().ok()) else {
            return Err("no event id".into());
        };
        let rules = table.rules(self.system("Provider_Name").unwrap_or_default(), id);
        let mut draft = Draft::default();
        let (time, class, used) = rules.apply(self, clock, &mut draft).map_err(TimeFault::reason)?;
        let code = [TextField::StatusDetail, TextField::StatusCode].map(|f| draft.text(Target::Text(f)));
        let words = code.into_iter().flatten().find_map(|code| table.words(code)).map(str::to_owned);
        if let Some(words) = words {
            draft.replace(Target::Text(TextField::StatusDetail), words);
        }
        draft.unmapped_json("EventID", &id.to_string());
        let mut key = SYSTEM.to_owned();
        for (name, value) in &self.system {
            key.truncate(SYSTEM.len());
            key.push_str(name);
            if *name != "EventID" && !rules.uses(used, &key) {
                draft.unmapped_text(name, value);
            }
        }
        let mut seen = HashMap::new();
        // Most events have few values, in which looking is faster than keeping count.
        let are_few = self.data.len() <= 64;
        for (i, (name, value)) in self.data.iter().enumerate() {
            let count = if are_few {
                self.data[..i].iter().filter(|(other, _)| other == name).count()
            } else {
                let count: &mut usize = seen.entry(name.as_ref()).or_default();
                std::mem::replace(count, *count + 1)
            };
            match count {
                0 if rules.uses(used, name) || rules.is_absent(value) => {}
                0 => draft.unmapped_text(name, value),
                n => draft.unmapped_text(&format!("{name}#{}", n + 1), value),
            }
        }
        draft.finish((time, class, position), |record| harvest.event(record, lines));
        Ok(())
    }
}

impl Named for WindowsEvent<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        if let Some(name) = key.strip_prefix(SYSTEM) {
            return self.system(name).map(Cow::Borrowed);
        }
        let (_, value) = self.data.iter().find(|(name, _)| name == key)?;
        // Numbers of processes stand in some events in hexadecimal.
        match value.strip_prefix("0x").filter(|_| key.to_ascii_lowercase().ends_with("processid")) {
            Some(digits) => {
                Some(i64::from_str_radix(digits, 16).map_or(Cow::Borrowed(value), |n| n.to_string().into()))
            }
            None => Some(Cow::Borrowed(value)),
        }
    }
}
