//! Logs of web servers, proxies, CDNs, databases, hosts and store applications: what another project's parsers say of each line must be what the events say.

use super::shared;
use crate::formats::Formats;
use crate::options::ReadOptions;
use crate::samples::read_text;
use regex::Regex;
use stanch_model::event::BatchRow;
use stanch_model::{EventBatch, EventFields, FileAccount, Instant, NumberField, TextField};
use stanch_packs::Packs;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

static FORMATS: LazyLock<Formats> = LazyLock::new(|| Formats::load(&Packs::shipped()).unwrap());

/// Kinds of logs, as the folders name them.
const KINDS: &[&str] =
    &["apache2", "caddy", "haproxy", "litespeed", "modsecurity", "nginx", "nginx-proxy-manager", "traefik"];

/// Further folders by their names.
const ALSO: &[&str] = &[
    "fastly-logs",
    "iis-xml-logs",
    "magento-ccs",
    "magento-extension-logs",
    "mongodb-bf",
    "mongodb-logs",
    "pgsql-logs",
    "ssh-bf",
    "ssh-slow-bf",
    "sshd-invalid-bf",
    "sshd-logs",
];

/// What a folder says of one line: name → value.
type Said = BTreeMap<String, String>;

fn read(name: &str, bytes: &[u8]) -> (FileAccount, Vec<EventBatch>) {
    // Some times carry no year.
    let now = Some(Instant(1_800_000_000_000_000));
    read_text(name, bytes, &ReadOptions { now, ..ReadOptions::new(&FORMATS, "UTC") })
}

/// Lines of the form `results["stage"]["parser"][2].Evt.Meta["source_ip"] == "…"`, by parser and number.
fn assertions(text: &str) -> BTreeMap<(String, usize), Said> {
    let line = Regex::new(
        r#"^results\["(s0[12]-[a-z]+)"\]\["([^"]+)"\]\[(\d+)\]\.Evt\.(?:Parsed|Meta|Enriched)\["([^"]+)"\] == (".*")$"#,
    )
    .unwrap();
    let mut said: BTreeMap<(String, usize), Said> = BTreeMap::new();
    for found in text.lines().filter_map(|l| line.captures(l.trim())) {
        let Ok(value) = serde_json::from_str::<String>(&found[5]) else { continue };
        let key = (format!("{} {}", &found[1], &found[2]), found[3].parse().unwrap());
        said.entry(key).or_default().entry(found[4].to_owned()).or_insert(value);
    }
    said
}

fn given(row: &BatchRow<'_>, name: &str) -> Option<String> {
    let text = |field| row.text(field).map(str::to_owned);
    let number = |field| row.number(field).map(|n| n.to_string());
    match name {
        "source_ip" | "remote_addr" | "sshd_client_ip" => text(TextField::SrcIp),
        "http_verb" | "verb" => text(TextField::HttpMethod),
        "http_path" | "request" => text(TextField::Url),
        "http_status" | "status" => number(NumberField::HttpStatus),
        "http_user_agent" => text(TextField::UserAgent),
        "body_bytes_sent" => number(NumberField::ResponseBytes),
        "target_fqdn" => text(TextField::Host),
        "username" | "remote_user" | "target_user" | "sshd_invalid_user" | "pgsql_user" => text(TextField::UserName),
        "customer_id" => text(TextField::UserUid),
        "pgsql_dbname" => text(TextField::Database),
        "http_args" => text(TextField::Url).and_then(|url| Some(url.split_once('?')?.1.to_owned())),
        "http_referer" => text(TextField::Referrer),
        "client_port" | "source_port" => number(NumberField::SrcPort),
        "http_status_code" => number(NumberField::HttpStatus),
        "bytes_read" => number(NumberField::BytesOut),
        "time_duration" => row.number(NumberField::DurationUs).map(|us| (us / 1_000).to_string()),
        "pid" => number(NumberField::Pid),
        "ruleid" | "rule_id" => text(TextField::StatusCode),
        "rulemessage" => text(TextField::StatusDetail),
        "uniqueid" => text(TextField::RequestUid),
        "MarshaledTime" => Some(row.time().to_string()),
        _ => None,
    }
}

const COMPARED: &[&str] = &[
    "source_ip",
    "http_verb",
    "verb",
    "http_path",
    "request",
    "http_status",
    "http_user_agent",
    "body_bytes_sent",
    "target_fqdn",
    "username",
    "remote_user",
    "http_referer",
    "client_port",
    "source_port",
    "http_status_code",
    "bytes_read",
    "time_duration",
    "pid",
    "ruleid",
    "rule_id",
    "rulemessage",
    "uniqueid",
    "sshd_client_ip",
    "target_user",
    "sshd_invalid_user",
    "pgsql_user",
    "pgsql_dbname",
    "customer_id",
    "http_args",
    "MarshaledTime",
];

