//! Audit logs with the fields that another reader found in them.
//!
//! Compared for each record: type, serial, time, and every field that the other reader gives. It names some
//! differently: `result` is `success` or `res`, `unset` is -1 without its sign, `subj_*` and `obj_*` are the parts of
//! `subj` and `obj`, `keys` is `key`, and of a socket address it gives `family`, `addr`, `port` and `path`.

use crate::formats::Formats;
use crate::hosts::auditd::record;
use crate::hosts::auditd::sockaddr::{self, Address};
use crate::hosts::auditd::tables::AuditTables;
use crate::hosts::auditd::values::Record;
use crate::options::ReadOptions;
use crate::real_files::shared;
use crate::samples::read_bytes;
use serde_json::Value;
use stanch_packs::Packs;

const FILES: &[&str] =
    &["audit-rhel6", "audit-rhel7", "audit-ubuntu14", "audit-ubuntu16", "audit-ubuntu17", "test2", "test3"];

#[test]
fn every_whole_line_is_in_an_event() {
    let formats = Formats::load(&Packs::shipped()).unwrap();
    for name in FILES {
        let Some(path) = shared(&format!("go-libaudit/{name}.log")) else { return };
        let bytes = std::fs::read(path).unwrap();
        let (account, _) = read_bytes(name, &bytes, &ReadOptions::new(&formats, "UTC"));
        assert_eq!(account.format.as_deref(), Some("auditd"), "{name}");
        // One file has a line that is cut off in its head.
        let cut = u64::from(*name == "audit-rhel7");
        assert_eq!(account.unread_lines(), cut, "{name}: {:?}", account.unread);
    }
}

#[test]
fn fields_are_those_that_another_reader_found() {
    let formats = Formats::load(&Packs::shipped()).unwrap();
    let tables = &formats.by_name("auditd").unwrap().audit;
    let (mut compared, mut differ) = (0, Vec::new());
    for name in FILES {
        let Some(log) = shared(&format!("go-libaudit/{name}.log")) else { return };
        let golden = std::fs::read_to_string(log.with_extension("log.golden")).unwrap();
        let golden: Vec<Value> = serde_json::from_str(&golden).unwrap();
        let log = std::fs::read_to_string(log).unwrap();
        let lines: Vec<&str> = log.lines().filter(|l| !l.is_empty()).collect();
        assert_eq!(lines.len(), golden.len(), "{name}");
        for (line, golden) in lines.into_iter().zip(&golden).filter(|(_, golden)| golden.is_object()) {
            compared += compare(line, golden, tables, &mut differ);
        }
    }
    assert!(differ.is_empty(), "{} of {compared} differ:\n{}", differ.len(), differ.join("\n"));
    assert!(compared > 900, "{compared}");
}

/// Compares one record; gives how many fields were compared.
fn compare(line: &str, golden: &Value, tables: &AuditTables, differ: &mut Vec<String>) -> usize {
    let head = record::head(line).unwrap();
    assert_eq!(head.kind.to_lowercase(), golden["record_type"].as_str().unwrap());
    assert_eq!(Some(head.serial), golden["sequence"].as_u64());
    let (seconds, fraction) = head.time.split_once('.').unwrap();
    let ms: i64 = format!("{seconds}{fraction}").parse().unwrap();
    assert_eq!(stanch_model::Instant(ms * 1_000).to_string(), golden["@timestamp"].as_str().unwrap());
    let read = Record::read(head.kind, head.body, tables);
    let empty = serde_json::Map::new();
    let data = golden["data"].as_object().unwrap_or(&empty);
    for (key, value) in data {
        let (value, found) = (value.as_str().unwrap(), ours(&read, key, tables));
        if found.as_deref() != Some(value) {
            differ.push(format!("{} {}: {key} is {found:?}, there {value:?}", head.kind, head.serial));
        }
    }
    let keys: Vec<&str> = golden["keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !keys.is_empty() {
        assert_eq!(raw(&read, "key"), Some(keys.join(",")));
    }
    data.len()
}

fn raw(read: &Record<'_>, key: &str) -> Option<String> {
    read.fields.iter().find(|f| f.key == key).map(|f| f.value.clone().into_owned())
}

/// What we have under the other reader's name.
fn ours(read: &Record<'_>, key: &str, tables: &AuditTables) -> Option<String> {
    if let Some(address) = raw(read, "saddr").and_then(|hex| sockaddr::read(&hex)) {
        return match (key, address) {
            ("family", Address::Inet { ip, .. }) => Some(if ip.contains(':') { "ipv6" } else { "ipv4" }.to_owned()),
            ("family", Address::Unix(_)) => Some("unix".to_owned()),
            ("family", Address::Other(16)) => Some("netlink".to_owned()),
            ("family", Address::Other(n)) => Some(n.to_string()),
            ("addr", Address::Inet { ip, .. }) => Some(ip),
            ("port", Address::Inet { port, .. }) => Some(port.to_string()),
            ("path", Address::Unix(path)) => Some(path),
            _ => raw(read, key),
        };
    }
    if let Some((context @ ("subj" | "obj"), part)) = key.split_once('_') {
        let context = raw(read, context)?;
        let parts: Vec<&str> = context.splitn(5, ':').collect();
        let at = ["user", "role", "domain", "level", "category"].iter().position(|name| *name == part)?;
        return parts.get(at).map(|p| (*p).to_owned());
    }
    match key {
        "result" => {
            let said = raw(read, "success").or_else(|| raw(read, "res"))?;
            Some(if matches!(said.as_str(), "yes" | "success" | "1") { "success" } else { "fail" }.to_owned())
        }
        "arch" => raw(read, key).map(|v| tables.arch(&v).to_owned()),
        "syscall" => {
            let (arch, number) = (raw(read, "arch")?, raw(read, key)?);
            tables.syscall(tables.arch(&arch), &number).map(str::to_owned)
        }
        "exit" => raw(read, key).map(|v| tables.error(&v).map(str::to_owned).unwrap_or(v)),
        // `avc:  denied  { read } for`: words, not fields.
        "seresult" => read.words.split(' ').nth(1).map(str::to_owned),
        "seperms" => Some(read.words.split_once("{ ")?.1.split_once(" }")?.0.to_owned()),
        "sig" => raw(read, key).map(|v| v.replace("31", "SIGSYS")),
        "auid" | "ses" | "old-auid" => raw(read, key).map(|v| if v == "4294967295" { "unset".to_owned() } else { v }),
        _ => raw(read, key),
    }
}
