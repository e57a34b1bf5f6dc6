//! The fields of one record of MariaDB's server_audit plugin.

use std::borrow::Cow;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// A connection: somebody came, was refused, left.
    Connection,
    /// A statement.
    Statement,
    /// A table that a statement used.
    Table,
}

/// The plugin's words for what was done, what each is about, and what it is called here.
const OPERATIONS: &[(&str, About, &str)] = &[
    ("QUERY", About::Statement, "statement"),
    ("READ", About::Table, "read"),
    ("WRITE", About::Table, "write"),
    ("CONNECT", About::Connection, "logon"),
    ("DISCONNECT", About::Connection, "logoff"),
    ("FAILED_CONNECT", About::Connection, "logon"),
    ("CHANGEUSER", About::Connection, "logon"),
    ("PROXY_CONNECT", About::Connection, "proxy_logon"),
    ("CREATE", About::Table, "create"),
    ("ALTER", About::Table, "alter"),
    ("RENAME", About::Table, "rename"),
    ("DROP", About::Table, "drop"),
    ("PREPARE", About::Statement, "prepare"),
    ("EXECUTE", About::Statement, "execute"),
    ("CLOSE", About::Statement, "close"),
    ("QUERY_DDL", About::Statement, "statement"),
    ("QUERY_DML", About::Statement, "statement"),
    ("QUERY_DML_NO_SELECT", About::Statement, "statement"),
    ("QUERY_DCL", About::Statement, "statement"),
    ("DDL", About::Statement, "statement"),
    ("DML", About::Statement, "statement"),
    ("DML_NO_SELECT", About::Statement, "statement"),
    ("DCL", About::Statement, "statement"),
];

/// Places that are tried as the operation's; a name that holds more of them is no name that a server would take.
const TRIES_MAX: usize = 32;
/// Bytes of an error's number with the quote and comma before it.
const CODE_BYTES_MAX: usize = 16;

/// A record's fields behind time and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audited<'a> {
    pub(crate) user: &'a str,
    pub(crate) host: &'a str,
    pub(crate) connection: &'a str,
    pub(crate) query: &'a str,
    pub(crate) about: About,
    pub(crate) activity: &'static str,
    pub(crate) database: &'a str,
    /// A statement still escaped, a table, or a connection's TLS version.
    pub(crate) object: &'a str,
    pub(crate) code: &'a str,
}

impl<'a> Audited<'a> {
    /// Reads `user,host,connection,query,OPERATION,database,object,code`. Nothing escapes a user's name, and a refused
    /// client chooses it; nothing in a statement's text can end its quotes. So the first operation counts behind which
    /// statement or table come to the line's end as they must, else the last one of a connection.
    pub(crate) fn read(text: &'a str) -> Option<Audited<'a>> {
        let bytes = text.as_bytes();
        let mut of_connection = None;
        let mut tries = 0;
        for comma in memchr::memchr_iter(b',', bytes) {
            // Operations are written in capitals.
            if !bytes.get(comma + 1).is_some_and(u8::is_ascii_uppercase) {
                continue;
            }
            let Some((about, activity, tail)) = operation(&text[comma + 1..]) else { continue };
            tries += 1;
            if tries > TRIES_MAX {
                break;
            }
            let Some(found) = Audited::at(&text[..comma], (about, activity), tail) else { continue };
            if found.about != About::Connection {
                return Some(found);
            }
            of_connection = Some(found);
        }
        of_connection
    }

    /// Reads what stands before and behind an operation.
    fn at(before: &'a str, (about, activity): (About, &'static str), tail: &'a str) -> Option<Audited<'a>> {
        let mut before = before.rsplitn(4, ',');
        let (query, connection, host, user) = (before.next()?, before.next()?, before.next()?, before.next()?);
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(query) || !is_number(connection) {
            return None;
        }
        let (database, object, code) = match about {
            About::Statement => statement(tail)?,
            About::Table => {
                let (database, table) = tail.strip_suffix(',')?.split_once(',')?;
                (database, table, "")
            }
            About::Connection => {
                let (rest, code) = tail.rsplit_once(',')?;
                let (database, object) = rest.rsplit_once(',')?;
                (database, object, code)
            }
        };
        let has_code = about == About::Table || is_number(code.strip_prefix('-').unwrap_or(code));
        has_code.then_some(Audited { user, host, connection, query, about, activity, database, object, code })
    }
}

/// The operation that a text begins with, and what follows its comma.
fn operation(text: &str) -> Option<(About, &'static str, &str)> {
    OPERATIONS.iter().find_map(|(name, about, activity)| {
        let tail = text.strip_prefix(name)?.strip_prefix(',')?;
        Some((*about, *activity, tail))
    })
}

/// `database,'text',code`, the text's own quotes escaped.
fn statement(tail: &str) -> Option<(&str, &str, &str)> {
    let (database, rest) = tail.split_once(",'")?;
    let behind = rest.len().saturating_sub(CODE_BYTES_MAX);
    let quote = behind + memchr::memmem::rfind(&rest.as_bytes()[behind..], b"',")?;
    let (text, code) = (&rest[..quote], &rest[quote + 2..]);
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'\'', b'\\', &bytes[at..]) {
        if bytes[at + found] == b'\'' {
            return None;
        }
        at += found + 2;
        if at > bytes.len() {
            return None;
        }
    }
    Some((database, text, code))
}

