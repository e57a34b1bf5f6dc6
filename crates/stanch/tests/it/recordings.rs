//! The recorded breaches against their ground truth: what the attacker's tools really received.

#![expect(clippy::print_stdout, reason = "the four figures are what these tests are read for")]

use crate::root;
use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};
use xtask::score::score_files;

const AT: &str = "2026-11-25T09:00:00Z";

/// Runs a recording into a case of its own, its evidence handed over in the order given.
fn run(recording: &Path, case: &Path, evidence: &[PathBuf]) {
    let mut command = Command::cargo_bin("stanch").unwrap();
    command.env("STANCH_BY", "responder").env("NO_COLOR", "1").env_remove("STANCH_CASE");
    command.arg("run").args(evidence).arg("--store").arg(recording.join("store.toml"));
    let output = command.arg("--case").arg(case).args(["--at", AT]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The four figures, printed, each at or above its bar.
fn hold(recording: &Path, case: &Path) {
    let figures = score_files(&recording.join("truth"), case).unwrap();
    println!("{}\n{figures}", recording.file_name().unwrap().to_string_lossy());
    assert!(figures.pass(), "{figures}");
}

#[test]
fn the_shipped_breach_is_scoped_as_it_happened() {
    let recording = root().join("examples/copperleaf");
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("copperleaf.case");
    run(&recording, &case, &[recording.join("evidence")]);
    hold(&recording, &case);
}

#[test]
fn the_second_breach_is_too_and_neither_order_nor_a_second_run_changes_a_byte() {
    let recording = root().join("tests/fixtures/second-recording");
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("one.case"), dir.path().join("other.case"));
    run(&recording, &one, &[recording.join("evidence")]);
    hold(&recording, &one);
    // The same evidence, its folders named one by one from the last to the first.
    let mut folders: Vec<PathBuf> =
        fs::read_dir(recording.join("evidence")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.reverse();
    run(&recording, &other, &folders);
    for file in ["exposure/cells.parquet", "exposure/shapes.parquet", "exposure/exposure.csv", "exposure/exposure.json"]
    {
        if file.ends_with(".csv") || file.ends_with(".json") {
            let read = |case: &Path| without_paths(&fs::read_to_string(case.join(file)).unwrap());
            assert!(read(&one) == read(&other), "{file} differs");
        } else {
            assert!(fs::read(one.join(file)).unwrap() == fs::read(other.join(file)).unwrap(), "{file} differs");
        }
    }
}

/// Evidence is named relative to what was handed over, which differs between the two runs by design.
fn without_paths(text: &str) -> String {
    ["app/", "db/", "vendor/", "web/"].iter().fold(text.to_owned(), |text, folder| text.replace(folder, ""))
}

#[test]
fn running_it_again_gives_the_same_report_but_for_the_run_time() {
    let recording = root().join("tests/fixtures/second-recording");
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("again.case");
    run(&recording, &case, &[recording.join("evidence")]);
    let first = timeless(&fs::read_to_string(case.join("report/index.html")).unwrap());
    run(&recording, &case, &[recording.join("evidence")]);
    let second = timeless(&fs::read_to_string(case.join("report/index.html")).unwrap());
    assert!(first == second, "the report differs between two runs");
}

/// A report without the elements that are marked as telling the run's own time.
fn timeless(html: &str) -> String {
    let mut kept = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(" data-run-time") {
        kept.push_str(&rest[..at]);
        let end = rest[at..].find("</").map_or(rest.len(), |n| at + n);
        rest = &rest[end..];
    }
    kept + rest
}
