//! Reads Rails' own log: the lines of each request become one event, statements and the program's words one each.
//!
//! Lines belong together by the request's number, where the log is tagged with it, else by process. In a log without
//! both, requests that run at the same time cannot be told apart; their lines are kept as words of the last one, and
//! nothing is concluded from them.

mod head;
pub(crate) mod pack;
mod request;
mod said;
mod whole;
mod words;

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::patterns::InMessage;
use crate::reader::rules::Rules;
use crate::targets::{Draft, Target};
use head::{Head, without_colours};
use pack::RailsPack;
use request::{Request, bound};
use said::Said;
use stanch_model::{EventClass, Instant, NumberField, TextField};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use words::Block;

/// Requests under way at the same time; of more, the first is taken as ended.
const OPEN_MAX: usize = 2_048;
/// After so long, what an unnumbered request of the same process has not said it never will.
const FORGOTTEN_US: i64 = 60_000_000;
const NO_TIME: &str = "it stands outside of a request, and has no time";

/// The reader.
pub(crate) struct Rails {
    clock: Clock,
    pack: Arc<RailsPack>,
    rules: Arc<Rules>,
    in_message: Arc<InMessage>,
    open: BTreeMap<String, Request>,
    /// Requests without a number that have not been answered, by process.
    waiting: BTreeMap<String, u32>,
    /// Keys of requests in the order in which they came in.
    order: VecDeque<String>,
    /// The program's words, to which lines without a head belong.
    block: Option<Block>,
    /// The request to which lines without a head belong.
    last: Option<String>,
    /// Whether Ruby's logger writes heads in this file.
    has_heads: bool,
    /// The zone that requests show, for the heads, which have none.
    zone: String,
}

impl Rails {
    pub(crate) fn new(clock: Clock, pack: Arc<RailsPack>, rules: Arc<Rules>, in_message: Arc<InMessage>) -> Rails {
        Rails {
            clock,
            pack,
            rules,
            in_message,
            open: BTreeMap::new(),
            waiting: BTreeMap::new(),
            order: VecDeque::new(),
            block: None,
            last: None,
            has_heads: false,
            zone: String::new(),
        }
    }

    fn time_of(&mut self, head: &Head<'_>) -> Option<Instant> {
        let written = head.time?;
        if !self.zone.is_empty() && !written.ends_with('Z') {
            return self.clock.iso(&format!("{written} {}", self.zone)).ok();
        }
        self.clock.iso(written).ok()
    }

    /// A request comes in.
    fn start(&mut self, head: &Head<'_>, said: &Said<'_>, line: &Line<'_>, harvest: &mut Harvest) -> bool {
        let Said::Started { method, url, ip, at } = *said else { return false };
        let Ok(time) = self.clock.iso(at) else { return false };
        at.get(20..).unwrap_or_default().clone_into(&mut self.zone);
        let precise = self.time_of(head).filter(|t| t.second() == time.second());
        let key = key(head);
        let last_time = self.open.get(&key).map(|before| before.time);
        let mut is_mixed = false;
        if head.request.is_none() {
            let waiting = self.waiting.entry(key.clone()).or_default();
            if last_time.is_none_or(|last| time.0 - last.0 > FORGOTTEN_US) {
                *waiting = 0;
            }
            *waiting += 1;
            is_mixed = *waiting > 1;
        }
        self.end(&key, harvest, is_mixed);
        let mut request = Request {
            time: precise.unwrap_or(time),
            uid: head.request.map(str::to_owned),
            pid: head.pid.map(str::to_owned),
            method: method.to_owned(),
            url: url.to_owned(),
            ip: ip.to_owned(),
            tags: own_tags(head),
            is_mixed,
            ..Request::default()
        };
        request.took(line.position);
        while self.open.len() >= OPEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.end(&oldest, harvest, false);
            self.waiting.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.open.insert(key.clone(), request);
        self.last = Some(key);
        true
    }

    /// A request has ended, or nothing more is to be known of it.
    fn end(&mut self, key: &str, harvest: &mut Harvest, is_mixed: bool) {
        let Some(mut request) = self.open.remove(key) else { return };
        if self.order.len() > 4 * OPEN_MAX {
            let open = &self.open;
            self.order.retain(|key| open.contains_key(key));
        }
        if self.last.as_deref() == Some(key) {
            self.last = None;
        }
        request.is_mixed |= is_mixed;
        let Some(position) = request.position() else { return };
        let lines = request.lines;
        request.draft().finish((request.time, Request::CLASS, position), |record| harvest.event(record, lines));
        if let Some(draft) = request.sign_in(&self.pack) {
            let class = EventClass::Authentication;
            draft.finish((request.time, class, position), |record| harvest.event(record, 0));
        }
    }

    /// A line of a request that is under way. False if it is none.
    fn detail(&mut self, head: &Head<'_>, said: &Said<'_>, text: &str, line: &Line<'_>, harvest: &mut Harvest) -> bool {
        let key = key(head);
        let Some(request) = self.open.get_mut(&key) else { return false };
        request.took(line.position);
        self.last = Some(key.clone());
        let is_answer = matches!(*said, Said::Completed { .. } | Said::NoRoute);
        match *said {
            _ if request.is_mixed => request.say(text),
            Said::Processing { action, form } => {
                action.clone_into(&mut request.action);
                form.clone_into(&mut request.form);
            }
            Said::Parameters(hash) => hash.clone_into(&mut request.parameters),
            Said::Completed { status, milliseconds } => {
                status.clone_into(&mut request.status);
                milliseconds.clone_into(&mut request.milliseconds);
            }
            Said::NoRoute => {
                "404".clone_into(&mut request.status);
                request.say(text);
            }
            _ => request.say(text),
        }
        let is_mixed = request.is_mixed;
        if is_answer && self.was_last_to_wait(&key) && (self.has_heads || is_mixed) {
            self.end(&key, harvest, false);
        }
        true
    }

