//! The reader `pg_stderr`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::PgStderr));
