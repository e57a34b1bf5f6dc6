//! Statements that were written down as text.

use super::bytes::Bytes;
use super::text::{Charset, decoded};
use std::borrow::Cow;

/// A statement with what it ran in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query<'a> {
    /// The connection's number.
    pub(super) thread: u32,
    /// Seconds that it took.
    pub(super) took_s: u32,
    /// The error with which it ended, 0 for none.
    pub(super) error: u16,
    pub(super) database: Cow<'a, str>,
    /// As it stands: compressed, where the event says so.
    pub(super) text: &'a [u8],
    pub(super) variables: Variables,
}

/// What matters of the variables that the statement depends on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Variables {
    /// The part of a second at which it began.
    pub(super) microseconds: u32,
    /// The account that it was run as, where that is not the connection's own.
    pub(super) invoker: Option<String>,
    /// The client's.
    pub(super) charset: Charset,
}

impl<'a> Query<'a> {
    /// `further` is how many bytes more than usual stand in its head.
    pub(super) fn of(body: &'a [u8], further: usize) -> Option<Query<'a>> {
        let mut bytes = Bytes(body);
        let thread = bytes.number(4)? as u32;
        let took_s = bytes.number(4)? as u32;
        let database_length = bytes.length(1)?;
        let error = bytes.number(2)? as u16;
        let variables_length = bytes.length(2)?;
        bytes.take(further)?;
        let mut variables = Variables::default();
        // What is not known ends the list; the rest of it does not matter here.
        let _ = variables.read(Bytes(bytes.take(variables_length)?));
        let database = String::from_utf8_lossy(bytes.take(database_length)?);
        bytes.take(1)?;
        Some(Query { thread, took_s, error, database, text: bytes.0, variables })
    }
}

impl Variables {
    fn read(&mut self, mut bytes: Bytes<'_>) -> Option<()> {
        while !bytes.is_empty() {
            match bytes.byte()? {
                4 => {
                    self.charset = Charset::of(bytes.number(2)?);
                    bytes.take(4)?;
                }
                11 => {
                    let user = String::from_utf8_lossy(bytes.behind_length(1)?);
                    let host = String::from_utf8_lossy(bytes.behind_length(1)?);
                    self.invoker = Some(if host.is_empty() { user.into_owned() } else { format!("{user}@{host}") });
                }
                // MySQL's and MariaDB's.
                13 | 128 => self.microseconds = (bytes.number(3)? as u32).min(999_999),
                16 | 19 | 20 => {
                    bytes.take(1)?;
                }
                7 | 8 | 18 => {
                    bytes.take(2)?;
                }
                0 | 3 | 10 => {
                    bytes.take(4)?;
                }
                1 | 9 | 17 | 129 => {
                    bytes.take(8)?;
                }
                5 | 6 => {
                    bytes.behind_length(1)?;
                }
                2 => {
                    bytes.behind_length(1)?;
                    bytes.take(1)?;
                }
                12 => {
                    // 254 stands for more databases than are named.
                    let count = bytes.byte()?;
                    for _ in 0..if count == 254 { 0 } else { count } {
                        bytes.until_nul()?;
                    }
                }
                _ => return None,
            }
        }
        Some(())
    }
}

/// A statement's text, in the client's character set.
pub(super) fn statement(text: &[u8], charset: Charset) -> Cow<'_, str> {
    decoded(text, charset).unwrap_or_else(|| String::from_utf8_lossy(text))
}

/// The text of a statement of which nobody says in which character set it is.
pub(super) fn unmarked(text: &[u8]) -> Cow<'_, str> {
    match simdutf8::basic::from_utf8(text) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => statement(text, Charset::Latin1),
    }
}

/// What a statement does: its first word, behind comments and brackets.
pub(super) fn command(statement: &str) -> Option<String> {
    let mut rest = statement;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        rest = if let Some(hidden) = rest.strip_prefix("/*!") {
            // What stands in such a comment is run by servers of a later version.
            hidden.trim_start_matches(|c: char| c.is_ascii_digit() || c == 'M')
        } else if let Some(comment) = rest.strip_prefix("/*") {
            &comment[comment.find("*/")? + 2..]
        } else if rest.starts_with("-- ") || rest.starts_with('#') {
            &rest[rest.find('\n')?..]
        } else {
            break;
        };
    }
    let word: String = rest.chars().take_while(char::is_ascii_alphabetic).take(20).collect();
    (!word.is_empty()).then(|| word.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_stands_behind_comments() {
        for (statement, expected) in [
            ("insert into t values (1)", Some("INSERT")),
            ("/* app:7 */ Update t set a=1", Some("UPDATE")),
            ("-- x\n# y\n  (SELECT 1)", Some("SELECT")),
            ("/*!40000 ALTER TABLE t DISABLE KEYS */", Some("ALTER")),
            ("/* never ends", None),
            ("", None),
        ] {
            assert_eq!(command(statement).as_deref(), expected, "{statement}");
        }
    }

    #[test]
    fn a_statement_in_another_character_set_keeps_its_letters() {
        assert_eq!(unmarked(b"SELECT 'M\xfcller \x80'"), "SELECT 'Müller €'");
        assert_eq!(unmarked("SELECT 'Müller'".as_bytes()), "SELECT 'Müller'");
    }

    #[test]
    fn variables_that_are_not_known_lose_no_statement() {
        let variables = b"\x0d\x40\xe2\x01\x0b\x03kim\x09192.0.2.7\xc8zzz";
        let head = [&[9, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0][..], &[variables.len() as u8, 0], variables].concat();
        let query = Query::of(&[&head[..], b"shop\0DELETE FROM t"].concat(), 0).map(|q| {
            (
                q.thread,
                q.took_s,
                q.database.into_owned(),
                q.text.to_vec(),
                q.variables.microseconds,
                q.variables.invoker,
            )
        });
        let invoker = Some("kim@192.0.2.7".to_owned());
        assert_eq!(query, Some((9, 2, "shop".to_owned(), b"DELETE FROM t".to_vec(), 123_456, invoker)));
        assert_eq!(Query::of(&head[..20], 0), None);
    }
}
