//! The reader `text`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::Text));
