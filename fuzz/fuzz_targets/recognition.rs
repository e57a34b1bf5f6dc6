//! Every reader tries, and the one that fits reads.

#![no_main]

stanch_fuzz::target!(Target::Recognition);
