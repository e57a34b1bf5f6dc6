//! `stanch intruder`: who it was; confirm, reject, add.

use crate::args::Shared;
use crate::exit::WrongUsage;
use crate::instant;
use crate::pipeline::intruder as stage;
use crate::pipeline::intruder::keep_ruling;
use crate::screen::{self, Side};
use crate::session::Session;
use clap::{Args, Subcommand, ValueEnum};
use stanch_case::Stage;
use stanch_ledger::On;
use stanch_model::{Identity, IdentityKind, Instant, Intruder as Attacker, Verdict, Window};
use stanch_timeline::edit;

/// Show who is taken as the intruder, and why; confirm, reject or add a mark
///
/// A ruling holds for every later run. What was made from the earlier intruder is out of date after it: `stanch run`
/// makes it again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch intruder
  stanch intruder reject address 203.0.113.7
  stanch intruder add api_key key-4711 --from 2026-03-01T00:00:00Z --to 2026-03-02T12:00:00Z --because \"reported stolen\"")]
pub(crate) struct Intruder {
    #[command(subcommand)]
    ruling: Option<Ruling>,
}

#[derive(Debug, Subcommand)]
enum Ruling {
    /// Show every identity, taken, open or rejected
    Show,
    /// Say that it was the intruder
    Confirm(Mark),
    /// Say that it was not
    Reject(Mark),
    /// Add one that no detection proposes
    Add(Addition),
}

#[derive(Debug, Args)]
struct Mark {
    /// What it is
    kind: Kind,
    /// Its value, as `stanch intruder` shows it
    value: String,
}

#[derive(Debug, Args)]
struct Addition {
    #[command(flatten)]
    mark: Mark,
    /// First moment at which it was the intruder's; default: always
    #[arg(long, value_name = "TIME")]
    from: Option<Instant>,
    /// Last moment; default: always
    #[arg(long, value_name = "TIME")]
    to: Option<Instant>,
    /// Where its owner uses it too: the addresses from which it was the intruder's
    #[arg(long, value_name = "ADDRESS")]
    only_from: Vec<String>,
    /// Why, for the report
    #[arg(long, value_name = "WHY", default_value = "a person added it")]
    because: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Kind {
    Address,
    Session,
    Account,
    ApiKey,
    DatabaseRole,
    UserAgent,
}

impl From<Kind> for IdentityKind {
    fn from(kind: Kind) -> IdentityKind {
        match kind {
            Kind::Address => IdentityKind::Address,
            Kind::Session => IdentityKind::Session,
            Kind::Account => IdentityKind::Account,
            Kind::ApiKey => IdentityKind::ApiKey,
            Kind::DatabaseRole => IdentityKind::DatabaseRole,
            Kind::UserAgent => IdentityKind::UserAgent,
        }
    }
}

pub(crate) fn intruder(intruder: &Intruder, shared: &Shared) -> anyhow::Result<()> {
    let session = Session::open(shared)?;
    if let Some(mut work) = session.work(instant::now())? {
        stage::propose(&mut work)?;
    }
    session.case.require(Stage::Intruder)?;
    let mut attacker = session.case.database().intruder()?;
    let Some(ruling) = intruder.ruling.as_ref().filter(|r| !matches!(r, Ruling::Show)) else {
        return show(&session, &attacker);
    };
    if session.json {
        anyhow::bail!(WrongUsage("`--json` goes with `stanch intruder show`".to_owned()));
    }
    let (act, mark) = rule(&mut attacker, ruling, &session.by)?;
    let kind = IdentityKind::from(mark.kind);
    let ruled: Vec<Identity> =
        attacker.identities.iter().filter(|i| i.kind == kind && i.value == mark.value).cloned().collect();
    let on = On::nothing().word("kind", kind.word()).digest("identity", mark.value.as_bytes());
    session.record()?.act(instant::now(), act, on)?;
    keep_ruling(session.case.database(), &attacker, &ruled)?;
    screen::say("on record; `stanch run` works out the exposure again")
}

/// Makes the edit; gives the act for the ledger and what it was about.
fn rule<'r>(attacker: &mut Attacker, ruling: &'r Ruling, by: &str) -> anyhow::Result<(&'static str, &'r Mark)> {
    match ruling {
        Ruling::Show => anyhow::bail!("showing rules on nothing; this is a mistake in stanch"),
        Ruling::Confirm(mark) => {
            edit::confirm(attacker, mark.kind.into(), &mark.value, by)?;
            Ok(("intruder.confirmed", mark))
        }
        Ruling::Reject(mark) => {
            edit::reject(attacker, mark.kind.into(), &mark.value, by)?;
            Ok(("intruder.rejected", mark))
        }
        Ruling::Add(added) => {
            let always = Window::ALWAYS;
            let window = Window { from: added.from.unwrap_or(always.from), to: added.to.unwrap_or(always.to) };
            let (kind, value) = (added.mark.kind.into(), &added.mark.value);
            edit::add(attacker, kind, value, &added.only_from, window, &added.because, by)?;
            Ok(("intruder.added", &added.mark))
        }
    }
}

fn show(session: &Session, attacker: &Attacker) -> anyhow::Result<()> {
    if session.json {
        return screen::json(attacker);
    }
    let columns = [
        ("Verdict", Side::Left),
        ("sure", Side::Right),
        ("kind", Side::Left),
        ("value", Side::Left),
        ("from (UTC)", Side::Left),
        ("to", Side::Left),
        ("by", Side::Left),
    ];
    let rows: Vec<Vec<String>> = attacker.identities.iter().map(row).collect();
    screen::put(&screen::table(&columns, &rows))?;
    for identity in attacker.identities.iter().filter(|i| i.verdict != Verdict::Rejected) {
        screen::heading(&screen::shown(&format!("{} {}", identity.kind, identity.value)))?;
        for reason in &identity.reasons {
            screen::say(&format!("  {}", screen::shown(reason)))?;
        }
        if !identity.only_from.is_empty() {
            let from = screen::shown(&identity.only_from.join(", "));
            screen::say(&format!("  its owner uses it too; it is the intruder's only from {from}"))?;
        }
    }
    Ok(())
}

fn row(identity: &Identity) -> Vec<String> {
    let verdict = match identity.verdict {
        Verdict::Proposed => "open",
        Verdict::Confirmed => "taken",
        Verdict::Rejected => "rejected",
    };
    let bound = |at: Instant, always: Instant| if at == always { "always".to_owned() } else { at.to_string() };
    vec![
        verdict.to_owned(),
        format!("{:.2}", identity.confidence),
        identity.kind.word().to_owned(),
        identity.value.clone(),
        bound(identity.window.from, Window::ALWAYS.from),
        bound(identity.window.to, Window::ALWAYS.to),
        identity.by.clone().unwrap_or_default(),
    ]
}
