//! Whatever a text holds, every line of it is in an event or unread, and nothing stops.

use crate::formats::Formats;
use crate::options::{Limits, ReadOptions};
use crate::samples::read_text;
use proptest::prelude::*;
use stanch_model::EventBatch;
use stanch_model::store::LogSource;
use stanch_packs::Packs;
use std::sync::LazyLock;

static FORMATS: LazyLock<Formats> = LazyLock::new(|| Formats::load(&Packs::shipped()).unwrap());

/// Pieces of which texts are made: whole heads, continuations, what an attacker would try, and damage.
const PIECES: &[&str] = &[
    "2026-03-02 21:14:05.123 UTC [972] vendor_x@store LOG:  statement: SELECT 1",
    "2026-03-02 21:14:05.124 UTC [972] vendor_x@store DETAIL:  parameters: $1 = 'a",
    "2026-03-02 21:14:05.124 UTC [972] vendor_x@store STATEMENT:  SELECT",
    "2026-03-02 21:14:05.124 UTC [973] FEHLER:  x",
    "Mar  2 21:14:05 db1 postgres[972]: [5-1] 2026-03-02 21:14:05.123 UTC [972] LOG:  statement: SELECT 1",
    "Mar  2 21:14:05 db1 postgres[972]: [5-2] #011FROM t",
    "Mar  2 21:14:05 db1 postgres[973]: [7] 2026-03-02 21:14:05.123 UTC [972] LOG:  a#012#011b#012DETAIL:  c",
    "Mar  2 21:14:05 db1 pgbouncer[7]: C-0x1: a/b@192.0.2.1:5 closing because: x (age=1s)",
    "<13>1 2026-03-02T21:14:05Z h postgres 9 - [a@1 b=\"",
    "2026-03-02 21:14:05.123 UTC [7] LOG C-0x1: a/b@192.0.2.1:5 login attempt: db=a user=b tls=no",
    "2026-03-02T21:14:05Z stderr F 2026-03-02 21:14:05.123 UTC [972] LOG:  statement: SELECT 1",
    "2026-03-02T21:14:05Z stderr P 2026-03-02 21:14:05.123 UTC [972] LOG:  statement: SEL",
    "{\"log\":\"2026-03-02 21:14:05.123 UTC [972] LOG:  x\",\"stream\":\"stderr\",\"time\":\"2026-03-02T21:14:05Z\"}",
    "{\"textPayload\":\"[972]: [1-1] db=a,user=b LOG:  x\\n\\ty\",\"timestamp\":\"2026-03-02T21:14:05Z\"}",
    "{\"record\":{\"error_severity\":\"LOG\",\"message\":\"statement: x\"},\"ts\":1772486045.5}",
    "{\"protoPayload\":{\"request\":{\"auditClass\":\"READ\",\"auditType\":\"SESSION\",\"chunkCount\":\"3\",\"chunkIndex\":\"1\",\"statement\":\"S\"}},\"timestamp\":\"2026-03-02T21:14:05Z\"}",
    "\t",
    "    ",
    "\tFROM t",
    "pg_ctl: x",
    "LOG:  ",
    "AUDIT: SESSION,1,1,READ,SELECT,,,\"x",
    "duration: 1 ms  plan:",
    "\u{0}",
    "\u{feff}",
    "\u{1b}[31m",
    "é",
    "\n",
    "\n",
    "\n",
    "\r\n",
];

const FORMATS_TRIED: &[&str] = &[
    "postgresql_stderr",
    "postgresql_syslog",
    "postgresql_wrapped",
    "postgresql_csvlog",
    "postgresql_jsonlog",
    "pgbouncer",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn every_line_is_accounted_for(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
        format in prop::option::of(prop::sample::select(FORMATS_TRIED)),
        year in prop::option::of(2020i32..2030),
        line_bytes_max in prop::sample::select(&[64usize, 300, 1 << 20][..]),
    ) {
        let bytes = pieces.concat().into_bytes();
        let format = format.map(str::to_owned);
        let logs = [LogSource { name: "x".into(), files: "**".into(), format, year, ..LogSource::default() }];
        let limits = Limits { line_bytes_max, ..Limits::default() };
        let options = ReadOptions { logs: &logs, limits, ..ReadOptions::new(&FORMATS, "UTC") };
        let (account, kept) = read_text("x", &bytes, &options);
        prop_assert_eq!(account.lines, bytes.split_inclusive(|b| *b == b'\n').count() as u64);
        prop_assert_eq!(account.lines, account.lines_in_events + account.unread_lines());
        prop_assert!(account.events <= account.lines_in_events);
        for row in kept.iter().flat_map(EventBatch::rows) {
            let position = row.position();
            prop_assert!(position.offset + u64::from(position.length) <= bytes.len() as u64);
        }
    }
}
