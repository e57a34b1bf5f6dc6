//! Holds lines back until enough of what follows is known. Whoever may knock at a server chooses the name that the log
//! then calls refused, line feeds included: what looks like records of their own may be the inside of a name.

use crate::held::KeptLine;
use crate::lines::Line;
use std::collections::VecDeque;

/// Bytes of lines that wait: more than a name of 128 characters, a database's of 64 and the words around them have.
const WINDOW_BYTES: usize = 768;

/// How a line looks from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing of interest.
    #[default]
    Other,
    /// It records a login, and is whole.
    Login,
    /// It begins to record a login, and is not whole.
    OpenLogin,
    /// It begins no record, and ends as one of a login does.
    LoginEnd,
}

/// A line that waits.
#[derive(Default)]
pub(crate) struct Waiting {
    pub(crate) kept: KeptLine,
    /// Whether it may be the inside of a name.
    pub(crate) in_doubt: bool,
    look: Look,
}

/// Lines that wait, in their order.
#[derive(Default)]
pub(crate) struct Lookahead {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    spare: Vec<Waiting>,
}

impl Lookahead {
    /// Takes in the next line.
    pub(crate) fn push(&mut self, line: &Line<'_>, look: Look) {
        let mut new = self.spare.pop().unwrap_or_default();
        new.kept.fill(line);
        new.look = look;
        new.in_doubt = false;
        self.bytes += line.raw.len() + 1;
        self.waiting.push_back(new);
        if look == Look::LoginEnd {
            self.doubt();
        }
    }

    /// Puts in doubt what stands before an end whose beginning is not certain. An open login is joined with its end;
    /// behind a whole one nobody can tell where the name ends, nor behind an end that has come before.
    fn doubt(&mut self) {
        let is_login = |w: &Waiting| matches!(w.look, Look::Login | Look::OpenLogin);
        let last = self.waiting.len() - 1;
        let end_before = self.waiting.range(..last).rposition(|w| w.look == Look::LoginEnd);
        let since = end_before.map_or(0, |at| at + 1);
        let first = match self.waiting.range(since..).position(is_login).map(|n| since + n) {
            Some(at) if self.waiting[at].look == Look::OpenLogin => return,
            Some(at) => Some(at),
            None => self.waiting.iter().position(is_login),
        };
        if let Some(first) = first {
            self.waiting.range_mut(first..).for_each(|w| w.in_doubt = true);
        }
    }

    /// The next line to be read, as soon as what follows it is known; at the end of the file all of them.
    pub(crate) fn pop(&mut self, is_end: bool) -> Option<Waiting> {
        if !is_end && self.bytes <= WINDOW_BYTES {
            return None;
        }
        let mut first = self.waiting.pop_front()?;
        self.bytes -= first.kept.raw.len() + 1;
        if first.look == Look::OpenLogin
            && let Some(end) = self.waiting.iter().position(|w| w.look == Look::LoginEnd)
        {
            for next in self.waiting.drain(..=end) {
                self.bytes -= next.kept.raw.len() + 1;
                first.kept.join(&next.kept);
                self.spare.push(next);
            }
        }
        Some(first)
    }

    /// The lines that wait.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.waiting.iter().map(|w| w.kept.text.as_str())
    }

    /// Takes a line's buffers back.
    pub(crate) fn reuse(&mut self, line: Waiting) {
        const SPARES_MAX: usize = 64;
        if self.spare.len() < SPARES_MAX && line.kept.text.capacity() <= WINDOW_BYTES {
            self.spare.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_model::Position;

    fn read(lines: &[(&str, Look)]) -> Vec<(String, u64, bool)> {
        let mut ahead = Lookahead::default();
        for (number, (text, look)) in (1..).zip(lines) {
            let position = Position { line: number, offset: number * 10, length: 2 };
            ahead.push(&Line { text, raw: text.as_bytes(), position }, *look);
        }
        let mut out = Vec::new();
        while let Some(w) = ahead.pop(true) {
            out.push((w.kept.text.clone(), w.kept.lines, w.in_doubt));
            ahead.reuse(w);
        }
        assert_eq!(ahead.bytes, 0);
        out
    }

    #[test]
    fn an_open_login_goes_up_to_its_end() {
        let out = read(&[("a", Look::OpenLogin), ("b", Look::Other), ("c", Look::LoginEnd), ("d", Look::Other)]);
        assert_eq!(out, [("a\nb\nc".to_owned(), 3, false), ("d".to_owned(), 1, false)]);
    }

    #[test]
    fn behind_a_login_that_is_whole_an_end_puts_all_in_doubt() {
        let out = read(&[("x", Look::Other), ("a", Look::Login), ("b", Look::Other), ("c", Look::LoginEnd)]);
        assert_eq!(out.iter().map(|(_, _, doubt)| *doubt).collect::<Vec<_>>(), [false, true, true, true]);
    }

    #[test]
    fn a_second_end_puts_in_doubt_what_stands_between() {
        let out = read(&[
            ("a", Look::OpenLogin),
            ("b", Look::LoginEnd),
            ("c", Look::Other),
            ("d", Look::LoginEnd),
            ("e", Look::OpenLogin),
            ("f", Look::LoginEnd),
        ]);
        let doubts: Vec<_> = out.iter().map(|(text, _, doubt)| (text.as_str(), *doubt)).collect();
        assert_eq!(doubts, [("a\nb", true), ("c", true), ("d", true), ("e\nf", false)]);
    }

    #[test]
    fn lines_come_out_as_soon_as_enough_follows() {
        let mut ahead = Lookahead::default();
        let long = "x".repeat(WINDOW_BYTES);
        let position = Position { line: 1, offset: 0, length: 1 };
        ahead.push(&Line { text: "a", raw: b"a", position }, Look::OpenLogin);
        assert!(ahead.pop(false).is_none());
        ahead.push(&Line { text: &long, raw: long.as_bytes(), position }, Look::Other);
        assert_eq!(ahead.pop(false).map(|w| w.kept.text), Some("a".to_owned()));
    }
}
