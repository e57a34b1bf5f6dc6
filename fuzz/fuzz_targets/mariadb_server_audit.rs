//! The reader of `mariadb_server_audit`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("mariadb_server_audit"), data));
