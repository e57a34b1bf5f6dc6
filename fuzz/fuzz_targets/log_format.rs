//! The reader `log_format`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::LogFormat));
