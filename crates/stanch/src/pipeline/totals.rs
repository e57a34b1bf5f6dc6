//! How many people, of this exposure and of the one before it: so that what new evidence changed can be told.

use serde::{Deserialize, Serialize};
use stanch_case::{CaseError, Database};
use stanch_model::exposure::{Bounds, Matrix};
use std::collections::BTreeMap;

/// The exposure that is there now.
const NOW: &str = "exposure.totals";
/// The one that it took the place of.
const BEFORE: &str = "exposure.totals_before";

/// Floor and ceiling: of people, and of each data class and effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) people: Bounds,
    pub(crate) classes: Vec<ClassTotal>,
}

/// Floor and ceiling of one data class and effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClassTotal {
    pub(crate) data_class: String,
    pub(crate) effect: String,
    pub(crate) people: Bounds,
}

/// What became of one number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// `people`, or a data class and its effect.
    pub(crate) of: String,
    pub(crate) before: Bounds,
    pub(crate) now: Bounds,
}

impl Totals {
    fn of(matrix: &Matrix) -> Totals {
        let class = |((class, effect), people): ((stanch_model::DataClass, stanch_model::Effect), Bounds)| ClassTotal {
            data_class: class.word().to_owned(),
            effect: effect.word().to_owned(),
            people,
        };
        Totals { people: matrix.people(), classes: matrix.by_class().into_iter().map(class).collect() }
    }

    /// What differs, people first; a class that is in one of the two only counts as nobody in the other.
    fn against(&self, before: &Totals) -> Vec<Difference> {
        let key = |c: &ClassTotal| (c.data_class.clone(), c.effect.clone());
        let mut all: BTreeMap<(String, String), [Bounds; 2]> = BTreeMap::new();
        for (place, totals) in [before, self].into_iter().enumerate() {
            for class in &totals.classes {
                all.entry(key(class)).or_default()[place] = class.people;
            }
        }
        let people = Difference { of: "people".to_owned(), before: before.people, now: self.people };
        let classes = all.into_iter().map(|((class, effect), [before, now])| {
            let of = if effect == "disclosed" { class } else { format!("{class}, {effect}") };
            Difference { of, before, now }
        });
        std::iter::once(people).chain(classes).filter(|d| d.before != d.now).collect()
    }
}

/// Keeps the totals of an exposure that was just judged, and those of the one before it.
pub(super) fn keep(database: &Database, matrix: &Matrix) -> Result<(), CaseError> {
    if let Some(before) = database.kept::<Totals>(NOW)? {
        database.keep(BEFORE, &before)?;
    }
    database.keep(NOW, &Totals::of(matrix))
}

/// What the exposure that is there now changed against the one before it; none where there was none.
pub(crate) fn since_before(database: &Database) -> Result<Option<Vec<Difference>>, CaseError> {
    let (now, before) = (database.kept::<Totals>(NOW)?, database.kept::<Totals>(BEFORE)?);
    Ok(now.zip(before).map(|(now, before)| now.against(&before)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(people: u64, classes: &[(&str, &str, u64)]) -> Totals {
        let both = |n| Bounds { floor: n, ceiling: n };
        let class = |(class, effect, n): &(&str, &str, u64)| ClassTotal {
            data_class: (*class).to_owned(),
            effect: (*effect).to_owned(),
            people: both(*n),
        };
        Totals { people: both(people), classes: classes.iter().map(class).collect() }
    }

    #[test]
    fn what_came_what_went_and_what_grew_is_told_and_what_stayed_is_not() {
        let before = totals(3, &[("email", "disclosed", 3), ("phone", "disclosed", 1), ("name", "altered", 1)]);
        let now = totals(4, &[("email", "disclosed", 4), ("address", "disclosed", 2), ("name", "altered", 1)]);
        let told: Vec<String> =
            now.against(&before).iter().map(|d| format!("{} {}-{}", d.of, d.before.floor, d.now.floor)).collect();
        assert_eq!(told, ["people 3-4", "address 0-2", "email 3-4", "phone 1-0"]);
        assert_eq!(now.against(&now), []);
    }
}
