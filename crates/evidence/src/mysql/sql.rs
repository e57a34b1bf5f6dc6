//! Statements in MySQL's dialect: their command, and where in their text one stands.

use crate::postgres::message;

/// Where in a statement's text one stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// Among words and signs.
    #[default]
    Code,
    /// Inside a string or a quoted name, by its quote.
    Quoted(u8),
    /// In a comment that ends with its line.
    LineComment,
    /// In a comment that ends with its mark.
    BlockComment,
}

/// Follows a statement line by line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexer {
    place: Place,
    /// Whether a backslash takes the meaning off a quote; not so under NO_BACKSLASH_ESCAPES.
    backslash: bool,
    has_code: bool,
}

impl Lexer {
    /// At the beginning of a statement.
    pub(crate) fn new(backslash: bool) -> Lexer {
        Lexer { place: Place::Code, backslash, has_code: false }
    }

    /// The lexer behind a whole statement.
    pub(crate) fn behind(text: &str, backslash: bool) -> Lexer {
        let mut lexer = Lexer::new(backslash);
        text.split('\n').for_each(|line| lexer.line(line));
        lexer
    }

    /// Takes the next line.
    pub(crate) fn line(&mut self, line: &str) {
        if self.place == Place::LineComment {
            self.place = Place::Code;
        }
        let bytes = line.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            at = match self.place {
                Place::Code => self.code(bytes, at),
                Place::Quoted(quote) => self.quoted(bytes, at, quote),
                Place::BlockComment => match memchr::memmem::find(&bytes[at..], b"*/") {
                    Some(end) => {
                        self.place = Place::Code;
                        at + end + 2
                    }
                    None => return,
                },
                Place::LineComment => return,
            };
        }
    }

    fn code(&mut self, bytes: &[u8], at: usize) -> usize {
        let rest = &bytes[at..];
        let comment = match rest[0] {
            b'#' => Some((Place::LineComment, 1)),
            b'-' if rest.starts_with(b"--") && rest.get(2).is_none_or(|b| *b <= b' ') => Some((Place::LineComment, 2)),
            // What `/*!` and `/*M!` enclose is run.
            b'/' if rest.starts_with(b"/*") && !rest.starts_with(b"/*!") && !rest.starts_with(b"/*M!") => {
                Some((Place::BlockComment, 2))
            }
            _ => None,
        };
        if let Some((place, length)) = comment {
            self.place = place;
            return at + length;
        }
        self.has_code |= rest[0] > b' ' && rest[0] != b';';
        if matches!(rest[0], b'\'' | b'"' | b'`') {
            self.place = Place::Quoted(rest[0]);
        }
        at + 1
    }

    /// Goes on to behind the quote that ends a string; a doubled one ends and begins, which comes to the same.
    fn quoted(&mut self, bytes: &[u8], at: usize, quote: u8) -> usize {
        let escapes = self.backslash && quote != b'`';
        let found =
            if escapes { memchr::memchr2(quote, b'\\', &bytes[at..]) } else { memchr::memchr(quote, &bytes[at..]) };
        match found {
            Some(n) if bytes[at + n] == quote => {
                self.place = Place::Code;
                at + n + 1
            }
            Some(n) => at + n + 2,
            None => bytes.len(),
        }
    }

    /// Where the text has come to.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Whether it stands inside a string, a quoted name or a comment with an end mark.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.place, Place::Quoted(_) | Place::BlockComment)
    }

    /// Whether anything but comments and semicolons was there.
    pub(crate) fn has_code(&self) -> bool {
        self.has_code
    }
}

/// Verbs that a statement may begin with.
const VERBS: &str = "SELECT INSERT UPDATE DELETE REPLACE SET SHOW USE CALL BEGIN COMMIT ROLLBACK START SAVEPOINT \
    RELEASE CREATE ALTER DROP TRUNCATE RENAME GRANT REVOKE PREPARE EXECUTE DEALLOCATE LOAD LOCK UNLOCK EXPLAIN \
    DESCRIBE DESC ANALYZE OPTIMIZE REPAIR CHECK CHECKSUM FLUSH KILL HANDLER DO CHANGE STOP RESET PURGE INSTALL \
    UNINSTALL XA SHUTDOWN RESTART CLONE IMPORT BINLOG BACKUP CACHE HELP SIGNAL VALUES TABLE";

