//! What holds of every case, whatever the laws say.

use proptest::prelude::*;
use stanch_duties::{Laws, judge};
use stanch_model::duty::{Duty, DutyState};
use stanch_model::evidence::Seal;
use stanch_model::exposure::{Doubt, INCOMPLETE_SNAPSHOT};
use stanch_model::store::{Facts, Moments};
use stanch_model::{
    Cell, DataClass, Effect, Grade, Instant, Matrix, Person, Place, Proof, Protection, Residence, Window,
};
use stanch_packs::Packs;
use std::sync::LazyLock;

static LAWS: LazyLock<Laws> = LazyLock::new(|| Laws::load(&Packs::shipped()).expect("the shipped laws"));

/// One kind of person: how many, where, and what was reached of them.
#[derive(Clone, Debug)]
struct Kind {
    persons: u32,
    place: Option<&'static str>,
    cells: Vec<(DataClass, Effect, Grade, Protection)>,
}

fn a_kind() -> impl Strategy<Value = Kind> {
    let places = prop::sample::select(vec![
        None,
        Some("US-CA"),
        Some("US-NY"),
        Some("US-TX"),
        Some("US"),
        Some("DE"),
        Some("GB"),
        Some("XX"),
    ]);
    let cell = (
        prop::sample::select(DataClass::ALL.to_vec()),
        prop::sample::select(Effect::ALL.to_vec()),
        prop::sample::select(Grade::ALL.to_vec()),
        prop::sample::select(Protection::ALL.to_vec()),
    );
    let persons = prop::sample::select(vec![1_u32, 2, 249, 250, 500, 501]);
    (persons, places, prop::collection::vec(cell, 0..6)).prop_map(|(persons, place, cells)| Kind {
        persons,
        place,
        cells,
    })
}

fn kinds() -> impl Strategy<Value = Vec<Kind>> {
    prop::collection::vec(a_kind(), 0..4)
}

fn some_moment() -> impl Strategy<Value = Option<Instant>> {
    // The years 2024 to 2027, so that some cases are older than the packs' values.
    prop::option::of((1_704_067_200_i64..1_830_297_600).prop_map(|s| Instant(s * 1_000_000)))
}

prop_compose! {
    fn moments()(occurred in some_moment(), discovered in some_moment(), became_aware in some_moment(),
                 determined in some_moment(), notified in some_moment()) -> Moments {
        Moments { occurred, discovered, became_aware, determined, notified }
    }
}

fn some_places() -> impl Strategy<Value = Option<Vec<Place>>> {
    let place = prop::sample::select(vec!["DE", "GB", "US", "US-CA", "EU"]).prop_map(|p| Place(p.to_owned()));
    prop::option::of(prop::collection::vec(place, 0..3))
}

prop_compose! {
    fn facts()(established_in in some_places(), offers_to in some_places(), business_in in some_places(),
               harm_ruled_out in any::<Option<bool>>(), encryption_key_taken in any::<Option<bool>>()) -> Facts {
        Facts { established_in, offers_to, business_in, harm_ruled_out, encryption_key_taken, ..Facts::default() }
    }
}

fn matrix(kinds: &[Kind]) -> Matrix {
    let mut matrix = Matrix {
        persons: vec![],
        cells: vec![],
        shapes: vec![],
        doubts: vec![],
        snapshots: vec![],
        accesses: 0,
        intruder_events: 0,
    };
    for kind in kinds {
        for _ in 0..kind.persons {
            let person = u32::try_from(matrix.persons.len()).expect("few persons");
            matrix.persons.push(Person {
                id: format!("P-{person:010x}"),
                email: None,
                name: None,
                customer_ids: vec![],
                residence: Residence {
                    place: kind.place.map(|p| Place(p.to_owned())),
                    from: "default address".to_owned(),
                    agreed: true,
                },
            });
            matrix.cells.extend(kind.cells.iter().map(|c| cell(person, *c)));
        }
    }
    matrix
}

fn cell(person: u32, (class, effect, grade, protection): (DataClass, Effect, Grade, Protection)) -> Cell {
    let (at, seal) = (Instant(0), Seal(String::new()));
    let proof = Proof {
        evidence: seal.clone(),
        offset: 0,
        length: 0,
        line: 1,
        time: at,
        shape: String::new(),
        snapshot: seal,
        table: String::new(),
        row_key: String::new(),
        because: None,
    };
    let window = Window { from: at, to: at };
    Cell { person, class, effect, grade, protection, protection_detail: None, window, accesses: 1, proof }
}

