//! What every target does, what it begins with, and what must hold whatever it is given.

mod seeds;

use stanch_evidence::{FormatPack, Formats, Limits, ReadOptions, Source, draft_format, read, read_text};
use stanch_model::store::LogSource;
use stanch_model::{EventBatch, FileAccount, Instant};
use stanch_packs::Packs;
use std::sync::LazyLock;

static FORMATS: LazyLock<Formats> = LazyLock::new(|| Formats::load(&Packs::shipped()).expect("shipped packs load"));

/// Formats of which only general ones are known, so that there is something to draft.
static FEW_FORMATS: LazyLock<Formats> = LazyLock::new(|| {
    let shipped = Packs::shipped();
    let kept = ["time_zones", "postgresql_words", "json_lines", "csv_table", "syslog"];
    let packs = kept.iter().fold(Packs::none(), |packs, name| {
        let name = format!("formats/{name}");
        packs.with_text(&name, shipped.text(&name).expect("a shipped pack"))
    });
    Formats::load(&packs).expect("some of the shipped packs load")
});

/// What a target gives its bytes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One reader. The first byte says by which of its packs, and by what their samples' store files say.
    Reader(ReaderKind),
    /// Whichever reader fits.
    Recognition,
    /// A file on disk, which may be packed.
    Files,
    /// A pattern that a store file states, on the first line, and the lines that it is for.
    Pattern,
    /// The drafting of a format pack.
    Draft,
}

/// A target's entry. Before the first run it adds its seeds to the corpus.
#[macro_export]
macro_rules! target {
    ($target:expr) => {
        use $crate::{ReaderKind, Target};

        libfuzzer_sys::fuzz_target!(init: $crate::begin($target), |data: &[u8]| $crate::run($target, data));
    };
}

pub use stanch_evidence::ReaderKind;

/// Loads the formats and writes the seeds into the corpus folder, which is the first argument that is no option.
pub fn begin(target: Target) {
    // What is only done once counts as no run's time.
    match target {
        Target::Draft => LazyLock::force(&FEW_FORMATS),
        _ => LazyLock::force(&FORMATS),
    };
    let Some(folder) = std::env::args().skip(1).find(|arg| !arg.starts_with('-')) else { return };
    let folder = std::path::PathBuf::from(folder);
    if !folder.is_dir() {
        return;
    }
    for (i, seed) in seeds::of(target).into_iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{i:04}")), seed).expect("the corpus folder can be written");
    }
}

/// Runs a target on some bytes.
pub fn run(target: Target, data: &[u8]) {
    match target {
        Target::Reader(kind) => by_reader(kind, data),
        Target::Recognition => in_log(&[], data),
        Target::Files => in_file(data),
        Target::Pattern => by_pattern(data),
        Target::Draft => {
            // Why none can be drafted is told in words; neither outcome may be a panic.
            let _ = draft_format(data, &FEW_FORMATS, "drafted");
        }
    }
}

fn options<'a>(logs: &'a [LogSource], data: &[u8]) -> ReadOptions<'a> {
    // Small, so that a short input meets every limit; half of the inputs may have lines as long as they like.
    let line_bytes_max = if data.len() % 2 == 0 { 4_096 } else { Limits::default().line_bytes_max };
    let limits = Limits { line_bytes_max, segment_bytes: 600, text_bytes_max: 8 << 20, ..Limits::default() };
    let now = Some(Instant(1_780_000_000_000_000));
    ReadOptions { logs, limits, now, ..ReadOptions::new(&FORMATS, "Europe/Berlin") }
}

/// The format packs by their names, without those that the formats share.
fn packs() -> Vec<(String, FormatPack)> {
    let packs = Packs::shipped();
    let names = packs.files("formats").map(|(name, _)| name);
    names.filter_map(|name| Some((name.trim_start_matches("formats/").to_owned(), packs.load(name).ok()?))).collect()
}

/// What a store file may say so that a reader reads: each of its packs by name, and what their samples say.
fn logs_of(kind: ReaderKind) -> Vec<LogSource> {
    let mut logs: Vec<LogSource> = Vec::new();
    for (name, pack) in packs().into_iter().filter(|(_, pack)| pack.reader == kind) {
        let said = pack.samples.into_iter().filter_map(|sample| sample.log);
        for log in std::iter::once(LogSource::default()).chain(said) {
            let log = log_of(&name, log);
            if !logs.contains(&log) {
                logs.push(log);
            }
        }
    }
    logs
}

/// What a sample says of its log, for a file of any name.
fn log_of(pack: &str, log: LogSource) -> LogSource {
    let is_told = log.format.is_some() || log.pattern.is_some() || !log.fields.is_empty();
    let format = if is_told { log.format } else { Some(pack.to_owned()) };
    LogSource { name: "fuzzed".to_owned(), files: "**".to_owned(), format, ..log }
}

fn by_reader(kind: ReaderKind, data: &[u8]) {
    static LOGS: std::sync::OnceLock<Vec<LogSource>> = std::sync::OnceLock::new();
    // One target has one reader.
    let logs = LOGS.get_or_init(|| logs_of(kind));
    let Some((which, data)) = data.split_first() else { return };
    let log = &logs[usize::from(*which) % logs.len()];
    in_log(std::slice::from_ref(log), data);
}

fn in_log(logs: &[LogSource], data: &[u8]) {
    let (account, batches) = read_text("fuzzed", data, &options(logs, data));
    holds(&account, &batches, data.len() as u64);
}

fn by_pattern(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (pattern, text) = text.split_once('\n').unwrap_or((&text, ""));
    let log = LogSource { pattern: Some(pattern.to_owned()), ..LogSource::default() };
    in_log(&[log_of("", log)], text.as_bytes());
}

fn in_file(data: &[u8]) {
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
    let accounts = read(&source, &options(&[], data), &mut count).expect("nothing that a file holds is an error");
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
