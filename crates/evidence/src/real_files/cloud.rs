//! CloudTrail's files, record by record beside what a JSON library finds in them.

use crate::formats::Formats;
use crate::options::ReadOptions;
use crate::real_files::shared;
use crate::samples::read_text;
use serde_json::Value;
use stanch_model::{EventBatch, EventClass, EventFields, TextField};
use stanch_packs::Packs;

#[test]
fn every_record_of_every_cloudtrail_file_is_an_event_with_its_fields() {
    let Some(folder) = shared("cloudtrail") else { return };
    let formats = Formats::load(&Packs::shipped()).unwrap();
    let options = ReadOptions::new(&formats, "UTC");
    let (mut files, mut records) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        let whole: Value = serde_json::from_slice(&bytes).unwrap();
        let expected = whole["Records"].as_array().unwrap();
        let (account, kept) = read_text(&name, &bytes, &options);
        assert_eq!(account.format.as_deref(), Some("aws_cloudtrail"), "{name}");
        assert_eq!(account.unread_lines(), 0, "{name}: {:?}", account.unread);
        assert_eq!(account.events, expected.len() as u64, "{name}");
        for (row, record) in kept.iter().flat_map(EventBatch::rows).zip(expected) {
            same(&row, record);
            let (from, length) = (row.position().offset, row.position().length as usize);
            let from = usize::try_from(from).unwrap();
            let at: Value = serde_json::from_slice(&bytes[from..from + length]).unwrap();
            assert_eq!(at["eventID"], record["eventID"], "{name}: the place of a record");
        }
        files += 1;
        records += expected.len();
    }
    eprintln!("{files} files, {records} records");
    assert!(files > 50 && records == 2_900, "{files} files, {records} records");
}

fn same(row: &impl EventFields, record: &Value) {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let is = |field: TextField, pointer: &str| assert_eq!(row.text(field), text(pointer), "{pointer} of {record}");
    is(TextField::ApiOperation, "/eventName");
    is(TextField::ApiService, "/eventSource");
    is(TextField::UserAgent, "/userAgent");
    is(TextField::CredentialUid, "/userIdentity/accessKeyId");
    is(TextField::RequestUid, "/requestID");
    is(TextField::StatusCode, "/errorCode");
    is(TextField::StatusDetail, "/errorMessage");
    is(TextField::SrcIp, "/sourceIPAddress");
    assert_eq!(row.time().to_string(), text("/eventTime").unwrap());
    let failed = record.get("errorCode").is_some() || text("/responseElements/ConsoleLogin") == Some("Failure");
    assert_eq!(row.text(TextField::Status), Some(if failed { "failure" } else { "success" }), "{record}");
    let unmapped: Value = serde_json::from_str(row.text(TextField::Unmapped).unwrap()).unwrap();
    for key in ["userIdentity", "requestParameters", "responseElements", "additionalEventData", "resources"] {
        let value = &record[key];
        let is_empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
        assert!(is_empty || unmapped[key] == *value, "{key} of {record} is not kept whole");
    }
    let is_login = text("/eventName") == Some("ConsoleLogin");
    assert!(!is_login || row.class() == EventClass::Authentication);
}
