//! Which part of a sealed file changed.
//!
//! SHA-256 works through a file with an inner state of 32 bytes. The seal's own pass writes that state down after each
//! MiB, which costs nothing. From the state before a block, the block's bytes lead to the state after it and to no other:
//! so each block can be checked by itself, and a seal that no longer fits is narrowed down to blocks.

use crate::error::ReadError;
use sha2::Sha256;
use sha2::digest::Digest;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use stanch_model::Seal;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Bytes of a block.
pub const BLOCK_BYTES: u64 = 1 << 20;
/// First words of a list.
const TITLE: &str = "stanch blocks 1: SHA-256's state after each 1048576 bytes of a file of";

type State = [u8; 32];

/// The states of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedBlocks {
    /// The file's size.
    pub bytes: u64,
    states: Vec<State>,
}

/// Where a file differs from what was sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Its size now.
    pub bytes: u64,
    /// Spans of bytes, first and last, in whole blocks; neighbouring ones as one.
    pub differ: Vec<(u64, u64)>,
    /// What is left of the block in which the file now ends: it cannot be compared.
    pub not_comparable: Option<(u64, u64)>,
}

impl SealedBlocks {
    pub(crate) fn begin() -> SealedBlocks {
        SealedBlocks::default()
    }

    /// Hashes what passes, and keeps the state at the end of each block.
    pub(crate) fn update(&mut self, hasher: &mut Sha256, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = usize::try_from(BLOCK_BYTES - self.bytes % BLOCK_BYTES).unwrap_or(usize::MAX);
            let (part, rest) = bytes.split_at(room.min(bytes.len()));
            hasher.update(part);
            self.bytes += part.len() as u64;
            if self.bytes.is_multiple_of(BLOCK_BYTES) {
                self.states.push(state_of(hasher));
            }
            bytes = rest;
        }
    }

    /// How many blocks the file has, the last of which may be short.
    pub fn count(&self) -> u64 {
        self.bytes.div_ceil(BLOCK_BYTES)
    }

    /// As a text: a line that says what it is, and one for each state.
    pub fn text(&self) -> String {
        let mut text = format!("{TITLE} {}\n", self.bytes);
        for state in &self.states {
            for byte in state {
                // A string takes everything that is written to it.
                let _ = write!(text, "{byte:02x}");
            }
            text.push('\n');
        }
        text
    }

    /// Reads what [`SealedBlocks::text`] wrote; nothing where it is something else.
    pub fn parse(text: &str) -> Option<SealedBlocks> {
        let (title, rest) = text.split_once('\n')?;
        let bytes: u64 = title.strip_prefix(TITLE)?.strip_prefix(' ')?.parse().ok()?;
        let states = rest.lines().map(state_from).collect::<Option<Vec<State>>>()?;
        (states.len() as u64 == bytes / BLOCK_BYTES).then_some(SealedBlocks { bytes, states })
    }

    /// Compares a file with these blocks, one by one. The seal decides over the last one.
    ///
    /// # Errors
    /// If the operating system does not open or read it.
    pub fn compare(&self, path: &Path, seal: &Seal) -> Result<Changed, ReadError> {
        let mut file = File::open(path).map_err(|source| ReadError::Open { path: path.to_owned(), source })?;
        let mut changed = Changed::default();
        let mut block = vec![0; usize::try_from(BLOCK_BYTES).expect("a block fits into memory")];
        loop {
            let read = fill(&mut file, &mut block).map_err(|source| ReadError::Read {
                path: path.to_owned(),
                at_byte: changed.bytes,
                source,
            })?;
            if read == 0 {
                return Ok(changed);
            }
            self.compare_block(&block[..read], seal, &mut changed);
            changed.bytes += read as u64;
        }
    }

    fn compare_block(&self, read: &[u8], seal: &Seal, changed: &mut Changed) {
        let from = changed.bytes;
        let sealed = BLOCK_BYTES.min(self.bytes.saturating_sub(from));
        if sealed == 0 {
            return;
        }
        let last = from + sealed.min(read.len() as u64) - 1;
        if (read.len() as u64) < sealed {
            changed.not_comparable = Some((from, last));
            return;
        }
        let number = usize::try_from(from / BLOCK_BYTES).unwrap_or(usize::MAX);
        let mut hasher = match number.checked_sub(1) {
            None => Sha256::new(),
            Some(before) => self.states.get(before).map_or_else(Sha256::new, |state| hasher_at(state, from)),
        };
        hasher.update(&read[..usize::try_from(sealed).unwrap_or(read.len())]);
        let same = match self.states.get(number) {
            Some(state) => state_of(&hasher) == *state,
            None => crate::seal::hex(&hasher.finalize()) == seal.0,
        };
        match changed.differ.last_mut() {
            _ if same => {}
            Some((_, to)) if *to + 1 == from => *to = last,
            _ => changed.differ.push((from, last)),
        }
    }
}

