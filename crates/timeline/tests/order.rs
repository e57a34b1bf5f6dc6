//! A database log whose clock goes back is told in the order of its numbers, with what its files lack.

use stanch_lake::EventRows;
use stanch_model::event::Record;
use stanch_model::evidence::{Counter, GapKind, Steps};
use stanch_model::store::Moments;
use stanch_model::{
    EventBatch, EventClass, FileAccount, Identity, IdentityKind, Instant, Intruder, NumberField, Numbering, Position,
    Seal, TextField, Timeline, Verdict, Window,
};
use stanch_packs::Packs;
use stanch_timeline::{Given, Rules, timeline};
use std::collections::BTreeMap;
use std::convert::Infallible;

const START_S: i64 = 1_772_486_045;

/// One line of the invented thief's session: number, second, statement.
fn log(lines: &[(i64, i64, &str)]) -> EventRows {
    let mut batch = EventBatch::default();
    for (i, (number, second, statement)) in lines.iter().enumerate() {
        let offset = i as u64 * 100;
        let position = Position { line: i as u64 + 1, offset, length: 99 };
        let mut event = Record::new(Instant((START_S + second) * 1_000_000), EventClass::DatastoreActivity, position);
        event.set_text(TextField::LogName, "postgres");
        event.set_text(TextField::UserName, "vendor_x");
        event.set_text(TextField::SessionUid, "69a5f0c1.3cc");
        event.set_text(TextField::Query, statement);
        event.set_number(NumberField::Sequence, *number);
        batch.push(&event);
    }
    EventRows::from_batch(&Seal("postgres.csv".to_owned()), batch)
}

fn told(rows: &EventRows, is_numbered: bool) -> Timeline {
    let numbering = Numbering {
        counts: Counter::PerSession,
        steps: Steps::One,
        by: Vec::new(),
        except: BTreeMap::new(),
        shared: false,
        missing: String::new(),
        anew: String::new(),
    };
    let file = FileAccount {
        seal: Seal("postgres.csv".to_owned()),
        path: "postgres.csv".to_owned(),
        format: Some("postgresql_csvlog".to_owned()),
        numbered: is_numbered.then_some(numbering),
        ..FileAccount::default()
    };
    let thief = Identity {
        kind: IdentityKind::DatabaseRole,
        value: "vendor_x".to_owned(),
        only_from: Vec::new(),
        window: Window::ALWAYS,
        confidence: 1.0,
        reasons: Vec::new(),
        verdict: Verdict::Confirmed,
        by: Some("R. Ito".to_owned()),
    };
    let given = Given {
        findings: &[],
        intruder: &Intruder { identities: vec![thief] },
        moments: &Moments::default(),
        files: &[file],
        logs: &[],
        time_zone: "UTC",
        rules: &Rules::load(&Packs::shipped()).expect("shipped packs load"),
    };
    let Ok(told) = timeline::<_, Infallible>(&mut |_| Ok(std::iter::once(Ok(rows.clone()))), &given);
    told
}

fn titles(timeline: &Timeline) -> Vec<&str> {
    timeline.moments.iter().map(|m| m.title.split(' ').next().unwrap_or_default()).collect()
}

#[test]
fn acts_of_a_source_whose_clock_goes_back_are_told_in_the_order_of_its_numbers() {
    // The clock is set back by an hour between the second and the third line.
    let rows = log(&[
        (1, 4000, "SELECT 1"),
        (2, 4010, "COPY customers TO STDOUT"),
        (3, 500, "UPDATE customers SET note = ''"),
        (4, 510, "DELETE FROM audit"),
        (5, 520, "SELECT 2"),
    ]);
    let numbered = told(&rows, true);
    assert_eq!(titles(&numbered), ["SELECT", "COPY", "UPDATE", "DELETE"]);
    // The times themselves are as logged.
    assert_eq!(numbered.moments[2].window.from, Instant((START_S + 500) * 1_000_000));
    // Without numbers nobody knows which was first, and the times count. The SELECT's first is the later line.
    assert_eq!(titles(&told(&rows, false)), ["UPDATE", "DELETE", "SELECT", "COPY"]);
}

#[test]
fn lines_missing_in_a_session_and_sources_are_told() {
    let timeline = told(&log(&[(1, 0, "SELECT 1"), (2, 1, "SELECT 2"), (6, 9, "SELECT 3")]), true);
    let gaps: Vec<_> = timeline.gaps.iter().map(|g| (g.kind, g.why.as_str(), g.in_intrusion)).collect();
    assert_eq!(gaps, [(GapKind::MissingNumbers, "session 69a5f0c1.3cc: line 3 to 5 of 6 missing", true)]);
    let span = &timeline.sources[0];
    assert_eq!((span.source.as_str(), span.events, span.gaps), ("postgres", 3, 1));
    // The same numbers in a format that says nothing of them are no holes.
    assert!(told(&log(&[(1, 0, "SELECT 1"), (6, 9, "SELECT 3")]), false).gaps.is_empty());
}
