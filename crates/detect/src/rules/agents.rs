//! User agents that name a tool.

use aho_corasick::AhoCorasick;
use serde::Deserialize;
use stanch_packs::PackError;

/// The part of a pack about user agents.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentsPack {
    /// Only events of a login count.
    #[serde(default)]
    pub(super) only_logins: bool,
    /// Any of these in the user agent, whatever the case.
    pub(super) words: Vec<String>,
    pub(super) hits: Vec<String>,
    pub(super) near_misses: Vec<String>,
}

/// Ready to search.
#[derive(Debug)]
pub(crate) struct Agents {
    pub(crate) only_logins: bool,
    words: Vec<String>,
    search: AhoCorasick,
}

impl Agents {
    pub(super) fn compile(shown: &str, pack: AgentsPack) -> Result<Agents, PackError> {
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(&pack.words)
            .map_err(|e| PackError::new(shown, format!("its words cannot be compiled: {e}")))?;
        Ok(Agents { only_logins: pack.only_logins, words: pack.words, search })
    }

    /// The number of the word found, if one is.
    pub(crate) fn find(&self, agent: &str) -> Option<usize> {
        self.search.find(agent).map(|m| m.pattern().as_usize())
    }

    /// The words, by number.
    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }
}
