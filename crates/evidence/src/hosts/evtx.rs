//! Reads Windows event logs in their own binary form, a chunk of 64 KiB at a time.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::hosts::windows::json;
use crate::hosts::windows::table::WindowsTable;
use crate::lines::Line;
use crate::reader::Reader;
use evtx::err::EvtxError;
use evtx::{EvtxChunkData, ParserSettings};
use stanch_model::{Instant, Position};
use std::sync::Arc;

/// The reader. What it is given are the file's head, and then its chunks.
pub(crate) struct WindowsEvtx {
    clock: Clock,
    table: Arc<WindowsTable>,
    settings: Arc<ParserSettings>,
    /// Records so far, in events or refused: the number of the last one.
    records: u64,
}

const FILE_MAGIC: &[u8] = b"ElfFile\0";
const CHUNK_MAGIC: &[u8] = b"ElfChnk\0";
const RECORD_MAGIC: &[u8] = b"\x2a\x2a\0\0";
/// Length of a chunk's head, behind which its records stand.
const CHUNK_HEAD: usize = 512;
/// Length of a record's head, and of the copy of its length at its end.
const RECORD_HEAD: u64 = 24;
const RECORD_END: u64 = 4;

/// How many records a chunk had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) events: u64,
    pub(crate) refused: u64,
}

/// One record of a chunk.
#[derive(Debug)]
pub(crate) struct ChunkRecord {
    pub(crate) id: u64,
    /// The time in the record's own head.
    pub(crate) time: Instant,
    /// Where in the chunk it stands.
    pub(crate) offset: u64,
    pub(crate) length: u32,
    pub(crate) event: serde_json::Value,
}

/// A record that could not be read.
#[derive(Debug, PartialEq)]
pub(crate) struct BrokenRecord {
    pub(crate) offset: u64,
    pub(crate) length: u32,
    pub(crate) reason: &'static str,
}

impl WindowsEvtx {
    pub(crate) fn new(clock: Clock, table: Arc<WindowsTable>) -> WindowsEvtx {
        WindowsEvtx { clock, table, settings: Arc::new(ParserSettings::new()), records: 0 }
    }

    /// Reads one chunk, which stands at that place of the file. An error is the reason why nothing of it can be read.
    pub(crate) fn chunk(&mut self, bytes: &[u8], offset: u64, harvest: &mut Harvest) -> Result<Counts, &'static str> {
        let mut counts = Counts::default();
        let settings = Arc::clone(&self.settings);
        records(bytes, settings, |record| {
            self.records += 1;
            let place = |at: u64, length| Position { line: self.records, offset: offset + at, length };
            let (position, written) = match record {
                Ok(record) => {
                    let position = place(record.offset, record.length);
                    (position, write(&record, (&self.table, &mut self.clock), position, harvest))
                }
                Err(broken) => (place(broken.offset, broken.length), Err(broken.reason.into())),
            };
            match written {
                Ok(()) => counts.events += 1,
                Err(reason) => {
                    counts.refused += 1;
                    harvest.unread_lines(position, 1, reason);
                }
            }
        })?;
        Ok(counts)
    }
}

fn write(
    record: &ChunkRecord,
    (table, clock): (&WindowsTable, &mut Clock),
    position: Position,
    harvest: &mut Harvest,
) -> Result<(), crate::harvest::Reason> {
    let mut event = json::event(&record.event).ok_or("a record that holds no event")?;
    // The record's own head has the time and the number too.
    if event.system("TimeCreated").is_none_or(|t| clock.any(t).is_err()) {
        event.system.retain(|(name, _)| *name != "TimeCreated");
        event.say("TimeCreated", record.time.to_string());
    }
    event.say("EventRecordID", record.id.to_string());
    event.write((table, clock), (position, 1), harvest)
}

