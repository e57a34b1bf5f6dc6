//! Socket addresses, as system calls were given them.

use crate::hosts::auditd::record;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What a socket address names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// An address and a port.
    Inet { ip: String, port: i64 },
    /// A path, or a name in the abstract space, which begins with `@`.
    Unix(String),
    /// Another family, by its number.
    Other(u16),
}

/// The address that hexadecimal digits stand for: `02000050C0000209…`.
pub(crate) fn read(hex: &str) -> Option<Address> {
    let bytes = record::bytes(hex)?;
    // The family is in the machine's own byte order; those that run stores have the lower byte first.
    let family = u16::from_le_bytes([*bytes.first()?, *bytes.get(1)?]);
    let port = || Some(i64::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])));
    Some(match family {
        1 => Address::Unix(unix(&bytes[2..])),
        2 => {
            let ip: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Address::Inet { ip: Ipv4Addr::from(ip).to_string(), port: port()? }
        }
        10 => {
            let ip: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            let ip = Ipv6Addr::from(ip);
            let ip = ip.to_ipv4_mapped().map_or_else(|| ip.to_string(), |v4| v4.to_string());
            Address::Inet { ip, port: port()? }
        }
        other => Address::Other(other),
    })
}

/// A path ends with its first NUL, unless it begins with one.
fn unix(name: &[u8]) -> String {
    let (mark, name) = match name.split_first() {
        Some((0, rest)) => ("@", rest),
        _ => ("", name),
    };
    let end = memchr::memchr(0, name).unwrap_or(name.len());
    format!("{mark}{}", String::from_utf8_lossy(&name[..end]))
}

/// The same where the audit daemon has read it already: `saddr_fam=inet laddr=192.0.2.9 lport=80`.
pub(crate) fn interpreted(words: &str) -> Option<Address> {
    let of = |key: &str| words.split(' ').find_map(|w| w.strip_prefix(key)?.strip_prefix('='));
    match of("saddr_fam")? {
        "inet" | "inet6" => Some(Address::Inet { ip: of("laddr")?.to_owned(), port: of("lport")?.parse().ok()? }),
        "local" | "unix" => Some(Address::Unix(of("path")?.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inet(ip: &str, port: i64) -> Option<Address> {
        Some(Address::Inet { ip: ip.to_owned(), port })
    }

    #[test]
    fn families_are_told_apart() {
        assert_eq!(read("02000050C00002090000000000000000"), inet("192.0.2.9", 80));
        assert_eq!(read("0A0001BB0000000020010DB800000000000000000000000700000000"), inet("2001:db8::7", 443));
        assert_eq!(read("0A0001BB0000000000000000000000000000FFFFC000020900000000"), inet("192.0.2.9", 443));
        assert_eq!(read("01002F72756E2F7800AAAA"), Some(Address::Unix("/run/x".to_owned())));
        assert_eq!(read("010000612F62"), Some(Address::Unix("@a/b".to_owned())));
        assert_eq!(read("100000000000000000000000"), Some(Address::Other(16)));
        assert_eq!(interpreted("saddr_fam=inet6 laddr=2001:db8::7 lport=443"), inet("2001:db8::7", 443));
    }

    #[test]
    fn what_is_cut_off_is_none() {
        for cut in ["", "0", "02", "0200", "02000050C000", "0A0001BB00", "zz"] {
            assert_eq!(read(cut), None, "{cut}");
        }
    }
}
