//! Benchmark inputs with known truth, and the runs over them.

pub mod access;
mod chance;
pub mod database;
mod dump;
mod log;
mod people;
pub mod read;
pub mod run;