fn judged(kinds: &[Kind], moments: &Moments, facts: &Facts) -> Vec<Duty> {
    let mut duties = judge(&LAWS, &matrix(kinds), moments, facts);
    duties.sort_by(|a, b| a.id.cmp(&b.id));
    duties
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_count_that_may_lack_people_rules_no_duty_out(kinds in kinds(), moments in moments(), facts in facts()) {
        let mut lacking = matrix(&kinds);
        lacking.doubts.push(Doubt {
            kind: INCOMPLETE_SNAPSHOT.to_owned(),
            detail: String::new(),
            count: 1,
            bytes: 0,
            raised_ceiling: false,
            example: None,
        });
        // Any number of people could be missing: as if a duty's count were reached, and nobody knew.
        let whole = judge(&LAWS, &matrix(&kinds), &moments, &facts);
        for duty in judge(&LAWS, &lacking, &moments, &facts) {
            let whole = whole.iter().find(|d| d.id == duty.id).expect("the same duties");
            prop_assert_eq!(&duty.floor.state, &whole.floor.state);
            prop_assert!(duty.ceiling.state >= whole.ceiling.state, "{}", duty.id);
            let out = duty.ceiling.conditions.iter().any(|c| c.holds == Some(false) && c.value.contains("not read"));
            prop_assert!(!out, "{}: {:?}", duty.id, duty.ceiling.conditions);
        }
    }

    #[test]
    fn the_ceiling_is_never_weaker_than_the_floor(kinds in kinds(), moments in moments(), facts in facts()) {
        for duty in judged(&kinds, &moments, &facts) {
            prop_assert!(duty.floor.state <= duty.ceiling.state, "{}", duty.id);
            prop_assert!(duty.persons.floor <= duty.persons.ceiling, "{}", duty.id);
        }
    }

    #[test]
    fn a_person_more_never_removes_a_duty(kinds in kinds(), more in a_kind(), moments in moments(), facts in facts()) {
        let before = judged(&kinds, &moments, &facts);
        let wider: Vec<Kind> = kinds.into_iter().chain([more]).collect();
        for (before, after) in before.iter().zip(judged(&wider, &moments, &facts)) {
            prop_assert!(before.floor.state <= after.floor.state, "{}", before.id);
            prop_assert!(before.ceiling.state <= after.ceiling.state, "{}", before.id);
        }
    }

    #[test]
    fn a_wider_ceiling_never_removes_a_duty_at_the_ceiling(kinds in kinds(), moments in moments(), facts in facts()) {
        let raise = |g: Grade| if g < Grade::Possible { Grade::Possible } else { g };
        let wider: Vec<Kind> = kinds.iter().cloned().map(|mut kind| {
            kind.cells.iter_mut().for_each(|c| c.2 = raise(c.2));
            kind
        }).collect();
        for (before, after) in judged(&kinds, &moments, &facts).iter().zip(judged(&wider, &moments, &facts)) {
            prop_assert_eq!(before.floor.state, after.floor.state, "{}", before.id);
            prop_assert!(before.ceiling.state <= after.ceiling.state, "{}", before.id);
        }
    }

    #[test]
    fn a_deadline_never_moves_when_only_persons_are_added(kinds in kinds(), more in a_kind(), moments in moments(), facts in facts()) {
        let before = judged(&kinds, &moments, &facts);
        let wider: Vec<Kind> = kinds.into_iter().chain([more]).collect();
        for (before, after) in before.iter().zip(judged(&wider, &moments, &facts)) {
            prop_assert!(before.due.is_none() || before.due == after.due, "{}", before.id);
        }
    }

    /// The law's version is fixed by the moment of discovery, which both cases share.
    #[test]
    fn an_earlier_moment_that_becomes_known_moves_no_deadline_later(
        kinds in kinds(), known in moments(), discovered in some_moment(), facts in facts(),
    ) {
        let Some(discovered) = discovered else { return Ok(()) };
        let known = Moments { discovered: Some(discovered), ..known };
        let fewer = [
            Moments { became_aware: None, ..known.clone() },
            Moments { determined: None, ..known.clone() },
        ];
        let all = judged(&kinds, &known, &facts);
        for fewer in fewer {
            for (before, after) in judged(&kinds, &fewer, &facts).iter().zip(&all) {
                prop_assert!(before.due.is_none() || after.due <= before.due, "{}", before.id);
            }
        }
    }

    #[test]
    fn what_is_unknown_never_reads_as_no_duty(kinds in kinds(), moments in moments(), facts in facts(), hidden in 0..8) {
        let less = without(&facts, hidden);
        for (known, unknown) in judged(&kinds, &moments, &facts).iter().zip(judged(&kinds, &moments, &less)) {
            if known.ceiling.state != DutyState::NotTriggered {
                prop_assert_ne!(unknown.ceiling.state, DutyState::NotTriggered, "{}", known.id);
            }
        }
        let homeless: Vec<Kind> = kinds.iter().cloned().map(|kind| Kind { place: None, ..kind }).collect();
        for (known, unknown) in judged(&kinds, &moments, &facts).iter().zip(judged(&homeless, &moments, &facts)) {
            if known.ceiling.state != DutyState::NotTriggered {
                prop_assert_ne!(unknown.ceiling.state, DutyState::NotTriggered, "{}", known.id);
            }
        }
    }

    #[test]
    fn the_order_of_persons_and_cells_does_not_matter(kinds in kinds(), moments in moments(), facts in facts()) {
        let mut other = matrix(&kinds);
        other.cells.reverse();
        let (a, b) = (judge(&LAWS, &matrix(&kinds), &moments, &facts), judge(&LAWS, &other, &moments, &facts));
        prop_assert_eq!(a, b);
    }
}

/// The facts with one of them not known.
fn without(facts: &Facts, hidden: i32) -> Facts {
    let mut less = facts.clone();
    match hidden {
        0 => less.established_in = None,
        1 => less.offers_to = None,
        2 => less.business_in = None,
        3 => less.harm_ruled_out = None,
        4 => less.encryption_key_taken = None,
        _ => less = Facts::default(),
    }
    less
}
