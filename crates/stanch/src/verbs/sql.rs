//! `stanch sql`: ad hoc questions.

use crate::args::Shared;
use crate::exit::BadInput;
use crate::instant;
use crate::pipeline::open_lake;
use crate::screen::{self, Side};
use crate::session::Session;
use anyhow::Context;
use clap::Args;
use serde_json::{Map, Value};
use stanch_case::{CaseError, Stage, StageState};
use stanch_lake::Answer;
use stanch_ledger::On;

/// Ask anything of the case in SQL; it only reads
///
/// Tables: `events`; the store's own as `before.NAME` and `after.NAME`; `exposure.cells`, `exposure.shapes`. `show
/// tables` lists them, `describe NAME` their columns. That somebody asked goes into the ledger, the question as a
/// digest.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch sql \"select metadata_log_name, count(*) from events group by 1 order by 2 desc\"
  stanch sql \"select data_class, grade, count(*) from exposure.cells group by 1, 2\" --csv > cells.csv
  stanch sql \"describe events\"")]
pub(crate) struct Sql {
    /// The query
    query: String,
    /// Answer as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

pub(crate) fn sql(sql: &Sql, shared: &Shared) -> anyhow::Result<()> {
    let session = Session::open(shared)?;
    refuse_half_made(&session)?;
    session.looked(instant::now(), "case.asked", On::nothing().digest("query", sql.query.as_bytes()))?;
    let answer = open_lake(&session.case)?.sql(&sql.query).context(BadInput(
        "the query was not answered\nhint: `stanch sql \"show tables\"` lists the tables, `describe NAME` their columns"
            .to_owned(),
    ))?;
    if session.json {
        screen::json(&objects(&answer))
    } else if sql.csv {
        screen::put(&csv(&answer)?)
    } else {
        screen::put(&table(&answer))
    }
}

/// What was being written when a command stopped does not read as whole; what is only missing reads as empty.
fn refuse_half_made(session: &Session) -> anyhow::Result<()> {
    for stage in [Stage::Evidence, Stage::Snapshot, Stage::Scope] {
        if session.case.database().stage(stage)?.is_some_and(|row| row.state == StageState::Begun) {
            anyhow::bail!(CaseError::NotReady { stage, begun: true });
        }
    }
    Ok(())
}

fn table(answer: &Answer) -> String {
    let sides = answer.numeric.iter().map(|n| if *n { Side::Right } else { Side::Left });
    let columns: Vec<(&str, Side)> = answer.columns.iter().map(String::as_str).zip(sides).collect();
    let shown = |cell: &Option<String>| cell.clone().unwrap_or_default();
    let rows: Vec<Vec<String>> = answer.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let number =
        if rows.len() == 1 { "1 row".to_owned() } else { format!("{} rows", screen::count(rows.len() as u64)) };
    format!("{}({number})\n", screen::table(&columns, &rows))
}

/// One object a row; numbers stay numbers, what is not there is null.
fn objects(answer: &Answer) -> Vec<Map<String, Value>> {
    let value = |cell: &Option<String>, numeric: bool| match cell {
        None => Value::Null,
        Some(text) if numeric => text.parse().map_or_else(|_| Value::from(text.as_str()), Value::Number),
        Some(text) => Value::from(text.as_str()),
    };
    let object = |row: &Vec<Option<String>>| {
        let cells = row.iter().zip(&answer.numeric).map(|(cell, numeric)| value(cell, *numeric));
        answer.columns.iter().cloned().zip(cells).collect()
    };
    answer.rows.iter().map(object).collect()
}

/// RFC 4180, fit for a spreadsheet: text that it would run as a formula gets an apostrophe in front.
fn csv(answer: &Answer) -> anyhow::Result<String> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(&answer.columns)?;
    for row in &answer.rows {
        let cells = row.iter().zip(&answer.numeric);
        out.write_record(cells.map(|(cell, numeric)| inert(cell.as_deref().unwrap_or_default(), *numeric)))?;
    }
    Ok(String::from_utf8(out.into_inner()?)?)
}

fn inert(cell: &str, numeric: bool) -> String {
    let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if runs && !numeric { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        Answer {
            columns: vec!["path".to_owned(), "n".to_owned()],
            numeric: vec![false, true],
            rows: vec![vec![Some("=cmd()".to_owned()), Some("-3".to_owned())], vec![Some("a,b".to_owned()), None]],
        }
    }

    #[test]
    fn an_answer_reads_as_a_table_csv_and_json() {
        insta::assert_snapshot!(table(&answer()), @r"
        path     n
        =cmd()  -3
        a,b
        (2 rows)
        ");
        insta::assert_snapshot!(csv(&answer()).unwrap(), @r#"
        path,n
        '=cmd(),-3
        "a,b",
        "#);
        insta::assert_snapshot!(serde_json::to_string(&objects(&answer())).unwrap(), @r#"[{"path":"=cmd()","n":-3},{"path":"a,b","n":null}]"#);
    }
}
