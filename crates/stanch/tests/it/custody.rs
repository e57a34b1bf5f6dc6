//! Custody from outside: how evidence was come by, who signed the record, which bytes changed, what is handed out, the
//! case at rest, and what later evidence changed.

use crate::small_store::{ALL, RUN, STORE, Store, dump, requests};
use crate::{command, stanch};
use serde_json::Value;
use stanch_case::{DecryptWith, Manifest};
use stanch_ledger::{Heads, Ledger, On, SignedHead};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// A store with a case that was run to its end.
fn ran() -> Store {
    let store = Store::new().with("evidence/access.log", requests(ALL));
    store.run();
    store
}

/// Code 1, and what does not hold.
fn wrong(store: &Store, args: &[&str]) -> String {
    let (code, out, err) = stanch(store.dir.path(), args);
    assert_eq!(code, 1, "{args:?}\n{out}\n{err}");
    let lines: Vec<&str> = out.lines().filter(|line| line.starts_with('!')).collect();
    lines.join("\n")
}

fn case(store: &Store) -> PathBuf {
    store.path("small.case")
}

/// Every file below a folder, by its name relative to it.
pub(crate) fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(dir: &Path, root: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(dir, dir, &mut found);
    found
}

#[test]
fn how_evidence_was_come_by_is_kept_in_words_beside_it_and_as_a_digest_in_the_ledger() {
    let store = Store::new().with("evidence/access.log", requests(ALL)).with("late.log", requests(1..=3));
    store.done(&["new", "--store", "store.toml"]);
    let told = ["--from", "web01:/var/log/nginx", "--taken-by", "Ada Admin", "--tool", "rsync 3.4", "--note", "hot"];
    let out = store.done(&[&["add", "evidence"], &told[..]].concat());
    let line = "access.log: taken from web01:/var/log/nginx, by Ada Admin, with rsync 3.4; hot";
    assert!(out.contains(line), "{out}");
    let ledger = fs::read_to_string(case(&store).join("ledger.jsonl")).unwrap();
    assert!(!ledger.contains("Ada") && !ledger.contains("web01") && ledger.contains("\"acquisition\":"), "{ledger}");
    let manifest = Manifest::read(&case(&store).join("evidence")).unwrap();
    let [held] = manifest.holdings() else { panic!("{manifest:?}") };
    let facts = held.file.as_ref().unwrap();
    assert!(facts.modified.is_some());
    #[cfg(unix)]
    assert!(facts.mode.as_ref().unwrap().starts_with("06") && facts.owner_uid.is_some(), "{facts:?}");
    // Told later of what is held already, and of nothing else.
    store.done(&["add", "late.log"]);
    store.done(&["add", "late.log", "--note", "handed over on a stick"]);
    store.done(&["add", "late.log", "--note", "handed over on a stick"]);
    let acts: Vec<String> =
        Ledger::entries(&case(&store).join("ledger.jsonl")).unwrap().into_iter().map(|e| e.act).collect();
    assert_eq!(acts, ["case.created", "evidence.sealed", "evidence.sealed", "evidence.described"]);
    let out = store.done(&["add"]);
    assert!(out.contains(line) && out.contains("late.log: handed over on a stick"), "{out}");
    // Changed afterwards, it no longer has the digest that is on record.
    store.done(&["verify"]);
    store.edit("small.case/evidence/acquisitions.json", "web01", "web02");
    assert!(wrong(&store, &["verify"]).contains("acquisitions.json"));
    let (code, _, err) = stanch(store.dir.path(), &["add", "--note", "of nothing"]);
    assert_eq!(code, 2, "{err}");
}

