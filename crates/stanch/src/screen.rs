//! Standard output: text, tables, summaries, JSON. Every word reads without its colour.

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use stanch_report::{Role, Summary};
use std::io::Write;

/// Width where nobody says otherwise.
const WIDTH: usize = 100;

/// The terminal's width in columns.
pub(crate) fn width() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    said.filter(|w| (40..=400).contains(w)).unwrap_or(WIDTH)
}

/// Prints a line.
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    writeln!(anstream::stdout(), "{text}").map_err(Into::into)
}

/// Prints text as it is, without a newline of its own.
pub(crate) fn put(text: &str) -> anyhow::Result<()> {
    write!(anstream::stdout(), "{text}").map_err(Into::into)
}

/// Prints a line that stands out.
pub(crate) fn heading(text: &str) -> anyhow::Result<()> {
    let bold = Style::new().bold();
    say(&format!("{bold}{text}{bold:#}"))
}

/// Prints what somebody should look at; begins with `!`.
pub(crate) fn warn(text: &str) -> anyhow::Result<()> {
    let yellow = Style::new().fg_color(Some(AnsiColor::Yellow.into()));
    say(&format!("{yellow}! {text}{yellow:#}"))
}

/// Says something beside the answer, on standard error.
pub(crate) fn aside(text: &str) {
    let dimmed = Style::new().dimmed();
    anstream::eprintln!("{dimmed}{text}{dimmed:#}");
}

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out).map_err(Into::into)
}

/// Prints a summary with its roles in colour.
pub(crate) fn summary(summary: &Summary) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    for line in &summary.lines {
        let style = style(line.role);
        writeln!(out, "{style}{}{style:#}", line.text)?;
    }
    Ok(())
}

fn style(role: Role) -> Style {
    let coloured = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    match role {
        Role::Heading => Style::new().bold(),
        Role::Plain => Style::new(),
        Role::Ok => coloured(AnsiColor::Green),
        Role::Warn => coloured(AnsiColor::Yellow),
        Role::Muted => Style::new().dimmed(),
    }
}

/// Which side of its column a cell stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under headings, each column as wide as its widest cell. Control characters of foreign text show as escapes.
pub(crate) fn table(columns: &[(&str, Side)], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
    let widest = |at: usize| rows.iter().filter_map(|r| r.get(at)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> =
        columns.iter().enumerate().map(|(at, (name, _))| widest(at).max(name.chars().count())).collect();
    let heads: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut text = String::new();
    for row in std::iter::once(&heads).chain(&rows) {
        let cells = row.iter().zip(columns).zip(&widths).map(|((cell, (_, side)), width)| match side {
            Side::Left => format!("{cell:<width$}"),
            Side::Right => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Foreign text, fit for a terminal.
pub(crate) fn shown(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// A number with its thousands apart: `1 204 377`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes for people: `14.2 MB`.
pub(crate) fn bytes(number: u64) -> String {
    let mut tenths = number.saturating_mul(10);
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < units.len() {
        tenths /= 1_000;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{}.{} {}", tenths / 10, tenths % 10, units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_easily() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_204_377), "1 204 377");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(14_260_000), "14.2 MB");
    }

    #[test]
    fn a_table_lines_up_and_shows_escapes() {
        let rows = vec![vec!["a\u{1b}[2J".to_owned(), "7".to_owned()], vec!["bb".to_owned(), "1 000".to_owned()]];
        insta::assert_snapshot!(table(&[("name", Side::Left), ("n", Side::Right)], &rows), @r"
        name            n
        a\u{1b}[2J      7
        bb          1 000
        ");
    }
}
