//! Errors to words and exit codes. The one place that decides who has to act.

use anstream::eprintln;
use anstyle::{AnsiColor, Style};
use std::io::ErrorKind;
use std::process::ExitCode;

/// The answer to what was asked is no; said in words. Exit code 1.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct AnswerIsNo(pub(crate) String);

/// The command was put together wrongly. Exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrongUsage(pub(crate) String);

/// Something handed to the program is wrong. Exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadInput(pub(crate) String);

const NO: u8 = 1;
const USAGE: u8 = 2;
const INPUT: u8 = 3;
const OUTSIDE: u8 = 4;

/// Help and version go to standard output with code 0; a wrong command line to standard error with code 2.
pub(crate) fn after_parsing(shown: &clap::Error) -> ExitCode {
    // A closed pipe leaves nobody to tell.
    let _ = shown.print();
    ExitCode::from(if shown.use_stderr() { USAGE } else { 0 })
}

/// Says what went wrong, why, and what to do, and gives the exit code for it.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let cyan = Style::new().bold().fg_color(Some(AnsiColor::Cyan.into()));
    let told = told(error);
    eprintln!("{red}error:{red:#} {}", told.what);
    for cause in &told.causes {
        eprintln!("  because: {cause}");
    }
    for hint in &told.hints {
        eprintln!("{cyan}hint:{cyan:#} {hint}");
    }
    ExitCode::from(code(error))
}

struct Told {
    what: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

/// Takes the hints out of the chain (`hint: …` lines at the end of a message) and says nothing twice.
fn told(error: &anyhow::Error) -> Told {
    let mut said: Vec<String> = Vec::new();
    let mut hints: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let (message, hint) = match text.split_once("\nhint: ") {
            Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
            None => (text, None),
        };
        hints.extend(hint.filter(|h| !hints.contains(h)));
        if !said.iter().any(|s| s.contains(&message)) {
            said.push(message);
        }
    }
    let what = said.remove(0);
    Told { what, causes: said, hints }
}

/// The first cause that says whose turn it is decides; what nobody claims is something outside. A kind that was added
/// as context stands before its cause, where only anyhow itself finds it.
fn code(error: &anyhow::Error) -> u8 {
    let added = [(error.is::<AnswerIsNo>(), NO), (error.is::<WrongUsage>(), USAGE), (error.is::<BadInput>(), INPUT)];
    let added = added.into_iter().find(|(is, _)| *is).map(|(_, code)| code);
    added.or_else(|| error.chain().find_map(code_of)).unwrap_or(OUTSIDE)
}

fn code_of(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    use stanch_case::locked::LockError;
    use stanch_case::{BundleError, CaseError, CipherError, KeyFileError, StoreError};
    use stanch_evidence::GatherError;
    use stanch_ledger::LedgerError;
    let is_input = cause.is::<StoreError>()
        || cause.is::<stanch_packs::PackError>()
        || cause.is::<stanch_duties::LawError>()
        || cause.is::<stanch_timeline::edit::EditError>()
        || is_bad_snapshot(cause)
        || is_bad_scope(cause);
    if is_input {
        return Some(INPUT);
    }
    if let Some(error) = cause.downcast_ref::<GatherError>() {
        return Some(match error {
            GatherError::Nothing => USAGE,
            GatherError::Unreadable { source, .. } if source.kind() != ErrorKind::NotFound => OUTSIDE,
            _ => INPUT,
        });
    }
    if let Some(error) = cause.downcast_ref::<CaseError>() {
        return match error {
            CaseError::NoCase { .. } | CaseError::WhichCase { .. } | CaseError::ReadOnly { .. } => Some(USAGE),
            CaseError::InTheWay { .. }
            | CaseError::ChangedWhileCopied { .. }
            | CaseError::OtherFormat { .. }
            | CaseError::Edited { .. }
            | CaseError::Damaged { .. }
            | CaseError::NewerDatabase { .. }
            | CaseError::OlderDatabase { .. }
            | CaseError::NothingToSign { .. }
            | CaseError::NotReady { .. } => Some(INPUT),
            CaseError::Key(error) => code_of(error),
            CaseError::Ledger(error) => code_of(error),
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<CipherError>() {
        return Some(match error {
            CipherError::Nobody => USAGE,
            CipherError::Io(_) => OUTSIDE,
            _ => INPUT,
        });
    }
    if let Some(error) = cause.downcast_ref::<BundleError>() {
        return match error {
            BundleError::WrongName { .. } | BundleError::InTheCase { .. } => Some(USAGE),
            BundleError::InTheWay { .. } | BundleError::NotAsSealed { .. } | BundleError::NoSeal { .. } => Some(INPUT),
            BundleError::Case(error) => code_of(error),
            BundleError::Cipher(error) => code_of(error),
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<LockError>() {
        return match error {
            LockError::InTheWay { .. } | LockError::NotAFile { .. } => Some(INPUT),
            LockError::NotACase { .. } | LockError::Damaged { .. } => Some(INPUT),
            LockError::Read { source, .. } if source.kind() == ErrorKind::NotFound => Some(INPUT),
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<KeyFileError>() {
        return match error {
            KeyFileError::Read { .. } | KeyFileError::Write { .. } => None,
            KeyFileError::Nowhere => Some(USAGE),
            _ => Some(INPUT),
        };
    }
    match cause.downcast_ref::<LedgerError>()? {
        LedgerError::Broken { .. } | LedgerError::Torn { .. } => Some(INPUT),
        _ => None,
    }
}

fn is_bad_snapshot(cause: &(dyn std::error::Error + 'static)) -> bool {
    use stanch_snapshot::SnapshotError::{Archive, NoTables, NotOneSource, Open};
    let named = cause.downcast_ref::<stanch_snapshot::SnapshotError>();
    named.is_some_and(|e| matches!(e, NotOneSource { .. } | Archive { .. } | NoTables { .. } | Open { .. }))
}

fn is_bad_scope(cause: &(dyn std::error::Error + 'static)) -> bool {
    use stanch_scope::ScopeError::{NoAccounts, NoColumn, NoSnapshot};
    let named = cause.downcast_ref::<stanch_scope::ScopeError>();
    named.is_some_and(|e| matches!(e, NoSnapshot | NoAccounts { .. } | NoColumn { .. }))
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |e: &std::io::Error| e.kind() == ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(closed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn hints_come_last_and_nothing_is_said_twice() {
        let error = anyhow!("no such column\nhint: look again").context("could not plan the query: no such column");
        let told = told(&error);
        assert_eq!(told.what, "could not plan the query: no such column");
        assert_eq!(told.hints, ["look again"]);
        assert!(told.causes.is_empty());
    }

    #[test]
    fn whose_turn_it_is_decides_the_code() {
        assert_eq!(code(&anyhow!(AnswerIsNo("nobody".into())).context("asking")), NO);
        assert_eq!(code(&anyhow!(WrongUsage("what".into()))), USAGE);
        assert_eq!(code(&anyhow!(BadInput("bad".into()))), INPUT);
        assert_eq!(code(&anyhow!("column").context(BadInput("the query".into())).context("asking")), INPUT);
        assert_eq!(code(&anyhow!("disk")), OUTSIDE);
    }
}
