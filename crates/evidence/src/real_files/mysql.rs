//! Error logs of MySQL and MariaDB with refused logins, and the fields that others have read from them.

use super::shared;
use crate::formats::Formats;
use crate::options::ReadOptions;
use crate::samples::read_text;
use stanch_model::event::BatchRow;
use stanch_model::{EventBatch, EventClass, EventFields, TextField};
use std::collections::BTreeMap;

/// `…[3].Evt.Parsed["user"] == "root"` → (3, user) → root.
fn expected(asserted: &str) -> BTreeMap<(usize, &str), &str> {
    let of_line = |line: &'_ str| -> Option<(usize, usize)> {
        let at = line.find("].Evt.Parsed[\"")?;
        Some((line[..at].rfind('[')? + 1, at))
    };
    let parsed = asserted.lines().filter(|line| line.contains("s01-parse")).filter_map(|line| {
        let (from, to) = of_line(line)?;
        let (name, value) = line[to + "].Evt.Parsed[\"".len()..].split_once("\"] == \"")?;
        Some(((line[from..to].parse().ok()?, name), value.trim_end_matches('"')))
    });
    parsed.filter(|((_, name), _)| matches!(*name, "user" | "source_ip")).collect()
}

#[test]
fn refused_logins_of_mysql_and_mariadb() {
    let formats = Formats::load(&stanch_packs::Packs::shipped()).unwrap();
    for (folder, attempts) in [("mysql-logs", 3), ("mysql-bf", 7), ("mariadb-logs", 5), ("mariadb-bf", 9)] {
        let Some(folder_path) = shared(&format!("crowdsec/{folder}")) else { return };
        let bytes = std::fs::read(folder_path.join(format!("{folder}.log"))).unwrap();
        let (account, kept) = read_text(folder, &bytes, &ReadOptions::new(&formats, "UTC"));
        assert_eq!(account.format.as_deref(), Some("mysql_error"), "{folder}");
        assert_eq!((account.events, account.unread_lines()), (attempts, 0), "{folder}");
        let rows: Vec<BatchRow<'_>> = kept.iter().flat_map(EventBatch::rows).collect();
        assert!(
            rows.iter()
                .all(|r| r.class() == EventClass::Authentication && r.text(TextField::Status) == Some("failure"))
        );
        let asserted = std::fs::read_to_string(folder_path.join("parser.assert")).unwrap();
        for ((at, name), value) in expected(&asserted) {
            let field = if name == "user" { TextField::UserName } else { TextField::SrcIp };
            assert_eq!(rows[at].text(field), Some(value), "{folder}, line {}", at + 1);
        }
    }
}
