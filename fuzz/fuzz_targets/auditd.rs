//! The reader `auditd`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::Auditd));
