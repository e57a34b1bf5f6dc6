//! Logs of PostgreSQL servers, of their services and poolers, and the lines of pgAudit's own tests.

use super::shared;
use crate::formats::Formats;
use crate::options::ReadOptions;
use crate::samples::read_text;
use stanch_model::event::BatchRow;
use stanch_model::store::LogSource;
use stanch_model::{EventBatch, EventFields, FileAccount, Instant, NumberField, TextField};
use stanch_packs::Packs;
use std::io::Read;
use std::path::Path;
use std::sync::LazyLock;

static FORMATS: LazyLock<Formats> = LazyLock::new(|| Formats::load(&Packs::shipped()).unwrap());

fn unpacked(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    let mut out = Vec::new();
    match path.extension().and_then(|e| e.to_str()) {
        Some("gz") => flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut out).map(drop),
        Some("bz2") => bzip2::read::MultiBzDecoder::new(bytes.as_slice()).read_to_end(&mut out).map(drop),
        _ => {
            out = bytes;
            Ok(())
        }
    }
    .unwrap();
    out
}

/// Reads bytes as the program would, and holds what must hold of any file.
fn read(name: &str, bytes: &[u8], logs: &[LogSource]) -> (FileAccount, Vec<stanch_model::EventBatch>) {
    // 2026-11-22, later than any of the files.
    let now = Some(Instant(1_795_305_600_000_000));
    let options = ReadOptions { logs, now, ..ReadOptions::new(&FORMATS, "UTC") };
    let (account, kept) = read_text(name, bytes, &options);
    let rows = kept.iter().map(EventBatch::len).sum::<usize>() as u64;
    assert_eq!(account.lines, bytes.split_inclusive(|b| *b == b'\n').count() as u64, "{name}");
    assert_eq!(account.lines, account.lines_in_events + account.unread_lines(), "{name}");
    assert_eq!(account.events, rows, "{name}");
    (account, kept)
}

fn rows(kept: &[stanch_model::EventBatch]) -> Vec<BatchRow<'_>> {
    kept.iter().flat_map(EventBatch::rows).collect()
}

fn count(kept: &[stanch_model::EventBatch], activity: &str) -> usize {
    rows(kept).iter().filter(|r| r.text(TextField::Activity) == Some(activity)).count()
}

fn with_parameters(kept: &[stanch_model::EventBatch]) -> usize {
    rows(kept).iter().filter(|r| r.text(TextField::QueryParameters).is_some()).count()
}

#[test]
fn every_file_is_read_but_for_one_line_in_a_hundred() {
    let Some(folder) = shared("pgbadger") else { return };
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for path in names {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (account, _) = read(&name, &unpacked(&path), &[]);
        eprintln!(
            "{name}: {} ({:.2}), {} lines, {} events, {} unread; {}",
            account.format.as_deref().unwrap_or("no format"),
            account.format_score,
            account.lines,
            account.events,
            account.unread_lines(),
            account.remarks.join("; ")
        );
        for group in &account.unread {
            eprintln!("    {} lines: {} {:?}", group.lines, group.reason, group.examples);
        }
        assert!(account.unread_lines() * 100 <= account.lines, "{name}: {:#?}", account.unread);
    }
}

fn file(name: &str) -> Option<(FileAccount, Vec<stanch_model::EventBatch>, String)> {
    let bytes = unpacked(&shared("pgbadger")?.join(name));
    let (account, kept) = read(name, &bytes, &[]);
    Some((account, kept, String::from_utf8_lossy(&bytes).into_owned()))
}

/// The query of the event that begins at a line.
fn query_at(kept: &[stanch_model::EventBatch], line: u64) -> String {
    let row = rows(kept).into_iter().find(|r| r.position().line == line).unwrap();
    row.text(TextField::Query).unwrap_or_default().to_owned()
}

