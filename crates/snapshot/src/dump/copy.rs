//! Rows of `COPY … FROM stdin` in PostgreSQL's text format.

/// One row's cells, resolved; kept from row to row to spare memory.
#[derive(Default)]
pub(crate) struct CopyRow {
    bytes: Vec<u8>,
    /// End of each cell in `bytes`, and whether it is NULL.
    cells: Vec<(usize, bool)>,
    text: String,
    /// Whether foreign bytes were replaced in this row.
    pub(crate) replaced: bool,
}

/// The encodings that a dump's text may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8; what is not is replaced and counted.
    Utf8,
    /// ISO 8859-1.
    Latin1,
}

impl CopyRow {
    /// Takes a row's line apart. Any bytes are taken; foreign ones are replaced.
    pub(crate) fn split(&mut self, line: &[u8], encoding: Encoding) -> Vec<Option<&str>> {
        self.bytes.clear();
        self.cells.clear();
        self.replaced = false;
        for cell in line.split(|b| *b == b'\t') {
            if cell == b"\\N" {
                self.cells.push((self.bytes.len(), true));
                continue;
            }
            unescape(cell, &mut self.bytes);
            self.cells.push((self.bytes.len(), false));
        }
        self.text.clear();
        let whole = if encoding == Encoding::Utf8 { std::str::from_utf8(&self.bytes).ok() } else { None };
        match whole {
            // Tabs never stand inside a character, so the cells of a valid line are mostly valid too; a cell that ends inside a
            // character falls to the slow way.
            Some(text) if self.cells.iter().all(|(end, _)| text.is_char_boundary(*end)) => self.text.push_str(text),
            _ => self.decode(encoding),
        }
        let mut from = 0;
        let mut row = Vec::with_capacity(self.cells.len());
        for (end, null) in &self.cells {
            row.push((!null).then(|| &self.text[from..*end]));
            from = *end;
        }
        row
    }

    fn decode(&mut self, encoding: Encoding) {
        let mut from = 0;
        for (end, _) in &mut self.cells {
            let bytes = &self.bytes[from..*end];
            from = *end;
            match encoding {
                Encoding::Latin1 => self.text.extend(bytes.iter().map(|b| char::from(*b))),
                Encoding::Utf8 => {
                    let text = String::from_utf8_lossy(bytes);
                    self.replaced |= matches!(text, std::borrow::Cow::Owned(_));
                    self.text.push_str(&text);
                }
            }
            *end = self.text.len();
        }
    }
}

fn unescape(cell: &[u8], out: &mut Vec<u8>) {
    let mut rest = 0;
    while let Some(at) = memchr::memchr(b'\\', &cell[rest..]) {
        out.extend_from_slice(&cell[rest..rest + at]);
        rest = unescape_one(cell, rest + at, out);
    }
    out.extend_from_slice(&cell[rest..]);
}

/// Resolves the escape whose backslash stands at `at`; gives the place after it. A backslash at the end stands for itself.
pub(super) fn unescape_one(bytes: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    let Some(&kind) = bytes.get(at + 1) else {
        out.push(b'\\');
        return at + 1;
    };
    let digits = |from: usize, max: usize, radix: u32| {
        let mut value = 0u32;
        let mut n = 0;
        while let Some(digit) = bytes.get(from + n).and_then(|b| char::from(*b).to_digit(radix)).filter(|_| n < max) {
            value = value * radix + digit;
            n += 1;
        }
        (value as u8, n) // Three octal digits may exceed a byte; PostgreSQL keeps the low eight bits too.
    };
    let (byte, length) = match kind {
        b'b' => (8, 1),
        b'f' => (12, 1),
        b'n' => (b'\n', 1),
        b'r' => (b'\r', 1),
        b't' => (b'\t', 1),
        b'v' => (11, 1),
        b'0'..=b'7' => digits(at + 1, 3, 8),
        b'x' => match digits(at + 2, 2, 16) {
            (_, 0) => (b'x', 1),
            (byte, n) => (byte, n + 1),
        },
        other => (other, 1),
    };
    out.push(byte);
    at + 1 + length
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(line: &[u8]) -> Vec<Option<String>> {
        CopyRow::default().split(line, Encoding::Utf8).into_iter().map(|c| c.map(str::to_owned)).collect()
    }

    #[test]
    fn every_escape_of_the_text_format_is_resolved() {
        let line = br"a\tb	\N	\\N	\101\x42\x4	x\ny\rz	\q\	";
        insta::assert_debug_snapshot!(split(line), @r#"
        [
            Some(
                "a\tb",
            ),
            None,
            Some(
                "\\N",
            ),
            Some(
                "AB\u{4}",
            ),
            Some(
                "x\ny\rz",
            ),
            Some(
                "q\\",
            ),
            Some(
                "",
            ),
        ]
        "#);
    }

    #[test]
    fn foreign_bytes_are_replaced_and_told() {
        let mut row = CopyRow::default();
        assert_eq!(row.split(b"M\xfcller\tok", Encoding::Utf8), vec![Some("M\u{fffd}ller"), Some("ok")]);
        assert!(row.replaced);
        assert_eq!(row.split(b"M\xfcller\tok", Encoding::Latin1), vec![Some("Müller"), Some("ok")]);
        assert!(!row.replaced);
    }

    /// PostgreSQL's way of writing a cell.
    fn escape(cell: &Option<String>) -> String {
        let Some(cell) = cell else { return "\\N".into() };
        cell.chars()
            .map(|c| match c {
                '\\' => "\\\\".into(),
                '\n' => "\\n".into(),
                '\r' => "\\r".into(),
                '\t' => "\\t".into(),
                c => c.to_string(),
            })
            .collect()
    }

    proptest! {
        #[test]
        fn what_postgresql_writes_reads_back(cells in proptest::collection::vec(proptest::option::of("(?s).{0,20}"), 1..6)) {
            let line = cells.iter().map(escape).collect::<Vec<_>>().join("\t");
            prop_assert_eq!(split(line.as_bytes()), cells);
        }

        #[test]
        fn any_line_has_one_cell_more_than_tabs(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let tabs = line.iter().filter(|b| **b == b'\t').count();
            prop_assert_eq!(split(&line).len(), tabs + 1);
        }
    }
}
