//! Reads the log of MariaDB's server_audit plugin: connections, statements, and the tables that they used.

use crate::clock::{Clock, TimeFault};
use crate::harvest::Harvest;
use crate::held::KeptLine;
use crate::json;
use crate::lines::Line;
use crate::mysql::audited::{About, Audited, unescaped};
use crate::mysql::lookahead::{Look, Lookahead};
use crate::mysql::session::DOUBT_USER_NAME;
use crate::mysql::sql::{self, Lexer};
use crate::mysql::stamp::Stamp;
use crate::reader::Reader;
use crate::reader::make::Make;
use stanch_model::event::Record;
use stanch_model::{EventClass, Instant, NumberField, TextField};
use std::net::IpAddr;

/// Bytes after which the plugin cuts a statement by default (server_audit_query_log_limit); one less where an escape
/// did not fit.
const CUT_AT: std::ops::RangeInclusive<usize> = 1_023..=1_024;

/// What the plugin calls itself in a system log, if nobody calls it otherwise.
const SYSLOG_IDENT: &str = "server_auditing";

/// The reader.
pub(crate) struct ServerAudit {
    clock: Clock,
    ahead: Lookahead,
    unmapped: String,
}

impl ServerAudit {
    pub(crate) fn new(make: Make<'_>) -> ServerAudit {
        ServerAudit { clock: make.clock, ahead: Lookahead::default(), unmapped: String::new() }
    }

    fn take(&mut self, kept: &KeptLine, in_doubt: bool, harvest: &mut Harvest) {
        let Some(beginning) = Beginning::read(&kept.text) else {
            return kept.refuse(harvest, "no time, server and user as the plugin writes them");
        };
        let Some(audited) = Audited::read(beginning.rest) else {
            return kept.refuse(harvest, "not the plugin's fields, or cut off");
        };
        match self.time(beginning.time) {
            Ok(time) => self.emit(&beginning, &audited, (time, kept), in_doubt, harvest),
            Err(_) if beginning.time.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                kept.refuse(harvest, "a system log's time without a year; write the log with ISO times or to a file");
            }
            Err(fault) => kept.refuse(harvest, fault.reason()),
        }
    }

    fn time(&mut self, written: &str) -> Result<Instant, TimeFault> {
        match Stamp::at_start(written) {
            Some((stamp, "")) => stamp.read(&mut self.clock),
            _ => self.clock.any(written),
        }
    }

    fn emit(
        &mut self,
        beginning: &Beginning<'_>,
        audited: &Audited<'_>,
        (time, kept): (Instant, &KeptLine),
        in_doubt: bool,
        harvest: &mut Harvest,
    ) {
        let text = if audited.about == About::Statement { unescaped(audited.object) } else { audited.object.into() };
        self.unmapped(audited, &text, kept, in_doubt);
        let class = match audited.about {
            About::Connection => EventClass::Authentication,
            About::Statement | About::Table => EventClass::DatastoreActivity,
        };
        let mut record = Record::new(time, class, kept.line().position);
        let (host, port) = host_and_port(audited.host);
        for (field, value) in [
            (TextField::Device, beginning.server),
            (TextField::UserName, audited.user),
            (TextField::SrcIp, host),
            (TextField::SessionUid, audited.connection),
            (TextField::Database, audited.database),
        ] {
            if !value.is_empty() {
                record.set_text(field, value);
            }
        }
        if let Some(port) = port {
            record.set_number(NumberField::SrcPort, port);
        }
        // Connections have no statement, so no number of one.
        if let Some(sequence) = audited.query.parse().ok().filter(|n| *n > 0) {
            record.set_number(NumberField::Sequence, sequence);
        }
        let failed = !audited.code.is_empty() && audited.code != "0";
        record.set_text(TextField::Activity, audited.activity);
        match audited.about {
            About::Statement => {
                record.set_text(TextField::Query, &text);
                if let Some(command) = sql::command(&text) {
                    record.set_text(TextField::QueryCommand, command);
                }
                if failed {
                    record.set_text(TextField::Activity, "error");
                }
            }
            About::Table => record.set_text(TextField::Resource, text.split('|').next().unwrap_or(&text)),
            About::Connection if text.starts_with(is_tls) => record.set_text(TextField::Protocol, "tls"),
            About::Connection => {}
        }
        if failed {
            record.set_text(TextField::StatusCode, audited.code);
        }
        if !audited.code.is_empty() && audited.activity != "logoff" {
            record.set_text(TextField::Status, if failed { "failure" } else { "success" });
        }
        if !self.unmapped.is_empty() {
            self.unmapped.insert(0, '{');
            self.unmapped.push('}');
            record.set_text(TextField::Unmapped, &self.unmapped);
        }
        harvest.event(record, kept.lines);
    }

    fn unmapped(&mut self, audited: &Audited<'_>, text: &str, kept: &KeptLine, in_doubt: bool) {
        let out = &mut self.unmapped;
        out.clear();
        match audited.about {
            About::Statement => {
                // Bytes that are no UTF-8, as where a character was cut, are longer in the text than in the file.
                let around = kept.text.len() - audited.object.len();
                let bytes = kept.raw.trim_ascii_end().len().saturating_sub(around);
                let is_cut = CUT_AT.contains(&bytes) || audited.code == "0" && Lexer::behind(text, true).is_open();
                if is_cut {
                    json::push_member_raw(out, "truncated", "true");
                }
            }
            About::Table => {
                if let Some((_, new)) = text.split_once('|') {
                    json::push_member(out, "new_name", new);
                }
            }
            About::Connection if text.starts_with(is_tls) => json::push_member(out, "tls_version", text),
            About::Connection if !text.is_empty() => json::push_member(out, "proxy", text),
            About::Connection => {}
        }
        if in_doubt {
            json::push_member(out, "doubt", DOUBT_USER_NAME);
        }
    }
}

