//! `cargo xtask test`: what must hold before anything is merged.

use anyhow::{Context, Result};
use std::io::Write;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// The steps, in order: what is said of each, and cargo's arguments.
const STEPS: [(&str, &[&str]); 3] = [
    ("formatting", &["fmt", "--all", "--check"]),
    ("clippy", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
    ("tests", &["test", "--workspace", "--locked"]),
];

/// Runs every step, says how long each took, and stops at the first that fails, with its exit code.
///
/// # Errors
///
/// When cargo cannot be started.
pub fn test(out: &mut impl Write) -> Result<ExitCode> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask stands in the workspace")?;
    for (name, arguments) in STEPS {
        writeln!(out, "── {name}: cargo {}", arguments.join(" "))?;
        let begun = Instant::now();
        let status = Command::new(&cargo)
            .args(arguments)
            .current_dir(root)
            .status()
            .with_context(|| format!("cannot start {cargo}"))?;
        let took = begun.elapsed().as_secs_f64();
        if !status.success() {
            writeln!(out, "── {name} failed after {took:.1} s")?;
            let code = status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1);
            return Ok(ExitCode::from(code));
        }
        writeln!(out, "── {name}: {took:.1} s")?;
    }
    Ok(ExitCode::SUCCESS)
}
