//! Files of one rotated log, told by their names: a number or a day that is missing in the row, files that are empty or end
//! inside of a line though later ones exist.

use super::window;
use stanch_model::evidence::GapKind;
use stanch_model::{CoverageGap, FileAccount, Instant, Window};
use std::collections::{BTreeMap, BTreeSet};

/// A row in which more than that is missing is none.
const MISSING_MAX: i64 = 400;
/// Names in a list.
const NAMED_MAX: usize = 5;
const DAY_S: i64 = 86_400;

/// Where a file stands among those of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// `access.log.3`: the higher, the older; 0 is the file that is written to.
    Back(i64),
    /// `binlog.000012`: the higher, the newer.
    Forth(i64),
    /// `access.log-20260302`, with a time of day maybe: days since 1970, and what stands behind.
    Day(i64, i64),
}

/// The log's name with a `*` where files differ, and a file's place. None for a name that has no sign of rotation.
fn placed(path: &str) -> Option<(String, Place)> {
    let from = path.rfind(['/', '!']).map_or(0, |at| at + 1);
    let (folder, mut name) = path.split_at(from);
    for packed in [".gz", ".bz2", ".xz", ".zst", ".zip", ".Z"] {
        name = name.strip_suffix(packed).unwrap_or(name);
    }
    if let Some((log, place)) = by_day(name) {
        return Some((format!("{folder}{log}"), place));
    }
    let (log, digits) = name.rsplit_once('.')?;
    if log.is_empty() || digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse().ok()?;
    match digits.len() {
        1..=4 => Some((format!("{folder}{log}"), Place::Back(number))),
        6..=10 => Some((format!("{folder}{log}.*"), Place::Forth(number))),
        _ => None,
    }
}

/// `access.log-20260302`, `catalina.2026-03-02.log`, `postgresql-2026-03-02_000000.log`, `u_ex260302.log`.
fn by_day(name: &str) -> Option<(String, Place)> {
    let b = name.as_bytes();
    let is_digits = |from: usize, to: usize| b.get(from..to).is_some_and(|d| d.iter().all(u8::is_ascii_digit));
    let is_free = |at: usize| b.get(at).is_none_or(|c| !c.is_ascii_digit());
    let number = |from: usize, to: usize| name.get(from..to).and_then(|d| d.parse::<i64>().ok());
    for at in 1..b.len() {
        if b[at - 1].is_ascii_digit() || !b[at].is_ascii_digit() {
            continue;
        }
        let long = is_digits(at, at + 4) && b.get(at + 4) == Some(&b'-') && b.get(at + 7) == Some(&b'-');
        let (year, month, day, end) = if long && is_digits(at + 5, at + 7) && is_digits(at + 8, at + 10) {
            (number(at, at + 4)?, number(at + 5, at + 7)?, number(at + 8, at + 10)?, at + 10)
        } else if is_digits(at, at + 8) && (is_free(at + 8) || is_digits(at, at + 10) && is_free(at + 10)) {
            (number(at, at + 4)?, number(at + 4, at + 6)?, number(at + 6, at + 8)?, at + 8)
        } else if is_digits(at, at + 6) && is_free(at + 6) && name[..at].ends_with("_ex") {
            (2000 + number(at, at + 2)?, number(at + 2, at + 4)?, number(at + 4, at + 6)?, at + 6)
        } else {
            continue;
        };
        let day = day_number(year, month, day)?;
        // A time of day or a number may follow; what is behind it belongs to the log's name.
        let more = b[end..].iter().take_while(|c| c.is_ascii_digit() || matches!(c, b'-' | b'_' | b'T')).count();
        let digits: String = name[end..end + more].chars().filter(char::is_ascii_digit).collect();
        let rest = &name[end + more..];
        // `access.log-20260302.2`: one of several files of that day.
        let (rest, again) = match rest.rsplit_once('.') {
            Some((rest, n)) if !n.is_empty() && n.len() <= 4 && n.bytes().all(|c| c.is_ascii_digit()) => (rest, n),
            _ => (rest, ""),
        };
        let within = format!("{digits}{again}").parse().unwrap_or(0);
        return Some((format!("{}*{rest}", &name[..at]), Place::Day(day, within)));
    }
    None
}

/// Days since 1970, of a day that there is.
fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    let text = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
    (1990..2200).contains(&year).then(|| text.parse::<Instant>().ok().map(|t| t.second() / DAY_S)).flatten()
}