/// Whether an object is a TLS version; that of a proxy begins with a quote.
fn is_tls(first: char) -> bool {
    first.is_ascii_alphabetic()
}

/// Time and server, and the fields behind them.
struct Beginning<'a> {
    time: &'a str,
    server: &'a str,
    rest: &'a str,
}

impl<'a> Beginning<'a> {
    /// Reads the plugin's own form, or a system log's with the plugin's name in it.
    fn read(text: &'a str) -> Option<Beginning<'a>> {
        let (first, rest) = text.split_once(',')?;
        let is_time = matches!(Stamp::at_start(first), Some((_, "")))
            || first.len() == 16 && first.bytes().all(|b| b.is_ascii_digit());
        if is_time {
            let (server, rest) = rest.split_once(',')?;
            return Some(Beginning { time: first, server, rest });
        }
        let (header, message) = first.split_once(SYSLOG_IDENT)?;
        let time = header.split(' ').next()?;
        let server = message.rsplit([' ', ':']).next()?;
        Some(Beginning { time, server, rest })
    }
}

/// The client's address and port; from MariaDB 12 on the plugin writes both.
fn host_and_port(text: &str) -> (&str, Option<i64>) {
    if text.parse::<IpAddr>().is_ok() {
        return (text, None);
    }
    match text.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port.parse().ok()),
        _ => (text, None),
    }
}

fn look(text: &str) -> Look {
    let is_of_connection = |fields: &str| Audited::read(fields).map(|a| a.about == About::Connection);
    match Beginning::read(text) {
        Some(beginning) => match is_of_connection(beginning.rest) {
            Some(true) => Look::Login,
            Some(false) => Look::Other,
            None => Look::OpenLogin,
        },
        None if is_of_connection(text) == Some(true) => Look::LoginEnd,
        None => Look::Other,
    }
}

impl Reader for ServerAudit {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        self.ahead.push(line, look(line.text));
        while let Some(waiting) = self.ahead.pop(false) {
            self.take(&waiting.kept, waiting.in_doubt, harvest);
            self.ahead.reuse(waiting);
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        while let Some(waiting) = self.ahead.pop(true) {
            self.take(&waiting.kept, waiting.in_doubt, harvest);
        }
    }
}
