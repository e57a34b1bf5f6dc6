//! The reader `rails`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::Rails));
