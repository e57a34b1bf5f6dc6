//! The reader `columns`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::Columns));
