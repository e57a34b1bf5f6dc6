//! Finds out what a column of CSV holds, from all of its cells. Conservative: one cell that does not fit makes it text, and whatever
//! would not come back as it stood (leading zeros, a plus sign, thousands separators) is text too.

use stanch_lake::ColumnKind;

/// What the cells of one column have been so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Guess {
    /// No cell yet.
    #[default]
    Empty,
    Bool,
    Int,
    /// Most digits before and after the point.
    Decimal(u8, u8),
    Date,
    Timestamp,
    Text,
}

impl Guess {
    /// The guess after one more cell that is not NULL.
    pub(super) fn with(self, cell: &str) -> Guess {
        match (self, of(cell)) {
            (Guess::Text, _) | (_, Guess::Text) => Guess::Text,
            (Guess::Empty, new) => new,
            (Guess::Decimal(a, b), Guess::Decimal(c, d)) => Guess::Decimal(a.max(c), b.max(d)),
            (Guess::Decimal(a, b), Guess::Int) | (Guess::Int, Guess::Decimal(a, b)) => Guess::Decimal(a.max(18), b),
            (Guess::Date, Guess::Timestamp) | (Guess::Timestamp, Guess::Date) => Guess::Text,
            (old, new) if old == new => old,
            _ => Guess::Text,
        }
    }

    /// How the column is kept, and the type to state for it.
    pub(super) fn kind(self) -> (ColumnKind, &'static str) {
        match self {
            Guess::Bool => (ColumnKind::Bool, "boolean"),
            Guess::Int => (ColumnKind::Int, "bigint"),
            Guess::Decimal(before, after) if before + after <= 38 => {
                (ColumnKind::Decimal { scale: after as i8 }, "numeric")
            }
            Guess::Date => (ColumnKind::Date, "date"),
            Guess::Timestamp => (ColumnKind::Timestamp, "timestamp with time zone"),
            Guess::Decimal(..) | Guess::Text | Guess::Empty => (ColumnKind::Text, "text"),
        }
    }
}

fn of(cell: &str) -> Guess {
    match cell {
        "true" | "false" | "t" | "f" => return Guess::Bool,
        _ => {}
    }
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let plain = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if plain(whole) && (whole.len() == 1 || !whole.starts_with('0')) {
        match fraction {
            None if whole.len() <= 18 && cell != "-0" => return Guess::Int,
            Some(f) if plain(f) && whole.len() <= 18 && f.len() <= 18 => {
                return Guess::Decimal(whole.len() as u8, f.len() as u8);
            }
            _ => return Guess::Text,
        }
    }
    moment(cell)
}

/// `2026-03-02`, or with `T` or a blank `21:14:05[.123456][Z|+01[:00]]`.
fn moment(cell: &str) -> Guess {
    let (date, rest) = cell.split_at_checked(10).unwrap_or((cell, ""));
    if date.parse::<jiff::civil::Date>().is_err() || date.len() != 10 {
        return Guess::Text;
    }
    if rest.is_empty() {
        return Guess::Date;
    }
    let Some(time) = rest.strip_prefix(['T', ' ']) else { return Guess::Text };
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone_at);
    let zone_fits = match zone.strip_prefix(['+', '-']) {
        Some(offset) => matches!(offset.len(), 2 | 4 | 5) && offset.bytes().all(|b| b.is_ascii_digit() || b == b':'),
        None => matches!(zone, "" | "Z"),
    };
    if zone_fits && clock.len() >= 8 && clock.parse::<jiff::civil::Time>().is_ok() {
        Guess::Timestamp
    } else {
        Guess::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(cells: &[&str]) -> String {
        let guess = cells.iter().fold(Guess::default(), |g, c| g.with(c));
        format!("{cells:?} {}", crate::kinds::word(guess.kind().0))
    }

    #[test]
    fn a_column_is_what_all_of_its_cells_are() {
        let columns = [
            guess(&["1", "-20", "0"]),
            guess(&["007", "12"]),
            guess(&["+4915112345678"]),
            guess(&["12.50", "3", "-0.125"]),
            guess(&["1e5"]),
            guess(&["true", "f"]),
            guess(&["0", "1"]),
            guess(&["2026-03-02", "2024-02-29"]),
            guess(&["2026-02-30"]),
            guess(&["2026-03-02 21:14:05.123+00", "2026-03-02T21:14:05Z"]),
            guess(&["2026-03-02", "2026-03-02 21:14:05"]),
            guess(&["12345678901234567890"]),
            guess(&["1", "x"]),
            guess(&[]),
        ];
        insta::assert_snapshot!(columns.join("\n"), @r#"
        ["1", "-20", "0"] int
        ["007", "12"] text
        ["+4915112345678"] text
        ["12.50", "3", "-0.125"] decimal(3)
        ["1e5"] text
        ["true", "f"] bool
        ["0", "1"] int
        ["2026-03-02", "2024-02-29"] date
        ["2026-02-30"] text
        ["2026-03-02 21:14:05.123+00", "2026-03-02T21:14:05Z"] timestamp
        ["2026-03-02", "2026-03-02 21:14:05"] text
        ["12345678901234567890"] text
        ["1", "x"] text
        [] text
        "#);
    }
}
