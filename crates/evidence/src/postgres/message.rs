//! The grammar of PostgreSQL's log messages: statements, durations, audit lines, connections.

use crate::json;
use crate::targets::scaled;

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    /// A statement: `activity` is statement, execute, fetch, parse or bind.
    Statement { activity: &'static str, sql: &'a str, duration_us: Option<i64> },
    /// How long the statement before it took.
    Duration { us: i64 },
    /// auto_explain's plan, with its statement if it gives one.
    Plan { us: i64, sql: Option<&'a str> },
    /// A line of pgAudit.
    Audit(Audit),
    /// Somebody connected; who, is not known yet.
    Received { host: Option<&'a str>, port: Option<i64> },
    /// Somebody proved who they are.
    Authenticated,
    /// Somebody was let in.
    Authorized { user: Option<&'a str>, database: Option<&'a str>, app: Option<&'a str> },
    /// Somebody left, after so long.
    Left { us: Option<i64>, user: Option<&'a str>, database: Option<&'a str>, host: Option<&'a str>, port: Option<i64> },
    /// Anything else.
    Other,
}

/// A line of pgAudit, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Audit {
    /// SESSION or OBJECT.
    pub(crate) kind: String,
    pub(crate) statement_id: String,
    pub(crate) substatement_id: String,
    /// READ, WRITE, FUNCTION, ROLE, DDL, MISC, MISC_SET.
    pub(crate) class: String,
    pub(crate) command: String,
    pub(crate) object_type: String,
    pub(crate) object: String,
    /// Absent where the server says that it was logged before.
    pub(crate) statement: Option<String>,
    pub(crate) parameters: Option<Vec<String>>,
    pub(crate) rows: Option<i64>,
}

impl Audit {
    /// Rows, where the number is a count. Of utility commands pgAudit always says 0, also of a `COPY` that sent
    /// thousands; taken as a count it would clear an intruder.
    pub(crate) fn counted_rows(&self) -> Option<i64> {
        let counts = matches!(self.command.as_str(), "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "MERGE");
        self.rows.filter(|rows| counts || *rows > 0)
    }
}

/// Reads a message.
pub(crate) fn meaning(message: &str) -> Meaning<'_> {
    let first = message.as_bytes().first().copied().unwrap_or(0);
    match first {
        b's' | b'e' | b'f' => statement(message, None).unwrap_or(Meaning::Other),
        b'd' if message.starts_with("duration:") => duration(message).unwrap_or(Meaning::Other),
        b'd' if message.starts_with("disconnection:") => left(message),
        b'A' => message.strip_prefix("AUDIT: ").and_then(audit).map_or(Meaning::Other, Meaning::Audit),
        b'c' => connection(message),
        _ => Meaning::Other,
    }
}

/// `statement: SQL`, `execute NAME: SQL`, `execute fetch from NAME: SQL`, `parse NAME: SQL`, `bind NAME: SQL`.
fn statement(text: &str, duration_us: Option<i64>) -> Option<Meaning<'_>> {
    let (word, rest) = text.split_at(text.find([' ', ':'])?);
    let (activity, rest) = match word {
        "statement" => return Some(Meaning::Statement { activity: "statement", sql: after_colon(rest)?, duration_us }),
        "execute" => match rest.strip_prefix(" fetch from ") {
            Some(rest) => ("fetch", rest),
            None => ("execute", rest.strip_prefix(' ')?),
        },
        "parse" => ("parse", rest.strip_prefix(' ')?),
        "bind" => ("bind", rest.strip_prefix(' ')?),
        _ => return None,
    };
    // A prepared statement's name comes from the client; it ends at the first colon and blank.
    let colon = rest.find(": ").or_else(|| rest.find(':'))?;
    Some(Meaning::Statement { activity, sql: after_colon(&rest[colon..])?, duration_us })
}

fn after_colon(text: &str) -> Option<&str> {
    let text = text.strip_prefix(':')?;
    Some(text.strip_prefix(' ').unwrap_or(text))
}

/// `duration: 1.234 ms`, alone or before a statement or a plan.
fn duration(text: &str) -> Option<Meaning<'_>> {
    let rest = text.strip_prefix("duration:")?.trim_start();
    let end = rest.find(" ms")?;
    let us = scaled(&rest[..end], 1_000)?;
    let rest = rest[end + 3..].trim_start();
    if let Some(plan) = rest.strip_prefix("plan:") {
        let sql = plan.trim_start().strip_prefix("Query Text: ").map(|t| t.split("\n").next().unwrap_or(t));
        return Some(Meaning::Plan { us, sql });
    }
    Some(statement(rest, Some(us)).unwrap_or(Meaning::Duration { us }))
}

