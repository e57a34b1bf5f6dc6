//! Times `stanch add` on a log beside what else on this machine reads such a log, in one run.

use super::run::{machine, parts, watch};
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Lines that a peer gets which would take hours over the whole.
const SLOW_LINES: usize = 20_000;

/// What one file cost.
#[derive(Clone, Debug)]
pub struct Measured {
    input: String,
    bytes: u64,
    lines: u64,
    seconds: f64,
    peak: Option<u64>,
    peers: Vec<Peer>,
}

#[derive(Clone, Debug)]
struct Peer {
    name: String,
    does: &'static str,
    /// Seconds over the whole file; for one that got a part of it, as many times as its lines go into the whole.
    seconds: f64,
    part: Option<usize>,
}

/// Reads each file with the binary and with every peer that is installed. Each file is read once before, so that it is
/// in the page cache for all.
///
/// # Errors
///
/// When the binary or a file is missing, or reading fails.
pub fn read(binary: &Path, files: &[PathBuf]) -> Result<Vec<Measured>> {
    if !binary.is_file() {
        bail!("{} is not there; build it first: cargo build --release --package stanch", binary.display());
    }
    if files.is_empty() {
        bail!("no file is named; make one with: cargo xtask bench generate access --gb 1 --out bench/access-1g.log");
    }
    files.iter().map(|file| read_one(binary, file)).collect()
}

fn read_one(binary: &Path, file: &Path) -> Result<Measured> {
    let name = file.file_name().map_or_else(|| file.display().to_string(), |n| n.to_string_lossy().into_owned());
    let work = tempfile::tempdir().context("making a folder to work in")?;
    let (evidence, store) = parts(file, work.path())?;
    std::io::copy(&mut File::open(&evidence)?, &mut std::io::sink()).context("reading the file once before")?;
    let case = work.path().join("bench.case");
    let made = Command::new(binary).arg("new").arg("--store").arg(&store).arg("--case").arg(&case).output();
    if !made.with_context(|| format!("starting {}", binary.display()))?.status.success() {
        bail!("no case could be made in {}", work.path().display());
    }
    let mut add = Command::new(binary);
    add.arg("add").arg(&evidence).arg("--case").arg(&case).arg("--json").stderr(Stdio::null());
    let told = work.path().join("add.json");
    add.stdout(File::create(&told)?);
    let begun = Instant::now();
    let (status, peak) = watch(add.spawn().context("starting stanch add")?)?;
    let seconds = begun.elapsed().as_secs_f64();
    if !status.success() {
        bail!("{name}: stanch add failed ({status})");
    }
    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(&told)?).context("reading what it told")?;
    let lines = told[0]["lines"].as_u64().unwrap_or_default();
    let bytes = evidence.metadata()?.len();
    let peers = peers(&evidence, lines, work.path());
    Ok(Measured { input: name, bytes, lines, seconds, peak, peers })
}

fn peers(file: &Path, lines: u64, work: &Path) -> Vec<Peer> {
    let shown = file.to_string_lossy().into_owned();
    let whole = |name: &str, does, command: &mut Command| {
        timed(command).map(|t| Peer { name: name.to_owned(), does, seconds: t.as_secs_f64(), part: None })
    };
    let is_packed = file.extension().is_some_and(|e| e == "gz");
    let mut found = vec![
        whole("wc -l", "counts lines", Command::new("wc").args(["-l", &shown])),
        whole("sha256sum", "seals", Command::new("sha256sum").arg(&shown)),
    ];
    if is_packed {
        found.push(whole("zcat", "unpacks", Command::new("zcat").arg(&shown)));
        return found.into_iter().flatten().collect();
    }
    if is_access(file) {
        let out = |name: &str| work.join(name).to_string_lossy().into_owned();
        let parquet = out("duckdb.parquet");
        let version = version("python3", &["-c", "import duckdb; print(duckdb.__version__)"]);
        let duckdb = |does, sql: String| {
            let program = ["-c", "import duckdb, sys; duckdb.sql(sys.argv[1])", &sql];
            whole(&format!("DuckDB {}", version.as_deref()?), does, Command::new("python3").args(program))
        };
        found.push(duckdb("expression to Parquet", to_parquet(&shown, &parquet)));
        let report = out("goaccess.html");
        let goaccess = ["--log-format=COMBINED", "--no-progress", "-o", &report];
        found.push(whole("GoAccess", "statistics page", Command::new("goaccess").arg(&shown).args(goaccess)));
        let count = ";SELECT c_ip, count(*) FROM access_log GROUP BY c_ip ORDER BY 2 DESC LIMIT 10";
        found.push(whole("lnav", "requests by client", Command::new("lnav").args(["-n", "-c", count, &shown])));
        found.push(plaso(file, lines, work));
    }
    found.into_iter().flatten().collect()
}

