//! Evidence → events: seals every file, reads those that have not been read in the same way before.

mod unmet;

use super::custody::{self, Held, Told};
use super::inputs::Inputs;
use super::{Done, Outcome, Work};
use crate::exit::BadInput;
use crate::instant;
use crate::progress::Progress;
use crate::screen;
use anyhow::Context;
use stanch_case::{Acquisition, Case, Holding, How, KeptAccount, Manifest, Stage, StageState};
use stanch_evidence::{
    Block, Formats, Known, Limits, ReadError, ReadOptions, SealedBlocks, Sink, SinkError, Source, gather, read,
    seal_in_blocks, seal_with_beginning,
};
use stanch_lake::{EventBlock, EventWriter, events_of};
use stanch_ledger::On;
use stanch_model::store::StoreFile;
use stanch_model::{EventBatch, FileAccount, Seal};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc;

/// How evidence is to be taken in.
#[derive(Clone, Debug)]
pub(crate) struct Intake<'a> {
    /// Files and folders. None: only what the case holds already.
    pub(crate) paths: &'a [PathBuf],
    /// Copy the bytes into the case instead of referring to them in place.
    pub(crate) copy: bool,
    /// Files read side by side.
    pub(crate) jobs: usize,
    /// How it came to be handed over.
    pub(crate) acquisition: Option<&'a Acquisition>,
}

/// One file to take in, with what is known of it before it is read.
struct Candidate {
    source: Source,
    bytes: u64,
    /// Known where the file had to be compared with others first.
    seal: Option<Seal>,
    /// What tells which part of it changed; once it was sealed.
    blocks: Option<SealedBlocks>,
    /// Other names under which the same bytes were handed over.
    also: Vec<String>,
    /// Digest of how it would be read.
    reading: String,
    /// What it was when it was sealed before, if it is the same file and only grew.
    before: Option<Before>,
}

/// A file before it grew.
struct Before {
    seal: Seal,
    bytes: u64,
    /// What became of it, where reading can go on behind that.
    account: Option<FileAccount>,
}

/// Takes evidence in.
pub(crate) fn take_in(work: &mut Work<'_>, intake: &Intake<'_>) -> anyhow::Result<Done> {
    let mut manifest = Manifest::read(&work.case().evidence_dir())?;
    let sources = sources(work.case(), &manifest, intake.paths)?;
    let candidates = candidates(work, &manifest, sources)?;
    let kept: BTreeSet<(Seal, String)> =
        work.case().database().accounts()?.into_iter().map(|k| (k.source, k.reading)).collect();
    let is_known = |c: &Candidate| c.seal.as_ref().is_some_and(|s| kept.contains(&(s.clone(), c.reading.clone())));
    let (known, unread): (Vec<Candidate>, Vec<Candidate>) = candidates.into_iter().partition(is_known);
    let told = Told::keep(work.case(), intake.acquisition, intake.paths)?;
    let held: Vec<Held<'_>> = known.iter().filter_map(Candidate::held).collect();
    custody::complete(work, &mut manifest, &told, &held)?;
    let done_before = work.case().database().stage(Stage::Evidence)?.filter(|row| row.state == StageState::Done);
    if let (true, Some(row)) = (unread.is_empty(), done_before) {
        let (bytes, events) = (row.bytes, row.events);
        return Ok(Done { stage: Stage::Evidence, unchanged: true, took_us: 0, bytes, events, said: Vec::new() });
    }
    // Something is to be read, so that the stage is never the one that was done before.
    let inputs = Inputs::new(Stage::Evidence).and(&instant::now().to_string());
    work.stage(Stage::Evidence, &inputs, |work| {
        let mut outcome = read_all(work, manifest, unread, intake, &told)?;
        if !known.is_empty() {
            outcome.said.push(format!("{} unchanged, not read again", files(known.len())));
        }
        Ok(outcome)
    })
}