/// Hands out each record of a chunk, or why it cannot be read.
pub(crate) fn records(
    bytes: &[u8],
    settings: Arc<ParserSettings>,
    mut each: impl FnMut(Result<ChunkRecord, BrokenRecord>),
) -> Result<(), &'static str> {
    // Checksums do not agree in a log that was copied while it was written to; its records can be read all the same.
    let mut data = EvtxChunkData::new(bytes.to_vec(), false).map_err(|_| "a chunk whose head is damaged")?;
    let mut chunk = data.parse(settings).map_err(|_| "a chunk whose table of names is damaged")?;
    for record in chunk.iter() {
        let read = record.and_then(|record| {
            let offset = record.binxml_offset.saturating_sub(RECORD_HEAD);
            let length = RECORD_HEAD + u64::from(record.binxml_size) + RECORD_END;
            let record = record.into_json_value()?;
            Ok(ChunkRecord {
                id: record.event_record_id,
                time: Instant(record.timestamp.as_microsecond()),
                offset,
                length: u32::try_from(length).unwrap_or(u32::MAX),
                event: record.data,
            })
        });
        each(read.map_err(|fault| broken(bytes, &fault)));
    }
    Ok(())
}

/// Where the record is that cannot be read, as far as that can be told.
fn broken(bytes: &[u8], fault: &EvtxError) -> BrokenRecord {
    let (found, reason) = match fault {
        EvtxError::FailedToReadRecordAt { offset, .. } => {
            (Some((*offset, 0)), "bytes where a record should be, which are none")
        }
        EvtxError::FailedToParseRecord { record_id, .. } => {
            (find(bytes, *record_id), "a record whose content cannot be read")
        }
        _ => (None, "a record whose content cannot be read"),
    };
    let (offset, length) = found.unwrap_or((0, 0));
    BrokenRecord { offset, length, reason }
}

/// The record of that number, by its head.
fn find(bytes: &[u8], id: u64) -> Option<(u64, u32)> {
    let records = bytes.get(CHUNK_HEAD..)?;
    let at = memchr::memmem::find_iter(records, RECORD_MAGIC)
        .find(|at| records.get(at + 8..at + 16).is_some_and(|number| number == id.to_le_bytes()))?;
    let length: [u8; 4] = records.get(at + 4..at + 8)?.try_into().ok()?;
    Some(((CHUNK_HEAD + at) as u64, u32::from_le_bytes(length)))
}

impl Reader for WindowsEvtx {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let refuse = |harvest: &mut Harvest, reason| harvest.unread_lines(line.position, 1, reason);
        if line.raw.starts_with(FILE_MAGIC) {
            return harvest.framing(line);
        }
        // Windows makes the file larger before it has more to write.
        if !line.raw.starts_with(CHUNK_MAGIC) {
            return match line.raw.iter().all(|b| *b == 0) {
                true => harvest.framing(line),
                false => refuse(harvest, "no chunk of a Windows event log"),
            };
        }
        match self.chunk(line.raw, line.position.offset, harvest) {
            Ok(Counts { events: 0, refused: 0 }) => harvest.framing(line),
            // The chunk itself has been counted as one.
            Ok(Counts { events, refused }) => harvest.further_records += events + refused - 1,
            Err(reason) => refuse(harvest, reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{Formats, packs_of};
    use crate::hosts::evtx_build::{ChunkBuilder, Event};
    use crate::options::ReadOptions;
    use crate::samples::read_text;
    use proptest::prelude::*;
    use stanch_packs::Packs;

    const TIME_US: i64 = 1_772_486_045_123_456;

    fn security<'a>(id: u16, data: &'a [(&'a str, &'a str)]) -> Event<'a> {
        let provider = "Microsoft-Windows-Security-Auditing";
        Event { provider, id, time_us: TIME_US, channel: "Security", inside: None, data }
    }

