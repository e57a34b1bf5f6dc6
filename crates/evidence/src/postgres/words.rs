//! PostgreSQL's words in other languages than English, and back.

use regex::Regex;
use serde::Deserialize;
use stanch_packs::{PackError, Packs};
use std::collections::{BTreeMap, HashMap};

/// The pack with the words; it is no format.
pub(crate) const PACK: &str = "formats/postgresql_words";

/// The pack's shape.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "a pack says where it is from, for people")]
struct Written {
    title: String,
    description: String,
    source: String,
    unknown: Vec<String>,
    severities: BTreeMap<String, Vec<String>>,
    sections: BTreeMap<String, Vec<String>>,
    messages: BTreeMap<String, Vec<String>>,
    details: BTreeMap<String, Vec<String>>,
}

/// The words of all languages but English.
#[derive(Debug)]
pub(crate) struct Words {
    /// Severity or section → the English one.
    english: HashMap<String, String>,
    /// What stands where a name is not known.
    unknown: Vec<String>,
    /// Templates by the first byte of what they match, most telling first.
    templates: HashMap<u8, Vec<Template>>,
    /// Any of the severities and sections with its colon.
    any: Option<Regex>,
}

/// What stands between the holes, in another language and in English.
#[derive(Debug)]
struct Template {
    foreign: Vec<String>,
    english: Vec<String>,
}

impl Words {
    pub(crate) fn load(packs: &Packs) -> Result<Words, PackError> {
        let written: Written = packs.load(PACK)?;
        let mut english = HashMap::new();
        for (word, foreign) in written.severities.iter().chain(&written.sections) {
            for foreign in foreign {
                // Two words of one language may be the same in another; the graver one stands first in no list, and
                // none of them is told apart by a reader.
                english.entry(foreign.clone()).or_insert_with(|| word.clone());
            }
        }
        let mut templates: HashMap<u8, Vec<Template>> = HashMap::new();
        for (english, foreign) in written.messages.iter().chain(&written.details) {
            for foreign in foreign {
                let (of_foreign, of_english) = (variants(foreign), variants(english));
                let alike = of_foreign.len() == of_english.len();
                for (foreign, english) in of_foreign.into_iter().zip(of_english) {
                    if !alike || foreign.len() != english.len() {
                        let fault = format!("{foreign:?} has not as many holes as {english:?}");
                        return Err(PackError::new(packs.shown(PACK), fault));
                    }
                    let first = foreign[0].as_bytes().first().copied();
                    let first = first
                        .ok_or_else(|| PackError::new(packs.shown(PACK), format!("{foreign:?} begins with a hole")))?;
                    templates.entry(first).or_default().push(Template { foreign, english });
                }
            }
        }
        let told = |t: &Template| std::cmp::Reverse(t.foreign.iter().map(String::len).sum::<usize>());
        templates.values_mut().for_each(|of_byte| of_byte.sort_by_key(told));
        let any = english.keys().map(|w| regex::escape(w)).collect::<Vec<_>>().join("|");
        let any = Regex::new(&format!("(?:{any}) ?:")).ok();
        Ok(Words { english, unknown: written.unknown, templates, any })
    }

    /// The English severity or section, for that of any language.
    pub(crate) fn english<'a>(&'a self, word: &'a str) -> &'a str {
        // Nearly all are, and a look into the table costs more than the rest of a record's head.
        if matches!(word, "LOG" | "ERROR" | "FATAL" | "WARNING" | "NOTICE" | "DETAIL" | "STATEMENT" | "CONTEXT" | "") {
            return word;
        }
        self.english.get(word).map_or(word, String::as_str)
    }

    /// Whether it is a severity or section of a language other than English.
    pub(crate) fn knows(&self, word: &str) -> bool {
        self.english.contains_key(word)
    }

    /// Whether a name stands for none.
    pub(crate) fn is_unknown(&self, name: &str) -> bool {
        name.starts_with('[') && (name == "[unknown]" || self.unknown.iter().any(|u| u == name))
    }

    /// Whether one of them may end the prefix of a line.
    pub(crate) fn may_stand_in(&self, text: &str) -> bool {
        self.any.as_ref().is_some_and(|any| any.is_match(text))
    }

    /// Where the first of them stands that may end a prefix.
    pub(crate) fn first_in(&self, text: &str) -> Option<usize> {
        self.any.as_ref()?.find(text).map(|found| found.start())
    }

