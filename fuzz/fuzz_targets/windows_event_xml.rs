//! The reader of `windows_event_xml`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("windows_event_xml"), data));
