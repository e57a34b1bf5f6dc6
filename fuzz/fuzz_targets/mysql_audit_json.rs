//! The reader `mysql_audit_json`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::MysqlAuditJson));