/// Writes the ledger anew, so that it follows from itself, with an entry changed; and puts a database in place that knows
/// of no later head: what somebody can do who has the folder and not the key.
fn rewrite(store: &Store, changed: u64, database: &[u8]) {
    let path = case(store).join("ledger.jsonl");
    let entries = Ledger::entries(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let mut ledger = Ledger::open(&path, &[]).unwrap();
    for entry in entries {
        let on = if entry.seq == changed { On::nothing().count("nothing", 0) } else { entry.on };
        ledger.append(entry.at, &entry.by, entry.act.leak(), on).unwrap();
    }
    fs::write(case(store).join("case.db"), database).unwrap();
}

/// A case with four looks at it after the head was first signed, and its database as it was before any of them.
fn signed() -> (Store, Vec<u8>) {
    let store = Store::new();
    store.done(&["new", "--store", "store.toml"]);
    let database = fs::read(case(&store).join("case.db")).unwrap();
    assert!(store.done(&["verify"]).contains("nobody signed the ledger"));
    let out = store.done(&["ledger", "sign"]);
    assert!(out.contains("signed: entry 2"), "{out}");
    for n in 1..=4 {
        store.done(&["sql", &format!("select {n}")]);
    }
    (store, database)
}

#[test]
fn every_command_that_acts_signs_the_head_once_there_is_a_key_and_the_key_is_the_owners_only() {
    let (store, _) = signed();
    let out = store.done(&["verify"]);
    assert!(out.contains("5 heads, up to entry 6") && out.contains("which is known here"), "{out}");
    let keys: Vec<PathBuf> =
        fs::read_dir(store.path("config/stanch/keys")).unwrap().map(|e| e.unwrap().path()).collect();
    let key = keys.iter().find(|p| p.extension().is_some_and(|e| e == "key")).unwrap();
    assert!(key.file_name().unwrap().to_str().unwrap().starts_with("small-"), "{keys:?}");
    let inside = tree(&case(&store));
    let secret = fs::read_to_string(key).unwrap().lines().nth(1).unwrap().to_owned();
    assert!(inside.values().all(|bytes| !String::from_utf8_lossy(bytes).contains(&secret)));
    // On another machine the key is not known, unless somebody brings it along.
    let elsewhere = |args: &[&str]| {
        let output = command(store.dir.path()).env("XDG_CONFIG_HOME", "elsewhere").args(args).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, out) = elsewhere(&["verify"]);
    assert!(code == 0 && out.contains("compare it with what its owner told you"), "{out}");
    let public = inside.keys().find(|name| name.starts_with("ledger.signer-")).unwrap();
    let public = format!("small.case/{public}");
    let (code, out) = elsewhere(&["verify", "--signer", &public]);
    assert!(code == 0 && out.contains("which is known here"), "{out}");
    let (code, out) = elsewhere(&["verify", "--signer", &"ab".repeat(32)]);
    assert!(code == 1 && out.contains("which you did not name"), "{out}");
    // A key that others can read signs nothing more.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
        let (code, _, err) = stanch(store.dir.path(), &["sql", "select 1"]);
        assert_eq!(code, 3);
        assert!(err.contains("could not be signed") && err.contains("chmod 600"), "{err}");
    }
}

#[test]
fn a_rewritten_ledger_is_noticed_and_the_entries_that_may_have_been_changed_are_named() {
    let (store, database) = signed();
    rewrite(&store, 5, &database);
    let said = wrong(&store, &["verify"]);
    assert!(said.contains("entry 5 is not the one that was signed at"), "{said}");
    assert!(said.contains("entry 5 was changed, and the chain made to fit"), "{said}");
    // Without the heads in the folder, the one beside the key tells still.
    fs::remove_file(case(&store).join("ledger.heads.jsonl")).unwrap();
    let said = wrong(&store, &["verify"]);
    assert!(said.contains("they were taken away") && said.contains("one of the entries 1 to 6 was changed"), "{said}");
}

