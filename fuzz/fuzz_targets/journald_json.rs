//! The reader `journald_json`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::JournaldJson));
