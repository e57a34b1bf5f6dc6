//! What one record of a PostgreSQL log means, whichever of the formats it came in.

mod outcome;

use crate::harvest::Harvest;
use crate::json;
use crate::postgres::message::{self, Audit, Meaning, parameters};
use crate::postgres::words::Words;
use stanch_model::event::Record;
use stanch_model::{EventClass, Instant, NumberField, Position, TextField};
use std::net::IpAddr;
use std::sync::Arc;

/// The columns that matter, empty where the record lacks them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PgRecord<'a> {
    pub(crate) user: &'a str,
    pub(crate) database: &'a str,
    pub(crate) pid: &'a str,
    /// Host, or `host:port` as csvlog has it.
    pub(crate) connection_from: &'a str,
    pub(crate) port: &'a str,
    pub(crate) session_id: &'a str,
    pub(crate) line_num: &'a str,
    pub(crate) command_tag: &'a str,
    pub(crate) severity: &'a str,
    pub(crate) sqlstate: &'a str,
    pub(crate) message: &'a str,
    pub(crate) detail: &'a str,
    pub(crate) hint: &'a str,
    pub(crate) internal_query: &'a str,
    pub(crate) context: &'a str,
    pub(crate) statement: &'a str,
    pub(crate) app: &'a str,
    pub(crate) backend_type: &'a str,
    pub(crate) query_id: &'a str,
    pub(crate) transaction_id: &'a str,
    /// The server's own address that the client connected to.
    pub(crate) local_host: &'a str,
    /// The machine, where an envelope names it.
    pub(crate) device: &'a str,
    /// Lines of other programs that write into the same file.
    pub(crate) beside: &'a str,
}

/// Turns records into events. Keeps its buffers from one record to the next.
pub(crate) struct Writer {
    words: Arc<Words>,
    parameters: String,
    unmapped: String,
    /// A message in English that the server wrote in another language.
    english: String,
    detail: String,
}

impl Writer {
    pub(crate) fn new(words: Arc<Words>) -> Writer {
        let (parameters, unmapped) = (String::new(), String::new());
        Writer { words, parameters, unmapped, english: String::new(), detail: String::new() }
    }

    /// Hands one record on as an event of `lines` lines.
    pub(crate) fn write(&mut self, pg: &PgRecord<'_>, place: (Instant, Position, u64), harvest: &mut Harvest) {
        let mut english = std::mem::take(&mut self.english);
        let mut said = pg.message;
        let mut meaning = message::meaning(said);
        if meaning == Meaning::Other && self.words.translate(said, &mut english) {
            said = &english;
            meaning = message::meaning(said);
        }
        self.write_meaning(pg, said, &meaning, place, harvest);
        drop(meaning);
        self.english = english;
    }

    /// The same for a line of pgAudit that came taken apart.
    pub(crate) fn write_audit(
        &mut self,
        pg: &PgRecord<'_>,
        audit: Audit,
        place: (Instant, Position, u64),
        harvest: &mut Harvest,
    ) {
        self.write_meaning(pg, pg.message, &Meaning::Audit(audit), place, harvest);
    }

    /// `said` is the message in English.
    fn write_meaning(
        &mut self,
        pg: &PgRecord<'_>,
        said: &str,
        meaning: &Meaning<'_>,
        (time, position, lines): (Instant, Position, u64),
        harvest: &mut Harvest,
    ) {
        self.parameters.clear();
        self.unmapped.clear();
        let words = Arc::clone(&self.words);
        let pg = &PgRecord { severity: words.english(pg.severity), ..*pg };
        let in_detail = parameters::of_detail(pg.detail, &words, &mut self.detail, &mut self.parameters);
        if !in_detail {
            parameters::of_context(pg.context, &words, &mut self.detail, &mut self.parameters);
        }
        let meaning = if is_own(pg, meaning) { meaning } else { &Meaning::Other };
        self.members_of(meaning);
        let is_error = matches!(pg.severity, "ERROR" | "FATAL" | "PANIC");
        self.columns_without_field(pg, in_detail, is_error || *meaning != Meaning::Other);

        let mut record = Record::new(time, EventClass::Base, position);
        columns(&mut record, pg, &words);
        if is_error {
            outcome::failure(&mut record, pg, said);
        } else {
            outcome::success(&mut record, pg, meaning);
        }
        if !self.parameters.is_empty() {
            record.set_text(TextField::QueryParameters, &self.parameters);
        }
        if !self.unmapped.is_empty() {
            self.unmapped.insert(0, '{');
            self.unmapped.push('}');
            record.set_text(TextField::Unmapped, &self.unmapped);
        }
        harvest.event(record, lines);
    }

