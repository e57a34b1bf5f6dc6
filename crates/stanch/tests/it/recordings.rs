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
    let halves = [dir.path().join("this-half"), dir.path().join("that-half")];
    for (at, folder) in ["app", "db", "vendor", "web"].iter().enumerate() {
        copy(&recording.join("evidence").join(folder), &halves[at % 2].join(folder));
    }
    run(&recording, &one, &halves);
    hold(&recording, &one);
    let [this, that] = halves;
    run(&recording, &other, &[that, this]);
    for file in ["cells.parquet", "shapes.parquet", "exposure.csv", "exposure.json"] {
        let read = |case: &Path| fs::read(case.join("exposure").join(file)).unwrap();
        assert!(read(&one) == read(&other), "{file} differs");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
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
