//! `stanch packs`: validate and test packs, and draft new ones.

mod new;

use crate::args::Shared;
use crate::exit::AnswerIsNo;
use crate::screen;
use crate::session::shipped_with;
use clap::{Args, Subcommand};
use serde::Serialize;
use stanch_packs::{Packs as All, Problem};
use std::collections::BTreeMap;

/// Validate and test packs, and draft new ones
#[derive(Debug, Args)]
pub(crate) struct Packs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Read every pack strictly and run each against its own proof; exit code 1 if one fails
    #[command(after_help = "\
Examples:
  stanch packs check
  stanch packs check --packs my-packs/    your own over the shipped ones")]
    Check,
    /// Draft a pack for you to correct
    New {
        #[command(subcommand)]
        kind: new::Kind,
    },
}

#[derive(Serialize)]
struct Told {
    file: String,
    line: Option<u64>,
    message: String,
    hint: Option<String>,
}

pub(crate) fn packs(packs: &Packs, shared: &Shared) -> anyhow::Result<()> {
    match &packs.verb {
        Verb::Check => check(shared),
        Verb::New { kind } => new::new(kind, shared),
    }
}

fn check(shared: &Shared) -> anyhow::Result<()> {
    let all = shipped_with(shared.packs.as_deref())?;
    let problems = problems(&all);
    if shared.json {
        let told =
            problems.iter().cloned().map(|p| Told { file: p.file, line: p.line, message: p.message, hint: p.hint });
        screen::json(&told.collect::<Vec<_>>())?;
    } else {
        for problem in &problems {
            screen::warn(&problem.to_string())?;
        }
    }
    match problems.len() {
        0 if shared.json => Ok(()),
        0 => screen::say(&counted(&all)),
        1 => anyhow::bail!(AnswerIsNo("1 problem in the packs".to_owned())),
        n => anyhow::bail!(AnswerIsNo(format!("{n} problems in the packs"))),
    }
}

/// What every stage that owns a kind of pack says of it, and what is no YAML at all.
pub(crate) fn problems(packs: &All) -> Vec<Problem> {
    let unreadable =
        packs.names().filter_map(|name| packs.load::<serde::de::IgnoredAny>(name).err().map(Problem::from));
    let mut problems: Vec<Problem> = unreadable.collect();
    problems.extend(stanch_evidence::check(packs));
    problems.extend(stanch_detect::check(packs));
    problems.extend(stanch_timeline::check(packs));
    problems.extend(stanch_scope::check(packs));
    problems.extend(stanch_duties::check(packs));
    problems.sort();
    problems.dedup_by(|a, b| a.file == b.file && a.line == b.line && a.message == b.message);
    problems
}

fn counted(packs: &All) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for name in packs.names() {
        *kinds.entry(name.split('/').next().unwrap_or(name)).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    format!("every pack holds: {}", kinds.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_pack_holds() {
        let problems = problems(&All::shipped());
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{}", told.join("\n"));
    }

    #[test]
    fn the_store_file_and_the_readers_know_the_same_words() {
        assert_eq!(stanch_case::store_file::MAPPING_WORDS, stanch_evidence::mapping_words());
    }
}
