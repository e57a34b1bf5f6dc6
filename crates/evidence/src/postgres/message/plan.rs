//! What auto_explain writes: a statement, its parameters, and its plan as text, JSON, YAML or XML.

use crate::json;
use std::borrow::Cow;

/// A plan, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan<'a> {
    pub(crate) us: i64,
    /// The whole statement.
    pub(crate) sql: Option<Cow<'a, str>>,
    /// `$1 = 'x', $2 = NULL`
    pub(crate) parameters: Option<Cow<'a, str>>,
    /// Rows that the topmost node gave, where the plan was run and they count something.
    pub(crate) rows: Option<i64>,
}

/// Nodes that change rows and give none unless RETURNING asks for them: their 0 counts nothing.
const CHANGES: [&str; 4] = ["Insert", "Update", "Delete", "Merge"];

/// Takes apart what stands behind `plan:`.
pub(crate) fn plan(us: i64, text: &str) -> Plan<'_> {
    let text = text.trim_start();
    let found = if text.starts_with('{') || text.starts_with('[') {
        of_json(text)
    } else if let Some(rest) = text.strip_prefix("Query Text: ") {
        if rest.starts_with('"') { of_yaml(rest) } else { None }.or_else(|| Some(of_text(rest)))
    } else {
        of_xml(text)
    };
    Plan { us, ..found.unwrap_or_default() }
}

/// `SELECT …` over several lines, maybe `Query Parameters: …`, then the topmost node, which stands at the margin.
fn of_text(text: &str) -> Plan<'_> {
    let mut nodes = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > 0 && is_node(line) {
            nodes.push(at);
        }
        at += line.len();
    }
    // A statement may hold lines that look like a plan, and so may a plan's conditions: of several the last counts,
    // so that no word of the statement is lost, and the number of rows is not believed.
    let Some(node) = nodes.last().copied() else {
        return Plan { sql: Some(Cow::Borrowed(text.trim_end())), ..Plan::default() };
    };
    let rows = (nodes.len() == 1).then(|| text[node..].lines().next().and_then(rows_of_node)).flatten();
    let said = text[..node].trim_end();
    let (sql, parameters) = match said.rfind("\nQuery Parameters: $") {
        Some(at) => (&said[..at], Some(Cow::Borrowed(&said[at + "\nQuery Parameters: ".len()..]))),
        None => (said, None),
    };
    Plan { us: 0, sql: Some(Cow::Borrowed(sql)), parameters, rows }
}

/// `Seq Scan on t  (cost=0.00..1.00 rows=1 width=4) (actual …)` at the margin.
fn is_node(line: &str) -> bool {
    line.starts_with(|c: char| c.is_ascii_uppercase())
        && line.find("  (cost=").is_some_and(|at| line[at..].contains(" width="))
}

fn rows_of_node(node: &str) -> Option<i64> {
    let at = node.rfind("(actual ")?;
    let actual = &node[at..];
    let value = |name: &str| {
        let from = actual.find(name)? + name.len();
        let end = actual[from..].find([' ', ')'])?;
        crate::targets::whole(&actual[from..from + end])
    };
    counted(node.split(' ').next()?, value("rows=")?.checked_mul(value("loops=")?)?)
}

fn counted(node: &str, rows: i64) -> Option<i64> {
    (rows > 0 || !CHANGES.contains(&node) && node != "ModifyTable").then_some(rows)
}

fn of_json(text: &str) -> Option<Plan<'_>> {
    let inner = text.trim().strip_prefix('[').and_then(|t| t.strip_suffix(']')).map_or(text, str::trim);
    let members = json::members(inner)?;
    let get = |path: &str| json::at_path(&members, path).and_then(json::text);
    let number = |path: &str| get(path).and_then(|n| crate::targets::whole(&n));
    let rows = number("Plan.Actual Rows").zip(number("Plan.Actual Loops")).and_then(|(r, l)| r.checked_mul(l));
    Some(Plan {
        us: 0,
        rows: rows.and_then(|rows| counted(&get("Plan.Node Type")?, rows)),
        sql: get("Query Text"),
        parameters: get("Query Parameters"),
    })
}

/// `"…"` with JSON's escapes, then keys, then the topmost node's members indented.
fn of_yaml(text: &str) -> Option<Plan<'_>> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let sql = values.next()?.ok()?;
    let rest = &text[values.byte_offset()..];
    // The topmost node's members come before those of any other.
    let value = |key: &str| {
        let own = rest.split("Plans:").next()?;
        let line = own.lines().find_map(|l| l.trim_start_matches([' ', '-']).strip_prefix(key))?;
        Some(line.trim().trim_matches('"'))
    };
    let number = |key: &str| value(key).and_then(crate::targets::whole);
    let rows = number("Actual Rows:").zip(number("Actual Loops:")).and_then(|(r, l)| r.checked_mul(l));
    let rows = rows.and_then(|rows| counted(value("Node Type:")?, rows));
    let parameters = value("Query Parameters:").and_then(|p| serde_json::from_str(&format!("\"{p}\"")).ok());
    Some(Plan { us: 0, sql: Some(Cow::Owned(sql)), parameters: parameters.map(Cow::Owned), rows })
}

