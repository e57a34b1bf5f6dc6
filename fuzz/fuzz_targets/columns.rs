//! The reader of `iis_w3c`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("iis_w3c"), data));
