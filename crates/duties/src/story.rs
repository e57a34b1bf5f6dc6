//! One case under all shipped laws, as prose.

use crate::people::People;
use crate::proof::{Given, matrix_of};
use crate::words::Words;
use crate::{Laws, clock, judge};
use stanch_model::duty::Duty;
use stanch_packs::{Packs, parse};
use std::fmt::Write;

const CASE: &str = "
persons:
  - {count: 1200, place: DE, certain: [name, email, password_hash], possible: [order_history]}
  - {count: 412, place: US-CA, certain: [name, email, postal_address, payment_card_partial], possible: [password_hash]}
  - {count: 243, place: US-CA, possible: [name, email, password_hash]}
  - {count: 5, certain: [email, password_plain]}
  - {count: 3, place: GB, possible: [name]}
moments: {occurred: 2026-03-01T02:00:00Z, discovered: 2026-03-02T21:14:05Z, became_aware: 2026-03-03T09:30:00Z}
facts: {established_in: [DE], offers_to: [EU, US], business_in: [US]}
";

fn duties() -> Vec<Duty> {
    let given: Given = parse("a case", CASE).unwrap();
    let laws = Laws::load(&Packs::shipped()).unwrap();
    judge(&laws, &matrix_of(&given), &given.moments, &given.facts)
}

/// A duty without its sources, which the packs' own test holds.
fn prose(duty: &Duty) -> String {
    let mut out = String::new();
    let (floor, ceiling) = (duty.floor.state.word(), duty.ceiling.state.word());
    let due = duty.due.map_or("-".to_owned(), |d| d.to_string());
    let left = clock(duty, "2026-03-04T00:00:00Z".parse().unwrap());
    writeln!(out, "{} → {}", duty.title, duty.recipient_name).unwrap();
    writeln!(out, "floor {floor}, ceiling {ceiling}; {} to {} persons", duty.persons.floor, duty.persons.ceiling)
        .unwrap();
    writeln!(out, "due {due}, {left}: {}", duty.counting).unwrap();
    for c in &duty.ceiling.conditions {
        let holds = c.holds.map_or("?", |holds| if holds { "+" } else { "-" });
        writeln!(out, "{holds} {}: {} [{}]", c.condition, c.value, c.citation).unwrap();
    }
    for c in &duty.exemptions {
        writeln!(out, "unless {}: {}", c.condition, c.value).unwrap();
    }
    for r in duty.remarks.iter().filter(|r| !r.starts_with("Note on")) {
        writeln!(out, "! {r}").unwrap();
    }
    out
}

fn prose_of(id: &str) -> String {
    prose(duties().iter().find(|d| d.id == id).unwrap())
}

