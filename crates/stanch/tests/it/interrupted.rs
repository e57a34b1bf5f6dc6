//! Commands that are killed, and disks that are full: the case opens, holds, and in the end is the one that an
//! uninterrupted command makes.
#![cfg(unix)]

use crate::custody::tree;
use crate::small_store::{ALL, Store, requests};
use crate::{command, stanch};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A key pair of age's own tests.
const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
const IDENTITY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33\n";

/// A store with some logs, plain and packed, two of them with the same bytes.
fn store() -> Store {
    let store = Store::new();
    for n in 0..6 {
        let log = requests(ALL).replace("lamp", &format!("lamp-{n}")).repeat(20 + 5 * n);
        fs::write(store.path(&format!("evidence/access.log.{n}")), &log).unwrap();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(log.replace("21:", "22:").as_bytes()).unwrap();
        fs::write(store.path(&format!("evidence/old/access.log.{n}.gz")), packed.finish().unwrap())
            .or_else(|_| fs::create_dir(store.path("evidence/old")))
            .unwrap();
    }
    fs::copy(store.path("evidence/access.log.1"), store.path("evidence/copy.log")).unwrap();
    store
}

/// What a case has of its evidence: the bytes of every table of events, and what became of each line.
fn outcome(store: &Store) -> (BTreeMap<String, Vec<u8>>, serde_json::Value) {
    (tree(&store.path("small.case/events")), store.json(&["add"]))
}

/// Starts a command and kills it (SIGKILL) after a time. Says whether it had ended before.
fn killed(dir: &Path, args: &[&str], after: Duration) -> bool {
    let mut child = command(dir).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while begun.elapsed() < after {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

/// A case in which nothing was interrupted, and how long that took.
fn uninterrupted(add: &[&str]) -> (Store, Duration) {
    let store = store();
    store.done(&["new", "--store", "store.toml"]);
    let begun = Instant::now();
    store.done(add);
    (store, begun.elapsed())
}

fn kill_while_adding(times: u32) {
    let add = ["add", "evidence", "--copy", "--jobs", "2"];
    let (reference, took) = uninterrupted(&add);
    let (expect, mut interrupted) = (outcome(&reference), 0);
    let store = store();
    for n in 1..=times {
        if n % 2 == 1 {
            // Every second time on what the one before left.
            let _ = fs::remove_dir_all(store.path("small.case"));
            store.done(&["new", "--store", "store.toml"]);
        }
        // Spread over the whole of it, the beginning first, and never twice at the same place.
        let after =
            took.mul_f64(f64::from(n) / f64::from(times + 1)) + Duration::from_micros(u64::from(n * 977 % 5_000));
        let had_ended = killed(store.dir.path(), &add, after);
        interrupted += u32::from(!had_ended);
        let said = store.done(&["verify"]);
        assert!(said.contains("everything holds"), "{said}");
        if n % 2 == 0 || n == times {
            store.done(&add);
            let found = outcome(&store);
            assert!(found == expect, "killed after {after:?}: {:?}", found.0.keys());
            assert!(!store.done(&["verify"]).contains("interrupted"));
        }
    }
    assert!(interrupted > times / 3, "{interrupted} of {times}");
}

#[test]
fn adding_that_is_killed_leaves_a_case_that_holds_and_ends_as_if_it_had_not_been() {
    kill_while_adding(10);
}

#[test]
#[ignore = "takes minutes; the test above does the same ten times"]
fn adding_that_is_killed_fifty_times() {
    kill_while_adding(50);
}

#[test]
fn locking_and_unlocking_that_are_killed_leave_one_whole_of_the_two() {
    let store = Store::new().with("evidence/access.log", requests(ALL)).with("key.txt", IDENTITY);
    store.done(&["new", "--store", "store.toml"]);
    store.done(&["add", "evidence", "--copy"]);
    fs::write(store.path("small.case/large"), vec![7; 4 << 20]).unwrap();
    let (folder, file) = (store.path("small.case"), store.path("small.case.age"));
    let whole = tree(&folder.join("events"));
    let lock = ["lock", "--case", "small.case", "--encrypt-to", RECIPIENT];
    let unlock = ["unlock", "small.case.age", "--identity", "key.txt"];
    let begun = Instant::now();
    store.done(&lock);
    store.done(&unlock);
    let took = begun.elapsed() / 2;
    for n in 1..=8u32 {
        let args = if folder.exists() && !file.exists() { &lock[..] } else { &unlock[..] };
        killed(store.dir.path(), args, took.mul_f64(f64::from(n) / 9.0));
        assert!(folder.exists() || file.exists());
        if folder.exists() {
            assert!(store.done(&["verify", "--case", "small.case"]).contains("everything holds"));
            assert!(tree(&folder.join("events")) == whole);
        }
        if folder.exists() && file.exists() {
            // Killed when both were whole. Either may be removed.
            fs::remove_dir_all(&folder).unwrap();
        }
        if file.exists() {
            store.done(&unlock);
            assert!(tree(&folder.join("events")) == whole);
        }
    }
    store.done(&lock);
    store.done(&unlock);
    let left: Vec<_> = fs::read_dir(store.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with("ing")), "{left:?}");
}

/// Runs a command that can write no file beyond so many bytes: as on a disk that is full, its writes fail.
fn limited(dir: &Path, kib: u32, args: &[&str]) -> (i32, String) {
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", 2 * kib);
    let stanch = command(dir);
    let mut shell = std::process::Command::new("sh");
    shell.arg("-c").arg(script).arg(stanch.get_program()).args(args).current_dir(dir);
    for (name, value) in stanch.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let output = shell.output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_full_disk_is_said_clearly_and_a_later_command_ends_as_if_it_had_not_been() {
    let add = ["add", "evidence", "--copy"];
    let (reference, _) = uninterrupted(&add);
    let expect = outcome(&reference);
    let store = store();
    store.done(&["new", "--store", "store.toml"]);
    store.done(&["ledger", "sign"]);
    for kib in [0, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128] {
        let (code, said) = limited(store.dir.path(), kib, &add);
        if code == 0 {
            break;
        }
        assert_eq!(code, 4, "{kib} KiB: {said}");
        assert!(said.starts_with("error: ") && said.contains("could not "), "{kib} KiB: {said}");
        assert!(!said.contains("panicked"), "{said}");
        let verified = store.done(&["verify"]);
        assert!(verified.contains("everything holds"), "{kib} KiB: {verified}");
    }
    store.done(&add);
    assert!(outcome(&store) == expect);
    assert!(!store.done(&["verify"]).contains("interrupted"));
    // Nothing else is half there either.
    for (args, left) in
        [(&["export", "--out", "out.tar"][..], "out.tar"), (&["lock", "--encrypt-to", RECIPIENT], "small.case.age")]
    {
        let (code, said) = limited(store.dir.path(), 100, args);
        assert!(code == 4 && said.contains("could not write"), "{code} {said}");
        assert!(!store.path(left).exists() && store.path("small.case").exists());
        let names =
            fs::read_dir(store.dir.path()).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
        assert!(names.into_iter().all(|name| !name.contains("unfinished") && !name.ends_with("ing")));
    }
    assert!(store.done(&["verify"]).contains("everything holds"));
    let (code, _, err) = stanch(store.dir.path(), &["add", "evidence"]);
    assert_eq!(code, 0, "{err}");
}
