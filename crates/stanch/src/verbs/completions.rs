//! `stanch completions`: for the shell.

use crate::args::Cli;
use crate::screen;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch completions bash > ~/.local/share/bash-completion/completions/stanch")]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

pub(crate) fn completions(completions: &Completions) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Cli::command(), "stanch", &mut script);
    screen::put(&String::from_utf8_lossy(&script))
}
