//! Logs of store applications that patterns alone do not read.

pub(crate) mod rails;