fn day_name(day: i64) -> String {
    Instant(day.saturating_mul(DAY_S * 1_000_000)).to_string().chars().take(10).collect()
}

/// A file of a rotated log.
#[derive(Clone, Copy)]
struct Member<'a> {
    place: Place,
    file: &'a FileAccount,
}

impl Place {
    /// Older ones first, whichever way they are numbered.
    fn age(self) -> (i64, i64) {
        match self {
            Place::Back(n) => (-n, 0),
            Place::Forth(n) => (n, 0),
            Place::Day(day, within) => (day, within),
        }
    }
}

/// What names and ends of files show. `source` names a file's log as its events do.
pub(crate) fn gaps(files: &[FileAccount], source: &dyn Fn(&FileAccount) -> String) -> Vec<CoverageGap> {
    let mut logs: BTreeMap<String, Vec<Member<'_>>> = BTreeMap::new();
    for file in files {
        for path in std::iter::once(&file.path).chain(&file.duplicates) {
            if let Some((log, place)) = placed(path) {
                logs.entry(log).or_default().push(Member { place, file });
            }
        }
    }
    for file in files {
        // The file that is written to has the log's bare name.
        for path in std::iter::once(&file.path).chain(&file.duplicates) {
            let bare = [".gz", ".bz2", ".xz", ".zst"].iter().find_map(|p| path.strip_suffix(p)).unwrap_or(path);
            if let Some(members) = logs.get_mut(bare)
                && members.iter().any(|m| matches!(m.place, Place::Back(_)))
            {
                members.push(Member { place: Place::Back(0), file });
            }
        }
    }
    let mut gaps = Vec::new();
    for (log, mut members) in logs {
        members.sort_by(|a, b| {
            (a.place.age(), &a.file.path, &a.file.seal).cmp(&(b.place.age(), &b.file.path, &b.file.seal))
        });
        gaps.extend(missing(&log, &members, source));
        gaps.extend(torn(&members, source));
    }
    gaps
}

