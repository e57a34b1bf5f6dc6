//! One verb a file. Each reads its arguments, has the pipeline or the case do the work, and shows what came of it.

pub(crate) mod add;
pub(crate) mod completions;
pub(crate) mod detect;
pub(crate) mod duties;
pub(crate) mod intruder;
pub(crate) mod new;
pub(crate) mod packs;
pub(crate) mod prove;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod scope;
pub(crate) mod snapshot;
pub(crate) mod sql;
pub(crate) mod timeline;
pub(crate) mod verify;

use crate::args::{Cli, Verb};

/// Does what was typed.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    let shared = &cli.shared;
    match cli.verb {
        Verb::Run(run) => run::run(&run, shared),
        Verb::New(new) => new::new(&new, shared),
        Verb::Add(add) => add::add(&add, shared),
        Verb::Snapshot(snapshot) => snapshot::snapshot(&snapshot, shared),
        Verb::Verify(verify) => verify::verify(&verify, shared),
        Verb::Detect(detect) => detect::detect(&detect, shared),
        Verb::Timeline(timeline) => timeline::timeline(&timeline, shared),
        Verb::Intruder(intruder) => intruder::intruder(&intruder, shared),
        Verb::Scope(scope) => scope::scope(&scope, shared),
        Verb::Prove(prove) => prove::prove(&prove, shared),
        Verb::Sql(sql) => sql::sql(&sql, shared),
        Verb::Duties(duties) => duties::duties(&duties, shared),
        Verb::Report(report) => report::report(&report, shared),
        Verb::Packs(packs) => packs::packs(&packs, shared),
        Verb::Completions(completions) => completions::completions(&completions),
    }
}
