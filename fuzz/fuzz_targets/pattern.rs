//! A pattern that a store file states, and lines behind it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::by_pattern(data));
