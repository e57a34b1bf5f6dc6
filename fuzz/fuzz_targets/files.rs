//! Files, and what they are packed in.

#![no_main]

stanch_fuzz::target!(Target::Files);
