//! Puts invented values in the place of a sample's own, of the same shape, so that a pack's proof can be shared.

use regex::{Captures, Regex};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::LazyLock;

/// What is replaced wherever it stands: mails, addresses, long numbers, long identifiers and keys.
static PARTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?P<time>\d{4}[-/]\d\d[-/]\d\d(?:[T\ _]|\ -\ )\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)
        | (?P<mail>[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+)
        | (?P<v4>\b(?:\d{1,3}\.){3}\d{1,3}\b)
        | (?P<v6>(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,6}|(?:[0-9A-Fa-f]{1,4}:){1,6}:(?:[0-9A-Fa-f]{1,4})?)
        | (?P<key>[A-Za-z0-9+_=\-]{20,})
        | (?P<number>\d{5,})
        ",
    )
    .ok()
});

/// Replaces values, the same by the same.
#[derive(Default)]
pub(super) struct Mask {
    known: BTreeMap<String, String>,
    counts: [usize; 3],
    /// Names of people, by the column that holds them.
    people: BTreeMap<String, String>,
    /// Texts that stay, one a line: keys, column names, the pattern's own words, times.
    kept: String,
}

impl Mask {
    /// A mask that leaves the given texts as they are.
    pub(super) fn keeping(kept: impl IntoIterator<Item = String>) -> Mask {
        let long = kept.into_iter().filter(|k| k.len() >= 5);
        Mask { kept: long.fold(String::new(), |kept, text| kept + &text + "\n"), ..Mask::default() }
    }

    /// A value that is a person's name.
    pub(super) fn person(&mut self, name: &str) {
        let is_name = name.len() >= 2 && !name.contains('@') && !super::values::is_ip(name) && name != "null";
        if is_name && !self.people.contains_key(name) {
            const NAMES: [&str; 8] = ["kim", "alex", "sam", "noor", "robin", "lee", "maria", "jo"];
            let at = self.people.len();
            let made = NAMES.get(at).map_or_else(|| format!("user{}", at + 1), |name| (*name).to_owned());
            self.people.insert(name.to_owned(), made);
        }
    }

    /// The text with all that may be somebody's replaced.
    pub(super) fn text(&mut self, text: &str) -> String {
        let Some(parts) = PARTS.as_ref() else { return String::new() };
        let masked = parts.replace_all(text, |found: &Captures<'_>| {
            let whole = &found[0];
            if self.kept.contains(whole) {
                return whole.to_owned();
            }
            match ["mail", "v4", "v6", "key", "number"].into_iter().find(|name| found.name(name).is_some()) {
                Some(kind) => self.replaced(kind, whole),
                None => whole.to_owned(),
            }
        });
        self.people.iter().fold(masked.into_owned(), |text, (name, made)| with_word_replaced(&text, name, made))
    }

    fn replaced(&mut self, kind: &str, whole: &str) -> String {
        if let Some(known) = self.known.get(whole) {
            return known.clone();
        }
        let made = match kind {
            "mail" => {
                self.counts[0] += 1;
                format!("user{}@example.org", self.counts[0])
            }
            "v4" => match whole.parse::<IpAddr>() {
                Ok(IpAddr::V4(v4)) if !v4.is_unspecified() && !v4.is_loopback() && !v4.is_broadcast() => {
                    self.counts[1] += 1;
                    documentation_address(self.counts[1], v4.is_private())
                }
                _ => whole.to_owned(),
            },
            "v6" => match whole.parse::<Ipv6Addr>() {
                Ok(v6) if !v6.is_loopback() && !v6.is_unspecified() => {
                    self.counts[2] += 1;
                    format!("2001:db8::{:x}", self.counts[2])
                }
                _ => whole.to_owned(),
            },
            "key" if !is_key(whole) => whole.to_owned(),
            "key" | "number" if is_epoch(whole) => whole.to_owned(),
            // Nothing of the value goes into what stands for it but its shape.
            _ => {
                let mut dice = Dice(self.known.len() as u64);
                whole.bytes().enumerate().map(|(i, b)| dice.same_kind(b, i == 0)).collect()
            }
        };
        self.known.insert(whole.to_owned(), made.clone());
        made
    }
}