    /// What a message says and no field holds.
    fn members_of(&mut self, meaning: &Meaning<'_>) {
        let unmapped = &mut self.unmapped;
        match meaning {
            Meaning::Audit(audit) => audit_members(audit, &mut self.parameters, unmapped),
            Meaning::Plan(plan) => {
                if let (true, Some(list)) = (self.parameters.is_empty(), &plan.parameters) {
                    parameters::parameter_list(list, &mut self.parameters);
                }
            }
            Meaning::Connection(connection) => {
                let said =
                    [("identity", connection.identity), ("auth_method", connection.method), ("tls", connection.tls)];
                for (name, value) in said {
                    if let Some(value) = value {
                        json::push_member(unmapped, name, value);
                    }
                }
                if connection.replicates {
                    json::push_member_raw(unmapped, "replication", "true");
                }
            }
            Meaning::TemporaryFile { bytes } => {
                json::push_member_raw(unmapped, "temporary_file_bytes", &bytes.to_string());
            }
            _ => {}
        }
    }

    fn columns_without_field(&mut self, pg: &PgRecord<'_>, in_detail: bool, understood: bool) {
        let out = &mut self.unmapped;
        let mut keep = |name: &str, value: &str| {
            if !value.is_empty() {
                json::push_member(out, name, value);
            }
        };
        keep("detail", if in_detail { "" } else { pg.detail });
        keep("hint", pg.hint);
        keep("internal_query", pg.internal_query);
        keep("context", pg.context);
        keep("process_id", pg.pid);
        keep("query_id", if pg.query_id == "0" { "" } else { pg.query_id });
        keep("transaction_id", if pg.transaction_id == "0" { "" } else { pg.transaction_id });
        keep("severity", if understood && pg.severity == "LOG" { "" } else { pg.severity });
        keep("backend_type", if pg.backend_type == "client backend" { "" } else { pg.backend_type });
        keep("beside", pg.beside);
        let (host, _) = host_and_port(pg);
        if host.is_none() {
            keep("connection_from", pg.connection_from);
        }
    }
}

/// Whether the server itself says so. A client's code can raise a message with the same words; the server then tells
/// the statement that raised it, which it never does for its own records of statements, connections and audits.
fn is_own(pg: &PgRecord<'_>, meaning: &Meaning<'_>) -> bool {
    match meaning {
        Meaning::Plan(_) | Meaning::Audit(_) => pg.statement.is_empty(),
        Meaning::Statement { .. } | Meaning::Duration { .. } | Meaning::Connection(_) => {
            let is_log = pg.severity == "LOG" || pg.severity.starts_with("DEBUG");
            is_log && pg.statement.is_empty() && pg.context.is_empty()
        }
        Meaning::LockWait { .. } | Meaning::TemporaryFile { .. } | Meaning::Other => true,
    }
}

/// The client's address and port, where it has one (`[local]` has none).
fn host_and_port<'a>(pg: &PgRecord<'a>) -> (Option<&'a str>, Option<i64>) {
    let from = pg.connection_from;
    let is_address = |text: &str| text.split('%').next().is_some_and(|t| t.parse::<IpAddr>().is_ok());
    // csvlog writes IPv6 and port with nothing between but one more colon.
    let (host, port) = match from.rsplit_once(':') {
        Some((host, port)) if pg.port.is_empty() && is_address(host) => (host, port),
        _ => (from, pg.port),
    };
    let named = !host.is_empty() && !host.starts_with('[') && host != "???";
    (named.then_some(host), port.parse().ok().filter(|p| *p > 0))
}

fn columns<'a>(record: &mut Record<'a>, pg: &PgRecord<'a>, words: &Words) {
    for (field, value) in [
        (TextField::UserName, pg.user),
        (TextField::Database, pg.database),
        (TextField::SessionUid, pg.session_id),
        (TextField::AppName, pg.app),
        (TextField::DstIp, pg.local_host),
        (TextField::Device, pg.device),
    ] {
        if !value.is_empty() && value != "[local]" && !words.is_unknown(value) {
            record.set_text(field, value);
        }
    }
    let (host, port) = host_and_port(pg);
    if let Some(host) = host {
        record.set_text(TextField::SrcIp, host);
    }
    if let Some(port) = port {
        record.set_number(NumberField::SrcPort, port);
    }
    if let Ok(n) = pg.line_num.parse() {
        record.set_number(NumberField::Sequence, n);
    }
}

fn audit_members(audit: &Audit, parameters: &mut String, unmapped: &mut String) {
    for (name, value) in [
        ("audit_type", &audit.kind),
        ("audit_class", &audit.class),
        ("statement_id", &audit.statement_id),
        ("substatement_id", &audit.substatement_id),
        ("object_type", &audit.object_type),
    ] {
        if !value.is_empty() {
            json::push_member(unmapped, name, value);
        }
    }
    if let (None, Some(rows)) = (audit.counted_rows(), audit.rows) {
        json::push_member_raw(unmapped, "rows", &rows.to_string());
    }
    if let Some(values) = &audit.parameters {
        parameters.clear();
        parameters.push('[');
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                parameters.push(',');
            }
            json::push_string(parameters, value);
        }
        parameters.push(']');
    }
}
