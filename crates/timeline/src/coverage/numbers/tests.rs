use super::*;
use proptest::prelude::*;
use stanch_model::event::Record as Event;
use stanch_model::evidence::Mark;
use stanch_model::{EventBatch, EventClass, Position, Seal, TextField};

fn file(name: &str, numbering: Numbering) -> FileAccount {
    FileAccount {
        seal: Seal(name.to_owned()),
        path: name.to_owned(),
        numbered: Some(numbering),
        ..FileAccount::default()
    }
}

fn numbering(steps: Steps) -> Numbering {
    Numbering {
        counts: Counter::PerSource,
        steps,
        by: vec![Mark { field: "device.hostname".to_owned(), part: None, needed: false }],
        except: BTreeMap::new(),
        shared: steps == Steps::Rising,
        missing: "lost or removed".to_owned(),
        anew: "the machine was started again".to_owned(),
    }
}

/// Batches of one file: number and second of each record, by this machine.
fn batches(seal: &str, machine: &str, records: &[(i64, i64)], size: usize) -> Vec<EventRows> {
    let mut made = Vec::new();
    for (b, chunk) in records.chunks(size).enumerate() {
        let mut batch = EventBatch::default();
        for (i, (number, second)) in chunk.iter().enumerate() {
            let offset = ((b * size + i) * 100) as u64;
            let position = Position { line: offset / 100 + 1, offset, length: 99 };
            let mut event = Event::new(Instant(second * 1_000_000), EventClass::ProcessActivity, position);
            event.set_text(TextField::LogName, "audit");
            event.set_text(TextField::Device, machine);
            event.set_number(NumberField::Sequence, *number);
            batch.push(&event);
        }
        made.push(EventRows::from_batch(&Seal(seal.to_owned()), batch));
    }
    made
}

fn told(steps: Steps, batches: &[EventRows]) -> Vec<String> {
    let mut seals: Vec<String> = batches.iter().map(|rows| rows.row(0).evidence_str().to_owned()).collect();
    seals.sort();
    seals.dedup();
    let files: Vec<FileAccount> = seals.iter().map(|seal| file(seal, numbering(steps))).collect();
    let mut numbers = Numbers::new(&files);
    batches.iter().for_each(|rows| numbers.observe(rows));
    let second = |t: Instant| t.0 / 1_000_000;
    numbers.gaps().iter().map(|g| format!("{}-{} {}", second(g.window.from), second(g.window.to), g.why)).collect()
}

fn rising(from: i64, to: i64, first_second: i64) -> Vec<(i64, i64)> {
    (from..=to).map(|n| (n, first_second + n - from)).collect()
}

#[test]
fn numbers_that_are_not_there_are_told_with_their_count_and_window() {
    let mut list = rising(500, 600, 1000);
    list.retain(|(n, _)| !(510..=519).contains(n) && *n != 550);
    assert_eq!(
        told(Steps::One, &batches("a", "web1", &list, 7)),
        [
            "1009-1020 numbers 510 to 519 of web1 missing (10): lost or removed",
            "1049-1051 number 550 of web1 missing: lost or removed",
        ]
    );
    assert!(told(Steps::One, &batches("a", "web1", &rising(500, 600, 1000), 7)).is_empty());
}

#[test]
fn each_machine_counts_for_itself() {
    let mut all = batches("a", "web1", &rising(1, 50, 0), 9);
    all.extend(batches("b", "db1", &rising(200, 250, 0), 9));
    assert!(told(Steps::One, &all).is_empty());
}

#[test]
fn numbers_that_begin_anew_are_told_and_records_written_late_are_not() {
    let mut list = rising(4000, 4100, 0);
    list.swap(50, 53);
    list.extend(rising(1, 60, 200));
    assert_eq!(
        told(Steps::One, &batches("a", "web1", &list, 1000)),
        ["100-200 its numbers of web1 begin anew at 1 after 4100: the machine was started again"]
    );
}

