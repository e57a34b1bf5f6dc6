//! The reader `pg_wal2json`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::PgWal2json));
