//! What Windows events mean, by provider and event id, as packs say.

use crate::reader::rules::{OneOrMany, Rules, RulesPack};
use serde::Deserialize;
use stanch_packs::PackError;
use std::collections::{BTreeMap, HashMap};

/// What a pack says of Windows events, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WindowsPack {
    /// Texts that stand for no value.
    pub absent: Vec<String>,
    /// Event field → the name of its value, for every event whose own entry says nothing else of that field. Names of
    /// the System part begin with `System.`.
    pub shared: BTreeMap<String, OneOrMany>,
    /// Codes → what they mean, for errors.
    pub words: BTreeMap<String, String>,
    /// Provider → event id → what the event is and where its values go.
    pub events: BTreeMap<String, BTreeMap<u32, RulesPack>>,
}

/// The same of all packs, ready to use.
#[derive(Clone, Debug, Default)]
pub(crate) struct WindowsTable {
    events: HashMap<String, BTreeMap<u32, Rules>>,
    words: BTreeMap<String, String>,
    other: Rules,
}

impl WindowsTable {
    /// Compiles a pack's table.
    ///
    /// # Errors
    /// If it names a class or field that does not exist.
    pub(crate) fn compile(shown: &str, pack: &WindowsPack) -> Result<WindowsTable, PackError> {
        let whole = |rules: &RulesPack| {
            let mut rules = rules.clone();
            rules.time = vec!["System.TimeCreated".to_owned()];
            rules.absent.extend(pack.absent.iter().cloned());
            for (field, key) in &pack.shared {
                rules.map.entry(field.clone()).or_insert_with(|| key.clone());
            }
            Rules::compile(shown, &rules)
        };
        let compiled = pack.events.iter().map(|(provider, events)| {
            let events = events.iter().map(|(id, rules)| Ok((*id, whole(rules)?)));
            Ok((provider.clone(), events.collect::<Result<_, PackError>>()?))
        });
        Ok(WindowsTable {
            events: compiled.collect::<Result<_, PackError>>()?,
            words: pack.words.iter().map(|(code, words)| (code.to_ascii_lowercase(), words.clone())).collect(),
            other: whole(&RulesPack::default())?,
        })
    }

    /// What is said of an event; of one that is not in the table, what is shared by all.
    pub(crate) fn rules(&self, provider: &str, id: u32) -> &Rules {
        self.events.get(provider).and_then(|events| events.get(&id)).unwrap_or(&self.other)
    }

    /// What a code means.
    pub(crate) fn words(&self, code: &str) -> Option<&str> {
        self.words.get(&code.to_ascii_lowercase()).map(String::as_str)
    }
}
