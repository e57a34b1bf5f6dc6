//! Compiles a `log_line_prefix` to a matcher, and works one out from lines where nobody stated it.

use regex::{CaptureLocations, Regex};
use std::collections::BTreeSet;
use std::sync::LazyLock;

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
}

const PARTS: &[(Part, &str)] = &[
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
];

const TIME: &str = "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]{1,6})?(?: (?:[A-Za-z]{1,6}|<?[+-][0-9]{2}(?::?[0-9]{2})?>?))?";
const HOST: &str = r"\[local\]|\[unknown\]|[0-9A-Za-z:.%_-]*?";

/// Bytes within which a prefix and its severity must end.
const PREFIX_BYTES_MAX: usize = 512;

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
    /// Compiles a prefix. Nothing if it has no time, or too much in it to compile.
    pub(crate) fn compile(pattern: &str, severities: &[String]) -> Option<Prefix> {
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
        let words: Vec<String> = severities.iter().map(|s| regex::escape(s)).collect();
        expression.push_str(&format!("(?P<severity>{}):[ \t]+", words.join("|")));
        if !seen.contains("time") {
            return None;
        }
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

    /// Matches a line: calls `part` for each thing the prefix tells; severity and message if the line has the prefix.
    pub(crate) fn read<'a>(
        &self,
        text: &'a str,
        locations: &mut CaptureLocations,
        mut part: impl FnMut(Part, &'a str),
    ) -> Option<(&'a str, &'a str)> {
        // What a matcher costs grows with what it may look at, and no prefix is this long.
        let front = &text[..text.floor_char_boundary(PREFIX_BYTES_MAX)];
        let whole = self.matcher.captures_read(locations, front)?;
        for (name, group) in &self.groups {
            if let Some((from, to)) = locations.get(*group) {
                part(*name, &text[from..to]);
            }
        }
        let (from, to) = locations.get(self.severity)?;
        Some((&text[from..to], &text[whole.end()..]))
    }
}

/// One escape as an expression. The second time that a prefix says the same thing it is not captured again.
fn escape_expression(escape: char, seen: &mut BTreeSet<&'static str>) -> Option<String> {
    let (name, inner) = match escape {
        'a' => ("app", r"[^\n]*?"),
        'u' => ("user", r"[^\n]*?"),
        'd' => ("db", r"[^\n]*?"),
        'b' => ("backend", r"[^\n]*?"),
        'i' => ("tag", r"[A-Za-z ]*?"),
        'h' => ("host", HOST),
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
    Some(if seen.insert(name) { format!("(?P<{name}>{inner})") } else { format!("(?:{inner})") })
}

/// Lines by which candidates are compared, and heads that may suggest one: enough to tell, few enough to be quick.
const COMPARED: usize = 400;
const SUGGESTING: usize = 100;
const CANDIDATES_MAX: usize = 48;

/// The prefix that fits most of some lines: of the known ones, and of those that the lines themselves suggest.
pub(crate) fn infer(lines: &[&str], known: &[Prefix], severities: &[String]) -> Option<Prefix> {
    // Both ends of the sample, since a server's start looks unlike its days.
    let step = (lines.len() / COMPARED).max(1);
    let compared: Vec<&str> = lines.iter().step_by(step).copied().collect();
    let heads: Vec<&str> = compared.iter().filter_map(|line| head(line, severities)).collect();
    if heads.is_empty() {
        return None;
    }
    let mut suggested: BTreeSet<String> = heads.iter().take(SUGGESTING).map(|h| suggest(h)).collect();
    // What background processes write is the beginning of what sessions write: `%q` stands between.
    let joined: Vec<String> = suggested
        .iter()
        .flat_map(|short| suggested.iter().map(move |long| (short, long)))
        .filter(|(short, long)| long.len() > short.len() && long.starts_with(short.as_str()))
        .map(|(short, long)| format!("{short}%q{}", &long[short.len()..]))
        .take(CANDIDATES_MAX)
        .collect();
    suggested.extend(joined);
    suggested.retain(|s| known.iter().all(|k| k.pattern != *s));
    let compiled = suggested.iter().take(CANDIDATES_MAX).filter_map(|s| Prefix::compile(s, severities));
    let mut best: Option<(usize, usize, Prefix)> = None;
    for prefix in known.iter().cloned().chain(compiled) {
        let mut locations = prefix.locations();
        let fits = compared.iter().filter(|l| prefix.read(l, &mut locations, |_, _| {}).is_some()).count();
        // Of two that fit alike, the one that tells more.
        let better = best.as_ref().is_none_or(|(most, tells, _)| (fits, prefix.tells()) > (*most, *tells));
        if fits > 0 && better {
            best = Some((fits, prefix.tells(), prefix));
        }
    }
    best.map(|(.., prefix)| prefix)
}

/// What stands before the severity, if the line has one and a time before it.
fn head<'a>(line: &'a str, severities: &[String]) -> Option<&'a str> {
    if line.starts_with('\t') {
        return None;
    }
    let at = line.match_indices(':').find_map(|(colon, _)| {
        let before = &line[..colon];
        let severity = severities.iter().filter(|s| before.ends_with(s.as_str())).max_by_key(|s| s.len())?;
        line[colon + 1..].starts_with([' ', '\t']).then(|| colon - severity.len())
    })?;
    let head = &line[..at];
    (head.len() < 400 && head.bytes().any(|b| b.is_ascii_digit())).then_some(head)
}

