//! A pack against its own proof.

use super::requests::Requests;
use super::{Agents, LooksAt, Pack, compile, grades};
use stanch_packs::Problem;

pub(super) fn check(name: &str, shown: &str, pack: Pack) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut report = |message: String| problems.push(Problem::new(shown, message));
    let place = name.strip_prefix("detections/").unwrap_or(name);
    if pack.id != place {
        report(format!("its id is `{}`, its place says `{place}`", pack.id));
    }
    if pack.references.is_empty() || pack.description.trim().is_empty() {
        report("a detection needs a description and at least one reference".to_owned());
    }
    let (hits, near_misses) = match (&pack.requests, &pack.agents) {
        (Some(r), _) => (r.hits.clone(), r.near_misses.clone()),
        (_, Some(a)) => (a.hits.clone(), a.near_misses.clone()),
        _ => (Vec::new(), Vec::new()),
    };
    let (all_grades, cases) = (pack.grades.clone(), pack.cases.clone());
    match compile(shown, pack) {
        Ok(detection) => samples(&detection.looks_at, &hits, &near_misses, &mut report),
        Err(error) => return vec![error.into()],
    }
    for (i, case) in cases.iter().enumerate() {
        let is = grades::judge(&all_grades, &case.figures);
        if is != case.confidence {
            report(format!("case {} should be {} and is {}", i + 1, shown_grade(case.confidence), shown_grade(is)));
        }
    }
    if cases.iter().all(|c| c.confidence.is_some()) {
        problems.push(
            Problem::new(shown, "no case that must stay without a grade")
                .with_hint("add a near miss to `cases`, without `confidence`"),
        );
    }
    let reached = |c: f64| cases.iter().any(|case| grades::judge(&all_grades, &case.figures) == Some(c));
    let strongest = all_grades.iter().map(|g| g.confidence).fold(0.0, f64::max);
    if !reached(strongest) {
        problems.push(Problem::new(shown, format!("the grade {strongest:.2} is reached by no case")));
    }
    if let Some(odd) = all_grades.iter().find(|g| !(0.0..=1.0).contains(&g.confidence)) {
        problems.push(Problem::new(shown, format!("the confidence {} is not between 0 and 1", odd.confidence)));
    }
    problems
}

fn samples(looks_at: &LooksAt, hits: &[String], near_misses: &[String], report: &mut impl FnMut(String)) {
    if matches!(looks_at, LooksAt::Behaviour(_)) {
        return;
    }
    let find = |sample: &str| match looks_at {
        LooksAt::Requests(requests) => pattern_found(requests, sample),
        LooksAt::Agents(agents) => agent_found(agents, sample),
        LooksAt::Behaviour(_) => None,
    };
    if hits.is_empty() || near_misses.is_empty() {
        report("a detection needs at least one hit and one near miss".to_owned());
    }
    for hit in hits.iter().filter(|h| find(h).is_none()) {
        report(format!("the hit `{hit}` is not found"));
    }
    for near_miss in near_misses {
        if let Some(by) = find(near_miss) {
            report(format!("the near miss `{near_miss}` is found, by `{by}`"));
        }
    }
}

fn pattern_found(requests: &Requests, target: &str) -> Option<String> {
    requests.find(target).map(|hit| requests.names(hit.patterns).collect::<Vec<_>>().join("`, `"))
}

fn agent_found(agents: &Agents, agent: &str) -> Option<String> {
    agents.find(agent).map(|word| agents.words()[word].clone())
}

fn shown_grade(grade: Option<f64>) -> String {
    grade.map_or_else(|| "nothing".to_owned(), |g| format!("{g:.2}"))
}