fn connection(text: &str) -> Meaning<'_> {
    if text.starts_with("connection received:") {
        return Meaning::Received { host: value_of(text, "host="), port: port_of(text) };
    }
    if text.starts_with("connection authenticated:") {
        return Meaning::Authenticated;
    }
    // `replication connection authorized:` begins otherwise and is rare; its words stay in the message.
    if text.starts_with("connection authorized:") {
        return Meaning::Authorized {
            user: value_of(text, "user="),
            database: value_of(text, "database="),
            app: value_of(text, "application_name="),
        };
    }
    Meaning::Other
}

/// `disconnection: session time: 0:00:00.007 user=u database=d host=h port=p`
fn left(text: &str) -> Meaning<'_> {
    let time = text.split("session time: ").nth(1).and_then(|t| t.split(' ').next());
    Meaning::Left {
        us: time.and_then(session_time_us),
        user: value_of(text, "user="),
        database: value_of(text, "database="),
        host: value_of(text, "host="),
        port: port_of(text),
    }
}

fn session_time_us(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let (hours, minutes): (i64, i64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let seconds_us = scaled(parts.next()?, 1_000_000)?;
    hours.checked_mul(3_600_000_000)?.checked_add(minutes.checked_mul(60_000_000)?)?.checked_add(seconds_us)
}

/// The value behind ` name=`, up to the next blank. Names that an intruder chose may hold blanks; the record's own
/// columns say them whole where the format has columns.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let at = text.match_indices(name).find(|(at, _)| *at > 0 && text.as_bytes()[at - 1] == b' ')?.0;
    text[at + name.len()..].split(' ').next().filter(|v| !v.is_empty())
}

fn port_of(text: &str) -> Option<i64> {
    value_of(text, "port=").and_then(|p| p.parse().ok())
}

/// `SESSION,1,1,READ,SELECT,TABLE,public.orders,"SELECT …",<none>,7`
fn audit(text: &str) -> Option<Audit> {
    let mut fields = Vec::with_capacity(10);
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (field, after) = quoted_field(text)?;
        fields.push(field);
        rest = after;
    }
    if fields.len() < 8 || !matches!(fields[0].as_str(), "SESSION" | "OBJECT") {
        return None;
    }
    // An unquoted statement holds no comma, or pgAudit would have quoted it.
    let mut fields = fields.into_iter();
    let mut next = || fields.next().unwrap_or_default();
    let mut audit = Audit {
        kind: next(),
        statement_id: next(),
        substatement_id: next(),
        class: next(),
        command: next(),
        object_type: next(),
        object: next(),
        statement: Some(next()).filter(|s| s != "<previously logged>"),
        ..Audit::default()
    };
    let parameters = next();
    if !matches!(parameters.as_str(), "" | "<none>" | "<not logged>" | "<previously logged>") {
        audit.parameters = Some(all_fields(&parameters)?);
    }
    audit.rows = next().parse().ok();
    Some(audit)
}

fn all_fields(text: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (field, after) = quoted_field(text)?;
        fields.push(field);
        rest = after;
    }
    Some(fields)
}

/// The next field of comma-separated text, and what follows its comma.
fn quoted_field(text: &str) -> Option<(String, Option<&str>)> {
    let Some(mut inner) = text.strip_prefix('"') else {
        return Some(match text.split_once(',') {
            Some((field, rest)) => (field.to_owned(), Some(rest)),
            None => (text.to_owned(), None),
        });
    };
    let mut field = String::new();
    loop {
        let (part, after) = inner.split_once('"')?;
        field.push_str(part);
        match after.as_bytes().first() {
            Some(b'"') => {
                field.push('"');
                inner = &after[1..];
            }
            Some(b',') => return Some((field, Some(&after[1..]))),
            None => return Some((field, None)),
            Some(_) => return None,
        }
    }
}

