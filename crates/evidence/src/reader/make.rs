//! What a reader is made of.

use crate::clock::Clock;
use crate::formats::Format;

/// Lines that may go on with one record while it is only tried whether a format fits. More of them say nothing about
/// the format, since a statement may hold any line.
const TRIAL_LINES_MAX: u64 = 12;

/// How a reader is made.
pub(crate) struct Make<'a> {
    pub(crate) format: &'a Format,
    pub(crate) clock: Clock,
    /// Bytes that a record may have.
    pub(crate) bytes_max: usize,
    /// Whether it is only tried if the format fits, so that nobody keeps what it hands out.
    pub(crate) is_trial: bool,
}

impl Make<'_> {
    /// Lines that may go on with one record.
    pub(crate) fn lines_max(&self) -> u64 {
        if self.is_trial { TRIAL_LINES_MAX } else { u64::MAX }
    }
}
