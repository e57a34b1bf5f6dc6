//! The reader `mariadb_server_audit`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::MariadbServerAudit));
