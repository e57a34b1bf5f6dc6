//! Readers of what hosts log about themselves: the Linux audit system, the systemd journal, Windows event logs.

pub(crate) mod auditd;
pub(crate) mod journald;
