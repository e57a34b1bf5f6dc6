//! The reader of `mysql_error`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("mysql_error"), data));
