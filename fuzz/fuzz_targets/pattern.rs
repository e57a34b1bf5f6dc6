//! Patterns that a store file states.

#![no_main]

stanch_fuzz::target!(Target::Pattern);
