//! What a text's records stand in: lines, JSON documents, blocks of a binary file. Told by content; each is cut in
//! bounded memory, and every byte belongs to a record or to what stands between records.

mod blocks;
mod documents;

use crate::lines::{LineCutter, RawLine};
use crate::reader::rules::Rules;
use blocks::BlockCutter;
pub(crate) use blocks::Blocks;
use documents::DocumentCutter;
use std::sync::Arc;

/// A key under which documents keep their records in an array, and the rules of the formats that say so.
#[derive(Clone, Debug)]
pub(crate) struct Inside {
    pub(crate) key: String,
    pub(crate) rules: Vec<Arc<Rules>>,
}

/// What a text's records stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// One a line, or several lines of one.
    Lines,
    /// Objects in one JSON document, or in several one after the other: in an array, under a key, or spread over lines.
    Documents,
    /// Blocks of a binary file, each of which says how long it is.
    Blocks(Blocks),
}

impl Framing {
    /// By the first bytes of a text, with the keys under which its records stand, of those that formats know.
    pub(crate) fn of(sample: &[u8], inside: &[Inside]) -> (Framing, Vec<String>) {
        if let Some(kind) = Blocks::of(sample) {
            (Framing::Blocks(kind), Vec::new())
        } else if let Some(keys) = documents::keys_of_document(sample, inside) {
            (Framing::Documents, keys)
        } else {
            (Framing::Lines, Vec::new())
        }
    }

    /// Whether what is counted are lines; else records.
    pub(crate) fn counts_lines(self) -> bool {
        self == Framing::Lines
    }
}

/// Cuts a stream of chunks into records, whatever they stand in.
#[derive(Clone)]
pub(crate) enum Cutter {
    Lines(LineCutter),
    Documents(DocumentCutter),
    Blocks(BlockCutter),
}

impl Cutter {
    pub(crate) fn new(framing: Framing, inside: &[String], record_bytes_max: usize) -> Cutter {
        match framing {
            Framing::Lines => Cutter::Lines(LineCutter::new(record_bytes_max)),
            Framing::Documents => Cutter::Documents(DocumentCutter::new(inside, record_bytes_max)),
            Framing::Blocks(kind) => Cutter::Blocks(BlockCutter::new(kind, record_bytes_max)),
        }
    }

    /// Takes in a chunk and hands out each record that it completes.
    pub(crate) fn feed(&mut self, chunk: &[u8], on_record: impl FnMut(RawLine<'_>)) {
        match self {
            Cutter::Lines(cutter) => cutter.feed(chunk, on_record),
            Cutter::Documents(cutter) => cutter.feed(chunk, on_record),
            Cutter::Blocks(cutter) => cutter.feed(chunk, on_record),
        }
    }

    /// Hands out what was not ended.
    pub(crate) fn finish(&mut self, on_record: impl FnMut(RawLine<'_>)) {
        match self {
            Cutter::Lines(cutter) => cutter.finish(on_record),
            Cutter::Documents(cutter) => cutter.finish(on_record),
            Cutter::Blocks(cutter) => cutter.finish(on_record),
        }
    }

    /// The cutter of lines, if it is one.
    pub(crate) fn lines(&self) -> Option<&LineCutter> {
        match self {
            Cutter::Lines(cutter) => Some(cutter),
            _ => None,
        }
    }
}
