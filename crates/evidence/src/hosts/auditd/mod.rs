//! Reads the Linux audit log: the records of one serial make one event, though others may stand between them.

mod event;
pub(crate) mod record;
pub(crate) mod sockaddr;
pub(crate) mod tables;
pub(crate) mod values;

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::hosts::auditd::record::Head;
use crate::hosts::auditd::tables::AuditTables;
use crate::lines::Line;
use crate::reader::Reader;
use stanch_model::{Instant, Position};
use std::collections::VecDeque;
use std::sync::Arc;

/// Lines after which an event that got none of them has ended.
const LINES_WAITING: u64 = 256;
/// Time of the log after which an event has ended: the audit system holds no record back for longer.
const WAITING_US: i64 = 2_000_000;
/// Events that wait for further records at the same time.
const OPEN_MAX: usize = 1_000;
/// Bytes held of all waiting events.
const HELD_BYTES_MAX: usize = 16 << 20;
/// Records of one event; a machine writes a few dozen at most.
const RECORDS_MAX: usize = 4_096;

/// The reader. Events are handed out in the order of their first lines.
pub(crate) struct Auditd {
    clock: Clock,
    tables: Arc<AuditTables>,
    open: VecDeque<Open>,
    /// Ended events, kept for their room.
    spare: Vec<Open>,
    lines: u64,
    held: usize,
    /// What `ausearch` puts between events, until a record shows that it did.
    before: Option<(Position, u64)>,
}

/// An event to which further records may belong.
#[derive(Debug, Default)]
struct Open {
    node: String,
    serial: u64,
    time: Instant,
    position: Place,
    lines: u64,
    /// The last of its lines, counted among all audit records.
    last: u64,
    has_ended: bool,
    /// Types and bodies of its records, one behind the other.
    text: String,
    /// Where in `text` each record's type and body end.
    records: Vec<(usize, usize)>,
}

/// A place that grows.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    line: u64,
    offset: u64,
    end: u64,
}

impl Place {
    fn position(self) -> Position {
        let length = u32::try_from(self.end.saturating_sub(self.offset)).unwrap_or(u32::MAX);
        Position { line: self.line, offset: self.offset, length }
    }
}

impl Open {
    fn begin(&mut self, head: &Head<'_>, time: Instant, position: Position) {
        self.node.clear();
        self.node.push_str(head.node);
        self.serial = head.serial;
        self.time = time;
        self.position = Place { line: position.line, offset: position.offset, end: position.offset };
        self.lines = 0;
        self.has_ended = false;
        self.text.clear();
        self.records.clear();
    }

    fn is_of(&self, head: &Head<'_>, time: Instant) -> bool {
        self.serial == head.serial && self.time == time && self.node == head.node && !self.has_ended
    }

    fn take(&mut self, head: &Head<'_>, position: Position, count: u64) {
        self.position.end = position.offset + u64::from(position.length);
        self.lines += 1;
        self.last = count;
        if head.kind == END {
            self.has_ended = true;
            return;
        }
        self.text.push_str(head.kind);
        let kind_end = self.text.len();
        self.text.push_str(head.body);
        self.records.push((kind_end, self.text.len()));
        self.has_ended |= self.records.len() >= RECORDS_MAX;
    }

    /// Its records: type and body.
    fn records(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut from = 0;
        self.records.iter().map(move |(kind_end, end)| {
            let record = (&self.text[from..*kind_end], &self.text[*kind_end..*end]);
            from = *end;
            record
        })
    }
}

/// The record that says that an event has no more.
const END: &str = "EOE";

impl Auditd {
    pub(crate) fn new(clock: Clock, tables: Arc<AuditTables>) -> Auditd {
        Auditd { clock, tables, open: VecDeque::new(), spare: Vec::new(), lines: 0, held: 0, before: None }
    }

    /// A line that tells nothing of its own: `----`, or the time that the records behind it have too.
    fn between(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        if self.lines > 0 {
            return harvest.framing(line);
        }
        let (position, lines) = self.before.get_or_insert((line.position, 0));
        let end = line.position.offset + u64::from(line.position.length);
        position.length = u32::try_from(end - position.offset).unwrap_or(u32::MAX);
        *lines += 1;
    }

    /// Hands out the events at the front that have ended.
    fn hand_out(&mut self, now: Option<(&str, Instant)>, harvest: &mut Harvest) {
        while let Some(first) = self.open.front() {
            let silent = self.lines.saturating_sub(first.last) > LINES_WAITING;
            let too_old =
                now.is_none_or(|(node, now)| first.node == node && now.0.saturating_sub(first.time.0) > WAITING_US);
            let too_many = self.open.len() > OPEN_MAX || self.held > HELD_BYTES_MAX;
            if !(first.has_ended || silent || too_old || too_many) {
                return;
            }
            let Some(ended) = self.open.pop_front() else { return };
            self.held -= ended.text.len();
            event::write(&ended, &self.tables, harvest);
            // A huge one's room is not kept.
            if ended.text.capacity() < 64 << 10 && self.spare.len() < 64 {
                self.spare.push(ended);
            }
        }
    }
}