fn is_access(file: &Path) -> bool {
    let first = File::open(file).ok().and_then(|file| BufReader::new(file).lines().next()?.ok());
    first.is_some_and(|line| line.contains("] \"") && line.contains(" - "))
}

/// The combined format by a regular expression, each part a column.
fn to_parquet(file: &str, to: &str) -> String {
    let expression = r#"^(\S+) (\S+) (\S+) \[([^\]]+)\] "([A-Z]+) (\S+) ([^"]*)" (\d{3}) (\S+) "([^"]*)" "([^"]*)""#;
    let names = "['ip','ident','usr','ts','method','url','proto','status','bytes','referrer','agent']";
    format!(
        "COPY (SELECT unnest(regexp_extract(line, '{expression}', {names})) FROM read_csv('{file}', \
         columns={{'line':'VARCHAR'}}, delim='\x01', quote='', escape='', header=false, auto_detect=false)) \
         TO '{to}' (FORMAT parquet, COMPRESSION zstd)"
    )
}

/// Plaso reads some hundred lines a second, so that it gets the first of them only.
fn plaso(file: &Path, lines: u64, work: &Path) -> Option<Peer> {
    let is_there = |program: &&str| version(program, &["--version"]).is_some();
    let program = ["log2timeline", "log2timeline.py"].into_iter().find(is_there)?;
    let part = work.join("part.log");
    let mut first = File::create(&part).ok()?;
    for line in BufReader::new(File::open(file).ok()?).split(b'\n').take(SLOW_LINES) {
        first.write_all(&line.ok()?).and_then(|()| first.write_all(b"\n")).ok()?;
    }
    let mut command = Command::new(program);
    command.args(["--parsers", "text", "--status-view", "none", "--unattended", "--storage-file"]);
    command.arg(work.join("plaso.plaso")).arg(&part).current_dir(work);
    let seconds = timed(&mut command)?.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    let times = lines as f64 / SLOW_LINES as f64;
    Some(Peer { name: "Plaso".to_owned(), does: "timeline", seconds: seconds * times, part: Some(SLOW_LINES) })
}

fn timed(command: &mut Command) -> Option<Duration> {
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    status.success().then(|| begun.elapsed())
}

fn version(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// The results as Markdown.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub fn table(results: &[Measured]) -> String {
    let mut text = format!("Machine: {}.\n", machine());
    for m in results {
        let peak = m.peak.map_or("–".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000));
        let speed = m.bytes as f64 / 1e6 / m.seconds;
        let size = m.bytes / 1_000_000;
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "\n**{}**: {size} MB, {} lines. `stanch add`: {:.2} s, {speed:.0} MB/s, {peak} of memory at most.\n\n\
             | beside it | does | time | its time ÷ ours |\n|---|---|--:|--:|\n",
            m.input, m.lines, m.seconds
        );
        for peer in &m.peers {
            let part = peer.part.map_or(String::new(), |lines| format!(" (from its first {lines} lines)"));
            let ratio = peer.seconds / m.seconds;
            let _ = writeln!(text, "| {} | {}{part} | {:.2} s | {ratio:.2} |", peer.name, peer.does, peer.seconds);
        }
    }
    text
}

/// Where the table stands on the page.
pub const MARK: &str = "<!-- reading: written by `cargo xtask bench read --write` -->";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_how_many_times_as_long_a_peer_takes() {
        let peer = Peer { name: "wc -l".to_owned(), does: "counts lines", seconds: 1.0, part: None };
        let measured = Measured {
            input: "x.log".to_owned(),
            bytes: 1_000_000_000,
            lines: 7,
            seconds: 4.0,
            peak: Some(1_000_000),
            peers: vec![peer],
        };
        let text = table(&[measured]);
        assert!(text.contains("1000 MB, 7 lines. `stanch add`: 4.00 s, 250 MB/s, 1 MB"), "{text}");
        assert!(text.contains("| wc -l | counts lines | 1.00 s | 0.25 |"), "{text}");
    }
}
