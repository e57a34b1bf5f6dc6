//! Wrong usage and bad input: the exit code, what is said, and that nothing is left behind.

use crate::stanch;
use std::path::Path;

const STORE: &str = r#"[store]
name = "Copperleaf"
platform = ["oscar"]
time_zone = "UTC"
"#;

/// Exit code and standard error, the folder's own path as `[here]`.
fn refused(dir: &Path, args: &[&str]) -> (i32, String) {
    let (code, _, said) = stanch(dir, args);
    (code, said.replace(&dir.display().to_string(), "[here]"))
}

fn here() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("store.toml"), STORE).unwrap();
    std::fs::create_dir(dir.path().join("evidence")).unwrap();
    dir
}

#[test]
fn a_verb_without_a_case_is_wrong_usage() {
    let dir = here();
    let (code, said) = refused(dir.path(), &["verify"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @r"
    error: no folder here ends in .case
    hint: `stanch run EVIDENCE --store STORE.toml` makes a case; `--case DIR` names one elsewhere
    ");
}

#[test]
fn an_empty_evidence_folder_is_bad_input_and_makes_no_case() {
    let dir = here();
    let (code, said) = refused(dir.path(), &["run", "evidence", "--store", "store.toml"]);
    assert_eq!(code, 3, "{said}");
    insta::assert_snapshot!(said, @"error: there is no file in evidence; name the folder that holds the logs");
    assert!(!dir.path().join("copperleaf.case").exists());
}

#[test]
fn a_wrong_key_in_the_store_file_is_named_with_its_place() {
    let dir = here();
    std::fs::write(dir.path().join("store.toml"), STORE.replace("time_zone", "timezone")).unwrap();
    let (code, said) = refused(dir.path(), &["run", "evidence", "--store", "store.toml"]);
    assert_eq!(code, 3);
    insta::assert_snapshot!(said, @r"
    error: store.toml:4:1: unknown key `timezone`
    hint: did you mean `time_zone`?
    ");
}

#[test]
fn a_case_of_another_version_is_bad_input() {
    let dir = here();
    std::fs::create_dir(dir.path().join("old.case")).unwrap();
    std::fs::write(dir.path().join("old.case/case.toml"), "[case]\nformat = 99\n").unwrap();
    let (code, said) = refused(dir.path(), &["verify", "--case", "old.case"]);
    assert_eq!(code, 3);
    insta::assert_snapshot!(said, @r"
    error: the case [here]/old.case has format 99; this stanch reads format 1
    hint: open it with the stanch that made it, or make the case again from its evidence
    ");
}

#[test]
fn an_unknown_verb_and_a_time_without_its_offset_are_wrong_usage() {
    let dir = here();
    assert_eq!(refused(dir.path(), &["rnu"]).0, 2);
    let (code, said) = refused(dir.path(), &["report", "--at", "2026-03-02 21:14"]);
    assert_eq!(code, 2);
    assert!(said.contains("is not a moment"), "{said}");
}

#[test]
fn completions_and_pack_checks_need_no_case() {
    let dir = here();
    for args in [["completions", "bash"], ["packs", "check"]] {
        assert_eq!(stanch(dir.path(), &args).0, 0, "{args:?}");
    }
}
