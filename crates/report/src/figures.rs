//! Numbers as people read them.

use stanch_model::exposure::Bounds;

/// With narrow no-break spaces between thousands, for pages: `1 204`.
pub(crate) fn count(n: u64) -> String {
    grouped(n, '\u{202f}')
}

/// With commas between thousands, for terminals: `1,204`.
pub(crate) fn plain_count(n: u64) -> String {
    grouped(n, ',')
}

fn grouped(n: u64, separator: char) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(d);
    }
    out
}

/// A number and its noun: `1 person`, `1 204 people`.
pub(crate) fn of(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// As [`of`], for terminals.
pub(crate) fn plain_of(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", plain_count(n), if n == 1 { one } else { many })
}

/// Floor and ceiling in one: `44`, or `44 to 51`.
pub(crate) fn range(b: Bounds) -> String {
    if b.floor == b.ceiling { count(b.floor) } else { format!("{} to {}", count(b.floor), count(b.ceiling)) }
}

/// Bytes in decimal units with three figures: `14.2 MB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if n < 1000 {
        return format!("{n}\u{a0}B");
    }
    let mut value = n as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.decimals$}\u{a0}{}", UNITS[unit])
}

/// A confidence or share between 0 and 1: `0.86`.
pub(crate) fn share(x: f64) -> String {
    if x.is_finite() { format!("{:.2}", x.clamp(0.0, 1.0)) } else { "unknown".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart_and_nouns_agree() {
        assert_eq!(count(1_204_332), "1\u{202f}204\u{202f}332");
        assert_eq!(plain_of(1204, "person", "people"), "1,204 people");
        assert_eq!(of(1, "person", "people"), "1 person");
        assert_eq!(range(Bounds { floor: 3, ceiling: 3 }), "3");
    }

    #[test]
    fn sizes_keep_three_figures() {
        assert_eq!(bytes(999), "999\u{a0}B");
        assert_eq!(bytes(14_234_000), "14.2\u{a0}MB");
        assert_eq!(bytes(999_999), "1.00\u{a0}MB");
        assert_eq!(bytes(u64::MAX), "18.4\u{a0}EB");
    }
}
