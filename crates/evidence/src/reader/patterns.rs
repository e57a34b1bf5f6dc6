//! Patterns of a pack: regular expressions whose named groups say where each part goes.

use crate::targets::{Draft, Target};
use regex::{CaptureLocations, Regex, RegexBuilder};
use serde::Deserialize;
use stanch_model::EventClass;
use stanch_packs::PackError;
use std::collections::BTreeMap;

/// One pattern, as written. Groups are named after event fields with `_` for `.` (`src_endpoint_ip`) or after the words
/// of `mapping_words`; all others are kept in `unmapped` under their own names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatternPack {
    /// The regular expression, anchored at both ends unless it says otherwise with `.*`.
    #[serde(rename = "match")]
    pub matches: String,
    /// OCSF class by its word.
    #[serde(default)]
    pub class: Option<String>,
    /// Activity.
    #[serde(default)]
    pub activity: Option<String>,
    /// `success` or `failure`.
    #[serde(default)]
    pub status: Option<String>,
    /// Fields that the pattern itself says: event field → text.
    #[serde(default)]
    pub says: BTreeMap<String, String>,
}

/// A pattern, compiled.
#[derive(Clone, Debug)]
pub(crate) struct MessagePattern {
    regex: Regex,
    groups: Vec<(usize, Option<Target>, String)>,
    pub(crate) class: Option<EventClass>,
    activity: Option<String>,
    status: Option<String>,
    says: Vec<(Target, String)>,
}

/// Bytes that a compiled expression may take: packs are data, and must not be able to take the memory.
const SIZE_MAX: usize = 4 << 20;

impl MessagePattern {
    /// Compiles one.
    ///
    /// # Errors
    /// If the expression cannot be read, or it names a class or field that does not exist.
    pub(crate) fn compile(shown: &str, pack: &PatternPack) -> Result<MessagePattern, PackError> {
        let anchored = format!("^(?:{})$", pack.matches);
        let regex = RegexBuilder::new(&anchored)
            .size_limit(SIZE_MAX)
            .dot_matches_new_line(true)
            .build()
            .map_err(|e| PackError::new(shown, format!("the pattern {:?} cannot be read: {e}", pack.matches)))?;
        let groups = regex.capture_names().enumerate().filter_map(|(i, name)| {
            let name = name?;
            Some((i, Target::from_name(name), name.to_owned()))
        });
        let groups = groups.collect();
        let class = match &pack.class {
            None => None,
            Some(word) => Some(EventClass::from_word(word).ok_or_else(|| {
                let words: Vec<&str> = EventClass::ALL.iter().map(|c| c.word()).collect();
                PackError::new(shown, format!("{word:?} is no event class")).with_hint(words.join(", "))
            })?),
        };
        let says = pack.says.iter().map(|(name, text)| {
            let target = Target::from_name(name)
                .ok_or_else(|| PackError::new(shown, format!("`says` names {name:?}, which is no event field")))?;
            Ok((target, text.clone()))
        });
        Ok(MessagePattern {
            groups,
            class,
            activity: pack.activity.clone(),
            status: pack.status.clone(),
            says: says.collect::<Result<_, PackError>>()?,
            regex,
        })
    }

    /// A place for what a match finds, to be used again.
    pub(crate) fn locations(&self) -> CaptureLocations {
        self.regex.capture_locations()
    }

    /// Puts a text's parts into a draft, if the text follows the pattern.
    pub(crate) fn read<'a>(&'a self, text: &'a str, found: &mut CaptureLocations, draft: &mut Draft<'a>) -> bool {
        if self.regex.captures_read(found, text).is_none() {
            return false;
        }
        for (i, target, name) in &self.groups {
            let Some((from, to)) = found.get(*i).filter(|(from, to)| from < to) else { continue };
            match target {
                Some(target) => draft.put(*target, &text[from..to]),
                None => draft.unmapped_text(name, &text[from..to]),
            }
        }
        for (target, text) in &self.says {
            draft.put(*target, text.as_str());
        }
        for (field, word) in [("activity_name", &self.activity), ("status", &self.status)] {
            if let (Some(word), Some(target)) = (word, Target::from_name(field)) {
                draft.put(target, word.as_str());
            }
        }
        true
    }
}
