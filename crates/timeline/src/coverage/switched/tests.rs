use super::*;
use stanch_lake::EventRows;
use stanch_model::event::Record;
use stanch_model::{EventBatch, Position, Seal};
use stanch_packs::Packs;

/// Two logs, `audit` from 0 to 1000 s without 400 to 700, and `general` from 0 to 500 s.
struct Two;

impl Known for Two {
    fn all(&self) -> Option<Window> {
        Some(Window { from: s(0), to: s(1000) })
    }
    fn sources_of(&self, formats: &[String]) -> Vec<String> {
        if formats.iter().any(|f| f == "mysql_general") { vec!["general".to_owned()] } else { Vec::new() }
    }
    fn around(&self, source: &str, at: Instant) -> (Option<Instant>, Option<Instant>) {
        let end = if source == "general" { 500 } else { 1000 };
        let at = at.second();
        let after = if source == "audit" && (400..700).contains(&at) { 700 } else { at + 1 };
        (Some(s((at - 1).min(end))), (after <= end).then(|| s(after)))
    }
    fn of_counter(&self, _: &str, counter: &str, number: Option<i64>, at: Instant) -> Option<Instant> {
        match (counter, number) {
            ("WIN1\u{1f}Security", Some(8)) => Some(at),
            ("WIN1\u{1f}Security", _) => Some(s(300)),
            _ => None,
        }
    }
}

fn s(second: i64) -> Instant {
    Instant(second * 1_000_000)
}

/// Second, class, texts, number.
type Made<'a> = (i64, EventClass, &'a [(TextField, &'a str)], Option<i64>);

fn gaps(format: &str, source: &str, events: &[Made<'_>]) -> Vec<String> {
    let rules = Rules::load(&Packs::shipped()).unwrap();
    let mut batch = EventBatch::default();
    for (second, class, texts, number) in events {
        let mut record = Record::new(s(*second), *class, Position { line: 1, offset: 0, length: 1 });
        texts.iter().for_each(|(field, value)| record.set_text(*field, value));
        number.iter().for_each(|n| record.set_number(NumberField::Sequence, *n));
        batch.push(&record);
    }
    let rows = EventRows::from_batch(&Seal("file".to_owned()), batch);
    let mut switched = Switched::default();
    rows.iter().for_each(|row| switched.observe(&row, Some(format), source, &rules));
    let tell = |g: &CoverageGap| {
        format!("{} {}-{} {:?}: {}", g.source, g.window.from.second(), g.window.to.second(), g.kind, g.why)
    };
    switched.gaps(&rules, &Two).iter().map(tell).collect()
}

#[test]
fn every_shipped_coverage_pack_holds() {
    assert_eq!(check(&Packs::shipped()), []);
}

#[test]
fn a_daemon_that_ended_leaves_a_gap_until_its_next_record() {
    let ended = gaps("auditd", "audit", &[(400, EventClass::EventLogActivity, &[(TextField::Activity, "stop")], None)]);
    assert_eq!(ended, ["audit 400-700 SwitchedOff: the audit daemon ended at 1970-01-01T00:06:40Z"]);
}

#[test]
fn a_log_that_is_switched_off_elsewhere_has_the_gap_itself() {
    let off = (500, EventClass::DatastoreActivity, &[(TextField::Query, "SET GLOBAL general_log = 'OFF'")][..], None);
    assert_eq!(
        gaps("mariadb_server_audit", "audit", &[off]),
        ["general 500-1000 SwitchedOff: the general query log was switched off at 1970-01-01T00:08:20Z"]
    );
}

#[test]
fn where_the_log_goes_on_it_lasts_until_it_is_switched_on_again() {
    let less = |second, query| (second, EventClass::DatastoreActivity, query, None);
    let (off, on) = (
        &[(TextField::Query, "ALTER SYSTEM SET log_statement = 'none'")][..],
        &[(TextField::Query, "ALTER SYSTEM SET log_statement = 'all'")][..],
    );
    let why = "PostgreSQL was told to log fewer statements or connections";
    assert_eq!(
        gaps("postgresql_csvlog", "db", &[less(100, off), less(250, on), less(800, off)]),
        [
            format!("db 100-250 SwitchedOff: {why} at 1970-01-01T00:01:40Z"),
            format!("db 800-1000 SwitchedOff: {why} at 1970-01-01T00:13:20Z"),
        ]
    );
}

#[test]
fn what_a_cleared_log_held_is_missing_back_to_its_last_record_that_is_at_hand() {
    let cleared = |device, unmapped, number| {
        let fields = vec![
            (TextField::Activity, "clear"),
            (TextField::Device, device),
            (TextField::Resource, "Security"),
            (TextField::Unmapped, unmapped),
        ];
        gaps("windows_evtx", "windows", &[(600, EventClass::EventLogActivity, &fields, number)])
    };
    let why = "Erased: a Windows event log was cleared at 1970-01-01T00:10:00Z";
    let own = r#"{"Channel":"Security"}"#;
    assert_eq!(cleared("WIN1", own, Some(9)), [format!("windows 300-600 {why}")]);
    // The record just before it was exported in time.
    assert_eq!(cleared("WIN1", own, Some(8)), [format!("windows 600-600 {why}")]);
    // Of another machine nothing is at hand.
    assert_eq!(cleared("WIN2", own, Some(9)), [format!("windows 0-600 {why}")]);
    // The System log says so of the Security log, whose numbers are not its own.
    assert_eq!(cleared("WIN1", r#"{"Channel":"System"}"#, Some(8)), [format!("windows 300-600 {why}")]);
}

#[test]
fn what_failed_switched_nothing_off() {
    let failed = [(TextField::Query, "SET GLOBAL general_log = 0"), (TextField::Status, "failure")];
    assert!(gaps("mariadb_server_audit", "audit", &[(5, EventClass::DatastoreActivity, &failed, None)]).is_empty());
}
