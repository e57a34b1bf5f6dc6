//! Runs the optimised binary on generated inputs and measures it from outside.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What one input cost.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The input's name: its folder's, or its file's.
    pub input: String,
    /// Bytes of evidence.
    pub bytes: u64,
    /// Wall time of `stanch run`.
    pub wall: Duration,
    /// Highest resident memory, in bytes, as Linux counts it; unknown elsewhere.
    pub peak: Option<u64>,
    /// Wall time of `wc -l` and of `sha256sum` over the same evidence: what merely reading and sealing it costs.
    pub floor: Vec<(&'static str, Option<Duration>)>,
    /// Stage, seconds, and what it said of itself.
    pub stages: Vec<(String, f64, String)>,
    /// The four figures, where the input has a truth.
    pub score: Option<String>,
}

/// Runs each input: a folder with `evidence/` and `store.toml` (and maybe `truth/`), or a log file.
///
/// # Errors
///
/// When the binary or an input is missing, or a run fails.
pub fn run(binary: &Path, inputs: &[PathBuf]) -> Result<Vec<Measured>> {
    if !binary.is_file() {
        bail!("{} is not there; build it first: cargo build --release --package stanch", binary.display());
    }
    if inputs.is_empty() {
        bail!("no input is named; make one with: cargo xtask bench generate");
    }
    inputs.iter().map(|input| run_one(binary, input)).collect()
}

fn run_one(binary: &Path, input: &Path) -> Result<Measured> {
    let name = input.file_name().map_or_else(|| input.display().to_string(), |n| n.to_string_lossy().into_owned());
    let work = std::env::temp_dir().join(format!("stanch-bench-{}", std::process::id()));
    let case = work.join("bench.case");
    std::fs::create_dir_all(&work).with_context(|| format!("creating {}", work.display()))?;
    let (evidence, store) = parts(input, &work)?;
    let output = work.join("run.json");
    let mut command = Command::new(binary);
    command.arg("run").arg(&evidence).arg("--store").arg(&store).arg("--case").arg(&case).arg("--json");
    command.stdout(std::fs::File::create(&output).context("keeping the run's output")?).stderr(Stdio::inherit());
    let begun = Instant::now();
    let child = command.spawn().with_context(|| format!("starting {}", binary.display()))?;
    let (status, peak) = watch(child)?;
    let wall = begun.elapsed();
    if !status.success() {
        bail!("{name}: the run failed ({status}); its case is in {}", work.display());
    }
    let told = std::fs::read(&output).context("reading the run's output")?;
    let score = truth_of(input).map(|truth| crate::score::score_files(&truth, &case)).transpose()?;
    let measured = Measured {
        input: name,
        bytes: size_of(&evidence)?,
        wall,
        peak,
        floor: vec![("wc -l", time_of("wc", &["-l"], &evidence)), ("sha256sum", time_of("sha256sum", &[], &evidence))],
        stages: stages(&serde_json::from_slice(&told).unwrap_or_default()),
        score: score.map(|s| s.to_string()),
    };
    std::fs::remove_dir_all(&work).with_context(|| format!("removing {}", work.display()))?;
    Ok(measured)
}

/// The evidence and the store file of an input. A log alone gets a store that knows no personal data.
pub(super) fn parts(input: &Path, work: &Path) -> Result<(PathBuf, PathBuf)> {
    if input.join("store.toml").is_file() {
        return Ok((input.join("evidence"), input.join("store.toml")));
    }
    if !input.is_file() {
        bail!("{} is neither a log nor a folder with evidence/ and store.toml", input.display());
    }
    let pack = "title: Nothing known\nsource: made up by cargo xtask bench\n\
                accounts: { table: customer, key: id, email: email }\ntables: {}\n";
    std::fs::write(work.join("platform.yaml"), pack).context("writing the platform pack")?;
    let store = work.join("store.toml");
    let text = "[store]\nname = \"Benchmark\"\nplatform = [\"./platform.yaml\"]\ntime_zone = \"UTC\"\n";
    std::fs::write(&store, text).context("writing the store file")?;
    Ok((input.to_owned(), store))
}

fn truth_of(input: &Path) -> Option<PathBuf> {
    Some(input.join("truth")).filter(|t| t.join("cells.csv").is_file())
}

/// Waits for a process and reads the high-water mark of its memory on the way.
pub(super) fn watch(mut child: Child) -> Result<(ExitStatus, Option<u64>)> {
    let path = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = None;
    loop {
        let now = std::fs::read_to_string(&path).ok().and_then(|s| high_water(&s));
        peak = peak.max(now);
        if let Some(status) = child.try_wait().context("waiting for the run")? {
            return Ok((status, peak));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `VmHWM:   12345 kB`, in bytes.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kb| kb * 1024)
}

fn files_of(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).with_context(|| format!("listing {}", path.display()))? {
        files.extend(files_of(&entry?.path())?);
    }
    files.sort();
    Ok(files)
}

fn size_of(path: &Path) -> Result<u64> {
    files_of(path)?.iter().map(|f| Ok(f.metadata()?.len())).sum()
}

