//! The reader `windows_evtx`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::WindowsEvtx));
