//! Makes an event of a record's sections.

use super::hold::{Boundary, Held};
use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::json;
use crate::targets::{Draft, Target};
use stanch_model::{EventClass, NumberField, Position, TextField};
use std::collections::BTreeMap;

/// A record's sections by their letters.
#[derive(Default)]
struct Sections<'a> {
    head: &'a str,
    request: Vec<&'a str>,
    response: Vec<&'a str>,
    trailer: Vec<&'a str>,
    /// Bodies and the rest: name → lines.
    others: BTreeMap<&'static str, Vec<&'a str>>,
}

/// Hands out a record's event.
pub(super) fn emit(
    lines: &[Held],
    is_whole: bool,
    keys: &BTreeMap<String, Target>,
    clock: &mut Clock,
    harvest: &mut Harvest,
) {
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return };
    let end = last.position.offset + u64::from(last.position.length);
    let length = u32::try_from(end.saturating_sub(first.position.offset)).unwrap_or(u32::MAX);
    let position = Position { length, ..first.position };
    let count = lines.len() as u64;
    let sections = sections(lines);
    let mut draft = Draft::default();
    if !head(sections.head, &mut draft) {
        return harvest.unread_lines(position, count, "its section A names no time, id and addresses");
    }
    let time = match draft.time(clock) {
        Ok(time) => time,
        Err(fault) => return harvest.unread_lines(position, count, fault.reason()),
    };
    if let Some(line) = sections.request.first() {
        draft.put(Target::RequestLine, *line);
    }
    headers("request", sections.request.get(1..).unwrap_or_default(), keys, &mut draft);
    if let Some(status) = sections.response.first().and_then(|line| line.split(' ').nth(1)) {
        draft.put(Target::Number(NumberField::HttpStatus), status);
    }
    headers("response", sections.response.get(1..).unwrap_or_default(), keys, &mut draft);
    trailer(&sections.trailer, keys, &mut draft);
    for (name, lines) in &sections.others {
        let text = lines.join("\n");
        if !text.trim().is_empty() {
            draft.unmapped_text(name, text.trim_end_matches('\n'));
        }
    }
    if !is_whole {
        draft.unmapped_json("cut_off", "true");
    }
    draft.finish((time, EventClass::HttpActivity, position), |record| harvest.event(record, count));
}

fn sections(lines: &[Held]) -> Sections<'_> {
    let mut sections = Sections::default();
    let own = lines.first().and_then(|line| Boundary::of(&line.text)).map_or("", |b| b.id);
    let mut letter = 'A';
    for line in lines {
        match Boundary::of(&line.text).filter(|b| b.id == own) {
            Some(boundary) => letter = boundary.section,
            None => sections.add(letter, &line.text),
        }
    }
    sections
}

impl<'a> Sections<'a> {
    fn add(&mut self, letter: char, line: &'a str) {
        let other = match letter {
            'A' if self.head.is_empty() => {
                self.head = line;
                return;
            }
            'B' => return self.request.push(line),
            'F' => return self.response.push(line),
            'H' => return self.trailer.push(line),
            'C' => "request_body",
            'E' => "response_body",
            'I' => "request_parts",
            'J' => "uploaded_files",
            'K' => "matched_rules",
            _ => "other_sections",
        };
        self.others.entry(other).or_default().push(line);
    }
}

/// `[time] id client port server port`.
fn head<'a>(line: &'a str, draft: &mut Draft<'a>) -> bool {
    let Some((time, rest)) = line.strip_prefix('[').and_then(|l| l.split_once("] ")) else { return false };
    let mut words = rest.split_whitespace();
    let (Some(id), Some(client)) = (words.next(), words.next()) else { return false };
    draft.put(Target::Time, time);
    draft.put(Target::Text(TextField::RequestUid), id);
    draft.put(Target::Text(TextField::SrcIp), client);
    let further =
        [Target::Number(NumberField::SrcPort), Target::Text(TextField::DstIp), Target::Number(NumberField::DstPort)];
    for (target, word) in further.into_iter().zip(words) {
        draft.put(target, word);
    }
    true
}

/// Headers go where the pack says; all others stay together under the side's name.
fn headers<'a>(side: &str, lines: &[&'a str], keys: &BTreeMap<String, Target>, draft: &mut Draft<'a>) {
    let mut others = String::new();
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match keys.get(&format!("{side}.{}", name.to_ascii_lowercase())) {
            Some(target) if !draft.has(*target) => draft.put(*target, value),
            _ => json::push_member(&mut others, name, value),
        }
    }
    if !others.is_empty() {
        draft.unmapped_json(&format!("{side}_headers"), &format!("{{{others}}}"));
    }
}

/// Trailer lines: messages one below the other, the rest where the pack says.
fn trailer<'a>(lines: &[&'a str], keys: &BTreeMap<String, Target>, draft: &mut Draft<'a>) {
    let mut messages = String::new();
    let mut others = String::new();
    for line in lines.iter().filter(|line| !line.trim().is_empty()) {
        let (name, value) = line.split_once(": ").unwrap_or(("", line));
        match keys.get(&format!("trailer.{}", name.to_ascii_lowercase())) {
            Some(Target::Text(TextField::Message)) => {
                if !messages.is_empty() {
                    messages.push('\n');
                }
                messages.push_str(value);
            }
            // `Intercepted (phase 2)` and what else is said with a word more.
            Some(Target::Text(TextField::Status)) => {
                if value.starts_with("Intercepted") {
                    draft.put(Target::Text(TextField::Status), "failure");
                }
                json::push_member(&mut others, name, value);
            }
            // `1772486045000000 1500 (- - -)`: when it began, how long it took.
            Some(target @ Target::Duration(_)) => {
                if let Some(duration) = value.split(' ').nth(1) {
                    draft.put(*target, duration.trim_end_matches(';'));
                }
            }
            Some(target) if !draft.has(*target) => draft.put(*target, value),
            _ => json::push_member(&mut others, name, value),
        }
    }
    if !messages.is_empty() {
        draft.put(Target::Text(TextField::Message), messages);
    }
    if !others.is_empty() {
        draft.unmapped_json("trailer", &format!("{{{others}}}"));
    }
}
