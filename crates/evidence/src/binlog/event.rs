//! One event of a binary log: its head, its checksum, what kind it is.

use super::bytes::Bytes;
use std::borrow::Cow;
use std::io::Read;

/// Bytes of an event's head.
pub(super) const HEAD: usize = 19;
/// Bytes of a checksum.
const CHECKSUM: usize = 4;
/// Bytes that may come out of one compressed event.
pub(super) const DECOMPRESSED_MAX: u64 = 64 << 20;

/// Kinds of events, by their numbers. Those above 159 are MariaDB's.
pub(super) mod kind {
    pub(in super::super) const QUERY: u8 = 2;
    pub(in super::super) const STOP: u8 = 3;
    pub(in super::super) const ROTATE: u8 = 4;
    pub(in super::super) const INTVAR: u8 = 5;
    pub(in super::super) const USER_VAR: u8 = 14;
    pub(in super::super) const FORMAT_DESCRIPTION: u8 = 15;
    pub(in super::super) const XID: u8 = 16;
    pub(in super::super) const EXECUTE_LOAD_QUERY: u8 = 18;
    pub(in super::super) const TABLE_MAP: u8 = 19;
    pub(in super::super) const INCIDENT: u8 = 26;
    pub(in super::super) const ROWS_QUERY: u8 = 29;
    pub(in super::super) const GTID: u8 = 33;
    pub(in super::super) const ANONYMOUS_GTID: u8 = 34;
    pub(in super::super) const TRANSACTION_PAYLOAD: u8 = 40;
    pub(in super::super) const GTID_TAGGED: u8 = 42;
    pub(in super::super) const ANNOTATE_ROWS: u8 = 160;
    pub(in super::super) const MARIADB_GTID: u8 = 162;
    pub(in super::super) const START_ENCRYPTION: u8 = 164;
    pub(in super::super) const QUERY_COMPRESSED: u8 = 165;

    /// Whether an event of that kind only tells how the log goes on, or holds a file of LOAD DATA.
    pub(in super::super) fn is_framing(kind: u8) -> bool {
        // RAND, APPEND_BLOCK, DELETE_FILE, BEGIN_LOAD_QUERY, HEARTBEAT, IGNORABLE, PREVIOUS_GTIDS,
        // TRANSACTION_CONTEXT, VIEW_CHANGE, XA_PREPARE, HEARTBEAT_V2; BINLOG_CHECKPOINT, GTID_LIST.
        matches!(kind, 9 | 11 | 13 | 17 | 27 | 28 | 35 | 36 | 37 | 38 | 41 | 161 | 163)
    }
}

/// An event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<'a> {
    /// Seconds since 1970.
    pub(super) time_s: u32,
    pub(super) kind: u8,
    pub(super) server: u32,
    pub(super) flags: u16,
    /// Without head and checksum.
    pub(super) body: &'a [u8],
}

/// What the log's first event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) server_version: String,
    /// Whether the server had just been started.
    pub(super) is_start: bool,
    /// Whether the log was not closed, or was copied while it was written to.
    pub(super) is_open: bool,
    /// Whether a checksum stands behind each event.
    pub(super) has_checksums: bool,
}

impl<'a> Event<'a> {
    /// The event that a block holds. Its checksum is not looked at.
    pub(super) fn of(block: &'a [u8]) -> Option<Event<'a>> {
        let mut head = Bytes(block);
        let time_s = head.number(4)? as u32;
        let kind = head.byte()?;
        let server = head.number(4)? as u32;
        let length = head.length(4)?;
        let _end = head.number(4)?;
        let flags = head.number(2)? as u16;
        (length == block.len()).then_some(Event { time_s, kind, server, flags, body: head.0 })
    }

    /// Whether it was made up by a server for a replica, and stands for nothing that happened.
    pub(super) fn is_artificial(&self) -> bool {
        self.flags & 0x20 != 0
    }

    /// Takes the checksum off its end.
    pub(super) fn without_checksum(mut self) -> Option<Event<'a>> {
        self.body = &self.body[..self.body.len().checked_sub(CHECKSUM)?];
        Some(self)
    }

    /// What an event that describes the format says.
    pub(super) fn description(&self) -> Option<Description> {
        let mut body = Bytes(self.body);
        let version = body.number(2)?;
        let server_version = body.take(50)?;
        let created = body.number(4)?;
        if version != 4 || body.number(1)? != HEAD as u64 {
            return None;
        }
        let end = server_version.iter().position(|b| *b == 0).unwrap_or(server_version.len());
        let server_version = String::from_utf8_lossy(&server_version[..end]).into_owned();
        // Behind the lengths of all kinds stand the kind of checksum and a checksum of its own.
        let knows_checksums = can_check(&server_version) && body.0.len() > CHECKSUM;
        let has_checksums = knows_checksums && body.0[body.0.len() - CHECKSUM - 1] == 1;
        Some(Description { server_version, is_start: created != 0, is_open: self.flags & 1 != 0, has_checksums })
    }
}

/// Whether a server of that version knows checksums: MySQL from 5.6.1, MariaDB from 5.3.
fn can_check(version: &str) -> bool {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse::<u32>().unwrap_or(0));
    let [major, minor, patch] = std::array::from_fn(|_| numbers.next().unwrap_or(0));
    let from = if version.contains("MariaDB") { (5, 3, 0) } else { (5, 6, 1) };
    (major, minor, patch) >= from
}

/// Whether a block's checksum is right. The mark of a log that is being written to does not count.
pub(super) fn is_whole(block: &[u8]) -> bool {
    let Some((data, stated)) = block.split_last_chunk::<CHECKSUM>() else { return false };
    let mut checksum = flate2::Crc::new();
    match data.split_at_checked(HEAD) {
        Some((head, body)) if head[4] == kind::FORMAT_DESCRIPTION => {
            checksum.update(&head[..17]);
            checksum.update(&[head[17] & !1, head[18]]);
            checksum.update(body);
        }
        _ => checksum.update(data),
    }
    checksum.sum() == u32::from_le_bytes(*stated)
}

/// What MariaDB compressed: a byte that tells how, the length, then zlib.
pub(super) fn decompressed(compressed: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut bytes = Bytes(compressed);
    let head = bytes.byte()?;
    let length = bytes.big_endian(usize::from(head & 7))?;
    if head & 0xf0 != 0x80 || length > DECOMPRESSED_MAX {
        return None;
    }
    let mut out = Vec::new();
    flate2::read::ZlibDecoder::new(bytes.0).take(length).read_to_end(&mut out).ok()?;
    (out.len() as u64 == length).then_some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_know_checksums() {
        for (version, expected) in [
            ("10.11.19-MariaDB-log", true),
            ("5.2.1-MariaDB", false),
            ("8.0.36", true),
            ("5.6.1", true),
            ("5.6.0-log", false),
            ("5.1.73", false),
            ("", false),
        ] {
            assert_eq!(can_check(version), expected, "{version}");
        }
    }

    #[test]
    fn lengths_that_are_forged_are_no_event() {
        let mut block = vec![0; 23];
        block[9] = 24;
        assert!(Event::of(&block).is_none());
        block[9] = 23;
        assert!(Event::of(&block).is_some());
        assert!(decompressed(&[0x84, 0xff, 0xff, 0xff, 0xff]).is_none());
        assert!(decompressed(&[0x81]).is_none());
    }
}
