//! Whole logs: those of the pack's samples, changed at will, and one made to be too much.

use crate::formats::{Formats, Sample, packs_of};
use crate::options::ReadOptions;
use crate::samples::read_text;
use mysql_common::binlog::consts::BinlogVersion;
use mysql_common::binlog::events::{Event, EventData};
use mysql_common::binlog::value::BinlogValue;
use mysql_common::binlog::{BinlogFile, EventStreamReader};
use mysql_common::value::Value;
use proptest::prelude::*;
use stanch_model::{EventBatch, EventFields, FileAccount, NumberField, TextField};
use stanch_packs::Packs;
use std::sync::LazyLock;

static FORMATS: LazyLock<Formats> = LazyLock::new(|| Formats::load(&Packs::shipped()).unwrap());

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let packs = packs_of(&Packs::shipped()).unwrap();
    let (_, pack) = packs.iter().find(|(name, _)| name == "formats/mysql_binlog").unwrap();
    pack.samples.iter().filter_map(Sample::bytes).collect()
});

fn read(bytes: &[u8]) -> (FileAccount, Vec<stanch_model::EventBatch>) {
    read_text("binlog.000001", bytes, &ReadOptions::new(&FORMATS, "UTC"))
}

/// Numbers and texts of the rows in an event, as `mysql_common` reads them.
fn rows_of(event: &Event, stream: &EventStreamReader, out: &mut Vec<Vec<String>>) {
    if let Ok(Some(EventData::RowsEvent(rows))) = event.read_data() {
        let table = stream.get_tme(rows.table_id()).unwrap();
        for row in rows.rows(table) {
            let (before, after) = row.unwrap();
            let values = before.into_iter().chain(after).flat_map(mysql_common::binlog::row::BinlogRow::unwrap);
            out.push(
                values
                    .filter_map(|value| match value {
                        BinlogValue::Value(Value::Int(n)) => Some(n.to_string()),
                        BinlogValue::Value(Value::UInt(n)) => Some(n.to_string()),
                        BinlogValue::Value(Value::Bytes(text)) => Some(String::from_utf8_lossy(&text).into_owned()),
                        _ => None,
                    })
                    .collect(),
            );
        }
    }
}

#[test]
fn rows_agree_with_another_implementation() {
    let bytes = &SAMPLES[2];
    let mut theirs = Vec::new();
    let mut file = BinlogFile::new(BinlogVersion::Version4, &bytes[..]).unwrap();
    while let Some(event) = file.next() {
        let event = event.unwrap();
        if let Ok(Some(EventData::TransactionPayloadEvent(payload))) = event.read_data() {
            let mut inner = payload.decompressed().unwrap();
            while let Some(event) = file.reader_mut().read_decompressed(&mut inner).unwrap() {
                rows_of(&event, file.reader(), &mut theirs);
            }
        }
        rows_of(&event, file.reader(), &mut theirs);
    }
    let (_, kept) = read(bytes);
    let ours: Vec<serde_json::Value> = kept
        .iter()
        .flat_map(EventBatch::rows)
        .filter(|row| row.text(TextField::Activity) == Some("row_change"))
        .map(|row| serde_json::from_str(row.text(TextField::Unmapped).unwrap()).unwrap())
        .collect();
    assert_eq!((ours.len(), theirs.len()), (4, 4));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let images = ["before", "after"].iter().filter_map(|image| ours[image].as_object());
        let values: Vec<String> = images
            .flatten()
            .filter(|(name, _)| matches!(name.as_str(), "id" | "email"))
            .map(|(_, value)| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        let mut sorted = (values, theirs.clone());
        sorted.0.sort();
        sorted.1.sort();
        assert_eq!(sorted.0, sorted.1);
    }
}

/// An event of MySQL 8, with its checksum.
fn event(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(23 + body.len()).unwrap();
    let mut event = [&[1, 0, 0, 0, kind, 1, 0, 0, 0][..], &length.to_le_bytes(), &[0; 6], body].concat();
    let mut checksum = flate2::Crc::new();
    checksum.update(&event);
    event.extend(checksum.sum().to_le_bytes());
    event
}

#[test]
fn rows_that_are_too_many_are_counted() {
    const ROWS: usize = 600_000;
    let mut log = SAMPLES[2][..126].to_vec();
    let name = [b'c'; 250];
    let table = [&[9, 0, 0, 0, 0, 0, 1, 0][..], b"\x04shop\0\x01t\0\x01\x03\0\x01", b"\x04\xfc\xfb\0\xfa", &name];
    log.extend(event(19, &table.concat()));
    log.extend(event(29, &[&[0][..], &[b's'; 5_000]].concat()));
    log.extend(event(30, &[&[9, 0, 0, 0, 0, 0, 1, 0, 2, 0, 1, 1][..], &vec![1; ROWS]].concat()));
    let (account, kept) = read(&log);
    assert_eq!((account.lines, account.unread_lines()), (5, 0));
    let rows: i64 = kept.iter().flat_map(EventBatch::rows).filter_map(|row| row.number(NumberField::Rows)).sum();
    assert_eq!(rows, i64::try_from(ROWS).unwrap());
    assert!(account.events < 100_000, "{}", account.events);
    let texts: Vec<usize> = kept
        .iter()
        .flat_map(EventBatch::rows)
        .filter_map(|row| row.text(TextField::Query).map(str::len))
        .take(3)
        .collect();
    assert_eq!(texts, [5_000, 1_024 + "…".len(), 1_024 + "…".len()]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Accounts are checked where they are drawn up.
    #[test]
    fn no_bytes_make_it_panic_or_lose_count(
        which in 0usize..4, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), mend in any::<bool>()
    ) {
        let mut bytes = SAMPLES[which].clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len() - 4) + 4;
            bytes[at] = byte;
        }
        if mend {
            // With checksums that are right, what is behind them is looked at.
            let mut at = 4;
            while let Some(length) = bytes.get(at + 9..at + 13).map(|n| u32::from_le_bytes(n.try_into().unwrap()) as usize) {
                if length < 23 || at + length > bytes.len() {
                    break;
                }
                let mut checksum = flate2::Crc::new();
                checksum.update(&bytes[at..at + length - 4]);
                bytes[at + length - 4..at + length].copy_from_slice(&checksum.sum().to_le_bytes());
                at += length;
            }
        }
        let (account, _) = read(&bytes);
        prop_assert_eq!(account.lines, account.lines_in_events + account.unread_lines());
    }
}
