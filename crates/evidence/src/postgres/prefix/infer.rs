//! Works a `log_line_prefix` out from lines where nobody stated it.

use super::shapes::{self, Suggestion};
use super::{BACKENDS, Ends, PREFIX_BYTES_MAX, Part, Prefix, TIME, Told};
use crate::postgres::words::Words;
use regex::Regex;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// Lines by which candidates are compared, and heads that may suggest one: enough to tell, few enough to be quick.
const COMPARED: usize = 400;
const SUGGESTING: usize = 100;
const CANDIDATES_MAX: usize = 48;
const HEAD_BYTES_MAX: usize = 400;

/// How well a prefix does: lines that it fits, how much it tells of them, how little it claims.
type Rank = (usize, i64, Reverse<usize>);

/// The prefix that fits most of some lines: of the known ones, and of those that the lines themselves suggest. Where the
/// time stands elsewhere, it need not tell one.
pub(crate) fn infer(lines: &[&str], known: &[Prefix], ends: Ends<'_>, needs_time: bool) -> Option<Prefix> {
    // Both ends of the sample, since a server's start looks unlike its days.
    let step = (lines.len() / COMPARED).max(1);
    let mut heads = Vec::new();
    let mut is_foreign = false;
    let mut compared: Vec<Cow<'_, str>> = Vec::new();
    for line in lines.iter().step_by(step) {
        if let Some(head) = head(line, ends.english) {
            heads.push((head, message_behind(line, head)));
            compared.push(Cow::Borrowed(line));
        } else if let Some(head) = ends.foreign.and_then(|words| foreign_head(line, words)) {
            heads.push((head, ""));
            is_foreign = true;
            // Candidates are compared in English, which is quicker to compile.
            compared.push(Cow::Owned(format!("{head}{}:  ", ends.english.first().map_or("LOG", String::as_str))));
        } else {
            compared.push(Cow::Borrowed(line));
        }
    }
    heads.retain(|(head, _)| !needs_time || head.bytes().any(|b| b.is_ascii_digit()));
    if heads.is_empty() {
        return None;
    }
    let english = Ends { foreign: None, ..ends };
    let suggested = suggestions(&heads, ends.foreign);
    let unknown = suggested.iter().filter(|s| known.iter().all(|k| k.pattern != **s));
    let compiled = unknown.take(CANDIDATES_MAX).filter_map(|s| Prefix::compile(s, english));
    let mut best: Option<(Rank, Prefix)> = None;
    for prefix in known.iter().cloned().chain(compiled).filter(|p| p.has_time() || !needs_time) {
        let mut locations = prefix.locations();
        let mut told = Told::default();
        let (mut fits, mut told_well) = (0, 0);
        for line in &compared {
            if prefix.read(line, &mut locations, &mut told).is_some() {
                fits += 1;
                told_well += worth(&told);
            }
        }
        // Of two that fit alike, the one that tells more; of those, the one that claims less.
        let rank = (fits, told_well, Reverse(prefix.tells()));
        if fits > 0 && best.as_ref().is_none_or(|(most, _)| rank > *most) {
            best = Some((rank, prefix));
        }
    }
    let (.., best) = best?;
    if is_foreign { Prefix::compile(&best.pattern, ends) } else { Some(best) }
}

/// How much of a line a prefix tells. A name that looks like several things shows that it swallowed them.
fn worth(told: &Told<'_>) -> i64 {
    let names = [Part::User, Part::Database, Part::App, Part::BackendType].map(|part| told.get(part));
    let odd = names.iter().filter(|name| name.contains(['(', '/', '=']) || name.matches(' ').count() > 2).count();
    let said = told.all().iter().filter(|value| !value.is_empty()).count();
    i64::try_from(said).unwrap_or(0) - 8 * i64::try_from(odd).unwrap_or(0)
}

