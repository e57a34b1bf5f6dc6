//! What became of each file: the format chosen for it and the next best, and how much of it was read.

use crate::screen::{self, Side};
use stanch_case::{Case, Manifest};
use stanch_model::FileAccount;

/// A runner-up is shown where it fits at least so well: below, there was no choice to make.
const WORTH_SHOWING: f64 = 0.05;
/// Names of unknown files that are told.
const NAMED_MAX: usize = 5;

/// A line for each file.
pub(super) fn of(accounts: &[FileAccount]) -> String {
    let columns = [
        ("File", Side::Left),
        ("seal", Side::Left),
        ("format", Side::Left),
        ("next best", Side::Left),
        ("size", Side::Right),
        ("lines", Side::Right),
        ("events", Side::Right),
        ("unread", Side::Right),
        ("read", Side::Right),
    ];
    let row = |a: &FileAccount| {
        let format = a.format.as_ref().map(|format| fits(format, a.format_score));
        let next = a.runner_up.as_ref().filter(|(_, score)| *score >= WORTH_SHOWING);
        vec![
            a.path.clone(),
            a.seal.short().to_owned(),
            format.unwrap_or_else(|| if has_text(a) { "NOT KNOWN".to_owned() } else { String::new() }),
            next.map(|(format, score)| fits(format, *score)).unwrap_or_default(),
            screen::bytes(a.bytes),
            screen::count(a.lines),
            screen::count(a.events),
            screen::count(a.unread_lines()),
            if has_text(a) { percent(a.read_share()) } else { String::new() },
        ]
    };
    screen::table(&columns, &accounts.iter().map(row).collect::<Vec<_>>())
}

/// Files of which nothing was read since nobody knows their format, and what to do about them.
pub(super) fn unknown(accounts: &[FileAccount], case: &Case) -> anyhow::Result<Vec<String>> {
    let files: Vec<&FileAccount> = accounts.iter().filter(|a| a.format.is_none() && has_text(a)).collect();
    let Some(first) = files.first() else { return Ok(Vec::new()) };
    let mut names: Vec<String> = files.iter().take(NAMED_MAX).map(|a| screen::shown(&a.path).to_string()).collect();
    if files.len() > NAMED_MAX {
        names.push(format!("{} more", files.len() - NAMED_MAX));
    }
    let what = match files.len() {
        1 => "1 file has a format that is not known, and nothing of it was read".to_owned(),
        n => format!("{n} files have formats that are not known, and nothing of them was read"),
    };
    let places = Manifest::read(&case.evidence_dir())?.places(&case.evidence_dir());
    let path = places.get(&first.seal).map_or_else(|| first.path.clone(), |path| path.display().to_string());
    Ok(vec![
        format!("{what}: {}", names.join(", ")),
        format!("a log among them? `stanch packs new format --from {}` drafts its format", screen::shown(&path)),
    ])
}

/// Whether there is anything in it to be read: of an archive, its members are.
fn has_text(account: &FileAccount) -> bool {
    account.lines > 0
}

fn fits(format: &str, score: f64) -> String {
    format!("{format} {}", percent(score))
}

/// A share, never rounded up to all of it.
fn percent(share: f64) -> String {
    match share * 100.0 {
        all if all >= 100.0 => "100 %".to_owned(),
        most if most >= 99.95 => "99.9 %".to_owned(),
        part if part >= 99.0 => format!("{part:.1} %"),
        part => format!("{part:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_all_only_where_it_is() {
        let shown = [1.0, 0.99999, 0.994, 0.5, 0.0].map(percent);
        assert_eq!(shown, ["100 %", "99.9 %", "99.4 %", "50 %", "0 %"]);
    }
}
