//! Splits the text of a dump into statements, psql's own lines and rows of COPY data, as psql does.

use std::io::{self, BufRead};

/// Longest statement kept. Longer ones are skipped.
pub(super) const STATEMENT_MAX: usize = 64 << 20;
/// Longest row of COPY data kept. Longer ones are skipped. (PostgreSQL's own limit for one cell is 1 GB.)
pub(super) const ROW_MAX: usize = 256 << 20;

/// What comes next between rows of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A statement, without its semicolon.
    Statement,
    /// A statement that is too long to keep; the buffer has its beginning.
    TooLong,
    /// A `--` comment outside any statement.
    Comment,
    /// A line for psql itself: `\connect other`.
    Meta,
    /// The end; the buffer has a statement that never ended, or nothing.
    End,
}

/// What comes next inside COPY data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A row, without its newline.
    Row,
    /// A row that is too long to keep.
    TooLong,
    /// `\.`
    Done,
    /// The end of the text; the buffer has the part of a row that was still there.
    End,
}

/// The text of a dump.
pub(super) struct DumpText<R> {
    inner: R,
    /// Bytes taken so far.
    pub(super) offset: u64,
    /// Why reading stopped before the end of the file, if it did.
    pub(super) broken: Option<String>,
    /// `standard_conforming_strings` is off: a backslash escapes in plain strings too.
    pub(super) backslash_escapes: bool,
    /// Whether the statement being read was too long.
    overflown: bool,
}

impl<R: BufRead> DumpText<R> {
    pub(super) fn new(inner: R) -> Self {
        DumpText { inner, offset: 0, broken: None, backslash_escapes: false, overflown: false }
    }