impl Candidate {
    fn held(&self) -> Option<Held<'_>> {
        let (seal, blocks) = (self.seal.as_ref()?, self.blocks.as_ref());
        Some(Held { seal, blocks, path: absolute(&self.source.path) })
    }
}

/// What was named, and what the case holds that was not named again.
fn sources(case: &Case, manifest: &Manifest, paths: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let mut sources = if paths.is_empty() { Vec::new() } else { gather(paths)? };
    let named: BTreeSet<PathBuf> = sources.iter().map(|s| absolute(&s.path)).collect();
    for holding in manifest.holdings().iter().filter(|h| h.grew_into.is_none()) {
        let path = holding.path(&case.evidence_dir());
        if !named.contains(&path) && !sources.iter().any(|s| holding.paths.contains(&s.name)) {
            let name = holding.paths.first().cloned().unwrap_or_else(|| holding.seal.short().to_owned());
            sources.push(Source { name, path });
        }
    }
    sources.sort();
    Ok(sources)
}

/// Sizes, seals where they are needed to tell files apart, and files of the same bytes as one.
fn candidates(work: &Work<'_>, manifest: &Manifest, sources: Vec<Source>) -> anyhow::Result<Vec<Candidate>> {
    let latest = || manifest.holdings().iter().filter(|h| h.grew_into.is_none());
    let held_at: BTreeMap<PathBuf, &Holding> = latest().map(|h| (h.path(&work.case().evidence_dir()), h)).collect();
    let sizes = sources
        .iter()
        .map(|s| {
            std::fs::metadata(&s.path).map(|m| m.len()).with_context(|| format!("could not read {}", s.path.display()))
        })
        .collect::<anyhow::Result<Vec<u64>>>()?;
    let mut times: BTreeMap<u64, usize> = manifest.holdings().iter().map(|h| (h.bytes, 1)).collect();
    for size in &sizes {
        *times.entry(*size).or_default() += 1;
    }
    let reading = Reading::of(work);
    let mut by_name: BTreeMap<&str, Vec<&Holding>> = BTreeMap::new();
    for holding in latest() {
        holding.paths.iter().for_each(|path| by_name.entry(path).or_default().push(holding));
    }
    by_name.values_mut().for_each(|holdings| holdings.sort_by_key(|h| h.bytes));
    let kept = work.case().database().accounts()?;
    let mut by_seal: BTreeMap<Seal, usize> = BTreeMap::new();
    let mut found: Vec<Candidate> = Vec::new();
    for (source, bytes) in sources.into_iter().zip(sizes) {
        let held = held_at.get(&absolute(&source.path)).copied();
        // The same file as before, by its place or its name, may have grown.
        let mut of_that_name = by_name.get(source.name.as_str()).into_iter().flatten().copied();
        let beginning = held.filter(|h| h.bytes < bytes).or_else(|| of_that_name.rfind(|h| h.bytes < bytes));
        let mut before = None;
        let sealed = match beginning {
            Some(holding) => {
                let (seal, blocks, beginning) = seal_with_beginning(&source.path, holding.bytes)?;
                before = (beginning == holding.seal).then_some(holding);
                Some((seal, blocks))
            }
            None if times[&bytes] > 1 || held.is_some() => Some(seal_in_blocks(&source.path)?),
            None => None,
        };
        let (seal, blocks) = sealed.unzip();
        if let (Some(held), Some(now), None) = (held, &seal, before) {
            refuse_changed(held, now)?;
        }
        if let Some(whole) = seal.as_ref().and_then(|seal| grown_into(manifest, seal)) {
            screen::aside(&format!("{}: the beginning of {whole}, read there", screen::shown(&source.name)));
            continue;
        }
        if let Some(seal) = &seal
            && let Some(first) = by_seal.get(seal)
        {
            found[*first].also.push(source.name);
            continue;
        }
        if let Some(seal) = &seal {
            by_seal.insert(seal.clone(), found.len());
        }
        let reading = reading.digest(&source.name);
        // It may have grown once more while it was sealed; what came then is for the next time.
        let bytes = blocks.as_ref().map_or(bytes, |blocks| blocks.bytes);
        let before = before.map(|holding| Before::of(work.case(), holding, &kept, &reading)).transpose()?;
        found.push(Candidate { source, bytes, seal, blocks, also: Vec::new(), reading, before });
    }
    Ok(found)
}

