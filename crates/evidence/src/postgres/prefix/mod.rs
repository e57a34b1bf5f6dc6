//! Compiles a `log_line_prefix` to a matcher that ends with a severity.

mod infer;
mod shapes;

pub(crate) use infer::infer;

use crate::postgres::words::Words;
use regex::{CaptureLocations, Regex};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a prefix can say, by the name of its group in the matcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    App,
    User,
    Database,
    Host,
    Port,
    Pid,
    Time,
    SqlState,
    SessionId,
    LineNum,
    TransactionId,
    QueryId,
    BackendType,
    CommandTag,
    LocalHost,
}

const PARTS: [(Part, &str); Part::COUNT] = [
    (Part::App, "app"),
    (Part::User, "user"),
    (Part::Database, "db"),
    (Part::Host, "host"),
    (Part::Port, "port"),
    (Part::Pid, "pid"),
    (Part::Time, "time"),
    (Part::SqlState, "state"),
    (Part::SessionId, "session"),
    (Part::LineNum, "line"),
    (Part::TransactionId, "xid"),
    (Part::QueryId, "qid"),
    (Part::BackendType, "backend"),
    (Part::CommandTag, "tag"),
    (Part::LocalHost, "local"),
];

impl Part {
    pub(crate) const COUNT: usize = 15;
}

/// What the prefix of one line tells; empty where it does not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told<'a>([&'a str; Part::COUNT]);

impl<'a> Told<'a> {
    pub(crate) fn get(&self, part: Part) -> &'a str {
        self.0[part as usize]
    }

    /// All that it tells, by part.
    pub(crate) fn all(&self) -> &[&'a str; Part::COUNT] {
        &self.0
    }

    /// Sets what the prefix itself leaves out.
    pub(crate) fn set_if_empty(&mut self, part: Part, value: &'a str) {
        if self.0[part as usize].is_empty() {
            self.0[part as usize] = value;
        }
    }
}

const TIME: &str = "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]{1,6})?(?: (?:[A-Za-z]{1,6}|<?[+-][0-9]{2}(?::?[0-9]{2})?>?))?";
const HOST: &str = r"\[local\]|\[unknown\]|[0-9A-Za-z:.%_-]*?";

/// What `%b` writes.
const BACKENDS: &str = "client backend|not initialized|autovacuum (?:launcher|worker)|background (?:writer|worker)|checkpointer|\
                        postmaster|walwriter|walsender|walreceiver|startup|archiver|logger|parallel worker|\
                        logical replication (?:launcher|worker)|slotsync worker|io worker|standalone backend";
/// What `%i` writes: the command, or what the session does otherwise.
const TAGS: &str = r"(?:[A-Z]+(?: [A-Z]+)*|idle in transaction(?: \(aborted\))?|idle|authentication|startup|initializing|notify interrupt|streaming [0-9A-F/]+|)(?: waiting)?";

/// Bytes within which a prefix and its severity must end.
const PREFIX_BYTES_MAX: usize = 512;

/// What ends a prefix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends<'a> {
    /// Severities and sections in English.
    pub(crate) english: &'a [String],
    /// Those of all other languages too, where the lines have them.
    pub(crate) foreign: Option<&'a Words>,
}

impl Ends<'_> {
    /// The expression that matches one with its colon.
    fn expression(&self) -> String {
        let escaped = |words: &mut dyn Iterator<Item = &str>| words.map(regex::escape).collect::<Vec<_>>().join("|");
        let english = escaped(&mut self.english.iter().map(String::as_str));
        let Some(words) = self.foreign else { return format!("(?P<severity>{english}):[ \t]+") };
        // Some languages put a blank before the colon, one puts none behind it.
        let foreign = escaped(&mut words.all());
        format!("(?P<severity>(?:{english}|{foreign})) ?:[ \t]*")
    }
}

/// A `log_line_prefix`, compiled together with the severities that end it.
#[derive(Clone, Debug)]
pub(crate) struct Prefix {
    /// As configured or worked out: `%m [%p] %q%u@%d `.
    pub(crate) pattern: String,
    matcher: Regex,
    groups: Vec<(Part, usize)>,
    severity: usize,
}

