//! The command tag of a statement.

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
        fn no_statement_makes_it_panic(text in "(WITH |/\\*|--)?\\PC{0,60}") {
            let _ = command(&text);
        }
    }
}