fn time_of(program: &str, arguments: &[&str], evidence: &Path) -> Option<Duration> {
    let begun = Instant::now();
    let status =
        Command::new(program).args(arguments).args(files_of(evidence).ok()?).stdout(Stdio::null()).status().ok()?;
    status.success().then(|| begun.elapsed())
}

/// The stages that `run --json` tells: an array `stages` of objects with `name` (or `stage`), `seconds`, and further numbers.
fn stages(told: &Value) -> Vec<(String, f64, String)> {
    let list = told.get("stages").and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter()
        .map(|stage| {
            let name = stage.get("name").or_else(|| stage.get("stage")).and_then(Value::as_str).unwrap_or("?");
            let seconds = stage.get("seconds").and_then(Value::as_f64).unwrap_or_default();
            let further = stage.as_object().into_iter().flatten().filter(|(k, v)| *k != "seconds" && v.is_number());
            let further: Vec<String> = further.map(|(k, v)| format!("{k} {v}")).collect();
            (name.to_owned(), seconds, further.join(", "))
        })
        .collect()
}

/// The results as Markdown.
pub fn table(results: &[Measured]) -> String {
    let mut text = format!("Machine: {}.\n\n", machine());
    text += "| input | evidence | stanch run | MB/s | peak memory | wc -l | sha256sum | run ÷ sha256sum |\n";
    text += "|---|--:|--:|--:|--:|--:|--:|--:|\n";
    for m in results {
        let seconds = m.wall.as_secs_f64();
        let floor = |at: usize| m.floor.get(at).and_then(|(_, t)| *t);
        let shown = |t: Option<Duration>| t.map_or("–".to_owned(), |t| format!("{:.2} s", t.as_secs_f64()));
        let ratio = floor(1).map_or("–".to_owned(), |t| format!("{:.1}", seconds / t.as_secs_f64()));
        let peak = m.peak.map_or("–".to_owned(), |b| format!("{} MB", b / 1_000_000));
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "| {} | {} MB | {seconds:.1} s | {:.0} | {peak} | {} | {} | {ratio} |",
            m.input,
            m.bytes / 1_000_000,
            m.bytes as f64 / 1e6 / seconds,
            shown(floor(0)),
            shown(floor(1)),
        );
    }
    for m in results {
        let _ = write!(text, "\nStages of {}:\n\n| stage | seconds | |\n|---|--:|---|\n", m.input);
        for (name, seconds, further) in &m.stages {
            let _ = writeln!(text, "| {name} | {seconds:.2} | {further} |");
        }
        if let Some(score) = &m.score {
            let _ = write!(text, "\nAgainst its truth:\n\n```text\n{score}```\n");
        }
    }
    text
}

pub(super) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find_map(|l| l.strip_prefix("model name"))?;
        Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
    });
    let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let kb: u64 =
            text.lines().find_map(|l| l.strip_prefix("MemTotal:"))?.split_whitespace().next()?.parse().ok()?;
        Some(format!(", {} GB memory", kb / 1_000_000))
    });
    let (model, memory) = (model.unwrap_or_else(|| "unknown processor".to_owned()), memory.unwrap_or_default());
    format!("{model}, {cores} cores{memory}, {}", std::env::consts::OS)
}

/// Where the table of whole runs stands on the page.
pub const MARK: &str = "<!-- figures: written by `cargo xtask bench run --write` -->";
const END: &str = "<!-- end of figures -->";

/// Puts a table between its mark on the page and the next end mark.
///
/// # Errors
///
/// When the page cannot be read or written, or has no marks.
pub fn write_into(page: &Path, mark: &str, table: &str) -> Result<()> {
    let text = std::fs::read_to_string(page).with_context(|| format!("reading {}", page.display()))?;
    let (before, rest) = text.split_once(mark).with_context(|| format!("{} lacks the mark {mark}", page.display()))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{} lacks the mark {END}", page.display()))?;
    std::fs::write(page, format!("{before}{mark}\n\n{}\n\n{END}{after}", table.trim()))
        .with_context(|| format!("writing {}", page.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_goes_between_the_marks_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.md");
        std::fs::write(&page, format!("# A\n\n{MARK}\nold\n{END}\n\nB\n")).unwrap();
        write_into(&page, MARK, "new\n").unwrap();
        assert_eq!(std::fs::read_to_string(&page).unwrap(), format!("# A\n\n{MARK}\n\nnew\n\n{END}\n\nB\n"));
    }

    #[test]
    fn stages_are_read_from_what_the_run_tells() {
        let told = serde_json::json!({"stages": [{"name": "evidence", "seconds": 1.5, "events": 10}]});
        assert_eq!(stages(&told), [("evidence".to_owned(), 1.5, "events 10".to_owned())]);
    }

    #[test]
    fn the_high_water_mark_is_read_in_bytes() {
        assert_eq!(high_water("Name:\tx\nVmHWM:\t    2048 kB\n"), Some(2_097_152));
    }
}
