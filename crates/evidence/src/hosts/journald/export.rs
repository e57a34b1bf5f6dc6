//! The journal's export format: `KEY=value` lines, values that are no plain text behind their length, a blank line
//! behind each entry. Such a value may hold newlines, blank lines and whole entries: it is taken by its length alone.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::hosts::journald::Entry;
use crate::lines::{Line, RawLine};
use crate::reader::Reader;
use crate::reader::rules::Rules;
use stanch_model::Position;
use std::borrow::Cow;
use std::sync::Arc;

/// Length of a field's name, by the journal's own rules.
const KEY_BYTES_MAX: usize = 64;
/// Length of a value, by the journal's own rules. What claims more is damaged.
const VALUE_BYTES_MAX: u64 = 768 << 20;

/// The reader.
pub(crate) struct JournaldExport {
    clock: Clock,
    rules: Arc<Rules>,
    entry_bytes_max: usize,
    /// Where the next line must begin; where it does not, one was too long to be handed on.
    next: Option<u64>,
    state: State,
    /// The entry under way.
    fields: Vec<(String, String)>,
    held: usize,
    place: Option<(Position, u64)>,
    fault: Option<&'static str>,
}

/// What the next line is.
#[derive(Debug, PartialEq)]
enum State {
    /// A field, or the end of an entry.
    Field,
    /// Part of the value of that field: its length in eight bytes, its bytes, a newline.
    Value { key: String, bytes: Vec<u8> },
    /// So many bytes of a value that is too long to be held.
    Passing(u64),
}

const CUT: &str = "an entry that is cut off, or of which a line is missing";
const NO_FIELD: &str = "no field of a journal entry, which is KEY=value or a key alone";
const TOO_LONG: &str = "an entry longer than the limit for a record";

impl JournaldExport {
    pub(crate) fn new(clock: Clock, rules: Arc<Rules>, entry_bytes_max: usize) -> JournaldExport {
        let (fields, state) = (Vec::new(), State::Field);
        JournaldExport { clock, rules, entry_bytes_max, next: None, state, fields, held: 0, place: None, fault: None }
    }

    /// Takes the next line of a value: its beginning, as far as it is held, and its whole length with its newline.
    fn value(&mut self, beginning: &[u8], length: u64, is_whole: bool) {
        match &mut self.state {
            State::Passing(left) => {
                *left = left.saturating_sub(length);
                if *left == 0 {
                    self.state = State::Field;
                }
            }
            State::Value { key, bytes } => {
                let before = bytes.len() as u64;
                bytes.extend_from_slice(beginning);
                bytes.push(b'\n');
                let Some((head, value)) = bytes.split_first_chunk::<8>() else { return };
                let announced = u64::from_le_bytes(*head);
                let (has, needs) = (before + length - 8, announced.saturating_add(1));
                let room = self.entry_bytes_max.saturating_sub(self.held) as u64;
                if announced > VALUE_BYTES_MAX || has > needs {
                    self.fault = Some("a value that is longer or shorter than it says");
                    self.state = State::Field;
                } else if is_whole && has == needs {
                    let text = String::from_utf8_lossy(&value[..value.len() - 1]).into_owned();
                    let key = std::mem::take(key);
                    self.state = State::Field;
                    self.field(key, text);
                } else if !is_whole || needs > room {
                    self.fault.get_or_insert(TOO_LONG);
                    self.state = if has == needs { State::Field } else { State::Passing(needs - has) };
                }
            }
            State::Field => {}
        }
    }

    fn field(&mut self, key: String, value: String) {
        self.held += key.len() + value.len();
        if self.held > self.entry_bytes_max {
            self.fault = Some(TOO_LONG);
            self.fields.clear();
        }
        if self.fault.is_none() {
            self.fields.push((key, value));
        }
    }

    /// Ends the entry under way: it becomes an event, or its lines are refused.
    fn flush(&mut self, harvest: &mut Harvest) {
        if self.state != State::Field {
            self.fault = Some(CUT);
            self.state = State::Field;
        }
        let fault = self.fault.take();
        self.held = 0;
        let fields = std::mem::take(&mut self.fields);
        let Some((position, lines)) = self.place.take() else { return };
        let written = match fault {
            Some(fault) => Err(fault.into()),
            None => {
                let fields = fields.iter().map(|(k, v)| (Cow::Borrowed(k.as_str()), Cow::Borrowed(v.as_str())));
                let entry = Entry { fields: fields.collect(), left_out: Vec::new() };
                entry.write((&self.rules, &mut self.clock), (position, lines), harvest)
            }
        };
        if let Err(reason) = written {
            harvest.unread_lines(position, lines, reason);
        }
    }
}

fn is_key(text: &str) -> bool {
    let is = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    !text.is_empty() && text.len() <= KEY_BYTES_MAX && text.bytes().all(is) && !text.as_bytes()[0].is_ascii_digit()
}

