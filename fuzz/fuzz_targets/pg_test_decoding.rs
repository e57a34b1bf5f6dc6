//! The reader of `pg_test_decoding`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("pg_test_decoding"), data));
