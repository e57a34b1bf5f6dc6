//! The reader `pg_csv`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::PgCsv));
