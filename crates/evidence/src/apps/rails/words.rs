//! The program's own words in Rails' log, and errors, with the lines below them.

use super::head::Head;
use super::said::Said;
use super::{NO_TIME, Rails, key, own_tags};
use crate::harvest::Harvest;
use crate::lines::Line;
use crate::targets::{Draft, Target};
use stanch_model::{EventClass, Instant, NumberField, Position, TextField};
use std::sync::Arc;

/// Bytes and lines of one message of the program.
const BLOCK_BYTES_MAX: usize = 256 << 10;
const BLOCK_LINES_MAX: u64 = 2_000;

/// Words of the program, over lines.
pub(super) struct Block {
    time: Instant,
    class: EventClass,
    level: String,
    /// The request that it may belong to.
    key: String,
    pid: Option<String>,
    uid: Option<String>,
    ip: Option<String>,
    tags: String,
    text: String,
    position: Position,
    lines: u64,
}

impl Rails {
    /// Words of the program begin.
    pub(super) fn begin_block(&mut self, head: &Head<'_>, text: &str, line: &Line<'_>, harvest: &mut Harvest) {
        let Some(time) = self.time_of(head) else { return harvest.unread(line, NO_TIME) };
        let class = match head.level {
            Some("ERROR" | "FATAL") => EventClass::ApplicationError,
            _ => EventClass::Base,
        };
        let request = self.open.get(&key(head)).filter(|r| r.uid.is_some());
        self.block = Some(Block {
            time,
            class,
            level: head.level.unwrap_or_default().to_owned(),
            key: key(head),
            pid: head.pid.map(str::to_owned),
            uid: head.request.map(str::to_owned),
            ip: request.map(|r| r.ip.clone()),
            tags: own_tags(head),
            text: text.trim().to_owned(),
            position: line.position,
            lines: 1,
        });
        self.last = None;
    }

    pub(super) fn end_block(&mut self, harvest: &mut Harvest) {
        let Some(block) = self.block.take() else { return };
        let in_message = Arc::clone(&self.in_message);
        let mut draft = Draft::default();
        let texts = [
            (TextField::Message, Some(&block.text)),
            (TextField::RequestUid, block.uid.as_ref()),
            (TextField::SrcIp, block.ip.as_ref()),
        ];
        for (field, text) in texts {
            if let Some(text) = text.filter(|t| !t.is_empty()) {
                draft.put(Target::Text(field), text.as_str());
            }
        }
        if let Some(pid) = &block.pid {
            draft.put(Target::Number(NumberField::Pid), pid.as_str());
        }
        draft.unmapped_text("level", &block.level);
        if !block.tags.is_empty() {
            draft.unmapped_text("tags", &block.tags);
        }
        if block.class == EventClass::ApplicationError {
            draft.put(Target::Text(TextField::Status), "failure");
        }
        let class = in_message.read_in(&mut draft).unwrap_or(block.class);
        draft.finish((block.time, class, block.position), |record| harvest.event(record, block.lines));
    }

    /// Nothing in the program answers a request: Rails then says so in an error, and nothing else.
    fn no_route(&mut self, key: &str, harvest: &mut Harvest) {
        let Some(request) = self.open.get_mut(key).filter(|r| r.status.is_empty()) else { return };
        if !request.is_mixed {
            "404".clone_into(&mut request.status);
        }
        if self.was_last_to_wait(key) {
            self.end(key, harvest, false);
        }
    }

    /// A line without a head in a file that has heads goes on with what stands above it.
    pub(super) fn go_on(&mut self, text: &str, line: &Line<'_>, harvest: &mut Harvest) {
        if let Some(block) = &mut self.block
            && block.lines < BLOCK_LINES_MAX
            && block.text.len() + text.len() < BLOCK_BYTES_MAX
        {
            if !text.trim().is_empty() {
                if !block.text.is_empty() {
                    block.text.push('\n');
                }
                block.text.push_str(text);
            }
            block.lines += 1;
            let key = block.key.clone();
            let end = line.position.offset + u64::from(line.position.length);
            block.position.length = u32::try_from(end - block.position.offset).unwrap_or(u32::MAX);
            if Said::of(text) == Said::NoRoute {
                self.no_route(&key, harvest);
            }
            return;
        }
        let last = self.last.clone();
        match last.and_then(|key| self.open.get_mut(&key)) {
            Some(request) => {
                request.took(line.position);
                request.say(text);
            }
            None => harvest.unread(line, NO_TIME),
        }
    }
}