impl Prefix {
    /// Compiles a prefix. Nothing if it has an unknown escape, or too much in it to compile.
    pub(crate) fn compile(pattern: &str, ends: Ends<'_>) -> Option<Prefix> {
        let mut seen = BTreeSet::new();
        let mut expression = String::from("^");
        let mut optional = false;
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                expression.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
                continue;
            }
            let mut padded = false;
            while chars.peek().is_some_and(|c| c.is_ascii_digit() || *c == '-') {
                padded = true;
                chars.next();
            }
            let blanks = if padded { " *" } else { "" };
            match chars.next()? {
                'q' if optional => {}
                'q' => {
                    optional = true;
                    expression.push_str("(?:");
                }
                '%' => expression.push('%'),
                escape => {
                    expression.push_str(blanks);
                    expression.push_str(&escape_expression(escape, &mut seen)?);
                    expression.push_str(blanks);
                }
            }
        }
        if optional {
            expression.push_str(")?");
        }
        expression.push_str(&ends.expression());
        let matcher = regex::RegexBuilder::new(&expression).size_limit(4 << 20).build().ok()?;
        let index = |name: &str| matcher.capture_names().position(|n| n == Some(name));
        let groups = PARTS.iter().filter_map(|(part, name)| Some((*part, index(name)?))).collect();
        let severity = index("severity")?;
        Some(Prefix { pattern: pattern.to_owned(), matcher, groups, severity })
    }

    /// Room for matching, to be kept from line to line.
    pub(crate) fn locations(&self) -> CaptureLocations {
        self.matcher.capture_locations()
    }

    /// How many kinds of things it tells.
    pub(crate) fn tells(&self) -> usize {
        self.groups.len()
    }

    /// Whether it tells the time.
    pub(crate) fn has_time(&self) -> bool {
        self.groups.iter().any(|(part, _)| *part == Part::Time)
    }

    /// Matches a line: what the prefix tells, severity and message, if the line has the prefix.
    pub(crate) fn read<'a>(
        &self,
        text: &'a str,
        locations: &mut CaptureLocations,
        told: &mut Told<'a>,
    ) -> Option<(&'a str, &'a str)> {
        // What a matcher costs grows with what it may look at, and no prefix is this long.
        let front = &text[..text.floor_char_boundary(PREFIX_BYTES_MAX)];
        let whole = self.matcher.captures_read(locations, front)?;
        *told = Told::default();
        for (part, group) in &self.groups {
            if let Some((from, to)) = locations.get(*group) {
                told.0[*part as usize] = &text[from..to];
            }
        }
        let (from, to) = locations.get(self.severity)?;
        Some((&text[from..to], &text[whole.end()..]))
    }
}

/// Reads lines by a prefix. Takes the words of other languages in when a line has one.
pub(crate) struct Matcher {
    prefix: Prefix,
    locations: CaptureLocations,
    words: Arc<Words>,
    english: Arc<Vec<String>>,
    /// The same prefix with the words of all languages, once a line asked for it.
    foreign: Option<Option<Prefix>>,
}

impl Matcher {
    pub(crate) fn new(prefix: Prefix, english: Arc<Vec<String>>, words: Arc<Words>) -> Matcher {
        Matcher { locations: prefix.locations(), prefix, words, english, foreign: None }
    }

    /// Whether the prefix says whose line it is.
    pub(crate) fn tells_whose(&self) -> bool {
        let whose = [Part::Pid, Part::SessionId, Part::User];
        self.prefix.groups.iter().any(|(part, _)| whose.contains(part))
    }

    /// What the prefix tells, severity and message, if the line has the prefix.
    pub(crate) fn read<'a>(&mut self, text: &'a str, told: &mut Told<'a>) -> Option<(&'a str, &'a str)> {
        if let Some(read) = self.prefix.read(text, &mut self.locations, told) {
            return Some(read);
        }
        if !self.words.may_stand_in(&text[..text.floor_char_boundary(PREFIX_BYTES_MAX)]) {
            return None;
        }
        let ends = Ends { english: &self.english, foreign: Some(&self.words) };
        let foreign = self.foreign.get_or_insert_with(|| Prefix::compile(&self.prefix.pattern, ends)).as_ref()?;
        let mut locations = foreign.locations();
        let read = foreign.read(text, &mut locations, told)?;
        // Nothing is taken for the prefix of a line any more that only looks like one in English.
        self.prefix = foreign.clone();
        self.locations = locations;
        Some(read)
    }
}