/// Bound parameters from `parameters: $1 = 'x', $2 = NULL` wherever it stands in a text, as a JSON array into `out`.
/// False, and nothing written, if there are none or they are cut off.
pub(crate) fn parameters(text: &str, out: &mut String) -> bool {
    // Most records have neither detail nor context, and a search costs before it begins.
    if text.is_empty() {
        return false;
    }
    let Some(at) = text.find("arameters: $1 = ") else { return false };
    let start = out.len();
    match parameter_list(&text[at + "arameters: ".len()..], out) {
        Some(()) => true,
        None => {
            out.truncate(start);
            false
        }
    }
}

fn parameter_list(mut rest: &str, out: &mut String) -> Option<()> {
    out.push('[');
    let mut number = 1u32;
    let mut value = String::new();
    loop {
        rest = rest.strip_prefix('$')?.strip_prefix(number.to_string().as_str())?.strip_prefix(" = ")?;
        if number > 1 {
            out.push(',');
        }
        if let Some(after) = rest.strip_prefix("NULL") {
            out.push_str("null");
            rest = after;
        } else {
            rest = rest.strip_prefix('\'')?;
            value.clear();
            loop {
                let (part, after) = rest.split_once('\'')?;
                value.push_str(part);
                match after.strip_prefix('\'') {
                    Some(after) => {
                        value.push('\'');
                        rest = after;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
            json::push_string(out, &value);
        }
        match rest.strip_prefix(", ") {
            Some(after) => rest = after,
            None => break,
        }
        number += 1;
    }
    out.push(']');
    Some(())
}

/// The command tag of a statement: its verb, past comments and common table expressions.
pub(crate) fn command(sql: &str) -> Option<&'static str> {
    const VERBS: &[&str] = &[
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "MERGE",
        "COPY",
        "TRUNCATE",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SET",
        "SHOW",
        "CREATE",
        "ALTER",
        "DROP",
        "GRANT",
        "REVOKE",
        "PREPARE",
        "EXECUTE",
        "DEALLOCATE",
        "DECLARE",
        "FETCH",
        "MOVE",
        "CLOSE",
        "EXPLAIN",
        "ANALYZE",
        "VACUUM",
        "LOCK",
        "CALL",
        "DO",
        "VALUES",
        "TABLE",
        "SAVEPOINT",
        "RELEASE",
        "START",
        "DISCARD",
        "RESET",
        "LISTEN",
        "NOTIFY",
        "REFRESH",
        "COMMENT",
        "END",
        "ABORT",
        "LOAD",
        "REINDEX",
        "CLUSTER",
        "CHECKPOINT",
        "SECURITY",
        "REASSIGN",
        "IMPORT",
        "UNLISTEN",
    ];
    let is_verb = |word: &str| VERBS.iter().copied().find(|v| v.eq_ignore_ascii_case(word));
    let (mut word, mut rest) = first_word(sql);
    if word.eq_ignore_ascii_case("WITH") {
        let mut depth = 0i64;
        while !rest.is_empty() {
            let next = rest.find(['(', ')', '\'', '"']).unwrap_or(rest.len());
            if depth == 0 {
                let main = rest[..next].split(|c: char| !c.is_ascii_alphabetic()).find_map(|w| {
                    ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"].into_iter().find(|v| v.eq_ignore_ascii_case(w))
                });
                if main.is_some() {
                    return main;
                }
            }
            let Some(mark) = rest.as_bytes().get(next) else { break };
            rest = &rest[next + 1..];
            match mark {
                b'(' => depth += 1,
                b')' => depth -= 1,
                quote => rest = rest.split_once(char::from(*quote)).map_or("", |(_, after)| after),
            }
        }
        return Some("SELECT");
    }
    while word.is_empty() && rest.starts_with('(') {
        (word, rest) = first_word(&rest[1..]);
    }
    is_verb(word)
}

fn first_word(sql: &str) -> (&str, &str) {
    let mut rest = sql.trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after).trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after).trim_start();
        } else {
            return rest.split_at(rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn statements_in_every_wording() {
        for (message, activity, sql, us) in [
            ("statement: SELECT 1", "statement", "SELECT 1", None),
            ("execute <unnamed>: select $1", "execute", "select $1", None),
            ("execute a/b: select $1", "execute", "select $1", None),
            ("execute fetch from c1: select 2", "fetch", "select 2", None),
            ("duration: 0.211 ms  statement: SELECT 1", "statement", "SELECT 1", Some(211)),
            ("duration: 0.054 ms statement: SELECT 1", "statement", "SELECT 1", Some(54)),
            ("duration: 1.163 ms  parse x: SELECT 1", "parse", "SELECT 1", Some(1_163)),
            ("duration: 1 ms  bind x: SELECT 1", "bind", "SELECT 1", Some(1_000)),
            ("statement: ", "statement", "", None),
        ] {
            assert_eq!(meaning(message), Meaning::Statement { activity, sql, duration_us: us }, "{message}");
        }
        assert_eq!(meaning("duration: 0.1 ms"), Meaning::Duration { us: 100 });
        assert_eq!(meaning("starting PostgreSQL 17.2"), Meaning::Other);
    }

    #[test]
    fn connections_say_who_and_from_where() {
        assert_eq!(
            meaning("connection received: host=192.0.2.7 port=41"),
            Meaning::Received { host: Some("192.0.2.7"), port: Some(41) }
        );
        assert_eq!(
            meaning("connection authorized: user=vendor_x database=store application_name=psql"),
            Meaning::Authorized { user: Some("vendor_x"), database: Some("store"), app: Some("psql") }
        );
        let Meaning::Left { us, user, .. } =
            meaning("disconnection: session time: 1:00:02.5 user=u database=d host=192.0.2.7 port=41")
        else {
            panic!("not a disconnection");
        };
        assert_eq!((us, user), (Some(3_602_500_000), Some("u")));
    }

    #[test]
    fn audit_lines_keep_their_statement_parameters_and_rows() {
        let Meaning::Audit(a) =
            meaning("AUDIT: SESSION,2,1,WRITE,UPDATE,TABLE,public.o,\"SELECT \"\"a\"\", 1\",\"7,\"\"x, y\"\"\",9")
        else {
            panic!("not an audit line");
        };
        assert_eq!(a.statement.as_deref(), Some("SELECT \"a\", 1"));
        assert_eq!(a.parameters, Some(vec!["7".to_owned(), "x, y".to_owned()]));
        assert_eq!((a.class.as_str(), a.rows), ("WRITE", Some(9)));
        assert_eq!(meaning("AUDIT: SESSION,2,1,\"cut"), Meaning::Other);
    }

    #[test]
    fn parameters_become_json_with_quotes_and_nulls_as_they_were() {
        let mut out = String::new();
        assert!(parameters("Parameters: $1 = 'O''Brien\n x', $2 = NULL, $3 = ''", &mut out));
        assert_eq!(out, r#"["O'Brien\n x",null,""]"#);
        out.clear();
        assert!(!parameters("parameters: $1 = 'cut", &mut out) && out.is_empty());
    }

    #[test]
    fn the_command_is_the_main_verb() {
        for (sql, expect) in [
            (" -- x\n/* y */ select 1", Some("SELECT")),
            ("(select 1) union (select 2)", Some("SELECT")),
            ("WITH a AS (SELECT ')' FROM t) DELETE FROM x", Some("DELETE")),
            ("with a as (select 1) select * from a", Some("SELECT")),
            ("COPY orders TO stdout", Some("COPY")),
            ("' OR 1=1", None),
            ("", None),
        ] {
            assert_eq!(command(sql), expect, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn no_message_makes_the_grammar_panic(text in "(duration: |statement: |AUDIT: SESSION,|execute |disconnection: |parameters: \\$1 = |WITH )?\\PC{0,60}") {
            let _ = meaning(&text);
            let _ = command(&text);
            let mut out = String::new();
            let had = parameters(&text, &mut out);
            prop_assert_eq!(had, !out.is_empty());
        }
    }
}
