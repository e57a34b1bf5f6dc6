//! Whether evidence is what was sealed, and where it is not.

use super::Answer;
use crate::progress::Progress;
use crate::screen;
use crate::session::Session;
use serde::Serialize;
use stanch_case::{Acquisitions, Case, Holding, How, Manifest, WhyReadOnly};
use stanch_evidence::{BLOCK_BYTES, Changed, ReadError, SealedBlocks, seal, seal_with_beginning};
use stanch_ledger::{Ledger, sha256};
use stanch_model::Seal;
use std::collections::BTreeMap;
use std::path::Path;

/// Spans that are told on a terminal.
const SPANS_MAX: usize = 8;

/// A file that is not what was sealed.
#[derive(Serialize)]
pub(super) struct ChangedFile {
    path: String,
    sealed: Seal,
    sealed_bytes: u64,
    now: Seal,
    now_bytes: u64,
    /// First and last byte of each span that differs; nothing where the list of blocks is gone.
    differ: Option<Vec<(u64, u64)>>,
    /// What is left of the block in which the file now ends.
    not_comparable: Option<(u64, u64)>,
}

pub(super) fn check(session: &Session, answer: &mut Answer) -> anyhow::Result<()> {
    let evidence_dir = session.case.evidence_dir();
    let manifest = Manifest::read(&evidence_dir)?;
    let on_record = blocks_on_record(&session.case)?;
    let progress = Progress::over_bytes("seals", manifest.holdings().iter().map(|h| h.bytes).sum());
    for holding in manifest.holdings() {
        let name = screen::shown(holding.paths.first().map_or("", String::as_str));
        answer.evidence_files += 1;
        answer.evidence_bytes += holding.bytes;
        match sealed_now(holding, &holding.path(&evidence_dir)) {
            Ok((seal, _)) if seal == holding.seal => {}
            Ok((now, now_bytes)) => {
                let changed = compare(&session.case, holding, &on_record)?;
                answer.wrong.push(told(&name, holding, &now, now_bytes, changed.as_ref()));
                answer.changed.push(ChangedFile {
                    path: holding.paths.first().cloned().unwrap_or_default(),
                    sealed: holding.seal.clone(),
                    sealed_bytes: holding.bytes,
                    now,
                    now_bytes,
                    not_comparable: changed.as_ref().and_then(|c| c.not_comparable),
                    differ: changed.map(|c| c.differ),
                });
            }
            Err(_) if is_left_out(&session.case, holding) => {
                answer.remarks.push(format!("evidence {name}: not in this export; sealed as {}", holding.seal));
            }
            Err(error) => {
                let why = std::error::Error::source(&error).map_or(String::new(), |s| format!(": {s}"));
                answer.wrong.push(format!("evidence {name}: {error}{why}"));
            }
        }
        progress.add(holding.bytes);
    }
    progress.done();
    for digest in Acquisitions::read(&evidence_dir)?.changed() {
        let line = "evidence/acquisitions.json: what was told of how evidence was come by was changed";
        answer.wrong.push(format!("{line}: its SHA-256 on record is {digest}"));
    }
    Ok(())
}

/// The seal and size of what is at a holding's place; of what it grew into, its part of it.
fn sealed_now(holding: &Holding, path: &Path) -> Result<(Seal, u64), ReadError> {
    if holding.grew_into.is_some() && holding.how == How::InPlace {
        return seal_with_beginning(path, holding.bytes).map(|(_, blocks, beginning)| (beginning, blocks.bytes));
    }
    seal(path)
}

/// Whether an export names the file and leaves its bytes where they are.
fn is_left_out(case: &Case, holding: &Holding) -> bool {
    case.read_only() == Some(WhyReadOnly::Export) && holding.how == How::InPlace && !holding.place.exists()
}

/// The digest of each list of blocks, as the ledger has it.
fn blocks_on_record(case: &Case) -> anyhow::Result<BTreeMap<String, String>> {
    let text = |on: &stanch_ledger::On, key| on.get(key).and_then(|v| v.as_str()).map(str::to_owned);
    let entries = Ledger::entries(&case.ledger_path())?;
    Ok(entries.iter().filter_map(|e| Some((text(&e.on, "seal")?, text(&e.on, "blocks")?))).collect())
}

/// Which blocks changed. Nothing where their list is gone, or is not the one on record.
fn compare(case: &Case, holding: &Holding, on_record: &BTreeMap<String, String>) -> anyhow::Result<Option<Changed>> {
    let text = std::fs::read_to_string(case.blocks_path(&holding.seal)).unwrap_or_default();
    if on_record.get(&holding.seal.0) != Some(&sha256(text.as_bytes())) {
        return Ok(None);
    }
    let Some(blocks) = SealedBlocks::parse(&text) else { return Ok(None) };
    Ok(Some(blocks.compare(&holding.path(&case.evidence_dir()), &holding.seal)?))
}

fn told(name: &str, holding: &Holding, now: &Seal, now_bytes: u64, changed: Option<&Changed>) -> String {
    let sealed = holding.bytes;
    let size = match now_bytes.cmp(&sealed) {
        std::cmp::Ordering::Equal => format!("size {} as sealed", screen::count(sealed)),
        more_or_less => {
            let word = if more_or_less.is_gt() { "grew" } else { "shrank" };
            format!("it {word} from {} to {} bytes", screen::count(sealed), screen::count(now_bytes))
        }
    };
    let mut parts = Vec::new();
    match changed {
        None => parts.push("where cannot be told: the list of its blocks is gone or was changed".to_owned()),
        Some(changed) => {
            let blocks = sealed.div_ceil(BLOCK_BYTES);
            parts.extend(changed.differ.iter().take(SPANS_MAX).map(|span| format!("{} differ", bytes(*span, blocks))));
            if changed.differ.len() > SPANS_MAX {
                parts.push(format!("{} more spans; `--json` tells them all", changed.differ.len() - SPANS_MAX));
            }
            if changed.differ.is_empty() && now_bytes > sealed {
                parts.push("all that was sealed is there as it was".to_owned());
            }
            if let Some(span) = changed.not_comparable {
                parts.push(format!("{} cannot be compared", bytes(span, blocks)));
            }
            if changed.differ.is_empty() && now_bytes < sealed {
                parts.push("the blocks before its end are as they were".to_owned());
            }
        }
    }
    parts.push(size);
    format!("evidence {name}: sealed as {}, now {}: {}", holding.seal.short(), now.short(), parts.join("; "))
}

fn bytes((from, to): (u64, u64), blocks: u64) -> String {
    let (first, last) = (from / BLOCK_BYTES + 1, to / BLOCK_BYTES + 1);
    let which = if first == last { format!("block {first}") } else { format!("blocks {first} to {last}") };
    format!("bytes {}–{} ({which} of {blocks})", screen::count(from), screen::count(to))
}