#[test]
fn a_ledger_that_was_cut_back_behind_a_signed_head_is_noticed_and_nothing_is_added_to_it() {
    let (store, database) = signed();
    let path = case(&store).join("ledger.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> = text.lines().take(4).collect();
    fs::write(&path, kept.join("\n") + "\n").unwrap();
    fs::write(case(&store).join("case.db"), database).unwrap();
    let said = wrong(&store, &["verify"]);
    assert!(said.contains("the ledger ends at entry 4; entry 6 was signed at"), "{said}");
    let (code, _, err) = stanch(store.dir.path(), &["sql", "select 1"]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("does not hold"), "{err}");
}

#[test]
fn a_head_that_was_kept_elsewhere_and_one_that_was_stamped_tell_too() {
    let (store, database) = signed();
    let out = store.done(&["ledger", "head", "--out", "head.txt"]);
    assert!(out.contains("openssl ts -query -data head.txt") && out.contains("stanch ledger timestamp"), "{out}");
    let head = SignedHead::from_file(&fs::read_to_string(store.path("head.txt")).unwrap()).unwrap();
    assert_eq!((head.entries, head.is_signed()), (6, true));
    let (code, _, err) = stanch(store.dir.path(), &["ledger", "head", "--out", "head.txt"]);
    assert_eq!(code, 4, "{err}");
    // What an authority answers, as far as it is looked at here.
    let digest: Vec<u8> = (0..32).map(|n| u8::from_str_radix(&head.digest()[2 * n..2 * n + 2], 16).unwrap()).collect();
    let answer = [b"0\x82".as_slice(), &[4, 0x20], &digest, b"\x02\x01\x07\x18\x0f20260302211405Z"].concat();
    fs::write(store.path("head.tsr"), &answer).unwrap();
    fs::write(store.path("other.tsr"), &answer[3..]).unwrap();
    let out = store.done(&["ledger", "timestamp", "head.tsr"]);
    assert!(out.contains("the answer for entry 6; it says 2026-03-02T21:14:05Z"), "{out}");
    assert!(store.refused(&["ledger", "timestamp", "other.tsr"]).contains("is no answer for a head"));
    let out = store.done(&["verify", "--head", "head.txt"]);
    assert!(out.contains("stamped   entry 6, at 2026-03-02T21:14:05Z"), "{out}");
    rewrite(&store, 5, &database);
    fs::remove_file(case(&store).join("ledger.heads.jsonl")).unwrap();
    fs::remove_dir_all(store.path("config")).unwrap();
    for more in [&["--head", "head.txt"][..], &[]] {
        let said = wrong(&store, &[&["verify"], more].concat());
        assert!(said.contains("entry 6 is not the one that was signed"), "{said}");
    }
}

#[test]
fn the_record_of_acts_reads_as_a_table() {
    let (store, _) = signed();
    let out = store.done(&["ledger"]);
    let acts: Vec<&str> = out.lines().skip(1).filter_map(|line| line.split_whitespace().nth(3)).collect();
    assert_eq!(acts, ["case.created", "ledger.key_taken", "case.asked", "case.asked", "case.asked", "case.asked"]);
    assert_eq!(store.json(&["ledger"]).as_array().unwrap().len(), 6);
}

#[test]
fn verify_names_the_bytes_that_changed_and_a_file_that_grew_or_shrank() {
    // Some three MiB, sealed while being read; the second one before, to be told from others of its size.
    let line = requests(1..=1).lines().next().unwrap().to_owned() + "\n";
    let log = line.repeat((3 << 20) / line.len());
    let other = log.replace("lamp", "bulb");
    let store = Store::new().with("evidence/access.log", &log).with("evidence/other.log", &other);
    store.done(&["new", "--store", "store.toml"]);
    store.done(&["add", "evidence/access.log"]);
    store.done(&["add", "evidence/other.log"]);
    store.done(&["verify"]);
    let mut bytes = log.clone().into_bytes();
    bytes[1_500_000] ^= 1;
    fs::write(store.path("evidence/access.log"), &bytes).unwrap();
    fs::write(store.path("evidence/other.log"), &other.as_bytes()[..1_200_000]).unwrap();
    let said = wrong(&store, &["verify"]);
    assert!(said.contains("evidence access.log: sealed as"), "{said}");
    assert!(said.contains("bytes 1 048 576–2 097 151 (block 2 of 3) differ; size 3 1"), "{said}");
    assert!(said.contains("bytes 1 048 576–1 199 999 (block 2 of 3) cannot be compared"), "{said}");
    assert!(said.contains("the blocks before its end are as they were; it shrank from 3 1"), "{said}");
    let (_, out, _) = stanch(store.dir.path(), &["verify", "--json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    let changed = told["changed"].as_array().unwrap().iter().find(|c| c["path"] == "access.log").unwrap();
    assert_eq!(changed["differ"], serde_json::json!([[1_048_576, 2_097_151]]));
    fs::write(store.path("evidence/access.log"), log.clone() + "more\n").unwrap();
    let said = wrong(&store, &["verify"]);
    assert!(said.contains("all that was sealed is there as it was; it grew from"), "{said}");
    // A list of blocks that was changed too says nothing.
    for entry in fs::read_dir(case(&store).join("evidence/blocks")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace('7', "8")).unwrap();
    }
    assert!(wrong(&store, &["verify"]).contains("where cannot be told"));
}

/// Has plain `sha256sum` check an export, where it is installed: how many files it lists.
fn sha256sum_c(top: &Path) -> Option<usize> {
    let output = std::process::Command::new("sha256sum").args(["-c", "SHA256SUMS"]).current_dir(top).output().ok()?;
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap().lines().count())
}

/// The verbs that read, and what each says.
fn read_all(dir: &Path, case: &str, person: &str) -> Vec<String> {
    let verbs: [&[&str]; 10] = [
        &["verify"],
        &["add"],
        &["detect"],
        &["timeline"],
        &["intruder"],
        &["scope"],
        &["duties", "--at", "2026-03-05T09:00:00Z"],
        &["report", "--at", "2026-03-05T09:00:00Z"],
        &["prove", person],
        &["sql", "select count(*) from events"],
    ];
    let said = verbs.iter().map(|args| {
        let (code, out, err) = stanch(dir, &[args, &["--case", case][..]].concat());
        assert_eq!(code, 0, "{args:?}\n{out}\n{err}");
        // But for where the report stands.
        out.lines().filter(|line| !line.starts_with("Report: ")).collect::<Vec<_>>().join("\n")
    });
    said.collect()
}

#[test]
fn a_case_that_is_only_read_stays_as_it_is_to_the_byte() {
    let store = ran();
    let before = tree(&case(&store));
    let output = command(store.dir.path()).env("STANCH_READ_ONLY", "1").args(["prove", "7"]).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("not put on record"));
    store.done(&["--read-only", "verify"]);
    store.done(&["--read-only", "timeline"]);
    let (code, _, err) = stanch(store.dir.path(), &["--read-only", "add", "evidence"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("open for reading only"), "{err}");
    for args in [&["run"][..], &["verify", "--repair"], &["ledger", "sign"], &["export", "--out", "x"]] {
        assert_eq!(stanch(store.dir.path(), &[&["--read-only"], args].concat()).0, 2, "{args:?}");
    }
    assert!(tree(&case(&store)) == before);
    assert!(!store.path("config").exists());
    // A folder that cannot be written to is read without asking.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(case(&store), fs::Permissions::from_mode(0o500)).unwrap();
        read_all(store.dir.path(), "small.case", "7");
        fs::set_permissions(case(&store), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(tree(&case(&store)) == before);
    }
}

#[test]
fn an_export_checks_with_plain_tools_opens_to_be_read_and_is_the_same_each_time() {
    let store = ran();
    store.done(&["ledger", "sign"]);
    let said = read_all(store.dir.path(), "small.case", "7");
    // The same case twice: what an export adds to the ledger is no part of what it hands out.
    let copy = store.path("copy/small.case");
    for (name, bytes) in tree(&case(&store)) {
        fs::create_dir_all(copy.join(&name).parent().unwrap()).unwrap();
        fs::write(copy.join(&name), bytes).unwrap();
    }
    let more = ["--for", "police", "--with", "evidence"];
    let out = store.done(&[&["export", "--out", "a.tar"], &more[..]].concat());
    assert!(out.contains("The store's data (snapshot/)") && !out.contains("The evidence itself"), "{out}");
    store.done(&[&["export", "--out", "b.tar", "--case", "copy/small.case"], &more[..]].concat());
    assert!(fs::read(store.path("a.tar")).unwrap() == fs::read(store.path("b.tar")).unwrap());
    // Nothing is replaced.
    let before = fs::read(store.path("a.tar")).unwrap();
    assert!(store.refused(&["export", "--out", "a.tar"]).contains("already there"));
    assert!(fs::read(store.path("a.tar")).unwrap() == before);
    // Unpacked, the sums hold and the case reads as it did, with the evidence in it.
    let mut archive = tar::Archive::new(&before[..]);
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        assert!(entry.path().unwrap().starts_with("small-export"), "{:?}", entry.path());
        assert_eq!((entry.header().uid().unwrap(), entry.header().mode().unwrap() & 0o077), (0, 0));
    }
    tar::Archive::new(&before[..]).unpack(store.path("unpacked")).unwrap();
    let top = store.path("unpacked/small-export");
    if let Some(listed) = sha256sum_c(&top) {
        assert_eq!(listed + 1, tree(&top).len());
    }
    fs::rename(store.path("evidence"), store.path("gone")).unwrap();
    let unpacked = tree(&top);
    let read = read_all(&top, "small.case", "7");
    assert_eq!(read[1..], said[1..]);
    assert!(read[0].contains("everything holds"), "{}", read[0]);
    assert!(tree(&top) == unpacked);
    let (code, _, err) = stanch(&top, &["run", "--case", "small.case"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("it is an export of a case"), "{err}");
    assert!(fs::read_to_string(top.join("README.txt")).unwrap().contains("openssl pkeyutl -verify"));
    // On record, as a word, a number and a digest.
    let last = Ledger::entries(&case(&store).join("ledger.jsonl")).unwrap().pop().unwrap();
    assert_eq!(last.act, "case.exported");
    assert_eq!(last.on.get("recipient").unwrap(), "police");
    let sums = stanch_ledger::sha256(&fs::read(top.join("SHA256SUMS")).unwrap());
    assert_eq!(last.on.get("sums").unwrap(), sums.as_str());
}

#[test]
fn an_export_without_evidence_says_so_and_its_check_counts_what_is_not_there_as_not_there() {
    let store = ran();
    store.edit("small.case/case.toml", "file = \"before.sql\"", "postgres = \"postgresql://u:hunter2@db/x\"");
    store.done(&["export", "--out", "out"]);
    fs::rename(store.path("evidence"), store.path("gone")).unwrap();
    let top = store.path("out");
    let out = store.done(&["verify", "--case", "out/small.case"]);
    assert!(out.contains("access.log: not in this export"), "{out}");
    let all = tree(&top);
    assert!(all.values().all(|bytes| !String::from_utf8_lossy(bytes).contains("hunter2")));
    assert!(all.keys().all(|name| !name.contains("/snapshot/")));
    let readme = String::from_utf8(all["README.txt"].clone()).unwrap();
    assert!(readme.contains("- The evidence itself.") && readme.contains("connection string"), "{readme}");
    for args in [["--out", "small.case/x"], ["--out", "x.age"], ["--out", ".."]] {
        let (code, ..) = stanch(store.dir.path(), &[&["export"], &args[..]].concat());
        assert!(code == 2 || code == 3, "{args:?}");
    }
}

#[test]
fn an_export_does_not_hand_out_evidence_that_is_not_what_was_sealed_and_leaves_nothing_behind() {
    let store = ran();
    store.edit("evidence/access.log", "lamp", "bulb");
    let names = |store: &Store| fs::read_dir(store.dir.path()).unwrap().count();
    let before = names(&store);
    for out in ["out", "out.tar"] {
        let said = store.refused(&["export", "--out", out, "--with", "evidence"]);
        assert!(said.contains("is not what was sealed"), "{said}");
    }
    assert_eq!(names(&store), before);
}

#[test]
fn an_encrypted_export_is_one_file_that_its_recipient_opens() {
    let store = ran();
    fs::write(store.path("secret.txt"), "open sesame\n").unwrap();
    let args = ["export", "--out", "a.tar.age", "--passphrase-file", "secret.txt"];
    let (code, _, err) = stanch(store.dir.path(), &["export", "--out", "a.tar", "--passphrase-file", "secret.txt"]);
    assert_eq!(code, 2, "{err}");
    store.done(&args);
    let with = DecryptWith::passphrase("open sesame".to_owned()).unwrap();
    let file = fs::File::open(store.path("a.tar.age")).unwrap();
    let mut archive = Vec::new();
    with.open(file).unwrap().read_to_end(&mut archive).unwrap();
    tar::Archive::new(&archive[..]).unpack(store.path("unpacked")).unwrap();
    assert!(store.path("unpacked/small-export/README.txt").exists());
    let (code, _, err) = stanch(store.dir.path(), &["export", "--out", "b.tar.age", "--encrypt-to", "age1nobody"]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("is no age recipient"), "{err}");
}

#[test]
fn a_locked_case_comes_back_and_goes_on() {
    let store = ran();
    store.done(&["ledger", "sign"]);
    fs::write(store.path("secret.txt"), "open sesame\n").unwrap();
    fs::write(store.path("wrong.txt"), "open sesam\n").unwrap();
    let before = tree(&case(&store));
    assert_eq!(stanch(store.dir.path(), &["lock"]).0, 2);
    let out = store.done(&["lock", "--passphrase-file", "secret.txt"]);
    assert!(out.contains("1 files of evidence are only referred to"), "{out}");
    assert!(!case(&store).exists() && store.path("small.case.age").exists());
    let said = store.refused(&["unlock", "small.case.age", "--passphrase-file", "wrong.txt"]);
    assert!(said.contains("with another passphrase"), "{said}");
    assert!(!case(&store).exists() && store.path("small.case.age").exists());
    store.done(&["unlock", "small.case.age", "--passphrase-file", "secret.txt"]);
    assert!(!store.path("small.case.age").exists());
    let after = tree(&case(&store));
    let changed: Vec<&String> = after.keys().filter(|name| before.get(*name) != after.get(*name)).collect();
    assert_eq!(changed, ["case.db", "ledger.heads.jsonl", "ledger.jsonl"]);
    assert!(store.done(&["verify"]).contains("everything holds"));
    let acts: Vec<String> =
        Ledger::entries(&case(&store).join("ledger.jsonl")).unwrap().into_iter().map(|e| e.act).collect();
    assert_eq!(acts[acts.len() - 2..], ["case.lock_begun", "case.unlocked"]);
    let heads = Heads::read(&case(&store).join("ledger.heads.jsonl")).unwrap().heads;
    assert_eq!(heads.last().unwrap().entries, acts.len() as u64);
    store.run();
}

#[test]
fn later_evidence_is_told_in_words_and_so_is_what_it_changed() {
    let app = "\n[[log]]\nname = \"app\"\nfiles = \"app.log\"\ntime = \"ts\"\n";
    let store =
        Store::new().with("store.toml", format!("{STORE}{app}")).with("before.sql", dump(ALL, "2026-03-01 03:00:00"));
    let store = store.with("evidence/access.log", requests(1..=20));
    let first: Value = store.json(RUN);
    assert_eq!(first["since_before"], Value::Null);
    let second = store.with("access.log.2", requests(21..=40)).with("app.log", "{\"ts\":\"2026-03-04T08:00:00Z\"}\n");
    let out = second.done(&["add", "access.log.2", "app.log"]);
    let told: Vec<&str> = out.lines().rev().take(3).collect();
    insta::assert_snapshot!(told.into_iter().rev().collect::<Vec<_>>().join("\n"), @r"
    new: 2 files, 41 events: access_combined, json_lines (the first of that format)
    evidence now reaches from 2026-03-02T21:00:02Z to 2026-03-04T08:00:00Z; before, 2026-03-02T21:00:02Z to 2026-03-02T21:00:41Z
    out of date now: list of findings, intruder, timeline, exposure, list of duties, report; `stanch run` makes them again
    ");
    assert!(second.done(&["add", "app.log"]).ends_with("nothing new\n"));
    let out = second.done(&["run", "--at", "2026-03-05T09:00:00Z"]);
    let told: Vec<&str> = out.lines().skip_while(|l| !l.starts_with("Since the run before")).take(4).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    Since the run before  people, before  now
    people                            20   40
    email                             20   40
    name                              20   40
    ");
    assert!(!second.done(&["run", "--at", "2026-03-05T09:00:00Z"]).contains("Since the run before"));
    let told = second.json(&["run", "--at", "2026-03-06T09:00:00Z"]);
    assert_eq!(told["since_before"], Value::Null);
}

#[test]
fn names_of_tables_cannot_lead_out_of_an_export_and_odd_ones_check() {
    let odd = "../../odd\\name\nof a table";
    let store = Store::new().with("evidence/access.log", requests(ALL));
    let dump = dump(ALL, "2026-03-01 03:00:00");
    let more = format!(
        "CREATE TABLE public.\"{odd}\" (\n    id bigint NOT NULL\n);\n\nCOPY public.\"{odd}\" (id) FROM stdin;\n1\n\\.\n\n"
    );
    fs::File::create(store.path("before.sql")).unwrap().write_all((more + &dump).as_bytes()).unwrap();
    store.run();
    // And a file that somebody put there.
    fs::write(case(&store).join("report/a\\b\nc\u{1b}[2J.txt"), "x").unwrap();
    store.done(&["export", "--out", "out.tar", "--with", "snapshot"]);
    let bytes = fs::read(store.path("out.tar")).unwrap();
    for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
        let path = entry.unwrap().path().unwrap().into_owned();
        assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))), "{path:?}");
    }
    tar::Archive::new(&bytes[..]).unpack(store.path("unpacked")).unwrap();
    let top = store.path("unpacked/small-export");
    let listed = sha256sum_c(&top);
    assert!(listed.is_none_or(|listed| listed + 1 == tree(&top).len()));
}

