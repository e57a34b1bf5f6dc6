//! The reader `mysql_audit_xml`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::MysqlAuditXml));
