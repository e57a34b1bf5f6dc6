//! The drafting of a format pack.

#![no_main]

stanch_fuzz::target!(Target::Draft);
