//! Reads XML audit logs, old style (attributes) and new style (elements), of MySQL Enterprise and Percona Server.

use crate::clock::Clock;
use crate::framed::Framed;
use crate::harvest::Harvest;
use crate::json;
use crate::lines::Line;
use crate::mysql::audit_event::AuditEvent;
use crate::reader::Reader;
use crate::reader::make::Make;
use crate::targets::Target;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The element that is one record.
const RECORD: &str = "AUDIT_RECORD";
/// Elements inside elements; servers write four.
const DEPTH_MAX: usize = 16;

/// The reader. `<` is never written inside a value, so that a record's beginning and end are certain.
pub(crate) struct AuditXml {
    clock: Clock,
    keys: Arc<BTreeMap<String, Target>>,
    bytes_max: usize,
    framed: Framed,
}

impl AuditXml {
    pub(crate) fn new(make: Make<'_>) -> AuditXml {
        AuditXml {
            keys: make.format.keys.clone(),
            clock: make.clock,
            bytes_max: make.bytes_max,
            framed: Framed::default(),
        }
    }

    fn hand_on(&mut self, harvest: &mut Harvest) {
        if !self.framed.is_whole() {
            return self.framed.refuse(harvest, "a record that is cut off");
        }
        let Some(place) = self.framed.take() else { return };
        let refused = match values(self.framed.text()) {
            None => Some("a record that is not well formed".into()),
            Some(values) => {
                let event = event(values);
                if event.name.is_empty() {
                    Some("a record without a name".into())
                } else {
                    event.emit(&self.keys, &mut self.clock, place, harvest).err().map(|fault| fault.reason().into())
                }
            }
        };
        if let Some(reason) = refused {
            let reason: Cow<'static, str> = reason;
            harvest.unread_lines(place.0, place.1, reason);
        }
    }

    /// Closes the record if a line's text holds its end.
    fn close_at_end(&mut self, text: &str) {
        // In the new style an empty element inside a record ends like a record of the old style.
        let is_new_style = self.framed.text().starts_with("<AUDIT_RECORD>");
        if !is_new_style && text.ends_with("/>") || text.contains("</AUDIT_RECORD>") {
            self.framed.close();
        }
    }
}

/// An element that is open, with its text and its children as JSON members.
struct Element {
    name: String,
    text: String,
    children: Vec<(String, String)>,
}

impl Element {
    fn new(name: &str) -> Element {
        Element { name: name.to_owned(), text: String::new(), children: Vec::new() }
    }
}

/// Names and values of a record; of elements inside elements as JSON.
fn values(text: &str) -> Option<Vec<(String, String, bool)>> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut values = Vec::new();
    let mut open: Vec<Element> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) if open.is_empty() && tag.name().0 == RECORD => {
                attributes(&tag, &mut values)?;
                open.push(Element::new(RECORD));
            }
            Event::Empty(tag) if open.is_empty() && tag.name().0 == RECORD => attributes(&tag, &mut values)?,
            Event::Start(_) if open.len() >= DEPTH_MAX => return None,
            Event::Start(tag) if !open.is_empty() => {
                open.push(Element::new(tag.name().0));
            }
            Event::Text(part) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&part);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some(element) = open.last_mut() {
                    push_reference(&mut element.text, &reference);
                }
            }
            Event::End(_) => {
                let Element { name, text, children } = open.pop()?;
                match open.len() {
                    0 => {}
                    1 if children.is_empty() => values.push((name, text, false)),
                    1 => values.push((name, list(&children), true)),
                    depth => {
                        let value = if children.is_empty() { quoted(&text) } else { list(&children) };
                        open[depth - 1].children.push((name, value));
                    }
                }
            }
            Event::Eof => return (open.is_empty() && !values.is_empty()).then_some(values),
            _ => {}
        }
    }
}

fn attributes(tag: &BytesStart<'_>, values: &mut Vec<(String, String, bool)>) -> Option<()> {
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.ok()?;
        values.push((attribute.key.0.to_owned(), unescaped(&attribute.value), false));
    }
    Some(())
}