#[test]
fn the_next_file_goes_on_where_the_last_one_ended() {
    let mut all = batches("a", "web1", &rising(1, 500, 0), 100);
    all.extend(batches("b", "web1", &rising(521, 900, 520), 100));
    // The same once more, in a copy that overlaps.
    all.extend(batches("c", "web1", &rising(300, 500, 299), 100));
    let expected = ["499-520 numbers 501 to 520 of web1 missing (20): lost or removed"];
    assert_eq!(told(Steps::One, &all), expected);
    all.reverse();
    assert_eq!(told(Steps::One, &all), expected);
}

#[test]
fn a_file_that_holds_its_last_record_first_is_read_backwards() {
    let mut list = rising(1, 300, 0);
    list.retain(|(n, _)| *n != 150);
    list.reverse();
    assert_eq!(
        told(Steps::One, &batches("a", "web1", &list, 64)),
        ["148-150 number 150 of web1 missing: lost or removed"]
    );
}

#[test]
fn many_holes_are_told_as_one() {
    let list: Vec<(i64, i64)> = (0..4000).map(|n| (n * 3 + 10, n)).collect();
    assert_eq!(
        told(Steps::One, &batches("a", "web1", &list, 4000)),
        ["0-3999 7998 of the numbers 10 to 12007 of web1 missing, in 3999 places: lost or removed"]
    );
}

#[test]
fn a_number_given_twice_is_told() {
    let mut list = rising(1, 40, 0);
    list.insert(20, (20, 500));
    assert_eq!(
        told(Steps::One, &batches("a", "web1", &list, 100)),
        ["19-500 1 number of web1 given more than once, at different times: two logs put together, or records added"]
    );
}

#[test]
fn where_not_each_number_is_written_only_jumps_and_new_beginnings_matter() {
    let mut list: Vec<(i64, i64)> = (0..400).map(|n| (1000 + n * 7 + n % 3, n)).collect();
    // A long statement that ends late.
    list.insert(300, (1005, 299));
    list.extend((0..400).map(|n| (500_000 + n * 7, 400 + n)));
    list.extend((0..50).map(|n| (3 + n, 900 + n)));
    assert_eq!(
        told(Steps::Rising, &batches("a", "db1", &list, 128)),
        [
            "799-900 its numbers of db1 begin anew at 3 after 502793: the machine was started again",
            "399-400 its numbers of db1 jump from 3793 to 500000, far more than its usual steps: lost or removed",
        ]
    );
}

proptest! {
    /// However a file is cut into batches and in whatever order they come, the same is told.
    #[test]
    fn the_order_of_batches_does_not_matter(
        removed in prop::collection::btree_set(0usize..300, 0..40), size in 20usize..120, turn in 0usize..20,
    ) {
        let mut list = rising(100, 299, 0);
        list.extend(rising(1, 100, 400));
        let mut at = 0;
        list.retain(|_| { at += 1; !removed.contains(&(at - 1)) });
        let whole = told(Steps::One, &batches("a", "web1", &list, 1000));
        let mut cut = batches("a", "web1", &list, size);
        let n = cut.len();
        cut.rotate_left(turn % n.max(1));
        prop_assert_eq!(told(Steps::One, &cut), whole);
    }

    /// What is missing is counted to the last number, wherever it is.
    #[test]
    fn every_missing_number_is_counted(removed in prop::collection::btree_set(1i64..499, 0..30)) {
        let mut list = rising(0, 500, 0);
        list.retain(|(n, _)| !removed.contains(n));
        let told = told(Steps::One, &batches("a", "web1", &list, 77));
        let count: i64 = told.iter().map(|line| match (line.contains(" number "), line.split_once('(')) {
            (true, _) => 1,
            (_, Some((_, rest))) => rest.split_once(')').and_then(|(n, _)| n.parse().ok()).unwrap_or(0),
            _ => 0,
        }).sum();
        prop_assert_eq!(count, removed.len() as i64);
    }
}
