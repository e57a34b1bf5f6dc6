//! Ledgers that were tampered with, cut or torn.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use proptest::prelude::*;
use stanch_ledger::{
    Break, Head, HeadBreak, KEY_TAKEN, Key, Ledger, LedgerError, On, SignedHead, repair, sha256, verify, vouched,
};
use stanch_model::Instant;
use std::path::PathBuf;

struct Sample {
    _dir: tempfile::TempDir,
    path: PathBuf,
    head: Head,
}

fn sample(entries: u64) -> Sample {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    let mut ledger = Ledger::open(&path, &[]).unwrap();
    for n in 0..entries {
        let at = Instant(1_772_400_000_000_000 + i64::try_from(n).unwrap() * 1_000_000);
        ledger.append(at, "responder", "evidence.sealed", On::nothing().count("lines", n * 10)).unwrap();
    }
    let head = ledger.head().clone();
    Sample { _dir: dir, path, head }
}

fn lines(sample: &Sample) -> Vec<String> {
    std::fs::read_to_string(&sample.path).unwrap().lines().map(str::to_owned).collect()
}

fn rewrite(sample: &Sample, lines: &[String]) {
    std::fs::write(&sample.path, lines.join("\n") + "\n").unwrap();
}

#[test]
fn a_whole_ledger_holds_and_can_be_added_to_again() {
    let sample = sample(3);
    let report = verify(&sample.path, std::slice::from_ref(&sample.head)).unwrap();
    assert!(report.is_whole());
    assert_eq!(report.head, sample.head);
    let mut again = Ledger::open(&sample.path, &[]).unwrap();
    again.append(Instant(1_772_500_000_000_000), "run", "case.opened", On::nothing()).unwrap();
    assert_eq!(Ledger::entries(&sample.path).unwrap().len(), 4);
}

#[test]
fn a_removed_line_is_named_by_the_one_that_stands_in_its_place() {
    let sample = sample(4);
    let mut changed = lines(&sample);
    changed.remove(1);
    rewrite(&sample, &changed);
    let broken = verify(&sample.path, &[]).unwrap().broken;
    assert_eq!(broken, Some(Break::OutOfOrder { line: 2, found: 3 }));
}

#[test]
fn lines_that_changed_places_are_named() {
    let sample = sample(4);
    let mut changed = lines(&sample);
    changed.swap(1, 2);
    rewrite(&sample, &changed);
    assert_eq!(verify(&sample.path, &[]).unwrap().broken, Some(Break::OutOfOrder { line: 2, found: 3 }));
}

#[test]
fn a_changed_number_is_named_at_the_entry_after_it() {
    let sample = sample(4);
    let mut changed = lines(&sample);
    changed[1] = changed[1].replace("\"lines\":10", "\"lines\":11");
    rewrite(&sample, &changed);
    let broken = verify(&sample.path, &[]).unwrap().broken.unwrap();
    assert_eq!(broken, Break::NotChained { line: 3 });
    insta::assert_snapshot!(broken, @"entry 3 does not follow from the line before it: entry 2 or what came before was changed");
}

#[test]
fn lines_cut_off_the_end_and_a_changed_last_line_are_seen_by_a_head_kept_elsewhere() {
    let sample = sample(4);
    let whole = lines(&sample);
    rewrite(&sample, &whole[..3]);
    assert!(verify(&sample.path, &[]).unwrap().is_whole());
    let known = std::slice::from_ref(&sample.head);
    assert_eq!(verify(&sample.path, known).unwrap().broken, Some(Break::CutShort { found: 3, known: 4 }));
    let mut changed = whole;
    changed[3] = changed[3].replace("responder", "somebody");
    rewrite(&sample, &changed);
    assert_eq!(verify(&sample.path, known).unwrap().broken, Some(Break::OtherThanKnown { entry: 4 }));
    std::fs::remove_file(&sample.path).unwrap();
    assert_eq!(verify(&sample.path, known).unwrap().broken, Some(Break::CutShort { found: 0, known: 4 }));
}

#[test]
fn a_torn_line_stops_writing_until_it_is_repaired_and_the_repair_is_on_record() {
    let sample = sample(3);
    let bytes = std::fs::read(&sample.path).unwrap();
    std::fs::write(&sample.path, &bytes[..bytes.len() - 20]).unwrap();
    let refused = Ledger::open(&sample.path, &[]).unwrap_err();
    assert!(matches!(refused, LedgerError::Torn { entries: 2, .. }), "{refused}");
    let done = repair(&sample.path, &[], Instant(1_772_500_000_000_000), "responder").unwrap().unwrap();
    assert_eq!(std::fs::metadata(&done.set_aside).unwrap().len(), done.bytes);
    assert!(verify(&sample.path, &[]).unwrap().is_whole());
    assert_eq!(Ledger::entries(&sample.path).unwrap()[2].act, "ledger.repaired");
    assert_eq!(repair(&sample.path, &[], Instant(0), "responder").unwrap(), None);
}

