//! The reader `audit_sections`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::AuditSections));
