//! The same statements judged together and one by one; what an error's text and the server's counts decide.

use super::{BATCH_FROM, Judge};
use crate::access::{Outcome, Statement};
use crate::platform::{Platform, PlatformFile};
use crate::worlds::Worlds;
use stanch_lake::Lake;
use stanch_model::store::SnapshotSource;
use stanch_model::{Grade, Instant};
use std::fmt::Write as _;
use std::path::Path;

const PACK: &str = r#"
title: A small shop
source: this test
accounts: {table: customer, key: id, email: email}
tables:
  customer:
    owner: {account: id}
    created: joined
    columns: {email: email, name: name, phone: phone}
  orders:
    owner: {account: customer_id}
    columns: {total: order_history}
"#;

/// Forty customers and their orders. The later dump has other phone numbers for some, one customer less, two new ones.
fn dump(later: bool) -> String {
    let mut text = String::from(
        "--\n-- PostgreSQL database dump\n--\n-- Dumped from database version 17.2\n\
         CREATE TABLE public.customer (id bigint NOT NULL, email text NOT NULL, name text, phone text, city text, \
         joined timestamp with time zone);\n\
         CREATE TABLE public.orders (id bigint NOT NULL, customer_id bigint NOT NULL, total bigint);\n\
         CREATE VIEW public.phones AS\n SELECT customer.id, customer.phone FROM public.customer;\n\
         COPY public.customer (id, email, name, phone, city, joined) FROM stdin;\n",
    );
    for id in 1..=if later { 42 } else { 40 } {
        let phone = if later && id % 5 == 0 { "gone".to_owned() } else { format!("+49 {id}") };
        let joined = if id > 40 { "2026-03-02 00:00:30+00" } else { "2025-01-01 00:00:00+00" };
        if !(later && id == 17) {
            let _ = writeln!(text, "{id}\tc{id}@example.org\tCustomer {id}\t{phone}\tcity {}\t{joined}", id % 4);
        }
    }
    text.push_str("\\.\nCOPY public.orders (id, customer_id, total) FROM stdin;\n");
    for id in 1..=80 {
        let _ = writeln!(text, "{}\t{}\t{}", id + 100, id % 40 + 1, 10 * id);
    }
    text.push_str(
        "\\.\nALTER TABLE ONLY public.customer ADD CONSTRAINT customer_pkey PRIMARY KEY (id);\n\
         ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);\n\
         --\n-- PostgreSQL database dump complete\n--\n",
    );
    text
}

struct Store {
    folder: tempfile::TempDir,
    platform: Platform,
}

impl Store {
    fn new() -> Store {
        let folder = tempfile::tempdir().unwrap();
        for (role, later) in [("before", false), ("after", true)] {
            std::fs::write(folder.path().join("dump.sql"), dump(later)).unwrap();
            let source = SnapshotSource { file: Some("dump.sql".into()), folder: None, postgres: None, taken_at: None };
            let out = folder.path().join("snapshot").join(role);
            stanch_snapshot::load(&source, folder.path(), &out, &mut |_| {}).unwrap();
        }
        let file: PlatformFile = stanch_packs::parse("test", PACK).unwrap();
        Store { folder, platform: Platform::of(file) }
    }

    fn judged(&self, statements: &[Statement], batch_from: usize) -> Vec<String> {
        let (cells, unplanned) = self.judged_without(&[], statements, batch_from);
        assert_eq!(unplanned, Vec::<String>::new());
        cells
    }

    /// The cells, and why statements were not replayed in full, where rows of these tables are missing.
    fn judged_without(&self, cut: &[&str], statements: &[Statement], batch_from: usize) -> (Vec<String>, Vec<String>) {
        let path = |name: &str| self.folder.path().join(name);
        let lake = Lake::open(&path("events"), &path("snapshot"), &path("exposure")).unwrap();
        let mut worlds = Worlds::open(&lake, &self.platform, Path::new(&path("snapshot"))).unwrap();
        let cut = cut.iter().map(ToString::to_string).collect();
        let mut judge = Judge::new(&mut worlds, &self.platform, &cut);
        judge.batch_from = batch_from;
        judge.statements(statements);
        let Judge { worlds, mut tally, unplanned, .. } = judge;
        tally.settle(worlds, &[]).unwrap();
        let mut cells: Vec<String> = tally
            .cells
            .iter()
            .map(|((person, class, effect), cell)| {
                let ids = &worlds.people.persons[*person as usize].customer_ids;
                let span = (cell.first.0, cell.last.0, cell.support.spot.time.0);
                let because = tally.reasons.name(cell.support.because);
                let grade: Grade = cell.grade;
                format!("{ids:?} {class:?} {effect:?} {grade:?} {} {span:?} {because}", cell.accesses)
            })
            .collect();
        cells.sort();
        (cells, unplanned.into_keys().collect())
    }
}

/// A minute after midnight on the day of the intrusion, and so many seconds.
fn at(second: i64) -> Instant {
    Instant((1_772_409_600 + second) * 1_000_000)
}

fn ran(second: usize, sql: String) -> Statement {
    Statement::ran(at(i64::try_from(second).unwrap()), sql)
}