    /// One of a process's requests has been answered. True if no other waits.
    fn was_last_to_wait(&mut self, key: &str) -> bool {
        let Some(waiting) = self.waiting.get_mut(key) else { return true };
        *waiting = waiting.saturating_sub(1);
        let none_waits = *waiting == 0;
        if none_waits {
            self.waiting.remove(key);
        }
        none_waits
    }

    fn statement(&mut self, head: &Head<'_>, said: &Said<'_>, line: &Line<'_>, harvest: &mut Harvest) -> bool {
        let Said::Statement { name, milliseconds, sql, binds } = *said else { return false };
        let time = self.time_of(head);
        let request = self.open.get(&key(head)).filter(|request| !request.is_mixed);
        let Some(moment) = time.or_else(|| request.map(|r| r.time)) else { return false };
        let mut draft = Draft::default();
        draft.put(Target::Text(TextField::Activity), "statement");
        draft.put(Target::Text(TextField::Query), sql);
        draft.put(Target::Duration(1_000), milliseconds);
        if let Some(binds) = binds {
            match bound(binds) {
                Some(array) => draft.put(Target::Text(TextField::QueryParameters), array),
                None => draft.unmapped_text("parameters", &format!("[[{binds}")),
            }
        }
        if !name.is_empty() {
            draft.unmapped_text("name", name);
        }
        if time.is_none() {
            draft.unmapped_text("time_is", "the request's");
        }
        if let Some(pid) = head.pid {
            draft.put(Target::Number(NumberField::Pid), pid);
        }
        if let Some(uid) = head.request {
            draft.put(Target::Text(TextField::RequestUid), uid);
        }
        // Without a number the request of the same process may be another.
        if let Some(request) = request.filter(|r| r.uid.is_some()) {
            draft.put(Target::Text(TextField::SrcIp), request.ip.clone());
        }
        let class = EventClass::DatastoreActivity;
        draft.finish((moment, class, line.position), |record| harvest.event(record, 1));
        true
    }
}

impl Reader for Rails {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let head = Head::of(line.text);
        let text = without_colours(head.rest);
        self.has_heads |= head.time.is_some();
        if self.has_heads && head.time.is_none() {
            return self.go_on(&text, line, harvest);
        }
        self.end_block(harvest);
        let said = Said::of(&text);
        match said {
            Said::Started { .. } => {
                if !self.start(&head, &said, line, harvest) {
                    harvest.unread(line, "no time that can be read");
                }
            }
            Said::WholeRequest => self.whole_request(&head, &text, line, harvest),
            Said::Statement { .. } if self.statement(&head, &said, line, harvest) => {}
            _ if head.time.is_some() && matches!(head.level, Some("ERROR" | "FATAL")) => {
                self.begin_block(&head, &text, line, harvest);
            }
            // What has its own time and is no part of a request's usual lines are the program's words.
            Said::Other if head.time.is_some() => self.begin_block(&head, &text, line, harvest),
            _ if self.detail(&head, &said, &text, line, harvest) => {}
            _ => self.begin_block(&head, &text, line, harvest),
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        self.end_block(harvest);
        while let Some(key) = self.order.pop_front() {
            self.end(&key, harvest, false);
        }
    }
}

/// What joins a request's lines.
fn key(head: &Head<'_>) -> String {
    match head.request {
        Some(request) => request.to_owned(),
        None => format!("{} {}", head.pid.unwrap_or_default(), head.tags),
    }
}

/// Tags besides the request's number.
fn own_tags(head: &Head<'_>) -> String {
    match head.request {
        Some(request) => head.tags.replace(&format!("[{request}]"), "").trim().to_owned(),
        None => head.tags.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::Formats;
    use stanch_model::Position;
    use stanch_packs::Packs;

    #[test]
    fn requests_that_are_never_answered_are_not_held_for_ever() {
        let formats = Formats::load(&Packs::shipped()).unwrap();
        let format = formats.by_name("rails").unwrap();
        let (pack, rules, in_message) = (format.rails.clone(), format.rules.clone(), format.in_message.clone());
        let mut reader = Rails::new(formats.clock("UTC"), pack, rules, in_message);
        let mut harvest = Harvest::new("", 0);
        let (mut offset, lines) = (0, 3 * OPEN_MAX as u64);
        for n in 1..=lines {
            let text = format!(
                "I, [2026-03-02T22:14:05.123456 #{n}]  INFO -- : Started GET \"/{n}\" for 203.0.113.9 at 2026-03-02 22:14:05 +0100"
            );
            let position = Position { line: n, offset, length: u32::try_from(text.len()).unwrap() };
            reader.line(&Line { text: &text, raw: text.as_bytes(), position }, &mut harvest);
            offset += text.len() as u64 + 1;
            if harvest.batch.is_full() {
                harvest.batch = stanch_model::EventBatch::default();
            }
        }
        assert!(reader.open.len() <= OPEN_MAX && reader.waiting.len() <= OPEN_MAX, "{}", reader.waiting.len());
        reader.finish(&mut harvest);
        assert_eq!(harvest.events, lines);
    }
}
