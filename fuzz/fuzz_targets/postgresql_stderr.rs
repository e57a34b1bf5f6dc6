//! The reader of `postgresql_stderr`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("postgresql_stderr"), data));
