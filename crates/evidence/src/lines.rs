//! Cuts a stream of chunks into lines, with their numbers and offsets, in bounded memory.

use crate::segment::Start;
use stanch_model::Position;

/// One physical line as it stands in the file, without its newline.
#[derive(Clone, Copy)]
pub(crate) struct RawLine<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) position: Position,
    /// The line's whole length, where it is too long to be held: `bytes` then has only its beginning.
    pub(crate) too_long: Option<u64>,
}

/// Bytes kept of a line that is too long to be held.
const BEGINNING_BYTES: usize = 256;

/// Cuts lines; what is not yet ended by a newline waits for the next chunk.
#[derive(Clone)]
pub(crate) struct LineCutter {
    carry: Vec<u8>,
    /// Length of the unfinished line, which may be more than is carried.
    carried: u64,
    line: u64,
    offset: u64,
    line_bytes_max: usize,
}

impl LineCutter {
    pub(crate) fn new(line_bytes_max: usize) -> LineCutter {
        LineCutter { carry: Vec::new(), carried: 0, line: 1, offset: 0, line_bytes_max }
    }

    /// A cutter for what follows so many lines and bytes.
    pub(crate) fn starting_at(start: Start, line_bytes_max: usize) -> LineCutter {
        LineCutter { line: start.lines + 1, offset: start.offset, ..LineCutter::new(line_bytes_max) }
    }

    /// So many bytes of the line under way were left out: it is too long to be read.
    pub(crate) fn skip(&mut self, bytes: u64) {
        self.carried += bytes;
    }

    /// Bytes of all lines that are complete so far.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the last chunk ended inside a line.
    pub(crate) fn is_inside(&self) -> bool {
        self.carried > 0
    }

    /// Takes in a chunk and hands out each line that it completes.
    pub(crate) fn feed(&mut self, mut chunk: &[u8], mut on_line: impl FnMut(RawLine<'_>)) {
        while let Some(end) = memchr::memchr(b'\n', chunk) {
            let (line, rest) = (&chunk[..end], &chunk[end + 1..]);
            if self.carried == 0 && line.len() <= self.line_bytes_max {
                let position = self.position(line.len() as u64);
                on_line(RawLine { bytes: line, position, too_long: None });
                self.advance(line.len() as u64 + 1);
            } else {
                self.keep(line);
                self.hand_out(1, &mut on_line);
            }
            chunk = rest;
        }
        self.keep(chunk);
    }

    /// Hands out the last line, if it lacks its newline.
    pub(crate) fn finish(&mut self, mut on_line: impl FnMut(RawLine<'_>)) {
        if self.carried > 0 {
            self.hand_out(0, &mut on_line);
        }
    }

    fn keep(&mut self, part: &[u8]) {
        self.carried += part.len() as u64;
        let room = self.line_bytes_max.saturating_sub(self.carry.len());
        self.carry.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn hand_out(&mut self, newline: u64, on_line: &mut impl FnMut(RawLine<'_>)) {
        let too_long = (self.carried > self.line_bytes_max as u64).then_some(self.carried);
        let kept = if too_long.is_some() { self.carry.len().min(BEGINNING_BYTES) } else { self.carry.len() };
        let position = self.position(self.carried);
        on_line(RawLine { bytes: &self.carry[..kept], position, too_long });
        self.advance(self.carried + newline);
        self.carry.clear();
        self.carried = 0;
    }

    fn position(&self, length: u64) -> Position {
        Position { line: self.line, offset: self.offset, length: u32::try_from(length).unwrap_or(u32::MAX) }
    }

    fn advance(&mut self, bytes: u64) {
        self.line += 1;
        self.offset += bytes;
    }
}

/// A line as readers see it: text without byte order mark, leading NULs, carriage return.
pub(crate) struct Line<'a> {
    pub(crate) text: &'a str,
    pub(crate) raw: &'a [u8],
    pub(crate) position: Position,
}

/// What stands before and after a line's own text: a byte order mark at the very start, NULs that a truncated
/// file leaves behind, a carriage return.
pub(crate) fn trimmed(line: &RawLine<'_>) -> std::ops::Range<usize> {
    let bytes = line.bytes;
    let mut from = 0;
    if line.position.offset == 0 && bytes.starts_with(b"\xef\xbb\xbf") {
        from = 3;
    }
    while bytes.get(from) == Some(&0) {
        from += 1;
    }
    let to = if bytes.len() > from && bytes.last() == Some(&b'\r') { bytes.len() - 1 } else { bytes.len() };
    from..to
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(chunks: &[&[u8]], max: usize) -> Vec<(u64, u64, u32, Vec<u8>)> {
        let mut cutter = LineCutter::new(max);
        let mut lines = Vec::new();
        let mut take = |l: RawLine<'_>| {
            lines.push((l.position.line, l.position.offset, l.position.length, l.bytes.to_vec()));
        };
        for chunk in chunks {
            cutter.feed(chunk, &mut take);
        }
        cutter.finish(&mut take);
        lines
    }

    #[test]
    fn a_line_over_the_limit_is_one_line_and_its_neighbours_are_whole() {
        let lines = cut(&[b"ab\n", b"0123456", b"789\nc"], 4);
        assert_eq!(lines[0], (1, 0, 2, b"ab".to_vec()));
        assert_eq!((lines[1].0, lines[1].1, lines[1].2), (2, 3, 10));
        assert_eq!(lines[2], (3, 14, 1, b"c".to_vec()));
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter_and_every_byte_is_in_a_line(text in "[ab\n]{0,60}", at in 0usize..60, max in 1usize..12) {
            let bytes = text.as_bytes();
            let (head, tail) = bytes.split_at(at.min(bytes.len()));
            let whole = cut(&[bytes], max);
            prop_assert_eq!(&whole, &cut(&[head, tail], max));
            let newlines = bytes.iter().filter(|b| **b == b'\n').count();
            let last_open = !bytes.is_empty() && !bytes.ends_with(b"\n");
            prop_assert_eq!(whole.len(), newlines + usize::from(last_open));
            prop_assert_eq!(whole.iter().map(|l| l.2 as usize).sum::<usize>() + newlines, bytes.len());
        }
    }
}
