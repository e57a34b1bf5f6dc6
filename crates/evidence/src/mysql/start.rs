//! The three lines that a server writes into its query logs when it opens them.

use crate::harvest::Harvest;
use crate::held::Held;
use crate::json;
use crate::lines::Line;
use crate::mysql::session::DOUBT_OPEN_STATEMENT;
use stanch_model::event::Record;
use stanch_model::{EventClass, Instant, TextField};

/// Collects such lines until a record tells the time.
#[derive(Default)]
pub(crate) struct ServerStart {
    held: Held,
    in_doubt: bool,
}

impl ServerStart {
    /// Whether a line is the first of the three: `/usr/sbin/mysqld, Version: 8.0.36 (MySQL). started with:`.
    pub(crate) fn begins(text: &str) -> bool {
        text.ends_with("started with:") && text.contains(", Version: ")
    }

    /// Takes the first of the three. They may be a statement's own words if that did not close its quotes.
    pub(crate) fn begin(&mut self, line: &Line<'_>, lines: u64, in_doubt: bool) {
        if self.held.is_open() {
            // A server that was started twice and logged nothing between.
            self.held.go_on(line.text, line.position, lines, usize::MAX);
            return;
        }
        self.held.begin(line.text, line.position, lines);
        self.in_doubt = in_doubt;
    }

    /// Whether it takes the line: it is the second or third of the three.
    pub(crate) fn go_on(&mut self, line: &Line<'_>, lines: u64) -> bool {
        let text = line.text;
        let is_one = text.starts_with("Tcp port:")
            || text.starts_with("TCP Port:")
            || text.starts_with("Time") && text.ends_with("Argument");
        is_one && self.held.cover(line.position, lines)
    }

    /// Hands the lines on as an event of the given time.
    pub(crate) fn emit(&mut self, time: Option<Instant>, harvest: &mut Harvest) {
        let Some((position, lines)) = self.held.end() else { return };
        let Some(time) = time else {
            return harvest.unread_lines(position, lines, "a server's start without a record that tells the time");
        };
        let mut record = Record::new(time, EventClass::EventLogActivity, position);
        record.set_text(TextField::Activity, "start");
        record.set_text(TextField::Message, self.held.text());
        let mut doubt = String::new();
        if self.in_doubt {
            json::push_member(&mut doubt, "doubt", DOUBT_OPEN_STATEMENT);
            doubt = format!("{{{doubt}}}");
            record.set_text(TextField::Unmapped, &doubt);
        }
        harvest.event(record, lines);
    }
}
