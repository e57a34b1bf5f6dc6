//! Holds the shipped laws to the facts that were collected: value by value, with citation, confidence, source and day.
//! They are looked for in `$STANCH_SHARED/law`, or beside the repository; without them this prints that it is skipped.

use crate::law::{Dated, LawFile};
use crate::value::Value;
use stanch_packs::{Packs, parse};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Pack, file of facts, and the path of the law in it.
const LAWS: [(&str, &str, &str); 7] = [
    ("laws/eu/gdpr", "eu.yaml", "gdpr"),
    ("laws/gb/uk-gdpr", "uk.yaml", "uk_gdpr"),
    ("laws/us-ca/breach", "us_states.yaml", "jurisdictions.CA.facts"),
    ("laws/us-ny/breach", "us_states.yaml", "jurisdictions.NY.facts"),
    ("laws/us-tx/breach", "us_states.yaml", "jurisdictions.TX.facts"),
    ("laws/us-fl/breach", "us_states.yaml", "jurisdictions.FL.facts"),
    ("laws/us-ma/breach", "us_states.yaml", "jurisdictions.MA.facts"),
];

#[test]
fn every_collected_fact_of_the_shipped_laws_is_in_its_pack() {
    let Some(dir) = collected_laws() else {
        println!("skipped: no collected facts (set STANCH_SHARED to compare)");
        return;
    };
    let packs = Packs::shipped();
    let mut facts = 0;
    for (pack, file, path) in LAWS {
        let collected = read(&dir.join(file));
        let law: LawFile = packs.load(pack).unwrap();
        for (name, fact) in facts_below(collected.at(path.split('.')).unwrap(), "") {
            let versions = law.facts.get(&name).unwrap_or_else(|| panic!("{pack} lacks {name}"));
            assert_same(pack, &name, versions.last().unwrap(), fact);
            facts += 1;
        }
    }
    assert!(facts > 90, "only {facts} facts were compared");
}

fn assert_same(pack: &str, name: &str, ours: &Dated, collected: &BTreeMap<String, Value>) {
    assert_eq!(ours.value, collected["value"], "{pack}: value of {name}");
    let texts = [
        ("citation", Some(ours.citation.value.clone())),
        ("confidence", Some(ours.confidence.word().to_owned())),
        ("source", ours.source.clone()),
        ("source_kind", ours.source_kind.map(|k| k.word().to_owned())),
        ("as_of", Some(ours.as_of.to_string())),
        ("note", ours.note.clone()),
        ("source_conflict", ours.source_conflict.clone()),
    ];
    for (key, text) in texts {
        let theirs = collected.get(key).and_then(Value::text).map(str::to_owned);
        assert_eq!(text, theirs, "{pack}: {key} of {name}");
    }
}

fn collected_laws() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let dir = std::env::var_os("STANCH_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from).join("law");
    dir.is_dir().then_some(dir)
}

fn read(path: &Path) -> Value {
    parse(&path.display().to_string(), &std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Every fact below a tree of them, named by its path.
fn facts_below<'a>(tree: &'a Value, prefix: &str) -> Vec<(String, &'a BTreeMap<String, Value>)> {
    let Value::Table(table) = tree else { return Vec::new() };
    let each = table.iter().flat_map(|(key, value)| match value {
        Value::Table(fact) if fact.contains_key("citation") => vec![(format!("{prefix}{key}"), fact)],
        inner => facts_below(inner, &format!("{prefix}{key}.")),
    });
    each.collect()
}
