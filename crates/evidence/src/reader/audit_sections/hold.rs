//! Holds a record's lines until it is known where it ends.

use stanch_model::Position;
use std::collections::VecDeque;

/// Beginnings of other records inside one, beyond which its end is not waited for.
const STARTS_MAX: usize = 1_000;
/// What a held line costs besides its text.
const LINE_BYTES: usize = 64;

/// A line between two sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Boundary<'a> {
    pub(super) id: &'a str,
    pub(super) section: char,
}

impl<'a> Boundary<'a> {
    /// `--a1b2c3d4-A--`, `---A1b2C3d4---A--`.
    pub(super) fn of(line: &'a str) -> Option<Boundary<'a>> {
        let inner = line.trim_end().strip_prefix("--")?.strip_suffix("--")?;
        let section = inner.chars().next_back().filter(char::is_ascii_uppercase)?;
        let id = inner[..inner.len() - 1].strip_suffix('-')?.trim_matches('-');
        let is_id = (4..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        is_id.then_some(Boundary { id, section })
    }
}

/// A line that is held.
pub(super) struct Held {
    pub(super) text: String,
    pub(super) position: Position,
}

/// What becomes of lines that were held.
pub(super) enum Piece {
    /// They are a record, whole or cut.
    Record { lines: Vec<Held>, is_whole: bool },
    /// They are none.
    Refused { lines: Vec<Held>, reason: &'static str },
}

/// The record that is under way.
struct Owner {
    id: String,
    /// It was longer than may be held, and has been handed out as far as it was.
    is_spent: bool,
}

/// Another record that seems to begin inside it.
struct Start {
    id: String,
    /// Number of its first line, and of its last if that was seen.
    from: usize,
    to: Option<usize>,
}

/// Lines of one record, and of what begins inside it.
pub(super) struct Hold {
    owner: Option<Owner>,
    lines: VecDeque<Held>,
    /// The number of the first line that is held.
    first: usize,
    bytes: usize,
    bytes_max: usize,
    starts: VecDeque<Start>,
}

const BEHIND_THE_LIMIT: &str = "it stands behind the limit for one record";
const OUTSIDE: &str = "it stands outside the sections of a record";

impl Hold {
    pub(super) fn new(bytes_max: usize) -> Hold {
        Hold { owner: None, lines: VecDeque::new(), first: 0, bytes: 0, bytes_max, starts: VecDeque::new() }
    }

    /// Whether no record is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.owner.is_none()
    }

    /// Takes the next line, and hands out what it decides.
    pub(super) fn take(&mut self, text: &str, position: Position) -> Vec<Piece> {
        let number = self.first + self.lines.len();
        self.bytes += text.len() + LINE_BYTES;
        self.lines.push_back(Held { text: text.to_owned(), position });
        let boundary = Boundary::of(text);
        let Some(owner) = &self.owner else {
            self.owner = boundary.map(|b| Owner { id: b.id.to_owned(), is_spent: false });
            return Vec::new();
        };
        match boundary {
            Some(Boundary { id, section: 'Z' }) if id == owner.id => return self.end(),
            Some(Boundary { id, section: 'A' }) if id != owner.id => {
                self.starts.push_back(Start { id: id.to_owned(), from: number, to: None });
            }
            Some(Boundary { id, section: 'Z' }) => {
                if let Some(start) = self.starts.iter_mut().find(|s| s.id == id && s.to.is_none()) {
                    start.to = Some(number);
                }
            }
            _ => {}
        }
        if self.bytes > self.bytes_max || self.starts.len() > STARTS_MAX { self.resolve(false) } else { Vec::new() }
    }

    /// Hands out what waits for an end that does not come.
    pub(super) fn finish(&mut self) -> Vec<Piece> {
        if self.is_empty() { Vec::new() } else { self.resolve(true) }
    }

    /// The record ends: all that began inside it was part of it.
    fn end(&mut self) -> Vec<Piece> {
        let is_spent = self.owner.take().is_some_and(|owner| owner.is_spent);
        self.starts.clear();
        let lines = self.up_to(self.first + self.lines.len());
        vec![if is_spent {
            Piece::Refused { lines, reason: BEHIND_THE_LIMIT }
        } else {
            Piece::Record { lines, is_whole: true }
        }]
    }

    /// The record's end is not waited for any longer: the next one that began inside it takes its place, until what is
    /// held is within the limit again.
    fn resolve(&mut self, at_end: bool) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while let Some(owner) = self.owner.take() {
            let behind = self.first + self.lines.len();
            let start = self.starts.pop_front();
            let lines = self.up_to(start.as_ref().map_or(behind, |s| s.from));
            if !lines.is_empty() {
                pieces.push(if owner.is_spent {
                    Piece::Refused { lines, reason: BEHIND_THE_LIMIT }
                } else {
                    Piece::Record { lines, is_whole: false }
                });
            }
            let Some(start) = start else {
                self.owner = (!at_end).then_some(Owner { is_spent: true, ..owner });
                break;
            };
            match start.to {
                None => self.owner = Some(Owner { id: start.id, is_spent: false }),
                Some(to) => {
                    pieces.push(Piece::Record { lines: self.up_to(to + 1), is_whole: true });
                    self.starts.retain(|s| s.from > to);
                    self.next_behind(&mut pieces);
                }
            }
            if !at_end && self.bytes <= self.bytes_max && self.starts.len() <= STARTS_MAX {
                break;
            }
        }
        pieces
    }

    /// Goes on with the next record that began, behind one that has ended.
    fn next_behind(&mut self, pieces: &mut Vec<Piece>) {
        loop {
            let behind = self.first + self.lines.len();
            let start = self.starts.pop_front();
            let lines = self.up_to(start.as_ref().map_or(behind, |s| s.from));
            if !lines.is_empty() {
                pieces.push(Piece::Refused { lines, reason: OUTSIDE });
            }
            let Some(start) = start else { return };
            let Some(to) = start.to else {
                self.owner = Some(Owner { id: start.id, is_spent: false });
                return;
            };
            pieces.push(Piece::Record { lines: self.up_to(to + 1), is_whole: true });
            self.starts.retain(|s| s.from > to);
        }
    }

    /// Takes out the lines before one of that number.
    fn up_to(&mut self, number: usize) -> Vec<Held> {
        let count = number.saturating_sub(self.first).min(self.lines.len());
        let lines: Vec<Held> = self.lines.drain(..count).collect();
        self.first += count;
        self.bytes -= lines.iter().map(|l| l.text.len() + LINE_BYTES).sum::<usize>();
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(lines: &[&str], bytes_max: usize) -> Vec<String> {
        let mut hold = Hold::new(bytes_max);
        let mut pieces = Vec::new();
        let mut outside = 0;
        for (line, number) in lines.iter().zip(1..) {
            if hold.is_empty() && Boundary::of(line).is_none_or(|b| b.section != 'A') {
                outside += 1;
                continue;
            }
            pieces.extend(hold.take(line, Position { line: number, offset: 0, length: 0 }));
        }
        pieces.extend(hold.finish());
        let shown = |piece: Piece| match piece {
            Piece::Record { lines, is_whole } => (if is_whole { "whole" } else { "cut" }, lines),
            Piece::Refused { lines, .. } => ("refused", lines),
        };
        let mut shown: Vec<String> = pieces
            .into_iter()
            .map(shown)
            .map(|(kind, lines)| format!("{kind} {}-{}", lines[0].position.line, lines[lines.len() - 1].position.line))
            .collect();
        if outside > 0 {
            shown.push(format!("outside {outside}"));
        }
        shown
    }

    #[test]
    fn boundaries_of_both_kinds() {
        let of = |line| Boundary::of(line).map(|b| (b.id, b.section));
        assert_eq!(of("--a1b2c3d4-A--"), Some(("a1b2c3d4", 'A')));
        assert_eq!(of("---A1b2C3d4---Z--"), Some(("A1b2C3d4", 'Z')));
        assert_eq!((of("--a1b2c3d4--"), of("-----"), of("--a b-A--"), of("--a1b2c3d4-a--")), (None, None, None, None));
    }

    #[test]
    fn what_begins_inside_a_record_is_part_of_it_as_long_as_it_ends() {
        let forged = [
            "--aaaa-A--",
            "x",
            "--aaaa-C--",
            "--bbbb-A--",
            "y",
            "--bbbb-Z--",
            "--aaaa-Z--",
            "--cccc-A--",
            "--cccc-Z--",
        ];
        assert_eq!(run(&forged, 10_000), ["whole 1-7", "whole 8-9"]);
        let cut = ["--aaaa-A--", "x", "--bbbb-A--", "y", "--bbbb-Z--", "", "--cccc-A--", "z"];
        assert_eq!(run(&cut, 10_000), ["cut 1-2", "whole 3-5", "refused 6-6", "cut 7-8"]);
    }

    #[test]
    fn a_record_beyond_the_limit_is_handed_out_as_far_as_it_was_held() {
        let long = ["--aaaa-A--", "x", "x", "x", "x", "--aaaa-Z--", "--bbbb-A--", "--bbbb-Z--"];
        assert_eq!(run(&long, 200), ["cut 1-3", "refused 4-6", "whole 7-8"]);
    }

    proptest! {
        #[test]
        fn every_line_comes_out_once(
            lines in prop::collection::vec(prop::sample::select(vec![
                "--aaaa-A--", "--aaaa-Z--", "--bbbb-A--", "--bbbb-Z--", "--cccc-A--", "--cccc-Z--", "x", "",
            ]), 0..60),
            max in 100usize..2_000,
        ) {
            let mut hold = Hold::new(max);
            let mut numbers = Vec::new();
            for (line, number) in lines.iter().zip(1u64..) {
                if hold.is_empty() && Boundary::of(line).is_none_or(|b| b.section != 'A') {
                    numbers.push(number);
                    continue;
                }
                let pieces = hold.take(line, Position { line: number, offset: 0, length: 0 });
                collect(pieces, &mut numbers);
            }
            collect(hold.finish(), &mut numbers);
            prop_assert_eq!(numbers, (1..=lines.len() as u64).collect::<Vec<_>>());
        }
    }

    fn collect(pieces: Vec<Piece>, numbers: &mut Vec<u64>) {
        for piece in pieces {
            let (Piece::Record { lines, .. } | Piece::Refused { lines, .. }) = piece;
            numbers.extend(lines.iter().map(|l| l.position.line));
        }
    }
}
