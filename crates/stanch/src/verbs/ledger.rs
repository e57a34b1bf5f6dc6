//! `stanch ledger`: the record of acts, its signed heads, and what time-stamp authorities say of them.

use crate::args::Shared;
use crate::exit::{BadInput, WrongUsage};
use crate::instant;
use crate::screen::{self, Side};
use crate::session::Session;
use crate::signing;
use anyhow::Context;
use clap::{Args, Subcommand};
use stanch_case::timestamps;
use stanch_ledger::{Entry, Heads, Ledger as Chain, On, SignedHead, sha256};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Show who did what, when; sign the ledger's head; keep a time-stamp for it
///
/// The ledger is a chain: each entry names the SHA-256 of the one before. Whoever holds the folder could write another
/// chain that follows from itself. A signed head shows that, since the key is not in the folder: `sign` makes one for
/// the case on first use (~/.config/stanch/keys), and from then on every command that acts signs when it ends. A
/// time-stamp authority's answer shows besides that the head existed by then, even against who holds the key.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch ledger
  stanch ledger sign
  stanch ledger head --out head.txt          to keep elsewhere, or to have stamped
  stanch ledger timestamp head.tsr           keep the authority's answer")]
pub(crate) struct Ledger {
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show every entry
    Show,
    /// Sign the head; makes the case's key if there is none
    Sign,
    /// Sign the head, and hand it out as a small text file
    Head(Out),
    /// Keep a time-stamp authority's answer for a signed head
    Timestamp(Answer),
}

#[derive(Debug, Args)]
struct Out {
    /// The file to write; default: standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Answer {
    /// The answer, as the authority sent it (RFC 3161)
    #[arg(value_name = "FILE.tsr")]
    answer: PathBuf,
}

pub(crate) fn ledger(ledger: &Ledger, shared: &Shared) -> anyhow::Result<()> {
    let session = Session::open(shared)?;
    match &ledger.act {
        None | Some(Act::Show) => show(&session),
        Some(_) if session.json => anyhow::bail!(WrongUsage("`--json` goes with `stanch ledger show`".to_owned())),
        Some(Act::Sign) => {
            let (head, key) = sign(&session, shared)?;
            screen::say(&format!("signed: entry {}, {}", head.entries, head.hash))?;
            screen::say(&format!("key:    {} in {}", head.key, key.display()))?;
            screen::say(
                "The digits are the public half: write them down where the case is not, or tell them to those who will check.",
            )
        }
        Some(Act::Head(out)) => hand_out(&session, shared, out.out.as_deref()),
        Some(Act::Timestamp(answer)) => keep(&session, &answer.answer),
    }
}

/// The head as it is now, signed; and where the key is.
fn sign(session: &Session, shared: &Shared) -> anyhow::Result<(SignedHead, PathBuf)> {
    let mut record = session.record()?;
    let key = signing::key_for(&session.case, shared)?;
    Ok((record.sign(&key, instant::now())?, key.path))
}

fn show(session: &Session) -> anyhow::Result<()> {
    let entries = Chain::entries(&session.case.ledger_path())?;
    if session.json {
        return screen::json(&entries);
    }
    let row = |entry: &Entry| {
        let on = serde_json::to_value(&entry.on).ok();
        let on = on.as_ref().and_then(|on| on.as_object()).into_iter().flatten();
        let on: Vec<String> = on.map(|(key, value)| format!("{key} {}", short(value))).collect();
        vec![entry.seq.to_string(), entry.at.to_string(), entry.by.clone(), entry.act.clone(), on.join(", ")]
    };
    let columns =
        [("Entry", Side::Right), ("at (UTC)", Side::Left), ("by", Side::Left), ("act", Side::Left), ("on", Side::Left)];
    screen::put(&screen::table(&columns, &entries.iter().map(row).collect::<Vec<_>>()))
}

/// A value as it stands in the ledger, digests cut to what tells them apart.
fn short(value: &serde_json::Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let digits = text.strip_prefix("sha256:").unwrap_or(&text);
    let is_digest = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if is_digest { digits[..12].to_owned() } else { text }
}

fn hand_out(session: &Session, shared: &Shared, out: Option<&Path>) -> anyhow::Result<()> {
    let head = match session.case.read_only() {
        None => sign(session, shared)?.0,
        Some(_) => last_signed(session)?,
    };
    let Some(out) = out else { return screen::put(&head.file()) };
    let write = || format!("could not write {}", out.display());
    let mut file = OpenOptions::new().write(true).create_new(true).open(out).with_context(write)?;
    file.write_all(head.file().as_bytes()).and_then(|()| file.sync_all()).with_context(write)?;
    let name = out.display();
    screen::say(&format!("{name}: entry {}, signed; SHA-256 {}", head.entries, head.digest()))?;
    screen::say("Next, to have it stamped by an authority (RFC 3161); nothing but its SHA-256 leaves the machine:")?;
    screen::say(&format!("  openssl ts -query -data {name} -sha256 -cert -out {name}.tsq"))?;
    screen::say(&format!(
        "  curl -H 'Content-Type: application/timestamp-query' --data-binary @{name}.tsq -o {name}.tsr AUTHORITY-URL"
    ))?;
    screen::say(&format!("  stanch ledger timestamp {name}.tsr"))
}

/// Where nothing is written, the last head that somebody signed.
fn last_signed(session: &Session) -> anyhow::Result<SignedHead> {
    let last = Heads::read(&session.case.heads_path())?.heads.pop();
    last.ok_or_else(|| BadInput("nobody signed the ledger of this case".to_owned()).into())
}

fn keep(session: &Session, path: &Path) -> anyhow::Result<()> {
    let answer = std::fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
    let heads = Heads::read(&session.case.heads_path())?.heads;
    let Some((head, stamp)) = timestamps::find(&heads, &answer) else {
        anyhow::bail!(BadInput(format!(
            "{} is no answer for a head of this ledger that was signed\n\
             hint: `openssl ts -reply -in {} -text` shows what it is for; ask for the SHA-256 of what `stanch ledger \
             head --out FILE` wrote",
            path.display(),
            path.display()
        )));
    };
    let mut record = session.record()?;
    timestamps::keep(&session.case, head, &answer)?;
    let on = On::nothing().count("entry", head.entries).reference("answer", &sha256(&answer));
    record.act(instant::now(), "ledger.timestamped", on)?;
    let says = stamp.time.map_or_else(|| "names no time that could be read".to_owned(), |t| format!("says {t}"));
    screen::say(&format!("kept: the answer for entry {}; it {says}", head.entries))?;
    screen::say("Whether the authority signed it is for OpenSSL to check, with the authority's certificate:")?;
    let (head, answer) = timestamps::paths(&session.case, head);
    screen::say(&format!(
        "  openssl ts -verify -data {} -in {} -CAfile AUTHORITY.pem",
        head.display(),
        answer.display()
    ))
}
