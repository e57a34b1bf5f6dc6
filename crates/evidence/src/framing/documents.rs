//! Cuts JSON documents into the objects that are their records, without holding more than one.

use crate::framing::Inside;
use crate::json;
use crate::lines::RawLine;
use crate::reader::json_records::refusal;
use stanch_model::Position;

/// Records of a document that are looked at to tell whose they are, and bytes of one.
const LOOKED_AT: u32 = 8;
const LOOKED_AT_BYTES: usize = 1 << 20;
/// Bytes of a key that are looked at.
const KEY_BYTES: usize = 64;
/// Bytes kept of a record that is too long to be held.
const BEGINNING_BYTES: usize = 256;

/// Whether a sample is the beginning of a document rather than of JSON lines: an array of objects, an object that keeps
/// records of a format under one of its keys, or an object that spreads over lines. Then gives those keys: others are
/// part of a record, whatever they are called.
pub(super) fn keys_of_document(sample: &[u8], inside: &[Inside]) -> Option<Vec<String>> {
    let text = sample.strip_prefix(b"\xef\xbb\xbf").unwrap_or(sample).trim_ascii_start();
    match text.first()? {
        b'[' => matches!(text[1..].trim_ascii_start().first(), Some(b'{')).then(Vec::new),
        b'{' => {
            let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
            let whole = std::str::from_utf8(line).ok().and_then(json::members);
            let (looked_at, may_be) = match &whole {
                // Nothing but this one object may be in the file.
                Some(_) if text.trim_ascii_end().len() > line.len() => (line, Emptiness::IsNone),
                _ => (text, Emptiness::IsRecords),
            };
            let is_there = |key: &str| whole.as_ref().is_none_or(|members| members.iter().any(|(k, _)| k == key));
            let keeps = |of: &&Inside| is_there(&of.key) && keeps_records(looked_at, of, may_be);
            let keys: Vec<String> = inside.iter().filter(keeps).map(|of| of.key.clone()).collect();
            (!keys.is_empty() || whole.is_none() && is_spread(line)).then_some(keys)
        }
        _ => None,
    }
}

/// What an array without a whole record says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Emptiness {
    /// It may keep records.
    IsRecords,
    /// Nothing.
    IsNone,
}

/// Whether the object that begins a text keeps records of the formats under their key.
fn keeps_records(text: &[u8], of: &Inside, emptiness: Emptiness) -> bool {
    let (mut found, mut fit) = (0, 0);
    let mut cutter = DocumentCutter::new(std::slice::from_ref(&of.key), LOOKED_AT_BYTES);
    cutter.feed(text, |record| {
        if found < LOOKED_AT && record.too_long.is_none() {
            found += 1;
            let text = String::from_utf8_lossy(record.bytes);
            fit += u32::from(of.rules.iter().any(|rules| refusal(&text, rules).is_none()));
        }
    });
    cutter.arrays > 0 && (fit > 0 || found == 0 && emptiness == Emptiness::IsRecords)
}

/// Whether a line can only be the first of an object in several: it ends behind a brace, a bracket, or a comma.
fn is_spread(line: &[u8]) -> bool {
    matches!(line.trim_ascii_end().last(), Some(b'{' | b'[' | b','))
}

/// Cuts documents.
#[derive(Clone)]
pub(crate) struct DocumentCutter {
    inside: Vec<String>,
    record_bytes_max: usize,
    offset: u64,
    records: u64,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// The last string at the depth of the outermost object's keys.
    key: Vec<u8>,
    /// Depth of the array whose elements are records, while inside it.
    array: Option<u32>,
    /// Arrays of records found so far.
    arrays: u64,
    /// Whether the object at the top has given records from inside it, so that it is none itself.
    gave: bool,
    held: Held,
}

/// The bytes of what may be a record.
#[derive(Clone, Default)]
struct Held {
    is_on: bool,
    /// No object: bytes that should not stand where they do, up to the end of the line.
    stray: bool,
    start: u64,
    length: u64,
    bytes: Vec<u8>,
}

impl DocumentCutter {
    pub(super) fn new(inside: &[String], record_bytes_max: usize) -> DocumentCutter {
        DocumentCutter {
            inside: inside.to_vec(),
            record_bytes_max,
            offset: 0,
            records: 0,
            depth: 0,
            in_string: false,
            escaped: false,
            key: Vec::new(),
            array: None,
            arrays: 0,
            gave: false,
            held: Held::default(),
        }
    }

