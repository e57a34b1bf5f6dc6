//! SQL statements as shapes: the same text with its literals taken out. Only for telling habits apart; exposure parses them properly.

use crate::names::Fnv;
use std::collections::BTreeSet;

/// Bytes of a statement that are looked at.
const STATEMENT_BYTES_MAX: usize = 16 << 10;

/// What a statement is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Habit {
    /// First word, upper case.
    pub(crate) command: String,
    /// Stands for the text without literals.
    pub(crate) shape: u64,
    /// Names after FROM, JOIN, INTO, UPDATE, COPY, TABLE; lower case, without quotes and schema.
    pub(crate) tables: BTreeSet<String>,
}

/// Reads a statement's habit.
pub(crate) fn habit(statement: &str) -> Habit {
    let statement = &statement[..statement.floor_char_boundary(STATEMENT_BYTES_MAX)];
    let mut habit = Habit { command: String::new(), shape: 0, tables: BTreeSet::new() };
    let mut hash = Fnv::new();
    let mut last_was_literal = false;
    let mut names_table = false;
    for token in (Tokens { rest: statement }) {
        match token {
            Token::Literal => {
                if !last_was_literal {
                    hash.push(b"? ");
                }
                last_was_literal = true;
                names_table = false;
            }
            // A list of literals is one literal, however long.
            Token::Mark(",") if last_was_literal => {}
            Token::Mark(mark) => {
                last_was_literal = false;
                names_table = false;
                hash.push(mark.as_bytes());
            }
            Token::Word(word) => {
                last_was_literal = false;
                let lower = word.to_ascii_lowercase();
                if habit.command.is_empty() {
                    habit.command = word.to_ascii_uppercase();
                }
                if names_table && !matches!(lower.as_str(), "select" | "only" | "lateral") {
                    habit.tables.insert(table_name(&lower));
                }
                names_table = matches!(lower.as_str(), "from" | "join" | "into" | "update" | "copy" | "table" | "only");
                hash.push(lower.as_bytes());
                hash.push(b" ");
            }
        }
    }
    habit.shape = hash.finish();
    habit
}

fn table_name(word: &str) -> String {
    let name = word.rsplit('.').next().unwrap_or(word).trim_matches(['"', '`']);
    name[..name.floor_char_boundary(64)].to_owned()
}

enum Token<'a> {
    Literal,
    Word(&'a str),
    Mark(&'a str),
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn take(&mut self, length: usize) -> &'a str {
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        token
    }

    /// Skips white space and comments.
    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let length = if self.rest.starts_with("--") {
                self.rest.find('\n').unwrap_or(self.rest.len())
            } else if self.rest.starts_with("/*") {
                self.rest.find("*/").map_or(self.rest.len(), |at| at + 2)
            } else {
                return;
            };
            self.take(length);
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip();
        let first = self.rest.chars().next()?;
        if first == '\'' {
            let end = self.rest[1..].find('\'').map_or(self.rest.len(), |at| at + 2);
            self.take(end);
            return Some(Token::Literal);
        }
        if first.is_ascii_digit() || (first == '$' && self.rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let end =
                self.rest[1..].find(|c: char| !(c.is_alphanumeric() || c == '.')).map_or(self.rest.len(), |at| at + 1);
            self.take(end);
            return Some(Token::Literal);
        }
        let part_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '`');
        if part_of_word(first) {
            let end = self.rest.find(|c: char| !part_of_word(c)).unwrap_or(self.rest.len());
            return Some(Token::Word(self.take(end)));
        }
        Some(Token::Mark(self.take(first.len_utf8())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn literals_do_not_make_another_shape() {
        let shape = |s| habit(s).shape;
        assert_eq!(
            shape("SELECT a FROM t WHERE id = 4 AND n IN (1,2,3)"),
            shape("select a from t\n where id=$1 and n in ('x')")
        );
        assert_ne!(shape("SELECT a FROM t"), shape("SELECT b FROM t"));
    }

    #[test]
    fn tables_and_command_are_read() {
        let h =
            habit("/* x */ COPY (SELECT o.number FROM public.\"order_order\" o JOIN order_line l ON true) TO STDOUT");
        assert_eq!(h.command, "COPY");
        assert_eq!(h.tables.into_iter().collect::<Vec<_>>(), ["order_line", "order_order"]);
    }

    proptest! {
        #[test]
        fn no_statement_panics(statement in "\\PC{0,300}") {
            habit(&statement);
        }
    }
}
