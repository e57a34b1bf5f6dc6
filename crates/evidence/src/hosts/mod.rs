//! Readers of what hosts log about themselves: the Linux audit system, the systemd journal, Windows event logs.

pub(crate) mod auditd;
pub(crate) mod evtx;
#[cfg(test)]
mod evtx_build;
pub(crate) mod journald;
pub(crate) mod windows;
