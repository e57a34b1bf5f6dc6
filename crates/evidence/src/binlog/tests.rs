//! Whole logs.
