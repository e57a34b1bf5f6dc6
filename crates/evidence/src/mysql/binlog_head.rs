//! The line with which mysqlbinlog begins an event.

use crate::mysql::stamp::Stamp;

/// What follows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing has begun.
    #[default]
    None,
    /// Something that belongs to what follows: a transaction's number, a table's, values for a statement.
    Part,
    /// A statement.
    Statement,
    /// The words of the statement whose rows follow.
    Annotation,
    /// Changes of rows.
    Rows,
    /// The end of a transaction.
    Commit,
    /// The log's own start, stop, or change of file.
    Log(&'static str),
    /// Anything else.
    Other,
}

/// Such a line: time, server, where the next event begins, and behind a tab the type with its values.
pub(crate) struct Head<'a> {
    pub(crate) stamp: Stamp<'a>,
    pub(crate) server: &'a str,
    pub(crate) end: Option<u64>,
    pub(crate) kind: Kind,
    /// The event's type and what stands beside it.
    pub(crate) words: &'a str,
}

impl<'a> Head<'a> {
    /// Reads such a line.
    pub(crate) fn read(text: &'a str) -> Option<Head<'a>> {
        let (stamp, rest) = Stamp::at_start(text.strip_prefix('#')?)?;
        let rest = rest.strip_prefix(" server id ")?;
        let (server, rest) = rest.split_once(' ')?;
        let (end, words) = rest.trim_start().strip_prefix("end_log_pos ")?.split_once(' ')?;
        let words = words.split_once('\t').map_or(words, |(_, words)| words).trim();
        Some(Head { stamp, server, end: end.parse().ok(), kind: kind(words), words })
    }

    /// The value of `name=value` beside the type.
    pub(crate) fn value(&self, name: &str) -> Option<&'a str> {
        self.words.split(['\t', ' ']).find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    }
}

fn kind(words: &str) -> Kind {
    let name = words.split(['\t', ' ', ':']).next().unwrap_or(words);
    match name {
        "GTID" | "Anonymous_GTID" | "Gtid_tagged" | "Table_map" | "Intvar" | "Rand" | "User_var" => Kind::Part,
        "Query" | "Execute_load_query" | "Query_compressed" => Kind::Statement,
        "Annotate_rows" | "Rows_query" => Kind::Annotation,
        "Xid" | "XA_prepare" => Kind::Commit,
        "Start" => Kind::Log("start"),
        "Stop" => Kind::Log("stop"),
        "Rotate" => Kind::Log("rotate"),
        // Rows of one statement are printed behind the last of its heads.
        _ if is_rows(name) && words.contains("STMT_END_F") => Kind::Rows,
        _ if is_rows(name) => Kind::Part,
        _ => Kind::Other,
    }
}

fn is_rows(name: &str) -> bool {
    ["Write", "Update", "Delete"].iter().any(|verb| name.starts_with(verb)) && name.contains("_rows")
}

/// A row's change: its command, database and table.
pub(crate) fn row(text: &str) -> Option<(&'static str, &str, &str)> {
    let text = text.strip_prefix("### ")?;
    let (command, table) = ["INSERT INTO ", "UPDATE ", "DELETE FROM "].iter().find_map(|words| {
        let command = words.split(' ').next()?;
        Some((command, text.strip_prefix(words)?))
    })?;
    let (database, table) = table.trim_end().strip_prefix('`')?.strip_suffix('`')?.split_once("`.`")?;
    Some((command, database, table))
}

/// A column's number and its value as printed, without the remark that -vv puts behind it.
pub(crate) fn column(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.strip_prefix("###   ")?.split_once('=')?;
    let is_remark =
        |remark: &str| remark.ends_with(" */") && remark.contains(" meta=") && remark.contains(" nullable=");
    let value = match value.rsplit_once(" /* ") {
        Some((value, remark)) if is_remark(remark) => value,
        _ => value,
    };
    name.starts_with('@').then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn heads_rows_and_columns() {
        let text = "#260302 21:14:05 server id 7  end_log_pos 487 CRC32 0x58e730fa \tQuery\tthread_id=5\texec_time=2\terror_code=0";
        let head = Head::read(text).unwrap();
        assert_eq!((head.server, head.end, head.kind), ("7", Some(487), Kind::Statement));
        assert_eq!((head.value("thread_id"), head.value("exec_time")), (Some("5"), Some("2")));
        assert_eq!(
            Head::read("#260302  9:14:05 server id 7  end_log_pos 9 \tDelete_rows_v1: table id 2 flags: STMT_END_F")
                .unwrap()
                .kind,
            Kind::Rows
        );
        assert_eq!(row("### DELETE FROM `shop`.`cust``omer`"), Some(("DELETE", "shop", "cust``omer")));
        assert_eq!(
            column("###   @3='it's /* x */' /* VARSTRING(80) meta=80 nullable=1 is_null=0 */"),
            Some(("@3", "'it's /* x */'"))
        );
        assert_eq!(column("###   @3='a /* b */"), Some(("@3", "'a /* b */")));
        assert!(Head::read("# at 4").is_none() && row("### SET").is_none() && column("### SET").is_none());
    }

    proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "(#260302 21:14:05 server id |### |###   @)?[ `.=@#/*'\té0-9a-z]{0,40}") {
            let _ = (Head::read(&text).map(|h| h.kind), row(&text), column(&text));
        }
    }
}
