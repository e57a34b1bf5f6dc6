//! `cargo xtask`: see README.md.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use xtask::{bench, score, steps};

const USAGE: &str = "\
cargo xtask test
    formatting, clippy and all tests; stops at the first that fails
cargo xtask score TRUTH CASE
    the four figures of CASE/exposure/exposure.csv against TRUTH/cells.csv; exit code 1 below the bar
cargo xtask bench generate access [--gb 1] [--seed 1] --out FILE
    an access log in combined format
cargo xtask bench generate database [--statements 2000000] [--customers 750000] [--seed 1] --out DIR
    a PostgreSQL csvlog of a stolen role, the store's dump, store.toml, platform.yaml and truth/cells.csv
cargo xtask bench read [--binary target/release/stanch] [--write docs/benchmarks.md] FILE…
    times `stanch add` on a log beside wc, sha256sum, zcat, DuckDB, GoAccess, lnav, Plaso, those that are installed
cargo xtask bench run [--binary target/release/stanch] [--write docs/benchmarks.md] INPUT…
    runs the optimised binary on generated inputs, and measures";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("{e:#}");
            ExitCode::from(2)
        }
    }
}

fn run(words: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => Ok(steps::test(&mut std::io::stdout())?),
        ["score", truth, case] => score_case(Path::new(truth), Path::new(case)),
        ["bench", "generate", "access", rest @ ..] => {
            let given = Options::read(rest, &["gb", "seed", "out"])?;
            let out = given.path("out")?;
            let bytes = (given.number("gb", 1.0)? * 1e9) as u64;
            bench::access::generate(&out, bytes, given.number("seed", 1.0)? as u64)?;
            println!("{}", out.display());
            Ok(ExitCode::SUCCESS)
        }
        ["bench", "generate", "database", rest @ ..] => {
            let given = Options::read(rest, &["statements", "customers", "seed", "out"])?;
            let size = bench::database::Size {
                statements: given.number("statements", 2e6)? as u64,
                customers: given.number("customers", 750_000.0)? as u64,
            };
            let out = given.path("out")?;
            bench::database::generate(&out, size, given.number("seed", 1.0)? as u64)?;
            println!("{}", out.display());
            Ok(ExitCode::SUCCESS)
        }
        ["bench", "run", rest @ ..] => {
            let given = Options::read(rest, &["binary", "write"])?;
            let binary = given.path("binary").unwrap_or_else(|_| "target/release/stanch".into());
            let results = bench::run::run(&binary, &given.rest)?;
            let table = bench::run::table(&results);
            println!("{table}");
            if let Ok(page) = given.path("write") {
                bench::run::write_into(&page, bench::run::MARK, &table)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        ["bench", "read", rest @ ..] => {
            let given = Options::read(rest, &["binary", "write"])?;
            let binary = given.path("binary").unwrap_or_else(|_| "target/release/stanch".into());
            let table = bench::read::table(&bench::read::read(&binary, &given.rest)?);
            println!("{table}");
            if let Ok(page) = given.path("write") {
                bench::run::write_into(&page, bench::read::MARK, &table)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("{USAGE}"),
    }
}

fn score_case(truth: &Path, case: &Path) -> Result<ExitCode> {
    let figures = score::score_files(truth, case)?;
    print!("{figures}");
    Ok(if figures.pass() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// `--name value` pairs, and what is left.
struct Options {
    pairs: Vec<(String, String)>,
    rest: Vec<PathBuf>,
}

impl Options {
    fn read(words: &[&str], known: &[&str]) -> Result<Options> {
        let mut options = Options { pairs: Vec::new(), rest: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.strip_prefix("--") {
                Some(name) if known.contains(&name) => {
                    let value = words.next().with_context(|| format!("--{name} needs a value"))?;
                    options.pairs.push((name.to_owned(), (*value).to_owned()));
                }
                Some(name) => bail!("--{name} is not known here\n\n{USAGE}"),
                None => options.rest.push(word.into()),
            }
        }
        Ok(options)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        self.value(name).map(PathBuf::from).with_context(|| format!("--{name} is needed\n\n{USAGE}"))
    }

    fn number(&self, name: &str, default: f64) -> Result<f64> {
        let Some(value) = self.value(name) else { return Ok(default) };
        let number: f64 = value.parse().with_context(|| format!("--{name} {value:?} is not a number"))?;
        if number < 0.0 || !number.is_finite() {
            bail!("--{name} {value} is not a size");
        }
        Ok(number)
    }
}
