//! How to read: formats, what the store file says, limits; and where what is read goes.

use crate::blocks::SealedBlocks;
use crate::error::SinkError;
use crate::formats::Formats;
use stanch_model::store::LogSource;
use stanch_model::{EventBatch, FileAccount, Instant, Seal};

/// How to read a file.
#[derive(Clone, Debug)]
pub struct ReadOptions<'a> {
    /// The formats that are known.
    pub formats: &'a Formats,
    /// What the store file says about particular logs.
    pub logs: &'a [LogSource],
    /// IANA time zone of times that carry none, where the log's own entry does not say.
    pub time_zone: &'a str,
    /// A moment that no record can be later than, from which the year of times that carry none is told. Without it, and
    /// without a year from the store file, such lines are unread.
    pub now: Option<Instant>,
    /// Limits against hostile or broken files.
    pub limits: Limits,
    /// The file's seal, if it has been worked out before; it is then not worked out again.
    pub known: Option<Known>,
    /// What became of the file's beginning, where it was read before it grew: reading goes on behind that.
    pub beginning: Option<&'a FileAccount>,
    /// Threads that read parts of the file side by side, besides the one that unpacks and seals it.
    pub threads: usize,
}

impl<'a> ReadOptions<'a> {
    /// Options with the usual limits, nothing known of any log.
    pub fn new(formats: &'a Formats, time_zone: &'a str) -> ReadOptions<'a> {
        ReadOptions {
            formats,
            logs: &[],
            time_zone,
            now: None,
            limits: Limits::default(),
            known: None,
            beginning: None,
            threads: 1,
        }
    }

    /// What became of the file's beginning, if reading can go on behind it.
    pub(crate) fn read_before(&self) -> Option<&'a FileAccount> {
        self.beginning.filter(|read| !read.reads_on_in.is_empty() && self.known.is_some())
    }
}

/// A file that has been sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its seal.
    pub seal: Seal,
    /// The bytes that were sealed. What the file has grown by since is not read.
    pub bytes: u64,
}

/// Limits against hostile or broken files. What exceeds one is counted and named in the account, never an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a line, or of a record of several lines; a longer one is unread. Bounds memory.
    pub line_bytes_max: usize,
    /// Bytes of text that may come out of one compressed file or archive.
    pub text_bytes_max: u64,
    /// How many times its own size may come out of a compressed file or archive, once that is more than 256 MiB.
    pub ratio_max: u64,
    /// Members of an archive that are read.
    pub members_max: usize,
    /// Bytes of text that are read as one segment and become one row group of events. What is read of a segment is
    /// held until its turn has come, so this bounds memory. Where the cuts fall depends on the text alone.
    pub segment_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            line_bytes_max: 16 << 20,
            text_bytes_max: 1 << 40,
            ratio_max: 400,
            members_max: 100_000,
            segment_bytes: 16 << 20,
        }
    }
}

/// Receives what is read. For each text (a file, a member of an archive) one `begin`, its blocks, one `end`. The
/// account of an archive itself comes between its own `begin` and `end` without blocks, after those of its members.
pub trait Sink {
    /// Takes in the events of a part of a text.
    type Block: Block;

    /// A text begins.
    ///
    /// # Errors
    /// If the receiver cannot take it in; reading then stops.
    fn begin(&mut self) -> Result<(), SinkError>;

    /// A block for the next part of the text. Several may be filled at the same time.
    ///
    /// # Errors
    /// If the receiver cannot take more in; reading then stops.
    fn block(&mut self) -> Result<Self::Block, SinkError>;

    /// A block that has been filled and closed, in the order of the text.
    ///
    /// # Errors
    /// If the receiver cannot take it in; reading then stops.
    fn put(&mut self, block: Self::Block) -> Result<(), SinkError>;

    /// The text has ended; this became of it.
    ///
    /// # Errors
    /// If the receiver cannot take it in; reading then stops.
    fn end(&mut self, account: &FileAccount) -> Result<(), SinkError>;

    /// The file has been sealed; this tells which part of it changed, should it change. Comes once, before the last `end`,
    /// unless its seal was known.
    ///
    /// # Errors
    /// If the receiver cannot take it in; reading then stops.
    fn sealed(&mut self, _blocks: SealedBlocks) -> Result<(), SinkError> {
        Ok(())
    }

    /// So many bytes of the file have been read so far, before decompression.
    fn progress(&mut self, _bytes_read: u64) {}
}

/// The events of a part of a text. Filled by one thread while others fill other blocks, so that what each needs
/// (encoding, compression) is done side by side.
pub trait Block: Send {
    /// The next events, in the order of their lines. Never empty.
    ///
    /// # Errors
    /// If they cannot be taken in; reading then stops.
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError>;

    /// No more events come: what can be done apart from other blocks is done now.
    ///
    /// # Errors
    /// If it fails; reading then stops.
    fn close(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Events that are kept as they come.
impl Block for Vec<EventBatch> {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        self.push(batch);
        Ok(())
    }
}
