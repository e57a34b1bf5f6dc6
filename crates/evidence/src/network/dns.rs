//! The names that a DNS query asks for.

/// A question.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// The name, without the last dot; bytes that are no letter, digit or sign as `\DDD`.
    pub(super) name: String,
    /// Its type's number.
    pub(super) kind: u16,
    /// The query's number.
    pub(super) id: u16,
}

/// Bytes of a DNS message's head.
const HEAD: usize = 12;
/// Questions of one message that are read; programs ask one.
const QUESTIONS_MAX: u16 = 4;

/// Hands out each question of a query; of an answer, none.
pub(super) fn questions(message: &[u8], mut each: impl FnMut(&Question)) {
    let number = |at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]));
    let (Some(id), Some(flags), Some(count)) = (number(0), number(2), number(4)) else { return };
    // Answers have the highest bit; the next four tell what kind of query it is, 0 being the usual one.
    if flags & 0xf800 != 0 {
        return;
    }
    let mut at = HEAD;
    for _ in 0..count.min(QUESTIONS_MAX) {
        let Some((name, after)) = name(message, at) else { return };
        let Some(kind) = number(after) else { return };
        each(&Question { name, kind, id });
        at = after + 4;
    }
}

/// The name that stands there, and where it ends. A question's name is not compressed.
fn name(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut name = String::new();
    let begin = at;
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((name, at));
        }
        if length > 63 || at + length - begin > 255 {
            return None;
        }
        if !name.is_empty() {
            name.push('.');
        }
        for byte in message.get(at..at + length)? {
            match byte {
                b'.' | b'\\' => name.extend(['\\', char::from(*byte)]),
                0x21..=0x7e => name.push(char::from(*byte)),
                _ => name.push_str(&format!("\\{byte:03}")),
            }
        }
        at += length;
    }
}

/// A type's name.
pub(super) fn kind_name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        10 => "NULL",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        64 => "SVCB",
        65 => "HTTPS",
        252 => "AXFR",
        255 => "ANY",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(message: &[u8]) -> Vec<(String, u16)> {
        let mut found = Vec::new();
        questions(message, |q| found.push((q.name.clone(), q.kind)));
        found
    }

    #[test]
    fn a_query_gives_its_name_and_an_answer_none() {
        let head = |flags: u8| [0, 7, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let question = b"\x03www\x04shop\x07example\0\0\x01\0\x01";
        assert_eq!(asked(&[&head(1)[..], question].concat()), [("www.shop.example".to_owned(), 1)]);
        assert_eq!(asked(&[&head(0x81)[..], question].concat()), []);
        let hostile = b"\x05a.\x1b[\xff\0\0\x10\0\x01";
        assert_eq!(asked(&[&head(1)[..], hostile].concat()), [("a\\.\\027[\\255".to_owned(), 16)]);
        // A name that points back to itself, as compression would.
        assert_eq!(asked(&[&head(1)[..], b"\xc0\x0c\0\x01\0\x01"].concat()), []);
        assert_eq!(asked(&[&head(1)[..], &question[..8]].concat()), []);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(message in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = asked(&message);
        }
    }
}
