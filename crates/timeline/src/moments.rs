//! The story's moments: what detections found, what the intruder's events amount to, what the store did.

use crate::coverage::ToldOrder;
use stanch_lake::EventRow;
use stanch_model::store::Moments;
use stanch_model::timeline::{Moment, Phase};
use stanch_model::{
    EventClass, EventFields, Finding, Instant, Intruder, NumberField, Seal, TextField, Verdict, Window,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the intruder's events amount to, by kind of act.
#[derive(Debug)]
pub(crate) struct Acts {
    by_kind: BTreeMap<Act, Sum>,
    order: ToldOrder,
}

/// A kind of act.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    /// Pages served to an opened account.
    AccountPages,
    /// Answers to a key.
    KeyAnswers(String),
    /// Statements of a role by command.
    Statements { role: String, command: String, alters: bool },
}

#[derive(Debug)]
struct Sum {
    window: Window,
    events: u64,
    /// Of these, lines in which an audit shows a statement once more.
    audited: u64,
    answered: u64,
    rows: u64,
    who: BTreeSet<String>,
    /// The first of them in the order in which they are told.
    first: First,
}

/// An event's place in the story.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct First {
    told_at: Instant,
    /// Its own clock had gone back: then its place in its file counts.
    is_moved: bool,
    evidence: Seal,
    offset: u64,
    length: u32,
}

impl Acts {
    pub(crate) fn new(order: ToldOrder) -> Acts {
        Acts { by_kind: BTreeMap::new(), order }
    }

    pub(crate) fn observe(&mut self, row: &EventRow<'_>) {
        let Some((act, who)) = act(row) else { return };
        let (time, position) = (row.time(), row.position());
        let told_at = self.order.moment(row);
        let place = First {
            told_at,
            is_moved: told_at != time,
            evidence: row.evidence(),
            offset: position.offset,
            length: position.length,
        };
        let sum = self.by_kind.entry(act).or_insert_with(|| Sum {
            window: Window { from: time, to: time },
            events: 0,
            audited: 0,
            answered: 0,
            rows: 0,
            who: BTreeSet::new(),
            first: place.clone(),
        });
        sum.window = sum.window.stretched_to(time);
        sum.events += 1;
        sum.audited += u64::from(row.text_of(TextField::Activity) == Some("audit"));
        sum.answered += u64::from(row.number(NumberField::HttpStatus).is_some_and(|s| (200..300).contains(&s)));
        sum.rows += row.number(NumberField::Rows).and_then(|r| u64::try_from(r).ok()).unwrap_or(0);
        sum.who.insert(who);
        sum.first = sum.first.clone().min(place);
    }
}

/// The kind of act that an event of the intruder's is, and the key, account or session behind it.
fn act(row: &EventRow<'_>) -> Option<(Act, String)> {
    let text = |field| row.text_of(field).map(str::to_owned);
    match row.class() {
        EventClass::ApiActivity => {
            let key = text(TextField::CredentialUid)?;
            Some((Act::KeyAnswers(key.clone()), key))
        }
        EventClass::HttpActivity | EventClass::WebResources => Some((Act::AccountPages, text(TextField::UserUid)?)),
        EventClass::DatastoreActivity => {
            let statement = row.text_of(TextField::Query)?;
            let command = text(TextField::QueryCommand)
                .filter(|c| !c.is_empty())
                .unwrap_or_else(|| first_word(statement))
                .to_ascii_uppercase();
            let alters = alters(&command, statement);
            if !alters && !matches!(command.as_str(), "SELECT" | "COPY" | "WITH" | "TABLE" | "FETCH") {
                return None;
            }
            let role = text(TextField::UserName).unwrap_or_default();
            Some((Act::Statements { role, command, alters }, text(TextField::SessionUid).unwrap_or_default()))
        }
        _ => None,
    }
}

fn first_word(statement: &str) -> String {
    statement.split_whitespace().next().unwrap_or_default().to_owned()
}

fn alters(command: &str, statement: &str) -> bool {
    let copies_in = || {
        let words = statement.to_ascii_lowercase();
        words.contains(" from stdin") || words.contains(" from program") || words.contains(" from '")
    };
    match command {
        "COPY" => copies_in(),
        _ => ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "MERGE", "DROP", "ALTER", "CREATE", "GRANT"]
            .iter()
            .any(|c| command.starts_with(c)),
    }
}