/// An address that nobody has. Private ones stay private.
fn documentation_address(number: usize, is_private: bool) -> String {
    let host = (number - 1) % 254 + 1;
    if is_private {
        return format!("10.0.{}.{host}", (number / 254) % 256);
    }
    let net = ["203.0.113", "198.51.100", "192.0.2"][(number / 254) % 3];
    format!("{net}.{host}")
}

/// Whether a run of letters and digits is an identifier or a key, and no word: it has digits, and letters among them.
fn is_key(run: &str) -> bool {
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    digits >= 4 && run.bytes().any(|b| b.is_ascii_alphabetic()) || digits == run.len()
}

/// Whether a number can be a moment of this century, as programs count them. It then stays, as times do.
fn is_epoch(number: &str) -> bool {
    matches!(number.len(), 10 | 13 | 16 | 19)
        && number.starts_with(['1', '2'])
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// Numbers that follow from how many values came before, so that the same sample gives the same draft.
struct Dice(u64);

impl Dice {
    /// The next number below a bound. Steps of the generator splitmix64.
    fn below(&mut self, bound: u8) -> u8 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u8::try_from((x ^ (x >> 31)) % u64::from(bound)).unwrap_or_default()
    }

    /// A letter or digit of the same kind.
    fn same_kind(&mut self, b: u8, is_first: bool) -> char {
        char::from(match b {
            b'0'..=b'9' if is_first => b'1' + self.below(9),
            b'0'..=b'9' => b'0' + self.below(10),
            b'a'..=b'f' => b'a' + self.below(6),
            b'A'..=b'F' => b'A' + self.below(6),
            b'g'..=b'z' => b'g' + self.below(20),
            b'G'..=b'Z' => b'G' + self.below(20),
            other => other,
        })
    }
}

/// Replaces a word where it stands alone.
fn with_word_replaced(text: &str, word: &str, by: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in text.match_indices(word) {
        let before = text[..at].chars().next_back().is_some_and(is_part);
        let behind = text[at + word.len()..].chars().next().is_some_and(is_part);
        if at < from || before || behind {
            continue;
        }
        out.push_str(&text[from..at]);
        out.push_str(by);
        from = at + word.len();
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_somebodys_is_replaced_by_the_same_shape() {
        let mut mask = Mask::keeping(["customers_2026_export".to_owned()]);
        mask.person("bob");
        let text = "2026-03-02 21:14:05 bob bobby b@corp.de 8.8.8.8 10.1.2.3 ::1 2a00:1450::8 order 4711000815 id 4c83cc99-a28c-4a35-9921-e6381645d282 customers_2026_export 8.8.8.8";
        let masked = mask.text(text);
        let begin = "2026-03-02 21:14:05 kim bobby user1@example.org 203.0.113.1 10.0.0.2 ::1 2001:db8::1 order ";
        assert!(masked.starts_with(begin), "{masked}");
        assert_eq!(
            masked.len(),
            begin.len() + "4711000815 id 4c83cc99-a28c-4a35-9921-e6381645d282".len() + 34,
            "{masked}"
        );
        assert!(!masked.contains("4711000815"), "{masked}");
        assert!(masked.ends_with(" customers_2026_export 203.0.113.1"), "{masked}");
        assert!(!masked.contains("4c83cc99"), "{masked}");
    }

    #[test]
    fn nobody_can_work_a_number_back() {
        let masked = |number: &str| Mask::default().text(number);
        assert_eq!(masked("order 4111111111111111x"), masked("order 5500000000000004x"));
    }

    #[test]
    fn times_and_words_stay() {
        let text = "1772486045 1772486045250 AuthenticationFailureBadCredentialsEvent 2026-03-02T21:14:05.123456789Z";
        assert_eq!(Mask::default().text(text), text);
    }
}
