//! A file that grew: what became of its beginning, and of what came behind it, as one account.

use crate::harvest::EXAMPLES;
use stanch_model::{FileAccount, UnreadGroup, Window};

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
        ..behind
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
