//! The reader of `pg_wal2json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("pg_wal2json"), data));