    pub(super) fn feed(&mut self, chunk: &[u8], mut on_record: impl FnMut(RawLine<'_>)) {
        let mut at = 0;
        while at < chunk.len() {
            if self.in_string && !self.escaped {
                // Most bytes stand in strings.
                let skip = memchr::memchr2(b'"', b'\\', &chunk[at..]).unwrap_or(chunk.len() - at);
                if skip > 0 {
                    self.take(&chunk[at..at + skip]);
                    at += skip;
                    continue;
                }
            }
            self.byte(chunk[at], &mut on_record);
            at += 1;
        }
    }

    pub(super) fn finish(&mut self, mut on_record: impl FnMut(RawLine<'_>)) {
        if self.held.is_on && !self.held.bytes.trim_ascii().is_empty() {
            self.hand_out(&mut on_record);
        }
    }

    /// Takes bytes that change nothing.
    fn take(&mut self, bytes: &[u8]) {
        if self.in_string && self.depth == 1 && self.key.len() < KEY_BYTES {
            self.key.extend_from_slice(&bytes[..bytes.len().min(KEY_BYTES)]);
        }
        self.keep(bytes);
        self.offset += bytes.len() as u64;
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.held.is_on {
            self.held.length += bytes.len() as u64;
            let room = self.record_bytes_max.saturating_sub(self.held.bytes.len());
            self.held.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn byte(&mut self, b: u8, on_record: &mut impl FnMut(RawLine<'_>)) {
        if self.in_string {
            self.take(&[b]);
            match b {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        if self.held.stray {
            return self.stray_byte(b, on_record);
        }
        match b {
            b'{' | b'[' => self.open(b),
            b'}' | b']' => self.close(b, on_record),
            b'"' if self.held.is_on => {
                self.take(b"\"");
                self.key.clear();
                self.in_string = true;
            }
            b'"' if self.between_records() => self.stray(b),
            b'"' => {
                self.offset += 1;
                self.key.clear();
                self.in_string = true;
            }
            _ if self.between_records() && !matches!(b, b',' | b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf) => {
                self.stray(b);
            }
            _ => self.take(&[b]),
        }
    }

    /// Whether a record may begin here and nothing else than commas and blanks may stand.
    fn between_records(&self) -> bool {
        !self.held.is_on && (self.depth == 0 || self.array == Some(self.depth))
    }

    fn open(&mut self, b: u8) {
        if self.between_records() {
            if b == b'{' {
                self.begin();
            } else if self.depth == 0 {
                self.array = Some(1);
                self.arrays += 1;
            }
        } else if b == b'[' && self.depth == 1 && self.array.is_none() && self.key_is_inside() {
            // What was held is the envelope of the records that follow.
            self.held.is_on = false;
            self.array = Some(2);
            self.arrays += 1;
            self.gave = true;
        }
        self.take(&[b]);
        self.depth += 1;
    }

    fn key_is_inside(&self) -> bool {
        // `take` has kept the key with its closing quote.
        let key = self.key.strip_suffix(b"\"").unwrap_or(&self.key);
        self.inside.iter().any(|k| k.as_bytes() == key)
    }

    fn close(&mut self, b: u8, on_record: &mut impl FnMut(RawLine<'_>)) {
        if self.depth == 0 {
            return self.stray(b);
        }
        if self.array == Some(self.depth) && b == b']' {
            self.array = None;
        }
        self.take(&[b]);
        self.depth -= 1;
        let is_back = self.depth == 0 || self.array == Some(self.depth);
        if is_back && self.held.is_on {
            self.hand_out(on_record);
        }
        if self.depth == 0 {
            self.gave = false;
        }
    }

    fn begin(&mut self) {
        self.held.is_on = true;
        self.held.stray = false;
        self.held.start = self.offset;
        self.held.length = 0;
        self.held.bytes.clear();
    }

    fn stray(&mut self, b: u8) {
        self.begin();
        self.held.stray = true;
        self.take(&[b]);
    }

    fn stray_byte(&mut self, b: u8, on_record: &mut impl FnMut(RawLine<'_>)) {
        if b == b'\n' {
            self.hand_out(on_record);
        }
        self.take(&[b]);
    }

    fn hand_out(&mut self, on_record: &mut impl FnMut(RawLine<'_>)) {
        self.records += 1;
        let length = self.held.length;
        let too_long = (length > self.record_bytes_max as u64).then_some(length);
        let kept = if too_long.is_some() { self.held.bytes.len().min(BEGINNING_BYTES) } else { self.held.bytes.len() };
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let position = Position { line: self.records, offset: self.held.start, length };
        on_record(RawLine { bytes: &self.held.bytes[..kept], position, too_long });
        self.held.is_on = false;
        self.held.stray = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::rules::{Rules, RulesPack};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn inside() -> Vec<String> {
        vec!["Records".to_owned(), "value".to_owned()]
    }

    fn cut(chunks: &[&[u8]]) -> Vec<(u64, u64, String)> {
        let mut cutter = DocumentCutter::new(&inside(), 64);
        let mut found = Vec::new();
        let mut take = |r: RawLine<'_>| {
            let text = String::from_utf8_lossy(r.bytes).into_owned();
            found.push((r.position.line, r.position.offset, text));
        };
        for chunk in chunks {
            cutter.feed(chunk, &mut take);
        }
        cutter.finish(&mut take);
        found
    }

    fn texts(document: &str) -> Vec<String> {
        cut(&[document.as_bytes()]).into_iter().map(|(.., text)| text).collect()
    }

    #[test]
    fn records_are_found_wherever_a_document_keeps_them() {
        let two = [r#"{"a":1}"#, r#"{"a":{"b":"]}"}}"#];
        assert_eq!(texts(r#"{"Records":[{"a":1},{"a":{"b":"]}"}}]}"#), two);
        assert_eq!(texts("[\n  {\"a\":1},\n{\"a\":{\"b\":\"]}\"}}\n]\n"), two);
        assert_eq!(texts("{\"next\":null,\"value\" : [ {\"a\":1}, {\"a\":{\"b\":\"]}\"}} ] }\n"), two);
        assert_eq!(texts("{\"a\":1}\n{\"a\":{\"b\":\"]}\"}}"), two);
        assert_eq!(texts("{\n \"a\": 1\n}"), ["{\n \"a\": 1\n}"]);
        assert_eq!(texts("{\"Records\":[{\"a\":1}]}{\"Records\":[{\"a\":{\"b\":\"]}\"}}]}"), two);
    }

    #[test]
    fn what_is_no_record_is_handed_out_and_nothing_behind_it_is_lost() {
        assert_eq!(texts("[{\"a\":1},\nERROR lost\n{\"b\":2}]"), [r#"{"a":1}"#, "ERROR lost", r#"{"b":2}"#]);
        assert_eq!(texts(r#"{"Records":[]}{"other":[{"a":1}]}"#), [r#"{"other":[{"a":1}]}"#]);
        assert_eq!(texts(r#"[{"a":1},{"b":"#), [r#"{"a":1}"#, r#"{"b":"#]);
        assert_eq!(texts("]]}\n{\"a\":1}"), ["]]}", r#"{"a":1}"#]);
    }

    #[test]
    fn a_document_is_told_from_json_lines() {
        let rules: RulesPack = serde_json::from_str(r#"{"needs":["a"]}"#).unwrap();
        let rules = vec![Arc::new(Rules::compile("x", &rules).unwrap())];
        let inside: Vec<Inside> = inside().into_iter().map(|key| Inside { key, rules: rules.clone() }).collect();
        let keys = |text: &str| keys_of_document(text.as_bytes(), &inside).map(|keys| keys.join(","));
        assert_eq!(keys("[{\"a\":1}]").as_deref(), Some(""));
        assert_eq!(keys("{\n\"a\":1}").as_deref(), Some(""));
        assert_eq!(keys(" {\"Records\":[{\"a\":1}]}").as_deref(), Some("Records"));
        assert_eq!(keys("{\"value\":[{\"a\"").as_deref(), Some("value"));
        assert_eq!(keys("{\"value\":[]}\n").as_deref(), Some("value"));
        assert_eq!(keys("{\n\"value\":[{\"b\":1}],\n\"Records\":[{\"a\":1}]}").as_deref(), Some("Records"));
        for text in [
            "{\"a\":1}\n{\"a\":2}\n",
            "[2026-03-02] x",
            "{\"value\":3}\n",
            "text",
            // Orders with their items are no records of somebody else's.
            "{\"order\":1,\"value\":[{\"sku\":7}]}\n{\"order\":2,\"value\":[]}\n",
            "{\"order\":1,\"value\":[]}\n{\"order\":2,\"value\":[]}\n",
        ] {
            assert_eq!(keys(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(text in "[\\[\\]{}\",:a\\\\\n ]{0,60}", at in 0usize..60) {
            let (head, tail) = text.as_bytes().split_at(at.min(text.len()));
            prop_assert_eq!(cut(&[text.as_bytes()]), cut(&[head, tail]));
        }
    }
}
