//! The reader `pairs`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::Pairs));
