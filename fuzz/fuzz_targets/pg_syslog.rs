//! The reader `pg_syslog`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::PgSyslog));
