//! One event's XML.

use crate::hosts::windows::WindowsEvent;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use std::borrow::Cow;

/// What an event's XML says; nothing if it is not well formed or has no System part.
pub(super) fn event(text: &str) -> Option<WindowsEvent<'static>> {
    let mut reader = Reader::from_str(text);
    let mut walk = Walk::default();
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => walk.open(&element),
            Event::Empty(element) => {
                walk.open(&element);
                walk.close();
            }
            Event::End(_) => walk.close(),
            Event::Text(text) => walk.text.push_str(&text.xml10_content()),
            Event::CData(text) => walk.text.push_str(&text.xml10_content()),
            Event::GeneralRef(entity) => match entity.resolve_char_ref() {
                Ok(Some(c)) => walk.text.push(c),
                _ => walk.named_entity(&entity.xml10_content()),
            },
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof => break,
        }
    }
    (walk.depth == 0 && walk.has_system).then_some(walk.event)
}

/// The part of an event that is being walked through.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Part {
    #[default]
    None,
    System,
    EventData,
    UserData,
    Rendering,
}

#[derive(Default)]
struct Walk {
    event: WindowsEvent<'static>,
    depth: usize,
    part: Part,
    has_system: bool,
    /// The element that a value stands in, and its `Name`.
    element: String,
    name: Option<String>,
    text: String,
    /// Whether an element has ended in the one that is open, so that the text between them is no value.
    has_children: bool,
}

impl Walk {
    fn open(&mut self, element: &BytesStart<'_>) {
        self.depth += 1;
        self.has_children = false;
        self.text.clear();
        let name = element.local_name();
        let name = name.as_ref();
        if self.depth == 2 {
            self.part = match name {
                "System" => Part::System,
                "EventData" => Part::EventData,
                "UserData" => Part::UserData,
                "RenderingInfo" => Part::Rendering,
                _ => Part::None,
            };
            self.has_system |= self.part == Part::System;
        }
        if self.depth < 3 {
            return;
        }
        name.clone_into(&mut self.element);
        self.name = attribute(element, "Name");
        if self.part == Part::System && self.depth == 3 {
            let said: &[(&str, &str)] = match name {
                "Provider" => &[("Name", "Provider_Name")],
                "TimeCreated" => &[("SystemTime", "TimeCreated")],
                "Correlation" => &[("ActivityID", "ActivityID")],
                "Security" => &[("UserID", "UserID")],
                "Execution" => &[("ProcessID", "ExecutionProcessID"), ("ThreadID", "ThreadID")],
                _ => &[],
            };
            for (key, name) in said {
                attribute(element, key).into_iter().for_each(|value| self.event.say(name, value));
            }
        }
    }

    fn close(&mut self) {
        let is_value = !std::mem::replace(&mut self.has_children, true);
        if is_value && self.depth >= 3 {
            self.value();
        }
        self.text.clear();
        self.depth = self.depth.saturating_sub(1);
    }

    fn value(&mut self) {
        let text = std::mem::take(&mut self.text);
        match self.part {
            Part::System => self.event.say(&self.element, text.trim().to_owned()),
            Part::Rendering if self.element == "Message" => self.event.say("Message", text),
            Part::EventData if self.element == "Data" => {
                self.event.give(self.name.take().map(Cow::Owned), text);
            }
            // An element at this depth only holds others, but for one that is empty.
            Part::UserData if self.depth == 3 && text.trim().is_empty() => {}
            Part::EventData | Part::UserData => self.event.give(Some(Cow::Owned(self.element.clone())), text),
            Part::Rendering | Part::None => {}
        }
    }

    fn named_entity(&mut self, name: &str) {
        match name {
            "lt" => self.text.push('<'),
            "gt" => self.text.push('>'),
            "amp" => self.text.push('&'),
            "quot" => self.text.push('"'),
            "apos" => self.text.push('\''),
            other => {
                self.text.push('&');
                self.text.push_str(other);
                self.text.push(';');
            }
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok().flatten()?;
    attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_come_apart() {
        let text = "<Event xmlns='x'><System><Provider Name='P' Guid='{1}'/><EventID Qualifiers='1'>7</EventID>\
                    <TimeCreated SystemTime='2026-03-02T21:14:05.1Z'/><Security UserID='S-1'/></System>\
                    <EventData Name='E'><Data Name='a'>1 &lt; &#x41; \n&x;</Data><Data>u</Data><Data/><Binary>0A</Binary></EventData>\
                    <UserData><L xmlns='y'><User>v</User><Empty/></L></UserData></Event>";
        let event = event(text).unwrap();
        assert_eq!(event.system("Provider_Name"), Some("P"));
        assert_eq!((event.system("EventID"), event.system("UserID")), (Some("7"), Some("S-1")));
        let data: Vec<(&str, &str)> = event.data.iter().map(|(n, v)| (n.as_ref(), v.as_ref())).collect();
        let expected =
            [("a", "1 < A \n&x;"), ("Data1", "u"), ("Data2", ""), ("Binary", "0A"), ("User", "v"), ("Empty", "")];
        assert_eq!(data, expected);
    }

    #[test]
    fn what_is_not_well_formed_is_none() {
        for text in [
            "",
            "<Event>",
            "<Event></System></Event>",
            "<Event/>",
            "<Event><System/></Events>",
            "<Event a=><System/></Event",
        ] {
            assert!(event(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(<|</|>|/>|Event|System|Data|&|;|#x|'|=| |[a-z0-9]){0,40}") {
            let _ = event(&text);
            let _ = event(&format!("<Event><System><EventID>1</EventID></System><EventData>{text}</EventData></Event>"));
        }
    }
}