/// Where something else is meant by the same word (there the name of the server block, here the host asked for), or it is
/// kept elsewhere (PostgreSQL's process, which names its session, among the values without a field).
const DIFFERENT: &[(&str, &str)] =
    &[("s01-parse crowdsecurity/modsecurity", "target_fqdn"), ("s01-parse crowdsecurity/pgsql-logs", "pid")];

/// A value as both sides can say it: absent is `-` or nothing, times without what stands behind their seconds.
fn plain(name: &str, value: Option<&str>) -> String {
    let value = value.unwrap_or("");
    match name {
        // To the second: parsers of combined lines know no more.
        "MarshaledTime" => FORMATS.clock("UTC").any(value).map_or(String::new(), |t| t.to_string()[..19].to_owned()),
        _ if value == "-" => String::new(),
        _ => value.trim_end().to_owned(),
    }
}

/// The fields compared in one folder, and those that differ.
fn compare(folder: &Path, log: &str) -> (usize, Vec<String>) {
    let lines: Vec<&str> = log.lines().collect();
    let read: Vec<Vec<EventBatch>> = lines.iter().map(|line| read("line", format!("{line}\n").as_bytes()).1).collect();
    let said = std::fs::read_to_string(folder.join("parser.assert")).unwrap_or_default();
    let (mut compared, mut differ) = (0, Vec::new());
    for ((parser, number), said) in assertions(&said) {
        let Some(message) = said.get("message").map(|m| m.trim()).filter(|m| !m.is_empty()) else { continue };
        let Some(at) = lines.iter().position(|line| line.trim().ends_with(message)) else { continue };
        let row = read[at].first().map(|batch| batch.row(0));
        for name in COMPARED {
            // What enriches says again what was parsed, without the query.
            let is_time = *name == "MarshaledTime";
            if parser.starts_with("s02") != is_time || DIFFERENT.contains(&(parser.as_str(), *name)) {
                continue;
            }
            let Some(expected) = said.get(*name) else { continue };
            let found = row.as_ref().and_then(|row| given(row, name));
            compared += 1;
            if plain(name, found.as_deref()) != plain(name, Some(expected)) {
                differ.push(format!("{parser} {number} {name}: {found:?}, not {expected:?}: {}", lines[at]));
            }
        }
    }
    (compared, differ)
}

#[test]
fn what_other_parsers_say_of_each_line_is_what_its_event_says() {
    let Some(root) = shared("crowdsec") else { return };
    let mut folders: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let (mut agreeing, mut all) = (Vec::new(), Vec::new());
    for folder in folders {
        let Ok(config) = std::fs::read_to_string(folder.join("config.yaml")) else { continue };
        let said = |key: &str| config.lines().find_map(|l| l.strip_prefix(key)).map(|v| v.trim().to_owned());
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let (Some(kind), Some(file)) = (said("log_type:"), said("log_file:")) else { continue };
        if !KINDS.contains(&kind.as_str()) && !ALSO.contains(&name.as_str()) {
            continue;
        }
        let log = std::fs::read_to_string(folder.join(file)).unwrap();
        let (account, _) = self::read(&name, log.as_bytes());
        let (compared, differ) = compare(&folder, &log);
        let reasons: Vec<_> = account.unread.iter().map(|g| format!("{} {}", g.lines, g.reason)).collect();
        println!(
            "{name} ({kind}): {} lines, {} events, {} unread [{}]; {compared} fields, {} differ; {}",
            account.lines,
            account.events,
            account.unread_lines(),
            reasons.join("; "),
            differ.len(),
            account.format.as_deref().unwrap_or("no format"),
        );
        if differ.is_empty() {
            agreeing.push(name);
        }
        all.extend(differ);
    }
    assert!(all.is_empty(), "{} folders agree; differences:\n{}", agreeing.len(), all.join("\n"));
}

#[test]
fn ten_thousand_combined_lines_are_events() {
    let Some(path) = shared("elastic/apache_combined.log") else { return };
    let (account, kept) = read("apache_combined.log", &std::fs::read(path).unwrap());
    assert_eq!(account.format.as_deref(), Some("access_combined"));
    assert_eq!((account.events, account.unread_lines()), (10_000, 0));
    let rows = || kept.iter().flat_map(EventBatch::rows);
    assert!(rows().all(|row| row.text(TextField::SrcIp).is_some() && row.number(NumberField::HttpStatus).is_some()));
    let requests = rows().filter(|row| row.text(TextField::Url).is_some()).count();
    println!("{requests} of 10000 have a request line");
}

#[test]
fn a_status_api_is_no_access_log() {
    let Some(path) = shared("elastic/nginx_plus.json.log") else { return };
    let (account, _) = read("nginx_plus.json.log", &std::fs::read(path).unwrap());
    assert_eq!(account.format.as_deref(), Some("json_lines"));
    assert_eq!((account.events, account.unread_lines()), (500, 0));
}
