//! Readers: what turns the lines of one format into events. A format pack names its reader.

pub(crate) mod access;
mod cut;
pub(crate) mod delimited;
pub(crate) mod json_lines;
pub(crate) mod json_records;
pub(crate) mod keyed_json;
pub(crate) mod pattern;
pub(crate) mod patterns;
pub(crate) mod rules;
pub(crate) mod text;

use crate::harvest::Harvest;
use crate::lines::Line;

/// Turns lines into events. Every line given is either counted in an event or refused with a reason, by `finish` at
/// the latest; no text makes a reader stop or panic.
pub(crate) trait Reader {
    /// Takes the next line.
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest);

    /// Hands out what still waited for further lines.
    fn finish(&mut self, _harvest: &mut Harvest) {}
}