impl Reader for JournaldExport {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        if self.next.is_some_and(|next| next != line.position.offset) {
            self.fault = Some(CUT);
            self.flush(harvest);
        }
        self.next = Some(line.position.offset + u64::from(line.position.length) + 1);
        let is_blank = self.state == State::Field && line.text.is_empty();
        if is_blank && self.place.is_none() {
            return harvest.unread(line, "empty line");
        }
        let (position, lines) = self.place.get_or_insert((line.position, 0));
        let end = line.position.offset + u64::from(line.position.length);
        position.length = u32::try_from(end - position.offset).unwrap_or(u32::MAX);
        *lines += 1;
        if is_blank {
            return self.flush(harvest);
        }
        if self.state != State::Field {
            // A value goes on behind the newline, or ends with it.
            return self.value(line.raw, line.raw.len() as u64 + 1, true);
        }
        match line.text.split_once('=') {
            Some((key, value)) if is_key(key) => self.field(key.to_owned(), value.to_owned()),
            None if is_key(line.text) => {
                self.state = State::Value { key: line.text.to_owned(), bytes: Vec::new() };
            }
            _ => {
                self.fault.get_or_insert(NO_FIELD);
                // Nothing tells where an entry would end that has not begun.
                if self.fields.is_empty() {
                    self.flush(harvest);
                }
            }
        }
    }

    fn passed(&mut self, line: &RawLine<'_>, length: u64) {
        // Counted already; but a value's length may stand in it, and what follows is then part of that value.
        self.next = Some(line.position.offset + length + 1);
        match self.state {
            State::Field => self.fault = Some(TOO_LONG),
            _ => self.value(line.bytes, length + 1, false),
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        self.flush(harvest);
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::Formats;
    use crate::options::{Limits, ReadOptions};
    use crate::samples::{Kept, read_bytes};
    use proptest::prelude::*;
    use stanch_model::{EventFields, FileAccount, TextField};
    use stanch_packs::Packs;
    use std::sync::LazyLock;

    static FORMATS: LazyLock<Formats> = LazyLock::new(|| Formats::load(&Packs::shipped()).unwrap());

    fn read(bytes: &[u8], line_bytes_max: usize) -> (FileAccount, Kept) {
        let limits = Limits { line_bytes_max, ..Limits::default() };
        read_bytes("j", bytes, &ReadOptions { limits, ..ReadOptions::new(&FORMATS, "UTC") })
    }

    fn entry(message: &[u8]) -> Vec<u8> {
        let mut bytes = b"__REALTIME_TIMESTAMP=1772486045123456\n_HOSTNAME=web1\nMESSAGE\n".to_vec();
        bytes.extend((message.len() as u64).to_le_bytes());
        bytes.extend(message);
        bytes.extend(b"\n\n");
        bytes
    }

    fn messages(kept: &Kept) -> Vec<String> {
        let rows = kept.0.iter().flat_map(|b| b.rows());
        rows.map(|r| r.text(TextField::Message).unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn a_value_is_taken_by_its_length_whatever_it_holds() {
        let forged = b"x\n\n__REALTIME_TIMESTAMP=1\nMESSAGE=forged\n\n";
        // Ten bytes: the length itself has a newline in it.
        let bytes = [entry(forged), entry(b"0123456789"), entry(b""), entry(b"last")].concat();
        let (account, kept) = read(&bytes, 1 << 20);
        assert_eq!(account.format.as_deref(), Some("journald_export"));
        assert_eq!(messages(&kept), [std::str::from_utf8(forged).unwrap(), "0123456789", "", "last"]);
        assert_eq!(account.unread_lines(), 0, "{:?}", account.unread);
    }

    #[test]
    fn a_value_too_long_to_be_held_forges_nothing_and_swallows_nothing() {
        let mut long = b"y\n\n__REALTIME_TIMESTAMP=1772486045123456\nMESSAGE=forged\n\n".to_vec();
        long.resize(2_000, b'z');
        let bytes = [entry(b"first"), entry(&long), entry(b"last")].concat();
        let (account, kept) = read(&bytes, 500);
        assert_eq!(messages(&kept), ["first", "last"], "{:?}", account.unread);
        assert_eq!(account.unread.len(), 2, "{:?}", account.unread);
    }

    proptest! {
        #[test]
        fn every_message_comes_out_as_it_went_in(all in prop::collection::vec(prop::collection::vec(0u8..20, 0..40), 1..8)) {
            let bytes: Vec<u8> = all.iter().flat_map(|m| entry(m)).collect();
            let (account, kept) = read(&bytes, 1 << 20);
            prop_assert_eq!(account.unread_lines(), 0);
            let expected: Vec<String> = all.iter().map(|m| String::from_utf8_lossy(m).into_owned()).collect();
            prop_assert_eq!(messages(&kept), expected);
        }

        #[test]
        fn no_damage_loses_a_line(cut in 0usize..400, with in any::<u8>(), max in 20usize..300) {
            let mut bytes = [entry(b"a\nb"), entry(b"c"), entry(b"d\n\ne"), entry(b"f")].concat();
            let at = cut % bytes.len();
            bytes[at] = with;
            let (account, _) = read(&bytes, max);
            prop_assert_eq!(account.lines, account.lines_in_events + account.unread_lines());
            bytes.truncate(at);
            read(&bytes, max);
        }
    }
}
