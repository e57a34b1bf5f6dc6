//! ARCHITECTURE.md lists the crates from lower to higher; a crate uses only those above it in the list.

use crate::root;
use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::BTreeMap;

/// The crates in the order of the document: headings such as `### stanch-model`, and the binary `stanch`.
fn listed() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let heading = |line: &str| line.strip_prefix("### `").and_then(|l| l.strip_suffix('`')).map(str::to_owned);
    text.lines().filter_map(heading).filter(|name| name.starts_with("stanch")).collect()
}

/// Every crate under `crates/` with the workspace crates that it is built from; tests may reach further.
fn built() -> BTreeMap<String, Vec<String>> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let ours = |name: &str| name.starts_with("stanch");
    let crates = metadata.packages.iter().filter(|p| ours(&p.name));
    crates
        .map(|p| {
            let uses = p.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal && ours(&d.name));
            (p.name.to_string(), uses.map(|d| d.name.clone()).collect())
        })
        .collect()
}

#[test]
fn every_crate_is_described_and_every_crate_described_is_there() {
    let mut listed = listed();
    listed.sort();
    let built: Vec<String> = built().into_keys().collect();
    assert_eq!(listed, built, "ARCHITECTURE.md (left) and crates/ (right) disagree");
}

#[test]
fn no_crate_depends_upward() {
    let listed = listed();
    let place = |name: &str| listed.iter().position(|l| l == name);
    for (name, uses) in built() {
        for used in uses {
            assert!(place(&used) < place(&name), "{name} uses {used}, which ARCHITECTURE.md lists after it");
        }
    }
}

#[test]
fn every_crate_has_a_front_page() {
    for dir in std::fs::read_dir(root().join("crates")).unwrap() {
        let readme = dir.unwrap().path().join("README.md");
        let text = std::fs::read_to_string(&readme).unwrap_or_default();
        assert!(text.len() > 200, "{} says too little", readme.display());
    }
}
