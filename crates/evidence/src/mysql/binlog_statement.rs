//! Where a statement ends in what mysqlbinlog prints. Its text is printed as it is, line feeds included, so that it can
//! hold the lines that end statements and begin events. The event before it tells at which byte of the binary log the
//! next begins, and so also how long the statement can be at most: of all places within that length where it could end,
//! the last one counts behind which the next event begins at that byte.

use crate::held::KeptLine;
use crate::lines::Line;
use crate::mysql::sql::Lexer;

/// The line that ends a statement.
pub(crate) const DELIMITER: &str = "/*!*/;";

/// Collects a statement's lines, and some behind it until its end is certain.
pub(crate) struct StatementLines {
    lines: Vec<KeptLine>,
    bytes: u64,
    lexer: Lexer,
    /// Bytes of the event, where both of its ends are known.
    size: Option<u64>,
    /// Where the next event begins.
    next: Option<u64>,
    /// The last end behind which the next event begins where it must.
    certain: Option<usize>,
    /// The first end outside quotes and comments.
    likely: Option<usize>,
    /// The last end of all.
    last: Option<usize>,
    lines_max: u64,
    bytes_max: u64,
}

/// A statement with what was read behind it.
pub(crate) struct Ended {
    /// All lines that were collected.
    pub(crate) lines: Vec<KeptLine>,
    /// How many of them are the statement's.
    pub(crate) statement: usize,
    /// How many further ones end it.
    pub(crate) delimiters: usize,
    /// Whether its end is not certain.
    pub(crate) in_doubt: bool,
    /// Whether it has none.
    pub(crate) is_cut: bool,
}

impl StatementLines {
    /// `size` is how many bytes the event has, `next` where the next one begins.
    pub(crate) fn new(
        size: Option<u64>,
        next: Option<u64>,
        backslash: bool,
        (lines_max, bytes_max): (u64, u64),
    ) -> Self {
        StatementLines {
            lines: Vec::new(),
            bytes: 0,
            lexer: Lexer::new(backslash),
            size,
            next,
            certain: None,
            likely: None,
            last: None,
            lines_max,
            bytes_max,
        }
    }

    /// Takes a line. True if enough is known to tell where the statement ends.
    pub(crate) fn push(&mut self, line: &Line<'_>) -> bool {
        let at = self.lines.len();
        let follows_delimiter = at > 0 && self.last == Some(at - 1);
        if line.text == DELIMITER {
            self.last = Some(at);
            if !self.lexer.is_open() {
                self.likely.get_or_insert(at);
            }
        } else if follows_delimiter
            && let Some(position) = event_position(line.text)
            && Some(position) == self.next
        {
            self.certain = Some(at - 1);
        }
        self.lexer.line(line.text);
        let mut kept = KeptLine::default();
        kept.fill(line);
        self.lines.push(kept);
        self.bytes += line.raw.len() as u64 + 1;
        let is_long = self.lines.len() as u64 > self.lines_max || self.bytes > self.bytes_max;
        is_long || self.size.map_or(self.likely.is_some_and(|end| end < at), |size| self.bytes > size)
    }

    /// The statement, and what was read behind it.
    pub(crate) fn end(self) -> Ended {
        let end = self.certain.or(self.likely).or(self.last);
        let has_other_ends = self.last != end;
        Ended {
            statement: end.unwrap_or(self.lines.len()),
            delimiters: usize::from(end.is_some()),
            in_doubt: self.certain.is_none() && has_other_ends
                || end.is_some() && end != self.certain && end != self.likely,
            is_cut: end.is_none(),
            lines: self.lines,
        }
    }
}

/// The number in `# at 4711`.
pub(crate) fn event_position(text: &str) -> Option<u64> {
    text.strip_prefix("# at ")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_model::Position;

    fn statement(text: &str, size: Option<u64>, next: u64) -> (usize, bool, bool) {
        let mut lines = StatementLines::new(size, Some(next), true, (u64::MAX, u64::MAX));
        let position = Position { line: 1, offset: 0, length: 0 };
        for text in text.split('\n') {
            if lines.push(&Line { text, raw: text.as_bytes(), position }) {
                break;
            }
        }
        let ended = lines.end();
        (ended.statement, ended.in_doubt, ended.is_cut)
    }

    #[test]
    fn a_statement_ends_where_the_next_event_begins_where_it_must() {
        let plain = "DELETE FROM t\n/*!*/;\n# at 200\n#260302 21:14:05 server id 1  end_log_pos 231 \tXid = 5";
        assert_eq!(statement(plain, Some(70), 200), (1, false, false));
        assert_eq!(statement(plain, None, 200), (1, false, false));
        let forged = "DELETE FROM t;\n/*!*/;\n# at 200\n### DELETE FROM `a`.`b`\n/*!*/;\n# at 200\n#26";
        assert_eq!(statement(forged, Some(75), 200), (4, false, false));
        let elsewhere =
            "DELETE FROM t;\n/*!*/;\n# at 999\n### DELETE FROM `a`.`b`\n/*!*/;\n# at 200\n#260302 21:14:05 server id 1";
        assert_eq!(statement(elsewhere, Some(90), 200), (4, false, false));
    }

    #[test]
    fn without_the_next_event_the_end_is_outside_quotes_and_may_be_in_doubt() {
        assert_eq!(statement("SELECT 'a\n/*!*/;\n'\n/*!*/;\n# at 300", Some(40), 200), (3, false, false));
        assert_eq!(
            statement("DELETE FROM t;\n/*!*/;\n# at 300\n#x\n/*!*/;\n# at 400", Some(60), 200),
            (1, true, false)
        );
        assert_eq!(statement("DELETE FROM t", Some(60), 200), (1, false, true));
    }
}
