//! What a detection says about some events.

use crate::evidence::Seal;
use crate::intruder::Identity;
use crate::time::Window;
use serde::{Deserialize, Serialize};

/// How much a finding matters by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth a look.
    Medium,
    /// Act.
    High,
}

/// What one detection found: which events, about whom, how sure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The detection pack that speaks, `web/sql_injection_in_parameters`.
    pub detection: String,
    /// One line for people, without personal data.
    pub title: String,
    /// The numbers behind it, without personal data: `412 failures for 371 user names from 26 addresses`.
    pub detail: String,
    /// How much it matters.
    pub severity: Severity,
    /// 0 to 1: how sure the detection is that this was an intruder.
    pub confidence: f64,
    /// First and last event.
    pub window: Window,
    /// How many events.
    pub events: u64,
    /// Some of them, to look at: (evidence, byte offset, length).
    pub examples: Vec<(Seal, u64, u32)>,
    /// The identities that it proposes, each with its own confidence and reason.
    pub proposes: Vec<Identity>,
}
