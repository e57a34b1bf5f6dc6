//! Collects JSON objects that may go over lines and stand in a list, from the lines of a file.

use crate::framed::Framed;
use crate::harvest::Harvest;
use crate::lines::Line;
use stanch_model::Position;

/// What is done with an object that is whole: its text, its place, its lines.
pub(crate) type OnObject<'a> = &'a mut dyn FnMut(&str, (Position, u64), &mut Harvest);

/// What may stand between objects.
const BETWEEN: [char; 4] = [',', ']', ' ', '\t'];

/// The collector.
pub(crate) struct JsonRecords {
    framed: Framed,
    bytes_max: usize,
    /// The brackets that are open.
    brackets: Vec<u8>,
    /// The last sign outside strings that is no blank.
    last: u8,
    in_string: bool,
    /// Blanks before the first line of the object under way.
    indent: usize,
    /// Where in its text the object ends that is whole.
    end: usize,
}

impl JsonRecords {
    pub(crate) fn new(bytes_max: usize) -> JsonRecords {
        JsonRecords {
            framed: Framed::default(),
            bytes_max,
            brackets: Vec::new(),
            last: 0,
            in_string: false,
            indent: 0,
            end: 0,
        }
    }

    /// Takes the next line, and hands on the object before it as soon as something follows that is not the frame.
    pub(crate) fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest, on_object: OnObject<'_>) {
        let text = line.text.trim();
        let indent = line.text.len() - line.text.trim_start().len();
        // No string goes over a line's end; and no object begins where none can be, not further left than the one that
        // is open.
        let begins_anew = || text.starts_with('{') && indent <= self.indent && !self.awaits_object();
        if self.framed.is_open() && (self.in_string || begins_anew()) {
            self.framed.refuse(harvest, "an object that is cut off");
        }
        if self.framed.is_open() {
            if !self.framed.go_on(text, line, self.bytes_max) {
                return harvest.unread(line, "goes on with an object that is too long");
            }
            return self.go_on(text, line.position, harvest, on_object);
        }
        let object = text.trim_start_matches(['[', ',', ' ', '\t']);
        if text.is_empty() {
            harvest.unread(line, "empty line");
        } else if object.trim_start_matches([']', ',', ' ', '\t']).is_empty() {
            self.framed.frame(line);
        } else if object.starts_with('{') {
            self.hand_on(harvest, on_object);
            self.indent = indent;
            self.objects(object, line.position, 1, harvest, on_object);
        } else {
            harvest.unread(line, "no JSON object begins here");
        }
    }

    /// Whether an object may follow: as a member's value or in a list.
    fn awaits_object(&self) -> bool {
        match self.last {
            b'[' | b':' => true,
            b',' => self.brackets.last() == Some(&b'['),
            _ => false,
        }
    }

    /// Follows the brackets of a line that goes on with an object.
    fn go_on(&mut self, text: &str, position: Position, harvest: &mut Harvest, on_object: OnObject<'_>) {
        let Some(end) = self.end_in(text) else { return };
        self.end = self.framed.text().len() - text.len() + end;
        self.framed.close();
        self.further(&text[end..], position, harvest, on_object);
    }

    /// Takes the objects that begin on a line; `lines` is 0 if another has counted it.
    fn objects(&mut self, text: &str, position: Position, lines: u64, harvest: &mut Harvest, on_object: OnObject<'_>) {
        let (mut rest, mut lines) = (text, lines);
        loop {
            self.brackets.clear();
            self.last = 0;
            self.in_string = false;
            let Some(end) = self.end_in(rest) else { return self.framed.begin(rest, position, lines) };
            self.end = end;
            self.framed.begin(&rest[..end], position, lines);
            self.framed.close();
            rest = rest[end..].trim_start_matches(BETWEEN);
            if !rest.starts_with('{') {
                return;
            }
            self.hand_on(harvest, on_object);
            lines = 0;
        }
    }

    /// What stands behind an object on its last line: perhaps another.
    fn further(&mut self, text: &str, position: Position, harvest: &mut Harvest, on_object: OnObject<'_>) {
        let rest = text.trim_start_matches(BETWEEN);
        if rest.starts_with('{') {
            self.hand_on(harvest, on_object);
            self.objects(rest, position, 0, harvest, on_object);
        }
    }

    /// Where in a text the object ends, if it does.
    fn end_in(&mut self, text: &str) -> Option<usize> {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if self.in_string {
                let found = memchr::memchr2(b'"', b'\\', &bytes[at..])?;
                self.in_string = bytes[at + found] == b'\\';
                at += found + if self.in_string { 2 } else { 1 };
                continue;
            }
            let sign = bytes[at];
            at += 1;
            match sign {
                b' ' | b'\t' => continue,
                b'"' => self.in_string = true,
                b'{' | b'[' => self.brackets.push(sign),
                b'}' | b']' => {
                    self.brackets.pop();
                    if self.brackets.is_empty() {
                        return Some(at);
                    }
                }
                _ => {}
            }
            self.last = sign;
        }
        None
    }

    /// Hands on an object that is whole.
    fn hand_on(&mut self, harvest: &mut Harvest, on_object: OnObject<'_>) {
        if self.framed.is_whole()
            && let Some(place) = self.framed.take()
        {
            on_object(self.framed.text().get(..self.end).unwrap_or_default(), place, harvest);
        }
    }

    /// The text so far of an object that has not ended, and its place.
    pub(crate) fn take_open(&mut self) -> Option<(&str, (Position, u64))> {
        let place = if self.framed.is_open() { self.framed.take() } else { None };
        place.map(|place| (self.framed.text(), place))
    }

    /// Hands on what is left.
    pub(crate) fn finish(&mut self, harvest: &mut Harvest, on_object: OnObject<'_>) {
        self.hand_on(harvest, on_object);
        self.framed.refuse(harvest, "an object that is cut off");
        self.framed.finish(harvest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn objects(text: &str) -> (Vec<(String, u64)>, u64) {
        let mut records = JsonRecords::new(1 << 20);
        let mut harvest = Harvest::new("", 0);
        let mut found = Vec::new();
        let mut keep = |text: &str, (_, lines): (Position, u64), _: &mut Harvest| found.push((text.to_owned(), lines));
        for (number, text) in (1..).zip(text.split('\n')) {
            let length = u32::try_from(text.len()).unwrap();
            let position = Position { line: number, offset: number * 100, length };
            records.line(&Line { text, raw: text.as_bytes(), position }, &mut harvest, &mut keep);
        }
        records.finish(&mut harvest, &mut keep);
        let unread = harvest.unread_groups().iter().map(|g| g.lines).sum();
        (found, unread)
    }

    #[test]
    fn objects_in_lists_over_lines_and_beside_each_other() {
        let (found, unread) = objects("[\n{\"a\":\"}]\\\"\"},\n  {\n  \"b\": {\"c\":1}\n  },\n{\"d\":1},{\"e\":2}\n]");
        let texts: Vec<_> = found.iter().map(|(text, lines)| (text.as_str(), *lines)).collect();
        let expected = [("{\"a\":\"}]\\\"\"}", 2), ("{\n\"b\": {\"c\":1}\n}", 3), ("{\"d\":1}", 1), ("{\"e\":2}", 1)];
        assert_eq!(texts, expected);
        assert_eq!(unread, 0);
    }

    #[test]
    fn objects_of_a_list_may_stand_at_the_beginning_of_lines() {
        let (found, unread) = objects("{\"a\":[\n{\"b\":1}\n,{\"c\":2}\n]}\n{\"d\":1}");
        assert_eq!((found.len(), unread), (2, 0));
    }

    #[test]
    fn what_is_cut_off_does_not_take_the_next_with_it() {
        let (found, unread) = objects("{\"a\":\"cut\n{\"b\":1}\n{\"c\":{\"x\":1,\n{\"d\":1}\n[1]");
        assert_eq!(found.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["{\"b\":1}", "{\"d\":1}"]);
        assert_eq!(unread, 3);
    }

    proptest! {
        #[test]
        fn every_line_is_counted_once(text in "[\\[\\]{},\"\\\\a: \n]{0,60}") {
            let (found, unread) = objects(&text);
            let counted: u64 = found.iter().map(|(_, lines)| lines).sum();
            prop_assert_eq!(counted + unread, text.split('\n').count() as u64);
        }
    }
}