    /// The severities and sections themselves.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.english.keys().map(String::as_str)
    }

    /// Writes a message of another language as English has it, values as they are. False if it is none of those that
    /// matter.
    pub(crate) fn translate(&self, message: &str, out: &mut String) -> bool {
        let Some(first) = message.as_bytes().first() else { return false };
        self.templates.get(first).is_some_and(|of_byte| of_byte.iter().any(|t| t.apply(message, out)))
    }

    /// Whether one of those messages begins like that, which is quicker to tell.
    pub(crate) fn may_translate(&self, message: &str) -> bool {
        let of_byte = message.as_bytes().first().and_then(|first| self.templates.get(first));
        of_byte.is_some_and(|of_byte| of_byte.iter().any(|t| message.starts_with(t.foreign[0].as_str())))
    }
}

impl Template {
    fn apply(&self, message: &str, out: &mut String) -> bool {
        let Some(mut rest) = message.strip_prefix(self.foreign[0].as_str()) else { return false };
        out.clear();
        out.push_str(&self.english[0]);
        let last = self.foreign.len() - 1;
        for (i, (foreign, english)) in self.foreign.iter().zip(&self.english).enumerate().skip(1) {
            let value = if i == last {
                rest.strip_suffix(foreign.as_str())
            } else {
                rest.split_once(foreign.as_str()).map(|(value, after)| {
                    rest = after;
                    value
                })
            };
            let Some(value) = value else { return false };
            out.push_str(value);
            out.push_str(english);
        }
        true
    }
}

/// A template with each part that may be missing and without, the fullest first; each cut at its holes.
fn variants(template: &str) -> Vec<Vec<String>> {
    let Some((before, rest)) = template.split_once("[[") else {
        return vec![template.split("{}").map(str::to_owned).collect()];
    };
    let (part, after) = rest.split_once("]]").unwrap_or((rest, ""));
    let mut all = variants(&format!("{before}{part}{after}"));
    all.extend(variants(&format!("{before}{after}")));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(message: &str) -> String {
        let words = Words::load(&Packs::shipped()).unwrap();
        let mut out = String::new();
        if words.translate(message, &mut out) { out } else { "as it is".to_owned() }
    }

    #[test]
    fn messages_of_other_languages_become_english_with_their_values() {
        for (message, expect) in [
            ("Anweisung: SELECT 1", "statement: SELECT 1"),
            ("Dauer: 0.211 ms  Anweisung: SELECT ': '", "duration: 0.211 ms  statement: SELECT ': '"),
            ("durée : 1.2 ms, analyse <unnamed> : SELECT 1", "duration: 1.2 ms  parse <unnamed>: SELECT 1"),
            ("продолжительность: 1.2 мс", "duration: 1.2 ms"),
            ("выборка из c1: SELECT 1", "execute fetch from c1: SELECT 1"),
            ("実行 P_0/x: SELECT 1\n\t, 2", "execute P_0/x: SELECT 1\n\t, 2"),
            (
                "connexion autorisée : utilisateur=a b base de données shop",
                "connection authorized: user=a b database=shop",
            ),
            (
                "Verbindung autorisiert: Benutzer=a Datenbank=b application_name=c SSL an (Protokoll=TLSv1.3, \
                 Verschlüsselungsmethode=x, Bits=256)",
                "connection authorized: user=a database=b application_name=c SSL enabled (protocol=TLSv1.3, cipher=x, \
                 bits=256)",
            ),
            (
                "déconnexion : durée de la session : 0:00:01.5\nutilisateur=a base=b hôte=[local]",
                "disconnection: session time: 0:00:01.5 user=a database=b host=[local]",
            ),
            ("Parameter: $1 = 'x'", "parameters: $1 = 'x'"),
            ("checkpoint starting: time", "as it is"),
            ("Dauer", "as it is"),
            ("", "as it is"),
        ] {
            assert_eq!(translated(message), expect, "{message}");
        }
    }

    #[test]
    fn severities_and_sections_become_english() {
        let words = Words::load(&Packs::shipped()).unwrap();
        for (word, expect) in
            [("FEHLER", "ERROR"), ("ANWEISUNG", "STATEMENT"), ("日志", "LOG"), ("LOG", "LOG"), ("X", "X")]
        {
            assert_eq!(words.english(word), expect);
        }
        assert!(
            words.may_stand_in("[1] FEHLER:  x")
                && words.may_stand_in("REQUÊTE :  x")
                && !words.may_stand_in("LOG:  x")
        );
    }
}
