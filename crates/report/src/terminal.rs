//! The case in one screenful of a terminal: counts, no personal data.

use crate::CaseView;
use crate::escape::for_terminal;
use crate::figures::{plain_count, plain_of};
use crate::lacking::{is_lack, lacking, lacks};
use crate::moments::Zone;
use crate::words;
use stanch_model::exposure::{Bounds, INCOMPLETE_EVIDENCE};
use stanch_model::{Duty, DutyState, Effect, Verdict};
use std::fmt;

/// What a line is, so that it may be coloured. The words say it too: a warning begins with `!`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Begins a part.
    Heading,
    /// Says something.
    Plain,
    /// Says that something is as it should be.
    Ok,
    /// Says that somebody should look; begins with `!`.
    Warn,
    /// Particulars, or an empty line.
    Muted,
}

/// One line, without its newline and without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub role: Role,
    /// Its words.
    pub text: String,
}

/// Lines for a terminal, in order. `Display` prints them plain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The lines.
    pub lines: Vec<Line>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{}", line.text))
    }
}

/// The case in one screenful: people, data, duties, intruder, evidence, what is not known. `width` is the terminal's,
/// in columns; longer lines are folded at words.
pub fn summary(view: &CaseView<'_>, width: usize) -> Summary {
    let mut page = Lines::new(width);
    let zone = Zone::named(view.time_zone);
    page.heading(&format!("{} · breach report · {}", view.store_name, zone.minute(view.as_of).text));
    people(&mut page, view);
    data(&mut page, view);
    duties(&mut page, view);
    intruder(&mut page, view, &zone);
    evidence(&mut page, view);
    unknown(&mut page, view);
    page.finish()
}

fn people(page: &mut Lines, view: &CaseView<'_>) {
    let Bounds { floor, ceiling } = view.matrix.people();
    page.gap();
    page.heading("People");
    let all = plain_of(view.matrix.persons.len() as u64, "person", "people");
    page.say(Role::Plain, &format!("{:>11}  certain (floor)", plain_count(floor)));
    page.say(
        Role::Plain,
        &format!("{:>11}  cannot be ruled out (ceiling), of {all} in the store’s data", plain_count(ceiling)),
    );
    lacking(view.matrix).into_iter().for_each(|sentence| page.say(Role::Warn, sentence));
}

fn data(page: &mut Lines, view: &CaseView<'_>) {
    let rows: Vec<_> = view.matrix.by_class().into_iter().filter(|(_, b)| b.ceiling > 0).collect();
    if rows.is_empty() {
        return;
    }
    page.gap();
    page.heading(&format!("{:<32}{:>11}{:>11}", "Data", "certain", "up to"));
    for ((class, effect), b) in rows {
        let what = if effect == Effect::Disclosed {
            words::class(class).to_owned()
        } else {
            format!("{}, {}", words::class(class), effect.word())
        };
        page.say(Role::Plain, &format!("{what:<30}{:>11}{:>11}", plain_count(b.floor), plain_count(b.ceiling)));
    }
}

fn duties(page: &mut Lines, view: &CaseView<'_>) {
    let mut open: Vec<(usize, &Duty)> =
        view.duties.iter().enumerate().filter(|(_, d)| d.ceiling.state > DutyState::NotTriggered).collect();
    open.sort_by_key(|(i, d)| (d.due.is_none(), d.due, *i));
    page.gap();
    page.heading("Duties");
    if open.is_empty() {
        page.say(Role::Plain, "none is triggered by the laws that were asked; counsel decides");
        return;
    }
    // Duties of one law with one deadline and one standing are one line: what differs is who must be told.
    let mut groups: Vec<(String, String, Vec<&str>)> = Vec::new();
    for (i, duty) in open {
        let law = format!("{} · {}", duty.law, duty.place);
        let standing = standing(duty, view.duty_clocks.get(i).map(String::as_str).unwrap_or_default());
        match groups.iter_mut().find(|(l, s, _)| *l == law && *s == standing) {
            Some((.., titles)) => titles.push(&duty.title),
            None => groups.push((law, standing, vec![&duty.title])),
        }
    }
    for (law, standing, titles) in groups {
        page.say(Role::Warn, &format!("{law}: {}. {standing}", titles.join("; ")));
    }
}

/// `Due …, triggered (34 hours left)`.
fn standing(duty: &Duty, clock: &str) -> String {
    let due = match (duty.due, &duty.timing) {
        (Some(due), _) => format!("Due {}", Zone::named(&duty.time_zone).deadline(due).text),
        (None, Some(timing)) => format!("Due {timing}"),
        (None, None) => "No deadline can be computed".to_owned(),
    };
    let state = if duty.floor.state == duty.ceiling.state {
        duty.floor.state.word().to_owned()
    } else {
        format!("{} at the floor, {} at the ceiling", duty.floor.state.word(), duty.ceiling.state.word())
    };
    let clock = if clock.is_empty() { String::new() } else { format!(" ({clock})") };
    format!("{due}: {state}{clock}")
}

