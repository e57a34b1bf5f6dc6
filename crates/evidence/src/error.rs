//! What can go wrong as a whole: the operating system refuses, the receiver fails. Bad lines are never errors.

use std::path::PathBuf;

/// Why evidence could not be gathered from the paths named.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// A path cannot be opened or listed.
    #[error("could not read {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// A folder holds no file at all.
    #[error("there is no file in {}; name the folder that holds the logs", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// A link leads out of the folder named, or nowhere. Following it would take in what nobody named.
    #[error("{} is a link that leads out of the folder named; copy the file in, or name it by itself", path.display())]
    LinkOut {
        /// Which.
        path: PathBuf,
    },
    /// Neither a file nor a folder: a pipe, a socket, a device.
    #[error("{} is neither a file nor a folder", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// No path at all.
    #[error("no evidence was named; name files or folders")]
    Nothing,
}

/// Why a file could not be read as a whole. What is wrong inside a file is in its account instead.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system does not open it.
    #[error("could not open {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// The operating system fails in the middle of it (a bad disk, a lost mount).
    #[error("could not read on in {} after {at_byte} bytes", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Bytes read before.
        at_byte: u64,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// The receiver of events failed.
    #[error("could not hand on what was read in {}", path.display())]
    Sink {
        /// Which file was being read.
        path: PathBuf,
        /// What the receiver says.
        #[source]
        source: SinkError,
    },
}

/// A receiver's own failure, whatever it is.
#[derive(Debug, thiserror::Error)]
#[error("the events could not be taken in")]
pub struct SinkError {
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl SinkError {
    /// Wraps the receiver's error.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SinkError {
        SinkError { source: source.into() }
    }
}

/// Why a raw record could not be cut out of its evidence again.
#[derive(Debug, thiserror::Error)]
pub enum ExcerptError {
    /// The file, or its decompression, cannot be read up to there.
    #[error("could not read {} up to byte {offset}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Where the record begins, after decompression.
        offset: u64,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
    /// The text ends before the record does: not the file that was sealed.
    #[error("{} ends before byte {offset} + {length}; check its seal", path.display())]
    Short {
        /// Which file.
        path: PathBuf,
        /// Where the record begins, after decompression.
        offset: u64,
        /// Its length in bytes.
        length: u32,
    },
    /// The archive has no such member.
    #[error("{} has no member {member:?}; check its seal", path.display())]
    NoSuchMember {
        /// Which archive.
        path: PathBuf,
        /// The member asked for.
        member: String,
    },
}
