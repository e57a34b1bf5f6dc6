//! The reader of `mysql_binlog`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("mysql_binlog"), data));
