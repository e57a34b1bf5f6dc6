//! The reader of `windows_evtx`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("windows_evtx"), data));
