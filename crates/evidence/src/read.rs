//! Reads one file: unpacking and sealing on one thread, reading on another.

use crate::error::{ReadError, SinkError};
use crate::gather::Source;
use crate::options::{ReadOptions, Sink};
use crate::stream::TextStream;
use crate::unpack::{Piece, Stopped, unpack};
use stanch_model::FileAccount;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

/// Chunks that wait between the two threads.
const CHUNKS_WAITING: usize = 3;

/// Reads a file and every file inside it: events go to `sink`, what became of each line into the accounts, in order of
/// path. Memory stays bounded, whatever the file holds.
///
/// # Errors
/// If the operating system does not open or read the file, or the sink fails. Nothing that a file holds is an error.
pub fn read(source: &Source, options: &ReadOptions<'_>, sink: &mut dyn Sink) -> Result<Vec<FileAccount>, ReadError> {
    let bytes_read = AtomicU64::new(0);
    let (sender, receiver) = sync_channel(CHUNKS_WAITING);
    let (unpacked, accounts) = std::thread::scope(|scope| {
        let unpacking = scope.spawn(|| {
            let sender = sender;
            let known = options.known_seal.clone();
            unpack(&source.path, known, &options.limits, &bytes_read, &mut |piece| sender.send(piece).is_ok())
        });
        let accounts = take_in(&receiver, &source.name, options, &bytes_read, sink);
        // With nobody to take pieces any more, unpacking ends too.
        drop(receiver);
        (unpacking.join(), accounts)
    });
    let path = || -> PathBuf { source.path.clone() };
    let mut accounts = accounts.map_err(|source| ReadError::Sink { path: path(), source })?;
    match unpacked {
        Ok(Ok(()) | Err(Stopped::NotWanted)) => {}
        Ok(Err(Stopped::Io(source))) => {
            return Err(match bytes_read.load(Ordering::Relaxed) {
                0 => ReadError::Open { path: path(), source },
                at_byte => ReadError::Read { path: path(), at_byte, source },
            });
        }
        Err(panic) => std::panic::resume_unwind(panic),
    }
    accounts.sort_by(|a, b| a.path.cmp(&b.path).then_with(|| a.seal.cmp(&b.seal)));
    Ok(accounts)
}

fn take_in(
    pieces: &Receiver<Piece>,
    name: &str,
    options: &ReadOptions<'_>,
    bytes_read: &AtomicU64,
    sink: &mut dyn Sink,
) -> Result<Vec<FileAccount>, SinkError> {
    let mut accounts = Vec::new();
    let mut stream: Option<TextStream<'_>> = None;
    for piece in pieces {
        match piece {
            Piece::Begin { member } => {
                sink.begin()?;
                let path = member.map_or_else(|| name.to_owned(), |member| format!("{name}!{member}"));
                stream = Some(TextStream::new(path, options));
            }
            Piece::Text(chunk) => {
                if let Some(stream) = &mut stream {
                    stream.feed(&chunk, sink)?;
                }
                sink.progress(bytes_read.load(Ordering::Relaxed));
            }
            Piece::End(ended) => {
                if let Some(stream) = stream.take() {
                    let account = stream.finish(ended, sink)?;
                    sink.end(&account)?;
                    accounts.push(account);
                }
            }
        }
    }
    Ok(accounts)
}
