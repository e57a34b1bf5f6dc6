//! The reader `pg_wrapped`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::PgWrapped));