/// The span from one file's last record to the next one's first; empty ones are passed over.
fn between(members: &[Member<'_>], at: usize) -> Option<Window> {
    let before = members[..=at].iter().rev().find_map(|m| m.file.window).map(|w| w.to);
    let after = members[at + 1..].iter().find_map(|m| m.file.window).map(|w| w.from);
    let (from, to) = (before.or(after)?, after.or(before)?);
    Some(Window { from: from.min(to), to: from.max(to) })
}

fn missing(log: &str, members: &[Member<'_>], source: &dyn Fn(&FileAccount) -> String) -> Vec<CoverageGap> {
    let mut gaps = Vec::new();
    let name = log.rsplit(['/', '!']).next().unwrap_or(log);
    let days = usual_days(members);
    for (at, pair) in members.windows(2).enumerate() {
        let (older, newer) = (pair[0], pair[1]);
        let Some(window) = between(members, at) else { continue };
        let (named, count) = match (older.place, newer.place) {
            (Place::Back(a), Place::Back(b)) if a - b > 1 => (
                numbered(b + 1, a - 1, |n| match n {
                    0 => name.to_owned(),
                    n => format!("{name}.{n}"),
                }),
                a - b - 1,
            ),
            (Place::Forth(a), Place::Forth(b)) if b - a > 1 => {
                let stem = name.trim_end_matches('*');
                (numbered(a + 1, b - 1, |n| format!("{stem}{n:06}")), b - a - 1)
            }
            (Place::Day(a, _), Place::Day(b, _)) => {
                let Some(step) = days.filter(|step| b - a > *step) else { continue };
                // Nothing fits between records that follow each other within the day that a file is for.
                if window.to.second() - window.from.second() < step * DAY_S / 2 {
                    continue;
                }
                let count = (b - a - 1) / step;
                (numbered(1, count, |n| name.replacen('*', &day_name(a + n * step), 1)), count)
            }
            _ => continue,
        };
        if !(1..=MISSING_MAX).contains(&count) {
            continue;
        }
        let why = match older.place {
            Place::Day(..) => {
                format!("no file {named} though there are those before and after: lost, removed, or nothing to rotate")
            }
            _ => format!("no file {named} though there are those before and after: lost, removed, or not handed over"),
        };
        gaps.push(CoverageGap {
            source: source(newer.file),
            kind: GapKind::Rotation,
            window,
            why,
            in_intrusion: false,
        });
    }
    // `access.log.1` without `access.log`, or a row that begins at `.3`.
    if let Some(Member { place: Place::Back(newest), file }) = members.last()
        && (1..=MISSING_MAX).contains(newest)
        && let Some(last) = file.window
    {
        let named = numbered(0, newest - 1, |n| if n == 0 { name.to_owned() } else { format!("{name}.{n}") });
        let why = format!("no file {named} though there are older ones: lost, removed, or not handed over");
        let window = Window { from: last.to, to: last.to };
        gaps.push(CoverageGap { source: source(file), kind: GapKind::Rotation, window, why, in_intrusion: false });
    }
    gaps
}

/// `a.1, a.2`, `a.1 to a.9`.
fn numbered(first: i64, last: i64, name: impl Fn(i64) -> String) -> String {
    if last - first < NAMED_MAX as i64 {
        return (first..=last).map(name).collect::<Vec<_>>().join(", ");
    }
    format!("{} to {}", name(first), name(last))
}

/// Every how many days a log is usually rotated; nothing where fewer than three steps tell.
fn usual_days(members: &[Member<'_>]) -> Option<i64> {
    let days: BTreeSet<i64> =
        members.iter().filter_map(|m| if let Place::Day(day, _) = m.place { Some(day) } else { None }).collect();
    let mut steps: BTreeMap<i64, usize> = BTreeMap::new();
    for (a, b) in days.iter().zip(days.iter().skip(1)) {
        *steps.entry(b - a).or_default() += 1;
    }
    let all: usize = steps.values().sum();
    let (step, times) = steps.into_iter().max_by_key(|(step, times)| (*times, std::cmp::Reverse(*step)))?;
    (times >= 2 && times * 2 > all).then_some(step)
}

/// Empty and unfinished files among older ones. The newest may be both: it is written to.
fn torn(members: &[Member<'_>], source: &dyn Fn(&FileAccount) -> String) -> Vec<CoverageGap> {
    let mut gaps = Vec::new();
    for at in 0..members.len().saturating_sub(1) {
        let file = members[at].file;
        let Some(window) = between(members, at) else { continue };
        let name = file.path.rsplit(['/', '!']).next().unwrap_or(&file.path);
        let why = if file.text_bytes == 0 {
            // What was in it was to stand between its neighbours.
            format!("{name} is empty, though it is older than others of its log: emptied, or nothing was written")
        } else if file.tears.unfinished {
            format!("{name} ends inside of a line, though later files of its log exist: cut off")
        } else {
            continue;
        };
        gaps.push(CoverageGap { source: source(file), kind: GapKind::Torn, window, why, in_intrusion: false });
    }
    for at in 0..members.len() {
        let file = members[at].file;
        if !file.tears.begins_inside {
            continue;
        }
        let Some(own) = file.window else { continue };
        let window =
            if at == 0 { Window { from: own.from, to: own.from } } else { between(members, at - 1).unwrap_or(own) };
        gaps.push(begins_inside(file, window, source));
    }
    gaps
}

/// A file that begins in the middle of a record.
fn begins_inside(file: &FileAccount, window: Window, source: &dyn Fn(&FileAccount) -> String) -> CoverageGap {
    let name = file.path.rsplit(['/', '!']).next().unwrap_or(&file.path);
    let why = format!("{name} begins inside of a record: what stood before was cut off");
    CoverageGap { source: source(file), kind: GapKind::Torn, window, why, in_intrusion: false }
}

/// The same for files that are not one of several.
pub(crate) fn alone(files: &[FileAccount], source: &dyn Fn(&FileAccount) -> String) -> Vec<CoverageGap> {
    let in_row: BTreeSet<String> = files.iter().filter_map(|f| placed(&f.path)).map(|(log, _)| log).collect();
    let is_alone = |f: &&FileAccount| placed(&f.path).is_none() && !in_row.contains(&f.path);
    let begun = files.iter().filter(is_alone).filter(|f| f.tears.begins_inside);
    begun
        .filter_map(|f| {
            let from = f.window?.from.second();
            Some(begins_inside(f, window(from, from), source))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_model::{Seal, Tears};

    fn file(path: &str, from_s: i64, to_s: i64) -> FileAccount {
        FileAccount {
            seal: Seal(format!("seal of {path}")),
            path: path.to_owned(),
            text_bytes: 10,
            window: (to_s > 0).then(|| window(from_s, to_s)),
            ..FileAccount::default()
        }
    }

    fn told(mut files: Vec<FileAccount>) -> Vec<String> {
        let source = |_: &FileAccount| "web".to_owned();
        let tell = |files: &[FileAccount]| -> Vec<String> {
            let all = gaps(files, &source).into_iter().chain(alone(files, &source));
            all.map(|g| format!("{}-{} {}", g.window.from.second(), g.window.to.second(), g.why)).collect()
        };
        let first = tell(&files);
        files.reverse();
        assert_eq!(tell(&files), first, "the order of files does not matter");
        first
    }

    #[test]
    fn names_tell_the_log_and_the_place() {
        let day = day_number(2026, 3, 2).unwrap();
        for (path, log, place) in [
            ("web/access.log.1", "web/access.log", Place::Back(1)),
            ("a.tar!var/log/access.log.12.gz", "a.tar!var/log/access.log", Place::Back(12)),
            ("access.log-20260302.gz", "access.log-*", Place::Day(day, 0)),
            ("access.log-2026030213", "access.log-*", Place::Day(day, 13)),
            ("catalina.2026-03-02.log", "catalina.*.log", Place::Day(day, 0)),
            ("postgresql-2026-03-02_000000.log", "postgresql-*.log", Place::Day(day, 0)),
            ("u_ex260302.log", "u_ex*.log", Place::Day(day, 0)),
            ("mysql-bin.000012", "mysql-bin.*", Place::Forth(12)),
        ] {
            assert_eq!(placed(path), Some((log.to_owned(), place)), "{path}");
        }
        for path in ["access.log", "store.json", "access.log-20261399", ".1", "host-10.0.0.1/x.log"] {
            assert_eq!(placed(path), None, "{path}");
        }
    }

    #[test]
    fn a_number_missing_in_the_row_is_told_with_the_span_between_its_neighbours() {
        let row = vec![file("access.log", 400, 500), file("access.log.1", 300, 399), file("access.log.4.gz", 10, 90)];
        assert_eq!(
            told(row),
            [
                "90-300 no file access.log.2, access.log.3 though there are those before and after: lost, removed, or not handed over"
            ]
        );
        assert!(told(vec![file("access.log", 400, 500), file("access.log.1", 300, 399)]).is_empty());
        assert_eq!(
            told(vec![file("mysql-bin.000007", 1, 2), file("mysql-bin.000009", 5, 6)]),
            ["2-5 no file mysql-bin.000008 though there are those before and after: lost, removed, or not handed over"]
        );
        assert_eq!(
            told(vec![file("access.log.2", 1, 2)]),
            ["2-2 no file access.log, access.log.1 though there are older ones: lost, removed, or not handed over"]
        );
    }

    #[test]
    fn a_day_missing_in_the_row_is_told_where_records_are_missing_too() {
        let day = |d: i64| (1_772_409_600 + d * DAY_S, 1_772_409_600 + (d + 1) * DAY_S - 1);
        let of = |name: &str, d: i64| file(name, day(d).0, day(d).1);
        let mut row = vec![
            of("access.log-20260302", 0),
            of("access.log-20260303", 1),
            of("access.log-20260304", 2),
            of("access.log-20260306", 4),
        ];
        assert_eq!(
            told(row.clone()),
            [format!(
                "{}-{} no file access.log-2026-03-05 though there are those before and after: lost, removed, or nothing to rotate",
                day(2).1,
                day(4).0
            )]
        );
        // The next file holds that day too.
        row[3] = file("access.log-20260306", day(3).0, day(4).1);
        assert!(told(row).is_empty());
    }

    #[test]
    fn older_files_that_are_empty_or_cut_are_told_and_the_newest_is_not() {
        let mut empty = file("access.log.2", 0, 0);
        empty.text_bytes = 0;
        let mut cut = file("access.log.1", 300, 399);
        cut.tears.unfinished = true;
        let mut newest = file("access.log", 400, 500);
        newest.tears = Tears { unfinished: true, begins_inside: true, ..Tears::default() };
        let told = told(vec![file("access.log.3", 1, 100), empty, cut, newest]);
        insta::assert_snapshot!(told.join("\n"), @r"
        100-300 access.log.2 is empty, though it is older than others of its log: emptied, or nothing was written
        399-400 access.log.1 ends inside of a line, though later files of its log exist: cut off
        399-400 access.log begins inside of a record: what stood before was cut off
        ");
    }
}
