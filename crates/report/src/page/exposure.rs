//! Which data, of how many people: floor and ceiling per class and effect, and in what form it stood.

use crate::figures::count;
use crate::svg::{self, Bar};
use crate::words;
use stanch_model::exposure::{Bounds, Matrix};
use stanch_model::{Effect, Grade, Protection};
use std::collections::BTreeMap;

/// The exposure in counts.
pub(crate) struct Exposure {
    /// One for each effect that occurs, disclosure first.
    pub(crate) effects: Vec<EffectPart>,
    pub(crate) protections: Vec<ProtectionRow>,
    /// People of whom only existence, or a handling inside the store, is known.
    pub(crate) apart: String,
    pub(crate) has_apart: bool,
}

/// One effect.
pub(crate) struct EffectPart {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) note: &'static str,
    pub(crate) floor: String,
    pub(crate) ceiling: String,
    pub(crate) picture: String,
    pub(crate) rows: Vec<ClassRow>,
}

/// One data class.
pub(crate) struct ClassRow {
    pub(crate) class: &'static str,
    pub(crate) floor: String,
    pub(crate) ceiling: String,
    pub(crate) partial: String,
    pub(crate) membership: String,
    pub(crate) handled: String,
}

/// One form that data stood in.
pub(crate) struct ProtectionRow {
    pub(crate) class: &'static str,
    pub(crate) form: &'static str,
    pub(crate) detail: String,
    pub(crate) floor: String,
    pub(crate) ceiling: String,
}

impl Exposure {
    pub(crate) fn of(matrix: &Matrix) -> Exposure {
        let apart = apart(matrix);
        Exposure {
            effects: Effect::ALL.iter().filter_map(|e| part(matrix, *e)).collect(),
            protections: protections(matrix),
            has_apart: apart > 0,
            apart: count(apart),
        }
    }
}

fn part(matrix: &Matrix, effect: Effect) -> Option<EffectPart> {
    let mut grades: BTreeMap<_, BTreeMap<Grade, u64>> = BTreeMap::new();
    for cell in matrix.cells.iter().filter(|c| c.effect == effect) {
        *grades.entry(cell.class).or_default().entry(cell.grade).or_default() += 1;
    }
    if grades.is_empty() {
        return None;
    }
    let bounds = matrix.by_class();
    let mut classes: Vec<_> = grades
        .iter()
        .map(|(class, by_grade)| (*class, bounds.get(&(*class, effect)).copied().unwrap_or_default(), by_grade))
        .collect();
    classes.sort_by_key(|(class, b, _)| (std::cmp::Reverse((b.ceiling, b.floor)), *class));
    let bars: Vec<Bar> = classes
        .iter()
        .filter(|(_, b, _)| b.ceiling > 0)
        .map(|(class, bounds, _)| Bar { label: words::class(*class).to_owned(), bounds: *bounds })
        .collect();
    let (id, note) = about(effect);
    let people = matrix.count_people(|c| c.effect == effect);
    let rows = classes.into_iter().map(|(class, b, by_grade)| {
        let of = |grade| count(by_grade.get(&grade).copied().unwrap_or(0));
        ClassRow {
            class: words::class(class),
            floor: count(b.floor),
            ceiling: count(b.ceiling),
            partial: of(Grade::Partial),
            membership: of(Grade::Membership),
            handled: of(Grade::Handled),
        }
    });
    Some(EffectPart {
        id,
        title: words::effect(effect),
        note,
        floor: count(people.floor),
        ceiling: count(people.ceiling),
        picture: svg::bars(&format!("classes-{id}"), &format!("People by kind of data: {}", effect.word()), &bars),
        rows: rows.collect(),
    })
}

fn about(effect: Effect) -> (&'static str, &'static str) {
    match effect {
        Effect::Disclosed => ("disclosed", "The value left the store by a way that the intruder could see."),
        Effect::Altered => {
            ("altered", "The intruder wrote over it. What is in the store now may not be what the customer gave.")
        }
        Effect::Destroyed => ("destroyed", "The intruder deleted it."),
    }
}

/// People whose strongest grade, over all cells, counts in neither number.
fn apart(matrix: &Matrix) -> u64 {
    let mut best: BTreeMap<u32, Grade> = BTreeMap::new();
    for cell in &matrix.cells {
        let grade = best.entry(cell.person).or_insert(cell.grade);
        *grade = (*grade).max(cell.grade);
    }
    best.values().filter(|g| !g.in_ceiling()).count() as u64
}

fn protections(matrix: &Matrix) -> Vec<ProtectionRow> {
    let mut forms: BTreeMap<(_, Protection, Option<&str>), Bounds> = BTreeMap::new();
    for cell in matrix.cells.iter().filter(|c| c.effect == Effect::Disclosed && c.grade.in_ceiling()) {
        let bounds = forms.entry((cell.class, cell.protection, cell.protection_detail.as_deref())).or_default();
        bounds.floor += u64::from(cell.grade.in_floor());
        bounds.ceiling += 1;
    }
    forms
        .into_iter()
        .filter(|((_, protection, detail), _)| *protection != Protection::Plain || detail.is_some())
        .map(|((class, protection, detail), b)| ProtectionRow {
            class: words::class(class),
            form: words::protection(protection),
            detail: detail.unwrap_or_default().to_owned(),
            floor: count(b.floor),
            ceiling: count(b.ceiling),
        })
        .collect()
}
