//! What one record of a PostgreSQL log means, whichever of the three formats it came in.

use crate::harvest::Harvest;
use crate::json;
use crate::postgres::message::{self, Audit, Meaning};
use stanch_model::event::Record;
use stanch_model::{EventClass, EventFields, Instant, NumberField, Position, TextField};
use std::net::IpAddr;

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
}

/// Turns records into events. Keeps its buffers from one record to the next.
#[derive(Default)]
pub(crate) struct Writer {
    parameters: String,
    unmapped: String,
}

impl Writer {
    /// Hands one record on as an event of `lines` lines.
    pub(crate) fn write(
        &mut self,
        pg: &PgRecord<'_>,
        (time, position, lines): (Instant, Position, u64),
        harvest: &mut Harvest,
    ) {
        self.parameters.clear();
        self.unmapped.clear();
        let meaning = message::meaning(pg.message);
        let bound = message::parameters(pg.detail, &mut self.parameters)
            || message::parameters(pg.context, &mut self.parameters);
        if let Meaning::Audit(audit) = &meaning {
            audit_members(audit, &mut self.parameters, &mut self.unmapped);
        }
        let is_error = matches!(pg.severity, "ERROR" | "FATAL" | "PANIC");
        self.unmapped_columns(pg, bound, is_error || meaning != Meaning::Other);

        let mut record = Record::new(time, EventClass::Base, position);
        columns(&mut record, pg);
        if is_error {
            failure(&mut record, pg);
        } else {
            success(&mut record, pg, &meaning);
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

    fn unmapped_columns(&mut self, pg: &PgRecord<'_>, bound: bool, understood: bool) {
        let out = &mut self.unmapped;
        let mut keep = |name: &str, value: &str| {
            if !value.is_empty() {
                json::push_member(out, name, value);
            }
        };
        keep("detail", if bound { "" } else { pg.detail });
        keep("hint", pg.hint);
        keep("internal_query", pg.internal_query);
        keep("context", pg.context);
        keep("process_id", pg.pid);
        keep("query_id", if pg.query_id == "0" { "" } else { pg.query_id });
        keep("transaction_id", if pg.transaction_id == "0" { "" } else { pg.transaction_id });
        keep("severity", if understood && pg.severity == "LOG" { "" } else { pg.severity });
        keep("backend_type", if pg.backend_type == "client backend" { "" } else { pg.backend_type });
        let (host, _) = host_and_port(pg);
        if host.is_none() {
            keep("connection_from", pg.connection_from);
        }
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

fn columns<'a>(record: &mut Record<'a>, pg: &PgRecord<'a>) {
    for (field, value) in [
        (TextField::UserName, pg.user),
        (TextField::Database, pg.database),
        (TextField::SessionUid, pg.session_id),
        (TextField::AppName, pg.app),
    ] {
        if !value.is_empty() && value != "[unknown]" {
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

/// A record of something that the server refused.
fn failure<'a>(record: &mut Record<'a>, pg: &PgRecord<'a>) {
    record.set_text(TextField::Status, "failure");
    if !pg.sqlstate.is_empty() {
        record.set_text(TextField::StatusCode, pg.sqlstate);
    }
    record.set_text(TextField::StatusDetail, pg.message);
    if is_refused_login(pg) {
        record.class = EventClass::Authentication;
        record.set_text(TextField::Activity, "logon");
        return;
    }
    record.set_text(TextField::Activity, "error");
    if !pg.statement.is_empty() {
        record.set_text(TextField::Query, pg.statement);
        if let Some(command) = command_tag(pg, pg.statement) {
            record.set_text(TextField::QueryCommand, command);
        }
    }
    if !pg.statement.is_empty() || !pg.user.is_empty() {
        record.class = EventClass::DatastoreActivity;
    }
}

fn is_refused_login(pg: &PgRecord<'_>) -> bool {
    pg.severity == "FATAL"
        && (pg.sqlstate.starts_with("28")
            || pg.message.contains("authentication failed for user")
            || pg.message.starts_with("no pg_hba.conf entry")
            || (pg.message.starts_with("role \"") && pg.message.ends_with("\" does not exist")))
}

/// A record of something done, or of the server's own doings.
fn success<'a>(record: &mut Record<'a>, pg: &PgRecord<'a>, meaning: &'a Meaning<'a>) {
    match meaning {
        Meaning::Statement { activity, sql, duration_us } => {
            statement(record, pg, activity, sql, *duration_us);
        }
        Meaning::Duration { us } => {
            record.class = EventClass::DatastoreActivity;
            record.set_text(TextField::Activity, "duration");
            record.set_number(NumberField::DurationUs, *us);
        }
        Meaning::Plan { us, sql } => {
            record.class = EventClass::DatastoreActivity;
            record.set_text(TextField::Activity, "plan");
            record.set_number(NumberField::DurationUs, *us);
            record.set_text(TextField::Message, pg.message);
            if let Some(sql) = sql {
                record.set_text(TextField::Query, sql);
            }
        }
        Meaning::Audit(audit) => {
            record.class = EventClass::DatastoreActivity;
            record.set_text(TextField::Activity, "audit");
            record.set_text(TextField::QueryCommand, &audit.command);
            if let Some(sql) = &audit.statement {
                record.set_text(TextField::Query, sql);
            }
            if let Some(rows) = audit.counted_rows() {
                record.set_number(NumberField::Rows, rows);
            }
        }
        Meaning::Received { .. } | Meaning::Authenticated | Meaning::Authorized { .. } | Meaning::Left { .. } => {
            connection(record, meaning);
            if *meaning == Meaning::Authenticated {
                record.set_text(TextField::Message, pg.message);
            }
        }
        Meaning::Other => {
            // NOTICE, WARNING and the like that a statement caused.
            if !pg.statement.is_empty() {
                record.class = EventClass::DatastoreActivity;
                record.set_text(TextField::Activity, "notice");
                record.set_text(TextField::Query, pg.statement);
            }
            record.set_text(TextField::Message, pg.message);
        }
    }
}

fn statement<'a>(
    record: &mut Record<'a>,
    pg: &PgRecord<'a>,
    activity: &'static str,
    sql: &'a str,
    duration_us: Option<i64>,
) {
    record.class = EventClass::DatastoreActivity;
    record.set_text(TextField::Activity, activity);
    record.set_text(TextField::Query, sql);
    if let Some(command) = command_tag(pg, sql) {
        record.set_text(TextField::QueryCommand, command);
    }
    if let Some(us) = duration_us {
        // A duration is only known of what came to its end.
        record.set_number(NumberField::DurationUs, us);
        record.set_text(TextField::Status, "success");
    }
}

/// The server's tag of the command where it says one; it says `idle` or `PARSE` too, which is none.
fn command_tag<'a>(pg: &PgRecord<'a>, sql: &str) -> Option<&'a str> {
    message::command(sql).or_else(|| {
        let tag = pg.command_tag;
        let says_one = tag.starts_with(|c: char| c.is_ascii_uppercase())
            && !matches!(tag, "PARSE" | "BIND" | "EXECUTE" | "DESCRIBE" | "SYNC");
        says_one.then_some(tag)
    })
}

fn connection<'a>(record: &mut Record<'a>, meaning: &Meaning<'a>) {
    record.class = EventClass::Authentication;
    let mut fill = |field: TextField, value: Option<&'a str>| {
        if let (None, Some(value)) = (record.text(field), value.filter(|v| !v.starts_with('['))) {
            record.set_text(field, value);
        }
    };
    let (activity, status, numbers) = match meaning {
        Meaning::Received { host, port } => {
            fill(TextField::SrcIp, *host);
            ("connect", None, [(NumberField::SrcPort, *port), (NumberField::DurationUs, None)])
        }
        Meaning::Authorized { user, database, app } => {
            fill(TextField::UserName, *user);
            fill(TextField::Database, *database);
            fill(TextField::AppName, *app);
            ("logon", Some("success"), [(NumberField::SrcPort, None), (NumberField::DurationUs, None)])
        }
        Meaning::Left { us, user, database, host, port } => {
            fill(TextField::UserName, *user);
            fill(TextField::Database, *database);
            fill(TextField::SrcIp, *host);
            ("logoff", None, [(NumberField::SrcPort, *port), (NumberField::DurationUs, *us)])
        }
        _ => ("authenticate", None, [(NumberField::SrcPort, None), (NumberField::DurationUs, None)]),
    };
    record.set_text(TextField::Activity, activity);
    if let Some(status) = status {
        record.set_text(TextField::Status, status);
    }
    for (field, value) in numbers {
        if let (None, Some(n)) = (record.number(field), value) {
            record.set_number(field, n);
        }
    }
}

fn audit_members(audit: &Audit, parameters: &mut String, unmapped: &mut String) {
    for (name, value) in [
        ("audit_type", &audit.kind),
        ("audit_class", &audit.class),
        ("statement_id", &audit.statement_id),
        ("substatement_id", &audit.substatement_id),
        ("object_type", &audit.object_type),
        ("object_name", &audit.object),
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