#[test]
fn two_writers_do_not_meet() {
    let sample = sample(1);
    let _first = Ledger::open(&sample.path, &[]).unwrap();
    assert!(matches!(Ledger::open(&sample.path, &[]), Err(LedgerError::InUse { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_single_byte_is_changed_the_ledger_no_longer_holds(place in 0.0..1.0f64, flip in 1u8..=255) {
        let sample = sample(3);
        let mut bytes = std::fs::read(&sample.path).unwrap();
        let at = ((bytes.len() as f64) * place) as usize;
        bytes[at] ^= flip;
        std::fs::write(&sample.path, &bytes).unwrap();
        let report = verify(&sample.path, std::slice::from_ref(&sample.head)).unwrap();
        prop_assert!(!report.is_whole());
    }

    #[test]
    fn wherever_it_is_cut_the_ledger_no_longer_holds(keep in 0.0..1.0f64) {
        let sample = sample(3);
        let bytes = std::fs::read(&sample.path).unwrap();
        let at = ((bytes.len() as f64) * keep) as usize;
        std::fs::write(&sample.path, &bytes[..at]).unwrap();
        let report = verify(&sample.path, std::slice::from_ref(&sample.head)).unwrap();
        prop_assert!(!report.is_whole());
    }
}

/// The ledger signed at some of its entries, and another one in which an entry was changed and every later one made to
/// follow from it.
fn signed_and_rewritten(at_entries: &[u64], changed: usize) -> (Sample, Vec<SignedHead>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    let key = Key::from_seed(&[7; 32]);
    let (mut ledger, mut heads) = (Ledger::open(&path, &[]).unwrap(), Vec::new());
    for n in 1..=6 {
        let at = Instant(1_772_400_000_000_000 + i64::try_from(n).unwrap() * 1_000_000);
        let on = On::nothing().reference("key", &key.public().to_string()).count("lines", n);
        let head =
            ledger.append(at, "responder", if n == 1 { KEY_TAKEN } else { "evidence.sealed" }, on).unwrap().clone();
        if at_entries.contains(&n) {
            heads.push(SignedHead::sign(ledger.id().unwrap(), &head, at, "responder", &key));
        }
    }
    drop(ledger);
    let entries = Ledger::entries(&path).unwrap();
    let rewritten = dir.path().join("rewritten.jsonl");
    let mut ledger = Ledger::open(&rewritten, &[]).unwrap();
    for (place, entry) in entries.into_iter().enumerate() {
        let on = if place + 1 == changed { entry.on.count("lines", 999) } else { entry.on };
        let act = if place == 0 { KEY_TAKEN } else { "evidence.sealed" };
        ledger.append(entry.at, &entry.by, act, on).unwrap();
    }
    let head = ledger.head().clone();
    (Sample { path: rewritten, head, _dir: dir }, heads)
}

#[test]
fn a_chain_that_was_rewritten_from_some_entry_on_is_told_by_the_heads_that_were_signed() {
    let (same, heads) = signed_and_rewritten(&[2, 5], 0);
    let told = vouched(&same.path, &heads).unwrap();
    assert_eq!((told.wrong.as_slice(), told.up_to, told.keys.len()), (&[][..], 5, 1));
    let (sample, heads) = signed_and_rewritten(&[2, 5], 4);
    assert!(verify(&sample.path, &[]).unwrap().is_whole(), "the chain follows from itself");
    let told = vouched(&sample.path, &heads).unwrap();
    let [broken] = told.wrong.as_slice() else { panic!("{told:?}") };
    insta::assert_snapshot!(broken, @"entry 5 is not the one that was signed at 2026-03-01T21:20:05Z by responder: one of the entries 3 to 5 was changed, and the chain made to fit");
    let (sample, heads) = signed_and_rewritten(&[2, 5], 1);
    let told = vouched(&sample.path, &heads).unwrap();
    assert!(told.wrong.iter().all(|b| matches!(b, HeadBreak::OtherLedger { .. })), "{told:?}");
    let (sample, heads) = signed_and_rewritten(&[2, 5], 6);
    assert_eq!(vouched(&sample.path, &heads).unwrap().wrong, [], "nobody vouched for the sixth entry");
}

#[test]
fn a_chain_that_was_cut_back_behind_a_signed_head_is_told() {
    let (sample, heads) = signed_and_rewritten(&[2, 5], 0);
    let kept = lines(&sample);
    rewrite(&sample, &kept[..4]);
    let told = vouched(&sample.path, &heads).unwrap();
    assert!(matches!(told.wrong.as_slice(), [HeadBreak::CutShort { found: 4, entries: 5, .. }]), "{told:?}");
    std::fs::remove_file(&sample.path).unwrap();
    assert_eq!(vouched(&sample.path, &heads).unwrap().wrong.len(), 2);
}

#[test]
fn a_head_by_a_key_that_the_ledger_does_not_name_or_without_its_signature_is_told() {
    let (sample, mut heads) = signed_and_rewritten(&[2, 5], 0);
    let forged = SignedHead::sign(&heads[0].case, &heads[0].head(), heads[0].at, "other", &Key::from_seed(&[9; 32]));
    heads[1].at = Instant(0);
    heads.push(forged);
    let told = vouched(&sample.path, &heads).unwrap();
    assert!(
        matches!(
            told.wrong.as_slice(),
            [HeadBreak::UnknownKey { entries: 2, .. }, HeadBreak::NotSigned { entries: 5 }]
        ),
        "{told:?}"
    );
}

#[test]
fn a_ledger_is_told_from_others_by_its_first_line() {
    let sample = sample(2);
    let id = sha256(lines(&sample)[0].as_bytes());
    assert_eq!(Ledger::id_of(&sample.path).unwrap().as_deref(), Some(id.as_str()));
    assert_eq!(Ledger::open(&sample.path, &[]).unwrap().id(), Some(id.as_str()));
    assert_eq!(Ledger::id_of(&sample.path.with_extension("none")).unwrap(), None);
    let mut new = Ledger::open(&sample.path.with_extension("new"), &[]).unwrap();
    assert_eq!(new.id(), None);
    let head = new.append(Instant(0), "responder", "case.created", On::nothing()).unwrap().clone();
    assert_eq!(new.id(), Some(head.hash.as_str()));
}
