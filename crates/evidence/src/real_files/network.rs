//! Zeek's and Suricata's logs, beside a plain count of their lines and what a JSON library finds in them.

use crate::formats::Formats;
use crate::options::{ReadOptions, Sink};
use crate::real_files::shared;
use crate::samples::read_text;
use crate::{SinkError, read};
use serde_json::Value;
use stanch_model::{EventBatch, EventClass, EventFields, FileAccount, NumberField, TextField};
use stanch_packs::Packs;
use std::path::Path;

fn read_file(path: &Path, formats: &Formats) -> (String, FileAccount, Vec<EventBatch>) {
    let bytes = std::fs::read(path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy();
    let (account, kept) = read_text(&name, &bytes, &ReadOptions::new(formats, "UTC"));
    (String::from_utf8_lossy(&bytes).into_owned(), account, kept)
}

#[test]
fn every_line_of_zeeks_tables_is_an_event_or_a_head() {
    let Some(folder) = shared("zeek") else { return };
    let formats = Formats::load(&Packs::shipped()).unwrap();
    let mut events = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "log") {
            continue;
        }
        let (text, account, kept) = read_file(&path, &formats);
        let shown = path.display();
        assert_eq!(account.format.as_deref(), Some("zeek_tsv"), "{shown}");
        assert_eq!(account.unread_lines(), 0, "{shown}: {:?}", account.unread);
        let rows: Vec<&str> = text.lines().filter(|l| !l.starts_with('#')).collect();
        assert_eq!(account.events, rows.len() as u64, "{shown}");
        let heads: Vec<&str> = text.lines().find_map(|l| l.strip_prefix("#fields\t")).unwrap().split('\t').collect();
        let at = |row: &str, name: &str| {
            let column = heads.iter().position(|h| *h == name)?;
            row.split('\t').nth(column).filter(|v| *v != "-" && *v != "(empty)").map(str::to_owned)
        };
        for (event, row) in kept.iter().flat_map(EventBatch::rows).zip(&rows) {
            let ts: f64 = at(row, "ts").unwrap().parse().unwrap();
            #[expect(clippy::cast_precision_loss, reason = "to the millisecond")]
            let apart = (event.time().0 as f64 / 1e6 - ts).abs();
            assert!(apart < 1e-3, "{shown}: {row}");
            if heads.contains(&"id.orig_h") {
                assert_eq!(event.text(TextField::SrcIp).map(str::to_owned), at(row, "id.orig_h"), "{shown}: {row}");
                let port = at(row, "id.resp_p").map(|p| p.parse::<i64>().unwrap());
                assert_eq!(event.number(NumberField::DstPort), port, "{shown}: {row}");
            }
            if heads.contains(&"conn_state") {
                assert_eq!(event.class(), EventClass::NetworkActivity);
                let bytes = |name: &str| at(row, name).map(|n| n.parse::<i64>().unwrap());
                assert_eq!(event.number(NumberField::BytesIn), bytes("orig_bytes"), "{shown}: {row}");
                assert_eq!(event.number(NumberField::BytesOut), bytes("resp_bytes"), "{shown}: {row}");
            }
        }
        events += account.events;
    }
    eprintln!("{events} events");
    assert!(events > 1_400, "{events}");
}

#[test]
fn every_line_of_zeeks_json_with_a_time_is_an_event() {
    let Some(folder) = shared("zeek/json") else { return };
    let formats = Formats::load(&Packs::shipped()).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let (text, account, kept) = read_file(&path, &formats);
        let with_time = text.lines().filter(|l| l.contains("\"ts\":")).count() as u64;
        assert_eq!(account.events, with_time, "{}: {:?}", path.display(), account.unread);
        for (event, line) in kept.iter().flat_map(EventBatch::rows).zip(text.lines()) {
            let record: Value = serde_json::from_str(line).unwrap();
            // A lease has no connection, but its client.
            let asked = ["id.orig_h", "client_addr"].iter().find_map(|key| record[key].as_str());
            assert_eq!(event.text(TextField::SrcIp), asked);
            assert_eq!(event.number(NumberField::DstPort), record["id.resp_p"].as_i64());
            let is = |name: &str, class: EventClass| path.ends_with(name) && event.class() != class;
            assert!(!is("http.log", EventClass::HttpActivity) && !is("dns.log", EventClass::DnsActivity), "{line}");
            // Kerberos inside another protocol is noted with its connection alone.
            let is_asked = record.get("request_type").is_some();
            assert!(!is_asked || !is("kerberos.log", EventClass::Authentication), "{line}");
            assert!(!is("conn.log", EventClass::NetworkActivity), "{line}");
        }
    }
}

/// Keeps accounts and counts events.
#[derive(Default)]
struct Accounts(Vec<FileAccount>);

impl Sink for Accounts {
    type Block = Vec<EventBatch>;
    fn begin(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
    fn block(&mut self) -> Result<Self::Block, SinkError> {
        Ok(Vec::new())
    }
    fn put(&mut self, _: Self::Block) -> Result<(), SinkError> {
        Ok(())
    }
    fn end(&mut self, account: &FileAccount) -> Result<(), SinkError> {
        self.0.push(account.clone());
        Ok(())
    }
}

#[test]
fn a_log_that_breaks_off_in_its_compression_is_read_up_to_there() {
    let formats = Formats::load(&Packs::shipped()).unwrap();
    for name in ["http.log.gz", "http.log.corrupt.gz"] {
        let Some(path) = shared(&format!("zeek/{name}")) else { return };
        let source = crate::Source { name: name.to_owned(), path };
        let accounts = read(&source, &ReadOptions::new(&formats, "UTC"), &mut Accounts::default()).unwrap();
        let [account] = accounts.as_slice() else { panic!("{accounts:?}") };
        assert_eq!((account.events, account.unread_lines()), (150, 0), "{name}");
        let is_told = account.remarks.iter().any(|r| r.contains("breaks off"));
        assert_eq!(is_told, name.contains("corrupt"), "{:?}", account.remarks);
    }
}

#[test]
fn every_line_of_suricatas_logs_is_an_event() {
    let formats = Formats::load(&Packs::shipped()).unwrap();
    for name in ["suricata-eve-detect", "suricata-logs-evelog"] {
        let Some(path) = shared(&format!("crowdsec/{name}/{name}.log")) else { return };
        let (text, account, kept) = read_file(&path, &formats);
        let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
        assert_eq!((account.format.as_deref(), account.events), (Some("suricata_eve"), lines.len() as u64));
        for (event, line) in kept.iter().flat_map(EventBatch::rows).zip(lines) {
            let record: Value = serde_json::from_str(line).unwrap();
            assert_eq!(event.text(TextField::SrcIp), record["src_ip"].as_str());
            assert_eq!(event.text(TextField::Message), record["alert"]["signature"].as_str());
            assert_eq!(event.text(TextField::Url), record["http"]["url"].as_str());
            let signature = record["alert"]["signature_id"].as_i64().map(|n| n.to_string());
            assert_eq!(event.text(TextField::StatusCode).map(str::to_owned), signature);
        }
    }
    let Some(path) = shared("crowdsec/suricata-logs-fastlog/suricata-logs-fastlog.log") else { return };
    let (text, account, _) = read_file(&path, &formats);
    let lines = text.lines().filter(|l| !l.trim().is_empty()).count() as u64;
    assert_eq!((account.format.as_deref(), account.events), (Some("suricata_fast"), lines));
}
