//! What every target holds.

use stanch_evidence::{Formats, Limits, ReadOptions, Source, read, read_text};
use stanch_model::store::LogSource;
use stanch_model::{EventBatch, FileAccount, Instant};
use std::sync::LazyLock;

static FORMATS: LazyLock<Formats> =
    LazyLock::new(|| Formats::load(&stanch_packs::Packs::shipped()).expect("shipped packs load"));

fn options(logs: &[LogSource]) -> ReadOptions<'_> {
    // Small, so that a short input meets every limit.
    let limits = Limits { line_bytes_max: 4_096, segment_bytes: 600, text_bytes_max: 8 << 20, ..Limits::default() };
    let now = Some(Instant(1_780_000_000_000_000));
    ReadOptions { logs, limits, now, ..ReadOptions::new(&FORMATS, "Europe/Berlin") }
}

/// Reads bytes in one format; with none, in that which is recognised.
pub fn in_format(format: Option<&str>, data: &[u8]) {
    let source = format.map(|format| LogSource {
        name: "fuzzed".to_owned(),
        files: "**".to_owned(),
        format: Some(format.to_owned()),
        ..LogSource::default()
    });
    let logs: Vec<LogSource> = source.into_iter().collect();
    let (account, batches) = read_text("fuzzed", data, &options(&logs));
    holds(&account, &batches, data.len() as u64);
}

/// Reads bytes by a pattern that a store file states.
pub fn by_pattern(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (pattern, text) = text.split_once('\n').unwrap_or((&text, ""));
    let logs = [LogSource {
        name: "fuzzed".to_owned(),
        files: "**".to_owned(),
        pattern: Some(pattern.to_owned()),
        ..LogSource::default()
    }];
    let (account, batches) = read_text("fuzzed", text.as_bytes(), &options(&logs));
    holds(&account, &batches, text.len() as u64);
}

/// Unpacks and reads a file of these bytes.
pub fn in_container(data: &[u8]) {
    struct Count(u64);
    impl stanch_evidence::Sink for Count {
        type Block = Vec<EventBatch>;
        fn begin(&mut self) -> Result<(), stanch_evidence::SinkError> {
            Ok(())
        }
        fn block(&mut self) -> Result<Self::Block, stanch_evidence::SinkError> {
            Ok(Vec::new())
        }
        fn put(&mut self, block: Self::Block) -> Result<(), stanch_evidence::SinkError> {
            self.0 += block.iter().map(|b| b.len() as u64).sum::<u64>();
            Ok(())
        }
        fn end(&mut self, _: &FileAccount) -> Result<(), stanch_evidence::SinkError> {
            Ok(())
        }
    }
    let path = std::env::temp_dir().join(format!("stanch-fuzz-{}", std::process::id()));
    std::fs::write(&path, data).expect("the temporary folder can be written");
    let mut count = Count(0);
    let source = Source { name: "fuzzed".to_owned(), path };
    let accounts = read(&source, &options(&[]), &mut count).expect("nothing that a file holds is an error");
    assert_eq!(count.0, accounts.iter().map(|a| a.events).sum::<u64>(), "every event is handed on");
    for account in &accounts {
        assert_eq!(account.lines, account.lines_in_events + account.unread_lines(), "every line is accounted for");
    }
}

fn holds(account: &FileAccount, batches: &[EventBatch], bytes: u64) {
    assert_eq!(account.lines, account.lines_in_events + account.unread_lines(), "every line is accounted for");
    assert_eq!(account.text_bytes, bytes, "every byte is counted");
    assert_eq!(account.events, batches.iter().map(|b| b.len() as u64).sum::<u64>(), "every event is handed on");
    for position in batches.iter().flat_map(|b| &b.positions) {
        assert!(position.offset + u64::from(position.length) <= bytes, "{position:?} lies in the text");
        assert!(position.line >= 1, "lines are counted from 1");
    }
}
