//! The laws that are shipped: they are fit, their proofs come out, and a case reads as a person would want it to.

use stanch_duties::{Laws, check};
use stanch_packs::Packs;

#[test]
fn every_shipped_law_is_fit_and_its_proofs_come_out() {
    let problems: Vec<String> = check(&Packs::shipped()).iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    assert_eq!(Laws::load(&Packs::shipped()).expect("the shipped laws").len(), 7);
}
