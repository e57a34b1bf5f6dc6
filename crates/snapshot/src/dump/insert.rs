//! Rows of `INSERT INTO … VALUES …`, as `pg_dump --inserts` writes them.

use super::cursor::{Cursor, Qualified};
use super::lex::Token;
use std::borrow::Cow;

/// What stands before the rows.
pub(super) struct InsertHead {
    pub(super) table: Qualified,
    pub(super) columns: Option<Vec<String>>,
}

/// Reads up to `VALUES`. Nothing if it is another kind of INSERT.
pub(super) fn head(words: &mut Cursor<'_>) -> Option<InsertHead> {
    if !words.eat("INSERT INTO") {
        return None;
    }
    let table = words.qualified()?;
    let columns = words.names_in_parens();
    let _ = words.eat("OVERRIDING SYSTEM VALUE") || words.eat("OVERRIDING USER VALUE");
    if words.eat("DEFAULT VALUES") {
        return None;
    }
    words.eat("VALUES").then_some(InsertHead { table, columns })
}

/// A value of a row.
pub(super) enum Value {
    /// Its text, or NULL.
    Cell(Option<String>),
    /// An expression that only the server could compute.
    Expression,
}

/// The next row, or nothing after the last.
pub(super) fn row(words: &mut Cursor<'_>) -> Option<Vec<Value>> {
    words.eat_mark(',');
    if !words.eat_mark('(') {
        return None;
    }
    let mut row = Vec::new();
    loop {
        row.push(value(words));
        words.skip_to(&[',', ')']);
        if !words.eat_mark(',') {
            words.eat_mark(')');
            return Some(row);
        }
    }
}

fn value(words: &mut Cursor<'_>) -> Value {
    let start = words.place();
    let negative = words.eat_mark('-');
    let cell = match words.next() {
        Some(Token::Text(text)) if !negative => Some(Cow::into_owned(text.clone())),
        Some(Token::Bits(bits)) if !negative => Some((*bits).to_owned()),
        Some(Token::Number(n)) => Some(if negative { format!("-{n}") } else { (*n).to_owned() }),
        Some(Token::Word(w)) if w.eq_ignore_ascii_case("NULL") || w.eq_ignore_ascii_case("DEFAULT") => None,
        Some(Token::Word(w)) if w.eq_ignore_ascii_case("TRUE") => Some("t".to_owned()),
        Some(Token::Word(w)) if w.eq_ignore_ascii_case("FALSE") => Some("f".to_owned()),
        _ => return Value::Expression,
    };
    // A cast changes no text; anything else makes it an expression.
    let from = words.place();
    if words.is_mark(':') {
        words.skip_to(&[',', ')']);
        let cast = words.between(from, words.place());
        return if cast.starts_with("::") { Value::Cell(cell) } else { Value::Expression };
    }
    let over = words.is_mark(',') || words.is_mark(')') || words.place() == start;
    if over { Value::Cell(cell) } else { Value::Expression }
}
