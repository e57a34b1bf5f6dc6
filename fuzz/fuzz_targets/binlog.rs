//! The reader `binlog`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::Binlog));
