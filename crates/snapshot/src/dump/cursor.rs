//! Walks the words of one statement.

use super::lex::{Lexed, Token, lex};

/// A place in a statement. Every step either advances or leaves it where it was.
pub(super) struct Cursor<'a> {
    sql: &'a str,
    words: Vec<Lexed<'a>>,
    at: usize,
    /// What an unqualified name belongs to.
    schema: &'a str,
}

/// A name with the schema it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Qualified {
    pub(super) schema: String,
    pub(super) name: String,
}

impl Qualified {
    pub(super) fn shown(&self) -> String {
        crate::names::shown(&self.schema, &self.name)
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn new(sql: &'a str, schema: &'a str, backslash: bool) -> Self {
        Cursor { sql, words: lex(sql, backslash), at: 0, schema }
    }

    pub(super) fn peek(&self) -> Option<&Token<'a>> {
        self.words.get(self.at).map(|l| &l.token)
    }

    pub(super) fn next(&mut self) -> Option<&Token<'a>> {
        let token = self.words.get(self.at).map(|l| &l.token);
        self.at += usize::from(token.is_some());
        token
    }

    pub(super) fn done(&self) -> bool {
        self.at >= self.words.len()
    }

    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(w)) if w.eq_ignore_ascii_case(keyword))
    }

    pub(super) fn is_mark(&self, mark: char) -> bool {
        self.peek() == Some(&Token::Mark(mark))
    }

    /// Takes the keywords if all of them come next.
    pub(super) fn eat(&mut self, keywords: &str) -> bool {
        let start = self.at;
        for keyword in keywords.split(' ') {
            if !self.is(keyword) {
                self.at = start;
                return false;
            }
            self.at += 1;
        }
        true
    }

    pub(super) fn eat_mark(&mut self, mark: char) -> bool {
        let found = self.is_mark(mark);
        self.at += usize::from(found);
        found
    }

    /// A name; unquoted ones fold to lower case, as PostgreSQL does.
    pub(super) fn name(&mut self) -> Option<String> {
        let name = match self.peek()? {
            Token::Word(w) => w.to_lowercase(),
            Token::Name(n) => n.to_string(),
            _ => return None,
        };
        self.at += 1;
        Some(name)
    }

    /// `schema.name` or `name`.
    pub(super) fn qualified(&mut self) -> Option<Qualified> {
        let first = self.name()?;
        if !self.eat_mark('.') {
            return Some(Qualified { schema: self.schema.to_owned(), name: first });
        }
        let second = self.name()?;
        if self.eat_mark('.') {
            // database.schema.name
            return Some(Qualified { schema: second, name: self.name()? });
        }
        Some(Qualified { schema: first, name: second })
    }

    /// `(a, b, "C")`.
    pub(super) fn names_in_parens(&mut self) -> Option<Vec<String>> {
        if !self.eat_mark('(') {
            return None;
        }
        let mut names = Vec::new();
        while !self.eat_mark(')') {
            names.push(self.name()?);
            if !self.eat_mark(',') && !self.is_mark(')') {
                return None;
            }
        }
        Some(names)
    }

    /// What stands between parentheses, as written; nothing if none open here.
    pub(super) fn parens(&mut self) -> Option<&'a str> {
        if !self.is_mark('(') {
            return None;
        }
        let from = self.words[self.at].to;
        let mut to = self.sql.len();
        let mut depth = 0usize;
        while let Some(word) = self.words.get(self.at) {
            self.at += 1;
            match word.token {
                Token::Mark('(') => depth += 1,
                Token::Mark(')') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                to = word.from;
                break;
            }
        }
        Some(self.sql[from..to].trim())
    }

    /// Skips to the next of `marks` outside parentheses and brackets, not taking it.
    pub(super) fn skip_to(&mut self, marks: &[char]) {
        let mut depth = 0usize;
        while let Some(token) = self.peek() {
            match token {
                Token::Mark(m) if depth == 0 && marks.contains(m) => return,
                Token::Mark('(' | '[') => depth += 1,
                Token::Mark(')' | ']') => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Skips past the next of these keywords at any depth. False if there is none; then nothing is skipped.
    pub(super) fn skip_past(&mut self, keyword: &str) -> bool {
        let found = self.words[self.at.min(self.words.len())..]
            .iter()
            .position(|l| matches!(&l.token, Token::Word(w) if w.eq_ignore_ascii_case(keyword)));
        if let Some(n) = found {
            self.at += n + 1;
        }
        found.is_some()
    }

    /// Where the next word starts in the statement.
    pub(super) fn place(&self) -> usize {
        self.words.get(self.at).map_or(self.sql.len(), |l| l.from)
    }

    /// The statement's text between two places, blanks trimmed.
    pub(super) fn between(&self, from: usize, to: usize) -> &'a str {
        self.sql.get(from..to).unwrap_or("").trim()
    }

    /// The rest of the statement as written.
    pub(super) fn rest(&self) -> &'a str {
        self.between(self.place(), self.sql.len())
    }
}
