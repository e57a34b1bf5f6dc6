//! The reader `access`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::Access));