/// One escape as an expression. The second time that a prefix says the same thing it is not captured again.
fn escape_expression(escape: char, seen: &mut BTreeSet<&'static str>) -> Option<String> {
    let (name, inner) = match escape {
        'a' => ("app", r"[^\n]*?"),
        'u' => ("user", r"[^\n]*?"),
        'd' => ("db", r"[^\n]*?"),
        'b' => ("backend", "BACKEND"),
        'i' => ("tag", TAGS),
        'h' => ("host", HOST),
        'L' => ("local", HOST),
        'r' => {
            let port = if seen.insert("port") { r"(?:\((?P<port>[0-9]+)\))?" } else { r"(?:\([0-9]+\))?" };
            let host = if seen.insert("host") { format!("(?P<host>{HOST})") } else { format!("(?:{HOST})") };
            return Some(host + port);
        }
        'p' => ("pid", r"[0-9]+"),
        'P' => ("leader", r"[0-9]*"),
        't' | 'm' => ("time", TIME),
        'n' => ("time", r"[0-9]{9,11}(?:\.[0-9]{1,6})?"),
        's' => ("start", TIME),
        'e' => ("state", r"[0-9A-Z]{5}"),
        'c' => ("session", r"[0-9a-f]+\.[0-9a-f]+"),
        'l' => ("line", r"[0-9]+"),
        'v' => ("vxid", r"-?[0-9]*/?[0-9]*"),
        'x' => ("xid", r"[0-9]+"),
        'Q' => ("qid", r"-?[0-9]+"),
        _ => return None,
    };
    // Others may come with a later version.
    let backend = format!(r"(?:{BACKENDS})|[^\n]*?");
    let inner = if inner == "BACKEND" { &backend } else { inner };
    Some(if seen.insert(name) { format!("(?P<{name}>{inner})") } else { format!("(?:{inner})") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(pattern: &str) -> Option<Prefix> {
        let english = ["LOG", "ERROR", "FATAL", "DETAIL", "STATEMENT"].map(str::to_owned);
        Prefix::compile(pattern, Ends { english: &english, foreign: None })
    }

    fn read<'a>(prefix: &Prefix, line: &'a str) -> Option<(&'a str, &'a str, Told<'a>)> {
        let mut told = Told::default();
        let (severity, message) = prefix.read(line, &mut prefix.locations(), &mut told)?;
        Some((severity, message, told))
    }

    #[test]
    fn a_prefix_that_is_stated_reads_all_that_it_tells() {
        let p = compile("%m [%p] %q%u@%d %r %c:%l xid=%x q=%Q ").unwrap();
        let line = "2026-11-21 19:54:52.060 UTC [972] a b@shop 127.0.0.1(41) 6b01f70c.3cc:3 xid=0 q=-7 LOG:  hello: x";
        let (severity, message, told) = read(&p, line).unwrap();
        assert_eq!((severity, message), ("LOG", "hello: x"));
        assert_eq!((told.get(Part::User), told.get(Part::Port)), ("a b", "41"));
        assert_eq!((told.get(Part::SessionId), told.get(Part::QueryId)), ("6b01f70c.3cc", "-7"));
        assert!(read(&p, "2026-11-21 19:54:52.060 UTC [972] LOG:  hello").is_some());
    }

    #[test]
    fn padding_numbers_and_the_rarer_escapes_are_read() {
        let p = compile("%-8u|%8d|%n|%s|%b|%P|%L|%i|%v %%").unwrap();
        let line = "vendor_x|   store|1795322661.596|2026-11-22 05:44:21 CET|client backend||192.0.2.9|idle in transaction (aborted)|3/7 %LOG:  x";
        let (_, message, told) = read(&p, line).unwrap();
        assert_eq!((told.get(Part::User), told.get(Part::Database)), ("vendor_x", "store"));
        assert_eq!((told.get(Part::Time), told.get(Part::BackendType)), ("1795322661.596", "client backend"));
        assert_eq!((told.get(Part::LocalHost), message), ("192.0.2.9", "x"));
        assert_eq!(told.get(Part::CommandTag), "idle in transaction (aborted)");
    }

    #[test]
    fn severities_of_other_languages_end_a_prefix_too() {
        let words = Words::load(&stanch_packs::Packs::shipped()).unwrap();
        let english = ["LOG".to_owned()];
        let p = Prefix::compile("%m [%p] ", Ends { english: &english, foreign: Some(&words) }).unwrap();
        for (line, expect) in [
            ("2026-11-21 19:54:52.060 UTC [972] FEHLER:  a", ("FEHLER", "a")),
            ("2026-11-21 19:54:52.060 UTC [972] REQUÊTE :  a", ("REQUÊTE", "a")),
            ("2026-11-21 19:54:52.060 UTC [972] 쿼리:a", ("쿼리", "a")),
            ("2026-11-21 19:54:52.060 UTC [972] LOG:  FEHLER:  a", ("LOG", "FEHLER:  a")),
        ] {
            let (severity, message, _) = read(&p, line).unwrap();
            assert_eq!((severity, message), expect);
        }
    }

    #[test]
    fn a_prefix_with_an_unknown_escape_is_none() {
        assert!(!compile("[%p] ").unwrap().has_time());
        assert!(compile("%m %z").is_none());
        assert!(compile("%m %").is_none());
    }
}
