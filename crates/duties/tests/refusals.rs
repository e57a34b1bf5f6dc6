//! What a law file may not say. Each mistake is made in a law that is otherwise fit, and comes back with its line.

use stanch_duties::{LawError, Laws, check};
use stanch_packs::Packs;

const FIT: &str = include_str!("../../../packs/laws/us-tx/breach.yaml");

/// The shipped vocabularies, with the Texan law in which one text stands in the place of another.
fn packs_with(right: &str, wrong: &str) -> Packs {
    assert!(FIT.contains(right), "the law no longer says {right:?}");
    vocabularies().with_text("laws/us-tx/breach", &FIT.replacen(right, wrong, 1))
}

fn vocabularies() -> Packs {
    Packs::shipped().files("words").fold(Packs::none(), |packs, (name, text)| packs.with_text(name, text))
}

/// The first refusal, without the line's number, which moves whenever the law is edited.
fn refusal(right: &str, wrong: &str) -> String {
    let packs = packs_with(right, wrong);
    let problem = check(&packs).into_iter().next().expect("it should be refused");
    assert!(problem.line.is_some_and(|l| l > 0), "no line: {problem}");
    assert_eq!(problem.file, "packs/laws/us-tx/breach.yaml");
    assert!(Laws::load(&packs).is_err() || problem.message.starts_with("the case"), "{problem}");
    format!("{} | {}", problem.message, problem.hint.unwrap_or_default())
}

#[test]
fn a_condition_outside_the_vocabulary_is_refused_with_the_words_that_there_are() {
    let said = refusal("- any_person: personal_information", "- any_persn: personal_information");
    assert!(said.contains("any_persn") && said.contains("any_person"), "{said}");
}

#[test]
fn a_recipient_outside_the_vocabulary_is_refused_with_the_nearest_word() {
    insta::assert_snapshot!(
        refusal("recipient: consumer_bureaus", "recipient: consumer_bureau"),
        @"`consumer_bureau` is not a recipient of packs/words/recipients.yaml | did you mean `consumer_bureaus`?"
    );
}

#[test]
fn an_element_outside_the_vocabulary_is_refused() {
    let said = refusal("          - other_government_id\n", "          - other_goverment_id\n");
    assert!(said.contains("which is no element") && said.contains("did you mean `other_government_id`?"), "{said}");
}

#[test]
fn a_residence_that_does_not_exist_is_refused_in_a_proof() {
    let said = refusal("place: US-OK,", "place: UX-OK,");
    assert!(said.starts_with("`UX-OK` is not a place"), "{said}");
}

#[test]
fn a_time_zone_that_does_not_exist_is_refused() {
    insta::assert_snapshot!(
        refusal("time_zone: America/Chicago", "time_zone: America/Austin"),
        @"`America/Austin` is not a time zone | an IANA name such as America/Chicago"
    );
}

#[test]
fn a_missing_time_zone_is_refused() {
    assert!(refusal("time_zone: America/Chicago\n", "").contains("time_zone"));
}

#[test]
fn a_fact_without_citation_or_day_is_refused() {
    assert!(refusal("      citation: § 521.053(b)\n", "").contains("citation"));
    assert!(refusal("      as_of: 2026-02-16\n", "").contains("as_of"));
    assert!(refusal("      citation: § 521.053(b)\n", "      citation: \"\"\n").contains("empty citation"));
    assert!(refusal("      as_of: 2026-02-16\n", "      as_of: 2026-02-30\n").contains("is not a day"));
}

#[test]
fn dates_in_force_go_from_old_to_new() {
    let again = "  last_amended:
    - {from: 2024-01-01, value: later, citation: x, confidence: from-memory, as_of: 2024-01-01}
";
    insta::assert_snapshot!(
        refusal("  last_amended:\n", again),
        @"the fact `last_amended` is in force from 2023-09-01 after 2024-01-01: dates go from old to new | put the older value first, and each day once"
    );
}

#[test]
fn a_reference_that_leads_nowhere_is_refused() {
    let said = refusal("days: individual_deadline.days", "days: individual_deadline.day");
    assert!(said.contains("has no value at `day`"), "{said}");
    let said = refusal("days: individual_deadline.days", "days: individal_deadline.days");
    assert!(said.contains("is not a fact of this file"), "{said}");
}

#[test]
fn a_threshold_reads_the_operator_of_its_fact() {
    insta::assert_snapshot!(
        refusal("- persons_at_least: {whose: personal_information, number: regulator", "- persons_more_than: {whose: personal_information, number: regulator"),
        @"the fact's operator is `>=`, the duty's `>` | `>` is persons_more_than, `>=` is persons_at_least"
    );
}

#[test]
fn a_law_without_a_near_miss_is_refused() {
    let said = refusal("shows: near_miss", "shows: unknown");
    assert!(said.contains("no proof shows `near_miss`") || said.contains("nothing in this proof is"), "{said}");
}

#[test]
fn an_unknown_key_is_refused() {
    assert!(refusal("title: Texas", "titel: Texas").contains("titel"));
}

#[test]
fn a_proof_that_does_not_come_out_says_what_did() {
    insta::assert_snapshot!(
        refusal("due: \"2026-05-04T23:59:59-05:00\"", "due: \"2026-05-05T23:59:59-05:00\""),
        @r#"the case "250 residents with driving licences": individuals should be due 2026-05-05T23:59:59-05:00 and is due 2026-05-05T04:59:59Z | at the ceiling: the store does business in Texas: US-TX; at least one resident of Texas with a name and a listed element, or with health information, acquired: 250"#
    );
}

#[test]
fn a_broken_vocabulary_is_named_and_nothing_is_loaded() {
    let packs = vocabularies().with_text("words/recipients", "words: [{word: persons}]\n");
    assert!(matches!(Laws::load(&packs), Err(LawError::Words(_))));
    assert_eq!(check(&packs).len(), 1);
}