/// Prefixes that heads suggest, together and each for itself, the likeliest first.
fn suggestions(heads: &[(&str, &str)], words: Option<&Words>) -> Vec<String> {
    let step = (heads.len() / SUGGESTING).max(1);
    let each: Vec<Suggestion<'_>> =
        heads.iter().step_by(step).map(|(head, message)| Suggestion::new(suggest(head, words), message)).collect();
    let mut counted: HashMap<&str, usize> = HashMap::new();
    each.iter().for_each(|s| *counted.entry(s.prefix.as_str()).or_default() += 1);
    let mut single: Vec<(&str, usize)> = counted.into_iter().collect();
    single.sort_by_key(|(prefix, times)| (Reverse(*times), *prefix));
    let mut suggested = shapes::named(&each);
    suggested.extend(single.iter().map(|(prefix, _)| (*prefix).to_owned()));
    // What background processes write is the beginning of what sessions write: `%q` stands between.
    let joined: Vec<String> = suggested
        .iter()
        .flat_map(|long| suggested.iter().map(move |short| (short, long)))
        .filter(|(short, long)| long.len() > short.len() && long.starts_with(short.as_str()))
        .map(|(short, long)| format!("{short}%q{}", &long[short.len()..]))
        .take(CANDIDATES_MAX)
        .collect();
    let mut seen = BTreeSet::new();
    joined.into_iter().chain(suggested).filter(|s| seen.insert(s.clone())).collect()
}

/// The message behind a head and its severity.
fn message_behind<'a>(line: &'a str, head: &str) -> &'a str {
    line[head.len()..].split_once(':').map_or("", |(_, message)| message.trim_start())
}

/// What stands before the severity, if the line has one.
fn head<'a>(line: &'a str, severities: &[String]) -> Option<&'a str> {
    if line.starts_with('\t') {
        return None;
    }
    let line = &line[..line.floor_char_boundary(PREFIX_BYTES_MAX)];
    let at = line.match_indices(':').find_map(|(colon, _)| {
        let before = &line[..colon];
        let severity = severities.iter().filter(|s| before.ends_with(s.as_str())).max_by_key(|s| s.len())?;
        line[colon + 1..].starts_with([' ', '\t']).then(|| colon - severity.len())
    })?;
    (at < HEAD_BYTES_MAX).then_some(&line[..at])
}

/// The same for a severity of another language.
fn foreign_head<'a>(line: &'a str, words: &Words) -> Option<&'a str> {
    if line.starts_with('\t') {
        return None;
    }
    let line = &line[..line.floor_char_boundary(PREFIX_BYTES_MAX)];
    let at = words.first_in(line)?;
    (at < HEAD_BYTES_MAX).then_some(&line[..at])
}

/// What is looked for at the front of what is left of a head, most telling first.
static FRONTS: LazyLock<Vec<(Front, Regex)>> = LazyLock::new(|| {
    [
        (Front::Time, TIME),
        (Front::Name, "[A-Za-z_]+="),
        (Front::Session, r"[0-9a-f]{8}\.[0-9a-f]+"),
        (Front::Host, r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:\([0-9]+\))?|\[local\]"),
        (Front::Backend, BACKENDS),
        (Front::UserAtDatabase, r"\[[^\]@ ]+\]@\[[^\] ]+\]|[A-Za-z_][A-Za-z0-9_.-]*@[A-Za-z0-9_.-]+|@"),
        (Front::App, r"/(?:\[[^\] ]+\]|[A-Za-z][A-Za-z0-9_.-]*)"),
        (Front::QueryId, "-?[0-9]{15,20}"),
        (Front::Transaction, "[0-9]+/[0-9]+"),
        (Front::Epoch, r"[0-9]{9,11}\.[0-9]{3}"),
        (Front::State, "[0-9A-Z]{5}(?:[^0-9A-Z]|$)"),
        (Front::Tag, r"idle(?: in transaction(?: \(aborted\))?)?|authentication|(?:[A-Z]{3,} )?[A-Z]{3,}"),
        (Front::Number, "[0-9]+"),
        (Front::Word, r"\p{L}[\p{L}0-9_.-]*"),
    ]
    .into_iter()
    .filter_map(|(front, expression)| Some((front, Regex::new(&format!("^(?:{expression})")).ok()?)))
    .collect()
});

static VALUE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^(?:\[[a-z]+\]|[^,; \]\)]*)").ok());

