//! Cuts binary files into blocks, each of which says how long it is.

use crate::lines::RawLine;
use stanch_model::Position;

/// A binary file's kind, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocks {
    /// Windows event log: a head, then chunks of 64 KiB.
    Evtx,
    /// Packet capture of libpcap; whether its numbers are big-endian.
    Pcap { big: bool },
    /// Packet capture of the next generation; the first section's byte order.
    PcapNg { big: bool },
    /// MySQL's or MariaDB's binary log.
    Binlog,
}

/// How much of a block is known by its first bytes.
enum Length {
    /// So many bytes are needed to tell.
    Needs(usize),
    /// So many bytes it has.
    Is(usize),
    /// No block can begin so.
    Broken,
}

const EVTX_HEAD: usize = 4_096;
const EVTX_CHUNK: usize = 65_536;

impl Blocks {
    /// The kind of a file that begins so.
    pub(crate) fn of(head: &[u8]) -> Option<Blocks> {
        match head.get(..4)? {
            b"ElfF" if head.starts_with(b"ElfFile\0") => Some(Blocks::Evtx),
            b"\xd4\xc3\xb2\xa1" | b"\x4d\x3c\xb2\xa1" => Some(Blocks::Pcap { big: false }),
            b"\xa1\xb2\xc3\xd4" | b"\xa1\xb2\x3c\x4d" => Some(Blocks::Pcap { big: true }),
            b"\x0a\x0d\x0d\x0a" => match head.get(8..12)? {
                b"\x4d\x3c\x2b\x1a" => Some(Blocks::PcapNg { big: false }),
                b"\x1a\x2b\x3c\x4d" => Some(Blocks::PcapNg { big: true }),
                _ => None,
            },
            b"\xfebin" => Some(Blocks::Binlog),
            _ => None,
        }
    }

    /// The length of the block that begins so, at that place of the file.
    fn length(self, offset: u64, head: &[u8]) -> Length {
        let number = |at: usize, big: bool| {
            let bytes: [u8; 4] = head.get(at..at + 4)?.try_into().ok()?;
            let n = if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
            usize::try_from(n).ok()
        };
        match self {
            Blocks::Evtx => Length::Is(if offset == 0 { EVTX_HEAD } else { EVTX_CHUNK }),
            Blocks::Pcap { .. } if offset == 0 => Length::Is(24),
            Blocks::Pcap { big } => number(8, big).map_or(Length::Needs(12), |n| Length::Is(n.saturating_add(16))),
            Blocks::PcapNg { .. } if head.len() < 12 => Length::Needs(12),
            Blocks::PcapNg { big } => {
                // A section's own head says its byte order anew; sections of the other order are told by their mark.
                let is_section = head.starts_with(b"\x0a\x0d\x0d\x0a");
                let big = if is_section { head[8..12] == *b"\x1a\x2b\x3c\x4d" } else { big };
                match number(4, big) {
                    Some(n) if n >= 12 && n % 4 == 0 => Length::Is(n),
                    _ => Length::Broken,
                }
            }
            Blocks::Binlog if offset == 0 => Length::Is(4),
            Blocks::Binlog => match number(9, false) {
                None => Length::Needs(13),
                Some(n) if n >= 19 => Length::Is(n),
                Some(_) => Length::Broken,
            },
        }
    }
}

/// Cuts blocks.
#[derive(Clone)]
pub(crate) struct BlockCutter {
    kind: Blocks,
    record_bytes_max: usize,
    held: Vec<u8>,
    /// Bytes of a block too long to be held that have passed, and how many it has.
    passing: Option<(u64, u64)>,
    offset: u64,
    blocks: u64,
    /// No block begins where one should: the rest is one, unread.
    broken: Option<u64>,
}

impl BlockCutter {
    pub(super) fn new(kind: Blocks, record_bytes_max: usize) -> BlockCutter {
        BlockCutter { kind, record_bytes_max, held: Vec::new(), passing: None, offset: 0, blocks: 0, broken: None }
    }

