//! Tells which words before the severities are names that change from line to line, where nothing beside them says so.

use crate::postgres::message::{Meaning, meaning};
use std::collections::{BTreeSet, HashMap};

/// Shapes of heads that are looked at, the most frequent first.
const SHAPES_MAX: usize = 8;
/// What parts words. Names hold `-` and `.` too often.
const BETWEEN: &[char] =
    &[' ', '|', ',', ';', ':', '(', ')', '[', ']', '{', '}', '<', '>', '@', '=', '#', '"', '\'', '/'];

/// A prefix that one line's head suggests, and what its message says of who it is about.
#[derive(Debug)]
pub(super) struct Suggestion<'a> {
    pub(super) prefix: String,
    /// User, database and application, where the line says that somebody was let in.
    who: [Option<&'a str>; 3],
}

impl<'a> Suggestion<'a> {
    pub(super) fn new(prefix: String, message: &'a str) -> Suggestion<'a> {
        let who = match meaning(message) {
            Meaning::Connection(c) => [c.user, c.database, c.app],
            _ => [None; 3],
        };
        Suggestion { prefix, who }
    }
}

/// A suggested prefix cut into words and what parts them; runs of blanks are one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape<'a> {
    words: Vec<&'a str>,
    between: String,
    /// The same with every blank.
    exactly: Vec<&'a str>,
}

fn shape(prefix: &str) -> Shape<'_> {
    let mut shape = Shape::default();
    let mut rest = prefix;
    while let Some(at) = rest.find(BETWEEN) {
        let mark = rest[at..].chars().next().unwrap_or(' ');
        let behind = &rest[at..];
        let run = if mark == ' ' { behind.len() - behind.trim_start_matches(' ').len() } else { mark.len_utf8() };
        shape.words.push(&rest[..at]);
        shape.between.push(mark);
        shape.exactly.push(&behind[..run]);
        rest = &behind[run..];
    }
    shape.words.push(rest);
    shape
}

/// Prefixes with names where the words of alike heads differ.
pub(super) fn named(suggestions: &[Suggestion<'_>]) -> Vec<String> {
    let shapes: Vec<Shape<'_>> = suggestions.iter().map(|s| shape(&s.prefix)).collect();
    let mut alike: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, shape) in shapes.iter().enumerate() {
        alike.entry(shape.between.as_str()).or_default().push(i);
    }
    let mut groups: Vec<Vec<usize>> = alike.into_values().filter(|group| group.len() > 1).collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group[0]));
    groups.iter().take(SHAPES_MAX).filter_map(|group| named_in(group, &shapes, suggestions)).collect()
}

fn named_in(group: &[usize], shapes: &[Shape<'_>], suggestions: &[Suggestion<'_>]) -> Option<String> {
    let first = &shapes[group[0]];
    let words_at = |at: usize| group.iter().map(move |i| shapes[*i].words[at]);
    let mut words: Vec<String> = Vec::new();
    let mut names = Vec::new();
    for at in 0..first.words.len() {
        let distinct: BTreeSet<&str> = words_at(at).collect();
        let escape = distinct.iter().find(|word| word.starts_with('%'));
        if let Some(escape) = escape {
            words.push((*escape).to_owned());
        } else {
            if distinct.len() > 1 {
                names.push(at);
            }
            words.push(first.words[at].to_owned());
        }
    }
    if names.is_empty() || names.len() > 3 {
        return None;
    }
    // Where a line says who was let in, the name that says the same is theirs; else they stand in the usual order.
    let says = |at: usize, which: usize| {
        group.iter().filter(|i| suggestions[**i].who[which].is_some_and(|who| who == shapes[**i].words[at])).count()
    };
    for (which, escape) in ["%u", "%d", "%a"].into_iter().enumerate() {
        let taken = |at: &usize| words[*at].starts_with('%');
        let best =
            names.iter().copied().filter(|at| !taken(at)).max_by_key(|at| (says(*at, which), std::cmp::Reverse(*at)));
        if let Some(at) = best {
            escape.clone_into(&mut words[at]);
        }
    }
    let is_padded = group.iter().any(|i| shapes[*i].exactly != first.exactly);
    let mut out = String::new();
    for (at, word) in words.iter().enumerate() {
        match word.strip_prefix('%').filter(|_| is_padded) {
            Some(escape) => out += &format!("%-1{escape}"),
            None => out += word,
        }
        match (first.exactly.get(at), is_padded) {
            (Some(_), true) => out.push_str(&first.between[at..=at]),
            (Some(between), false) => out.push_str(between),
            (None, _) => {}
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named_of(lines: &[(&str, &str)]) -> Vec<String> {
        let suggestions: Vec<_> = lines.iter().map(|(p, m)| Suggestion::new((*p).to_owned(), m)).collect();
        named(&suggestions)
    }

    #[test]
    fn words_that_change_are_names() {
        assert_eq!(
            named_of(&[("%n [%p] shop store ", ""), ("%n [%p] unknown unknown ", ""), ("%n [%p]   ", "")]),
            ["%n [%p] %u %d "]
        );
        assert_eq!(named_of(&[("%m|a|b|%r|psql|", ""), ("%m|||||", ""), ("%m|c|b||x|", "")]), ["%m|%u|%d|%r|%a|"]);
        assert_eq!(named_of(&[("a    b %m ", ""), ("abcd bcde %m ", "")]), ["%-1u %-1d %-1m "]);
        assert!(named_of(&[("%m [%p] ", ""), ("%m [%p] ", "")]).is_empty());
    }

    #[test]
    fn who_was_let_in_tells_which_name_is_whose() {
        let let_in = "connection authorized: user=shop database=store application_name=psql";
        assert_eq!(
            named_of(&[("%m psql (store) <shop> ", let_in), ("%m x (unknown) <unknown> ", "")]),
            ["%m %a (%d) <%u> "]
        );
    }
}