#[test]
fn a_managed_services_log_has_every_statement_with_its_client() {
    let Some((_, kept, text)) = file("rds.log.bz2") else { return };
    let said = text.lines().filter(|l| l.contains("]:LOG:  duration: ") && l.contains(" ms  statement: "));
    assert_eq!((said.count(), count(&kept, "statement")), (114_594, 114_594));
    let refused = rows(&kept).into_iter().filter(|r| r.text(TextField::Status) == Some("failure"));
    assert!(refused.map(|r| r.text(TextField::Activity) == Some("logon")).eq([true, true]));
    // Each row against its line, cut at fixed places.
    for (row, line) in rows(&kept).into_iter().zip(text.lines()).filter(|(_, l)| l.contains("statement: ")) {
        let (prefix, sql) = line.split_once(" ms  statement: ").unwrap();
        let mut parts = prefix[24..].split(':');
        let (client, who) = (parts.next().unwrap(), parts.next().unwrap());
        let client = client.split('(').next().filter(|c| *c != "[local]");
        assert_eq!((row.text(TextField::Query), row.text(TextField::SrcIp)), (Some(sql), client), "{line}");
        let (user, database) = (row.text(TextField::UserName), row.text(TextField::Database));
        assert_eq!(who.split_once('@'), user.zip(database), "{line}");
    }
}

#[test]
fn pieces_of_syslog_become_whole_statements_in_the_year_that_is_stated() {
    let Some((account, kept, text)) = file("pg-syslog.2.gz") else { return };
    assert_eq!(text.lines().filter(|l| l.contains(" ms  statement: ")).count(), 59_871);
    assert_eq!(count(&kept, "statement"), 59_871);
    assert!(account.remarks.iter().any(|r| r.contains("taken to be from 2026")), "{:?}", account.remarks);
    let pieces: Vec<&str> = text.lines().skip(10).take(8).collect();
    let mut whole = pieces[0].split_once(" ms  statement: ").unwrap().1.to_owned();
    pieces[1..].iter().for_each(|p| whole += &p.split_once("] ").unwrap().1.replacen("#011", "\n", 1));
    assert!(whole.starts_with("SELECT d.datname") && whole.ends_with("ORDER BY 1;"), "{whole}");
    assert_eq!(query_at(&kept, 11), whole);

    let logs = [LogSource { name: "db".into(), files: "**".into(), year: Some(2019), ..LogSource::default() }];
    let (account, kept) = read("pg-syslog.2", text.as_bytes(), &logs);
    assert_eq!(rows(&kept)[0].time().to_string(), "2019-02-10T23:15:39Z");
    assert!(account.remarks.iter().any(|r| r.contains("2019, as the store file states")), "{:?}", account.remarks);
}

