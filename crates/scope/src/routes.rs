//! From a request's method and target to the route that answers it, and its parameters.

use crate::platform::{Platform, Route, Service};
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;

/// What a request asks for.
#[derive(Debug)]
pub(crate) enum Matched<'p> {
    /// A route of the platform pack, with the request's parameters by name.
    Route { name: &'p str, route: &'p Route, parameters: BTreeMap<String, String> },
    /// Something that shows nothing personal.
    Public,
    /// Nothing that the platform pack knows.
    Unknown,
}

/// Finds the route. Literal segments win over parameters: the route with the fewest parameters is taken.
pub(crate) fn find<'p>(service: &'p Service, method: &str, target: &str) -> Matched<'p> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = decode(path, false);
    let mut best: Option<(usize, &str, &Route, BTreeMap<String, String>)> = None;
    for (name, route) in &service.routes {
        let Some(found) = fit(&route.path, &path).filter(|_| route.method == method) else { continue };
        if best.as_ref().is_none_or(|b| found.len() < b.0) {
            best = Some((found.len(), name, route, found));
        }
    }
    if let Some((_, name, route, mut parameters)) = best {
        for (key, value) in pairs(query) {
            parameters.entry(key).or_insert(value);
        }
        for (key, about) in &route.parameters {
            if let Some(default) = &about.default {
                parameters.entry(key.clone()).or_insert_with(|| default.clone());
            }
            if let (Some(max), Some(value)) = (about.max, parameters.get_mut(key))
                && value.parse::<i64>().is_ok_and(|n| n > max)
            {
                *value = max.to_string();
            }
        }
        return Matched::Route { name, route, parameters };
    }
    if service.public.iter().any(|p| fits_pattern(p, &path)) { Matched::Public } else { Matched::Unknown }
}

/// A query string's parameters, decoded, in order.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|p| !p.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key, true), decode(value, true))
    })
}

/// Percent-decoding; `+` is a space in queries only. Bytes that are no UTF-8 are replaced.
pub(crate) fn decode(text: &str, plus_is_space: bool) -> String {
    let text = if plus_is_space { text.replace('+', " ") } else { text.to_owned() };
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

fn fit(pattern: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let (mut ours, mut theirs) = (pattern.split('/'), path.split('/'));
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return Some(found),
            (Some(p), Some(s)) => match p.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
                Some(name) if !s.is_empty() => {
                    found.insert(name.to_owned(), s.to_owned());
                }
                None if p == s => {}
                _ => return None,
            },
            _ => return None,
        }
    }
}

fn fits_pattern(pattern: &str, path: &str) -> bool {
    let (mut ours, mut theirs) = (pattern.split('/'), path.split('/'));
    loop {
        match (ours.next(), theirs.next()) {
            (Some("**"), _) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(p), Some(s)) if p == s => {}
            _ => return false,
        }
    }
}

/// Runs a pack's own proofs; one line for each that does not hold.
pub(crate) fn prove(platform: &Platform, proofs: &[crate::platform::RouteProof]) -> Vec<String> {
    let mut wrong = Vec::new();
    for proof in proofs {
        let Some(service) = platform.services.get(&proof.service) else {
            wrong.push(format!("proof names service {:?}, which no pack has", proof.service));
            continue;
        };
        let (method, target) = proof.request.split_once(' ').unwrap_or(("GET", &proof.request));
        let found = match find(service, method, target) {
            Matched::Route { name, .. } => name,
            Matched::Public => "public",
            Matched::Unknown => "unknown",
        };
        if found != proof.gives {
            wrong.push(format!("{:?} should give {:?} and gives {found:?}", proof.request, proof.gives));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        stanch_packs::parse(
            "test",
            r#"
public: ["/", "/catalogue/**", "/media/*/thumb"]
routes:
  one: {path: "/api/customers/{id}/"}
  me: {path: "/api/customers/me/"}
  list: {path: "/api/customers/", parameters: {page: {default: "1"}, size: {default: "50", max: 100}}}
"#,
        )
        .expect("a service")
    }

    fn took(target: &str) -> (String, String) {
        match find(&service(), "GET", target) {
            Matched::Route { name, parameters, .. } => {
                let parameters: Vec<_> = parameters.iter().map(|(k, v)| format!("{k}={v}")).collect();
                (name.to_owned(), parameters.join(" "))
            }
            Matched::Public => ("public".to_owned(), String::new()),
            Matched::Unknown => ("unknown".to_owned(), String::new()),
        }
    }

    #[test]
    fn a_literal_segment_wins_over_a_parameter() {
        assert_eq!(took("/api/customers/42/"), ("one".into(), "id=42".into()));
        assert_eq!(took("/api/customers/me/").0, "me");
    }

    #[test]
    fn parameters_have_defaults_and_bounds() {
        assert_eq!(took("/api/customers/").1, "page=1 size=50");
        assert_eq!(took("/api/customers/?size=5000&page=3&q=a+b%27").1, "page=3 q=a b' size=100");
    }

    #[test]
    fn what_no_pattern_knows_is_unknown_and_never_public() {
        assert_eq!(took("/catalogue/mugs/7/?sort=price").0, "public");
        assert_eq!(took("/media/9/thumb").0, "public");
        for target in ["/api/customers", "/api/customers//", "/media/9/thumb/x", "/export.csv"] {
            assert_eq!(took(target).0, "unknown", "{target}");
        }
    }
}
