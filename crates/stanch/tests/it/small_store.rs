//! A small store with its data, its log and an intruder who pages through its customers by number.

use crate::stanch;
use serde_json::Value;
use stanch_model::FileAccount;
use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::PathBuf;

pub(crate) const STORE: &str = r#"[store]
name = "Small"
platform = ["./platform.yaml"]
time_zone = "UTC"

[snapshot.before]
file = "before.sql"

[intruder]
take_from = 0.6
"#;

const PLATFORM: &str = r#"title: A small store
source: made up for these tests
accounts: { table: customer, key: id, email: email, name: [name] }
tables:
  customer:
    key: id
    owner: { account: id }
    created: created_at
    columns: { email: email, name: name }
services:
  store:
    public: ["/catalogue/**"]
    routes:
      customer:
        path: /api/customers/{id}/
        reads: ["SELECT id, email, name FROM customer WHERE id = :id"]
"#;

/// A whole run.
pub(crate) const RUN: &[&str] = &["run", "evidence", "--store", "store.toml", "--at", "2026-03-05T09:00:00Z"];
/// Who pages through the customers: a tool that names itself, which `take_from` lets be enough.
const AGENT: &str = "sqlmap/1.8.11#stable (https://sqlmap.org)";
/// Every customer of the first snapshot.
pub(crate) const ALL: RangeInclusive<u64> = 1..=40;

/// A plain dump of these customers. The forty-first came while the log was being written.
pub(crate) fn dump(ids: RangeInclusive<u64>, started: &str) -> String {
    let born = |id| if id > 40 { "2026-03-02 21:30:00+00" } else { "2025-01-02 03:04:05+00" };
    let rows: String = ids.map(|id| format!("{id}\tcustomer{id}@example.org\tAda {id}\t{}\n", born(id))).collect();
    format!(
        "--\n-- PostgreSQL database dump\n--\n\n-- Started on {started} UTC\n\n\
         CREATE TABLE public.customer (\n    id bigint NOT NULL,\n    email text NOT NULL,\n    name text NOT NULL,\n    \
         created_at timestamp with time zone NOT NULL\n);\n\n\
         COPY public.customer (id, email, name, created_at) FROM stdin;\n{rows}\\.\n\n\
         ALTER TABLE ONLY public.customer ADD CONSTRAINT customer_pkey PRIMARY KEY (id);\n\n\
         --\n-- PostgreSQL database dump complete\n--\n"
    )
}

/// Two lines a customer: a shopper's, and the intruder's request for the customer, two seconds after the one before.
pub(crate) fn requests(ids: RangeInclusive<u64>) -> String {
    let line = |from: &str, second: u64, path: &str, agent: &str| {
        let (minute, second) = (second / 60, second % 60);
        format!(
            "{from} - - [02/Mar/2026:21:{minute:02}:{second:02} +0000] \"GET {path} HTTP/1.1\" 200 512 \"-\" \"{agent}\"\n"
        )
    };
    let both = |id: u64| {
        let shopper = line(&format!("203.0.113.{id}"), 2 * id, "/catalogue/lamp/", "Mozilla/5.0");
        shopper + &line("198.51.100.77", 2 * id + 1, &format!("/api/customers/{id}/"), AGENT)
    };
    ids.map(both).collect()
}

/// The store, its files and its folder of evidence.
pub(crate) struct Store {
    pub(crate) dir: tempfile::TempDir,
}

impl Store {
    pub(crate) fn new() -> Store {
        let store = Store { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(store.path("evidence")).unwrap();
        let before = dump(ALL, "2026-03-01 03:00:00");
        store.with("store.toml", STORE).with("platform.yaml", PLATFORM).with("before.sql", before)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn with(self, name: &str, bytes: impl AsRef<[u8]>) -> Store {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    /// A good log with something in its middle.
    pub(crate) fn with_in_the_middle(self, bad: &[u8]) -> Store {
        let log = [requests(1..=20).as_bytes(), bad, requests(21..=40).as_bytes()].concat();
        self.with("evidence/access.log", log)
    }

    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }

    pub(crate) fn done(&self, args: &[&str]) -> String {
        let (code, out, err) = stanch(self.dir.path(), args);
        assert_eq!(code, 0, "{args:?}\n{out}\n{err}");
        out
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[args, &["--json"]].concat())).unwrap()
    }

    /// What is said of bad input, the folder's own path as `[here]`.
    pub(crate) fn refused(&self, args: &[&str]) -> String {
        let (code, out, err) = stanch(self.dir.path(), args);
        assert_eq!(code, 3, "{args:?}\n{out}\n{err}");
        err.replace(&self.dir.path().display().to_string(), "[here]")
    }

    pub(crate) fn run(&self) -> Ran {
        self.run_with(&[])
    }

    /// A whole run, after which every line is accounted for and every event is there.
    pub(crate) fn run_with(&self, more: &[&str]) -> Ran {
        let told = self.json(&[RUN, more].concat());
        let files: Vec<FileAccount> = serde_json::from_value(self.json(&["add"])).unwrap();
        for file in &files {
            assert_eq!(file.lines, file.lines_in_events + file.unread_lines(), "{file:?}");
        }
        assert_eq!(self.json(&["verify"])["events"], files.iter().map(|f| f.events).sum::<u64>());
        let exposure = fs::read(self.path("small.case/exposure/exposure.json")).unwrap();
        let exposure: Value = serde_json::from_slice(&exposure).unwrap();
        assert_eq!(told["people"], exposure["people"]);
        Ran { told, files, cells: exposure["cells"].as_array().unwrap().clone() }
    }
}

/// What a run told and left.
pub(crate) struct Ran {
    pub(crate) told: Value,
    pub(crate) files: Vec<FileAccount>,
    pub(crate) cells: Vec<Value>,
}

impl Ran {
    /// Customers whose data is certain to have been disclosed.
    pub(crate) fn floor(&self) -> BTreeSet<u64> {
        let certain = self.cells.iter().filter(|cell| cell["grade"] == "disclosed");
        certain.map(|cell| cell["customer_ids"][0].as_str().unwrap().parse().unwrap()).collect()
    }

    /// What a stage said that somebody must look at.
    pub(crate) fn said(&self, stage: &str) -> String {
        let stage = self.told["stages"].as_array().unwrap().iter().find(|s| s["stage"] == stage).unwrap();
        let lines: Vec<&str> = stage["said"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        lines.join("\n")
    }

    /// Lines, events, unread lines of the only file.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let [file] = self.files.as_slice() else { panic!("{:?}", self.files) };
        (file.lines, file.events, file.unread_lines())
    }
}
