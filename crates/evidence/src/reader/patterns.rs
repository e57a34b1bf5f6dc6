//! Patterns of a pack: regular expressions whose named groups say where each part goes.

use crate::reader::delimited::{Written, plain};
use crate::targets::{Draft, Target};
use regex::{CaptureLocations, Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;
use stanch_model::{EventClass, TextField};
use stanch_packs::PackError;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

/// One pattern, as written. Groups are named after event fields with `_` for `.` (`src_endpoint_ip`) or after the words
/// of `mapping_words`; all others are kept in `unmapped` under their own names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatternPack {
    /// The regular expression, anchored at both ends unless it says otherwise with `.*`. `\d` stands for 0 to 9.
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
    /// Text: whether it is for a record's lines together; another pattern must take the first of them.
    #[serde(default)]
    pub whole: bool,
    /// What was done to the parts so that they hold no quotes and no control characters.
    #[serde(default)]
    pub written: Written,
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
    pub(crate) whole: bool,
    pub(crate) written: Written,
}

/// Bytes that a compiled expression may take: packs are data, and must not be able to take the memory.
const SIZE_MAX: usize = 4 << 20;

/// An expression in which `\d` stands for the digits that logs are written in, 0 to 9. Those of all the world's scripts
/// take most of the time in which packs are compiled, and no format has them.
pub(crate) fn plain_digits(written: &str) -> String {
    let mut out = String::with_capacity(written.len() + written.len() / 4);
    let (mut chars, mut is_in_class) = (written.chars(), false);
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('d') => out.push_str(if is_in_class { "0-9" } else { "[0-9]" }),
                Some(escaped) => out.extend(['\\', escaped]),
                None => out.push('\\'),
            },
            '[' if !is_in_class => {
                is_in_class = true;
                out.push('[');
                // A bracket that stands first in a class is one of its characters.
                let mut rest = chars.clone();
                let mut first = rest.next();
                if first == Some('^') {
                    out.push('^');
                    chars = rest.clone();
                    first = rest.next();
                }
                if first == Some(']') {
                    out.push(']');
                    chars = rest;
                }
            }
            ']' if is_in_class => {
                is_in_class = false;
                out.push(']');
            }
            c => out.push(c),
        }
    }
    out
}

impl MessagePattern {
    /// Compiles one.
    ///
    /// # Errors
    /// If the expression cannot be read, or it names a class or field that does not exist.
    pub(crate) fn compile(shown: &str, pack: &PatternPack) -> Result<MessagePattern, PackError> {
        let anchored = format!("^(?:{})$", plain_digits(&pack.matches));
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
            whole: pack.whole,
            written: pack.written,
            regex,
        })
    }

    /// A place for what a match finds, to be used again.
    pub(crate) fn locations(&self) -> CaptureLocations {
        self.regex.capture_locations()
    }

    /// Whether a text follows the pattern; `found` then tells where its parts are.
    pub(crate) fn find(&self, text: &str, found: &mut CaptureLocations) -> bool {
        self.regex.captures_read(found, text).is_some()
    }

    /// Where the named parts are that `find` has found, those that are not empty.
    pub(crate) fn ranges<'a>(
        &'a self,
        found: &CaptureLocations,
    ) -> impl Iterator<Item = (&'a str, Option<Target>, Range<usize>)> {
        self.groups.iter().filter_map(|(i, target, name)| {
            let (from, to) = found.get(*i).filter(|(from, to)| from < to)?;
            Some((name.as_str(), *target, from..to))
        })
    }

    /// A part as it was before it was written.
    pub(crate) fn plain<'a>(&self, part: &'a str) -> Cow<'a, str> {
        plain(part, self.written)
    }

    /// Puts a text's parts into a draft, if the text follows the pattern.
    pub(crate) fn read<'a>(&'a self, text: &'a str, found: &mut CaptureLocations, draft: &mut Draft<'a>) -> bool {
        if !self.find(text, found) {
            return false;
        }
        for (name, target, range) in self.ranges(found) {
            match target {
                Some(target) => draft.put(target, self.plain(&text[range])),
                None => draft.unmapped_text(name, &self.plain(&text[range])),
            }
        }
        self.say(draft);
        true
    }

    /// Puts into a draft what the pattern itself says.
    pub(crate) fn say<'a>(&'a self, draft: &mut Draft<'a>) {
        for (target, text) in &self.says {
            draft.put(*target, text.as_str());
        }
        for (field, word) in [(TextField::Activity, &self.activity), (TextField::Status, &self.status)] {
            if let Some(word) = word {
                draft.put(Target::Text(field), word.as_str());
            }
        }
    }
}

/// Patterns for what stands in a message, of which the first counts that fits.
#[derive(Clone, Debug, Default)]
pub(crate) struct InMessage {
    set: RegexSet,
    patterns: Vec<MessagePattern>,
}

impl InMessage {
    /// Compiles them.
    ///
    /// # Errors
    /// As [`MessagePattern::compile`].
    pub(crate) fn compile<'a>(
        shown: &str,
        packs: impl Iterator<Item = &'a PatternPack>,
    ) -> Result<InMessage, PackError> {
        let patterns: Vec<_> = packs.map(|pack| MessagePattern::compile(shown, pack)).collect::<Result<_, _>>()?;
        let written = patterns.iter().map(|p: &MessagePattern| p.regex.as_str());
        let set = RegexSetBuilder::new(written).size_limit(SIZE_MAX).dot_matches_new_line(true).build();
        let set = set.map_err(|e| PackError::new(shown, format!("`in_message` cannot be read: {e}")))?;
        Ok(InMessage { set, patterns })
    }

    /// The same for the message that the draft has.
    pub(crate) fn read_in<'a>(&'a self, draft: &mut Draft<'a>) -> Option<EventClass> {
        if self.patterns.is_empty() {
            return None;
        }
        let message = draft.text(Target::Text(TextField::Message))?.to_owned();
        self.read(&message, draft)
    }

    /// Puts into a draft what a message tells, in the place of what was known without it. Its class, if it says one.
    pub(crate) fn read<'a>(&'a self, message: &str, draft: &mut Draft<'a>) -> Option<EventClass> {
        if self.patterns.is_empty() {
            return None;
        }
        let pattern = &self.patterns[self.set.matches(message).iter().next()?];
        let mut found = pattern.locations();
        pattern.find(message, &mut found);
        for (name, target, range) in pattern.ranges(&found) {
            let part = &message[range];
            match target {
                Some(target) => draft.replace(target, part.to_owned()),
                None => draft.unmapped_text(name, part),
            }
        }
        pattern.say(draft);
        pattern.class
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_logs() {
        for (written, plain) in [
            (r"\d+ \\d [\d.]\]", r"[0-9]+ \\d [0-9.]\]"),
            (r"[^]\d]x[]\d][^\d\]]", r"[^]0-9]x[]0-9][^0-9\]]"),
            (r"\[[\d\]\D", r"\[[0-9\]\D"),
        ] {
            assert_eq!(plain_digits(written), plain);
        }
        assert!(Regex::new(&plain_digits(r"[^]\d]x[]\d][^\d\]]")).is_ok());
    }
}