/// The eight words of the state, in the order and spelling in which SHA-256 prints them.
fn state_of(hasher: &Sha256) -> State {
    let written = hasher.serialize();
    let mut state = [0; 32];
    for (word, le) in state.chunks_exact_mut(4).zip(written.chunks_exact(4)) {
        word.copy_from_slice(le);
        word.reverse();
    }
    state
}

/// A hasher in that state, so many bytes into a file; a multiple of 64.
fn hasher_at(state: &State, bytes: u64) -> Sha256 {
    let mut written = SerializedState::<Sha256>::default();
    for (le, word) in written.chunks_exact_mut(4).zip(state.chunks_exact(4)) {
        le.copy_from_slice(word);
        le.reverse();
    }
    written[32..40].copy_from_slice(&(bytes / 64).to_le_bytes());
    Sha256::deserialize(&written).expect("a state at the end of a block has an empty buffer")
}

fn state_from(digits: &str) -> Option<State> {
    let mut state = [0; 32];
    if digits.len() != 64 || !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (at, byte) in state.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(state)
}

/// As many bytes as there are, up to a whole block.
fn fill(file: &mut File, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match file.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::seal_in_blocks;

    const MIB: usize = BLOCK_BYTES as usize;

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n / 7 + n % 251) as u8).collect()
    }

    struct Sealed {
        dir: tempfile::TempDir,
        seal: Seal,
        blocks: SealedBlocks,
    }

    impl Sealed {
        fn of(bytes: &[u8]) -> Sealed {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("f"), bytes).unwrap();
            let (seal, blocks) = seal_in_blocks(&dir.path().join("f")).unwrap();
            Sealed { dir, seal, blocks }
        }

        fn now(&self, bytes: &[u8]) -> Changed {
            let path = self.dir.path().join("f");
            std::fs::write(&path, bytes).unwrap();
            self.blocks.compare(&path, &self.seal).unwrap()
        }
    }

    #[test]
    fn the_state_is_sha256s_own() {
        // The state after one block of zeros, as FIPS 180-4's compression makes it.
        let mut hasher = Sha256::new();
        hasher.update([0; 64]);
        let mut state =
            [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
        sha2::block_api::compress256(&mut state, &[[0; 64]]);
        let words: Vec<u8> = state.iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
        assert_eq!(state_of(&hasher).as_slice(), words);
        assert_eq!(
            hasher_at(&state_of(&hasher), 64).chain_update(b"abc").finalize(),
            hasher.chain_update(b"abc").finalize()
        );
    }

    #[test]
    fn what_is_unchanged_compares_equal_whatever_its_size() {
        for length in [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB, 3 * MIB + 17] {
            let bytes = bytes(length);
            let sealed = Sealed::of(&bytes);
            assert_eq!(sealed.now(&bytes), Changed { bytes: length as u64, ..Changed::default() });
            assert_eq!(sealed.blocks.count(), length.div_ceil(MIB) as u64);
            assert_eq!(SealedBlocks::parse(&sealed.blocks.text()), Some(sealed.blocks));
        }
    }

    #[test]
    fn each_changed_block_is_named_and_neighbours_are_one_span() {
        let mut bytes = bytes(6 * MIB + 100);
        let sealed = Sealed::of(&bytes);
        for at in [MIB, 3 * MIB + 5, 5 * MIB - 1, 6 * MIB + 99] {
            bytes[at] ^= 1;
        }
        let mib = BLOCK_BYTES;
        let expect = vec![(mib, 2 * mib - 1), (3 * mib, 5 * mib - 1), (6 * mib, 6 * mib + 99)];
        assert_eq!(sealed.now(&bytes), Changed { bytes: 6 * mib + 100, differ: expect, not_comparable: None });
    }

    #[test]
    fn a_file_that_grew_or_shrank_is_compared_as_far_as_it_was_sealed() {
        let bytes = bytes(2 * MIB + 100);
        let sealed = Sealed::of(&bytes);
        let grown = sealed.now(&[&bytes[..], b"more"].concat());
        assert_eq!(grown, Changed { bytes: 2 * BLOCK_BYTES + 104, ..Changed::default() });
        let shrunk = sealed.now(&bytes[..MIB + 50]);
        let left = Some((BLOCK_BYTES, BLOCK_BYTES + 49));
        assert_eq!(shrunk, Changed { bytes: BLOCK_BYTES + 50, differ: Vec::new(), not_comparable: left });
        assert_eq!(sealed.now(b""), Changed::default());
    }

    #[test]
    fn what_is_no_list_does_not_read_as_one() {
        let text = Sealed::of(&bytes(2 * MIB)).blocks.text();
        let lines: Vec<&str> = text.lines().collect();
        for wrong in
            ["", "x\n", lines[0], &lines[..2].join("\n"), &text.replace('a', "A"), &text.replace("of 2", "of 9")]
        {
            assert_eq!(SealedBlocks::parse(wrong), None, "{wrong}");
        }
    }
}
