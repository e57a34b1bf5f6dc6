//! The reader `json_lines`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::JsonLines));