#[test]
fn parameters_and_statements_over_several_lines_are_whole() {
    let Some((_, kept, text)) = file("multiline_param.log") else { return };
    assert_eq!(text.lines().filter(|l| l.contains("DETAIL:  parameters: $1 = ")).count(), with_parameters(&kept));
    let parameters: Vec<_> =
        rows(&kept).into_iter().filter_map(|r| r.text(TextField::QueryParameters).map(str::to_owned)).collect();
    assert_eq!(parameters[3], r#"["1234","njvarchar\nbye","iiii"]"#);

    let Some((_, kept, _)) = file("anonymize.log") else { return };
    assert_eq!((rows(&kept).len(), with_parameters(&kept)), (8, 7));
    let Some((_, kept, text)) = file("postgresql_param_range.log") else { return };
    assert_eq!((rows(&kept).len(), with_parameters(&kept)), (3, 3));
    let first = rows(&kept)[0].text(TextField::QueryParameters).unwrap().to_owned();
    assert_eq!(serde_json::from_str::<Vec<String>>(&first).unwrap().len(), 8);
    assert!(first.ends_with(r#""[2023-02-23T00:00,2023-02-24T00:00]"]"#), "{first}");
    // [247-1] is the line of the session.
    assert!(text.contains(": [247-1] ") && rows(&kept)[0].number(NumberField::Sequence) == Some(247));

    let Some((_, kept, text)) = file("queryid.log.gz") else { return };
    let lines: Vec<&str> = text.lines().collect();
    let rest: Vec<&str> = lines[2..14].iter().map(|l| l.strip_prefix('\t').unwrap()).collect();
    let first = lines[1].split_once("statement: ").unwrap().1;
    assert_eq!(query_at(&kept, 2), format!("{first}\n{}", rest.join("\n")));
    assert_eq!(count(&kept, "lock_wait"), 2);

    let Some((_, kept, text)) = file("tempfile_only.log.gz") else { return };
    assert_eq!(text.lines().filter(|l| l.contains("LOG:  temporary file: ")).count(), 5);
    let bytes: u64 = rows(&kept)
        .iter()
        .filter(|r| r.text(TextField::Activity) == Some("temporary_file"))
        .map(|r| {
            assert!(r.text(TextField::Query).is_some());
            let unmapped: serde_json::Value = serde_json::from_str(r.text(TextField::Unmapped).unwrap()).unwrap();
            unmapped["temporary_file_bytes"].as_u64().unwrap()
        })
        .sum();
    assert_eq!(bytes, 84_803_584);
}

#[test]
fn a_log_drain_has_deadlocks_and_statements_whole() {
    let Some((_, kept, text)) = file("logplex.gz") else { return };
    let lines: Vec<&str> = text.lines().collect();
    let row = rows(&kept).into_iter().find(|r| r.text(TextField::StatusDetail) == Some("deadlock detected")).unwrap();
    assert_eq!((row.position().line, row.text(TextField::StatusCode)), (9, Some("40P01")));
    assert_eq!(row.text(TextField::Query), lines[17].split_once("STATEMENT:  ").map(|(_, sql)| sql));
    let detail: serde_json::Value = serde_json::from_str(row.text(TextField::Unmapped).unwrap()).unwrap();
    let said: Vec<&str> =
        lines[9..15].iter().map(|l| l.rsplit_once("DETAIL:  ").or_else(|| l.split_once('\t')).unwrap().1).collect();
    assert_eq!(detail["detail"].as_str(), Some(said.join("\n").as_str()));
    let rest: Vec<&str> = lines[31..36].iter().map(|l| &l[l.find("] [9").unwrap() + 12 + 1 + 8..]).collect();
    let first = lines[30].split_once("execute <unnamed>: ").unwrap().1;
    assert_eq!(query_at(&kept, 31), format!("{first}\n{}", rest.join("\n")));
}

#[test]
fn services_objects_give_what_their_lines_say() {
    let Some((_, kept, text)) = file("cloudsql.log.gz") else { return };
    let objects: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let said = |words: &str| objects.iter().filter(|o| o["textPayload"].as_str().unwrap().contains(words)).count();
    assert_eq!(said("LOG:  connection received: "), count(&kept, "connect"));
    assert_eq!(said("LOG:  connection authorized: "), count(&kept, "logon"));
    assert_eq!(said("LOG:  disconnection: "), count(&kept, "logoff"));
    assert_eq!((said("\t"), count(&kept, "statement")), (75, said("LOG:  statement: ")));
    let Some((_, kept, text)) = file("cnpg.log.gz") else { return };
    let objects: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let said = |words: &str| {
        let messages = objects.iter().filter_map(|o| o["record"]["message"].as_str());
        messages.filter(|m| m.starts_with(words)).count()
    };
    assert_eq!(said("connection authenticated: identity="), count(&kept, "authenticate"));
    assert_eq!(said("connection authorized: ") + said("replication connection authorized: "), count(&kept, "logon"));
    assert_eq!(
        objects
            .iter()
            .filter(|o| o["record"]["message"]
                .as_str()
                .is_some_and(|m| m.starts_with("duration: ") && m.contains("statement: ")))
            .count(),
        count(&kept, "statement")
    );
    for (row, object) in rows(&kept).into_iter().zip(&objects).filter(|(_, o)| o["record"].is_object()) {
        let said = |key: &str| object["record"][key].as_str().filter(|v| !v.is_empty() && *v != "[unknown]");
        assert_eq!(row.text(TextField::SessionUid), said("session_id"));
        assert_eq!(row.number(NumberField::Sequence).map(|n| n.to_string()).as_deref(), said("session_line_num"));
        assert_eq!(row.text(TextField::Device), object["logging_pod"].as_str());
    }
}

#[test]
fn a_poolers_log_says_who_came_and_went() {
    for (name, came, left) in [("pgbouncer.log.gz", 63_943, 63_943), ("pgbouncer.1.21.log.gz", 49_626, 49_627)] {
        let Some((_, kept, text)) = file(name) else { return };
        let said = |words: &str| text.lines().filter(|l| l.contains(words)).count();
        assert_eq!((said(" login attempt: "), said("closing because: client close request")), (came, left));
        let logons =
            rows(&kept).into_iter().filter(|r| r.text(TextField::Message).is_some_and(|m| m.starts_with("login")));
        assert_eq!((logons.count(), count(&kept, "logoff")), (came, left));
        for (row, line) in rows(&kept).into_iter().zip(text.lines()).filter(|(_, l)| l.contains(" login attempt: ")) {
            let address = line.split_once('@').unwrap().1.split_once(':').unwrap().0;
            assert_eq!(
                (row.text(TextField::SrcIp), row.text(TextField::Database)),
                (Some(address), line.split(" db=").nth(1).and_then(|d| d.split(' ').next()))
            );
        }
    }
}

/// The records of a regression run's output, put together by counting quotes.
fn audit_records(text: &str) -> Vec<String> {
    let mut records: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        let begins = ["NOTICE:  AUDIT: ", "WARNING:  AUDIT: ", "LOG:  AUDIT: "].iter().any(|b| line.starts_with(b));
        if is_open {
            let record = records.last_mut().unwrap();
            record.push('\n');
            record.push_str(line);
        } else if begins {
            records.push(line.to_owned());
        }
        if is_open || begins {
            is_open = records.last().is_some_and(|r| r.matches('"').count() % 2 == 1);
        }
    }
    records
}

/// The fields of an audit record, by a parser of the test's own: quotes toggle, commas outside of them part.
fn audit_fields(record: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    let mut chars = record.split_once("AUDIT: ").unwrap().1.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => fields.last_mut().unwrap().push(chars.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}

#[test]
fn every_audit_line_is_read_whole() {
    let Some(path) = shared("pgaudit/pgaudit.out") else { return };
    let records = audit_records(&String::from_utf8_lossy(&unpacked(&path)));
    assert_eq!(records.len(), 415);
    let prefix = "2026-03-02 21:14:05.123 UTC [972] vendor_x@store ";
    let text: String = records.iter().map(|r| format!("{prefix}{}\n", r.replace('\n', "\n\t"))).collect();
    let (account, kept) = read("pgaudit.log", text.as_bytes(), &[]);
    assert_eq!((account.unread_lines(), account.events), (0, 415), "{:#?}", account.unread);
    let absent = |text: &str| matches!(text, "<not logged>" | "<previously logged>" | "<none>" | "");
    for (row, record) in rows(&kept).into_iter().zip(&records) {
        let said = audit_fields(record);
        assert_eq!(row.text(TextField::Activity), Some("audit"), "{record}");
        assert_eq!(row.text(TextField::QueryCommand), Some(said[4].as_str()), "{record}");
        assert_eq!(row.text(TextField::Resource), Some(said[6].as_str()).filter(|o| !o.is_empty()), "{record}");
        assert_eq!(row.text(TextField::Query), Some(said[7].as_str()).filter(|s| !absent(s)), "{record}");
        assert_eq!(row.text(TextField::QueryParameters).is_some(), !absent(&said[8]), "{record}");
        let unmapped: serde_json::Value = serde_json::from_str(row.text(TextField::Unmapped).unwrap()).unwrap();
        assert_eq!(unmapped["audit_class"].as_str(), Some(said[3].as_str()));
        let rows = said.get(9).and_then(|n| n.parse::<i64>().ok());
        let counted = row.number(NumberField::Rows);
        assert_eq!(counted.or_else(|| unmapped["rows"].as_i64()), rows, "{record}");
        assert!(!said[7].to_uppercase().starts_with("COPY") || counted.is_none_or(|n| n > 0), "{record}");
    }
}
