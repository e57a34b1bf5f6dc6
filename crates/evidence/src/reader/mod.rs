//! Readers: what turns the lines of one format into events. A format pack names its reader.

pub(crate) mod access;
pub(crate) mod csv;
pub(crate) mod delimited;
pub(crate) mod heads;
pub(crate) mod json_lines;
pub(crate) mod json_records;
pub(crate) mod keyed_json;
pub(crate) mod mixed;
pub(crate) mod pattern;
pub(crate) mod patterns;
pub(crate) mod rules;
pub(crate) mod text;
pub(crate) mod tree;
pub(crate) mod wrapped;

use crate::harvest::Harvest;
use crate::lines::Line;

/// Turns lines into events. Every line given is either counted in an event or refused with a reason, by `finish` at
/// the latest; no text makes a reader stop or panic.
pub(crate) trait Reader: Send {
    /// Takes the next line.
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest);

    /// Whether each line is read by itself, so that a text may be read from any line on.
    fn is_line_by_line(&self) -> bool {
        false
    }

    /// Hands out what still waited for further lines.
    fn finish(&mut self, _harvest: &mut Harvest) {}

    /// A reader to look ahead with that knows what this one has learnt from the lines so far, if it learns anything.
    fn ahead(&self) -> Option<Box<dyn Reader>> {
        None
    }
}
