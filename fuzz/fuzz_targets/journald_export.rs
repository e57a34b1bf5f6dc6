//! The reader `journald_export`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::JournaldExport));
