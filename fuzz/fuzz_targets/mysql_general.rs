//! The reader of `mysql_general`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("mysql_general"), data));
