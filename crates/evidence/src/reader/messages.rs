//! What programs say through syslog, the journal and the like: a program's name tells whose patterns its words follow.

use crate::formats::Formats;
use crate::harvest::Harvest;
use crate::reader::patterns::MessagePattern;
use crate::reader::text::TextFormat;
use crate::targets::{Draft, Target};
use regex::CaptureLocations;
use stanch_model::{EventClass, Instant, NumberField, Position, TextField};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One message with what is known of where it came from. What is not known is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    pub(crate) time: Instant,
    pub(crate) position: Position,
    pub(crate) lines: u64,
    pub(crate) host: &'a str,
    pub(crate) program: &'a str,
    pub(crate) pid: &'a str,
    pub(crate) message: &'a str,
}

/// Patterns of all programs. `*` stands for any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programs(BTreeMap<String, Vec<Arc<TextFormat>>>);

/// Events of a line that says how often the one before it came again, at most.
const REPEATED_MAX: u64 = 10_000;
/// Bytes that such lines may become beyond their own: to begin with, for each byte that was read, and how many each event
/// takes besides its message. Without them, a few short lines would fill the memory.
const ROOM_BYTES: u64 = 64 << 20;
const ROOM_PER_BYTE: u64 = 64;
const EVENT_BYTES: u64 = 64;

impl Programs {
    /// Adds a pack's patterns for the programs that it names.
    pub(crate) fn add(&mut self, programs: &[String], format: &Arc<TextFormat>) {
        for program in programs {
            self.0.entry(program.clone()).or_default().push(Arc::clone(format));
        }
    }

    /// The patterns for a program, its own before those for any.
    fn of(&self, program: &str) -> impl Iterator<Item = &Arc<TextFormat>> {
        let own = self.0.get(program).into_iter().flatten();
        own.chain(self.0.get("*").into_iter().flatten())
    }
}

/// Turns messages into events.
pub(crate) struct Messages {
    programs: Arc<Programs>,
    /// Room for matches, by the place of a format and a pattern in it.
    found: BTreeMap<(usize, usize), CaptureLocations>,
    /// Bytes that repeated messages may still become.
    room: u64,
}

impl Messages {
    pub(crate) fn new(formats: &Formats) -> Messages {
        Messages { programs: Arc::clone(&formats.programs), found: BTreeMap::new(), room: ROOM_BYTES }
    }

    /// Makes an event of a message. One that follows no pattern is a base event with its own words, and so is one that
    /// says of another that it came again more often than there is room for.
    pub(crate) fn event(&mut self, said: &Said<'_>, harvest: &mut Harvest) {
        let (message, times) = self.within_room(said.message);
        for n in 0..times {
            let lines = if n == 0 { said.lines } else { 0 };
            self.once(&Said { message, lines, ..*said }, harvest);
        }
    }

    fn within_room<'a>(&mut self, message: &'a str) -> (&'a str, u64) {
        self.room = self.room.saturating_add(message.len() as u64 * ROOM_PER_BYTE);
        let (inner, times) = repeated(message);
        match self.room.checked_sub((times - 1) * (inner.len() as u64 + EVENT_BYTES)) {
            Some(left) => {
                self.room = left;
                (inner, times)
            }
            None => (message, 1),
        }
    }

    fn once(&mut self, said: &Said<'_>, harvest: &mut Harvest) {
        let programs = Arc::clone(&self.programs);
        let mut draft = Draft::default();
        let mut class = EventClass::Base;
        'formats: for format in programs.of(base_name(said.program)) {
            for pattern in &format.patterns {
                // A pattern's address tells it apart; packs are loaded once.
                let key = (Arc::as_ptr(format) as usize, std::ptr::from_ref::<MessagePattern>(pattern) as usize);
                let found = self.found.entry(key).or_insert_with(|| pattern.locations());
                if pattern.read(said.message, found, &mut draft) {
                    class = pattern.class.unwrap_or(format.rules.class());
                    break 'formats;
                }
            }
        }
        let texts =
            [(TextField::Device, said.host), (TextField::Process, said.program), (TextField::Message, said.message)];
        for (field, text) in texts {
            let target = Target::Text(field);
            if !text.is_empty() && !draft.has(target) {
                draft.put(target, text);
            }
        }
        if !said.pid.is_empty() && said.pid.bytes().all(|b| b.is_ascii_digit()) {
            draft.put(Target::Number(NumberField::Pid), said.pid);
        }
        draft.finish((said.time, class, said.position), |record| harvest.event(record, said.lines));
    }
}

/// A program's name without its path, and without the module in parentheses behind it (`su(pam_unix)`).
fn base_name(program: &str) -> &str {
    let name = program.rsplit('/').next().unwrap_or(program);
    name.split_once('(').map_or(name, |(name, _)| name)
}

/// `message repeated 3 times: [ … ]`, as rsyslog and journald write what came again.
fn repeated(message: &str) -> (&str, u64) {
    let found = message.strip_prefix("message repeated ").and_then(|rest| {
        let (times, rest) = rest.split_once(" times: [ ")?;
        let times: u64 = times.parse().ok()?;
        let inner = rest.strip_suffix(']')?;
        (1..=REPEATED_MAX).contains(&times).then_some((inner, times))
    });
    found.unwrap_or((message, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_again_is_counted_as_often_as_it_came() {
        assert_eq!(repeated("message repeated 3 times: [ Failed x]"), ("Failed x", 3));
        assert_eq!(repeated("message repeated 0 times: [ x]"), ("message repeated 0 times: [ x]", 1));
        assert_eq!(repeated("message repeated 99999999 times: [ x]").1, 1);
        let formats = Formats::load(&stanch_packs::Packs::shipped()).unwrap();
        let mut messages = Messages::new(&formats);
        let long = format!("message repeated 9999 times: [ {}]", "x".repeat(5_000));
        let times: Vec<u64> = (0..4).map(|_| messages.within_room(&long).1).collect();
        assert_eq!(times, [9_999, 1, 1, 1]);
        assert_eq!(messages.within_room("message repeated 3 times: [ Failed x]"), ("Failed x", 3));
        assert_eq!(base_name("/usr/sbin/sshd"), "sshd");
        assert_eq!(base_name("su(pam_unix)"), "su");
    }
}
