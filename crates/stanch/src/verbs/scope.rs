//! `stanch scope`: who was exposed, with what.

use crate::args::Shared;
use crate::instant;
use crate::pipeline::{intruder, scope as stage, timeline};
use crate::screen::{self, Side};
use crate::session::Session;
use clap::Args;
use serde::Serialize;
use stanch_model::exposure::{Bounds, Doubt};

/// Work out the exposure, and show floor and ceiling
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch scope
  stanch sql \"select data_class, grade, count(*) from exposure.cells group by 1, 2\"")]
pub(crate) struct Scope {}

#[derive(Serialize)]
struct Answer {
    people: Bounds,
    classes: Vec<ClassRow>,
    doubts: Vec<Doubt>,
}

#[derive(Serialize)]
struct ClassRow {
    data_class: &'static str,
    effect: &'static str,
    floor: u64,
    ceiling: u64,
}

pub(crate) fn scope(_: &Scope, shared: &Shared) -> anyhow::Result<()> {
    let session = Session::open(shared)?;
    if let Some(mut work) = session.work(instant::now())? {
        intruder::propose(&mut work)?;
        timeline::tell(&mut work)?;
        stage::scope(&mut work)?;
    }
    let matrix = session.matrix()?;
    let classes = matrix.by_class().into_iter().map(|((class, effect), b)| ClassRow {
        data_class: class.word(),
        effect: effect.word(),
        floor: b.floor,
        ceiling: b.ceiling,
    });
    let answer = Answer { people: matrix.people(), classes: classes.collect(), doubts: matrix.doubts.clone() };
    if session.json {
        return screen::json(&answer);
    }
    let row = |name: &str, effect: &str, b: (u64, u64)| {
        vec![name.to_owned(), effect.to_owned(), screen::count(b.0), screen::count(b.1)]
    };
    let mut rows = vec![row("any", "", (answer.people.floor, answer.people.ceiling))];
    rows.extend(answer.classes.iter().map(|c| row(c.data_class, c.effect, (c.floor, c.ceiling))));
    let columns =
        [("Data", Side::Left), ("effect", Side::Left), ("people, certain", Side::Right), ("up to", Side::Right)];
    screen::put(&screen::table(&columns, &rows))?;
    for doubt in &answer.doubts {
        screen::warn(&screen::shown(&format!("{} ({}): {}", doubt.kind, doubt.count, doubt.detail)))?;
    }
    Ok(())
}
