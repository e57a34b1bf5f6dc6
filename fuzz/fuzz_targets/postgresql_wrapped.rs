//! The reader of `postgresql_wrapped`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("postgresql_wrapped"), data));
