//! `stanch packs new`: a first version of a pack, worked out from what is there.

use crate::args::Shared;
use crate::exit::BadInput;
use crate::screen;
use crate::session::shipped_with;
use anyhow::Context;
use clap::{Args, Subcommand};
use stanch_evidence::{Formats, draft_format};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes of a sample that are looked at.
const SAMPLE_BYTES_MAX: u64 = 4 << 20;

#[derive(Debug, Subcommand)]
pub(crate) enum Kind {
    /// Draft a format pack from a file of a log: how its records are cut, what its values are, with a proof
    ///
    /// Mails, addresses, long numbers, keys and names found in the sample are replaced by invented ones in the
    /// draft's own samples. Look through them before you share the pack.
    #[command(after_help = "\
Examples:
  stanch packs new format --from gateway.log                                   show it
  stanch packs new format gateway --from gw.log --out packs/formats/gateway.yaml
  stanch packs check --packs packs                                             then, after each change")]
    Format(Format),
}

#[derive(Debug, Args)]
pub(crate) struct Format {
    /// The pack's name: small letters, digits, _; default: from the sample's name
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// A file of that log; its first 4 MB are looked at
    #[arg(long, value_name = "FILE")]
    from: PathBuf,

    /// Where to write the pack; default: standard output. An existing file is not overwritten
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn new(kind: &Kind, shared: &Shared) -> anyhow::Result<()> {
    let Kind::Format(format) = kind;
    let packs = shipped_with(shared.packs.as_deref())?;
    let formats = Formats::load(&packs)?;
    let name = format.name.clone().unwrap_or_else(|| name_of(format.out.as_deref().unwrap_or(&format.from)));
    let sample = beginning(&format.from)?;
    let draft = draft_format(&sample, &formats, &name)
        .map_err(|fault| BadInput(format!("no pack can be drafted from {}: {fault}", format.from.display())))?;
    let Some(out) = &format.out else { return screen::put(&draft) };
    write_new(out, &draft)?;
    screen::say(&format!("{} drafted as {name}", out.display()))?;
    screen::say("Its head has questions for you; each answer makes it better. Then:")?;
    screen::say(&match folder_of_packs(out) {
        Some(folder) => format!("  stanch packs check --packs {}", folder.display()),
        None => "  put it under formats/ in a folder of packs, and run: stanch packs check --packs FOLDER".to_owned(),
    })
}

fn beginning(path: &Path) -> anyhow::Result<Vec<u8>> {
    let reading = || format!("reading the sample {}", path.display());
    let mut sample = Vec::new();
    let file = File::open(path).with_context(reading)?;
    file.take(SAMPLE_BYTES_MAX).read_to_end(&mut sample).with_context(reading)?;
    Ok(sample)
}

fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
    }
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            let hint = "hint: give another name, or remove it first";
            anyhow::bail!(BadInput(format!("{} is there already, and is not overwritten\n{hint}", path.display())))
        }
        file => file.with_context(|| format!("making the file {}", path.display()))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("writing the file {}", path.display()))
}

/// A pack's name from a file's.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let stem = stem.split('.').next().unwrap_or_default();
    stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// The folder of packs that a pack stands in.
fn folder_of_packs(path: &Path) -> Option<&Path> {
    let formats = path.parent().filter(|folder| folder.file_name().is_some_and(|name| name == "formats"))?;
    Some(match formats.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_named_after_its_file() {
        assert_eq!(name_of(Path::new("/x/Gateway-1.log.2026")), "gateway_1");
        assert_eq!(folder_of_packs(Path::new("mine/formats/a.yaml")), Some(Path::new("mine")));
        assert_eq!(folder_of_packs(Path::new("formats/a.yaml")), Some(Path::new(".")));
        assert_eq!(folder_of_packs(Path::new("a.yaml")), None);
    }
}
