//! Reads syslog: who said what when, and, by the program that said it, what it means.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::messages::{Messages, Said};
use crate::syslog::{Envelope, Years, envelope};

/// The reader.
pub(crate) struct Syslog {
    clock: Clock,
    years: Years,
    messages: Messages,
    /// Beginnings of `program[process` that another format reads from whole lines of syslog (`postgres[`).
    others: Vec<String>,
}

impl Syslog {
    pub(crate) fn new(clock: Clock, years: Years, messages: Messages) -> Syslog {
        Syslog { clock, years, messages, others: Vec::new() }
    }

    /// Leaves the lines of a program to another format.
    pub(crate) fn without(mut self, program: &str) -> Syslog {
        self.others.push(program.to_owned());
        self
    }

    fn said(&mut self, line: &Line<'_>, envelope: &Envelope<'_>, harvest: &mut Harvest) {
        let time = match self.years.instant(envelope.time, &mut self.clock) {
            Ok(time) => time,
            Err(fault) => return harvest.unread(line, fault.reason()),
        };
        if let Some(remark) = self.years.remark() {
            harvest.remark(remark);
        }
        let said = Said {
            time,
            position: line.position,
            lines: 1,
            host: envelope.host,
            program: envelope.program,
            pid: envelope.pid,
            message: envelope.message,
        };
        self.messages.event(&said, harvest);
    }
}

impl Reader for Syslog {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let Some(envelope) = envelope(line.text) else {
            return harvest.unread(line, "no time and host as syslog has them");
        };
        // A time and two words begin many lines; the old shape alone may lack its program.
        let is_old = envelope.time.starts_with(|c: char| c.is_ascii_alphabetic());
        if envelope.program.is_empty() && envelope.priority.is_none() && !is_old {
            return harvest.unread(line, "no program that says it, as syslog has one");
        }
        if self.others.iter().any(|begin| is_of(&envelope, begin)) {
            return harvest.unread(line, format!("said by {}, which has a format of its own", envelope.program));
        }
        self.said(line, &envelope, harvest);
    }
}

/// Whether an envelope's `program[process` begins so.
fn is_of(envelope: &Envelope<'_>, begin: &str) -> bool {
    match begin.split_once('[') {
        Some((program, process)) => envelope.program == program && envelope.pid.starts_with(process),
        None => envelope.program.starts_with(begin),
    }
}