impl Before {
    fn of(case: &Case, holding: &Holding, kept: &[KeptAccount], reading: &str) -> anyhow::Result<Before> {
        let is_its = |k: &&KeptAccount| k.source == holding.seal && k.reading == reading;
        let accounts: Vec<&KeptAccount> = kept.iter().filter(is_its).collect();
        let account = match accounts.as_slice() {
            [one] if !one.account.reads_on_in.is_empty() => Some(one.account.clone()),
            _ => None,
        };
        let account = match account {
            Some(account) if events_of(&case.events_dir(), &holding.seal)? == account.events => Some(account),
            _ => None,
        };
        Ok(Before { seal: holding.seal.clone(), bytes: holding.bytes, account })
    }
}

/// The name of the file that these bytes are only the beginning of.
fn grown_into(manifest: &Manifest, seal: &Seal) -> Option<String> {
    let mut holding = manifest.find(seal)?;
    let mut whole = None;
    while let Some(next) = holding.grew_into.as_ref().and_then(|seal| manifest.find(seal)) {
        whole = next.paths.first().map(|path| screen::shown(path).to_string());
        holding = next;
    }
    whole
}

/// Evidence that changed after it was sealed is no longer what was sealed; going on would mix the two.
fn refuse_changed(held: &Holding, now: &Seal) -> anyhow::Result<()> {
    if held.how == How::InPlace && held.seal != *now {
        anyhow::bail!(BadInput(format!(
            "{} changed after it was sealed: it was {}, now it is {}\n\
             hint: put the sealed bytes back, or take the new ones in under another name; `--copy` keeps copies in the case",
            held.place.display(),
            held.seal.short(),
            now.short()
        )));
    }
    Ok(())
}

/// How files are read: formats, and what the store file says of logs.
struct Reading {
    inputs: String,
}

impl Reading {
    fn of(work: &Work<'_>) -> Reading {
        let store = &work.case().store().file;
        let inputs = Inputs::new(Stage::Evidence)
            .and_packs(&work.session.packs, &["formats", "words"])
            .and_value(&store.logs)
            .and(&store.store.time_zone);
        Reading { inputs: inputs.digest().to_owned() }
    }

    /// Of the file of that name: which entry of the store file speaks of it depends on the name.
    fn digest(&self, name: &str) -> String {
        stanch_ledger::sha256(format!("{}\n{name}", self.inputs).as_bytes())
    }
}