fn intruder(page: &mut Lines, view: &CaseView<'_>, zone: &Zone) {
    page.gap();
    page.heading("Intruder");
    let of = |v: Verdict| view.intruder.identities.iter().filter(|i| i.verdict == v).count() as u64;
    let (taken, proposed, rejected) = (of(Verdict::Confirmed), of(Verdict::Proposed), of(Verdict::Rejected));
    let by = view.accepted_by.map_or(String::new(), |by| format!(" by {by}"));
    let words = format!(
        "{} taken{by}; {} more proposed, {} rejected",
        plain_of(taken, "identity", "identities"),
        plain_count(proposed),
        plain_count(rejected)
    );
    page.say(if taken == 0 || proposed > 0 { Role::Warn } else { Role::Plain }, &words);
    if let Some(window) = view.intruder.window() {
        page.say(Role::Plain, &format!("active {} ({})", zone.short_span(window), zone.name));
    }
    page.say(Role::Plain, &plain_of(view.matrix.accesses, "access to data", "accesses to data"));
}

fn evidence(page: &mut Lines, view: &CaseView<'_>) {
    page.gap();
    page.heading("Evidence");
    let lines = view.files.iter().map(|f| f.lines).sum();
    let events = view.files.iter().map(|f| f.events).sum();
    let unread = view.files.iter().map(|f| f.unread_lines()).sum();
    page.say(
        Role::Plain,
        &format!(
            "{}, {}, {}",
            plain_of(view.files.len() as u64, "file", "files"),
            plain_of(lines, "line", "lines"),
            plain_of(events, "event", "events")
        ),
    );
    if unread == 0 && lacks(view.matrix, INCOMPLETE_EVIDENCE) {
        page.say(Role::Warn, "every line that could be unpacked was read; the report says which files are not whole");
    } else if unread == 0 {
        page.say(Role::Ok, "every line was read");
    } else {
        page.say(
            Role::Warn,
            &format!("{} could not be read; the report says which and why", plain_of(unread, "line", "lines")),
        );
    }
}

fn unknown(page: &mut Lines, view: &CaseView<'_>) {
    let gaps = view.timeline.gaps.iter().filter(|g| g.in_intrusion).count() as u64;
    page.gap();
    page.heading("Not known");
    if gaps == 0 && view.matrix.doubts.is_empty() {
        page.say(Role::Ok, "nothing widened the ceiling, and no source fell silent during the intrusion");
    }
    if gaps > 0 {
        page.say(Role::Warn, &format!("{} during the intrusion", plain_of(gaps, "gap in a source", "gaps in sources")));
    }
    for doubt in &view.matrix.doubts {
        let raised = if doubt.raised_ceiling { ", raised the ceiling" } else { "" };
        let role = if doubt.raised_ceiling || is_lack(doubt) { Role::Warn } else { Role::Plain };
        page.say(role, &format!("{} ({}{raised}): {}", doubt.kind, plain_count(doubt.count), doubt.detail));
    }
}

/// Lines as they are laid: escaped, indented, folded.
pub(crate) struct Lines {
    width: usize,
    lines: Vec<Line>,
}

impl Lines {
    pub(crate) fn new(width: usize) -> Lines {
        Lines { width: width.max(40), lines: Vec::new() }
    }

    pub(crate) fn heading(&mut self, text: &str) {
        self.lay(Role::Heading, "", "", text);
    }

    pub(crate) fn gap(&mut self) {
        self.lines.push(Line { role: Role::Muted, text: String::new() });
    }

    /// A sentence below a heading.
    pub(crate) fn say(&mut self, role: Role, text: &str) {
        self.lay(role, if role == Role::Warn { "! " } else { "  " }, "  ", text);
    }

    /// A name and its value, the values under each other.
    pub(crate) fn entry(&mut self, role: Role, name: &str, value: &str) {
        let first = format!("{}{name:<14}", if role == Role::Warn { "! " } else { "  " });
        self.lay(role, &first, &" ".repeat(first.chars().count()), value);
    }

    pub(crate) fn finish(self) -> Summary {
        Summary { lines: self.lines }
    }

    /// Folds at spaces; a word longer than the line stays whole, so that locations and hashes can be copied.
    fn lay(&mut self, role: Role, first: &str, rest: &str, text: &str) {
        let text = for_terminal(text);
        let mut line = first.to_owned();
        let mut used = first.chars().count();
        let mut has_word = false;
        let lead = text.len() - text.trim_start_matches(' ').len();
        line.push_str(&text[..lead]);
        used += lead;
        for word in text[lead..].split(' ') {
            let needs = word.chars().count() + usize::from(has_word);
            if has_word && used + needs > self.width {
                self.lines.push(Line { role, text: line.trim_end().to_owned() });
                line = rest.to_owned();
                used = rest.chars().count();
                has_word = false;
            }
            if has_word {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += word.chars().count();
            has_word = true;
        }
        self.lines.push(Line { role, text: line.trim_end().to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_fold_at_words_and_long_words_stay_whole() {
        let mut lines = Lines::new(40);
        lines.say(Role::Warn, "one two three four five six seven eight nine ten");
        lines.entry(Role::Plain, "seal", &"a".repeat(50));
        insta::assert_snapshot!(lines.finish().to_string(), @r"
        ! one two three four five six seven
          eight nine ten
          seal          aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        ");
    }
}
