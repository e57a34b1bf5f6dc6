//! Syslog's envelope, on a log that many programs wrote.

use super::shared;
use crate::clock::Clock;
use crate::syslog::{Years, envelope};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
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