/// A log that is still written to is added again: only what is new is read, and nothing is there twice.
#[test]
fn a_log_that_grew_is_read_on_and_what_was_sealed_stays_on_record() {
    for copy in [false, true] {
        let store = Store::new().with("evidence/access.log", requests(1..=40));
        store.done(&["new", "--store", "store.toml"]);
        let add = |args: &[&str]| {
            let how: &[&str] = if copy { &["--copy"] } else { &[] };
            store.done(&[&["add", "evidence"], how, args].concat())
        };
        add(&[]);
        let before = fs::read(store.path("evidence/access.log")).unwrap();
        fs::write(store.path("evidence/access.log"), requests(1..=60)).unwrap();
        let out = add(&[]);
        assert!(out.contains("access.log: grew by") && out.contains("read on from there"), "{out}");
        let events = || store.done(&["sql", "SELECT count(*) AS n, count(DISTINCT line) AS lines FROM events"]);
        let counted = |out: &str| out.split_whitespace().filter(|w| *w == "120").count();
        assert_eq!(counted(&events()), 2, "{}", events());
        let manifest = Manifest::read(&case(&store).join("evidence")).unwrap();
        let (old, new): (Vec<_>, Vec<_>) = manifest.holdings().iter().partition(|h| h.grew_into.is_some());
        assert_eq!((old.len(), new.len(), old[0].bytes), (1, 1, before.len() as u64));
        assert_eq!(old[0].grew_into.as_ref(), Some(&new[0].seal));
        store.done(&["verify"]);
        // Once more, and the beginning by itself under another name: nothing new.
        fs::write(store.path("evidence/old.log"), &before).unwrap();
        add(&[]);
        assert_eq!(counted(&events()), 2, "{}", events());
        // The same as if it had been added whole at once.
        let other = Store::new().with("evidence/access.log", requests(1..=60));
        other.done(&["new", "--store", "store.toml"]);
        other.done(&["add", "evidence"]);
        let told = |store: &Store| store.done(&["sql", "SELECT time, line, src_endpoint_ip FROM events ORDER BY line"]);
        assert_eq!(told(&store), told(&other));
        // What changed is no growth.
        let mut changed = fs::read(store.path("evidence/access.log")).unwrap();
        changed[3] ^= 1;
        changed.extend_from_slice(b"x\n");
        fs::write(store.path("evidence/access.log"), changed).unwrap();
        if !copy {
            let (code, _, err) = stanch(store.dir.path(), &["add", "evidence"]);
            assert!(code == 3 && err.contains("changed after it was sealed"), "{err}");
        }
    }
}
