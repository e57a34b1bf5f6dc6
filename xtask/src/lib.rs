#![doc = include_str!("../README.md")]

pub mod bench;
pub mod score;
pub mod steps;
