//! The reader `syslog`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::Syslog));
