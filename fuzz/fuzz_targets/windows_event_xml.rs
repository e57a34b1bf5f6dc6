//! The reader `windows_event_xml`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::WindowsEventXml));
