//! Patterns in request targets: words first, all at once, and a regex only where its word was found.

use super::decode::decoded;
use aho_corasick::AhoCorasick;
use regex::Regex;
use serde::Deserialize;
use stanch_packs::PackError;

/// The part of a pack about requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestsPack {
    pub(super) patterns: Vec<PatternPack>,
    pub(super) hits: Vec<String>,
    pub(super) near_misses: Vec<String>,
}

/// One pattern as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PatternPack {
    name: String,
    sure: Sure,
    /// One of these must be there before the regex is tried; lower case.
    words: Vec<String>,
    /// Over the decoded, lower-case target, its comments made spaces.
    regex: String,
}

/// How often a person's request looks like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sure {
    /// Next to never.
    Strong,
    /// Now and then.
    Weak,
}

/// Ready to search. At most 64 patterns.
#[derive(Debug)]
pub(crate) struct Requests {
    names: Vec<String>,
    sure: Vec<Sure>,
    regexes: Vec<Regex>,
    words: AhoCorasick,
    /// The pattern of each word.
    pattern_of: Vec<usize>,
}

/// What one request hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// One bit per pattern.
    pub(crate) patterns: u64,
    /// A strong one is among them.
    pub(crate) strong: bool,
}

const PATTERNS_MAX: usize = 64;

impl Requests {
    pub(super) fn compile(shown: &str, pack: RequestsPack) -> Result<Requests, PackError> {
        if pack.patterns.len() > PATTERNS_MAX {
            return Err(PackError::new(shown, format!("more than {PATTERNS_MAX} patterns"))
                .with_hint("split it into two detections"));
        }
        let (mut words, mut pattern_of, mut regexes) = (Vec::new(), Vec::new(), Vec::new());
        for (i, pattern) in pack.patterns.iter().enumerate() {
            words.extend(pattern.words.iter().cloned());
            pattern_of.extend(std::iter::repeat_n(i, pattern.words.len()));
            regexes.push(Regex::new(&pattern.regex).map_err(|e| {
                PackError::new(shown, format!("the regex of `{}` cannot be compiled: {e}", pattern.name))
            })?);
        }
        let words = AhoCorasick::new(&words)
            .map_err(|e| PackError::new(shown, format!("its words cannot be compiled: {e}")))?;
        let sure = pack.patterns.iter().map(|p| p.sure).collect();
        let names = pack.patterns.into_iter().map(|p| p.name).collect();
        Ok(Requests { names, sure, regexes, words, pattern_of })
    }

    /// What a request target, still encoded, hits.
    pub(crate) fn find(&self, target: &str) -> Option<Hit> {
        let text = decoded(target);
        let mut candidates = 0u64;
        for found in self.words.find_overlapping_iter(text.as_ref()) {
            candidates |= 1 << self.pattern_of[found.pattern()];
        }
        let mut hit = Hit { patterns: 0, strong: false };
        for (i, regex) in self.regexes.iter().enumerate() {
            if candidates & (1 << i) != 0 && regex.is_match(&text) {
                hit.patterns |= 1 << i;
                hit.strong |= self.sure[i] == Sure::Strong;
            }
        }
        (hit.patterns != 0).then_some(hit)
    }

    /// The names of the patterns in a set.
    pub(crate) fn names(&self, patterns: u64) -> impl Iterator<Item = &str> {
        self.names.iter().enumerate().filter(move |(i, _)| patterns & (1 << i) != 0).map(|(_, n)| n.as_str())
    }
}
