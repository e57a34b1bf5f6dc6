//! Answers of time-stamp authorities (RFC 3161), as far as they are read here: which digest one is for, and which time
//! it names. Whether the authority signed it is for OpenSSL to check.

use crate::key::from_hex;
use stanch_model::Instant;

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The time that the authority names, where it can be made out.
    pub time: Option<Instant>,
}

/// What a time-stamp authority's answer says of a SHA-256, if it is an answer for it.
pub fn stamp_for(answer: &[u8], sha256: &str) -> Option<Stamp> {
    // The digest stands in the answer as it was asked: an OCTET STRING of 32 bytes.
    let digest: [u8; 32] = from_hex(sha256)?;
    let asked = [&[0x04, 0x20][..], &digest].concat();
    let at = answer.windows(asked.len()).position(|window| window == asked)?;
    Some(Stamp { time: first_time(&answer[at + asked.len()..]) })
}

/// The first GeneralizedTime: after the digest come a serial number and the time.
fn first_time(der: &[u8]) -> Option<Instant> {
    let at = (0..der.len()).find(|at| {
        let length = der.get(at + 1).copied().map_or(0, usize::from);
        der[*at] == 0x18 && (15..=40).contains(&length) && der.get(at + 2..at + 16).is_some_and(|t| t.is_ascii())
    })?;
    let text = std::str::from_utf8(der.get(at + 2..at + 2 + usize::from(der[at + 1]))?).ok()?;
    let (whole, rest) = text.split_at_checked(14)?;
    let part = |from: usize, to: usize| whole.get(from..to);
    let (date, clock) = ((part(0, 4)?, part(4, 6)?, part(6, 8)?), (part(8, 10)?, part(10, 12)?, part(12, 14)?));
    format!("{}-{}-{}T{}:{}:{}{rest}", date.0, date.1, date.2, clock.0, clock.1, clock.2).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::sha256;

    #[test]
    fn an_answer_is_for_the_digest_that_it_carries() {
        let digest = sha256(b"head");
        let bytes: [u8; 32] = from_hex(&digest).unwrap();
        let answer =
            [b"\x30\x82\x04\x20 status ".as_slice(), &[4, 0x20], &bytes, b"\x02\x01\x07\x18\x0f20260302211405Z"];
        let stamp = stamp_for(&answer.concat(), &digest).unwrap();
        assert_eq!(stamp.time, Some("2026-03-02T21:14:05Z".parse().unwrap()));
        assert_eq!(stamp_for(&answer.concat(), &sha256(b"other")), None);
        assert_eq!(stamp_for(&answer[..3].concat(), &digest), Some(Stamp { time: None }));
        let odd = [&answer[..3].concat(), b"\x18\x0f\xff\xff\x18\x0f2026-30221140Z\x18\x28".as_slice()].concat();
        assert_eq!(stamp_for(&odd, &digest), Some(Stamp { time: None }));
    }
}
