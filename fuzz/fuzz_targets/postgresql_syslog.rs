//! The reader of `postgresql_syslog`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("postgresql_syslog"), data));
