//! Readers: what turns the lines of one format into events. A format pack names its reader.

pub(crate) mod access;
pub(crate) mod audit_sections;
pub(crate) mod before;
pub(crate) mod conditions;
pub(crate) mod csv;
pub(crate) mod delimited;
pub(crate) mod heads;
pub(crate) mod json_lines;
pub(crate) mod json_records;
pub(crate) mod make;
pub(crate) mod messages;
pub(crate) mod mixed;
pub(crate) mod pairs;
pub(crate) mod pattern;
pub(crate) mod patterns;
mod row;
pub(crate) mod rules;
pub(crate) mod syslog;
pub(crate) mod text;
pub(crate) mod tree;
pub(crate) mod wrapped;

use crate::harvest::Harvest;
use crate::lines::{Line, RawLine};
use heads::Head;
use std::sync::Arc;

/// Turns lines into events. Every line given is either counted in an event or refused with a reason, by `finish` at
/// the latest; no text makes a reader stop or panic.
pub(crate) trait Reader: Send {
    /// Takes the next line.
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest);

    /// Whether each line is read by itself, so that a text may be read from any line on.
    fn is_line_by_line(&self) -> bool {
        false
    }

    /// A line too long to be handed over, which has been counted as unread: its beginning, and its length in bytes.
    fn passed(&mut self, _line: &RawLine<'_>, _length: u64) {}

    /// Hands out what still waited for further lines.
    fn finish(&mut self, _harvest: &mut Harvest) {}

    /// Whether it reads text. If not, lines come to it with their bytes only.
    fn takes_text(&self) -> bool {
        true
    }
    /// What the lines so far have said of the table behind them, if it is one.
    fn head(&self) -> Option<Arc<Head>> {
        None
    }

    /// Takes over what another reader of the same text has learnt so.
    fn take_head(&mut self, _head: &Arc<Head>) {}
}