impl Reader for Auditd {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let Some(head) = record::head(line.text) else {
            if line.text == "----" || line.text.starts_with("time->") {
                return self.between(line, harvest);
            }
            return harvest.unread(line, "no audit record, which begins with type=… msg=audit(time:serial)");
        };
        let time = match self.clock.any(head.time) {
            Ok(time) => time,
            Err(fault) => return harvest.unread(line, fault.reason()),
        };
        self.lines += 1;
        if let Some((_, lines)) = self.before.take() {
            harvest.lines_in_events += lines;
        }
        let at = match self.open.iter().rposition(|open| open.is_of(&head, time)) {
            Some(at) => at,
            None if head.kind == END => {
                self.hand_out(Some((head.node, time)), harvest);
                return harvest.unread(line, "the end mark of an event of which no record stands before it");
            }
            None => {
                let mut open = self.spare.pop().unwrap_or_default();
                open.begin(&head, time, line.position);
                self.open.push_back(open);
                self.open.len() - 1
            }
        };
        let open = &mut self.open[at];
        let before = open.text.len();
        open.take(&head, line.position, self.lines);
        open.has_ended |= self.tables.is_alone(head.kind);
        self.held += open.text.len() - before;
        self.hand_out(Some((head.node, time)), harvest);
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        if let Some((position, lines)) = self.before.take() {
            harvest.unread_lines(position, lines, "what stands between audit records, without any");
        }
        self.hand_out(None, harvest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::Formats;
    use proptest::prelude::*;
    use stanch_packs::Packs;
    use std::sync::LazyLock;

    static FORMATS: LazyLock<Formats> = LazyLock::new(|| Formats::load(&Packs::shipped()).unwrap());

    fn read(lines: &[String]) -> (Harvest, usize) {
        let formats = &FORMATS;
        let tables = Arc::clone(&formats.by_name("auditd").unwrap().audit);
        let mut reader = Auditd::new(formats.clock("UTC"), tables);
        let (mut harvest, mut offset, mut held) = (Harvest::new("", 0), 0, 0);
        for (i, text) in lines.iter().enumerate() {
            let position = Position { line: i as u64 + 1, offset, length: text.len() as u32 };
            reader.line(&Line { text, raw: text.as_bytes(), position }, &mut harvest);
            held = held.max(reader.held);
            offset += text.len() as u64 + 1;
        }
        reader.finish(&mut harvest);
        assert!(reader.open.is_empty() && reader.held == 0);
        (harvest, held)
    }

    fn path(ms: u64, serial: u64, text: &str) -> String {
        format!("type=PATH msg=audit(1772486045.{ms:03}:{serial}): item=0 name=\"{text}\"")
    }

    #[test]
    fn an_event_ends_when_its_records_have_stopped_coming() {
        let mut lines = vec![path(0, 1, "a"), path(0, 2, "b")];
        lines.extend((0..LINES_WAITING).map(|_| path(0, 2, "b")));
        lines.push(path(0, 1, "late"));
        let (harvest, _) = read(&lines);
        let found: Vec<_> = harvest.batch.positions.iter().map(|p| p.line).collect();
        assert_eq!(found, [1, 2, LINES_WAITING + 3]);
        assert_eq!(harvest.lines_in_events, LINES_WAITING + 3);
    }

    #[test]
    fn what_is_held_is_bounded_and_one_event_cannot_fill_it() {
        let huge = "x".repeat(1 << 20);
        let lines: Vec<String> = (0..64).map(|i| path(0, i % 3, &huge)).collect();
        let (harvest, held) = read(&lines);
        assert_eq!(harvest.lines_in_events, 64);
        assert!(held <= HELD_BYTES_MAX + (2 << 20), "{held}");
    }

    #[test]
    fn a_line_of_a_million_fields_takes_no_longer_than_its_length() {
        let fields = "a1[0]=61 ".repeat(1 << 20);
        let line = format!("type=EXECVE msg=audit(1772486045.000:1): argc=9 {fields} {}", fields.replace("a1[0]", "k"));
        let (harvest, _) = read(&[line]);
        assert_eq!(harvest.events, 1);
    }

    proptest! {
        #[test]
        fn every_line_is_counted_once_and_events_come_in_order(
            picks in prop::collection::vec((0u64..4, 0u64..6, 0usize..6, 0u64..3), 0..400)
        ) {
            let kinds = ["SYSCALL", "PATH", "EOE", "USER_LOGIN", "EXECVE", "no record"];
            let lines: Vec<String> = picks.iter().map(|(s, serial, kind, node)| {
                format!("node=n{node} type={} msg=audit(177248604{s}.123:{serial}): arch=c000003e syscall=59 a0=\"x\" res=1", kinds[*kind])
            }).collect();
            let (harvest, _) = read(&lines);
            let unread: u64 = harvest.unread_groups().iter().map(|g| g.lines).sum();
            prop_assert_eq!(harvest.lines_in_events + unread, lines.len() as u64);
            let places = &harvest.batch.positions;
            prop_assert!(places.windows(2).all(|w| w[0].offset < w[1].offset));
        }
    }
}
