//! What the store file says of logs and no event bears out.

use crate::pipeline::Work;
use stanch_lake::Lake;
use stanch_model::store::LogSource;
use stanch_model::{EventClass, NumberField, TextField};
use std::collections::BTreeSet;

/// A misspelt glob reads like a missing log, and costs the log its service and its clock; a misspelt field costs every
/// line its account or its key.
pub(super) fn words(work: &Work<'_>) -> anyhow::Result<Vec<String>> {
    let lake = work.lake()?;
    let answer = lake.sql("SELECT DISTINCT metadata_log_name FROM events")?;
    let found: BTreeSet<&str> = answer.rows.iter().filter_map(|row| row.first()?.as_deref()).collect();
    let mut told = Vec::new();
    for log in &work.case().store().file.logs {
        let (name, files) = (&log.name, &log.files);
        if found.contains(name.as_str()) {
            told.extend(fields(&lake, log)?);
        } else {
            told.push(format!(
                "! no event is from the log {name:?} of the store file; files = {files:?} counts from the folder that was named"
            ));
        }
    }
    Ok(told)
}

/// Fields that the store file says a log's lines have, and that no event has got.
fn fields(lake: &Lake, log: &LogSource) -> anyhow::Result<Vec<String>> {
    let column = |name: &str| {
        let text = TextField::from_name(name).map(TextField::column);
        text.or_else(|| NumberField::from_name(name).map(NumberField::column)).map(str::to_owned)
    };
    let fields = log.fields.iter().filter_map(|(to, from)| Some((column(to)?, to.as_str(), from.as_str())));
    let class = format!("NULLIF(class_uid, {})", EventClass::Base.uid());
    let kind = log.kind.iter().map(|kind| (class.clone(), "their kinds", kind.field.as_str()));
    let mapped: Vec<(String, &str, &str)> = fields.chain(kind).collect();
    if mapped.is_empty() {
        return Ok(Vec::new());
    }
    let counts: Vec<String> = mapped.iter().zip(0..).map(|((of, ..), n)| format!("count({of}) AS n{n}")).collect();
    let (counts, name) = (counts.join(", "), log.name.replace('\'', "''"));
    let answer = lake.sql(&format!("SELECT {counts} FROM events WHERE metadata_log_name = '{name}'"))?;
    let numbers = answer.rows.iter().flatten();
    let unmet = mapped.iter().zip(numbers).filter(|(_, number)| number.as_deref() == Some("0"));
    let told = |(_, to, from): &(String, &str, &str)| {
        format!("! no event of the log {:?} has {to}, which the store file takes from {from:?}", log.name)
    };
    Ok(unmet.map(|(mapped, _)| told(mapped)).collect())
}
