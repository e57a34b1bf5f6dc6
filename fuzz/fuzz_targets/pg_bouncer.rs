//! The reader `pg_bouncer`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::PgBouncer));
