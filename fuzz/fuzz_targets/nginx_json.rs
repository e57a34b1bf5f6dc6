//! The reader of `nginx_json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("nginx_json"), data));
