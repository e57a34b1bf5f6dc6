//! The matrix as groups of persons who are alike to every law: same place, same classes. Three quarters of a million
//! persons become some thousands of groups, and laws are judged on these.

use crate::held::Held;
use crate::words::Places;
use stanch_model::Matrix;
use std::collections::{BTreeMap, HashMap};

/// Persons who are alike.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Index into [`People::places`]; nothing where the residence is not known.
    pub(crate) place: Option<usize>,
    /// Whether the records on their residence agree.
    pub(crate) agreed: bool,
    pub(crate) floor: Held,
    pub(crate) ceiling: Held,
    pub(crate) persons: u64,
}

/// Everybody of whom anything may have been reached.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    pub(crate) places: Vec<String>,
    pub(crate) groups: Vec<Group>,
    /// Residences that are no listed place, with how many live there. They count as unknown.
    pub(crate) odd_places: BTreeMap<String, u64>,
    /// Whether people may be missing from every count.
    pub(crate) uncounted: bool,
}

impl People {
    pub(crate) fn of(matrix: &Matrix, places: &Places) -> People {
        let held = held_by_person(matrix);
        let mut people = People { uncounted: matrix.lacks_people(), ..People::default() };
        let mut place_of_word: HashMap<&str, Option<usize>> = HashMap::new();
        let mut counts: HashMap<(Option<usize>, bool, Held, Held), u64> = HashMap::new();
        for (person, (floor, ceiling)) in matrix.persons.iter().zip(held) {
            if ceiling.is_empty() {
                continue;
            }
            let residence = &person.residence;
            let place = residence.place.as_ref().and_then(|p| {
                let found = *place_of_word.entry(&p.0).or_insert_with(|| people.place_index(places.resolve(&p.0)));
                if found.is_none() {
                    *people.odd_places.entry(p.0.clone()).or_default() += 1;
                }
                found
            });
            *counts.entry((place, residence.agreed, floor, ceiling)).or_default() += 1;
        }
        people.groups = counts
            .into_iter()
            .map(|((place, agreed, floor, ceiling), persons)| Group { place, agreed, floor, ceiling, persons })
            .collect();
        people.groups.sort_by_key(|g| (g.place, g.agreed, g.floor, g.ceiling));
        people
    }

    fn place_index(&mut self, place: Option<&str>) -> Option<usize> {
        let place = place?;
        let known = self.places.iter().position(|p| p == place);
        Some(known.unwrap_or_else(|| {
            self.places.push(place.to_owned());
            self.places.len() - 1
        }))
    }

    pub(crate) fn place_name(&self, place: Option<usize>) -> Option<&str> {
        place.map(|i| self.places[i].as_str())
    }
}

/// Floor and ceiling per person, in the matrix's order.
fn held_by_person(matrix: &Matrix) -> Vec<(Held, Held)> {
    let mut held = vec![(Held::default(), Held::default()); matrix.persons.len()];
    for cell in &matrix.cells {
        let Some((floor, ceiling)) = held.get_mut(cell.person as usize) else { continue };
        if cell.grade.in_floor() {
            floor.add(cell);
        }
        if cell.grade.in_ceiling() {
            ceiling.add(cell);
        }
    }
    held
}