#[derive(Clone, Copy, PartialEq, Eq)]
enum Front {
    Time,
    Name,
    Session,
    Host,
    Backend,
    UserAtDatabase,
    App,
    QueryId,
    Transaction,
    Epoch,
    State,
    Tag,
    Number,
    Word,
}

/// Writes a prefix for what stands before one line's severity.
fn suggest(head: &str, words: Option<&Words>) -> String {
    let mut out = String::new();
    let mut rest = head;
    while let Some(c) = rest.chars().next() {
        // Where a name is not known stands a word in brackets, which would look unlike a name.
        if let Some((unknown, after)) = rest.split_once(']').filter(|_| c == '[')
            && words.is_some_and(|w| w.is_unknown(&rest[..=unknown.len()]))
            && !after.starts_with('@')
            && !out.ends_with('@')
        {
            out.push_str("unknown");
            rest = after;
            continue;
        }
        let front = FRONTS.iter().find_map(|(front, matcher)| {
            let found = matcher.find(rest)?.end();
            let fits = match front {
                Front::App => out.ends_with("%d"),
                Front::Tag => out.contains("%p") && out.ends_with([' ', '[', '|']),
                Front::Name => !out.ends_with(|c: char| c.is_alphanumeric()),
                Front::State => out.contains("%p"),
                // A word ends where an escape begins: `UTC-%c`.
                Front::Word => !matches!(rest.as_bytes().get(found.saturating_sub(1)), Some(b'-' | b'.')),
                _ => true,
            };
            fits.then_some((*front, found))
        });
        let (piece, used) = match front {
            Some((Front::Time, used)) if ["%m", "%t", "%n"].iter().any(|time| out.contains(time)) => {
                ("%s".to_owned(), used)
            }
            Some((Front::Time, used)) => (if rest[..used].contains('.') { "%m" } else { "%t" }.to_owned(), used),
            Some((Front::Name, used)) => {
                let (name, after) = (&rest[..used - 1], &rest[used..]);
                let value = VALUE.as_ref().and_then(|v| v.find(after)).map_or(0, |m| m.end());
                (format!("{name}={}", keyed(name, &after[..value])), used + value)
            }
            Some((Front::Session, used)) => ("%c".to_owned(), used),
            Some((Front::Backend, used)) => ("%b".to_owned(), used),
            Some((Front::Host, used)) => ("%r".to_owned(), used),
            Some((Front::UserAtDatabase, used)) => ("%u@%d".to_owned(), used),
            Some((Front::App, used)) => ("/%a".to_owned(), used),
            Some((Front::QueryId, used)) => ("%Q".to_owned(), used),
            Some((Front::Tag, used)) => ("%i".to_owned(), used),
            Some((Front::Transaction, used)) => ("%v".to_owned(), used),
            Some((Front::Epoch, used)) => ("%n".to_owned(), used),
            Some((Front::State, used)) => ("%e".to_owned(), used.min(5)),
            // `[12-1]`: the second number is a constant that somebody wrote into the prefix.
            Some((Front::Number, used)) if out.ends_with("%l-") => (rest[..used].to_owned(), used),
            Some((Front::Number, used)) if !out.contains("%p") => ("%p".to_owned(), used),
            Some((Front::Number, used)) => (if out.contains("%l") { "%x" } else { "%l" }.to_owned(), used),
            Some((Front::Word, used)) => (rest[..used].to_owned(), used),
            None if c == '%' => ("%%".to_owned(), 1),
            None => (c.to_string(), c.len_utf8()),
        };
        out.push_str(&piece);
        rest = &rest[used..];
    }
    out
}

