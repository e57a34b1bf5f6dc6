//! Requests and user agents that speak for themselves, one by one.

use crate::example::{Examples, Span};
use crate::names::{Name, Names};
use crate::network::Known;
use crate::rules::{Agents, Detection, Figure, Figures, LooksAt, Rules};
use crate::trace::{count, list, propose};
use stanch_lake::EventRow;
use stanch_model::{EventClass, EventFields, Finding, IdentityKind, TextField};
use std::collections::{BTreeMap, HashMap};

impl Hits {
    fn requests(&self) -> u64 {
        self.by_log.values().map(|(requests, _)| *requests).max().unwrap_or(0)
    }

    fn strong(&self) -> u64 {
        self.by_log.values().map(|(_, strong)| *strong).max().unwrap_or(0)
    }
}

/// What was hit, per detection, word and address. Tools are told apart by the word that names them; for SQL there is but one.
#[derive(Debug, Default)]
pub(crate) struct RequestHits {
    hits: HashMap<(usize, usize, Name), Hits>,
}

#[derive(Debug, Default)]
struct Hits {
    span: Span,
    /// Requests and strong ones by log: a server's log and its application's show the same ones.
    by_log: BTreeMap<Name, (u64, u64)>,
    patterns: u64,
    examples: Examples,
}

impl RequestHits {
    pub(crate) fn observe(&mut self, rules: &Rules, row: &EventRow<'_>, log: Name, address: Name) {
        let (target, agent) = (row.text_of(TextField::Url), row.text_of(TextField::UserAgent));
        for (i, detection) in rules.detections.iter().enumerate() {
            let (word, patterns, strong) = match &detection.looks_at {
                LooksAt::Requests(requests) => match target.and_then(|t| requests.find(t)) {
                    Some(hit) => (0, hit.patterns, hit.strong),
                    None => continue,
                },
                LooksAt::Agents(agents) => {
                    let looked_at = !agents.only_logins || is_login_request(row);
                    match agent.filter(|_| looked_at).and_then(|a| agents.find(a)) {
                        Some(word) => (word, 0, false),
                        None => continue,
                    }
                }
                LooksAt::Behaviour(_) => continue,
            };
            let hits = self.hits.entry((i, word, address)).or_default();
            hits.span.add(row.time());
            hits.patterns |= patterns;
            let in_log = hits.by_log.entry(log).or_default();
            *in_log = (in_log.0 + 1, in_log.1 + u64::from(strong));
            hits.examples.add(row);
        }
    }

    /// How sure the requests alone make about an address, the strongest detection's word.
    pub(crate) fn confidence(&self, rules: &Rules, address: Name) -> f64 {
        let judged = rules.detections.iter().enumerate().flat_map(|(i, detection)| {
            let of_word =
                move |word| self.hits.get(&(i, word, address)).and_then(|hits| detection.judge(&figures(hits)));
            (0..words(detection)).filter_map(of_word)
        });
        judged.fold(0.0, f64::max)
    }

    /// One finding per detection and word, over all addresses.
    pub(crate) fn findings(&self, rules: &Rules, addresses: &Names, known: &Known, out: &mut Vec<Finding>) {
        let mut by_word: BTreeMap<(usize, usize), BTreeMap<&str, &Hits>> = BTreeMap::new();
        for ((i, word, address), hits) in &self.hits {
            let address = addresses.text(*address);
            if !known.covers(address) {
                by_word.entry((*i, *word)).or_default().insert(address, hits);
            }
        }
        for ((i, word), by_address) in by_word {
            out.extend(finding(&rules.detections[i], word, &by_address));
        }
    }
}

/// How many words tell a detection's findings apart.
fn words(detection: &Detection) -> usize {
    match &detection.looks_at {
        LooksAt::Agents(agents) => agents.words().len(),
        _ => 1,
    }
}

fn finding(detection: &Detection, word: usize, by_address: &BTreeMap<&str, &Hits>) -> Option<Finding> {
    let (mut span, mut examples) = (Span::default(), Examples::default());
    let (mut requests_all, mut patterns, mut strong) = (0, 0, 0);
    let mut proposes = Vec::new();
    for (address, hits) in by_address {
        let Some(confidence) = detection.judge(&figures(hits)) else { continue };
        let reason = match &detection.looks_at {
            LooksAt::Requests(requests) => {
                format!("{} requests with SQL in them ({})", hits.requests(), list(requests.names(hits.patterns), 4))
            }
            LooksAt::Agents(agents) => {
                format!("{} by {}", count(hits.requests() as usize, "request", "requests"), tool(agents, word))
            }
            LooksAt::Behaviour(_) => continue,
        };
        proposes.push(propose(IdentityKind::Address, address, &[], hits.span.window, confidence, reason));
        span.merge(&hits.span);
        examples.merge(&hits.examples);
        patterns |= hits.patterns;
        (requests_all, strong) = (requests_all + hits.requests(), strong + hits.strong());
    }
    let confidence = proposes.iter().map(|p| p.confidence).reduce(f64::max)?;
    let detail = match &detection.looks_at {
        LooksAt::Requests(requests) => format!(
            "{} requests from {}, {strong} of them beyond doubt: {}",
            requests_all,
            count(proposes.len(), "address", "addresses"),
            list(requests.names(patterns), 8)
        ),
        LooksAt::Agents(agents) => format!(
            "{} by {} from {}",
            count(requests_all as usize, "request", "requests"),
            tool(agents, word),
            count(proposes.len(), "address", "addresses")
        ),
        LooksAt::Behaviour(_) => return None,
    };
    Some(Finding {
        detection: detection.id.clone(),
        title: detection.title.clone(),
        detail,
        severity: detection.level,
        confidence,
        window: span.window,
        events: span.events,
        examples: examples.places(),
        proposes,
    })
}

/// The word that names a tool, without what stands around it in a user agent.
fn tool(agents: &Agents, word: usize) -> &str {
    agents.words()[word].trim_matches(['/', '(', ')'])
}

fn figures(hits: &Hits) -> Figures {
    Figures::from([
        (Figure::Requests, hits.requests() as f64),
        (Figure::Strong, hits.strong() as f64),
        (Figure::Patterns, f64::from(hits.patterns.count_ones())),
    ])
}

/// Whether the event is a login being sent: by its class, or a POST to a path that says so.
pub(crate) fn is_login_request(row: &EventRow<'_>) -> bool {
    if row.class() == EventClass::Authentication {
        return row.text_of(TextField::Activity) != Some("logoff");
    }
    row.text_of(TextField::HttpMethod) == Some("POST")
        && row.text_of(TextField::Url).is_some_and(|url| {
            let path = url.split('?').next().unwrap_or(url).to_ascii_lowercase();
            ["login", "signin", "sign-in", "logon", "oauth/token", "session"].iter().any(|w| path.contains(w))
        })
}