    pub(super) fn feed(&mut self, mut chunk: &[u8], mut on_record: impl FnMut(RawLine<'_>)) {
        while !chunk.is_empty() {
            if let Some(lost) = &mut self.broken {
                *lost += chunk.len() as u64;
                return;
            }
            if let Some((passed, whole)) = self.passing {
                let part = usize::try_from(whole - passed).unwrap_or(usize::MAX).min(chunk.len());
                chunk = &chunk[part..];
                self.pass(passed + part as u64, whole, &mut on_record);
                continue;
            }
            match self.kind.length(self.offset, &self.held) {
                Length::Broken => {
                    self.broken = Some(self.held.len() as u64);
                    self.held.truncate(256);
                }
                Length::Is(length) if length > self.record_bytes_max => {
                    let held = self.held.len() as u64;
                    self.passing = Some((held, length as u64));
                }
                Length::Needs(length) | Length::Is(length) => {
                    let part = length.saturating_sub(self.held.len()).min(chunk.len());
                    self.held.extend_from_slice(&chunk[..part]);
                    chunk = &chunk[part..];
                    if let Length::Is(length) = self.kind.length(self.offset, &self.held)
                        && self.held.len() >= length
                        && length <= self.record_bytes_max
                    {
                        self.hand_out(length as u64, None, &mut on_record);
                    }
                }
            }
        }
    }

    pub(super) fn finish(&mut self, mut on_record: impl FnMut(RawLine<'_>)) {
        if let Some(lost) = self.broken.take() {
            self.hand_out(lost, Some(lost), &mut on_record);
        } else if let Some((passed, _)) = self.passing.take() {
            self.hand_out(passed, Some(passed), &mut on_record);
        } else if !self.held.is_empty() {
            self.hand_out(self.held.len() as u64, None, &mut on_record);
        }
    }

    fn pass(&mut self, passed: u64, whole: u64, on_record: &mut impl FnMut(RawLine<'_>)) {
        if passed < whole {
            self.passing = Some((passed, whole));
        } else {
            self.passing = None;
            self.hand_out(whole, Some(whole), on_record);
        }
    }

    fn hand_out(&mut self, length: u64, too_long: Option<u64>, on_record: &mut impl FnMut(RawLine<'_>)) {
        self.blocks += 1;
        let short = u32::try_from(length).unwrap_or(u32::MAX);
        let position = Position { line: self.blocks, offset: self.offset, length: short };
        on_record(RawLine { bytes: &self.held, position, too_long });
        self.offset += length;
        self.held.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(kind: Blocks, bytes: &[u8], step: usize) -> Vec<(u64, u32, Option<u64>)> {
        let mut cutter = BlockCutter::new(kind, 64);
        let mut found = Vec::new();
        let mut take = |r: RawLine<'_>| found.push((r.position.offset, r.position.length, r.too_long));
        for chunk in bytes.chunks(step) {
            cutter.feed(chunk, &mut take);
        }
        cutter.finish(&mut take);
        found
    }

    fn packet(length: u32) -> Vec<u8> {
        let mut bytes = vec![0; 16 + length as usize];
        bytes[8..12].copy_from_slice(&length.to_le_bytes());
        bytes
    }

    #[test]
    fn packets_are_cut_by_their_lengths_and_long_ones_pass() {
        let mut bytes = vec![0; 24];
        bytes[..4].copy_from_slice(b"\xd4\xc3\xb2\xa1");
        bytes.extend(packet(4));
        bytes.extend(packet(100));
        bytes.extend(packet(0));
        bytes.extend(&packet(9)[..20]);
        let kind = Blocks::of(&bytes).unwrap();
        let expected = vec![(0, 24, None), (24, 20, None), (44, 116, Some(116)), (160, 16, None), (176, 20, None)];
        for step in [1, 7, 1_000] {
            assert_eq!(cut(kind, &bytes, step), expected, "in chunks of {step}");
        }
    }

    #[test]
    fn a_length_that_cannot_be_ends_the_cutting_and_the_rest_is_counted() {
        let mut bytes = b"\xfebin".to_vec();
        bytes.extend([0; 50]);
        assert_eq!(cut(Blocks::Binlog, &bytes, 5), vec![(0, 4, None), (4, 50, Some(50))]);
    }
}