fn of_xml(text: &str) -> Option<Plan<'_>> {
    let own = text.split("<Plans>").next()?;
    let value = |name: &str| {
        let (_, rest) = own.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    };
    let number = |name: &str| value(name).and_then(crate::targets::whole);
    let rows = number("Actual-Rows").zip(number("Actual-Loops")).and_then(|(r, l)| r.checked_mul(l));
    Some(Plan {
        us: 0,
        rows: rows.and_then(|rows| counted(value("Node-Type")?, rows)),
        sql: Some(unescaped(value("Query-Text")?)),
        parameters: value("Query-Parameters").map(unescaped),
    })
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#x0d;", "\r")
            .replace("&amp;", "&"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (Option<String>, Option<String>, Option<i64>) {
        let p = plan(7, text);
        assert_eq!(p.us, 7);
        (p.sql.map(Cow::into_owned), p.parameters.map(Cow::into_owned), p.rows)
    }

    #[test]
    fn a_statement_over_several_lines_ends_where_its_plan_begins() {
        let text = "Query Text: SELECT a,\n  b\nFROM t WHERE a = $1\nQuery Parameters: $1 = 'x'\nSeq Scan on t  (cost=0.00..1.00 rows=9 \
                    width=4) (actual time=0.001..0.002 rows=41 loops=1)\n  Filter: (a = 'x')\nSettings: work_mem = '64kB'";
        let sql = Some("SELECT a,\n  b\nFROM t WHERE a = $1".to_owned());
        assert_eq!(read(text), (sql, Some("$1 = 'x'".to_owned()), Some(41)));
        let older = "Query Text: SELECT 1\nResult  (cost=0.00..0.01 rows=1 width=0)";
        assert_eq!(read(older), (Some("SELECT 1".to_owned()), None, None));
        let newer =
            "Query Text: SELECT 1\nResult  (cost=0.00..0.01 rows=1 width=0) (actual time=0.1..0.2 rows=3.00 loops=1)";
        assert_eq!(read(newer).2, Some(3));
    }

    #[test]
    fn a_change_that_returns_nothing_is_not_a_change_of_nothing() {
        let node = |name: &str, rows: i64| {
            read(&format!(
                "Query Text: x\n{name} on t  (cost=0.00..1 rows=0 width=0) (actual time=0..0 rows={rows} loops=1)"
            ))
            .2
        };
        assert_eq!((node("Update", 0), node("Update", 5), node("Seq Scan", 0)), (None, Some(5), Some(0)));
    }

    #[test]
    fn a_forged_plan_neither_cuts_the_statement_nor_counts_its_rows() {
        let forged = "Seq Scan on x  (cost=0.00..1.00 rows=1 width=4) (actual time=0..0 rows=0 loops=1)";
        let text = format!("Query Text: SELECT 1 --\n{forged}\nFROM t\n{}", forged.replace("rows=0", "rows=99"));
        assert_eq!(read(&text), (Some(format!("SELECT 1 --\n{forged}\nFROM t")), None, None));
    }

    #[test]
    fn the_other_formats_say_the_same() {
        let json = "{\n  \"Query Text\": \"SELECT \\\"a\\\"\\nFROM t\",\n  \"Query Parameters\": \"$1 = 'x'\",\n  \"Plan\": {\"Node Type\": \"Limit\", \
                    \"Actual Rows\": 41, \"Actual Loops\": 1, \"Plans\": [{\"Actual Rows\": 9}]}\n}";
        let expect = (Some("SELECT \"a\"\nFROM t".to_owned()), Some("$1 = 'x'".to_owned()), Some(41));
        assert_eq!(read(json), expect);
        let yaml = "Query Text: \"SELECT \\\"a\\\"\\nFROM t\"\nQuery Parameters: \"$1 = 'x'\"\nPlan: \n  Node Type: \"Limit\"\n  Actual Rows: 41\n  \
                    Actual Loops: 1\n  Plans: \n    - Node Type: \"Seq Scan\"\n      Actual Rows: 9";
        assert_eq!(read(yaml), expect);
        let xml = "<explain xmlns=\"x\">\n  <Query-Text>SELECT &quot;a&quot;\nFROM t</Query-Text>\n  <Query-Parameters>$1 = 'x'</Query-Parameters>\n  \
                   <Plan>\n    <Node-Type>Limit</Node-Type>\n    <Actual-Rows>41</Actual-Rows>\n    <Actual-Loops>1</Actual-Loops>\n    <Plans>";
        assert_eq!(read(xml), expect);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(head in "(Query Text: \"?|\\{|\\[|<Query-Text>)?", text in "([\\[\\]{}\":,a(\n]|  \\(cost=| width=|\\(actual rows=|A){0,20}") {
            let _ = plan(0, &format!("{head}{text}"));
        }
    }
}
