//! The reader of `aws_cloudtrail`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("aws_cloudtrail"), data));
