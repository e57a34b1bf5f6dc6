//! Peels compression and archives off a file, seals it in the same pass, and hands out the texts inside in chunks.

use crate::blocks::SealedBlocks;
use crate::options::{Known, Limits};
use crate::seal::Sealing;
use stanch_model::{FileAccount, Seal};
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// What comes out of a file, in order.
pub(crate) enum Piece {
    /// A text begins: the file's own, or a member's.
    Begin { member: Option<String> },
    /// Its next bytes.
    Text(Vec<u8>),
    /// It ends.
    End(Ended),
}

/// What is known of a text once it has ended.
pub(crate) struct Ended {
    pub(crate) seal: Seal,
    /// Bytes before decompression.
    pub(crate) bytes: u64,
    pub(crate) container: Option<&'static str>,
    pub(crate) remarks: Vec<String>,
    /// Of the file itself, where it was hashed now.
    pub(crate) blocks: Option<SealedBlocks>,
}

/// Why unpacking stopped before the end.
pub(crate) enum Stopped {
    /// The operating system failed.
    Io(io::Error),
    /// Nobody takes what is handed out any more.
    NotWanted,
}

/// Receives pieces; false if no more are wanted.
pub(crate) type Send<'a> = &'a mut dyn FnMut(Piece) -> bool;

const CHUNK_BYTES: usize = 1 << 20;
/// Bytes at a stream's start by which its container is told.
const HEAD_BYTES: usize = 512;
/// Below this much text the ratio of a compressed stream does not matter.
const RATIO_FROM_BYTES: u64 = 256 << 20;
/// Memory that an xz stream may ask for. Its strongest usual setting takes 65 MiB; the format allows 4 GiB.
const XZ_MEMORY_KIB_MAX: u32 = 256 << 10;
/// How a remark begins that tells of bytes which nobody could read.
const LACKS: &str = "not whole: ";
/// The remark of an archive in which a limit was reached.
const SPENT: &str = "reading stopped at a limit inside a member; the members after it are unread";

/// Whether all that the file holds was unpacked. Where it was not, lines are missing that no account counts: they may
/// have held anything. A remark says what happened.
pub fn is_whole(account: &FileAccount) -> bool {
    !account.remarks.iter().any(|r| r.starts_with(LACKS))
}

fn lacking(what: impl Display) -> String {
    format!("{LACKS}{what}")
}

/// What a stream is packed in, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Zip,
    Tar,
    Plain,
}

impl Container {
    pub(crate) fn of(head: &[u8]) -> Container {
        if head.starts_with(&[0x1f, 0x8b, 8]) {
            Container::Gzip
        } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || is_zstd_skippable(head) {
            Container::Zstd
        } else if head.starts_with(b"BZh") && head.get(4..10) == Some(b"1AY&SY") {
            Container::Bzip2
        } else if head.starts_with(b"\xfd7zXZ\0") {
            Container::Xz
        } else if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            Container::Zip
        } else if head.get(257..262) == Some(b"ustar") {
            Container::Tar
        } else {
            Container::Plain
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Container::Gzip => Some("gzip"),
            Container::Zstd => Some("zstd"),
            Container::Bzip2 => Some("bzip2"),
            Container::Xz => Some("xz"),
            Container::Zip => Some("zip"),
            Container::Tar => Some("tar"),
            Container::Plain => None,
        }
    }
}

/// A skippable frame before the first frame with data, as parallel compressors write it.
fn is_zstd_skippable(head: &[u8]) -> bool {
    head.len() >= 12
        && (head[0] & 0xf0) == 0x50
        && head[1..4] == [0x2a, 0x4d, 0x18]
        && head[8..12] == [0x28, 0xb5, 0x2f, 0xfd]
}

/// A reader whose first bytes were looked at.
pub(crate) type Peeked<R> = io::Chain<Cursor<Vec<u8>>, R>;

/// Looks at a stream's first bytes. A failure there is left for the next read to report.
pub(crate) fn peek<R: Read>(mut reader: R) -> (Container, Peeked<R>) {
    let mut head = vec![0; HEAD_BYTES];
    let mut filled = 0;
    while filled < head.len() {
        match reader.read(&mut head[filled..]) {
            Ok(n) if n > 0 => filled += n,
            _ => break,
        }
    }
    head.truncate(filled);
    (Container::of(&head), Cursor::new(head).chain(reader))
}

