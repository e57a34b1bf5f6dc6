use crate::{
    ColumnDef, ColumnKind, EventOrder, EventRows, EventWriter, Lake, TableWriter, file_name_of, table_name_of,
};
use stanch_model::event::Record;
use stanch_model::{EventBatch, EventClass, EventFields, Instant, NumberField, Position, Seal, TextField};

fn batch(times: &[i64]) -> EventBatch {
    let mut batch = EventBatch::default();
    for (i, t) in times.iter().enumerate() {
        let place = Position { line: i as u64 + 1, offset: 10 * i as u64, length: 9 };
        let mut record = Record::new(Instant(*t), EventClass::HttpActivity, place);
        record.set_text(TextField::SrcIp, "203.0.113.7");
        if i % 2 == 0 {
            record.set_text(TextField::Url, "/käse?q=1");
        }
        record.set_number(NumberField::HttpStatus, 200);
        batch.push(&record);
    }
    batch
}

fn write(dir: &std::path::Path, seal: &Seal, times: &[i64]) -> u64 {
    let mut writer = EventWriter::create(dir).expect("create");
    writer.write(batch(times)).expect("write");
    writer.finish(seal).expect("finish")
}

#[test]
fn events_read_back_as_written_and_in_order_of_time() {
    let case = tempfile::tempdir().expect("tempdir");
    let events = case.path().join("events");
    let (a, b) = (Seal("a".repeat(64)), Seal("b".repeat(64)));
    assert_eq!(write(&events, &a, &[30, 10]), 2);
    assert_eq!(write(&events, &b, &[20]), 1);
    let lake = Lake::open(&events, &case.path().join("snapshot"), &case.path().join("exposure")).expect("open");
    let rows: Vec<EventRows> = lake
        .events(&[TextField::Url], &[NumberField::HttpStatus], None, EventOrder::ByTime)
        .expect("query")
        .collect::<Result<_, _>>()
        .expect("rows");
    let seen: Vec<_> = rows
        .iter()
        .flat_map(|r| r.iter())
        .map(|r| (r.time().0, r.evidence().short()[..1].to_owned(), r.text(TextField::Url).map(str::to_owned)))
        .collect();
    let path = Some("/käse?q=1".to_owned());
    assert_eq!(seen, [(10, "a".into(), None), (20, "b".into(), path.clone()), (30, "a".into(), path)]);
    let row = rows[0].row(0);
    assert_eq!(row.number(NumberField::HttpStatus), Some(200));
    assert_eq!(row.text(TextField::SrcIp), None, "a field that was not asked for reads as absent");
    assert_eq!(row.class(), EventClass::HttpActivity);
}

#[test]
fn writing_a_files_events_again_replaces_them() {
    let case = tempfile::tempdir().expect("tempdir");
    let events = case.path().join("events");
    let seal = Seal("c".repeat(64));
    write(&events, &seal, &[1, 2, 3]);
    write(&events, &seal, &[4]);
    let lake = Lake::open(&events, &case.path().join("s"), &case.path().join("x")).expect("open");
    let answer = lake.sql("SELECT count(*) AS n FROM events").expect("sql");
    assert_eq!(answer.rows, [[Some("1".to_owned())]]);
    assert_eq!(std::fs::read_dir(&events).expect("list").count(), 1, "nothing unfinished stays");
}

#[test]
fn a_case_without_events_answers_with_none() {
    let case = tempfile::tempdir().expect("tempdir");
    let dir = |d: &str| case.path().join(d);
    let lake = Lake::open(&dir("events"), &dir("snapshot"), &dir("exposure")).expect("open");
    assert_eq!(lake.events(&[], &[], None, EventOrder::ByTime).expect("query").count(), 0);
}

#[test]
fn statements_that_write_or_reach_out_are_refused() {
    let case = tempfile::tempdir().expect("tempdir");
    let dir = |d: &str| case.path().join(d);
    let lake = Lake::open(&dir("events"), &dir("snapshot"), &dir("exposure")).expect("open");
    for sql in [
        "CREATE TABLE x AS SELECT 1",
        "CREATE EXTERNAL TABLE p STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "SET datafusion.execution.batch_size = 1",
        "SELECT * FROM '/etc/passwd'",
    ] {
        assert!(lake.sql(sql).is_err(), "{sql}");
    }
}

#[test]
fn a_stores_table_keeps_types_and_refuses_only_the_row_that_does_not_fit() {
    let case = tempfile::tempdir().expect("tempdir");
    let dir = case.path().join("snapshot/before");
    let column = |name: &str, kind| ColumnDef { name: name.into(), kind, declared: String::new() };
    let columns = [
        column("id", ColumnKind::Int),
        column("total", ColumnKind::Decimal { scale: 2 }),
        column("placed", ColumnKind::Timestamp),
        column("open", ColumnKind::Bool),
        column("note", ColumnKind::Text),
    ];
    let mut table = TableWriter::create(&dir, "order", &columns, &["id".to_owned()]).expect("create");
    let when = Some("2026-03-02 21:14:05.25+01");
    table.push(&[Some("1"), Some("12.50"), when, Some("t"), None]).expect("fits");
    assert!(table.push(&[Some("x"), Some("1"), when, Some("t"), None]).is_err());
    assert!(table.push(&[Some("1")]).is_err());
    table.push(&[Some("2"), None, None, Some("f"), Some("a,b\n")]).expect("fits");
    assert_eq!(table.finish().expect("finish"), 2);
    let lake = Lake::open(&case.path().join("e"), &case.path().join("snapshot"), &case.path().join("x")).expect("open");
    let answer = lake.sql("SELECT id, total, placed, open, note FROM before.\"order\" ORDER BY id").expect("sql");
    let text = |s: &str| Some(s.to_owned());
    assert_eq!(answer.rows[0], [text("1"), text("12.50"), text("2026-03-02T20:14:05.250Z"), text("true"), None]);
    assert_eq!(answer.rows[1], [text("2"), None, None, text("false"), text("a,b\n")]);
}

#[test]
fn no_tables_name_leaves_its_folder() {
    for table in ["auth_user", "../../etc/passwd", ".hidden", "weird \"name\"", "shop.order", "naïve"] {
        let file = file_name_of(table);
        assert!(!file.contains('/') && !file.starts_with('.'), "{file}");
        assert_eq!(table_name_of(&file).as_deref(), Some(table));
    }
}