fn read_all(
    work: &mut Work<'_>,
    manifest: Manifest,
    mut unread: Vec<Candidate>,
    intake: &Intake<'_>,
    told: &Told<'_>,
) -> anyhow::Result<Outcome> {
    let formats = Formats::load(&work.session.packs)?;
    remove_orphans(work.case())?;
    for seal in unread.iter().filter_map(|c| c.seal.as_ref()) {
        work.case().database().forget_accounts(seal)?;
    }
    // A command that was stopped may have left those of a file's beginning.
    for holding in manifest.holdings().iter().filter(|h| h.grew_into.is_some()) {
        work.case().database().forget_accounts(&holding.seal)?;
    }
    // The largest first, so that the last thread to end has least left to do.
    unread.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.source.cmp(&b.source)));
    let bytes: u64 = unread.iter().map(|c| c.bytes).sum();
    let progress = Progress::over_bytes("evidence", bytes);
    let (copy, outcome, troubles) = (intake.copy, Outcome::default(), Vec::new());
    let mut shelf = Shelf { work, manifest, copy, told, outcome, events: 0, troubles };
    let store = shelf.work.case().store().file.clone();
    let events_dir = shelf.work.case().events_dir();
    let reader = FileReader {
        formats: &formats,
        store: &store,
        events_dir: &events_dir,
        progress: &progress,
        now: instant::now(),
    };
    // A large file is read by all threads at once; of small ones, each thread reads one.
    let small = unread.iter().position(|c| c.bytes < LARGE_BYTES).unwrap_or(unread.len());
    let rest = unread.split_off(small);
    for mut candidate in unread {
        let accounts = reader.read(&mut candidate, intake.jobs);
        shelf.put(candidate, accounts?)?;
    }
    let queue = Mutex::new(rest.into_iter());
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|threads| {
        for _ in 0..intake.jobs.max(1) {
            let (sender, queue, reader) = (sender.clone(), &queue, &reader);
            threads.spawn(move || {
                while let Some(mut candidate) = queue.lock().ok().and_then(|mut q| q.next()) {
                    let accounts = reader.read(&mut candidate, 1);
                    // Nobody listens any more once another file has failed.
                    if sender.send((candidate, accounts)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        receiver.iter().try_for_each(|(candidate, accounts)| shelf.put(candidate, accounts?))
    })?;
    progress.done();
    merge_doubles(shelf.work.case())?;
    // The events of beginnings are with those of the files that they grew into.
    remove_orphans(shelf.work.case())?;
    let unmet = unmet::words(shelf.work)?;
    shelf.outcome.said.extend(unmet);
    shelf.outcome.bytes = Some(bytes);
    shelf.outcome.events = Some(shelf.events);
    shelf.outcome.said.sort();
    shelf.troubles.sort();
    shelf.outcome.said.append(&mut shelf.troubles);
    Ok(shelf.outcome)
}

/// Bytes from which on a file is read by all threads at once.
const LARGE_BYTES: u64 = 48 << 20;

/// Reads files into the case's events.
struct FileReader<'a> {
    formats: &'a Formats,
    store: &'a StoreFile,
    events_dir: &'a Path,
    progress: &'a Progress,
    /// Nothing that is read was written later than this.
    now: stanch_model::Instant,
}

impl FileReader<'_> {
    fn read(&self, candidate: &mut Candidate, threads: usize) -> Result<Vec<FileAccount>, ReadError> {
        let options = ReadOptions {
            formats: self.formats,
            logs: &self.store.logs,
            time_zone: &self.store.store.time_zone,
            limits: Limits::default(),
            known: candidate.seal.clone().map(|seal| Known { seal, bytes: candidate.bytes }),
            beginning: candidate.before.as_ref().and_then(|before| before.account.as_ref()),
            now: Some(self.now),
            threads,
        };
        let (events_dir, progress) = (self.events_dir, self.progress);
        let beginning = options.beginning.map(|read| read.seal.clone());
        let mut sink = Shelving { events_dir, writer: None, blocks: None, beginning, progress, bytes_read: 0 };
        let accounts = read(&candidate.source, &options, &mut sink);
        candidate.blocks = sink.blocks.take().or_else(|| candidate.blocks.take());
        accounts
    }
}

/// Takes finished files into custody, one at a time.
struct Shelf<'w, 's> {
    work: &'w mut Work<'s>,
    manifest: Manifest,
    copy: bool,
    told: &'w Told<'w>,
    outcome: Outcome,
    events: u64,
    troubles: Vec<String>,
}

impl Shelf<'_, '_> {
    /// Seals a file that was read. The order is: record, manifest, accounts; a command that stops between has the
    /// file read again and nothing counted twice.
    fn put(&mut self, candidate: Candidate, mut accounts: Vec<FileAccount>) -> anyhow::Result<()> {
        let case = self.work.case();
        let Some(outer) = accounts.iter_mut().find(|a| a.path == candidate.source.name) else {
            anyhow::bail!("{} gave no account of itself; this is a mistake in stanch", candidate.source.path.display());
        };
        outer.duplicates.clone_from(&candidate.also);
        let seal = outer.seal.clone();
        if !candidate.also.is_empty() {
            let (path, also) = (screen::shown(&outer.path), screen::shown(&candidate.also.join(", ")));
            self.outcome.said.push(same_bytes(&also, &path));
        }
        let events: u64 = accounts.iter().map(|a| a.events).sum();
        let at = instant::now();
        let place = absolute(&candidate.source.path);
        let acquired = self.told.of(&place);
        let mut on = On::nothing()
            .seal("seal", &seal)
            .count("bytes", candidate.bytes)
            .count("events", events)
            .reference("path", &candidate.source.name)
            .word("held", if self.copy { "copied" } else { "in place" });
        if let Some(blocks) = &candidate.blocks {
            on = on.reference("blocks", &custody::keep_blocks(case, &seal, blocks)?);
        }
        if let Some(acquired) = &acquired {
            on = on.reference("acquisition", acquired);
        }
        if let Some(before) = &candidate.before {
            on = on.reference("grew_from", &before.seal.0).count("bytes_before", before.bytes);
        }
        self.work.record.act(at, "evidence.sealed", on)?;
        let mut paths = vec![candidate.source.name.clone()];
        paths.extend(candidate.also);
        let holding = Holding {
            seal: seal.clone(),
            paths,
            bytes: candidate.bytes,
            by: self.work.record.by().to_owned(),
            at,
            how: How::InPlace,
            file: custody::facts(&place),
            place,
            acquired: acquired.into_iter().collect(),
            grew_into: None,
        };
        case.hold(&mut self.manifest, holding, self.copy)?;
        if let Some(before) = &candidate.before {
            self.manifest.grew(&before.seal, &seal);
            let (path, by) = (screen::shown(&candidate.source.name), candidate.bytes - before.bytes);
            let how = if before.account.is_some() { "read on from there" } else { "read anew" };
            self.outcome.said.push(format!("{path}: grew by {} bytes since it was sealed, {how}", screen::count(by)));
        }
        self.manifest.write(&case.evidence_dir())?;
        case.database().keep_accounts(&seal, &candidate.reading, &accounts)?;
        if let Some(before) = &candidate.before {
            case.database().forget_accounts(&before.seal)?;
        }
        self.events += events;
        self.troubles.extend(accounts.iter().flat_map(trouble));
        Ok(())
    }
}

/// Writes one file's events to Parquet as they are read.
struct Shelving<'a> {
    events_dir: &'a Path,
    writer: Option<EventWriter>,
    blocks: Option<SealedBlocks>,
    /// The seal of the file's beginning, whose events are there.
    beginning: Option<Seal>,
    progress: &'a Progress,
    bytes_read: u64,
}

