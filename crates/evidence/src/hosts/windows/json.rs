//! Windows events as JSON: the shape of the event's own XML, as `evtx_dump` writes it, and winlogbeat's.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::hosts::windows::WindowsEvent;
use crate::hosts::windows::table::WindowsTable;
use crate::lines::Line;
use crate::reader::Reader;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// The reader.
pub(crate) struct WindowsEventJson {
    clock: Clock,
    table: Arc<WindowsTable>,
}

impl WindowsEventJson {
    pub(crate) fn new(clock: Clock, table: Arc<WindowsTable>) -> WindowsEventJson {
        WindowsEventJson { clock, table }
    }
}

impl Reader for WindowsEventJson {
    fn is_line_by_line(&self) -> bool {
        true
    }

    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        // Most JSON is something else; to look is cheaper than to read.
        if !["\"Event\"", "\"winlog\""]
            .iter()
            .any(|key| memchr::memmem::find(line.text.as_bytes(), key.as_bytes()).is_some())
        {
            return harvest.unread(line, "no Windows event: neither Event nor winlog in it");
        }
        let Ok(value) = serde_json::from_str::<Value>(line.text) else {
            return harvest.unread(line, "not one whole JSON object");
        };
        let Some(event) = event(&value) else {
            return harvest.unread(line, "no Windows event: neither Event.System nor winlog in it");
        };
        let written = event.write((&self.table, &mut self.clock), (line.position, 1), harvest);
        if let Err(reason) = written {
            harvest.unread(line, reason);
        }
    }
}

/// The event that an object holds.
pub(crate) fn event(value: &Value) -> Option<WindowsEvent<'_>> {
    match value.get("Event") {
        Some(event) => of_xml(event),
        None => of_winlogbeat(value),
    }
}

/// `{"System": {"EventID": 4624, …}, "EventData": {"TargetUserName": …}}`.
fn of_xml(event: &Value) -> Option<WindowsEvent<'_>> {
    let mut found = WindowsEvent::default();
    for (name, value) in event.get("System")?.as_object()? {
        let attribute = |key: &str| value.get("#attributes").or(Some(value)).and_then(|a| a.get(key)).and_then(text);
        match name.as_str() {
            "Provider" => attribute("Name").into_iter().for_each(|v| found.say("Provider_Name", v)),
            "TimeCreated" => attribute("SystemTime").into_iter().for_each(|v| found.say("TimeCreated", v)),
            "Correlation" => attribute("ActivityID").into_iter().for_each(|v| found.say("ActivityID", v)),
            "Security" => attribute("UserID").into_iter().for_each(|v| found.say("UserID", v)),
            "Execution" => {
                attribute("ProcessID").into_iter().for_each(|v| found.say("ExecutionProcessID", v));
                attribute("ThreadID").into_iter().for_each(|v| found.say("ThreadID", v));
            }
            _ => text(value).into_iter().for_each(|v| found.say(name, v)),
        }
    }
    if let Some(message) = event.get("RenderingInfo").and_then(|r| r.get("Message")).and_then(text) {
        found.say("Message", message);
    }
    event.get("EventData").and_then(Value::as_object).into_iter().for_each(|data| take(&mut found, data));
    for (name, value) in event.get("UserData").and_then(Value::as_object).into_iter().flatten() {
        match value {
            Value::Object(inner) => take(&mut found, inner),
            _ if name.starts_with('#') => {}
            _ => text(value).into_iter().for_each(|v| found.give(Some(Cow::Borrowed(name)), v)),
        }
    }
    Some(found)
}

fn take<'a>(event: &mut WindowsEvent<'a>, data: &'a Map<String, Value>) {
    for (name, value) in data.iter().filter(|(name, _)| !name.starts_with('#')) {
        let inner = value.get("#text").unwrap_or(value);
        match (name.as_str(), inner) {
            ("Data", Value::Array(values)) => {
                values.iter().filter_map(text).for_each(|v| event.give(None, v));
            }
            ("Data", _) => text(inner).into_iter().for_each(|v| event.give(None, v)),
            _ => text(inner).into_iter().for_each(|v| event.give(Some(Cow::Borrowed(name)), v)),
        }
    }
}

/// `{"@timestamp": …, "winlog": {"event_id": …, "event_data": {…}}, "message": …}`.
fn of_winlogbeat(value: &Value) -> Option<WindowsEvent<'_>> {
    let winlog = value.get("winlog")?;
    let mut found = WindowsEvent::default();
    let at = |path: &str| path.split('.').try_fold(value, |v, key| v.get(key)).and_then(text);
    for (name, path) in [
        ("EventID", "winlog.event_id"),
        ("EventID", "event.code"),
        ("Provider_Name", "winlog.provider_name"),
        ("Channel", "winlog.channel"),
        ("Computer", "winlog.computer_name"),
        ("TimeCreated", "@timestamp"),
        ("EventRecordID", "winlog.record_id"),
        ("Task", "winlog.task"),
        ("Opcode", "winlog.opcode"),
        ("Level", "log.level"),
        ("ExecutionProcessID", "winlog.process.pid"),
        ("ThreadID", "winlog.process.thread.id"),
        ("ActivityID", "winlog.activity_id"),
        ("UserID", "winlog.user.identifier"),
        ("Message", "message"),
    ] {
        at(path).into_iter().for_each(|v| found.say(name, v));
    }
    for data in ["event_data", "user_data"].into_iter().filter_map(|key| winlog.get(key)?.as_object()) {
        // Values without a name are param1, param2, … there, and Data1, Data2, … in the event's own XML.
        for (name, value) in data.iter().filter(|(name, _)| *name != "xml_name") {
            let name = name
                .strip_prefix("param")
                .filter(|n| n.parse::<u8>().is_ok())
                .map_or(Cow::Borrowed(name.as_str()), |n| format!("Data{n}").into());
            text(value).into_iter().for_each(|v| found.give(Some(name.clone()), v));
        }
    }
    Some(found)
}

/// A value as text: an element with attributes has it in `#text`; `null` is none.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Object(object) => match object.get("#text") {
            Some(inner) => text(inner),
            None if object.keys().all(|key| key.starts_with('#')) => None,
            None => Some(Cow::Owned(value.to_string())),
        },
        other => Some(Cow::Owned(other.to_string())),
    }
}
