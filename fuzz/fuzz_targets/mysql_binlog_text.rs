//! The reader of `mysql_binlog_text`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("mysql_binlog_text"), data));
