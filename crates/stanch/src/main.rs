#![doc = include_str!("../README.md")]

mod args;
mod encryption;
mod exit;
mod instant;
mod pipeline;
mod progress;
mod screen;
mod session;
mod signing;
mod verbs;
mod view;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(shown) => return exit::after_parsing(&shown),
    };
    match verbs::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::failed(&error),
    }
}