/// Takes one compression off, if there is one.
pub(crate) fn peel<'r, R: Read + 'r>(reader: R) -> (Option<&'static str>, Box<dyn Read + 'r>) {
    let (container, reader) = peek(reader);
    match container {
        Container::Gzip => (container.name(), Box::new(Failing::new(flate2::read::MultiGzDecoder::new(reader)))),
        Container::Zstd => match zstd::stream::read::Decoder::new(reader) {
            Ok(decoder) => (container.name(), Box::new(Failing::new(decoder))),
            Err(e) => (container.name(), Box::new(Failing::from_start(&e))),
        },
        Container::Bzip2 => (container.name(), Box::new(Failing::new(bzip2::read::MultiBzDecoder::new(reader)))),
        Container::Xz => {
            let decoder = lzma_rust2::XzReader::new_mem_limit(reader, true, XZ_MEMORY_KIB_MAX);
            (container.name(), Box::new(Failing::new(decoder)))
        }
        _ => (None, Box::new(reader)),
    }
}

/// A stream that, once it has failed, fails the same way again. A decoder that is asked for more may turn in a circle, and
/// who looked at the first bytes only may not have said what happened.
struct Failing<R> {
    reader: R,
    failure: Option<(io::ErrorKind, String)>,
}

impl<R> Failing<R> {
    fn new(reader: R) -> Failing<R> {
        Failing { reader, failure: None }
    }
}

impl Failing<io::Empty> {
    /// A stream that could not even be begun.
    fn from_start(failure: &io::Error) -> Failing<io::Empty> {
        Failing { reader: io::empty(), failure: Some((failure.kind(), failure.to_string())) }
    }
}

impl<R: Read> Read for Failing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some((kind, words)) = &self.failure {
            return Err(io::Error::new(*kind, words.clone()));
        }
        self.reader.read(buffer).inspect_err(|e| {
            if e.kind() != io::ErrorKind::Interrupted {
                self.failure = Some((e.kind(), e.to_string()));
            }
        })
    }
}

/// How much text may still come out of a file.
struct Budget<'a> {
    limits: &'a Limits,
    text_bytes: u64,
    packed_bytes: &'a AtomicU64,
    is_spent: bool,
}

impl Budget<'_> {
    fn spend(&mut self, bytes: u64, is_packed: bool) -> Result<(), String> {
        self.text_bytes += bytes;
        if !is_packed {
            return Ok(());
        }
        let packed = self.packed_bytes.load(Ordering::Relaxed).max(1);
        let why = if self.text_bytes > self.limits.text_bytes_max {
            format!("more than {} bytes come out of it", self.limits.text_bytes_max)
        } else if self.text_bytes > RATIO_FROM_BYTES && self.text_bytes / packed > self.limits.ratio_max {
            format!("more than {} times its size comes out of it", self.limits.ratio_max)
        } else {
            return Ok(());
        };
        self.is_spent = true;
        Err(why)
    }
}

/// Unpacks a file. What is broken inside it ends up in remarks; only the operating system's failures are errors.
pub(crate) fn unpack(
    path: &Path,
    known: Option<Known>,
    limits: &Limits,
    read: &AtomicU64,
    send: Send<'_>,
) -> Result<(), Stopped> {
    let file = File::open(path).map_err(Stopped::Io)?;
    let (file, known) = match known {
        Some(known) => (file.take(known.bytes), Some(known.seal)),
        None => (file.take(u64::MAX), None),
    };
    let mut sealing = Sealing::new(file, read, known);
    let mut budget = Budget { limits, text_bytes: 0, packed_bytes: read, is_spent: false };
    let (container, reader) = peek(&mut sealing);
    let mut remarks = Vec::new();
    let name;
    let mut is_archive = false;
    match container {
        Container::Zip => {
            drop(reader);
            name = container.name();
            is_archive = true;
            sealing.drain().map_err(Stopped::Io)?;
            zip_members(path, &mut budget, &mut remarks, send)?;
        }
        Container::Tar => {
            name = container.name();
            is_archive = true;
            tar_members(reader, &mut budget, &mut remarks, send)?;
        }
        _ => {
            let (compression, text) = peel(reader);
            let (inner, text) = peek(text);
            if inner == Container::Tar && compression.is_some() {
                is_archive = true;
                name = compression.map(|compression| match compression {
                    "gzip" => "tar in gzip",
                    "zstd" => "tar in zstd",
                    "bzip2" => "tar in bzip2",
                    _ => "tar in xz",
                });
                tar_members(text, &mut budget, &mut remarks, send)?;
            } else {
                name = compression;
                begin(None, send)?;
                remarks.extend(pump(text, compression.is_some(), &mut budget, send)?);
            }
        }
    }
    if let Some(failure) = sealing.take_failure() {
        return Err(Stopped::Io(failure));
    }
    sealing.drain().map_err(Stopped::Io)?;
    let blocks = sealing.take_blocks();
    let (seal, bytes) = sealing.finish();
    if is_archive {
        begin(None, send)?;
    }
    end(Ended { seal, bytes, container: name, remarks, blocks }, send)
}