/// Events on their way into a row group.
struct Encoding(EventBlock);

impl Block for Encoding {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        self.0.write(batch).map_err(SinkError::new)
    }

    fn close(&mut self) -> Result<(), SinkError> {
        self.0.close().map_err(SinkError::new)
    }
}

impl Sink for Shelving<'_> {
    type Block = Encoding;

    fn begin(&mut self) -> Result<(), SinkError> {
        self.writer = Some(EventWriter::create(self.events_dir).map_err(SinkError::new)?);
        Ok(())
    }

    fn block(&mut self) -> Result<Encoding, SinkError> {
        let writer = self.writer.as_ref().ok_or_else(|| SinkError::new("a block came before its file began"))?;
        writer.block().map(Encoding).map_err(SinkError::new)
    }

    fn put(&mut self, block: Encoding) -> Result<(), SinkError> {
        let writer = self.writer.as_mut().ok_or_else(|| SinkError::new("a block came before its file began"))?;
        writer.append(block.0).map_err(SinkError::new)
    }

    fn end(&mut self, account: &FileAccount) -> Result<(), SinkError> {
        match self.writer.take() {
            Some(writer) => {
                let written = writer.finish_behind(&account.seal, self.beginning.as_ref());
                written.map(drop).map_err(SinkError::new)
            }
            None => Ok(()),
        }
    }

    fn sealed(&mut self, blocks: SealedBlocks) -> Result<(), SinkError> {
        self.blocks = Some(blocks);
        Ok(())
    }

    fn progress(&mut self, bytes_read: u64) {
        self.progress.add(bytes_read.saturating_sub(self.bytes_read));
        self.bytes_read = bytes_read;
    }
}

