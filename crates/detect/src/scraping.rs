//! Records read one after another: ids in a row, list pages in a row, by one key, account or address.

use crate::example::{Examples, Span};
use crate::few::Few;
use crate::names::Name;
use crate::network::Known;
use crate::route::{Route, route, template};
use crate::rules::{Behaviour, Detection, Figure, Figures, Rules};
use crate::survey::{NewPlaces, Survey, Who};
use crate::trace::{count, list, propose};
use stanch_lake::EventRow;
use stanch_model::{EventFields, Finding, IdentityKind, Instant, NumberField, TextField};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Nobody: a request that shows neither key nor account.
pub(crate) const NOBODY: Name = Name::MAX;
/// Requests for one route above which somebody is looked at closely, with a key or account, and without.
const NAMED_MIN: u32 = 5;
const NOBODY_MIN: u32 = 100;
/// Routes counted per address and somebody.
const ROUTES_MAX: usize = 128;
/// Runs looked at closely: those of keys, then of accounts, then of nobody; of each the busiest first.
const CLOSE_MAX: usize = 500;
/// Ids and pages kept of each; the lowest.
const IDS_MAX: usize = 4096;
/// Addresses without a key or account on one route from which it counts as public.
const PUBLIC_MIN: usize = 5;
/// Use from a place this long before the run makes the run no news.
const HABIT_US: i64 = 3_600_000_000;

/// First reading: how many requests with an id or a page, per address, somebody and route.
#[derive(Debug, Default)]
pub(crate) struct RouteSurvey {
    requests: HashMap<(Name, Name), Few<u32>>,
}

