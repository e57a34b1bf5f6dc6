//! The reader `pcap`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::Pcap));