/// Events of files that have no account: their reading was interrupted, or is about to be done anew.
fn remove_orphans(case: &Case) -> anyhow::Result<()> {
    let kept: BTreeSet<String> =
        case.database().accounts()?.into_iter().map(|k| format!("evidence={}", k.account.seal)).collect();
    let dir = case.events_dir();
    for entry in std::fs::read_dir(&dir).with_context(|| format!("could not read {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let removed = match path.is_dir() {
            true if name.starts_with("evidence=") && !kept.contains(&name) => std::fs::remove_dir_all(&path),
            false if name.starts_with(".unfinished-") => std::fs::remove_file(&path),
            _ => Ok(()),
        };
        removed.with_context(|| format!("could not remove {}", path.display()))?;
    }
    Ok(())
}

/// A text that came in twice after all, by itself and inside an archive, or in two archives: its events are there
/// once, so its account is kept once, with the other paths named in it. A file's own account goes before a member's.
fn merge_doubles(case: &Case) -> anyhow::Result<()> {
    let kept = case.database().accounts()?;
    let mut same: BTreeMap<&Seal, Vec<&KeptAccount>> = BTreeMap::new();
    for k in &kept {
        same.entry(&k.account.seal).or_default().push(k);
    }
    let mut touched: BTreeSet<&Seal> = BTreeSet::new();
    let mut merged: BTreeMap<(&Seal, &str), FileAccount> = BTreeMap::new();
    for group in same.values_mut() {
        group.sort_by_key(|k| (k.account.seal != k.source, k.account.path.as_str()));
        let mut account = group[0].account.clone();
        for other in &group[1..] {
            touched.extend([&group[0].source, &other.source]);
            if !account.duplicates.contains(&other.account.path) {
                account.duplicates.push(other.account.path.clone());
            }
        }
        merged.insert((&group[0].source, group[0].account.path.as_str()), account);
    }
    for source in touched {
        let reading = kept.iter().find(|k| k.source == *source).map_or("", |k| k.reading.as_str());
        let accounts: Vec<FileAccount> =
            merged.iter().filter(|((of, _), _)| *of == source).map(|(_, account)| account.clone()).collect();
        case.database().keep_accounts(source, reading, &accounts)?;
    }
    Ok(())
}

/// What a person must look at in one account.
pub(crate) fn trouble(account: &FileAccount) -> Vec<String> {
    let path = screen::shown(&account.path);
    let mut lines: Vec<String> = account.remarks.iter().map(|r| format!("{path}: {}", screen::shown(r))).collect();
    lines.extend(account.unread.iter().map(|group| {
        let (number, reason) = (screen::count(group.lines), screen::shown(&group.reason));
        let first = group.examples.first().map_or(String::new(), |(line, ..)| format!("; the first is line {line}"));
        format!("{path}: {number} unread: {reason}{first}")
    }));
    lines
}

/// How files that hold the same bytes as another are told of.
pub(crate) fn same_bytes(also: &str, path: &str) -> String {
    format!("{also}: the same bytes as {path}, read once")
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn files(number: usize) -> String {
    if number == 1 { "1 file".to_owned() } else { format!("{number} files") }
}