/// Children as a JSON object; as a list of objects where their names repeat.
fn list(children: &[(String, String)]) -> String {
    let names: BTreeSet<&str> = children.iter().map(|(name, _)| name.as_str()).collect();
    let repeats = names.len() < children.len();
    let objects: Vec<String> = if repeats {
        children.iter().map(|(_, value)| value.clone()).collect()
    } else {
        let mut members = String::new();
        children.iter().for_each(|(name, value)| json::push_member_raw(&mut members, name, value));
        return format!("{{{members}}}");
    };
    format!("[{}]", objects.join(","))
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    json::push_string(&mut out, text);
    out
}

/// A value as it was. Servers also write references to characters that XML forbids; they are what they say.
fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let Some((reference, behind)) = after.split_once(';').filter(|(reference, _)| reference.len() <= 10) else {
            out.push('&');
            rest = after;
            continue;
        };
        push_reference(&mut out, reference);
        rest = behind;
    }
    out.push_str(rest);
    out
}

fn push_reference(out: &mut String, reference: &str) {
    let number = match reference.strip_prefix('#') {
        Some(hex) if hex.starts_with(['x', 'X']) => u32::from_str_radix(&hex[1..], 16).ok(),
        Some(decimal) => decimal.parse().ok(),
        None => None,
    };
    let known = match reference {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => number.and_then(char::from_u32),
    };
    match known {
        Some(c) => out.push(c),
        None => out.extend(["&", reference, ";"]),
    }
}

fn event(values: Vec<(String, String, bool)>) -> AuditEvent<'static> {
    let mut event = AuditEvent::default();
    let name = values.iter().find(|(name, ..)| name == "NAME").map(|(_, value, _)| value.clone()).unwrap_or_default();
    event.changes_account = name.starts_with("Auth ");
    event.name = Cow::Owned(name);
    for (name, value, is_json) in values {
        match name.as_str() {
            "NAME" => {}
            "HOST" => event.host = Cow::Owned(value),
            "USER" if event.changes_account => event.text("CHANGED_USER", value),
            _ => event.values.push((Cow::Owned(name), Cow::Owned(value), is_json)),
        }
    }
    event
}

impl Reader for AuditXml {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let text = line.text.trim();
        let begins = text.find("<AUDIT_RECORD");
        if let Some(at) = begins {
            self.hand_on(harvest);
            self.framed.begin(&text[at..], line.position, 1);
            return self.close_at_end(text);
        }
        let is_frame = text.starts_with("<?xml") || matches!(text, "<AUDIT>" | "</AUDIT>");
        if self.framed.is_open() && !is_frame {
            if !self.framed.go_on(text, line, self.bytes_max) {
                return harvest.unread(line, "goes on with a record that is too long");
            }
            return self.close_at_end(text);
        }
        if self.framed.is_open() {
            self.framed.refuse(harvest, "a record that is cut off");
        }
        if is_frame {
            self.framed.frame(line);
        } else {
            harvest.unread(line, "outside any record");
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        self.hand_on(harvest);
        self.framed.finish(harvest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_come_out_of_attributes_and_of_elements() {
        let old = values(
            "<AUDIT_RECORD\n  NAME=\"Query\"\n  SQLTEXT=\"a &lt;b&gt; &quot;c&quot;&#10;&#27;[2J &amp;lt;\"\n/>",
        )
        .unwrap();
        assert_eq!(old[1].1, "a <b> \"c\"\n\u{1b}[2J &lt;");
        let new = values(
            "<AUDIT_RECORD>\n <NAME>Connect</NAME>\n <OS_LOGIN/>\n <SQLTEXT>a &lt;b&gt;\nc</SQLTEXT>\n <CONNECTION_ATTRIBUTES>\n<ATTRIBUTE><NAME>pid</NAME><VALUE>1</VALUE></ATTRIBUTE>\n<ATTRIBUTE><NAME>os</NAME><VALUE>L</VALUE></ATTRIBUTE></CONNECTION_ATTRIBUTES></AUDIT_RECORD>",
        )
        .unwrap();
        assert_eq!(new[1].1, "a <b>\nc");
        assert_eq!(new[2].1, r#"[{"NAME":"pid","VALUE":"1"},{"NAME":"os","VALUE":"L"}]"#);
        assert_eq!(values("<AUDIT_RECORD NAME=\"x\">"), None);
        assert_eq!(values("<OTHER NAME=\"x\"/>"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(<AUDIT_RECORD)?[ <>/=\"'a&;#\né]{0,60}(/>|</AUDIT_RECORD>)?") {
            let _ = values(&text);
        }
    }
}
