//! Whether a person's reached data meet a law's definition: yes, no, or not known.

use crate::facts::FactsOn;
use crate::held::{ClassSet, Held, class_set};
use crate::law::{Definition, Placed, Weight};
use crate::truth::{Truth, all, any};
use crate::words::{Element, Words};
use stanch_model::Effect;

/// A definition made ready for one day and one store.
pub(crate) struct Rule<'a> {
    pub(crate) definition: &'a Definition,
    encrypted: Truth,
    hashed: Truth,
    truncated: Truth,
    identified_by: Option<&'a Element>,
    with_any: Elements<'a>,
    alone_any: Elements<'a>,
    likely: Vec<ClassSet>,
    perhaps: Vec<ClassSet>,
    anything_else: Truth,
}

/// A list of elements that a fact holds.
enum Elements<'a> {
    /// The definition asks for none.
    None,
    Listed(Vec<&'a Element>),
    /// The fact was not known on that day.
    Unknown,
}

/// Which classes of a person are there, and which may be.
struct Seen {
    sure: ClassSet,
    perhaps: ClassSet,
}

impl<'a> Rule<'a> {
    pub(crate) fn new(
        definition: &'a Definition,
        facts: FactsOn<'a>,
        words: &'a Words,
        key_taken: Option<bool>,
    ) -> Self {
        let forms = &definition.counts;
        Rule {
            definition,
            encrypted: encrypted_counts(truth(forms.encrypted), key_taken),
            hashed: truth(forms.hashed),
            truncated: truth(forms.truncated),
            identified_by: definition.identified_by.as_ref().and_then(|e| words.elements.get(&e.value)),
            with_any: elements(definition.with_any.as_ref(), facts, words),
            alone_any: elements(definition.alone_any.as_ref(), facts, words),
            likely: definition.likely.iter().map(|r| class_set(&r.classes)).collect(),
            perhaps: definition.perhaps.iter().map(|r| class_set(&r.classes)).collect(),
            anything_else: truth(definition.anything_else),
        }
    }

    /// Whether somebody of whom this was reached meets it. More classes never lead to a lesser answer.
    pub(crate) fn met_by(&self, held: &Held) -> Truth {
        let seen = self.see(held);
        let named = self.identified_by.map_or(Truth::Yes, |e| seen.element(e));
        let beside_name = named.and(seen.any_element(&self.with_any));
        let alone = seen.any_element(&self.alone_any);
        let likely = any(self.likely.iter().map(|set| seen.all_of(*set)));
        let perhaps = any(self.perhaps.iter().map(|set| seen.all_of(*set))).and(Truth::Unknown);
        let otherwise = seen.anything().and(self.anything_else);
        any([beside_name, alone, likely, perhaps, otherwise])
    }

    /// The reasons of the definition that such a person meets, by position in `likely`, then `perhaps`.
    pub(crate) fn reasons(&self, held: &Held) -> Vec<usize> {
        let seen = self.see(held);
        let sets = self.likely.iter().chain(&self.perhaps);
        sets.enumerate().filter(|(_, set)| seen.all_of(**set) == Truth::Yes).map(|(i, _)| i).collect()
    }

    fn see(&self, held: &Held) -> Seen {
        let mut seen = Seen { sure: 0, perhaps: 0 };
        for effect in &self.definition.effects {
            match effect {
                Effect::Altered => seen.sure |= held.altered,
                Effect::Destroyed => seen.sure |= held.destroyed,
                Effect::Disclosed => {
                    seen.sure |= held.readable;
                    seen.take(held.encrypted, self.encrypted);
                    seen.take(held.hashed, self.hashed);
                    seen.take(held.truncated, self.truncated);
                }
            }
        }
        seen
    }
}

impl Seen {
    fn take(&mut self, classes: ClassSet, counts: Truth) {
        match counts {
            Truth::Yes => self.sure |= classes,
            Truth::Unknown => self.perhaps |= classes,
            Truth::No => {}
        }
    }

    fn all_of(&self, set: ClassSet) -> Truth {
        if set & !self.sure == 0 {
            Truth::Yes
        } else if set & !(self.sure | self.perhaps) == 0 {
            Truth::Unknown
        } else {
            Truth::No
        }
    }

    fn anything(&self) -> Truth {
        match (self.sure, self.perhaps) {
            (0, 0) => Truth::No,
            (0, _) => Truth::Unknown,
            _ => Truth::Yes,
        }
    }

    fn element(&self, element: &Element) -> Truth {
        let sure = any(element.sure.iter().map(|set| self.all_of(*set)));
        let perhaps = any(element.perhaps.iter().map(|set| self.all_of(*set)));
        sure.or(perhaps.and(Truth::Unknown))
    }

    fn any_element(&self, elements: &Elements<'_>) -> Truth {
        match elements {
            Elements::None => Truth::No,
            Elements::Listed(list) => any(list.iter().map(|e| self.element(e))),
            Elements::Unknown => all([self.anything(), Truth::Unknown]),
        }
    }
}

fn elements<'a>(reference: Option<&Placed>, facts: FactsOn<'a>, words: &'a Words) -> Elements<'a> {
    let Some(reference) = reference else { return Elements::None };
    let listed = facts.find(&reference.value).value.and_then(|v| v.texts());
    match listed {
        None => Elements::Unknown,
        Some(list) => Elements::Listed(list.iter().filter_map(|w| words.elements.get(*w)).collect()),
    }
}

/// The key decides over encrypted data: taken, they count; not known, they may.
fn encrypted_counts(key_safe: Truth, key_taken: Option<bool>) -> Truth {
    match key_taken {
        Some(true) => Truth::Yes,
        None => key_safe.or(Truth::Unknown),
        Some(false) => key_safe,
    }
}

fn truth(weight: Weight) -> Truth {
    match weight {
        Weight::Never => Truth::No,
        Weight::Perhaps => Truth::Unknown,
        Weight::Counts => Truth::Yes,
    }
}
