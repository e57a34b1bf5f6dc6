//! Reads audit logs whose records stand in sections between boundaries (`--a1b2c3d4-A--` … `--a1b2c3d4-Z--`), as
//! ModSecurity writes them.
//!
//! Bodies stand in them as the client sent them, and may hold what looks like another record. Only the record's own
//! boundary, which the client cannot know, ends it; what else begins meanwhile is believed only where that end never
//! comes, as after a crash.

mod hold;
mod record;

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::lines::Line;
use crate::reader::Reader;
use crate::targets::Target;
use hold::{Hold, Piece};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The reader.
pub(crate) struct AuditSections {
    clock: Clock,
    keys: Arc<BTreeMap<String, Target>>,
    hold: Hold,
    /// Whether the line before ended a record: a blank line behind it belongs to the record.
    is_behind: bool,
}

impl AuditSections {
    /// `keys` says where headers and trailer lines go: `request.user-agent`, `response.content-length`,
    /// `trailer.action`, all in small letters.
    pub(crate) fn new(clock: Clock, keys: Arc<BTreeMap<String, Target>>, record_bytes_max: usize) -> AuditSections {
        AuditSections { clock, keys, hold: Hold::new(record_bytes_max), is_behind: false }
    }

    fn take(&mut self, pieces: Vec<Piece>, harvest: &mut Harvest) {
        for piece in pieces {
            match piece {
                Piece::Record { lines, is_whole } => {
                    record::emit(&lines, is_whole, &self.keys, &mut self.clock, harvest);
                }
                Piece::Refused { lines, reason } => {
                    for held in lines {
                        harvest.unread_lines(held.position, 1, reason);
                    }
                }
            }
        }
    }
}

impl Reader for AuditSections {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let is_behind = std::mem::take(&mut self.is_behind);
        if self.hold.is_empty() && hold::Boundary::of(line.text).is_none_or(|b| b.section != 'A') {
            if is_behind && line.text.is_empty() {
                return harvest.framing(line);
            }
            return harvest.unread(line, "it stands outside the sections of a record");
        }
        let pieces = self.hold.take(line.text, line.position);
        self.is_behind = self.hold.is_empty();
        self.take(pieces, harvest);
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        let pieces = self.hold.finish();
        self.take(pieces, harvest);
    }
}
