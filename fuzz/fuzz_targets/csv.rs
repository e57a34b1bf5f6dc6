//! The reader of `csv_table`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stanch_fuzz::in_format(Some("csv_table"), data));
