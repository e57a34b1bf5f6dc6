//! What a text shows besides its events: cutting, overwriting, times that a clock change has repeated.

use crate::clock::Repeats;
use crate::framing::Framing;
use crate::harvest::Harvest;
use crate::lines::RawLine;
use stanch_model::{Tears, UnreadGroup};

/// NUL bytes in a row that are a sign of something. A length in front of binary data has fewer.
const NULS_MIN: usize = 16;
/// Places kept of such runs.
pub(crate) const PLACES_MAX: usize = 16;
/// Lines of a file's own format behind a first line that is none, so that the first can be called cut.
const READ_BEHIND: u64 = 3;

/// What has been seen so far of one text, or of a segment of it.
#[derive(Debug, Default)]
pub(crate) struct Signs {
    nul_runs: u64,
    nul_bytes: u64,
    nul_at: Vec<u64>,
    /// Whether the last byte so far ends a line; of a text of lines.
    is_ended: Option<bool>,
    /// Times in an hour that a clock change repeats.
    pub(crate) repeats: Repeats,
    /// Whether a segment began behind such times, so that it could not know in which run it began.
    is_cut_inside: bool,
}

impl Signs {
    /// A window of a text. Whether it is cut into lines.
    pub(crate) fn window(&mut self, window: &[u8], framing: Framing) -> bool {
        let is_text = framing == Framing::Lines;
        if let (true, Some(last)) = (is_text, window.last()) {
            self.is_ended = Some(*last == b'\n');
        }
        is_text
    }

    /// Bytes of a line that is too long were left out.
    pub(crate) fn left_out(&mut self) {
        self.is_ended = Some(false);
    }

    /// A line: a crash leaves blocks of NUL bytes, and so does a file that was emptied while its writer went on where it was.
    pub(crate) fn line(&mut self, raw: &RawLine<'_>) {
        let Some(first) = memchr::memchr(0, raw.bytes) else { return };
        let mut at = first;
        while at < raw.bytes.len() {
            let run = raw.bytes[at..].iter().take_while(|b| **b == 0).count();
            // Of a line too long to be held, its beginning stands for all of it.
            let is_whole = run == raw.bytes.len();
            let length = raw.too_long.filter(|_| is_whole).unwrap_or(run as u64);
            if run >= NULS_MIN {
                self.nul_runs += 1;
                self.nul_bytes += length;
                if self.nul_at.len() < PLACES_MAX {
                    self.nul_at.push(raw.position.offset + at as u64);
                }
            }
            at += run;
            match memchr::memchr(0, &raw.bytes[at..]) {
                Some(next) => at += next,
                None => break,
            }
        }
    }

    /// Adds what the next segment showed.
    pub(crate) fn absorb(&mut self, next: Signs) {
        self.nul_runs += next.nul_runs;
        self.nul_bytes += next.nul_bytes;
        let room = PLACES_MAX.saturating_sub(self.nul_at.len());
        self.nul_at.extend(next.nul_at.into_iter().take(room));
        self.is_ended = next.is_ended.or(self.is_ended);
        self.is_cut_inside |= next.is_cut_inside || self.repeats.any() && next.repeats.first > 0;
        self.repeats.add(next.repeats);
    }

    /// What it comes to.
    pub(crate) fn tears(&self, unread: &[UnreadGroup], harvest: &Harvest) -> Tears {
        let unread_lines: u64 = unread.iter().map(|group| group.lines).sum();
        let is_read = harvest.lines_in_events >= READ_BEHIND && harvest.lines_in_events > unread_lines;
        let is_first = |group: &UnreadGroup| group.examples.iter().any(|(line, ..)| *line == 1);
        let of_format = |group: &UnreadGroup| group.reason.starts_with("not in format");
        Tears {
            unfinished: self.is_ended == Some(false),
            begins_inside: is_read && unread.iter().any(|group| of_format(group) && is_first(group)),
            nul_runs: self.nul_runs,
            nul_bytes: self.nul_bytes,
            nul_at: self.nul_at.clone(),
        }
    }

    /// What is to be known of times that were ambiguous, for the account.
    pub(crate) fn remark(&self) -> Option<String> {
        let Repeats { first, second } = self.repeats;
        let all = first + second;
        if all == 0 {
            return None;
        }
        let runs = match (first, second) {
            (_, 0) => "all taken for its first run, since they do not go back".to_owned(),
            _ => format!("{first} taken for its first run, {second}, from where they go back, for its second"),
        };
        let cut = if self.is_cut_inside {
            "; the file was read in pieces that meet in that hour, and behind such a place times count as the first run \
             until they go back"
        } else {
            ""
        };
        Some(format!(
            "{all} of its times carry no zone and fall in an hour that the clock change repeats: {runs}{cut}; times in it may \
             be an hour off"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_model::Position;

    fn seen(lines: &[&[u8]]) -> Signs {
        let mut signs = Signs::default();
        let mut offset = 0;
        for (line, bytes) in lines.iter().enumerate() {
            let position = Position { line: line as u64 + 1, offset, length: u32::try_from(bytes.len()).unwrap() };
            signs.line(&RawLine { bytes, position, too_long: None });
            offset += bytes.len() as u64 + 1;
        }
        signs
    }

    #[test]
    fn blocks_of_nul_bytes_are_found_and_short_ones_are_none() {
        let block = [b"GET".as_slice(), &[0; 40], b"x", &[0; 3], b"y", &[0; 16]].concat();
        let signs = seen(&[b"fine", &block]);
        assert_eq!((signs.nul_runs, signs.nul_bytes, signs.nul_at), (2, 56, vec![8, 53]));
        assert_eq!(seen(&[b"a\0\0b"]).nul_runs, 0);
    }

    #[test]
    fn a_text_that_ends_inside_a_line_is_unfinished_whatever_it_was_cut_into() {
        let mut signs = Signs::default();
        signs.window(b"a line\n", Framing::Lines);
        let mut next = Signs::default();
        next.window(b"cut", Framing::Lines);
        signs.absorb(next);
        signs.absorb(Signs::default());
        assert_eq!(signs.is_ended, Some(false));
    }
}
