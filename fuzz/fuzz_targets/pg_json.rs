//! The reader `pg_json`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::PgJson));