/// The escape behind `name=`.
fn keyed(name: &str, value: &str) -> String {
    let escape = match name.to_ascii_lowercase().as_str() {
        "user" | "usr" | "u" | "username" | "user_name" => "%u",
        "db" | "database" | "dbname" | "d" => "%d",
        "app" | "appname" | "application" | "application_name" | "appli" | "a" => "%a",
        "client" | "remote" | "r" => "%r",
        "host" | "h" => "%h",
        "pid" | "p" => "%p",
        "session" | "sess" | "sid" | "c" => "%c",
        "line" | "l" => "%l",
        "xid" | "trx" | "tx" | "x" => "%x",
        "vxid" | "v" => "%v",
        "queryid" | "query_id" | "qid" | "q" => "%Q",
        "state" | "sqlstate" | "e" => "%e",
        "tag" | "cmd" | "i" => "%i",
        "backend" | "b" => "%b",
        // A constant that somebody wrote into the prefix.
        _ => return value.replace('%', "%%"),
    };
    (if escape == "%h" && value.ends_with(')') { "%r" } else { escape }).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(lines: &[&str], needs_time: bool) -> String {
        let english = ["LOG", "ERROR", "FATAL", "DETAIL", "STATEMENT"].map(str::to_owned);
        let words = Words::load(&stanch_packs::Packs::shipped()).unwrap();
        let ends = Ends { english: &english, foreign: Some(&words) };
        infer(lines, &[], ends, needs_time).map_or("none".to_owned(), |p| p.pattern)
    }

    #[test]
    fn a_prefix_is_worked_out_from_lines() {
        for (lines, expect) in [
            (
                &[
                    "2026-03-02 21:14:05.123 UTC [972] LOG:  checkpoint starting: time",
                    "2026-03-02 21:14:06.123 UTC [973] shop@store LOG:  statement: SELECT 1",
                ][..],
                "%m [%p] %q%u@%d ",
            ),
            (
                &[
                    "2026-03-02 21:14:05 CET [20]: [12-1] user=,db=,app=,client= LOG:  x",
                    "2026-03-02 21:14:05 CET [21]: [1-1] user=a,db=b,app=c d,client=192.0.2.1 LOG:  x",
                ],
                "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%r ",
            ),
            (&["2026-03-02 21:14:05 CET:192.0.2.1(41):a@b:[12760]:LOG:  x"], "%t:%r:%u@%d:[%p]:"),
            (&["2026-03-02 21:14:05 UTC-69a5f0c1.3cc-LOG:  x"], "%t-%c-"),
            (
                &[
                    "2026-03-02 21:14:05 UTC [7] client backend LOG:  x",
                    "2026-03-02 21:14:05 UTC [7] checkpointer LOG:  x",
                ],
                "%t [%p] %b ",
            ),
            (
                &[
                    "2026-03-02 21:14:05.1 UTC [7] a@b/psql 192.0.2.1(41) 00000 69a5f0c1.7:3 client backend -8100611290367067408 3/1 idle LOG:  x",
                    "2026-03-02 21:14:05.1 UTC [7] LOG:  x",
                ],
                "%m [%p] %q%u@%d/%a %r %e %c:%l %b %Q %v %i ",
            ),
            (&["2026-03-02 21:14:05 UTC [7] FEHLER:  x"], "%t [%p] "),
            (&["2026-03-02 21:14:05 UTC [7] ОШИБКА:  x"], "%t [%p] "),
            (
                &[
                    "2026-03-02 21:14:05.1 UTC|shop2|store|69a5f0c1.7|7|1|192.0.2.1(41)|psql|LOG:  x",
                    "2026-03-02 21:14:05.1 UTC|[unknown]|[unknown]|69a5f0c1.8|8|1|192.0.2.1(42)|[unknown]|LOG:  x",
                    "2026-03-02 21:14:05.1 UTC|||69a5f0c1.9|9|1|||LOG:  x",
                ],
                "%m|%u|%d|%c|%p|%l|%r|%a|",
            ),
            (&["nothing here"], "none"),
            (&["[7] db=,user= LOG:  x"], "none"),
        ] {
            assert_eq!(inferred(lines, true), expect, "{lines:?}");
        }
    }

    #[test]
    fn where_the_time_stands_elsewhere_a_prefix_needs_none() {
        assert_eq!(inferred(&["db=,user= LOG:  x", "db=a,user=b LOG:  x"], false), "db=%d,user=%u ");
        assert_eq!(inferred(&["LOG:  x"], false), "");
    }
}
