//! A small case from evidence to findings, through the verbs.

use crate::stanch;
use std::fs;
use std::path::Path;

const STORE: &str = r#"[store]
name = "Copperleaf"
platform = ["oscar"]
time_zone = "UTC"
"#;

const LOG: &str = r#"203.0.113.7 - - [02/Mar/2026:21:14:05 +0000] "GET / HTTP/1.1" 200 512 "-" "Mozilla/5.0"
203.0.113.7 - - [02/Mar/2026:21:14:06 +0000] "GET /catalogue/ HTTP/1.1" 200 2048 "-" "Mozilla/5.0"
this line is no request
198.51.100.9 - - [02/Mar/2026:21:15:00 +0000] "GET /basket/ HTTP/1.1" 200 100 "-" "Mozilla/5.0"
"#;

fn done(dir: &Path, args: &[&str]) -> String {
    let (code, out, err) = stanch(dir, args);
    assert_eq!(code, 0, "{args:?}\n{out}\n{err}");
    out
}

fn new_case() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("store.toml"), STORE).unwrap();
    fs::create_dir(dir.path().join("evidence")).unwrap();
    fs::write(dir.path().join("evidence/access.log"), LOG).unwrap();
    done(dir.path(), &["new", "--store", "store.toml"]);
    dir
}

#[test]
fn evidence_is_sealed_read_once_and_every_line_accounted_for() {
    let dir = new_case();
    fs::copy(dir.path().join("evidence/access.log"), dir.path().join("evidence/copy-of-it.log")).unwrap();
    let out = done(dir.path(), &["add", "evidence"]);
    insta::assert_snapshot!(out, @r"
    File        seal          format                next best   size  lines  events  unread  read
    access.log  2079e7fb0d45  access_combined 75 %             307 B      4       3       1  93 %
    ! access.log: 1 unread: not in format access log (combined): no time in square brackets; the first is line 3
    copy-of-it.log: the same bytes as access.log, read once
    ");
    let again = done(dir.path(), &["add", "evidence", "--json"]);
    let accounts: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!(accounts.as_array().unwrap().len(), 1);
    let counted = done(dir.path(), &["sql", "select count(*) as n from events", "--json"]);
    insta::assert_snapshot!(counted, @r#"
    [
      {
        "n": 3
      }
    ]
    "#);
}

#[test]
fn a_whole_case_verifies_and_a_changed_file_does_not() {
    let dir = new_case();
    done(dir.path(), &["add", "evidence"]);
    done(dir.path(), &["detect"]);
    assert!(done(dir.path(), &["verify"]).contains("everything holds"));
    let log = dir.path().join("evidence/access.log");
    fs::write(&log, LOG.replace("203.0.113.7", "203.0.113.8")).unwrap();
    let (code, out, _) = stanch(dir.path(), &["verify"]);
    assert_eq!(code, 1);
    assert!(out.contains("! evidence access.log: sealed as"), "{out}");
    let (code, _, err) = stanch(dir.path(), &["add", "evidence"]);
    assert_eq!(code, 3);
    assert!(err.contains("changed after it was sealed"), "{err}");
}

#[test]
fn copied_evidence_outlives_the_original() {
    let dir = new_case();
    done(dir.path(), &["add", "evidence", "--copy"]);
    fs::remove_file(dir.path().join("evidence/access.log")).unwrap();
    assert!(done(dir.path(), &["verify"]).contains("everything holds"));
}

#[test]
fn a_mark_that_a_person_adds_stays_through_later_runs() {
    let dir = new_case();
    done(dir.path(), &["add", "evidence"]);
    done(dir.path(), &["detect"]);
    done(dir.path(), &["intruder", "add", "address", "203.0.113.7", "--because", "seen by the hoster"]);
    done(dir.path(), &["detect"]);
    let shown = done(dir.path(), &["intruder"]);
    assert!(shown.contains("taken") && shown.contains("seen by the hoster"), "{shown}");
    done(dir.path(), &["intruder", "reject", "address", "203.0.113.7"]);
    assert!(!done(dir.path(), &["intruder"]).contains("taken"), "a mark that its own author takes back is gone");
}

#[test]
fn what_has_not_been_made_is_named_with_the_command_that_makes_it() {
    let dir = new_case();
    let (code, _, err) = stanch(dir.path(), &["prove", "somebody"]);
    assert_eq!(code, 3);
    insta::assert_snapshot!(err, @r"
    error: the case's list of duties has not been made, or is out of date
    hint: `stanch run` makes what is missing
    ");
}

#[test]
fn the_ledger_tells_what_was_done_and_holds_no_personal_data() {
    let dir = new_case();
    done(dir.path(), &["add", "evidence"]);
    done(dir.path(), &["sql", "select count(*) from events where src_endpoint_ip = '203.0.113.7'"]);
    let ledger = fs::read_to_string(dir.path().join("copperleaf.case/ledger.jsonl")).unwrap();
    let acts: Vec<&str> = ledger.lines().filter_map(|l| l.split("\"act\":\"").nth(1)?.split('"').next()).collect();
    assert_eq!(acts, ["case.created", "evidence.sealed", "case.asked"]);
    assert!(!ledger.contains("203.0.113.7"));
}
