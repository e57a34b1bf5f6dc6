//! Reads PostgreSQL's logs: csvlog, jsonlog and stderr take a record apart, `record.rs` says what it means.

pub(crate) mod csv;
pub(crate) mod json;
pub(crate) mod message;
pub(crate) mod prefix;
pub(crate) mod record;
pub(crate) mod stderr;