    /// The buffered bytes; an error ends the text, and is kept.
    fn fill(&mut self) -> &[u8] {
        if self.broken.is_some() {
            return &[];
        }
        loop {
            match self.inner.fill_buf() {
                Ok(_) => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.broken = Some(e.to_string());
                    return &[];
                }
            }
        }
        // The buffer is filled, so this neither reads nor fails.
        self.inner.fill_buf().unwrap_or(&[])
    }

    fn peek(&mut self) -> Option<u8> {
        self.fill().first().copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.inner.consume(1);
        self.offset += 1;
        Some(byte)
    }

    fn keep(&mut self, out: &mut Vec<u8>, byte: u8) {
        if out.len() < STATEMENT_MAX {
            out.push(byte);
        } else {
            self.overflown = true;
        }
    }

    /// Takes bytes up to and with `end`. False if the text ended first.
    fn take_until(&mut self, end: u8, max: usize, out: &mut Vec<u8>) -> (bool, bool) {
        let mut fits = true;
        loop {
            let chunk = self.fill();
            if chunk.is_empty() {
                return (false, fits);
            }
            let found = memchr::memchr(end, chunk);
            let n = found.map_or(chunk.len(), |at| at + 1);
            if out.len() + n <= max {
                out.extend_from_slice(&chunk[..n]);
            } else {
                fits = false;
            }
            self.inner.consume(n);
            self.offset += n as u64;
            if found.is_some() {
                return (true, fits);
            }
        }
    }

    /// The next row of COPY data.
    pub(super) fn line(&mut self, out: &mut Vec<u8>) -> Line {
        out.clear();
        let (whole, fits) = self.take_until(b'\n', ROW_MAX, out);
        if whole && fits {
            out.pop();
        }
        if out.last() == Some(&b'\r') {
            out.pop(); // A carriage return in data is written as \r; this one came with the file.
        }
        match (whole, fits) {
            _ if out == b"\\." => Line::Done,
            (false, _) => Line::End,
            (true, false) => Line::TooLong,
            (true, true) => Line::Row,
        }
    }

    /// The next piece outside COPY data.
    pub(super) fn piece(&mut self, out: &mut Vec<u8>) -> Piece {
        out.clear();
        self.overflown = false;
        let mut depth = Depth::default();
        loop {
            let Some(byte) = self.take() else { return Piece::End };
            let blank = out.is_empty();
            match byte {
                b'-' if self.peek() == Some(b'-') => {
                    let mut comment = Vec::new();
                    self.take_until(b'\n', 4096, &mut comment);
                    if blank {
                        out.push(b'-');
                        out.extend_from_slice(comment.trim_ascii_end());
                        return Piece::Comment;
                    }
                    self.keep(out, b'\n');
                }
                b'/' if self.peek() == Some(b'*') => self.skip_comment(),
                b'\\' if blank => {
                    out.push(byte);
                    self.take_until(b'\n', 4096, out);
                    return Piece::Meta;
                }
                b';' if depth.is_zero() => {
                    return if self.overflown { Piece::TooLong } else { Piece::Statement };
                }
                b'\'' => self.string(out),
                b'"' => {
                    self.keep(out, byte);
                    self.quoted(b'"', out);
                }
                b'$' if !out.last().copied().is_some_and(is_word) => self.dollar(out),
                _ if blank && byte.is_ascii_whitespace() => {}
                _ => {
                    self.keep(out, byte);
                    if !is_word(byte) || !self.peek().is_some_and(is_word) {
                        depth.after(out, byte);
                    }
                }
            }
        }
    }

    /// The rest of a plain or `E''` string whose first quote was just taken.
    fn string(&mut self, out: &mut Vec<u8>) {
        let escapes = self.backslash_escapes || {
            let before = out.len().checked_sub(2).map(|at| out[at]);
            matches!(out.last(), Some(b'e' | b'E')) && !before.is_some_and(is_word)
        };
        self.keep(out, b'\'');
        if !escapes {
            return self.quoted(b'\'', out);
        }
        while let Some(byte) = self.take() {
            self.keep(out, byte);
            match byte {
                b'\\' => {
                    if let Some(escaped) = self.take() {
                        self.keep(out, escaped);
                    }
                }
                b'\'' if self.peek() == Some(b'\'') => {
                    self.take();
                    self.keep(out, b'\'');
                }
                b'\'' => return,
                _ => {}
            }
        }
    }

    /// Up to and with the next quote. A doubled quote reads as one string right behind another, which splits alike.
    fn quoted(&mut self, quote: u8, out: &mut Vec<u8>) {
        let (_, fits) = self.take_until(quote, STATEMENT_MAX, out);
        self.overflown |= !fits;
    }

    /// `$tag$ … $tag$`, or a lone dollar.
    fn dollar(&mut self, out: &mut Vec<u8>) {
        let mut tag = vec![b'$'];
        while self.peek().is_some_and(|b| is_word(b) && b != b'$') && tag.len() < 128 {
            tag.extend(self.take());
        }
        if self.peek() != Some(b'$') || tag.get(1).is_some_and(u8::is_ascii_digit) {
            for byte in tag {
                self.keep(out, byte);
            }
            return;
        }
        tag.extend(self.take());
        for byte in &tag {
            self.keep(out, *byte);
        }
        let mut tail: Vec<u8> = Vec::with_capacity(tag.len() + 1);
        while let Some(byte) = self.take() {
            self.keep(out, byte);
            if tail.len() == tag.len() {
                tail.remove(0);
            }
            tail.push(byte);
            if byte == b'$' && tail == tag {
                return;
            }
        }
    }

    /// The rest of a comment, which may hold others.
    fn skip_comment(&mut self) {
        let mut depth = 0u32;
        let mut last = b'/';
        while let Some(byte) = self.take() {
            match (last, byte) {
                (b'/', b'*') => (depth, last) = (depth + 1, 0),
                (b'*', b'/') => (depth, last) = (depth.saturating_sub(1), 0),
                _ => last = byte,
            }
            if depth == 0 {
                return;
            }
        }
    }
}

