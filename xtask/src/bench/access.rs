//! An access log in combined format: shoppers, crawlers and staff, and one visitor who pages through customers by number.

use super::chance::Chance;
use super::log::Clock;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// The address that pages through customers.
pub const INTRUDER: &str = "198.51.100.77";

const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.3 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.2 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0",
    "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
];
const WORDS: [&str; 12] = [
    "kettle",
    "lamp",
    "linen-sheet",
    "oak-table",
    "teapot",
    "copper-pan",
    "wool-blanket",
    "mirror",
    "vase",
    "bread-knife",
    "garden-chair",
    "candle",
];
const METHODS: [&str; 2] = ["GET", "POST"];

/// Writes about `bytes` of log, whole lines, to `out`.
///
/// # Errors
///
/// When the file cannot be written.
pub fn generate(out: &Path, bytes: u64, seed: u64) -> Result<()> {
    let of = || format!("writing {}", out.display());
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).with_context(of)?;
    }
    let mut file = BufWriter::with_capacity(1 << 20, File::create(out).with_context(of)?);
    let mut chance = Chance::new(seed);
    // A month, however many lines it takes.
    let mut clock = Clock::starting(1_772_323_200, 30 * 86_400_000_000 / (bytes / 230).max(1));
    let mut written = 0;
    let mut line = Vec::with_capacity(1024);
    let mut stolen = 0u64;
    while written < bytes {
        line.clear();
        clock.tick(&mut chance);
        request(&mut line, &mut clock, &mut chance, &mut stolen);
        file.write_all(&line).with_context(of)?;
        written += line.len() as u64;
    }
    file.flush().with_context(of)
}

fn request(line: &mut Vec<u8>, clock: &mut Clock, chance: &mut Chance, stolen: &mut u64) {
    let kind = chance.below(1000);
    if kind < 4 {
        *stolen += 1;
        text(line, INTRUDER);
        stamp(line, clock);
        text(line, "\"GET /api/customers/");
        number(line, *stolen);
        text(line, " HTTP/1.1\" 200 ");
        number(line, 300 + chance.below(200));
        return text(line, " \"-\" \"python-requests/2.32.3\"\n");
    }
    // Few visitors make most requests.
    let range = [200, 5_000, 80_000][chance.below(3) as usize];
    let reach = 1 + chance.below(range);
    let visitor = chance.below(reach);
    address(line, visitor);
    stamp(line, clock);
    let method = METHODS[usize::from(kind < 60)];
    line.push(b'"');
    text(line, method);
    let word = WORDS[chance.below(12) as usize];
    let (path, status, size) = match kind {
        0..60 => ("/basket/add/", 302, 0),
        60..400 => ("/media/cache/", 200, 4_000 + chance.below(90_000)),
        400..700 => ("/catalogue/", 200, 18_000 + chance.below(20_000)),
        700..800 => ("/search/?q=", 200, 9_000 + chance.below(30_000)),
        800..900 => ("/api/products/", 200, 600 + chance.below(900)),
        900..960 => ("/static/js/app-", 304, 0),
        960..990 => ("/accounts/orders/", 200, 7_000 + chance.below(3_000)),
        _ => ("/wp-login.php?x=", 404, 1_245),
    };
    line.push(b' ');
    text(line, path);
    text(line, word);
    line.push(b'-');
    number(line, chance.below(100_000));
    text(line, "/ HTTP/1.1\" ");
    number(line, status);
    line.push(b' ');
    number(line, size);
    text(line, " \"https://shop.example.com/catalogue/category/");
    text(line, WORDS[chance.below(12) as usize]);
    text(line, "/\" \"");
    text(line, AGENTS[(visitor % AGENTS.len() as u64) as usize]);
    text(line, "\"\n");
}

fn stamp(line: &mut Vec<u8>, clock: &mut Clock) {
    text(line, " - - [");
    line.extend_from_slice(clock.combined());
    text(line, "] ");
}

fn address(line: &mut Vec<u8>, visitor: u64) {
    let n = super::chance::mix(visitor);
    for (at, shift) in [0, 8, 16, 24].into_iter().enumerate() {
        if at > 0 {
            line.push(b'.');
        }
        number(line, 1 + (n >> shift) % 223);
    }
}

fn text(line: &mut Vec<u8>, words: &str) {
    line.extend_from_slice(words.as_bytes());
}

/// Decimal digits, faster than formatting.
pub(super) fn number(line: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    line.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(seed: u64) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        generate(&path, 400_000, seed).unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_log_and_lines_are_as_long_as_real_ones() {
        let log = made(1);
        assert_eq!(log, made(1));
        assert_ne!(log, made(2));
        let mean = log.len() / log.lines().count();
        assert!((200..270).contains(&mean), "{mean} bytes a line");
        assert!(log.lines().any(|l| l.starts_with(INTRUDER)));
    }

    #[test]
    fn a_line_is_in_combined_format() {
        let log = made(1);
        insta::assert_snapshot!(log.lines().next().unwrap(), @r#"16.100.167.19 - - [01/Mar/2026:00:28:08 +0000] "GET /search/?q=bread-knife-52306/ HTTP/1.1" 200 35320 "https://shop.example.com/catalogue/category/oak-table/" "Mozilla/5.0 (iPhone; CPU iPhone OS 19_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.3 Mobile/15E148 Safari/604.1""#);
    }
}