/// What is looked for at the front of what is left of a head, most telling first.
static FRONTS: LazyLock<Vec<(Front, Regex)>> = LazyLock::new(|| {
    [
        (Front::Time, TIME),
        (Front::Name, "[A-Za-z_]+="),
        (Front::Session, r"[0-9a-f]{8}\.[0-9a-f]+"),
        (Front::Host, r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:\([0-9]+\))?|\[local\]"),
        (Front::UserAtDatabase, r"\[unknown\]@\[unknown\]|[A-Za-z_][A-Za-z0-9_.-]*@[A-Za-z0-9_.-]+|@"),
        (Front::Transaction, "[0-9]+/[0-9]+"),
        (Front::Epoch, r"[0-9]{9,11}\.[0-9]{3}"),
        (Front::State, "[0-9A-Z]{5}(?:[^0-9A-Z]|$)"),
        (Front::Number, "[0-9]+"),
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
    UserAtDatabase,
    Transaction,
    Epoch,
    State,
    Number,
}

/// Writes a prefix for what stands before one line's severity.
fn suggest(head: &str) -> String {
    let mut out = String::new();
    let mut rest = head;
    while let Some(c) = rest.chars().next() {
        let front = FRONTS.iter().find_map(|(front, matcher)| {
            let found = matcher.find(rest)?.end();
            let fits = match front {
                Front::Time => !out.contains("%m") && !out.contains("%t"),
                Front::Name => !out.ends_with(|c: char| c.is_alphanumeric()),
                Front::State => out.contains("%p"),
                _ => true,
            };
            fits.then_some((*front, found))
        });
        let (piece, used) = match front {
            Some((Front::Time, used)) => (if rest[..used].contains('.') { "%m" } else { "%t" }.to_owned(), used),
            Some((Front::Name, used)) => {
                let (name, after) = (&rest[..used - 1], &rest[used..]);
                let value = VALUE.as_ref().and_then(|v| v.find(after)).map_or(0, |m| m.end());
                (format!("{name}={}", keyed(name, &after[..value])), used + value)
            }
            Some((Front::Session, used)) => ("%c".to_owned(), used),
            Some((Front::Host, used)) => ("%r".to_owned(), used),
            Some((Front::UserAtDatabase, used)) => ("%u@%d".to_owned(), used),
            Some((Front::Transaction, used)) => ("%v".to_owned(), used),
            Some((Front::Epoch, used)) => ("%n".to_owned(), used),
            Some((Front::State, used)) => ("%e".to_owned(), used.min(5)),
            // `[12-1]`: the second number is a constant that somebody wrote into the prefix.
            Some((Front::Number, used)) if out.ends_with("%l-") => (rest[..used].to_owned(), used),
            Some((Front::Number, used)) if !out.contains("%p") => ("%p".to_owned(), used),
            Some((Front::Number, used)) => (if out.contains("%l") { "%x" } else { "%l" }.to_owned(), used),
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

    fn severities() -> Vec<String> {
        ["LOG", "ERROR", "FATAL", "DETAIL", "STATEMENT"].map(str::to_owned).to_vec()
    }

    fn inferred(lines: &[&str]) -> String {
        infer(lines, &[], &severities()).map_or("none".to_owned(), |p| p.pattern)
    }

    #[test]
    fn a_prefix_is_worked_out_from_lines() {
        assert_eq!(
            inferred(&[
                "2026-03-02 21:14:05.123 UTC [972] LOG:  checkpoint starting: time",
                "2026-03-02 21:14:06.123 UTC [973] shop@store LOG:  statement: SELECT 1",
            ]),
            "%m [%p] %q%u@%d "
        );
        assert_eq!(
            inferred(&[
                "2026-03-02 21:14:05 CET [20]: [12-1] user=,db=,app=,client= LOG:  x",
                "2026-03-02 21:14:05 CET [21]: [1-1] user=a,db=b,app=c d,client=192.0.2.1 LOG:  x",
            ]),
            "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%r "
        );
        assert_eq!(inferred(&["2026-03-02 21:14:05 CET:192.0.2.1(41):a@b:[12760]:LOG:  x"]), "%t:%r:%u@%d:[%p]:");
        assert_eq!(inferred(&["nothing here"]), "none");
    }

    #[test]
    fn a_prefix_that_is_stated_reads_all_that_it_tells() {
        let p = Prefix::compile("%m [%p] %q%u@%d %r %c:%l xid=%x q=%Q ", &severities()).unwrap();
        let line = "2026-11-21 19:54:52.060 UTC [972] a b@shop 127.0.0.1(41) 6b01f70c.3cc:3 xid=0 q=-7 LOG:  hello: x";
        let mut told = Vec::new();
        let (severity, message) = p.read(line, &mut p.locations(), |part, text| told.push((part, text))).unwrap();
        assert_eq!((severity, message), ("LOG", "hello: x"));
        assert!(told.contains(&(Part::User, "a b")) && told.contains(&(Part::Port, "41")));
        assert!(told.contains(&(Part::SessionId, "6b01f70c.3cc")) && told.contains(&(Part::QueryId, "-7")));
        let background = "2026-11-21 19:54:52.060 UTC [972] LOG:  hello";
        assert!(p.read(background, &mut p.locations(), |_, _| {}).is_some());
    }

    #[test]
    fn a_prefix_without_a_time_or_with_an_unknown_escape_is_none() {
        assert!(Prefix::compile("[%p] ", &severities()).is_none());
        assert!(Prefix::compile("%m %z", &severities()).is_none());
        assert!(Prefix::compile("%m %", &severities()).is_none());
    }
}