/// All moments by start.
pub(crate) fn tell(findings: &[Finding], intruder: &Intruder, acts: Acts, moments: &Moments) -> Vec<Moment> {
    let at_its_time = |moment: Moment| (Order::at(moment.window.from), moment);
    let mut told: Vec<(Order, Moment)> =
        findings.iter().filter(|f| is_the_intruders(f, intruder)).map(of_finding).map(at_its_time).collect();
    told.extend(acts.by_kind.into_iter().map(|(act, sum)| (Order::of(&sum.first), of_act(&act, &sum))));
    let stated = [
        (moments.occurred, "The store states that it began"),
        (moments.discovered, "The store discovered that something was wrong"),
        (moments.became_aware, "The store became aware that personal data were compromised"),
        (moments.determined, "The store determined that a breach took place"),
        (moments.notified, "Persons were notified"),
    ];
    told.extend(stated.into_iter().filter_map(|(at, title)| {
        at.map(|at| Moment {
            window: Window { from: at, to: at },
            phase: Phase::Response,
            title: title.to_owned(),
            detail: String::new(),
            events: 0,
            example: None,
        })
        .map(at_its_time)
    }));
    told.sort_by(|(a_at, a), (b_at, b)| {
        (a_at, a.phase, &a.title, &a.detail).cmp(&(b_at, b.phase, &b.title, &b.detail))
    });
    told.into_iter().map(|(_, moment)| moment).collect()
}

/// Where a moment stands in the story: by time; where a source's clock had gone back, behind what it wrote before, in the
/// order of its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    told_at: Instant,
    moved: Option<(Seal, u64)>,
}

impl Order {
    fn at(told_at: Instant) -> Order {
        Order { told_at, moved: None }
    }

    fn of(first: &First) -> Order {
        let moved = first.is_moved.then(|| (first.evidence.clone(), first.offset));
        Order { told_at: first.told_at, moved }
    }
}

/// Whether an identity that the finding proposes has been confirmed.
fn is_the_intruders(finding: &Finding, intruder: &Intruder) -> bool {
    intruder.identities.iter().any(|i| {
        i.verdict == Verdict::Confirmed
            && finding.proposes.iter().any(|p| p.kind == i.kind && p.value == i.value && p.window.overlaps(&i.window))
    })
}

fn of_finding(finding: &Finding) -> Moment {
    Moment {
        window: finding.window,
        phase: phase(&finding.detection),
        title: finding.title.clone(),
        detail: finding.detail.clone(),
        events: finding.events,
        example: finding.examples.first().cloned(),
    }
}

/// Which part of the story a detection speaks of. One that is not known here is about looking for a way in.
fn phase(detection: &str) -> Phase {
    match detection {
        "api/record_scraping" => Phase::Reading,
        "logins/account_opened" | "logins/session_taken" => Phase::Entry,
        d if d.starts_with("api/") || d.starts_with("database/") => Phase::Entry,
        d if d.starts_with("web/sql_injection") => Phase::Entry,
        _ => Phase::Probing,
    }
}

fn of_act(act: &Act, sum: &Sum) -> Moment {
    let rows = if sum.rows > 0 { format!(", {} rows by the server's count", sum.rows) } else { String::new() };
    let statements = count(sum.audited.max(sum.events - sum.audited) as usize, "statement", "statements");
    let (phase, title, detail) = match act {
        Act::AccountPages => (
            Phase::Reading,
            format!("Pages of {} read", count(sum.who.len(), "opened account", "opened accounts")),
            format!("{} requests, {} answered with content", sum.events, sum.answered),
        ),
        Act::KeyAnswers(key) => (
            Phase::Reading,
            format!("Records read through the API with key {key}"),
            format!("{} requests, {} answered with content{rows}", sum.events, sum.answered),
        ),
        Act::Statements { role, command, alters } => (
            if *alters { Phase::Altering } else { Phase::Reading },
            format!("{command} in the database as role {role}"),
            format!("{statements} in {}{rows}", count(sum.who.len(), "session", "sessions")),
        ),
    };
    Moment {
        window: sum.window,
        phase,
        title,
        detail,
        events: sum.events,
        example: Some((sum.first.evidence.clone(), sum.first.offset, sum.first.length)),
    }
}

/// `1 session`, `4 sessions`.
fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}