#[test]
fn what_arises_comes_first_and_what_does_not_is_shown_too() {
    let lines: Vec<String> = duties().iter().map(|d| format!("{} {}", d.ceiling.state.word(), d.id)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    triggered eu/gdpr/art33
    triggered eu/gdpr/art33-register
    triggered eu/gdpr/art34
    to be confirmed us-ny/individuals
    to be confirmed us-ca/individuals
    to be confirmed us-fl/individuals
    to be confirmed us-ca/attorney-general
    to be confirmed us-ny/attorney-general
    to be confirmed us-ny/department-of-state
    to be confirmed us-ny/financial-services
    to be confirmed us-ny/state-police
    not triggered gb/uk-gdpr/art33
    not triggered gb/uk-gdpr/art33-register
    not triggered gb/uk-gdpr/art34
    not triggered us-ca/identity-services
    not triggered us-fl/attorney-general
    not triggered us-fl/consumer-bureaus
    not triggered us-ma/attorney-general
    not triggered us-ma/consumer-affairs
    not triggered us-ma/consumer-bureaus
    not triggered us-ma/identity-services
    not triggered us-ma/individuals
    not triggered us-ny/consumer-bureaus
    not triggered us-tx/attorney-general
    not triggered us-tx/consumer-bureaus
    not triggered us-tx/individuals
    ");
}

#[test]
fn the_authority_has_a_clock_and_reasons() {
    insta::assert_snapshot!(prose_of("eu/gdpr/art33"), @r"
    Notify the supervisory authority → Data protection authority of Germany
    floor triggered, ceiling triggered; 1617 to 1863 persons
    due 2026-03-06T09:30:00Z, 57 h 30 min left: 72 clock hours from when the store became aware; nights, weekends and holidays count
    + the store is established in the European Union or EEA; or the store offers goods to people in the European Union or EEA: DE; EU, US [Art. 3(1),(2)]
    + at least one person whom the disclosure is likely to put at risk; or at least one person whose data were altered or destroyed with likely risk: 1,860, and 3 to be confirmed; 0 [Art. 33(1), 34(3)(a); EDPB Guidelines 01/2021 Case 01, GDPR Art. 4(12)]
    unless a risk to people is unlikely: an investigation has found that misuse of the data is not to be expected: unknown. Who relies on this keeps the reasons with the record of the breach.
    ! For up to 5 persons: the password can be used at once, here and wherever else it is the same.
    ! For up to 1,855 persons: password hashes are guessed offline, and people use one password in many places.
    ! For up to 412 persons: name, address and part of a card number make a fraudulent call or letter convincing.
    ! For up to 1,200 persons: a message that knows real orders is believed.
    ! This is a proposal drawn from the kinds of data; counsel decides.
    ! If it goes in late: after 72 hours add reasons for the delay.
    ! In phases: information may come in phases without undue further delay.
    ! To be aware means: reasonable degree of certainty that a security incident has compromised personal data; short investigation allowed; processor awareness is imputed only when the processor informs.
    ! Weekends: hours run through weekends and holidays: Reg. 1182/71 Art. 3(4) extends only periods not expressed in hours; Art. 3(5) (periods of two days or more include two working days) is argued by some.
    ");
}

#[test]
fn password_hashes_and_customers_of_unknown_residence_are_to_be_confirmed() {
    insta::assert_snapshot!(prose_of("us-ca/attorney-general"), @r"
    Send the Attorney General a copy of the notice → California Attorney General
    floor not triggered, ceiling to be confirmed; 0 to 660 persons
    due -, no fixed deadline: 15 calendar days, beginning the day after people were notified, to the end of the last day in America/Los_Angeles; weekends and holidays count
    + the store does business in California: US [Cal. Civ. Code § 1798.82(a)]
    ? more than 500 residents of California with a name and a listed element, or with credentials, acquired: 0, and 660 to be confirmed (5 of them with no known residence) [Cal. Civ. Code § 1798.82(f)]
    ! No deadline can be counted: nobody has stated when people were notified.
    ! 5 persons have no known residence; they are counted as possibly concerned.
    ! It may wait while law enforcement says that notice would hinder it; whether one does is not known.
    ");
}

#[test]
fn sources_stand_with_the_least_sure_first() {
    for duty in duties() {
        let sure: Vec<bool> = duty.sources.iter().map(|s| s.confidence == "verified-from-source").collect();
        assert!(sure.is_sorted(), "{}: {:?}", duty.id, duty.sources);
        assert!(!sure.is_empty(), "{}", duty.id);
    }
}

#[test]
fn a_duty_says_in_words_what_it_must_contain() {
    for duty in duties() {
        let codes: Vec<&String> = duty.contents.iter().filter(|c| c.contains('_')).collect();
        assert!(codes.is_empty(), "{}: {codes:?}", duty.id);
    }
}

#[test]
fn persons_who_are_alike_to_the_law_are_judged_once() {
    let given: Given = parse("a case", CASE).unwrap();
    let words = Words::load(&Packs::shipped()).unwrap();
    let people = People::of(&matrix_of(&given), &words.places);
    assert_eq!(people.groups.len(), given.persons.len());
    assert_eq!(people.groups.iter().map(|g| g.persons).sum::<u64>(), 1863);
}
