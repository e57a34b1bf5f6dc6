//! The reader of `spring_boot`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("spring_boot"), data));
