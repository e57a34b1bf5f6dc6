//! Findings → the intruder proposed.

use stanch_model::store::IntruderRule;
use stanch_model::{Finding, Identity, IdentityKind, Intruder, Verdict, Window};
use std::collections::BTreeMap;

/// Two windows of one identity with less than this between them are one presence.
const SAME_PRESENCE_US: i64 = 6 * 3_600_000_000;

/// The identities that the findings propose: one per kind, value and presence, in that order. What several detections propose is surer than
/// what one does: the doubts are multiplied, each detection's own least doubt once. Nothing is confirmed. Addresses in known
/// networks are left out, as identities and as places that others are used from.
pub fn propose(findings: &[Finding], rule: &IntruderRule) -> Intruder {
    let mut by_value: BTreeMap<(IdentityKind, &str), Proposals<'_>> = BTreeMap::new();
    for finding in findings {
        for identity in &finding.proposes {
            if identity.kind == IdentityKind::Address && is_known(rule, &identity.value) {
                continue;
            }
            by_value.entry((identity.kind, &identity.value)).or_default().add(finding, identity);
        }
    }
    let identities = by_value.into_iter().flat_map(|((kind, value), p)| p.identities(kind, value, rule)).collect();
    Intruder { identities }
}

/// Takes every proposal with at least that confidence as the intruder's, in the name of `by` (`run (confidence ≥ 0.80)`). What somebody
/// has already confirmed or rejected stays as it is.
pub fn accept(intruder: &mut Intruder, from_confidence: f64, by: &str) {
    for identity in &mut intruder.identities {
        if identity.verdict == Verdict::Proposed && identity.confidence >= from_confidence {
            identity.verdict = Verdict::Confirmed;
            identity.by = Some(by.to_owned());
        }
    }
}

/// All that is proposed of one value.
#[derive(Default)]
struct Proposals<'a> {
    surest: BTreeMap<&'a str, f64>,
    identities: Vec<(&'a str, &'a Identity)>,
}

impl<'a> Proposals<'a> {
    fn add(&mut self, finding: &'a Finding, identity: &'a Identity) {
        let surest = self.surest.entry(&finding.detection).or_insert(0.0);
        *surest = surest.max(identity.confidence);
        self.identities.push((&finding.title, identity));
    }

    fn identities(mut self, kind: IdentityKind, value: &str, rule: &IntruderRule) -> Vec<Identity> {
        let doubt: f64 = self.surest.values().map(|c| 1.0 - c.clamp(0.0, 1.0)).product();
        // To the thousandth, so that sums in another order show the same.
        let confidence = ((1.0 - doubt) * 1000.0).round() / 1000.0;
        self.identities.sort_by(|a, b| (a.1.window, a.0, &a.1.reasons).cmp(&(b.1.window, b.0, &b.1.reasons)));
        let mut out: Vec<Identity> = Vec::new();
        for (title, identity) in self.identities {
            match out.last_mut() {
                Some(last) if is_near(last.window, identity.window) => merge(last, title, identity),
                _ => {
                    let mut first = identity.clone();
                    first.reasons.clear();
                    first.only_from.clear();
                    merge(&mut first, title, identity);
                    out.push(first);
                }
            }
        }
        for identity in &mut out {
            (identity.kind, identity.value, identity.confidence) = (kind, value.to_owned(), confidence);
            (identity.verdict, identity.by) = (Verdict::Proposed, None);
            identity.only_from.retain(|a| !is_known(rule, a));
        }
        out
    }
}

fn merge(into: &mut Identity, title: &str, from: &Identity) {
    into.window = Window { from: into.window.from.min(from.window.from), to: into.window.to.max(from.window.to) };
    for reason in &from.reasons {
        let reason = format!("{title}: {reason}");
        if !into.reasons.contains(&reason) {
            into.reasons.push(reason);
        }
    }
    into.only_from.extend(from.only_from.iter().cloned());
    into.only_from.sort();
    into.only_from.dedup();
}

fn is_near(a: Window, b: Window) -> bool {
    b.from.0.saturating_sub(a.to.0) <= SAME_PRESENCE_US
}

