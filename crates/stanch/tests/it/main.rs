//! The binary from outside, and the documents held against the code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod architecture;
mod bad_input;
mod command_line;
mod custody;
mod interrupted;
mod recordings;
mod small_store;
mod whole_run;

use assert_cmd::Command;
use std::path::{Path, PathBuf};

/// The repository's root.
fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The binary in a folder, with nothing of whoever runs the tests: no case, no keys.
fn command(dir: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("stanch"));
    command
        .current_dir(dir)
        .env("STANCH_BY", "responder")
        .env("NO_COLOR", "1")
        .env("XDG_CONFIG_HOME", dir.join("config"));
    ["STANCH_CASE", "STANCH_KEY", "STANCH_READ_ONLY"].iter().for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// Runs the binary in a folder: exit code, standard output, standard error.
fn stanch(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::from_std(command(dir));
    let output = command.args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}