impl RouteSurvey {
    pub(crate) fn observe(&mut self, row: &EventRow<'_>, address: Name, who: Option<Name>) {
        if let Some(route) = row.text_of(TextField::Url).and_then(route) {
            let routes = self.requests.entry((address, who.unwrap_or(NOBODY))).or_default();
            if let Some(requests) = routes.at(route.hash, ROUTES_MAX) {
                *requests = requests.saturating_add(1);
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = ((Name, Name, u64), u32)> {
        self.requests.iter().flat_map(|((address, who), routes)| {
            routes.iter().map(move |(route, requests)| ((*address, *who, route), *requests))
        })
    }

    /// The runs worth a closer look, and the routes that many use without showing anything.
    fn candidates(&self, survey: &Survey<'_>) -> (HashSet<(Name, Name, u64)>, HashSet<u64>) {
        let mut anonymous: HashMap<u64, usize> = HashMap::new();
        for ((_, who, route), _) in self.all() {
            *anonymous.entry(route).or_default() += usize::from(who == NOBODY);
        }
        // The web server's line of a request that another log shows with its key is no second run.
        let named: HashSet<(Name, u64)> =
            self.all().filter(|(k, _)| k.1 != NOBODY).map(|((address, _, route), _)| (address, route)).collect();
        let enough = |(address, who, route): &(Name, Name, u64), requests: u32| match *who {
            NOBODY => requests >= NOBODY_MIN && !named.contains(&(*address, *route)),
            _ => requests >= NAMED_MIN,
        };
        let mut close: Vec<_> = self.all().filter(|(k, n)| enough(k, *n)).collect();
        let text = |key: &(Name, Name, u64)| (survey.addresses.text(key.0), survey.who_text(key.1), key.2);
        let rank = |key: &(Name, Name, u64)| match survey.who(key.1) {
            Some(Who::Key(_)) => 0,
            Some(Who::Account(_)) => 1,
            None => 2,
        };
        close.sort_by(|(a, n), (b, m)| (rank(a), m, text(a)).cmp(&(rank(b), n, text(b))));
        close.truncate(CLOSE_MAX);
        let public = anonymous.into_iter().filter(|(_, n)| *n >= PUBLIC_MIN).map(|(route, _)| route).collect();
        (close.into_iter().map(|(key, _)| key).collect(), public)
    }
}

/// Second reading: the runs themselves.
#[derive(Debug)]
pub(crate) struct ScrapeCloser {
    close: HashMap<(Name, Name, u64), Run>,
    public: HashSet<u64>,
}

/// What somebody read of one route from one address.
#[derive(Clone, Debug, Default)]
struct Run {
    template: String,
    ids: BTreeSet<u64>,
    pages: BTreeSet<u64>,
    missing: u64,
    span: Span,
    examples: Examples,
}

impl Run {
    fn add(&mut self, row: &EventRow<'_>, route: Route) {
        if self.template.is_empty() {
            self.template = row.text_of(TextField::Url).map(template).unwrap_or_default();
        }
        for (set, value) in [(&mut self.ids, route.id), (&mut self.pages, route.page)] {
            set.extend(value);
            if set.len() > IDS_MAX {
                set.pop_last();
            }
        }
        self.missing += u64::from(row.number(NumberField::HttpStatus) == Some(404));
        self.span.add(row.time());
        self.examples.add(row);
    }

    fn merge(&mut self, other: &Run) {
        self.template.clone_from(&other.template);
        self.ids.extend(&other.ids);
        self.pages.extend(&other.pages);
        self.missing += other.missing;
        self.span.merge(&other.span);
        self.examples.merge(&other.examples);
    }

    /// Share of ids whose neighbour was asked for too.
    fn in_row(&self) -> f64 {
        let with_neighbour = |id: &&u64| {
            id.checked_sub(1).is_some_and(|n| self.ids.contains(&n)) || self.ids.contains(&id.saturating_add(1))
        };
        self.ids.iter().filter(with_neighbour).count() as f64 / self.ids.len().max(1) as f64
    }

    fn missing_share(&self) -> f64 {
        self.missing as f64 / self.span.events.max(1) as f64
    }

    /// The longest walk through pages, by whatever step is the smallest.
    fn pages_in_row(&self) -> usize {
        let pages: Vec<u64> = self.pages.iter().copied().collect();
        let steps = || pages.windows(2).map(|p| p[1] - p[0]);
        let Some(step) = steps().min() else { return pages.len() };
        let (mut longest, mut run) = (1, 1);
        for s in steps() {
            run = if s == step { run + 1 } else { 1 };
            longest = longest.max(run);
        }
        longest
    }
}

impl ScrapeCloser {
    pub(crate) fn new(survey: &Survey<'_>) -> ScrapeCloser {
        let (close, public) = survey.routes.candidates(survey);
        ScrapeCloser { close: close.into_iter().map(|key| (key, Run::default())).collect(), public }
    }

    pub(crate) fn observe(&mut self, row: &EventRow<'_>, address: Name, who: Option<Name>) {
        let Some(route) = row.text_of(TextField::Url).and_then(route) else { return };
        if let Some(run) = self.close.get_mut(&(address, who.unwrap_or(NOBODY), route.hash)) {
            run.add(row, route);
        }
    }

    /// One finding per key, account or address, over all its routes.
    pub(crate) fn findings(
        &self,
        survey: &Survey<'_>,
        new_places: &NewPlaces,
        rules: &Rules,
        known: &Known,
        out: &mut Vec<Finding>,
    ) {
        for detection in rules.behaviour(Behaviour::RecordScraping) {
            for (who, runs) in self.by_who(survey, new_places) {
                out.extend(self.finding(survey, detection, known, &who, &runs));
            }
        }
    }

    /// Runs of one key from all networks new to it are one: an intruder spreads them over addresses. So are those from its own.
    fn by_who(
        &self,
        survey: &Survey<'_>,
        new_places: &NewPlaces,
    ) -> BTreeMap<Pool, BTreeMap<u64, (Run, BTreeSet<Name>)>> {
        let mut pools: BTreeMap<Pool, BTreeMap<u64, (Run, BTreeSet<Name>)>> = BTreeMap::new();
        for ((address, who, route), run) in &self.close {
            let is_key = matches!(survey.who(*who), Some(Who::Key(_)));
            let place = if !is_key || !new_places.is_settled(*who) {
                Place::Address(survey.addresses.text(*address).to_owned())
            } else if new_places.is_new(*who, survey.network_of(*address)) {
                Place::New
            } else {
                Place::Own
            };
            let pool = Pool { who: survey.who_text(*who).to_owned(), place };
            let (pooled, addresses) = pools.entry(pool).or_default().entry(*route).or_default();
            pooled.merge(run);
            addresses.insert(*address);
        }
        pools
    }

    fn finding(
        &self,
        survey: &Survey<'_>,
        detection: &Detection,
        known: &Known,
        pool: &Pool,
        runs: &BTreeMap<u64, (Run, BTreeSet<Name>)>,
    ) -> Option<Finding> {
        let who = Who::from_text(&pool.who);
        let (mut confidence, mut told, mut all) = (0.0_f64, Vec::new(), Run::default());
        let mut from: BTreeSet<&str> = BTreeSet::new();
        for (route, (run, addresses)) in runs {
            let habit = pool.place == Place::Own || has_habit(survey, who.as_ref(), addresses, run.span.window.from);
            let yes = |b: bool| f64::from(u8::from(b));
            let figures = Figures::from([
                (Figure::Ids, run.ids.len() as f64),
                (Figure::InRow, run.in_row()),
                (Figure::Missing, run.missing_share()),
                (Figure::Pages, run.pages_in_row() as f64),
                (Figure::NewNetwork, yes(pool.place == Place::New)),
                (Figure::Habit, yes(habit)),
                (Figure::Named, yes(who.is_some())),
                (Figure::Public, yes(who.is_none() && self.public.contains(route))),
            ]);
            let Some(sure) = detection.judge(&figures) else { continue };
            confidence = confidence.max(sure);
            told.push(describe(run));
            all.merge(run);
            from.extend(addresses.iter().map(|a| survey.addresses.text(*a)).filter(|a| !known.covers(a)));
        }
        if told.is_empty() || from.is_empty() {
            return None;
        }
        told.sort();
        let told = list(told.iter().map(String::as_str), 6);
        let from: Vec<&str> = from.into_iter().collect();
        let window = all.span.window;
        let mut proposes: Vec<_> = from
            .iter()
            .map(|a| propose(IdentityKind::Address, a, &[], window, confidence, format!("read {told}")))
            .collect();
        let owner = match &who {
            Some(Who::Key(key)) => Some((IdentityKind::ApiKey, *key)),
            Some(Who::Account(account)) => Some((IdentityKind::Account, *account)),
            None => None,
        };
        if let Some((kind, value)) = owner {
            proposes.push(propose(kind, value, &from, window, confidence, format!("read {told}")));
        }
        Some(Finding {
            detection: detection.id.clone(),
            title: detection.title.clone(),
            detail: format!("{told}; {} requests from {}", all.span.events, count(from.len(), "address", "addresses")),
            severity: detection.level,
            confidence,
            window,
            events: all.span.events,
            examples: all.examples.places(),
            proposes,
        })
    }
}

/// Runs that are judged as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pool {
    who: String,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// The networks where the key is at home.
    Own,
    /// Those that are new to it.
    New,
    /// One address, where home is not known.
    Address(String),
}

fn has_habit(survey: &Survey<'_>, who: Option<&Who<'_>>, addresses: &BTreeSet<Name>, from: Instant) -> bool {
    let first = |a: &Name| who.and_then(|who| survey.first_use(who, *a));
    addresses.iter().filter_map(first).min().is_some_and(|first| first < from.plus_us(-HABIT_US))
}

fn describe(run: &Run) -> String {
    let mut parts = Vec::new();
    if run.ids.len() > 1 {
        let in_row = (run.in_row() * 100.0).round();
        parts.push(format!("{} ids of {}, {in_row} % in a row", run.ids.len(), run.template));
        if run.missing > 0 {
            parts.push(format!("{} of them not there", run.missing));
        }
    }
    if run.pages.len() > 1 {
        parts.push(format!("{} pages of {}", run.pages.len(), run.template));
    }
    parts.join(", ")
}
