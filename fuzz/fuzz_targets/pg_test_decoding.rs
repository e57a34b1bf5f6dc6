//! The reader `pg_test_decoding`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::PgTestDecoding));
