//! `stanch export`: the case, for somebody else.

use crate::args::Shared;
use crate::encryption::Encrypt;
use crate::instant;
use crate::progress::Progress;
use crate::screen;
use crate::session::{self, Session};
use crate::signing;
use clap::{Args, ValueEnum};
use stanch_case::Bundle;
use std::path::PathBuf;

/// Hand the case out: what it holds, sums of it all, and how to check them
///
/// A folder, or one tar file. `sha256sum -c` checks it, the page in it says how to check the rest without Stanch, and
/// Stanch opens it as a case that is only read. The same case makes the same bytes. That it was handed out, and the
/// SHA-256 of its sums, goes into the ledger.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch export --out acme-export --for counsel
  stanch export --out acme.tar --for police --with evidence
  stanch export --out acme.tar.age --for counsel --encrypt-to age1…")]
pub(crate) struct Export {
    /// A folder that is not there yet, NAME.tar, or NAME.tar.age where it is encrypted
    #[arg(long, value_name = "PLACE")]
    out: PathBuf,
    /// Who gets it
    #[arg(long = "for", value_enum, default_value_t = Recipient::Counsel)]
    recipient: Recipient,
    /// What to put in that is left out otherwise
    #[arg(long, value_enum)]
    with: Vec<More>,
    #[command(flatten)]
    encrypt: Encrypt,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Recipient {
    /// Counsel, the data protection officer
    Counsel,
    /// Police, a prosecutor, a court
    Police,
    /// An authority for data protection
    Authority,
    /// An insurer
    Insurer,
    /// Whoever goes on with the case
    Responder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum More {
    /// The evidence itself
    Evidence,
    /// The store's data, of everybody
    Snapshot,
}

impl Recipient {
    fn word(self) -> &'static str {
        match self {
            Recipient::Counsel => "counsel",
            Recipient::Police => "police",
            Recipient::Authority => "authority",
            Recipient::Insurer => "insurer",
            Recipient::Responder => "responder",
        }
    }
}

pub(crate) fn export(export: &Export, shared: &Shared) -> anyhow::Result<()> {
    session::no_json(shared)?;
    let session = Session::open(shared)?;
    let encrypt_to = export.encrypt.to()?;
    let bundle = Bundle {
        out: &export.out,
        recipient: export.recipient.word(),
        with_evidence: export.with.contains(&More::Evidence),
        with_snapshot: export.with.contains(&More::Snapshot),
        encrypt_to: encrypt_to.as_ref(),
    };
    bundle.check(&session.case)?;
    let mut record = session.record()?;
    // What is handed out carries a signature under all of it, where there is a key.
    if let Some(key) = signing::key_of(&session.case, shared)? {
        record.sign(&key, instant::now())?;
    }
    let progress = Progress::without_end("export");
    let done = bundle.make(&mut record, instant::now(), &mut |bytes| progress.add(bytes))?;
    progress.done();
    screen::heading(&format!("{}: {} files", export.out.display(), done.files))?;
    screen::say(&format!("SHA-256 of its sums, in the ledger: {}", done.sums))?;
    screen::say("Not in it:")?;
    done.left_out.iter().try_for_each(|sentence| screen::say(&format!("  {sentence}")))
}
