//! Detection packs: what is looked for, and how sure each figure makes.

mod agents;
mod decode;
mod grades;
mod proof;
mod requests;

pub(crate) use agents::Agents;
pub(crate) use grades::{Behaviour, Figure, Figures};
pub(crate) use requests::Requests;

use grades::{Case, Grade};
use serde::Deserialize;
use stanch_model::Severity;
use stanch_packs::{PackError, Packs, Problem};

/// One file below `packs/detections/`, as it stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pack {
    id: String,
    title: String,
    description: String,
    level: Severity,
    references: Vec<String>,
    #[serde(default)]
    requests: Option<requests::RequestsPack>,
    #[serde(default)]
    agents: Option<agents::AgentsPack>,
    #[serde(default)]
    behaviour: Option<Behaviour>,
    grades: Vec<Grade>,
    cases: Vec<Case>,
}

/// One detection, ready to judge.
#[derive(Debug)]
pub(crate) struct Detection {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) level: Severity,
    pub(crate) looks_at: LooksAt,
    grades: Vec<Grade>,
}

/// What a detection looks at.
#[derive(Debug)]
pub(crate) enum LooksAt {
    /// Request targets, one by one.
    Requests(Requests),
    /// User agents, one by one.
    Agents(Agents),
    /// Figures that a detector of that name takes over all events.
    Behaviour(Behaviour),
}

impl Detection {
    /// How sure these figures make: the first grade that fits, or nothing.
    pub(crate) fn judge(&self, figures: &Figures) -> Option<f64> {
        grades::judge(&self.grades, figures)
    }
}

/// Every detection at hand.
#[derive(Debug)]
pub struct Rules {
    pub(crate) detections: Vec<Detection>,
}

impl Rules {
    /// Reads every pack below `detections/`.
    ///
    /// # Errors
    /// The first pack that is not of the right shape, or whose patterns cannot be compiled.
    pub fn load(packs: &Packs) -> Result<Rules, PackError> {
        let mut detections = Vec::new();
        for (name, _) in packs.files("detections") {
            let pack: Pack = packs.load(name)?;
            detections.push(compile(&packs.shown(name), pack)?);
        }
        Ok(Rules { detections })
    }

    /// The ids of all detections, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.detections.iter().map(|d| d.id.as_str())
    }

    /// The detections that a detector of that name speaks for.
    pub(crate) fn behaviour(&self, behaviour: Behaviour) -> impl Iterator<Item = &Detection> {
        self.detections.iter().filter(move |d| matches!(d.looks_at, LooksAt::Behaviour(b) if b == behaviour))
    }
}

fn compile(shown: &str, pack: Pack) -> Result<Detection, PackError> {
    let looks_at = match (pack.requests, pack.agents, pack.behaviour) {
        (Some(requests), None, None) => LooksAt::Requests(Requests::compile(shown, requests)?),
        (None, Some(agents), None) => LooksAt::Agents(Agents::compile(shown, agents)?),
        (None, None, Some(behaviour)) => LooksAt::Behaviour(behaviour),
        _ => {
            return Err(PackError::new(shown, "a detection looks at exactly one thing")
                .with_hint("give one of `requests`, `agents`, `behaviour`"));
        }
    };
    Ok(Detection { id: pack.id, title: pack.title, level: pack.level, looks_at, grades: pack.grades })
}

/// Runs every detection against its own proof: each hit must hit, each near miss must not, each case must come out
/// at its confidence. What is wrong is returned; nothing means that all is well.
pub fn check(packs: &Packs) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, _) in packs.files("detections") {
        let shown = packs.shown(name);
        match packs.load::<Pack>(name) {
            Ok(pack) => problems.extend(proof::check(name, &shown, pack)),
            Err(error) => problems.push(error.into()),
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_detection_passes_its_own_proof() {
        let problems = check(&Packs::shipped());
        assert!(problems.is_empty(), "{}", problems.iter().map(|p| format!("{p}\n")).collect::<String>());
        assert!(Rules::load(&Packs::shipped()).unwrap().detections.len() > 8);
    }

    #[test]
    fn a_near_miss_that_hits_and_a_grade_that_differs_are_reported() {
        let packs = Packs::none().with_text(
            "detections/web/a",
            r#"
id: web/b
title: t
description: d
level: low
references: [https://example.org/a]
agents:
  words: [curl/]
  hits: ["wget/1"]
  near_misses: ["curl/8"]
grades:
  - { confidence: 0.4, min: { requests: 3 } }
cases:
  - { figures: { requests: 2 }, confidence: 0.4 }
"#,
        );
        let problems: Vec<String> = check(&packs).iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(problems.join("\n"), @r"
        packs/detections/web/a.yaml: its id is `web/b`, its place says `web/a`
        packs/detections/web/a.yaml: the hit `wget/1` is not found
        packs/detections/web/a.yaml: the near miss `curl/8` is found, by `curl/`
        packs/detections/web/a.yaml: case 1 should be 0.40 and is nothing
        packs/detections/web/a.yaml: no case that must stay without a grade
        hint: add a near miss to `cases`, without `confidence`
        packs/detections/web/a.yaml: the grade 0.40 is reached by no case
        ");
    }

    #[test]
    fn a_figure_outside_the_vocabulary_is_refused() {
        let packs = Packs::none().with_text(
            "detections/x",
            "id: x\ntitle: t\ndescription: d\nlevel: low\nreferences: []\nbehaviour: shared_session\n\
             grades:\n  - { confidence: 0.4, min: { evnts: 3 } }\ncases: []\n",
        );
        let error = Rules::load(&packs).unwrap_err().to_string();
        assert!(error.contains("evnts"), "{error}");
    }
}
