//! Syslog's envelope, on a log that many programs wrote.

use super::shared;
use crate::clock::Clock;
use crate::formats::Formats;
use crate::options::ReadOptions;
use crate::samples::read_text;
use crate::syslog::{Years, envelope};
use jiff::tz::TimeZone;
use stanch_model::{EventBatch, EventFields, Instant, TextField};
use stanch_packs::Packs;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[test]
fn every_line_of_an_auth_log_comes_apart() {
    let Some(path) = shared("elastic/auth.log") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let mut clock = Clock::new(TimeZone::UTC, Arc::new(BTreeMap::new()));
    let mut years = Years::new(Some(2015), None);
    let mut programs: BTreeMap<&str, usize> = BTreeMap::new();
    let mut last = None;
    for line in text.lines() {
        let e = envelope(line).unwrap_or_else(|| panic!("{line}"));
        let time = years.instant(e.time, &mut clock).unwrap();
        assert!(last.is_none_or(|last| time >= last), "{line}");
        last = Some(time);
        // The line is what its parts say, nothing lost.
        let tag = if e.pid.is_empty() { e.program.to_owned() } else { format!("{}[{}]", e.program, e.pid) };
        assert_eq!(line, format!("{} {} {tag}: {}", e.time, e.host, e.message));
        *programs.entry(e.program).or_default() += 1;
    }
    let lines = text.lines().filter(|l| l.contains(" sshd[")).count();
    assert_eq!(programs.get("sshd"), Some(&lines));
}

/// Of the lines about sign-ins, each tells of one that failed, that was let in, or several of the same kind.
#[test]
fn sign_ins_of_an_auth_log_are_all_there() {
    let Some(path) = shared("elastic/auth.log") else { return };
    let formats = Formats::load(&Packs::shipped()).unwrap();
    let now = Some(Instant(1_500_000_000_000_000));
    let options = ReadOptions { now, ..ReadOptions::new(&formats, "UTC") };
    let (account, kept) = read_text("auth.log", &std::fs::read(path).unwrap(), &options);
    assert_eq!((account.lines, account.unread_lines()), (7_121, 0), "{:?}", account.unread);
    let (mut refused, mut accepted, mut tries) = (BTreeSet::new(), BTreeSet::new(), 0);
    for row in kept.iter().flat_map(EventBatch::rows) {
        match (row.text(TextField::Activity), row.text(TextField::Status)) {
            (Some("logon"), Some("failure")) => {
                tries += 1;
                // Four offered a key; the count that is known is of passwords and unknown users.
                if !row.text(TextField::Message).is_some_and(|said| said.starts_with("Failed publickey")) {
                    refused.insert(row.position().line);
                }
            }
            (Some("unknown_user"), Some("failure")) => drop(refused.insert(row.position().line)),
            (Some("logon"), Some("success")) => drop(accepted.insert(row.position().line)),
            _ => {}
        }
    }
    assert_eq!((refused.len(), accepted.len()), (891, 226));
    // "message repeated 5 times" stands for five.
    assert_eq!(tries, 1_042);
}
