//! The fields of a record by what it says was done, or refused.

use super::PgRecord;
use crate::postgres::message::{self, Connection, Meaning, Step};
use stanch_model::event::Record;
use stanch_model::{EventClass, EventFields, NumberField, TextField};

/// A record of something that the server refused. `said` is its message in English.
pub(super) fn failure<'a>(record: &mut Record<'a>, pg: &PgRecord<'a>, said: &str) {
    record.set_text(TextField::Status, "failure");
    if !pg.sqlstate.is_empty() {
        record.set_text(TextField::StatusCode, pg.sqlstate);
    }
    record.set_text(TextField::StatusDetail, pg.message);
    if is_refused_login(pg, said) {
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

fn is_refused_login(pg: &PgRecord<'_>, said: &str) -> bool {
    pg.severity == "FATAL"
        && (pg.sqlstate.starts_with("28")
            || said.contains("authentication failed for user")
            || said.starts_with("no pg_hba.conf entry")
            || said.starts_with("pg_hba.conf rejects")
            || (said.starts_with("role \"") && said.ends_with("\" does not exist")))
}

/// A record of something done, or of the server's own doings.
pub(super) fn success<'a>(record: &mut Record<'a>, pg: &PgRecord<'a>, meaning: &'a Meaning<'a>) {
    match meaning {
        Meaning::Statement { activity, sql, duration_us } => {
            statement(record, pg, activity, sql, *duration_us);
        }
        Meaning::Duration { us } => {
            record.class = EventClass::DatastoreActivity;
            record.set_text(TextField::Activity, "duration");
            record.set_number(NumberField::DurationUs, *us);
        }
        Meaning::Plan(plan) => {
            record.class = EventClass::DatastoreActivity;
            record.set_text(TextField::Activity, "plan");
            record.set_number(NumberField::DurationUs, plan.us);
            record.set_text(TextField::Message, pg.message);
            if let Some(sql) = plan.sql.as_deref() {
                record.set_text(TextField::Query, sql);
                if let Some(command) = message::command(sql) {
                    record.set_text(TextField::QueryCommand, command);
                }
            }
            if let Some(rows) = plan.rows {
                record.set_number(NumberField::Rows, rows);
            }
        }
        Meaning::Audit(audit) => {
            record.class = EventClass::DatastoreActivity;
            record.set_text(TextField::Activity, "audit");
            record.set_text(TextField::QueryCommand, &audit.command);
            if let Some(sql) = &audit.statement {
                record.set_text(TextField::Query, sql);
            }
            if !audit.object.is_empty() {
                record.set_text(TextField::Resource, &audit.object);
            }
            if let Some(rows) = audit.counted_rows() {
                record.set_number(NumberField::Rows, rows);
            }
        }
        Meaning::Connection(said) => {
            connection(record, said);
            if said.step == Step::Authenticated {
                record.set_text(TextField::Message, pg.message);
            }
        }
        Meaning::LockWait { us } => {
            caused_by_statement(record, pg, "lock_wait");
            if let Some(us) = us {
                record.set_number(NumberField::DurationUs, *us);
            }
        }
        Meaning::TemporaryFile { .. } => caused_by_statement(record, pg, "temporary_file"),
        Meaning::Other => {
            // NOTICE, WARNING and the like that a statement caused.
            if pg.statement.is_empty() {
                record.set_text(TextField::Message, pg.message);
            } else {
                caused_by_statement(record, pg, "notice");
            }
        }
    }
}

/// Something that a statement brought about, told beside it.
fn caused_by_statement<'a>(record: &mut Record<'a>, pg: &PgRecord<'a>, activity: &'static str) {
    record.class = EventClass::DatastoreActivity;
    record.set_text(TextField::Activity, activity);
    if !pg.statement.is_empty() {
        record.set_text(TextField::Query, pg.statement);
    }
    if !pg.message.is_empty() {
        record.set_text(TextField::Message, pg.message);
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

fn connection<'a>(record: &mut Record<'a>, said: &Connection<'a>) {
    record.class = EventClass::Authentication;
    let (activity, status) = match said.step {
        Step::Received => ("connect", None),
        Step::Authenticated => ("authenticate", None),
        Step::Authorized => ("logon", Some("success")),
        Step::Left => ("logoff", None),
    };
    record.set_text(TextField::Activity, activity);
    if let Some(status) = status {
        record.set_text(TextField::Status, status);
    }
    let texts = [
        (TextField::UserName, said.user),
        (TextField::Database, said.database),
        (TextField::AppName, said.app),
        (TextField::SrcIp, said.host),
    ];
    for (field, value) in texts {
        // The record's own columns are whole where these may be cut.
        if let (None, Some(value)) = (record.text(field), value.filter(|v| !v.starts_with('['))) {
            record.set_text(field, value);
        }
    }
    for (field, value) in [(NumberField::SrcPort, said.port), (NumberField::DurationUs, said.us)] {
        if let (None, Some(n)) = (record.number(field), value) {
            record.set_number(field, n);
        }
    }
}
