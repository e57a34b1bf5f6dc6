//! Whatever format the bytes are recognised as.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(None, data));
