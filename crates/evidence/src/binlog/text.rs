//! Character sets, as far as texts can be told from bytes by them.

use std::borrow::Cow;

/// What a column's or a client's bytes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Charset {
    /// Not said: text if the bytes are UTF-8 without what no text has.
    #[default]
    Unknown,
    /// Text, in UTF-8 or in what is a part of it.
    Text,
    /// No text.
    Binary,
    /// Latin1, which is Windows-1252 to these servers.
    Latin1,
}

impl Charset {
    /// By the number of a collation.
    pub(super) fn of(collation: u64) -> Charset {
        // MariaDB's collations that do not pad are those that do, 1024 further on.
        match if collation < 2_048 { collation & 1_023 } else { collation } {
            63 => Charset::Binary,
            5 | 8 | 15 | 31 | 47 | 48 | 49 | 94 => Charset::Latin1,
            0 => Charset::Unknown,
            _ => Charset::Text,
        }
    }
}

/// 0x80 to 0x9f in Windows-1252; five of them stand for themselves.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text that bytes are; nothing if they are none.
pub(super) fn decoded(bytes: &[u8], charset: Charset) -> Option<Cow<'_, str>> {
    match charset {
        Charset::Binary => None,
        Charset::Latin1 if !bytes.is_ascii() => Some(Cow::Owned(bytes.iter().map(|b| windows(*b)).collect())),
        Charset::Unknown if bytes.iter().any(|b| *b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x1b)) => None,
        _ => simdutf8::basic::from_utf8(bytes).ok().map(Cow::Borrowed),
    }
}

fn windows(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}
