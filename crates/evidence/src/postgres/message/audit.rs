//! A line of pgAudit, taken apart.

/// A line of pgAudit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Absent where the server says that it was logged before, or is not to be logged.
    pub(crate) statement: Option<String>,
    pub(crate) parameters: Option<Vec<String>>,
    pub(crate) rows: Option<i64>,
}

impl Audit {
    /// Rows, where the number is a count. Of utility commands pgAudit always says 0, also of a `COPY` that sent
    /// thousands, even where it calls that a `SELECT`; taken as a count it would clear an intruder.
    pub(crate) fn counted_rows(&self) -> Option<i64> {
        let verb = self.command.split(' ').next().unwrap_or_default();
        let counts = matches!(verb, "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "MERGE");
        let is_copy = self.statement.as_deref().is_some_and(|s| super::command(s) == Some("COPY"));
        self.rows.filter(|rows| (counts && !is_copy) || *rows > 0)
    }

    /// Puts a statement in, unless it is one of the words for its absence.
    pub(crate) fn set_statement(&mut self, statement: String) {
        self.statement = Some(statement).filter(|s| !is_left_out(s));
    }

    /// Puts parameters in as pgAudit writes them: comma-separated. Nothing if they are cut off.
    pub(crate) fn set_parameters(&mut self, written: &str) -> Option<()> {
        if !written.is_empty() && !is_left_out(written) {
            self.parameters = Some(all_fields(written)?);
        }
        Some(())
    }
}

/// The words that stand in a statement's or its parameters' place. Cloud services write brackets.
pub(crate) fn is_left_out(text: &str) -> bool {
    let inner = text.strip_prefix(['<', '[']).and_then(|t| t.strip_suffix(['>', ']']));
    matches!(inner, Some("none" | "not logged" | "previously logged"))
}

/// `SESSION,1,1,READ,SELECT,TABLE,public.orders,"SELECT …",<none>,7`
pub(crate) fn audit(text: &str) -> Option<Audit> {
    let fields = all_fields(text)?;
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
        ..Audit::default()
    };
    audit.set_statement(next());
    audit.set_parameters(&next())?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn audit_lines_keep_their_statement_parameters_and_rows() {
        let a = audit("SESSION,2,1,WRITE,UPDATE,TABLE,public.o,\"SELECT \"\"a\"\", 1\",\"7,\"\"x, y\"\"\",9").unwrap();
        assert_eq!(a.statement.as_deref(), Some("SELECT \"a\", 1"));
        assert_eq!(a.parameters, Some(vec!["7".to_owned(), "x, y".to_owned()]));
        assert_eq!((a.class.as_str(), a.rows), ("WRITE", Some(9)));
        assert_eq!(audit("SESSION,2,1,\"cut"), None);
    }

    #[test]
    fn what_is_not_logged_is_absent() {
        let a = audit("OBJECT,1,1,READ,SELECT,TABLE,public.c,<not logged>,<not logged>,3").unwrap();
        assert_eq!((a.statement.as_deref(), a.parameters.clone(), a.counted_rows()), (None, None, Some(3)));
        let a = audit("OBJECT,1,1,READ,SELECT,TABLE,public.c,<previously logged>,<previously logged>").unwrap();
        assert_eq!((a.statement, a.parameters, a.rows), (None, None, None));
    }

    #[test]
    fn a_nought_that_counts_nothing_is_no_count() {
        for (line, expect) in [
            ("SESSION,1,1,READ,SELECT,TABLE,public.c,SELECT 1,<none>,0", Some(0)),
            ("SESSION,1,1,READ,SELECT FOR UPDATE,TABLE,public.c,SELECT 1 FOR UPDATE,<none>,0", Some(0)),
            ("SESSION,1,1,READ,SELECT,TABLE,public.c,COPY c TO stdout,<none>,0", None),
            ("SESSION,1,1,READ,COPY,,,COPY c TO stdout,<none>,0", None),
            ("SESSION,1,1,MISC,FETCH,,,FETCH 100 FROM c,<none>,0", None),
        ] {
            assert_eq!(audit(line).unwrap().counted_rows(), expect, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back(statement in "[a\",\n é]{0,20}", parameters in prop::collection::vec("[a\", ]{1,6}", 1..4)) {
            let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
            let list = parameters.iter().map(|p| quoted(p)).collect::<Vec<_>>().join(",");
            let line = format!("SESSION,1,1,READ,SELECT,,,{},{},5", quoted(&statement), quoted(&list));
            let a = audit(&line).unwrap();
            prop_assert_eq!(a.statement, Some(statement));
            prop_assert_eq!(a.parameters, Some(parameters));
        }
    }
}