/// The command of a statement: its verb, past comments and common table expressions.
pub(crate) fn command(sql: &str) -> Option<&'static str> {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c <= ' ' || c == '(');
        if let Some(comment) = rest.strip_prefix('#').or_else(|| rest.strip_prefix("--")) {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(inner) = rest.strip_prefix("/*!").or_else(|| rest.strip_prefix("/*M!")) {
            rest = inner.trim_start_matches(|c: char| c.is_ascii_digit());
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else if let Some(after) = rest.strip_prefix("*/") {
            rest = after;
        } else {
            break;
        }
    }
    let word = &rest[..rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len())];
    if word.eq_ignore_ascii_case("WITH") {
        return message::command(rest);
    }
    VERBS.split(' ').find(|verb| verb.eq_ignore_ascii_case(word))
}

/// The database that a `USE` statement changes to.
pub(crate) fn used_database(sql: &str) -> Option<&str> {
    let (word, name) = sql.trim_start().split_once(|c: char| c <= ' ')?;
    if !word.eq_ignore_ascii_case("USE") {
        return None;
    }
    let name = name.trim().trim_end_matches(';').trim_end();
    let bare = name.strip_prefix('`').and_then(|n| n.strip_suffix('`')).unwrap_or(name);
    (!bare.is_empty() && !bare.contains('\n')).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_command_is_the_main_verb() {
        for (sql, expect) in [
            ("select 1", Some("SELECT")),
            ("/*!40001 SELECT */ 1", Some("SELECT")),
            ("/*M!100100 SET @@MAX_STATEMENT_TIME=0 */", Some("SET")),
            ("# hi\n-- ho\n/* x */ (Replace into t", Some("REPLACE")),
            ("WITH a AS (SELECT ')' FROM t) DELETE FROM x", Some("DELETE")),
            ("SELEC 1", None),
            ("", None),
            ("/* never closed", None),
        ] {
            assert_eq!(command(sql), expect, "{sql}");
        }
        assert_eq!(used_database("use `shop`;"), Some("shop"));
        assert_eq!(used_database(" USE shop"), Some("shop"));
        assert_eq!(used_database("user"), None);
    }

    #[test]
    fn a_statement_is_open_inside_quotes_and_comments() {
        for (sql, open) in [
            ("SELECT 'a", true),
            ("SELECT 'a\\'b;", true),
            ("SELECT 'a''b';", false),
            ("SELECT \"it's\";", false),
            ("SELECT 1 /* it's\n*/;", false),
            ("SELECT 1 /* ;", true),
            ("SELECT 1 # it's;", false),
            ("SELECT 1 -- it's\n;", false),
            ("SELECT 1--1, 'a", true),
            ("SELECT `a\\`;", false),
            ("/*!40001 SELECT 'a*/' */ 1;", false),
        ] {
            assert_eq!(Lexer::behind(sql, true).is_open(), open, "{sql}");
        }
        assert!(!Lexer::behind("SELECT 'C:\\'", false).is_open());
        assert!(!Lexer::behind("-- a\n/* b */ # c;", true).has_code());
        assert_eq!(Lexer::behind("x -- y", true).place(), Place::LineComment);
    }

    proptest! {
        #[test]
        fn a_quoted_string_never_leaves_its_quotes(text in "\\PC{0,30}\n?\\PC{0,30}") {
            let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
            let sql = format!("SELECT '{escaped}");
            prop_assert!(Lexer::behind(&sql, true).is_open());
            let whole = format!("{sql}';");
            prop_assert_eq!(Lexer::behind(&whole, true).place(), Place::Code);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-#/*!'\"`\\\\; a\né(]{0,40}") {
            let _ = (Lexer::behind(&text, true), Lexer::behind(&text, false), command(&text), used_database(&text));
        }
    }
}