/// Hands out what came behind a file's beginning, which is plain text and was read before.
pub(crate) fn read_behind(
    path: &Path,
    beginning: &FileAccount,
    known: &Known,
    read: &AtomicU64,
    send: Send<'_>,
) -> Result<(), Stopped> {
    let mut file = File::open(path).map_err(Stopped::Io)?;
    file.seek(SeekFrom::Start(beginning.bytes)).map_err(Stopped::Io)?;
    let mut rest = file.take(known.bytes.saturating_sub(beginning.bytes));
    read.store(beginning.bytes, Ordering::Relaxed);
    begin(None, send)?;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let n = (&mut rest).take(CHUNK_BYTES as u64).read_to_end(&mut chunk).map_err(Stopped::Io)?;
        if n == 0 {
            break;
        }
        read.fetch_add(n as u64, Ordering::Relaxed);
        if !send(Piece::Text(chunk)) {
            return Err(Stopped::NotWanted);
        }
    }
    let (seal, bytes) = (known.seal.clone(), known.bytes);
    end(Ended { seal, bytes, container: None, remarks: Vec::new(), blocks: None }, send)
}

fn begin(member: Option<String>, send: Send<'_>) -> Result<(), Stopped> {
    if send(Piece::Begin { member }) { Ok(()) } else { Err(Stopped::NotWanted) }
}

fn end(ended: Ended, send: Send<'_>) -> Result<(), Stopped> {
    if send(Piece::End(ended)) { Ok(()) } else { Err(Stopped::NotWanted) }
}

/// Hands out a stream's text. Where it breaks, a remark says so.
fn pump(
    mut reader: impl Read,
    is_packed: bool,
    budget: &mut Budget<'_>,
    send: Send<'_>,
) -> Result<Option<String>, Stopped> {
    let mut total = 0u64;
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut filled = 0;
        let mut broke = None;
        while filled < chunk.len() {
            match reader.read(&mut chunk[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) => {
                    broke = Some(e);
                    break;
                }
            }
        }
        let at_end = filled < chunk.len();
        chunk.truncate(filled);
        total += filled as u64;
        if filled > 0 && !send(Piece::Text(chunk)) {
            return Err(Stopped::NotWanted);
        }
        if let Some(e) = broke {
            return Ok(Some(lacking(format_args!(
                "the compressed stream breaks off after {total} bytes of text ({e}); what came before was read"
            ))));
        }
        if let Err(why) = budget.spend(filled as u64, is_packed) {
            return Ok(Some(lacking(format_args!(
                "{why}, so reading stopped after {total} bytes of text; the rest is unread"
            ))));
        }
        if at_end {
            return Ok(None);
        }
    }
}

