//! The reader `windows_event_json`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::WindowsEventJson));
