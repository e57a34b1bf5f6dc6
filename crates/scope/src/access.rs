//! The intruder's events that reached data: requests that a route answers, and statements.

use crate::error::ScopeError;
use crate::platform::{Platform, Route, Service};
use crate::routes::{self, Matched};
use crate::shape;
use stanch_lake::{EventOrder, EventRow, Lake};
use stanch_model::store::LogSource;
use stanch_model::{EventClass, EventFields, Instant, Intruder, NumberField, Position, Seal, TextField};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
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

    fn requests(&mut self, lake: &Lake, intruder: &Intruder) -> Result<(), ScopeError> {
        use NumberField as N;
        use TextField as T;
        let Some(filter) = identity_filter(intruder) else { return Ok(()) };
        let filter = format!("class_uid <> {} AND ({filter})", EventClass::DatastoreActivity.uid());
        let texts = [
            T::LogName,
            T::SrcIp,
            T::UserUid,
            T::UserName,
            T::SessionUid,
            T::CredentialUid,
            T::HttpMethod,
            T::Url,
            T::RequestUid,
            T::UserAgent,
            T::Status,
        ];
        let numbers = [N::HttpStatus, N::ResponseBytes, N::DurationUs, N::Rows];
        let doing = "read the intruder's requests";
        let events =
            lake.events(&texts, &numbers, Some(&filter), EventOrder::ByTime).map_err(ScopeError::lake(doing))?;
        for rows in events {
            let rows = rows.map_err(ScopeError::lake(doing))?;
            for row in rows.iter().filter(|row| intruder.claims(row).is_some()) {
                self.accesses.events += 1;
                if row.class() == EventClass::HttpActivity {
                    self.request(&row);
                } else {
                    self.word(&row);
                }
            }
        }
        Ok(())
    }

    fn request(&mut self, row: &EventRow<'_>) {
        let text = |field| row.text_of(field).map(str::to_owned);
        let (Some(method), Some(target), Some(status)) =
            (text(TextField::HttpMethod), text(TextField::Url), row.number(NumberField::HttpStatus))
        else {
            return;
        };
        let log = row.text_of(TextField::LogName).unwrap_or_default();
        self.requests.push(Request {
            spot: self.spot(row),
            service: self.services.get(log).cloned().unwrap_or_else(|| "store".to_owned()),
            method,
            target,
            status,
            bytes: row.number(NumberField::ResponseBytes),
            duration: row.number(NumberField::DurationUs).unwrap_or(0),
            uid: text(TextField::RequestUid),
            address: text(TextField::SrcIp),
        });
    }

    fn word(&mut self, row: &EventRow<'_>) {
        let account = row.text_of(TextField::UserUid).map(str::to_owned);
        if let (Some(account), Some(address)) = (&account, row.text_of(TextField::SrcIp))
            && row.text_of(TextField::Status) != Some("failure")
        {
            self.accounts_of_address.entry(address.to_owned()).or_default().insert(account.clone());
        }
        let Some(uid) = row.text_of(TextField::RequestUid) else { return };
        let word = self.words.entry(uid.to_owned()).or_default();
        word.time = word.time.max(Some(row.time()));
        word.account = account.or(word.account.take());
        word.rows = row.number(NumberField::Rows).or(word.rows);
    }

    fn statements(&mut self, lake: &Lake, intruder: &Intruder) -> Result<(), ScopeError> {
        use NumberField as N;
        use TextField as T;
        let roles = self.roles_of_pasting_services();
        let mut wanted: Vec<String> = identity_filter(intruder).into_iter().collect();
        if let Some(window) = self.requests.iter().map(|r| r.spot.time).fold(None, stretch) {
            wanted.extend(roles.iter().map(|role| {
                format!(
                    "(actor_user_name = '{}' AND time BETWEEN to_timestamp_micros({}) AND to_timestamp_micros({}))",
                    role.replace('\'', "''"),
                    window.0.0 - LINK_US,
                    window.1.0 + LINK_US
                )
            }));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let filter = format!("class_uid = {} AND ({})", EventClass::DatastoreActivity.uid(), wanted.join(" OR "));
        let texts = [
            T::SrcIp,
            T::UserName,
            T::SessionUid,
            T::Activity,
            T::Query,
            T::QueryParameters,
            T::StatusCode,
            T::StatusDetail,
        ];
        let doing = "read the intruder's statements";
        let events =
            lake.events(&texts, &[N::Rows], Some(&filter), EventOrder::ByTime).map_err(ScopeError::lake(doing))?;
        let mut last: HashMap<String, usize> = HashMap::new();
        for rows in events {
            let rows = rows.map_err(ScopeError::lake(doing))?;
            for row in rows.iter() {
                self.statement(&row, intruder, &mut last);
            }
        }
        self.link();
        self.accesses.statements.iter_mut().for_each(Statement::bind);
        Ok(())
    }

    fn statement(&mut self, row: &EventRow<'_>, intruder: &Intruder, last: &mut HashMap<String, usize>) {
        let session = row.text_of(TextField::SessionUid).unwrap_or_default();
        let statements = &mut self.accesses.statements;
        let of_session = last.get(session).copied();
        match row.text_of(TextField::Activity) {
            Some("error") => {
                let failed = Outcome::Failed {
                    code: row.text_of(TextField::StatusCode).unwrap_or_default().to_owned(),
                    message: row.text_of(TextField::StatusDetail).unwrap_or_default().to_owned(),
                };
                let same = |s: &Statement| row.text_of(TextField::Query).is_none_or(|q| q.trim() == s.text.trim());
                match of_session.filter(|at| same(&statements[*at])) {
                    Some(at) => statements[at].outcome = failed,
                    None => self.push_statement(row, intruder, failed, last),
                }
            }
            Some("audit") => {
                if let (Some(at), Some(rows)) = (of_session, row.number(NumberField::Rows)) {
                    statements[at].rows = statements[at].rows.max(Some(rows));
                }
            }
            Some("statement" | "execute" | "fetch") => self.push_statement(row, intruder, Outcome::Ran, last),
            _ => {}
        }
    }

    fn push_statement(
        &mut self,
        row: &EventRow<'_>,
        intruder: &Intruder,
        outcome: Outcome,
        last: &mut HashMap<String, usize>,
    ) {
        let Some(text) = row.text_of(TextField::Query) else { return };
        let session = row.text_of(TextField::SessionUid).unwrap_or_default();
        let direct = intruder.claims(row).is_some();
        self.accesses.events += u64::from(direct);
        last.insert(session.to_owned(), self.accesses.statements.len());
        self.accesses.statements.push(Statement {
            spot: self.spot(row),
            text: text.to_owned(),
            parameters: row.text_of(TextField::QueryParameters).map(str::to_owned),
            outcome,
            shows_errors: direct,
            rows: row.number(NumberField::Rows),
            bytes: None,
            because: "",
            session: self.names.name(session),
            role: self.names.name(row.text_of(TextField::UserName).unwrap_or_default()),
            direct,
        });
    }

    fn pasting(&self) -> impl Iterator<Item = (&'p str, &'p Service, &'p Route)> + use<'p> {
        let platform = self.platform;
        platform.services.iter().flat_map(|(name, service)| {
            service.routes.values().filter(|r| r.pastes.is_some()).map(move |route| (name.as_str(), service, route))
        })
    }

    fn roles_of_pasting_services(&self) -> BTreeSet<String> {
        self.pasting()
            .filter(|(name, _, _)| self.requests.iter().any(|r| r.service == *name))
            .filter_map(|(_, service, _)| service.database_role.clone())
            .collect()
    }

    /// Requests whose parameter was pasted into SQL are joined, in order, to the statements that came of them. What is
    /// then neither joined nor the intruder's own connection was somebody else's.
    fn link(&mut self) {
        let mut by_text: HashMap<(Rc<str>, String), VecDeque<usize>> = HashMap::new();
        for (at, statement) in self.accesses.statements.iter().enumerate().filter(|(_, s)| !s.direct) {
            let key = (statement.role.clone(), statement.text.trim().to_owned());
            by_text.entry(key).or_default().push_back(at);
        }
        let has_log = !by_text.is_empty();
        let mut linked = BTreeSet::new();
        let mut from_requests = Vec::new();
        for request in &self.requests {
            let Some(service) = self.platform.services.get(&request.service) else { continue };
            let Matched::Route { route, parameters, .. } = routes::find(service, &request.method, &request.target)
            else {
                continue;
            };
            let Some(pasted) = &route.pastes else { continue };
            let text = paste(pasted, &parameters);
            let role = self.names.name(service.database_role.as_deref().unwrap_or_default());
            let key = (role.clone(), text.trim().to_owned());
            let found = by_text.get_mut(&key).and_then(|queue| {
                let near = |at: &usize| {
                    let apart = self.accesses.statements[*at].spot.time.0 - request.spot.time.0;
                    apart.abs() <= LINK_US
                };
                let place = queue.iter().position(near)?;
                queue.remove(place)
            });
            match found {
                Some(at) => {
                    let statement = &mut self.accesses.statements[at];
                    statement.bytes = request.bytes;
                    statement.shows_errors = service.shows_errors;
                    linked.insert(at);
                }
                // Either it never reached the database, or the log is not whole: what it asked for is possible.
                None if has_log => {
                    self.accesses.unlinked.push(request.spot);
                    from_requests.push(statement_of(request, service, text, role, NOT_LOGGED));
                }
                None => from_requests.push(statement_of(request, service, text, role, "")),
            }
        }
        let mut at = 0;
        self.accesses.statements.retain(|statement| {
            at += 1;
            statement.direct || linked.contains(&(at - 1))
        });
        self.accesses.statements.extend(from_requests);
    }

    fn finish(mut self) -> Accesses {
        for request in std::mem::take(&mut self.requests) {
            let Some(service) = self.platform.services.get(&request.service) else {
                self.unknown(&request);
                continue;
            };
            match routes::find(service, &request.method, &request.target) {
                Matched::Route { name, route, parameters } if route.returns_with.contains(&request.status) => {
                    self.answered(&request, name, route, parameters);
                }
                Matched::Unknown if (200..300).contains(&request.status) && request.method != "HEAD" => {
                    self.unknown(&request);
                }
                Matched::Public => {
                    self.accesses.public_requests += 1;
                    self.accesses.public_bytes += u64::try_from(request.bytes.unwrap_or(0)).unwrap_or(0);
                }
                _ => self.accesses.refused_requests += 1,
            }
        }
        self.accesses
    }

    fn unknown(&mut self, request: &Request) {
        let word = request.uid.as_ref().and_then(|uid| self.words.get(uid));
        self.accesses.unknown.push(Unknown {
            spot: request.spot,
            account: word.and_then(|w| w.account.clone()),
            bytes: request.bytes.unwrap_or(0),
        });
    }

    fn answered(&mut self, request: &Request, name: &str, route: &Route, mut parameters: BTreeMap<String, String>) {
        let word = request.uid.as_ref().and_then(|uid| self.words.get(uid)).cloned().unwrap_or_default();
        if let Some(paging) = &route.paging {
            page(paging, &mut parameters);
        }
        let asks_account = route.reads.iter().any(|sql| sql.contains(":account"));
        let guesses: Vec<String> = match (&word.account, asks_account) {
            (Some(account), _) => vec![account.clone()],
            (None, false) => vec![String::new()],
            (None, true) => {
                let address = request.address.as_deref().unwrap_or_default();
                self.accounts_of_address.get(address).into_iter().flatten().cloned().collect()
            }
        };
        let end = word.time.map_or(request.spot.time.0.saturating_add(1_000_000), |t| t.0);
        let mut reads = Vec::new();
        for account in &guesses {
            parameters.insert("account".to_owned(), account.clone());
            reads.extend(route.reads.iter().map(|sql| fill(sql, &parameters)));
        }
        self.accesses.answered.push(Answered {
            spot: request.spot,
            route: format!("{}/{name}", request.service),
            pattern: format!("{} {}", route.method, route.path),
            reads,
            account_guessed: asks_account && word.account.is_none(),
            rows: word.rows,
            bytes: request.bytes,
            during: (end - request.duration - COMMIT_LAG_US, end),
        });
    }
}

fn stretch(window: Option<(Instant, Instant)>, time: Instant) -> Option<(Instant, Instant)> {
    Some(window.map_or((time, time), |(from, to)| (from.min(time), to.max(time))))
}

/// Without a database log the request alone gives the statement.
fn statement_of(request: &Request, service: &Service, text: String, role: Rc<str>, because: &'static str) -> Statement {
    let outcome = if request.status < 400 {
        Outcome::Ran
    } else {
        Outcome::Failed { code: String::new(), message: String::new() }
    };
    Statement {
        spot: request.spot,
        text,
        parameters: None,
        outcome,
        shows_errors: service.shows_errors,
        rows: None,
        bytes: request.bytes,
        because,
        session: "".into(),
        role,
        direct: false,
    }
}

fn paste(template: &str, parameters: &BTreeMap<String, String>) -> String {
    let mut text = template.to_owned();
    for (name, value) in parameters {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

fn page(paging: &crate::platform::Paging, parameters: &mut BTreeMap<String, String>) {
    let positive = |text: Option<&String>| text.and_then(|t| t.parse::<i64>().ok()).filter(|n| *n > 0);
    let number = positive(parameters.get(&paging.page)).unwrap_or(1);
    let rows = paging.rows.parse::<i64>().ok().or_else(|| positive(parameters.get(&paging.rows))).unwrap_or(50);
    parameters.insert("page_rows".to_owned(), rows.to_string());
    parameters.insert("page_start".to_owned(), (number.saturating_sub(1)).saturating_mul(rows).to_string());
}

/// Fills `:name` with a literal. All but the numbers of paging are quoted: a quoted number still compares as a number
/// with a column of numbers, and with a column of text it must not turn the column into numbers.
pub(crate) fn fill(sql: &str, parameters: &BTreeMap<String, String>) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(colon) = rest.find(':') {
        let (before, after) = rest.split_at(colon);
        let length = after[1..].find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(after.len() - 1);
        let name = &after[1..=length];
        text.push_str(before);
        match parameters.get(name) {
            Some(value) if name.starts_with("page_") && value.parse::<u64>().is_ok() => text.push_str(value),
            Some(value) => text.push_str(&format!("'{}'", value.replace('\'', "''"))),
            None => {
                text.push(':');
                text.push_str(name);
            }
        }
        rest = &after[1 + length..];
        if name.is_empty() && rest.starts_with(':') {
            text.push(':');
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    text
}

fn identity_filter(intruder: &Intruder) -> Option<String> {
    let mut by_column: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for identity in intruder.confirmed() {
        let value = format!("'{}'", identity.value.replace('\'', "''"));
        by_column.entry(identity.kind.field().column()).or_default().insert(value);
    }
    let parts: Vec<String> = by_column
        .into_iter()
        .map(|(column, values)| format!("{column} IN ({})", values.into_iter().collect::<Vec<_>>().join(", ")))
        .collect();
    (!parts.is_empty()).then(|| parts.join(" OR "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_literals_and_never_sql() {
        let parameters =
            BTreeMap::from([("id".to_owned(), "7".to_owned()), ("n".to_owned(), "x' OR '1'='1".to_owned())]);
        assert_eq!(
            fill("SELECT a::text FROM t WHERE id = :id AND n = :n AND z = :zz", &parameters),
            "SELECT a::text FROM t WHERE id = '7' AND n = 'x'' OR ''1''=''1' AND z = :zz"
        );
    }

    #[test]
    fn pages_start_where_the_store_starts_them() {
        let paging = crate::platform::Paging { page: "page".into(), rows: "page_size".into() };
        let mut parameters =
            BTreeMap::from([("page".to_owned(), "3".to_owned()), ("page_size".to_owned(), "20".to_owned())]);
        page(&paging, &mut parameters);
        assert_eq!((parameters["page_rows"].as_str(), parameters["page_start"].as_str()), ("20", "40"));
        let mut odd = BTreeMap::from([("page".to_owned(), "-1".to_owned())]);
        page(&paging, &mut odd);
        assert_eq!((odd["page_rows"].as_str(), odd["page_start"].as_str()), ("50", "0"));
    }
}
