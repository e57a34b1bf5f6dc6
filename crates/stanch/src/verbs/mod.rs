//! One verb a file. Each reads its arguments, has the pipeline or the case do the work, and shows what came of it.

pub(crate) mod add;
pub(crate) mod completions;
pub(crate) mod detect;
pub(crate) mod duties;
pub(crate) mod export;
pub(crate) mod intruder;
pub(crate) mod ledger;
pub(crate) mod lock;
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

use crate::args::{Cli, Shared, Verb};
use crate::signing;

/// Does what was typed, and signs the ledger's head where a case was acted on and there is a key for it.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    let done = verb(cli.verb, &cli.shared);
    // Acts of a verb that failed are on record too. What it failed of is said first.
    let signed = signing::sign_what_was_acted_on(&cli.shared);
    done.and(signed)
}

fn verb(verb: Verb, shared: &Shared) -> anyhow::Result<()> {
    match verb {
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
        Verb::Ledger(ledger) => ledger::ledger(&ledger, shared),
        Verb::Export(export) => export::export(&export, shared),
        Verb::Lock(lock) => lock::lock(&lock, shared),
        Verb::Unlock(unlock) => lock::unlock(&unlock, shared),
        Verb::Packs(packs) => packs::packs(&packs, shared),
        Verb::Completions(completions) => completions::completions(&completions),
    }
}