    /// A log in which somebody guesses a password, signs in, starts a program and clears the log.
    fn plain() -> Vec<u8> {
        let who = [
            ("TargetUserName", "administrator"),
            ("TargetUserSid", "S-1-5-21-1-2-3-500"),
            ("TargetLogonId", "0x3e7a1"),
        ];
        let from = [("LogonType", "10"), ("IpAddress", "203.0.113.9"), ("IpPort", "50022"), ("WorkstationName", "-")];
        let subject =
            [("SubjectUserName", "administrator"), ("SubjectDomainName", "SHOP"), ("SubjectLogonId", "0x3e7a1")];
        let failed =
            [&who[..1], &from, &[("Status", "0xc000006d"), ("SubStatus", "0xc000006a"), ("FailureReason", "%%2313")]]
                .concat();
        let program = [
            ("NewProcessName", "C:\\Windows\\System32\\cmd.exe"),
            ("NewProcessId", "0x1a4"),
            ("CommandLine", "cmd.exe /c \"whoami & net user\""),
        ];
        let mut chunk = ChunkBuilder::new(4_711);
        chunk.record(&security(4625, &failed));
        chunk.record(&security(4624, &[&who[..], &from].concat()));
        chunk.record(&security(4688, &[&subject[..], &program].concat()));
        let cleared = Event {
            provider: "Microsoft-Windows-Eventlog",
            inside: Some("LogFileCleared"),
            ..security(1102, &subject)
        };
        chunk.record(&cleared);
        chunk.file()
    }

    /// A log of which one record is damaged, and whose last chunk is cut off.
    fn damaged() -> Vec<u8> {
        let mut chunk = ChunkBuilder::new(1);
        for user in ["first", "second", "o\"<&>\u{1b}[2J \u{fc}</Event>"] {
            chunk.record(&security(4634, &[("TargetUserName", user)]));
        }
        let mut bytes = chunk.file();
        let second: Vec<usize> = memchr::memmem::find_iter(&bytes, RECORD_MAGIC).collect();
        // Where the values are, of which the second record says that there are many more than it has room for.
        bytes[second[1] + 24..second[1] + 40].fill(0xee);
        let cut = chunk.build()[..700].to_vec();
        bytes.extend(cut);
        bytes
    }

    fn read(bytes: &[u8]) -> Vec<Result<ChunkRecord, BrokenRecord>> {
        let mut found = Vec::new();
        records(bytes, Arc::new(ParserSettings::new()), |record| found.push(record)).unwrap();
        found
    }

    #[test]
    fn records_come_with_their_place_number_and_time() {
        let found: Vec<ChunkRecord> = read(&plain()[4_096..]).into_iter().map(Result::unwrap).collect();
        assert_eq!(found.len(), 4);
        assert_eq!((found[0].id, found[0].offset), (4_711, 512));
        assert_eq!(found[1].offset, 512 + u64::from(found[0].length));
        assert_eq!(found[1].time.to_string(), "2026-03-02T21:14:05.123456Z");
        assert_eq!(found[1].event["Event"]["EventData"]["TargetUserName"], "administrator");
    }

    #[test]
    fn the_packs_samples_are_these() {
        let packs = packs_of(&Packs::shipped()).unwrap();
        let (_, pack) = packs.iter().find(|(name, _)| name == "formats/windows_evtx").unwrap();
        let built = pack.samples.iter().zip([plain(), damaged()]);
        let other = built.filter(|(sample, built)| sample.bytes().as_ref() != Some(built));
        let should: Vec<String> = other.map(|(_, built)| base64(&zstd::bulk::compress(&built, 19).unwrap())).collect();
        assert!(should.is_empty(), "should be\n{}", should.join("\n"));
    }

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let three = |c: &[u8]| c.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - c.len()));
        let four = |n: u32| (0..4).rev().map(move |i| char::from(DIGITS[(n >> (6 * i) & 63) as usize]));
        bytes.chunks(3).flat_map(|c| four(three(c)).take(c.len() + 1)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_damage_loses_count_of_a_record(at in 0usize..8_000, with in any::<u8>(), many in 1usize..64, cut in 4_096usize..70_000) {
            let formats = Formats::load(&Packs::shipped()).unwrap();
            let mut bytes = plain();
            bytes[4_096 + at..].iter_mut().take(many).for_each(|b| *b = with);
            bytes.truncate(cut);
            let (account, _) = read_text("x", &bytes, &ReadOptions::new(&formats, "UTC"));
            prop_assert_eq!(account.lines, account.lines_in_events + account.unread_lines());
        }
    }
}
