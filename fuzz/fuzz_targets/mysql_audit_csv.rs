//! The reader `mysql_audit_csv`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::MysqlAuditCsv));
