//! One entry, its line, and the hash that ties the next one to it.

use crate::key::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use stanch_model::{Instant, Seal};
use std::collections::BTreeMap;
use std::fmt;

/// What the first entry names as the line before it.
pub(crate) const NO_LINE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Text in [`On`] beyond this many bytes is replaced by its digest: a reference is short.
const REFERENCE_BYTES_MAX: usize = 300;

/// One act. Its line is this object's JSON, keys in this order and those of `on` sorted, without spaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// 1 for the first.
    pub seq: u64,
    /// SHA-256 of the line before, without its newline; zeros for the first.
    pub prev: String,
    /// When it was done.
    pub at: Instant,
    /// Who did it: an operating-system account, `run`.
    pub by: String,
    /// What was done: `evidence.sealed`, `intruder.confirmed`.
    pub act: String,
    /// On what: references, hashes and counts.
    pub on: On,
}

impl Entry {
    /// The entry's line, without its newline.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("an entry holds only strings, numbers and maps with string keys")
    }
}

/// What an act was on. Built only from references, so that personal data has no way in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct On(BTreeMap<String, Value>);

impl On {
    /// Nothing in particular.
    pub fn nothing() -> On {
        On::default()
    }

    /// A sealed file.
    #[must_use]
    pub fn seal(self, key: &str, seal: &Seal) -> On {
        self.with(key, Value::from(seal.0.as_str()))
    }

    /// How many.
    #[must_use]
    pub fn count(self, key: &str, count: u64) -> On {
        self.with(key, Value::from(count))
    }

    /// A moment that matters to the act, apart from when it was done.
    #[must_use]
    pub fn moment(self, key: &str, moment: Instant) -> On {
        self.with(key, Value::from(moment.to_string()))
    }

    /// A word of the program's own vocabulary.
    #[must_use]
    pub fn word(self, key: &str, word: &'static str) -> On {
        self.with(key, Value::from(word))
    }

    /// An id, a version, a relative path. What might be more than that (an `@`, a line break, great length) is
    /// replaced by its digest.
    #[must_use]
    pub fn reference(self, key: &str, reference: &str) -> On {
        let doubtful =
            reference.contains('@') || reference.chars().any(char::is_control) || reference.len() > REFERENCE_BYTES_MAX;
        if doubtful { self.digest(key, reference.as_bytes()) } else { self.with(key, Value::from(reference)) }
    }

    /// Something that must not stand here itself: `sha256:` and its digest.
    #[must_use]
    pub fn digest(self, key: &str, bytes: &[u8]) -> On {
        self.with(key, Value::from(format!("sha256:{}", sha256(bytes))))
    }

    fn with(mut self, key: &str, value: Value) -> On {
        self.0.insert(key.to_owned(), value);
        self
    }

    /// What stands under a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }
}

/// The end of a chain: how many entries it has and what the next one has to name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of entries.
    pub entries: u64,
    /// SHA-256 of the last line; zeros where there is none.
    pub hash: String,
}

impl Head {
    /// The head of an empty ledger.
    pub fn start() -> Head {
        Head { entries: 0, hash: NO_LINE.to_owned() }
    }

    /// The head after one more line.
    pub(crate) fn after(&self, line: &[u8]) -> Head {
        Head { entries: self.entries + 1, hash: sha256(line) }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.entries, self.hash)
    }
}

/// The SHA-256 of some bytes, lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_canonical_and_readable() {
        let entry = Entry {
            seq: 1,
            prev: NO_LINE.to_owned(),
            at: "2026-03-02T21:14:05Z".parse().unwrap(),
            by: "responder".to_owned(),
            act: "evidence.sealed".to_owned(),
            on: On::nothing().count("lines", 7).reference("file", "nginx/access.log").word("how", "in place"),
        };
        insta::assert_snapshot!(entry.line(), @r#"{"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","at":"2026-03-02T21:14:05Z","by":"responder","act":"evidence.sealed","on":{"file":"nginx/access.log","how":"in place","lines":7}}"#);
    }

    #[test]
    fn what_might_be_a_person_goes_in_as_a_digest() {
        let on = On::nothing().reference("who", "someone@example.org").reference("line", "a\nb");
        assert!(on.get("who").unwrap().as_str().unwrap().starts_with("sha256:"));
        assert!(on.get("line").unwrap().as_str().unwrap().starts_with("sha256:"));
    }

    #[test]
    fn digests_are_sha256() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
