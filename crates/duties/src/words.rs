//! The vocabularies that laws are written in, from `packs/words/`.

use crate::held::{ClassSet, class_set};
use crate::truth::Truth;
use serde::Deserialize;
use stanch_model::DataClass;
use stanch_packs::{PackError, Packs};
use std::collections::BTreeMap;

/// Every vocabulary that a law may use.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) elements: BTreeMap<String, Element>,
    pub(crate) places: Places,
    pub(crate) recipients: BTreeMap<String, String>,
    pub(crate) contents: BTreeMap<String, String>,
    pub(crate) facts: BTreeMap<String, String>,
}

impl Words {
    pub(crate) fn load(packs: &Packs) -> Result<Words, PackError> {
        Ok(Words {
            elements: load_elements(packs)?,
            places: Places::load(packs)?,
            recipients: load_descriptions(packs, "words/recipients")?,
            contents: load_descriptions(packs, "words/contents")?,
            facts: load_descriptions(packs, "words/facts")?,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WordList<T> {
    words: Vec<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedWord {
    word: String,
    description: String,
}

fn load_descriptions(packs: &Packs, name: &str) -> Result<BTreeMap<String, String>, PackError> {
    let list: WordList<DescribedWord> = packs.load(name)?;
    Ok(list.words.into_iter().map(|w| (w.word, w.description)).collect())
}

/// An element of personal information, as sets of data classes.
#[derive(Debug)]
pub(crate) struct Element {
    /// Present when all of one set is there.
    pub(crate) sure: Vec<ClassSet>,
    /// Perhaps present when all of one set is there.
    pub(crate) perhaps: Vec<ClassSet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ElementWord {
    word: String,
    #[serde(rename = "description")]
    _description: String,
    sure: Vec<Vec<DataClass>>,
    perhaps: Vec<Vec<DataClass>>,
}

fn load_elements(packs: &Packs) -> Result<BTreeMap<String, Element>, PackError> {
    let list: WordList<ElementWord> = packs.load("words/elements")?;
    let sets = |lists: &[Vec<DataClass>]| lists.iter().map(|l| class_set(l)).collect();
    Ok(list
        .words
        .iter()
        .map(|w| (w.word.clone(), Element { sure: sets(&w.sure), perhaps: sets(&w.perhaps) }))
        .collect())
}

/// The places that laws and residences name.
#[derive(Debug)]
pub(crate) struct Places {
    by_word: BTreeMap<String, PlaceWord>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceWord {
    word: String,
    description: String,
    time_zone: Option<String>,
    #[serde(default)]
    includes: Vec<String>,
}

impl Places {
    fn load(packs: &Packs) -> Result<Places, PackError> {
        let list: WordList<PlaceWord> = packs.load("words/places")?;
        Ok(Places { by_word: list.words.into_iter().map(|p| (p.word.clone(), p)).collect() })
    }

    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.by_word.keys().map(String::as_str)
    }

    /// Its name for people, or the word itself.
    pub(crate) fn name<'a>(&'a self, place: &'a str) -> &'a str {
        self.by_word.get(place).map_or(place, |p| &p.description)
    }

    /// The zone in which its authority counts.
    pub(crate) fn time_zone(&self, place: &str) -> Option<&str> {
        self.by_word.get(place)?.time_zone.as_deref()
    }

    /// The listed place that a residence stands for: itself, or its country where the part is not listed.
    pub(crate) fn resolve<'a>(&'a self, residence: &str) -> Option<&'a str> {
        let listed = |word: &str| self.by_word.get(word).filter(|p| p.includes.is_empty()).map(|p| p.word.as_str());
        listed(residence).or_else(|| listed(country(residence)))
    }

    /// Whether somebody at `place` (a resolved one) is in `target`. Of a country alone it is not known which part.
    pub(crate) fn lies_in(&self, place: Option<&str>, target: &str) -> Truth {
        let Some(place) = place else { return Truth::Unknown };
        if let Some(group) = self.by_word.get(target).filter(|p| !p.includes.is_empty()) {
            return group.includes.iter().any(|c| c == country(place)).into();
        }
        if place == target || country(place) == target {
            Truth::Yes
        } else if country(target) == place {
            Truth::Unknown
        } else {
            Truth::No
        }
    }

    /// Whether a place that a fact names covers `target` or is covered by it: `US` covers `US-CA`, `DE` is in `EU`.
    pub(crate) fn touch(&self, stated: &str, target: &str) -> bool {
        let within = |inner: &str, outer: &str| inner == outer || self.lies_in(Some(inner), outer) == Truth::Yes;
        within(stated, target) || within(target, stated)
    }
}

fn country(place: &str) -> &str {
    place.split('-').next().unwrap_or(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_packs::Packs;

    fn words() -> Words {
        Words::load(&Packs::shipped()).unwrap()
    }

    #[test]
    fn the_list_of_data_classes_is_the_models() {
        let listed = load_order("words/data_classes");
        let model: Vec<String> = DataClass::ALL.iter().map(|c| c.word().to_owned()).collect();
        assert_eq!(listed, model);
    }

    #[test]
    fn the_store_files_usual_residence_rule_is_in_the_vocabulary() {
        let listed = load_order("words/residence");
        for word in ["default_address", "billing_address", "shipping_address", "phone_prefix"] {
            assert!(listed.iter().any(|w| w == word), "{word}");
        }
    }

    fn load_order(name: &str) -> Vec<String> {
        let list: WordList<DescribedWord> = Packs::shipped().load(name).unwrap();
        list.words.into_iter().map(|w| w.word).collect()
    }

    #[test]
    fn every_time_zone_of_a_place_is_one() {
        for place in words().places.by_word.values() {
            if let Some(zone) = &place.time_zone {
                assert!(jiff::tz::TimeZone::get(zone).is_ok(), "{} {zone}", place.word);
            }
        }
    }

    #[test]
    fn a_state_is_in_its_country_and_a_country_may_be_any_of_its_states() {
        let places = words().places;
        assert_eq!(places.lies_in(Some("US-CA"), "US"), Truth::Yes);
        assert_eq!(places.lies_in(Some("US"), "US-CA"), Truth::Unknown);
        assert_eq!(places.lies_in(Some("US-NY"), "US-CA"), Truth::No);
        assert_eq!(places.lies_in(Some("NO"), "EU"), Truth::Yes);
        assert_eq!(places.lies_in(Some("GB"), "EU"), Truth::No);
        assert_eq!(places.lies_in(None, "EU"), Truth::Unknown);
        assert!(places.touch("US", "US-CA") && places.touch("DE", "EU") && !places.touch("US-NY", "US-CA"));
    }

    #[test]
    fn a_part_that_is_not_listed_counts_as_its_country_and_no_country_counts_as_unknown() {
        let places = words().places;
        assert_eq!(places.resolve("DE-BY"), Some("DE"));
        assert_eq!(places.resolve("UK"), None);
        assert_eq!(places.resolve("EU"), None);
    }
}
