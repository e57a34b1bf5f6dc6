//! The intruder's events that reached data: requests that a route answers, and statements.

mod answer;
mod gather;
mod link;

pub(crate) use answer::fill;

use crate::error::ScopeError;
use crate::platform::Platform;
use crate::shape;
use stanch_lake::{EventRow, Lake};
use stanch_model::store::LogSource;
use stanch_model::{EventFields, Instant, Intruder, Position, Seal};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

/// How far a row's own moment of birth may lie before the commit that made it visible.
const COMMIT_LAG_US: i64 = 2_000_000;
/// How far apart a request and its statement may be logged.
const LINK_US: i64 = 30_000_000;
/// Why a statement that only a request tells of is no more than possible.
const NOT_LOGGED: &str = "the database's log has no statement for this request";

/// Where a record stands. Evidence files are numbered in the order of their seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) time: Instant,
    pub(crate) evidence: u32,
    pub(crate) position: Position,
}

/// Accesses that are counted as one: where the first stands, when the last was, how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) first: Spot,
    pub(crate) last: Instant,
    pub(crate) times: u64,
}

impl Seen {
    pub(crate) fn once(spot: Spot) -> Seen {
        Seen { first: spot, last: spot.time, times: 1 }
    }

    pub(crate) fn and(&mut self, other: Seen) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.times += other.times;
    }
}

/// What became of a statement, as the server says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// No error is known.
    Ran,
    /// It failed with this SQLSTATE and words.
    Failed { code: String, message: String },
}

/// A statement of the intruder's.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) spot: Spot,
    /// Its text; once all is gathered, with its parameters bound.
    pub(crate) text: String,
    /// Its parameters as a JSON array, until they are bound.
    parameters: Option<String>,
    pub(crate) outcome: Outcome,
    /// Whether its errors are shown to the intruder.
    pub(crate) shows_errors: bool,
    pub(crate) rows: Option<i64>,
    /// Bytes of the response that carried its answer.
    pub(crate) bytes: Option<i64>,
    /// Why nothing of it is certain; empty where it may be.
    pub(crate) because: &'static str,
    pub(crate) session: Rc<str>,
    role: Rc<str>,
    direct: bool,
}

impl Statement {
    /// A statement of which only its text and time are known.
    #[cfg(test)]
    pub(crate) fn ran(time: Instant, text: String) -> Statement {
        let position = Position { line: 1, offset: 0, length: 0 };
        Statement {
            spot: Spot { time, evidence: 0, position },
            text,
            parameters: None,
            outcome: Outcome::Ran,
            shows_errors: false,
            rows: None,
            bytes: None,
            because: "",
            session: "".into(),
            role: "".into(),
            direct: true,
        }
    }

    fn bind(&mut self) {
        if let Some(json) = self.parameters.take() {
            let values: Vec<Option<String>> = serde_json::from_str(&json).unwrap_or_default();
            self.text = shape::bind(&self.text, &values);
        }
    }
}

/// Few names, said many times: each is kept once.
#[derive(Default)]
struct Kept(HashSet<Rc<str>>);

impl Kept {
    fn name(&mut self, name: &str) -> Rc<str> {
        if let Some(kept) = self.0.get(name) {
            return kept.clone();
        }
        let kept: Rc<str> = name.into();
        self.0.insert(kept.clone());
        kept
    }
}

/// A request of the intruder's that a route with personal data answered.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) spot: Spot,
    /// `service/route`.
    pub(crate) route: String,
    /// Its method and path, parameters as `{name}`.
    pub(crate) pattern: String,
    /// SQL of what it read, parameters filled in.
    pub(crate) reads: Vec<String>,
    /// Whether the account that asked is a guess.
    pub(crate) account_guessed: bool,
    pub(crate) rows: Option<i64>,
    pub(crate) bytes: Option<i64>,
    /// Between which moments the answer was made.
    pub(crate) during: (i64, i64),
}

/// A request that no pack knows and that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Unknown {
    pub(crate) spot: Spot,
    pub(crate) account: Option<String>,
    pub(crate) bytes: i64,
}

/// All that the intruder did to data.
#[derive(Default)]
pub(crate) struct Accesses {
    pub(crate) seals: Vec<Seal>,
    pub(crate) statements: Vec<Statement>,
    pub(crate) answered: Vec<Answered>,
    pub(crate) unknown: Vec<Unknown>,
    /// Requests with a pasted parameter for which the database's log has no statement.
    pub(crate) unlinked: Vec<Spot>,
    /// Events of the intruder's, and the bytes of responses that show nothing personal.
    pub(crate) events: u64,
    pub(crate) public_requests: u64,
    pub(crate) public_bytes: u64,
    pub(crate) refused_requests: u64,
}

/// Between which moments of the store's data a statement logged at `time` may have run.
pub(crate) fn during(time: Instant) -> (i64, i64) {
    (time.0.saturating_sub(COMMIT_LAG_US), time.0)
}

#[derive(Clone, Debug)]
struct Request {
    spot: Spot,
    service: String,
    method: String,
    target: String,
    status: i64,
    bytes: Option<i64>,
    duration: i64,
    uid: Option<String>,
    address: Option<String>,
}

/// What the application's own log says about a request.
#[derive(Clone, Debug, Default)]
struct AppWord {
    time: Option<Instant>,
    account: Option<String>,
    rows: Option<i64>,
}

/// Gathers them from the lake.
pub(crate) fn gather(
    lake: &Lake,
    intruder: &Intruder,
    platform: &Platform,
    logs: &[LogSource],
) -> Result<Accesses, ScopeError> {
    let mut gathering = Gathering::new(lake, platform, logs)?;
    gathering.requests(lake, intruder)?;
    gathering.statements(lake, intruder)?;
    Ok(gathering.finish())
}

struct Gathering<'p> {
    platform: &'p Platform,
    services: BTreeMap<String, String>,
    seals: BTreeMap<String, u32>,
    requests: Vec<Request>,
    words: HashMap<String, AppWord>,
    accounts_of_address: BTreeMap<String, BTreeSet<String>>,
    names: Kept,
    accesses: Accesses,
}

impl<'p> Gathering<'p> {
    fn new(lake: &Lake, platform: &'p Platform, logs: &[LogSource]) -> Result<Gathering<'p>, ScopeError> {
        let answer = lake
            .sql("SELECT DISTINCT CAST(evidence AS VARCHAR) AS e FROM events ORDER BY e")
            .map_err(ScopeError::lake("list the evidence"))?;
        let seals: Vec<String> = answer.rows.into_iter().flatten().flatten().collect();
        let services =
            logs.iter().map(|l| (l.name.clone(), l.service.clone().unwrap_or_else(|| "store".to_owned()))).collect();
        Ok(Gathering {
            platform,
            services,
            seals: seals.iter().cloned().zip(0..).collect(),
            requests: Vec::new(),
            words: HashMap::new(),
            accounts_of_address: BTreeMap::new(),
            names: Kept::default(),
            accesses: Accesses { seals: seals.into_iter().map(Seal).collect(), ..Accesses::default() },
        })
    }

    fn spot(&self, row: &EventRow<'_>) -> Spot {
        let evidence = self.seals.get(row.evidence_str()).copied().unwrap_or_default();
        Spot { time: row.time(), evidence, position: row.position() }
    }
}