/// A statement's text as it was sent.
pub(crate) fn unescaped(text: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', text.as_bytes()) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut chars = text[first..].chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some(quote @ ('\'' | '\\')) => out.push(quote),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<(&str, &str, &str, &str, &str, &str)> {
        Audited::read(text).map(|a| (a.user, a.host, a.activity, a.database, a.object, a.code))
    }

    #[test]
    fn records_of_each_kind() {
        assert_eq!(
            read("vendor_x,192.0.2.30,7,19,QUERY,store,'SELECT \\'a,b\\', 1',0"),
            Some(("vendor_x", "192.0.2.30", "statement", "store", "SELECT \\'a,b\\', 1", "0"))
        );
        assert_eq!(read("u,h,7,19,READ,store,customer,"), Some(("u", "h", "read", "store", "customer", "")));
        assert_eq!(read("u,h,7,0,CONNECT,store,TLSv1.3,0"), Some(("u", "h", "logon", "store", "TLSv1.3", "0")));
        for cut in ["u,h,7,19,QUERY,store,'SELECT", "u,h,7,19,QUERY,store,'a'b',0", "u,h,x,19,QUERY,s,'a',0", "", "u,h"]
        {
            assert_eq!(read(cut), None, "{cut}");
        }
    }

    #[test]
    fn a_refused_name_that_holds_a_record_is_a_name() {
        let name = "q,h,1,0,QUERY,db,'DROP TABLE z',0";
        let line = format!("{name},192.0.2.66,18,0,FAILED_CONNECT,,,1045");
        assert_eq!(read(&line), Some((name, "192.0.2.66", "logon", "", "", "1045")));
        let name = "q,h,1,0,FAILED_CONNECT,,,1045";
        let line = format!("{name},192.0.2.66,18,0,FAILED_CONNECT,,,1045");
        assert_eq!(read(&line), Some((name, "192.0.2.66", "logon", "", "", "1045")));
    }

    proptest! {
        #[test]
        fn a_statement_comes_back_as_it_was_sent(text in "[a-z,'\\\\\n\r\t\u{8}é]{0,40}") {
            let mut escaped = String::new();
            for c in text.chars() {
                match c {
                    '\n' => escaped.push_str("\\n"),
                    '\r' => escaped.push_str("\\r"),
                    '\t' => escaped.push_str("\\t"),
                    '\u{8}' => escaped.push_str("\\b"),
                    '\'' | '\\' => escaped.extend(['\\', c]),
                    c => escaped.push(c),
                }
            }
            let line = format!("u,h,7,19,QUERY,store,'{escaped}',0");
            let audited = Audited::read(&line).unwrap();
            prop_assert_eq!(audited.user, "u");
            prop_assert_eq!(unescaped(audited.object), text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a,]{0,9}(,7,19,)?(QUERY|READ|CONNECT)?[,'\\\\0é]{0,20}") {
            let _ = Audited::read(&text).map(|a| unescaped(a.object).into_owned());
        }
    }
}
