//! The grammar of PostgreSQL's log messages: statements, durations, plans, audit lines, connections, waits.

mod audit;
mod command;
mod connection;
pub(crate) mod parameters;
mod plan;

pub(crate) use audit::{Audit, is_left_out};
pub(crate) use command::command;
pub(crate) use connection::{Connection, Step};
pub(crate) use plan::Plan;

use crate::targets::scaled;

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    /// A statement: `activity` is statement, execute, fetch, parse or bind.
    Statement { activity: &'static str, sql: &'a str, duration_us: Option<i64> },
    /// How long the statement before it took.
    Duration { us: i64 },
    /// auto_explain's plan.
    Plan(Plan<'a>),
    /// A line of pgAudit.
    Audit(Audit),
    /// Somebody came or went.
    Connection(Connection<'a>),
    /// A statement waited for a lock, or got it, after so long.
    LockWait { us: Option<i64> },
    /// A statement wrote so many bytes to disk because they did not fit into memory.
    TemporaryFile { bytes: i64 },
    /// Anything else.
    Other,
}

/// Reads a message.
pub(crate) fn meaning(message: &str) -> Meaning<'_> {
    let first = message.as_bytes().first().copied().unwrap_or(0);
    match first {
        b's' | b'e' | b'f' | b'b' => statement(message, None).unwrap_or(Meaning::Other),
        b'p' if message.starts_with("process ") => lock_wait(message).unwrap_or(Meaning::Other),
        b'p' => statement(message, None).unwrap_or(Meaning::Other),
        b'd' if message.starts_with("duration:") => duration(message).unwrap_or(Meaning::Other),
        b'A' => message.strip_prefix("AUDIT: ").and_then(audit::audit).map_or(Meaning::Other, Meaning::Audit),
        b'c' | b'd' | b'r' => connection::connection(message).map_or(Meaning::Other, Meaning::Connection),
        b't' => temporary_file(message).map_or(Meaning::Other, |bytes| Meaning::TemporaryFile { bytes }),
        _ => Meaning::Other,
    }
}

/// `statement: SQL`, `execute NAME: SQL`, `execute fetch from NAME: SQL`, `parse NAME: SQL`, `bind NAME: SQL`.
fn statement(text: &str, duration_us: Option<i64>) -> Option<Meaning<'_>> {
    let (word, rest) = text.split_at(text.find([' ', ':'])?);
    let (activity, rest) = match word {
        "statement" => return Some(Meaning::Statement { activity: "statement", sql: after_colon(rest)?, duration_us }),
        "execute" => match rest.strip_prefix(" fetch from ") {
            Some(rest) => ("fetch", rest),
            None => ("execute", rest.strip_prefix(' ')?),
        },
        "parse" => ("parse", rest.strip_prefix(' ')?),
        "bind" => ("bind", rest.strip_prefix(' ')?),
        _ => return None,
    };
    // A prepared statement's name comes from the client; it ends at the first colon and blank.
    let colon = rest.find(": ").or_else(|| rest.find(':'))?;
    Some(Meaning::Statement { activity, sql: after_colon(&rest[colon..])?, duration_us })
}

fn after_colon(text: &str) -> Option<&str> {
    let text = text.strip_prefix(':')?;
    Some(text.strip_prefix(' ').unwrap_or(text))
}

/// `duration: 1.234 ms`, alone or before a statement or a plan.
fn duration(text: &str) -> Option<Meaning<'_>> {
    let rest = text.strip_prefix("duration:")?.trim_start();
    let end = rest.find(" ms")?;
    let us = scaled(&rest[..end], 1_000)?;
    let rest = rest[end + 3..].trim_start();
    if let Some(plan) = rest.strip_prefix("plan:") {
        return Some(Meaning::Plan(plan::plan(us, plan)));
    }
    Some(statement(rest, Some(us)).unwrap_or(Meaning::Duration { us }))
}

/// `process 7 still waiting for ShareLock on … after 1000.119 ms`, `process 7 acquired …`, `process 7 detected deadlock …`
fn lock_wait(text: &str) -> Option<Meaning<'_>> {
    let (_, did) = text.strip_prefix("process ")?.split_once(' ')?;
    let waits = ["still waiting for ", "acquired ", "detected deadlock ", "avoided deadlock ", "failed to acquire "];
    if !waits.iter().any(|words| did.starts_with(words)) {
        return None;
    }
    let after = did.rsplit_once(" after ").and_then(|(_, after)| after.split_once(" ms"));
    Some(Meaning::LockWait { us: after.and_then(|(ms, _)| scaled(ms, 1_000)) })
}

/// `temporary file: path "base/pgsql_tmp/pgsql_tmp7.0", size 24576`
fn temporary_file(text: &str) -> Option<i64> {
    let (_, size) = text.strip_prefix("temporary file: ")?.rsplit_once("size ")?;
    size.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn statements_in_every_wording() {
        for (message, activity, sql, us) in [
            ("statement: SELECT 1", "statement", "SELECT 1", None),
            ("execute <unnamed>: select $1", "execute", "select $1", None),
            ("execute a/b: select $1", "execute", "select $1", None),
            ("execute fetch from c1: select 2", "fetch", "select 2", None),
            ("parse s1: select 2", "parse", "select 2", None),
            ("duration: 0.211 ms  statement: SELECT 1", "statement", "SELECT 1", Some(211)),
            ("duration: 0.054 ms statement: SELECT 1", "statement", "SELECT 1", Some(54)),
            ("duration: 1.163 ms  parse x: SELECT 1", "parse", "SELECT 1", Some(1_163)),
            ("duration: 1 ms  bind x: SELECT 1", "bind", "SELECT 1", Some(1_000)),
            ("statement: ", "statement", "", None),
        ] {
            assert_eq!(meaning(message), Meaning::Statement { activity, sql, duration_us: us }, "{message}");
        }
        assert_eq!(meaning("duration: 0.1 ms"), Meaning::Duration { us: 100 });
        assert_eq!(meaning("starting PostgreSQL 17.2"), Meaning::Other);
        assert_eq!(meaning("parameter \"work_mem\" changed to \"64kB\""), Meaning::Other);
    }

    #[test]
    fn waits_and_files_say_how_much() {
        let waited =
            "process 7 still waiting for AccessShareLock on relation 9 of database 5 after 1000.153 ms at character 15";
        assert_eq!(meaning(waited), Meaning::LockWait { us: Some(1_000_153) });
        assert_eq!(
            meaning("process 7 acquired ShareLock on transaction 9 after 5634.256 ms"),
            Meaning::LockWait { us: Some(5_634_256) }
        );
        let file = "temporary file: path \"base/pgsql_tmp/pgsql_tmp7.0\", size 24576";
        assert_eq!(meaning(file), Meaning::TemporaryFile { bytes: 24_576 });
    }

    proptest! {
        #[test]
        fn no_message_makes_the_grammar_panic(text in "(duration: |statement: |AUDIT: SESSION,|execute |disconnection: |process 7 |temporary file: )?\\PC{0,60}") {
            let _ = meaning(&text);
        }
    }
}
