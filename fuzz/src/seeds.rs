//! What targets begin with: the format packs' own samples, so that coverage begins deep in each reader.

use crate::{ReaderKind, Target, log_of, logs_of, packs};
use stanch_model::store::LogSource;
use std::io::{Cursor, Write as _};

/// Bytes of a sample up to which it is a seed for drafting, which looks at a whole sample many times over.
const DRAFTED_BYTES_MAX: usize = 8 << 10;

/// The seeds of a target.
pub(crate) fn of(target: Target) -> Vec<Vec<u8>> {
    match target {
        Target::Reader(kind) => of_reader(kind),
        Target::Recognition => samples().map(|(.., bytes)| bytes).collect(),
        Target::Files => {
            // One sample of each reader, in everything that a file may be packed in.
            let mut kinds = Vec::new();
            let firsts = samples().filter(|(kind, ..)| {
                let is_new = !kinds.contains(kind);
                kinds.push(*kind);
                is_new
            });
            firsts.flat_map(|(.., bytes)| packed(&bytes)).collect()
        }
        Target::Pattern => {
            let told = samples().filter_map(|(_, log, bytes)| Some((log.pattern?, bytes)));
            told.map(|(pattern, bytes)| [pattern.as_bytes(), b"\n", &bytes].concat()).collect()
        }
        Target::Draft => samples().map(|(.., bytes)| bytes).filter(|b| b.len() <= DRAFTED_BYTES_MAX).collect(),
    }
}

fn of_reader(kind: ReaderKind) -> Vec<Vec<u8>> {
    let logs = logs_of(kind);
    let mine = |of: ReaderKind| match of {
        // What programs say is read through syslog.
        ReaderKind::Messages => kind == ReaderKind::Syslog,
        of => of == kind,
    };
    let seeds = samples().filter(|(of, ..)| mine(*of)).map(|(_, log, bytes)| {
        let which = logs.iter().position(|l| *l == log).unwrap_or(0);
        [&[u8::try_from(which).unwrap_or(0)], bytes.as_slice()].concat()
    });
    seeds.collect()
}

/// The samples of all packs: the pack's reader, what is said of the log, the bytes.
fn samples() -> impl Iterator<Item = (ReaderKind, LogSource, Vec<u8>)> {
    packs().into_iter().flat_map(|(name, pack)| {
        let reader = pack.reader;
        pack.samples.into_iter().filter_map(move |sample| {
            let bytes = sample.bytes()?;
            Some((reader, log_of(&name, sample.log.unwrap_or_default()), bytes))
        })
    })
}

/// A file as it is, and packed in each way that is read.
fn packed(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut bz = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).expect("in memory");
    let mut tar = tar::Builder::new(Vec::new());
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    gz.write_all(bytes).expect("in memory");
    bz.write_all(bytes).expect("in memory");
    xz.write_all(bytes).expect("in memory");
    zip.start_file("a.log", zip::write::SimpleFileOptions::default()).expect("in memory");
    zip.write_all(bytes).expect("in memory");
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    tar.append_data(&mut header, "a.log", bytes).expect("in memory");
    vec![
        bytes.to_vec(),
        gz.finish().expect("in memory"),
        bz.finish().expect("in memory"),
        xz.finish().expect("in memory"),
        zstd::bulk::compress(bytes, 3).expect("in memory"),
        tar.into_inner().expect("in memory"),
        zip.finish().expect("in memory").into_inner(),
    ]
}
