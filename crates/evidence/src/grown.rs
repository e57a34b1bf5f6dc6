//! A file that grew: what became of its beginning, and of what came behind it, as one account.

use crate::harvest::EXAMPLES;
use crate::signs::PLACES_MAX;
use stanch_model::{FileAccount, Tears, UnreadGroup, Window};

/// The account of the whole.
pub(crate) fn joined(beginning: &FileAccount, behind: FileAccount) -> FileAccount {
    let window = match (beginning.window, behind.window) {
        (Some(a), Some(b)) => Some(Window { from: a.from.min(b.from), to: a.to.max(b.to) }),
        (a, b) => a.or(b),
    };
    let mut remarks = beginning.remarks.clone();
    remarks.extend(behind.remarks.into_iter().filter(|remark| !beginning.remarks.contains(remark)));
    FileAccount {
        text_bytes: beginning.text_bytes + behind.text_bytes,
        format: beginning.format.clone(),
        format_score: beginning.format_score,
        runner_up: beginning.runner_up.clone(),
        lines: beginning.lines + behind.lines,
        lines_in_events: beginning.lines_in_events + behind.lines_in_events,
        events: beginning.events + behind.events,
        unread: unread(&beginning.unread, behind.unread),
        window,
        remarks,
        tears: tears(&beginning.tears, behind.tears),
        ..behind
    }
}

fn tears(beginning: &Tears, behind: Tears) -> Tears {
    let mut nul_at = beginning.nul_at.clone();
    let room = PLACES_MAX.saturating_sub(nul_at.len());
    nul_at.extend(behind.nul_at.into_iter().take(room));
    Tears {
        unfinished: behind.unfinished,
        begins_inside: beginning.begins_inside,
        nul_runs: beginning.nul_runs + behind.nul_runs,
        nul_bytes: beginning.nul_bytes + behind.nul_bytes,
        nul_at,
    }
}

fn unread(beginning: &[UnreadGroup], behind: Vec<UnreadGroup>) -> Vec<UnreadGroup> {
    let mut groups = beginning.to_vec();
    for group in behind {
        match groups.iter_mut().find(|known| known.reason == group.reason) {
            Some(known) => {
                known.lines += group.lines;
                known.bytes += group.bytes;
                let room = EXAMPLES.saturating_sub(known.examples.len());
                known.examples.extend(group.examples.into_iter().take(room));
            }
            None => groups.push(group),
        }
    }
    groups.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.reason.cmp(&b.reason)));
    groups
}
