//! The reader `json`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::Json));