/// A name, and the n-th statement of the kind.
type Kind = (&'static str, fn(usize) -> String);

#[test]
fn a_shape_judged_together_gives_what_its_statements_give_one_by_one() {
    let store = Store::new();
    let kinds: [Kind; 15] = [
        ("points", |n| format!("SELECT name, phone FROM customer WHERE id = {n}")),
        ("quoted points", |n| format!("SELECT * FROM customer WHERE id = '{n}' AND 1 = 1")),
        ("by text", |n| format!("SELECT id FROM customer WHERE email = 'c{n}@example.org'")),
        ("lists", |n| format!("SELECT email FROM customer WHERE id IN ({n}, {}, {n})", n * 2)),
        ("lists of text", |n| format!("SELECT name FROM customer WHERE city IN ('city {}', 'none {n}')", n % 4)),
        ("dates", |n| format!("SELECT name FROM customer WHERE joined < '2026-03-02 00:00:{:02}' AND id = {n}", n + 9)),
        ("patterns", |n| format!("SELECT email FROM customer WHERE name LIKE '%mer {n}%'")),
        ("between", |n| format!("SELECT email FROM customer WHERE id BETWEEN {n} AND {}", n + n % 7)),
        ("ranges", |n| format!("SELECT phone FROM customer c WHERE c.id >= {n} AND {} > c.id AND name <> ''", n + 3)),
        ("joins", |n| {
            format!(
                "SELECT c.email, o.total FROM customer c JOIN orders o ON o.customer_id = c.id WHERE o.id = {}",
                n + 90
            )
        }),
        ("unions", |n| {
            format!("SELECT email FROM customer WHERE id={n} UNION SELECT name FROM customer WHERE id={}", n + 1)
        }),
        ("sums", |n| format!("SELECT sum(total) FROM orders WHERE customer_id = {n}")),
        ("changes", |n| format!("UPDATE customer SET phone = 'gone' WHERE id = {n}")),
        ("changes to each", |n| format!("UPDATE customer SET phone = '+49 {}' WHERE id = {n}", n + n % 2)),
        ("deletions", |n| format!("DELETE FROM customer WHERE id = {n}")),
    ];
    for (name, kind) in kinds {
        // Some are sent twice, and around the birth of the new customers.
        let statements: Vec<Statement> = (0..48).map(|n| ran(n, kind(n % 44))).collect();
        let together = store.judged(&statements, 2);
        assert_eq!(together, store.judged(&statements, usize::MAX), "{name}");
        assert!(together.len() > 20, "{name}: {together:#?}");
    }
}

#[test]
fn a_server_that_counted_fewer_rows_takes_the_certainty_away() {
    let store = Store::new();
    let statements = |rows| -> Vec<Statement> {
        let one = |n| {
            let mut statement = ran(n, format!("SELECT email FROM customer WHERE id = {}", n + 1));
            statement.rows = Some(rows);
            statement
        };
        (0..10).map(one).collect()
    };
    for batch_from in [2, BATCH_FROM] {
        assert!(store.judged(&statements(1), batch_from)[0].contains("Certain"));
        let doubted = store.judged(&statements(0), batch_from);
        assert_eq!(doubted.len(), 10);
        assert!(doubted.iter().all(|c| c.contains("Possible") && c.contains("counted other rows")), "{doubted:#?}");
    }
}

#[test]
fn an_errors_text_tells_which_of_the_tied_rows_it_shows() {
    let store = Store::new();
    let failed = |message: &str| {
        let sql = "SELECT 1 WHERE 1 = CAST('q' || (SELECT name FROM customer ORDER BY city LIMIT 1) || 'q' AS NUMERIC)";
        let mut statement = ran(1, sql.to_owned());
        statement.outcome = Outcome::Failed { code: "22P02".to_owned(), message: message.to_owned() };
        statement.shows_errors = true;
        vec![statement]
    };
    // Ten customers are of the first city; each may have been the one.
    let named = store.judged(&failed("invalid input syntax for type numeric: \"qCustomer 24q\""), 2);
    assert_eq!(named.len(), 1, "{named:#?}");
    assert!(named[0].contains("\"24\"") && named[0].contains("Certain"), "{named:#?}");
    let unnamed = store.judged(&failed("invalid input syntax for type numeric: \"qNobodyq\""), 2);
    assert_eq!(unnamed.len(), 10, "{unnamed:#?}");
    assert!(unnamed.iter().all(|c| c.contains("Possible")), "{unnamed:#?}");
}

#[test]
fn rows_that_the_snapshot_lacks_widen_the_ceiling_and_leave_what_is_there_certain() {
    let store = Store::new();
    let statements: Vec<Statement> =
        (1..=4).map(|n| ran(n, format!("SELECT total FROM orders WHERE customer_id = {n}"))).collect();
    for batch_from in [2, BATCH_FROM] {
        let (cells, why) = store.judged_without(&["orders"], &statements, batch_from);
        assert_eq!(why, ["the snapshot lacks rows of table orders"]);
        let of = |grade: &str| cells.iter().filter(|c| c.contains(grade)).count();
        assert_eq!((of("Certain 1 "), of("Possible 0 ")), (4, 36), "{cells:#?}");
    }
}

#[test]
fn a_change_through_a_view_may_have_changed_every_row_below_it() {
    let store = Store::new();
    let statements: Vec<Statement> =
        (1..=4).map(|n| ran(n, format!("UPDATE phones SET phone = 'gone' WHERE id = {n}"))).collect();
    for batch_from in [2, BATCH_FROM] {
        let (cells, why) = store.judged_without(&[], &statements, batch_from);
        assert_eq!(why, ["a change through a view"]);
        assert!(cells.iter().filter(|c| c.contains("Phone Altered Possible 4 ")).count() >= 40, "{cells:#?}");
    }
}
