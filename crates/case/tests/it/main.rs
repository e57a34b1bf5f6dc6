//! A case on disk, from its making to a second opening.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use stanch_case::{Case, CaseError, FileFacts, Holding, How, LoadedStore, Manifest, Stage, find, store_file};
use stanch_model::{Identity, IdentityKind, Instant, Intruder, Seal, Verdict, Window};
use std::path::Path;

const STORE: &str = "# our store\n[store]\nname = \"Copperleaf\"\nplatform = [\"oscar\"]\ntime_zone = \"UTC\"\n";
const NOW: Instant = Instant(1_772_400_000_000_000);

fn store() -> LoadedStore {
    store_file::parse("store.toml", STORE, Path::new("/srv/copperleaf")).unwrap()
}

fn new_case(dir: &Path) -> Case {
    Case::create(&dir.join("copperleaf.case"), &store(), NOW, "responder").unwrap()
}

#[test]
fn a_case_opens_again_as_it_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let made = new_case(dir.path());
    assert_eq!(made.store().text, STORE);
    drop(made);
    let root = find(dir.path()).unwrap();
    let opened = Case::open(&root).unwrap();
    assert_eq!(opened.store(), &store());
    let entries = stanch_ledger::Ledger::entries(&opened.ledger_path()).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].act, "case.created");
}

#[test]
fn a_folder_in_the_way_no_case_and_several_cases_are_named() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(find(dir.path()), Err(CaseError::WhichCase { found }) if found.is_empty()));
    assert!(matches!(Case::open(dir.path()), Err(CaseError::NoCase { .. })));
    new_case(dir.path());
    let again = Case::create(&dir.path().join("copperleaf.case"), &store(), NOW, "responder");
    assert!(matches!(again, Err(CaseError::InTheWay { .. })));
    std::fs::create_dir(dir.path().join("b.case")).unwrap();
    assert!(matches!(find(dir.path()), Err(CaseError::WhichCase { found }) if found.len() == 2));
}

#[test]
fn a_case_of_another_format_is_refused_by_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("old.case");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("case.toml"), "[case]\nformat = 99\nsomething = \"else\"\n").unwrap();
    assert!(matches!(Case::open(&root), Err(CaseError::OtherFormat { found: 99, known: 1, .. })));
}

#[test]
fn a_new_store_file_replaces_the_copy_unless_a_person_edited_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = new_case(dir.path());
    assert!(!case.take_store(&store(), NOW, "responder").unwrap());
    let mut other = store();
    other.text = other.text.replace("Copperleaf", "Copper Leaf");
    assert!(case.take_store(&other, NOW, "responder").unwrap());
    let path = case.root().join("case.toml");
    let edited = std::fs::read_to_string(&path).unwrap().replace("\"UTC\"", "\"Europe/Berlin\"");
    std::fs::write(&path, edited).unwrap();
    let root = case.root().to_owned();
    drop(case);
    let mut case = Case::open(&root).unwrap();
    assert_eq!(case.store().file.store.time_zone, "Europe/Berlin");
    assert!(matches!(case.take_store(&store(), NOW, "responder"), Err(CaseError::Edited { .. })));
}

#[test]
fn a_stage_that_did_not_end_and_one_that_is_out_of_step_do_not_read_as_whole() {
    let dir = tempfile::tempdir().unwrap();
    let case = new_case(dir.path());
    let database = case.database();
    assert!(matches!(case.require(Stage::Scope), Err(CaseError::NotReady { begun: false, .. })));
    database.begin_stage(Stage::Scope, "inputs", NOW).unwrap();
    assert!(matches!(case.require(Stage::Scope), Err(CaseError::NotReady { begun: true, .. })));
    database.finish_stage(Stage::Scope, 1_500, Some(10), None).unwrap();
    case.require(Stage::Scope).unwrap();
    database.begin_stage(Stage::Detect, "inputs", NOW).unwrap();
    assert!(matches!(case.require(Stage::Scope), Err(CaseError::NotReady { begun: false, .. })));
}

#[test]
fn a_ledger_that_was_cut_is_noticed_by_the_head_in_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let case = new_case(dir.path());
    case.record("responder").unwrap().act(NOW, "evidence.sealed", stanch_ledger::On::nothing()).unwrap();
    let whole = std::fs::read_to_string(case.ledger_path()).unwrap();
    let first = whole.lines().next().unwrap();
    std::fs::write(case.ledger_path(), format!("{first}\n")).unwrap();
    assert!(matches!(case.record("responder"), Err(CaseError::Ledger(_))));
}

#[test]
fn identities_and_rulings_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let case = new_case(dir.path());
    let identity = Identity {
        kind: IdentityKind::Address,
        value: "203.0.113.9".to_owned(),
        only_from: Vec::new(),
        window: Window { from: Instant(1), to: Instant(2) },
        confidence: 0.9,
        reasons: vec!["injection".to_owned()],
        verdict: Verdict::Rejected,
        by: Some("responder".to_owned()),
    };
    let intruder = Intruder { identities: vec![identity.clone()] };
    case.database().keep_intruder(&intruder).unwrap();
    case.database().keep_ruling(&identity).unwrap();
    assert_eq!(case.database().intruder().unwrap(), intruder);
    assert_eq!(case.database().rulings().unwrap(), [identity]);
    case.database().keep("n", &7).unwrap();
    assert_eq!(case.database().kept::<u32>("n").unwrap(), Some(7));
}

#[test]
fn evidence_is_held_in_place_or_as_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let case = new_case(dir.path());
    let file = dir.path().join("access.log");
    std::fs::write(&file, "abc").unwrap();
    let holding = |seal: &str| Holding {
        seal: Seal(seal.to_owned()),
        paths: vec!["access.log".to_owned()],
        bytes: 3,
        by: "responder".to_owned(),
        at: NOW,
        how: How::InPlace,
        place: file.clone(),
        file: Some(FileFacts::of(&std::fs::metadata(&file).unwrap())),
        acquired: Vec::new(),
        grew_into: None,
    };
    let mut manifest = Manifest::read(&case.evidence_dir()).unwrap();
    case.hold(&mut manifest, holding("aa"), false).unwrap();
    let copied = stanch_ledger::sha256(b"abc");
    case.hold(&mut manifest, holding(&copied), true).unwrap();
    manifest.write(&case.evidence_dir()).unwrap();
    let read = Manifest::read(&case.evidence_dir()).unwrap();
    assert_eq!(read, manifest);
    assert!(read.find(&Seal("aa".to_owned())).unwrap().file.as_ref().unwrap().modified.is_some());
    let places = Manifest::read(&case.evidence_dir()).unwrap().places(&case.evidence_dir());
    assert_eq!(places[&Seal("aa".to_owned())], file);
    assert_eq!(std::fs::read(&places[&Seal(copied)]).unwrap(), b"abc");
}
