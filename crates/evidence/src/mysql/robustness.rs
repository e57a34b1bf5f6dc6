//! No text makes one of these readers panic, lose a line, or count one twice.

use crate::formats::Formats;
use crate::options::ReadOptions;
use crate::samples::read_text;
use proptest::prelude::*;
use stanch_model::store::LogSource;
use std::sync::LazyLock;

static FORMATS: LazyLock<Formats> = LazyLock::new(|| Formats::load(&stanch_packs::Packs::shipped()).unwrap());

/// Lines that begin, go on with and end records, in every combination.
const LINES: &[&str] = &[
    "260302 21:14:05\t     8 Connect\tvendor_x@192.0.2.30 on store using TCP/IP",
    "\t\t     8 Connect\tAccess denied for user 'a",
    "b'@'192.0.2.66' (using password: YES)",
    "2026-03-02T20:14:05.1Z\t    9 Query\tSELECT 'a",
    "\t\t     8 Init DB\tx",
    "mysqld, Version: 8.0 (x). started with:",
    "Tcp port: 3306  Unix socket: x",
    "Time\t\t    Id Command\tArgument",
    "# Time: 260302 21:14:05",
    "# User@Host: a[a] @ h [192.0.2.30]  Id: 8",
    "# Query_time: 0.1  Lock_time: 0.0  Rows_sent: 1  Rows_examined: 0",
    "# Thread_id: 7  Schema: a b  QC_hit: No",
    "SET timestamp=1772482445;",
    "SELECT 1;",
    "SELECT ';",
    "# administrator command: Quit;",
    "20260302 21:14:05,db1,a,h,7,1,QUERY,s,'SELECT \\'a',0",
    "20260302 21:14:05,db1,a",
    ",h,7,0,FAILED_CONNECT,,,1045",
    "<?xml version=\"1.0\"?>",
    "<AUDIT_RECORD",
    "<AUDIT_RECORD>",
    "  NAME=\"Query\" TIMESTAMP=\"2026-03-02T20:14:05 UTC\"",
    "<NAME>Query</NAME><TIMESTAMP>2026-03-02T20:14:05 UTC</TIMESTAMP>",
    "/>",
    "</AUDIT_RECORD>",
    "[",
    "{\"audit_record\":{\"name\":\"Query\",\"timestamp\":\"2026-03-02 20:14:05\"}},",
    "{\"timestamp\":\"2026-03-02 20:14:05\",\"class\":\"general\",",
    "\"event\":\"status\"}, {\"change\":[],",
    "\"timestamp\":\"2026-03-02 20:14:05+00\"}",
    "]",
    "\"Query\",\"1_2026\",\"2026-03-02T20:14:05 UTC\",\"select\",\"9\",0,\"SELECT",
    "\"\"a\"\"\",\"u\",\"h\",\"\",\"\",\"\"",
    "2026-03-02T20:14:05Z 8 [Note] Access denied for user 'a",
    "2026-03-02T20:14:05Z 0 [ERROR] x",
    "# at 100",
    "# at 200",
    "#260302 21:14:05 server id 1  end_log_pos 200 \tQuery\tthread_id=8\texec_time=0\terror_code=0",
    "#260302 21:14:05 server id 1  end_log_pos 300 \tUpdate_rows: table id 1 flags: STMT_END_F",
    "#Q> UPDATE",
    "### UPDATE `a`.`b`",
    "### SET",
    "###   @1='x'",
    "BINLOG '",
    "'/*!*/;",
    "SET TIMESTAMP=1772486045/*!*/;",
    "/*!*/;",
    "BEGIN 1",
    "table public.t: INSERT: a[text]:'x",
    "y' b[integer]:1",
    "message: transactional: 1 prefix: p, sz: 9 content:x",
    "COMMIT 1 (at 2026-03-02 20:14:05+00)",
    "COMMIT 1",
    "{\"action\":\"I\",\"timestamp\":\"2026-03-02 20:14:05+00\",\"columns\":[{\"name\":\"a\",\"value\":1}]}",
    "",
    "garbage",
    "\u{fffd}\u{1b}[2J\0",
];

const PACKS: &[&str] = &[
    "mysql_general",
    "mysql_slow",
    "mysql_error",
    "mariadb_server_audit",
    "mysql_audit_xml",
    "mysql_audit_json",
    "mysql_audit_csv",
    "mysql_binlog_text",
    "pg_test_decoding",
    "pg_wal2json",
];

proptest! {
    #[test]
    fn every_line_is_counted_once_in_every_format(
        picked in prop::collection::vec(0usize..LINES.len(), 0..40),
        pack in 0usize..PACKS.len(),
    ) {
        let text: String = picked.iter().flat_map(|at| [LINES[*at], "\n"]).collect();
        let log = LogSource { name: "db".to_owned(), files: "*".to_owned(), format: Some(PACKS[pack].to_owned()), ..LogSource::default() };
        let logs = [log];
        let options = ReadOptions { logs: &logs, ..ReadOptions::new(&FORMATS, "UTC") };
        let (account, kept) = read_text("sample", text.as_bytes(), &options);
        prop_assert_eq!(account.lines, account.lines_in_events + account.unread_lines());
        if account.counted == stanch_model::Counted::Lines {
            prop_assert_eq!(account.lines, picked.len() as u64);
        }
        let positions = || kept.iter().flat_map(stanch_model::EventBatch::rows).map(|row| row.position());
        for position in positions() {
            prop_assert!(position.offset + u64::from(position.length) <= text.len() as u64);
        }
        let ordered: Vec<u64> = positions().map(|p| p.line).collect();
        prop_assert!(ordered.is_sorted(), "{ordered:?}");
    }
}