fn zip_members(path: &Path, budget: &mut Budget<'_>, remarks: &mut Vec<String>, send: Send<'_>) -> Result<(), Stopped> {
    let file = File::open(path).map_err(Stopped::Io)?;
    let mut archive = match zip::ZipArchive::new(BufReader::new(file)) {
        Ok(archive) => archive,
        Err(e) => {
            let what = format_args!("the zip archive's directory cannot be read ({e}); nothing in it was read");
            remarks.push(lacking(what));
            return Ok(());
        }
    };
    let count = archive.len();
    let mut names = Names::default();
    for i in 0..count.min(budget.limits.members_max) {
        match archive.by_index(i) {
            Ok(member) if member.is_file() => {
                let name = names.name(member.name_raw());
                member_stream(name, member, budget, send)?;
                if budget.is_spent {
                    remarks.push(lacking(SPENT));
                    break;
                }
            }
            Ok(member) if member.is_dir() => {}
            Ok(member) => remarks.push(format!("member {:?} is a link and was left out", shown(member.name_raw()))),
            Err(e) => {
                remarks.push(lacking(format_args!("member number {} cannot be read ({e}) and was left out", i + 1)));
            }
        }
    }
    note_count(count, budget.limits, remarks);
    Ok(())
}

fn tar_members(
    reader: impl Read,
    budget: &mut Budget<'_>,
    remarks: &mut Vec<String>,
    send: Send<'_>,
) -> Result<(), Stopped> {
    let mut archive = tar::Archive::new(reader);
    let Ok(entries) = archive.entries() else {
        remarks.push(lacking("the tar archive cannot be read"));
        return Ok(());
    };
    let mut names = Names::default();
    let mut count = 0;
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                let what =
                    format_args!("the tar archive breaks off after {count} members ({e}); what came before was read");
                remarks.push(lacking(what));
                break;
            }
        };
        count += 1;
        if count > budget.limits.members_max {
            break;
        }
        let kind = entry.header().entry_type();
        let raw = entry.path_bytes().into_owned();
        if is_read(kind) {
            let size = entry.size();
            let name = names.name(&raw);
            let read = member_stream(name, entry, budget, send)?;
            if budget.is_spent {
                remarks.push(lacking(SPENT));
                break;
            }
            if read < size {
                remarks.push(lacking(format_args!(
                    "the tar archive breaks off inside member {:?}; what came before was read",
                    shown(&raw)
                )));
                break;
            }
        } else if !kind.is_dir() {
            remarks.push(format!("member {:?} is no file and was left out", shown(&raw)));
        }
    }
    note_count(count, budget.limits, remarks);
    Ok(())
}

/// Whether a tar entry of that kind holds a file's bytes.
pub(crate) fn is_read(kind: tar::EntryType) -> bool {
    kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()
}

fn note_count(count: usize, limits: &Limits, remarks: &mut Vec<String>) {
    if count > limits.members_max {
        remarks.push(lacking(format_args!("it has more than {} members; the rest is unread", limits.members_max)));
    } else {
        remarks.insert(0, format!("an archive of {count} members, each read as a file of its own"));
    }
}

/// Reads one member; how many of its bytes, before its own decompression, were read.
fn member_stream(name: String, reader: impl Read, budget: &mut Budget<'_>, send: Send<'_>) -> Result<u64, Stopped> {
    let read = AtomicU64::new(0);
    let mut sealing = Sealing::new(Failing::new(reader), &read, None);
    begin(Some(name), send)?;
    let (compression, text) = peel(&mut sealing);
    let (inner, text) = peek(text);
    let mut remarks = Vec::new();
    if matches!(inner, Container::Tar | Container::Zip) {
        remarks.push(lacking("an archive inside an archive is not opened; unpack it and add it by itself"));
    }
    remarks.extend(pump(text, true, budget, send)?);
    // What a limit stopped is sealed only as far as it was read: reading on would be what the limit is against.
    if !budget.is_spent && sealing.drain().is_err() {
        remarks.push(lacking("the member breaks off; what came before was read"));
    }
    let (seal, bytes) = sealing.finish();
    end(Ended { seal, bytes, container: compression, remarks, blocks: None }, send)?;
    Ok(bytes)
}

/// Names of members: never used to open anything, control characters shown, the same name twice told apart.
#[derive(Default)]
pub(crate) struct Names(std::collections::BTreeMap<String, u32>);

impl Names {
    pub(crate) fn name(&mut self, raw: &[u8]) -> String {
        let name = shown(raw);
        let times = self.0.entry(name.clone()).or_default();
        *times += 1;
        if *times > 1 { format!("{name} ({times})") } else { name }
    }
}

fn shown(raw: &[u8]) -> String {
    let mut out = String::new();
    for c in String::from_utf8_lossy(raw).chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
