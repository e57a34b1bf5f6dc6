//! The reader `container`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::Container));
