//! The guide's law is a law: what a lawyer copies from it works.

use stanch_duties::check;
use stanch_packs::Packs;

const GUIDE: &str = include_str!("../../../docs/guides/add-a-law.md");

#[test]
fn the_law_in_the_guide_is_fit_and_its_proofs_come_out() {
    let law = GUIDE.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a law");
    let words = Packs::shipped().files("words").fold(Packs::none(), |packs, (name, text)| packs.with_text(name, text));
    let problems: Vec<String> = check(&words.with_text("laws/sg/pdpa", law)).iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}