/// Whether a byte can stand inside a name.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// How deep in parentheses and in `BEGIN ATOMIC … END` bodies a semicolon stands.
#[derive(Default)]
struct Depth {
    parens: u32,
    blocks: u32,
    routine: Option<bool>,
}

impl Depth {
    fn is_zero(&self) -> bool {
        self.parens == 0 && self.blocks == 0
    }

    /// Called after the last byte of each word, and after each byte that belongs to none.
    fn after(&mut self, out: &[u8], byte: u8) {
        match byte {
            b'(' => self.parens += 1,
            b')' => self.parens = self.parens.saturating_sub(1),
            _ if is_word(byte) => self.word(out),
            _ => {}
        }
    }

    fn word(&mut self, out: &[u8]) {
        let start = out.iter().rposition(|b| !is_word(*b)).map_or(0, |at| at + 1);
        let word = &out[start..];
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if self.routine.is_none() && (is("function") || is("procedure")) {
            // Only CREATE [OR REPLACE] FUNCTION has a body.
            self.routine = Some(out.len() < 64 && out.get(..6).is_some_and(|c| c.eq_ignore_ascii_case(b"create")));
        }
        if self.routine != Some(true) {
            return;
        }
        if is("begin") || (self.blocks > 0 && is("case")) {
            self.blocks += 1;
        } else if is("end") {
            self.blocks = self.blocks.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(sql: &str) -> Vec<String> {
        let mut text = DumpText::new(sql.as_bytes());
        let mut out = Vec::new();
        let mut all = Vec::new();
        loop {
            let piece = text.piece(&mut out);
            let shown = String::from_utf8_lossy(&out).replace('\n', "⏎");
            match piece {
                Piece::End if out.is_empty() => return all,
                Piece::End => {
                    all.push(format!("unfinished {shown}"));
                    return all;
                }
                _ => all.push(format!("{piece:?} {shown}")),
            }
        }
    }

    #[test]
    fn semicolons_inside_strings_names_bodies_and_comments_do_not_end_a_statement() {
        let sql = "-- PostgreSQL database dump\n\\restrict abc\nSET x = 'a;''b\\';\nSELECT E'a\\';b';\n\
                   CREATE TABLE \"we;ird\" (id int /* a; /* b; */ c; */);\n\
                   CREATE FUNCTION f() AS $_$ begin; $$ ; $x$ ; end $_$;\n\
                   CREATE FUNCTION g() BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;\n\
                   CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2); SELECT $1; INSERT INTO t VALUES ('cut";
        insta::assert_snapshot!(pieces(sql).join("\n"), @r#"
        Comment -- PostgreSQL database dump
        Meta \restrict abc⏎
        Statement SET x = 'a;''b\'
        Statement SELECT E'a\';b'
        Statement CREATE TABLE "we;ird" (id int )
        Statement CREATE FUNCTION f() AS $_$ begin; $$ ; $x$ ; end $_$
        Statement CREATE FUNCTION g() BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END
        Statement CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)
        Statement SELECT $1
        unfinished INSERT INTO t VALUES ('cut
        "#);
    }

    #[test]
    fn rows_end_at_the_dot_and_a_part_of_a_row_is_told_apart() {
        let mut text = DumpText::new(b"1\ta\r\n2\tb\\.\n\\.\n3\tcut".as_slice());
        let mut out = Vec::new();
        let mut lines = Vec::new();
        for _ in 0..4 {
            let line = text.line(&mut out);
            lines.push(format!("{line:?} {:?}", String::from_utf8_lossy(&out)));
        }
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Row "1\ta"
        Row "2\tb\\."
        Done "\\."
        End "3\tcut"
        "#);
        assert_eq!(text.offset, 19);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut text = DumpText::new(bytes.as_slice());
            let mut out = Vec::new();
            while text.piece(&mut out) != Piece::End {}
            prop_assert_eq!(text.offset, bytes.len() as u64);
        }
    }
}
