//! Cuts a text into segments that can be read side by side. A text of lines is cut behind a newline, so that each
//! segment begins with a line; where the cuts fall depends on the text alone, never on the machine.

use crate::framing::Framing;
use crate::options::Limits;

/// A part of a text.
#[derive(Default)]
pub(crate) struct Segment {
    /// Where it begins: the number of its first line, from 0, and the byte.
    pub(crate) start: Start,
    pub(crate) chunks: Vec<Vec<u8>>,
    /// How many bytes were left out behind a chunk of that number, of a line too long to be read.
    pub(crate) skipped: Vec<(usize, u64)>,
}

/// Where a segment begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Start {
    /// Lines before it.
    pub(crate) lines: u64,
    /// Bytes before it.
    pub(crate) offset: u64,
}

/// Cuts one text.
pub(crate) struct Segmenter {
    framing: Framing,
    line_bytes_max: usize,
    segment_bytes: usize,
    segment: Segment,
    bytes: usize,
    /// Length of the line under way.
    line_bytes: u64,
    next: Start,
}

impl Segmenter {
    pub(crate) fn new(framing: Framing, limits: &Limits) -> Segmenter {
        Segmenter {
            framing,
            line_bytes_max: limits.line_bytes_max,
            segment_bytes: limits.segment_bytes,
            segment: Segment::default(),
            bytes: 0,
            line_bytes: 0,
            next: Start::default(),
        }
    }

    /// For the lines behind that place.
    pub(crate) fn starting_at(start: Start, limits: &Limits) -> Segmenter {
        let segment = Segment { start, ..Segment::default() };
        Segmenter { segment, next: start, ..Segmenter::new(Framing::Lines, limits) }
    }

    /// Takes in a chunk. A segment comes out when it is full.
    pub(crate) fn feed(&mut self, chunk: Vec<u8>) -> Option<Segment> {
        let is_full = self.bytes + chunk.len() >= self.segment_bytes;
        if self.framing != Framing::Lines {
            self.keep(chunk);
            return is_full.then(|| self.take());
        }
        match memchr::memrchr(b'\n', &chunk) {
            None => {
                self.keep_of_long_line(chunk);
                None
            }
            Some(at) if is_full => {
                let mut head = chunk;
                let tail = head.split_off(at + 1);
                self.keep_from_long_line_on(head);
                let segment = self.take();
                self.line_bytes = tail.len() as u64;
                self.keep(tail);
                Some(segment)
            }
            Some(at) => {
                let tail = (chunk.len() - at - 1) as u64;
                self.keep_from_long_line_on(chunk);
                self.line_bytes = tail;
                None
            }
        }
    }

    /// What is left.
    pub(crate) fn finish(&mut self) -> Segment {
        self.take()
    }

    fn keep(&mut self, chunk: Vec<u8>) {
        if !chunk.is_empty() {
            self.bytes += chunk.len();
            self.segment.chunks.push(chunk);
        }
    }

    /// A chunk without a newline: of a line that is too long only the beginning is kept.
    fn keep_of_long_line(&mut self, chunk: Vec<u8>) {
        let is_long = self.is_in_long_line();
        self.line_bytes += chunk.len() as u64;
        if is_long { self.skip(chunk.len() as u64) } else { self.keep(chunk) }
    }

    /// Whether more of the line under way is kept than can be read.
    fn is_in_long_line(&self) -> bool {
        self.line_bytes > self.line_bytes_max as u64
    }

    /// A chunk with a newline, whose first bytes may end a line that is too long.
    fn keep_from_long_line_on(&mut self, mut chunk: Vec<u8>) {
        if self.is_in_long_line() {
            let first = memchr::memchr(b'\n', &chunk).unwrap_or(chunk.len());
            chunk.drain(..first);
            self.skip(first as u64);
        }
        self.keep(chunk);
    }

    fn skip(&mut self, bytes: u64) {
        self.segment.skipped.push((self.segment.chunks.len(), bytes));
    }

    fn take(&mut self) -> Segment {
        let mut segment = std::mem::take(&mut self.segment);
        segment.start = self.next;
        if self.framing == Framing::Lines {
            let lines = segment.chunks.iter().map(|chunk| memchr::memchr_iter(b'\n', chunk).count() as u64);
            self.next.lines += lines.sum::<u64>();
        }
        let skipped: u64 = segment.skipped.iter().map(|(_, bytes)| bytes).sum();
        self.next.offset += self.bytes as u64 + skipped;
        self.bytes = 0;
        segment
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segments(text: &[u8], step: usize) -> Vec<Segment> {
        let limits = Limits { segment_bytes: 40, line_bytes_max: 300, ..Limits::default() };
        let mut segmenter = Segmenter::new(Framing::Lines, &limits);
        let mut found: Vec<Segment> = text.chunks(step).filter_map(|chunk| segmenter.feed(chunk.to_vec())).collect();
        found.push(segmenter.finish());
        found
    }

    proptest! {
        #[test]
        fn every_segment_begins_with_a_line_and_every_byte_is_kept_or_counted(
            lines in prop::collection::vec(0usize..900, 0..12), step in 1usize..50,
        ) {
            let text: Vec<u8> = lines.iter().flat_map(|n| [vec![b'x'; *n], vec![b'\n']].concat()).collect();
            let mut at = Start::default();
            for segment in segments(&text, step) {
                prop_assert_eq!(segment.start, at);
                prop_assert!(at.offset == 0 || text[usize::try_from(at.offset).unwrap() - 1] == b'\n');
                let kept: u64 = segment.chunks.iter().map(|c| c.len() as u64).sum();
                at.offset += kept + segment.skipped.iter().map(|(_, n)| n).sum::<u64>();
                at.lines += segment.chunks.iter().flatten().filter(|b| **b == b'\n').count() as u64;
            }
            prop_assert_eq!(at.offset, text.len() as u64);
            prop_assert_eq!(at.lines, lines.len() as u64);
        }
    }
}