fn is_known(rule: &IntruderRule, address: &str) -> bool {
    let parsed = address.parse::<std::net::IpAddr>().map(|ip| ip.to_canonical());
    parsed.is_ok_and(|ip| rule.known_networks.iter().any(|n| n.net.contains(&ip)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_model::{Instant, Severity};

    const HOUR: i64 = 3_600_000_000;

    fn finding(detection: &str, proposes: Vec<Identity>) -> Finding {
        Finding {
            detection: detection.to_owned(),
            title: format!("title of {detection}"),
            detail: String::new(),
            severity: Severity::High,
            confidence: 0.7,
            window: Window::ALWAYS,
            events: 1,
            examples: Vec::new(),
            proposes,
        }
    }

    fn identity(kind: IdentityKind, value: &str, from: &[&str], hours: (i64, i64), confidence: f64) -> Identity {
        Identity {
            kind,
            value: value.to_owned(),
            only_from: from.iter().map(|a| (*a).to_owned()).collect(),
            window: Window { from: Instant(hours.0 * HOUR), to: Instant(hours.1 * HOUR) },
            confidence,
            reasons: vec!["seen".to_owned()],
            verdict: Verdict::Proposed,
            by: None,
        }
    }

    fn shown(intruder: &Intruder) -> String {
        let line = |i: &Identity| {
            let (from, to) = (i.window.from.0 / HOUR, i.window.to.0 / HOUR);
            format!(
                "{} {} {:?} {from}-{to} {:.3} {}\n",
                i.kind,
                i.value,
                i.only_from,
                i.confidence,
                i.reasons.join(" | ")
            )
        };
        intruder.identities.iter().map(line).collect()
    }

    #[test]
    fn doubts_multiply_across_detections_and_not_within_one() {
        let address = |c| vec![identity(IdentityKind::Address, "192.0.2.7", &[], (1, 2), c)];
        let key = vec![
            identity(IdentityKind::ApiKey, "k1", &["192.0.2.9"], (1, 2), 0.75),
            identity(IdentityKind::ApiKey, "k1", &["192.0.2.7", "10.0.0.5"], (2, 3), 0.75),
        ];
        let findings =
            [finding("a", address(0.7)), finding("a", address(0.6)), finding("b", address(0.5)), finding("c", key)];
        let rule = IntruderRule {
            known_networks: vec![stanch_model::store::KnownNetwork {
                net: "10.0.0.0/8".parse().unwrap(),
                owner: "office".to_owned(),
            }],
            ..IntruderRule::default()
        };
        insta::assert_snapshot!(shown(&propose(&findings, &rule)), @r#"
        address 192.0.2.7 [] 1-2 0.850 title of a: seen | title of b: seen
        api_key k1 ["192.0.2.7", "192.0.2.9"] 1-3 0.750 title of c: seen
        "#);
    }

    #[test]
    fn far_presences_stay_apart_and_a_known_address_is_left_out() {
        let two = vec![
            identity(IdentityKind::Address, "192.0.2.7", &[], (1, 2), 0.9),
            identity(IdentityKind::Address, "192.0.2.7", &[], (90, 91), 0.9),
        ];
        let proposed = propose(&[finding("a", two)], &IntruderRule::default());
        assert_eq!(proposed.identities.len(), 2);
    }

    #[test]
    fn accepting_leaves_what_a_person_has_said() {
        let list = (0..3)
            .map(|n| identity(IdentityKind::Address, &format!("192.0.2.{n}"), &[], (1, 2), 0.7 + 0.1 * f64::from(n)));
        let mut intruder = propose(&[finding("a", list.collect())], &IntruderRule::default());
        intruder.identities[2].verdict = Verdict::Rejected;
        accept(&mut intruder, 0.8, "run (confidence ≥ 0.80)");
        let verdicts: Vec<Verdict> = intruder.identities.iter().map(|i| i.verdict).collect();
        assert_eq!(verdicts, [Verdict::Proposed, Verdict::Confirmed, Verdict::Rejected]);
    }
}
