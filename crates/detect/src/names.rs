//! Texts as small numbers, so that state per key stays small.

use std::collections::HashMap;
use std::rc::Rc;

/// A text's number. Numbers follow arrival, so nothing that leaves this crate may be ordered by them.
pub(crate) type Name = u32;

/// Texts and their numbers.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<Rc<str>, Name>,
    texts: Vec<Rc<str>>,
}

impl Names {
    /// The text's number, given now if it has none.
    pub(crate) fn number(&mut self, text: &str) -> Name {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = Name::try_from(self.texts.len()).expect("four thousand million names do not fit in memory");
        let text: Rc<str> = text.into();
        self.texts.push(text.clone());
        self.numbers.insert(text, number);
        number
    }

    /// The text's number, if it has one.
    pub(crate) fn get(&self, text: &str) -> Option<Name> {
        self.numbers.get(text).copied()
    }

    /// The text of a number that these names gave.
    pub(crate) fn text(&self, number: Name) -> &str {
        &self.texts[number as usize]
    }
}

/// A 64-bit FNV-1a hash: the same on every run, so that what is kept under a cap does not depend on the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) fn new() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3);
        }
    }

    pub(crate) fn of(text: &str) -> u64 {
        let mut hash = Fnv::new();
        hash.push(text.as_bytes());
        hash.finish()
    }

    pub(crate) fn finish(self) -> u64 {
        // FNV mixes its high bits badly; this spreads them.
        let x = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x ^ (x >> 29)
    }
}
