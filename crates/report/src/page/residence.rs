//! Where the people live: countries, and the states of the United States apart, since their laws differ.

use crate::figures::count;
use crate::svg::{self, Bar};
use crate::{places, words};
use stanch_model::exposure::{Bounds, Matrix};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Places that are drawn; the tables hold all.
pub(crate) const DRAWN_MAX: usize = 12;

/// Where they live.
pub(crate) struct Residences {
    pub(crate) countries: PlacePart,
    pub(crate) states: PlacePart,
    /// People within the ceiling by the record that told, and where records disagree.
    pub(crate) sources: Vec<(String, String)>,
    pub(crate) disagreeing: String,
    pub(crate) unknown: Bounds,
    pub(crate) unknown_text: String,
}

/// A picture and its table.
#[derive(Default)]
pub(crate) struct PlacePart {
    pub(crate) picture: String,
    pub(crate) undrawn: usize,
    pub(crate) rows: Vec<PlaceRow>,
}

/// One place.
pub(crate) struct PlaceRow {
    pub(crate) name: String,
    pub(crate) code: String,
    pub(crate) floor: String,
    pub(crate) ceiling: String,
}

impl Residences {
    pub(crate) fn of(matrix: &Matrix) -> Residences {
        let mut by_place = matrix.by_residence();
        let unknown = by_place.remove("unknown").unwrap_or_default();
        let mut countries: BTreeMap<String, Bounds> = BTreeMap::new();
        let mut states: BTreeMap<String, Bounds> = BTreeMap::new();
        for (code, b) in by_place {
            let country = code.split('-').next().unwrap_or(&code).to_owned();
            add(countries.entry(country.clone()).or_default(), b);
            if country == "US" {
                add(states.entry(code).or_default(), b);
            }
        }
        let (sources, disagreeing) = sources(matrix);
        Residences {
            countries: part("countries", "People by country", countries, places::name),
            states: part("states", "People by state of the United States", states, state),
            sources,
            disagreeing,
            unknown,
            unknown_text: crate::figures::range(unknown),
        }
    }
}

fn add(sum: &mut Bounds, b: Bounds) {
    sum.floor += b.floor;
    sum.ceiling += b.ceiling;
}

fn part(id: &str, title: &str, places: BTreeMap<String, Bounds>, label: fn(&str) -> &str) -> PlacePart {
    let mut places: Vec<_> = places.into_iter().collect();
    places.sort_by(|(a, x), (b, y)| (Reverse((x.ceiling, x.floor)), a).cmp(&(Reverse((y.ceiling, y.floor)), b)));
    let bars: Vec<Bar> = places
        .iter()
        .take(DRAWN_MAX)
        .map(|(code, bounds)| Bar { label: label(code).to_owned(), bounds: *bounds })
        .collect();
    PlacePart {
        picture: svg::bars(id, title, &bars),
        undrawn: places.len().saturating_sub(DRAWN_MAX),
        rows: places
            .into_iter()
            .map(|(code, b)| PlaceRow {
                name: label(&code).to_owned(),
                floor: count(b.floor),
                ceiling: count(b.ceiling),
                code,
            })
            .collect(),
    }
}

/// A state's name; people who live in the United States with no state recorded stand under `US`.
fn state(code: &str) -> &str {
    if code == "US" { "State not recorded" } else { places::name(code) }
}

/// People within the ceiling, by the record that told where they live; and those whose records disagree.
fn sources(matrix: &Matrix) -> (Vec<(String, String)>, String) {
    let mut counted = vec![false; matrix.persons.len()];
    let mut by_record: BTreeMap<String, u64> = BTreeMap::new();
    let mut disagreeing = 0;
    for cell in matrix.cells.iter().filter(|c| c.grade.in_ceiling()) {
        if std::mem::replace(&mut counted[cell.person as usize], true) {
            continue;
        }
        let residence = &matrix.persons[cell.person as usize].residence;
        if residence.place.is_some() {
            *by_record.entry(words::spaced(&residence.from)).or_default() += 1;
            disagreeing += u64::from(!residence.agreed);
        }
    }
    let mut by_record: Vec<_> = by_record.into_iter().collect();
    by_record.sort_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
    (by_record.into_iter().map(|(record, n)| (record, count(n))).collect(), count(disagreeing))
}
