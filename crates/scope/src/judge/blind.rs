//! Blind injection: what thousands of yes-or-no questions about one value add up to.
//!
//! Each probe leaves the characters for which the answer would have been the same. The answer is taken from the replay
//! and, where the evidence shows one, from what came back; where the two disagree the value is only possible.

use crate::probe::{About, Accept, Test};
use std::collections::{BTreeMap, BTreeSet};

/// How much of a value the probes determined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Characters that only one code fits.
    pub(crate) characters: u32,
    /// Characters there are.
    pub(crate) of: u32,
    /// Whether the whole value was confirmed.
    pub(crate) whole: bool,
    /// Probes whose observed answer contradicts the replay.
    pub(crate) contradicted: u32,
}

/// A probe's question and what came back: true, false, or unknown.
pub(crate) type Asked<'a> = (&'a Test, Option<bool>);

/// Adds the probes up against the value that the replay found.
pub(crate) fn add_up(value: &str, probes: &[Asked<'_>]) -> Known {
    let letters: Vec<i64> = value.chars().map(|c| i64::from(u32::from(c))).collect();
    let of = u32::try_from(letters.len()).unwrap_or(u32::MAX);
    let mut by_place: BTreeMap<u32, Vec<&Test>> = BTreeMap::new();
    let (mut whole, mut contradicted) = (false, 0);
    for (test, seen) in probes {
        let truth = match (&test.about, &test.accept) {
            (About::Whole, Accept::Text(text)) => {
                let equal = text == value;
                whole |= equal && seen.unwrap_or(true);
                equal
            }
            (About::Whole, _) => continue,
            (About::Length, _) => test.holds(i64::from(of)),
            (About::Character(place), _) => {
                by_place.entry(*place).or_default().push(test);
                test.holds(letter(&letters, *place))
            }
        };
        contradicted += u32::from(seen.is_some_and(|s| s != truth));
    }
    let determined: BTreeSet<u32> = by_place
        .into_iter()
        .filter(|(place, tests)| *place >= 1 && *place <= of && candidates(letter(&letters, *place), tests) == 1)
        .map(|(place, _)| place)
        .collect();
    let characters = if whole { of } else { u32::try_from(determined.len()).unwrap_or(u32::MAX) };
    Known { characters, of, whole: whole || (of > 0 && characters == of), contradicted }
}

/// The code at a place, as `ASCII(SUBSTRING(…))` gives it: 0 past the end.
fn letter(letters: &[i64], place: u32) -> i64 {
    (place as usize).checked_sub(1).and_then(|p| letters.get(p)).copied().unwrap_or(0)
}

/// How many codes would have given the same answers. Codes above Latin-1 count as one more each where they occur.
fn candidates(truth: i64, tests: &[&Test]) -> usize {
    let answers: Vec<bool> = tests.iter().map(|t| t.holds(truth)).collect();
    let fits = |code: i64| tests.iter().zip(&answers).all(|(t, a)| t.holds(code) == *a);
    (0..=255).filter(|code| fits(*code)).count() + usize::from(truth > 255)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Compare;

    fn above(place: u32, code: i64) -> Test {
        Test { about: About::Character(place), accept: Accept::Number(Compare::Greater, code) }
    }

    fn bisect(value: &str, places: std::ops::RangeInclusive<u32>) -> Vec<Test> {
        let letters: Vec<i64> = value.chars().map(|c| i64::from(u32::from(c))).collect();
        let mut tests = Vec::new();
        for place in places {
            let (mut low, mut high) = (0, 255);
            while low < high {
                let middle = (low + high) / 2;
                tests.push(above(place, middle));
                if letter(&letters, place) > middle { low = middle + 1 } else { high = middle }
            }
        }
        tests
    }

    fn known(value: &str, tests: &[Test]) -> Known {
        let asked: Vec<Asked<'_>> = tests.iter().map(|t| (t, None)).collect();
        add_up(value, &asked)
    }

    #[test]
    fn a_whole_bisection_determines_the_whole_value() {
        let found = known("s3cret", &bisect("s3cret", 1..=7));
        assert_eq!(found, Known { characters: 6, of: 6, whole: true, contradicted: 0 });
    }

    #[test]
    fn half_a_bisection_determines_half() {
        let found = known("s3cret", &bisect("s3cret", 1..=3));
        assert_eq!((found.characters, found.whole), (3, false));
    }

    #[test]
    fn one_question_determines_nothing() {
        assert_eq!(known("s3cret", &[above(1, 64)]).characters, 0);
    }

    #[test]
    fn a_list_that_narrows_to_one_determines_the_character() {
        let lists = [vec![115, 116, 117], vec![115, 116], vec![115]];
        let tests: Vec<Test> =
            lists.into_iter().map(|codes| Test { about: About::Character(1), accept: Accept::OneOf(codes) }).collect();
        assert_eq!(known("s", &tests).characters, 1);
    }

    #[test]
    fn what_came_back_against_the_replay_is_counted() {
        let test = above(1, 64);
        assert_eq!(add_up("s3cret", &[(&test, Some(false))]).contradicted, 1);
    }

    #[test]
    fn a_guess_of_the_whole_value_counts_only_if_it_was_right() {
        let guess = |text: &str| Test { about: About::Whole, accept: Accept::Text(text.into()) };
        assert!(known("abc", &[guess("abc")]).whole);
        assert!(!known("abc", &[guess("abd")]).whole);
    }
}
