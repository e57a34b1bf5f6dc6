//! Reads PostgreSQL's stderr log: a prefix, a severity, a message; further lines that belong to it.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::lines::Line;
use crate::postgres::prefix::{Part, Prefix};
use crate::postgres::record::{PgRecord, Writer};
use crate::reader::Reader;
use regex::CaptureLocations;
use stanch_model::{Instant, Position};

/// The reader.
pub(crate) struct Stderr {
    clock: Clock,
    prefix: Prefix,
    locations: CaptureLocations,
    record_bytes_max: usize,
    writer: Writer,
    pending: Pending,
}

/// The record that further lines may still belong to. Its buffers are kept.
#[derive(Default)]
struct Pending {
    lines: u64,
    position: Option<Position>,
    time: Instant,
    severity: String,
    told: Told,
    texts: [String; SECTIONS.len()],
    last: usize,
}

/// What the prefix told, owned.
#[derive(Default)]
struct Told(Vec<(Part, String)>);

impl Told {
    fn get(&self, part: Part) -> &str {
        self.0.iter().find(|(p, _)| *p == part).map_or("", |(_, text)| text)
    }

    fn fill(&mut self, told: &[(Part, &str)]) {
        self.0.clear();
        self.0.extend(told.iter().map(|(part, text)| (*part, (*text).to_owned())));
    }
}

/// Lines that continue a record, under the words with which the server begins them. The first is the record's own.
const SECTIONS: [&str; 7] = ["", "DETAIL", "HINT", "QUERY", "CONTEXT", "STATEMENT", "LOCATION"];

impl Stderr {
    pub(crate) fn new(clock: Clock, prefix: Prefix, record_bytes_max: usize) -> Stderr {
        let locations = prefix.locations();
        let (writer, pending) = (Writer::default(), Pending::default());
        Stderr { clock, prefix, locations, record_bytes_max, writer, pending }
    }

    fn flush(&mut self, harvest: &mut Harvest) {
        let Some(position) = self.pending.position.take() else { return };
        let p = &self.pending;
        let record = PgRecord {
            user: p.told.get(Part::User),
            database: p.told.get(Part::Database),
            pid: p.told.get(Part::Pid),
            connection_from: p.told.get(Part::Host),
            port: p.told.get(Part::Port),
            session_id: p.told.get(Part::SessionId),
            line_num: p.told.get(Part::LineNum),
            command_tag: p.told.get(Part::CommandTag),
            severity: &p.severity,
            sqlstate: p.told.get(Part::SqlState),
            message: &p.texts[0],
            detail: &p.texts[1],
            hint: &p.texts[2],
            internal_query: &p.texts[3],
            context: &p.texts[4],
            statement: &p.texts[5],
            app: p.told.get(Part::App),
            backend_type: p.told.get(Part::BackendType),
            query_id: p.told.get(Part::QueryId),
            transaction_id: p.told.get(Part::TransactionId),
        };
        self.writer.write(&record, (p.time, position, p.lines), harvest);
    }

    fn go_on(&mut self, line: &Line<'_>, section: usize, text: &str) -> bool {
        let held: usize = self.pending.texts.iter().map(String::len).sum();
        let Some(position) = &mut self.pending.position else { return false };
        if held + text.len() > self.record_bytes_max {
            return false;
        }
        let end = line.position.offset + u64::from(line.position.length);
        position.length = u32::try_from(end - position.offset).unwrap_or(u32::MAX);
        self.pending.lines += 1;
        self.pending.last = section;
        let into = &mut self.pending.texts[section];
        if !into.is_empty() {
            into.push('\n');
        }
        into.push_str(text);
        true
    }
}

impl Reader for Stderr {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        if let Some(text) = line.text.strip_prefix('\t') {
            let last = self.pending.last;
            if !self.go_on(line, last, text) {
                harvest.unread(line, "goes on with a record that did not begin, or is too long");
            }
            return;
        }
        let mut told: Vec<(Part, &str)> = Vec::with_capacity(12);
        let read = self.prefix.read(line.text, &mut self.locations, |part, text| told.push((part, text)));
        let Some((severity, message)) = read else {
            // Log shippers turn the tab into blanks.
            let last = self.pending.last;
            if line.text.starts_with(' ') && !line.text.trim().is_empty() && self.go_on(line, last, line.text) {
                return;
            }
            self.flush(harvest);
            return harvest.unread(line, "no prefix and severity as the other lines have them");
        };
        let same_session = told
            .iter()
            .filter(|(part, _)| matches!(part, Part::Pid | Part::SessionId))
            .all(|(part, text)| self.pending.told.get(*part) == *text);
        if let Some(section) = SECTIONS.iter().position(|word| *word == severity)
            && same_session
            && self.go_on(line, section, message)
        {
            return;
        }
        self.flush(harvest);
        let written = told.iter().find(|(part, _)| *part == Part::Time).map_or("", |(_, text)| text);
        let time = match self.clock.any(written) {
            Ok(time) => time,
            Err(fault) => return harvest.unread(line, fault.reason()),
        };
        let pending = &mut self.pending;
        pending.position = Some(line.position);
        pending.lines = 1;
        pending.last = 0;
        pending.time = time;
        pending.severity.clear();
        pending.severity.push_str(severity);
        pending.told.fill(&told);
        pending.texts.iter_mut().for_each(String::clear);
        pending.texts[0].push_str(message);
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        self.flush(harvest);
    }
}
