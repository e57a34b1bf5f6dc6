//! Reads PostgreSQL's logs: csvlog, jsonlog, stderr, syslog and what wraps them take a record apart, `record` says what
//! it means. PgBouncer's own log is read beside them.

pub(crate) mod csv;
#[cfg(test)]
mod hostile;
pub(crate) mod json;
pub(crate) mod message;
mod pending;
pub(crate) mod pgbouncer;
pub(crate) mod prefix;
pub(crate) mod readers;
pub(crate) mod record;
pub(crate) mod stderr;
pub(crate) mod syslog;
pub(crate) mod words;
pub(crate) mod wrapped;
