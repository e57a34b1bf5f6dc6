//! What may be typed: the verbs and what they share.

use crate::verbs;
use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

/// Breach response for online stores: from raw evidence to a named list of affected customers, with proof.
#[derive(Debug, Parser)]
#[command(name = "stanch", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const AFTER_HELP: &str = "\
Examples:
  stanch run evidence/ --store store.toml      everything, to a report
  stanch prove person@example.org              why one person is on the list, down to the raw line
  stanch intruder reject address 203.0.113.7   somebody vouches for it; then `stanch run` again
  stanch sql \"select status, count(*) from events group by 1\"

Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3 bad input, 4 something outside failed.";

/// Options that every verb takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Shared {
    /// The case folder; default: the one `*.case` folder here
    #[arg(long, global = true, value_name = "DIR", env = "STANCH_CASE", hide_env_values = true)]
    pub(crate) case: Option<PathBuf>,
    /// Who acts, for the ledger
    #[arg(long, global = true, value_name = "NAME", env = "STANCH_BY", hide_env_values = true)]
    pub(crate) by: Option<String>,
    /// Only read the case: no lock, no entry in the ledger, nothing made. So without asking where it cannot be written to
    #[arg(long, global = true, env = "STANCH_READ_ONLY", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) read_only: bool,
    /// The key that signs the ledger's head; default: the case's own, in ~/.config/stanch/keys
    #[arg(long, global = true, value_name = "FILE", env = "STANCH_KEY", hide_env_values = true)]
    pub(crate) key: Option<PathBuf>,
    /// A folder of your own packs, over the shipped ones
    #[arg(long, global = true, value_name = "DIR", env = "STANCH_PACKS", hide_env_values = true)]
    pub(crate) packs: Option<PathBuf>,
    /// Answer in JSON, for programs (`run` and verbs that read)
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The case that was acted on, so that its ledger's head is signed in the end
    #[arg(skip)]
    pub(crate) acted: Rc<RefCell<Option<PathBuf>>>,
}

/// One verb a file; see `verbs/`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Run(verbs::run::Run),
    New(verbs::new::New),
    Add(verbs::add::Add),
    Snapshot(verbs::snapshot::Snapshot),
    Verify(verbs::verify::Verify),
    Detect(verbs::detect::Detect),
    Timeline(verbs::timeline::Timeline),
    Intruder(verbs::intruder::Intruder),
    Scope(verbs::scope::Scope),
    Prove(verbs::prove::Prove),
    Sql(verbs::sql::Sql),
    Duties(verbs::duties::Duties),
    Report(verbs::report::Report),
    Ledger(verbs::ledger::Ledger),
    Export(verbs::export::Export),
    Lock(verbs::lock::Lock),
    Unlock(verbs::lock::Unlock),
    Packs(verbs::packs::Packs),
    Completions(verbs::completions::Completions),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::fmt::Write;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md");

    #[test]
    fn the_command_line_is_put_together_without_contradictions() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_reference_page_says_what_the_program_says() {
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        let mut page =
            "# The command line\n\nWritten by a test from the program's own help (`UPDATE=1 cargo test -p stanch \
                        --bin stanch` rewrites it).\n"
                .to_owned();
        describe(&mut page, &mut command, "stanch");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(PAGE, &page).unwrap();
        }
        let written = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(page == written, "docs/reference/cli.md is out of date: run it with UPDATE=1 and read the difference");
    }

    /// A command's help, then those of its verbs.
    fn describe(page: &mut String, command: &mut clap::Command, name: &str) {
        let help = command.render_long_help().to_string();
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();

        let lines = lines.iter();
        let help = lines.copied().collect::<Vec<_>>().join("\n");
        writeln!(page, "\n## `{name}`\n\n```text\n{}\n```", help.trim()).unwrap();
        for verb in command.get_subcommands_mut() {
            let name = format!("{name} {}", verb.get_name());
            describe(page, verb, &name);
        }
    }
}
