//! Requests and user agents that speak for themselves, one by one.

use crate::example::{Examples, Span};
use crate::names::{Name, Names};
use crate::network::Known;
use crate::rules::{Detection, Figure, Figures, LooksAt, Rules};
use crate::trace::{list, propose};
use stanch_lake::EventRow;
use stanch_model::{EventClass, EventFields, Finding, IdentityKind, TextField};
use std::collections::{BTreeMap, HashMap};

/// What was hit, per detection and address.
#[derive(Debug, Default)]
pub(crate) struct RequestHits {
    hits: HashMap<(usize, Name), Hits>,
}

#[derive(Debug, Default)]
struct Hits {
    span: Span,
    strong: u64,
    patterns: u64,
    examples: Examples,
}

impl RequestHits {
    pub(crate) fn observe(&mut self, rules: &Rules, row: &EventRow<'_>, address: Name) {
        let (target, agent) = (row.text_of(TextField::Url), row.text_of(TextField::UserAgent));
        for (i, detection) in rules.detections.iter().enumerate() {
            let (patterns, strong) = match &detection.looks_at {
                LooksAt::Requests(requests) => match target.and_then(|t| requests.find(t)) {
                    Some(hit) => (hit.patterns, hit.strong),
                    None => continue,
                },
                LooksAt::Agents(agents) => {
                    let looked_at = !agents.only_logins || is_login_request(row);
                    match agent.filter(|_| looked_at).and_then(|a| agents.find(a)) {
                        Some(_) => (0, false),
                        None => continue,
                    }
                }
                LooksAt::Behaviour(_) => continue,
            };
            let hits = self.hits.entry((i, address)).or_default();
            hits.span.add(row.time());
            hits.patterns |= patterns;
            hits.strong += u64::from(strong);
            hits.examples.add(row);
        }
    }

    /// How sure the requests alone make about an address, the strongest detection's word.
    pub(crate) fn confidence(&self, rules: &Rules, address: Name) -> f64 {
        let judged = rules.detections.iter().enumerate().filter_map(|(i, detection)| {
            self.hits.get(&(i, address)).and_then(|hits| detection.judge(&figures(hits)))
        });
        judged.fold(0.0, f64::max)
    }

    /// One finding per detection, over all addresses.
    pub(crate) fn findings(&self, rules: &Rules, addresses: &Names, known: &Known, out: &mut Vec<Finding>) {
        for (i, detection) in rules.detections.iter().enumerate() {
            let by_address: BTreeMap<&str, &Hits> = self
                .hits
                .iter()
                .filter(|((d, _), _)| *d == i)
                .map(|((_, address), hits)| (addresses.text(*address), hits))
                .filter(|(address, _)| !known.covers(address))
                .collect();
            out.extend(finding(detection, &by_address));
        }
    }
}

fn finding(detection: &Detection, by_address: &BTreeMap<&str, &Hits>) -> Option<Finding> {
    let (mut span, mut examples, mut patterns, mut strong) = (Span::default(), Examples::default(), 0, 0);
    let mut proposes = Vec::new();
    for (address, hits) in by_address {
        let Some(confidence) = detection.judge(&figures(hits)) else { continue };
        let reason = match &detection.looks_at {
            LooksAt::Requests(requests) => {
                format!("{} requests with SQL in them ({})", hits.span.events, list(requests.names(hits.patterns), 4))
            }
            _ => format!("{} requests by a program that names itself", hits.span.events),
        };
        proposes.push(propose(IdentityKind::Address, address, &[], hits.span.window, confidence, reason));
        span.merge(&hits.span);
        examples.merge(&hits.examples);
        patterns |= hits.patterns;
        strong += hits.strong;
    }
    let confidence = proposes.iter().map(|p| p.confidence).reduce(f64::max)?;
    let detail = match &detection.looks_at {
        LooksAt::Requests(requests) => format!(
            "{} requests from {} addresses, {strong} of them beyond doubt: {}",
            span.events,
            proposes.len(),
            list(requests.names(patterns), 8)
        ),
        _ => format!("{} requests from {} addresses", span.events, proposes.len()),
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

fn figures(hits: &Hits) -> Figures {
    Figures::from([
        (Figure::Requests, hits.span.events as f64),
        (Figure::Strong, hits.strong as f64),
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

