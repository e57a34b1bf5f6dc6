//! The server that a TLS client asks for in its first message, which is not yet encrypted.

/// A client's first message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientHello {
    /// The server's name, where it stands in the segment.
    pub(super) server_name: Option<String>,
}

/// Names may have so many bytes.
const NAME_MAX: usize = 255;

/// The first message of a client, if the segment begins with one. What does not fit into the segment is left out.
pub(super) fn client_hello(segment: &[u8]) -> Option<ClientHello> {
    // Record: handshake, version 3.x, length. Message: client hello, length, version, random.
    let is_one = matches!(segment, [22, 3, 0..=4, _, _, 1, 0, _, _, 3, 0..=4, ..]);
    is_one.then(|| ClientHello { server_name: server_name(&segment[11..]) })
}

fn server_name(mut rest: &[u8]) -> Option<String> {
    rest = rest.get(32..)?;
    rest = behind(rest, 1)?;
    rest = behind(rest, 2)?;
    rest = behind(rest, 1)?;
    // The extensions' own length does not matter: they go on to the end of the message, or of the segment.
    rest = rest.get(2..)?;
    while let [a, b, c, d, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        if (*a, *b) == (0, 0) {
            // A list of one name, whose kind is 0.
            let [_, _, 0, high, low, names @ ..] = after else { return None };
            let name = names.get(..usize::from(u16::from_be_bytes([*high, *low])))?;
            let is_name = name.len() <= NAME_MAX && name.iter().all(|b| b.is_ascii_graphic());
            return (is_name && !name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned());
        }
        rest = after.get(length..)?;
    }
    None
}

/// What stands behind a value that its length precedes, in so many bytes.
fn behind(bytes: &[u8], length_bytes: usize) -> Option<&[u8]> {
    let length = bytes.get(..length_bytes)?.iter().fold(0, |n, b| n << 8 | usize::from(*b));
    bytes.get(length_bytes + length..)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hello(name: &[u8]) -> Vec<u8> {
        let n = u16::try_from(name.len()).unwrap();
        let list = [&(n + 3).to_be_bytes()[..], &[0], &n.to_be_bytes(), name].concat();
        let server = [&[0, 0], &(n + 5).to_be_bytes()[..], &list].concat();
        let extensions = [b"\0\x17\0\0", &server[..]].concat();
        let suites = b"\0\x02\x13\x01";
        let body = [b"\x03\x03", &[7; 32][..], b"\0", suites, b"\x01\0", &(n + 13).to_be_bytes(), &extensions].concat();
        let length = u16::try_from(body.len()).unwrap();
        [b"\x16\x03\x01", &(length + 4).to_be_bytes()[..], b"\x01\0", &length.to_be_bytes(), &body].concat()
    }

    #[test]
    fn the_name_of_the_server_is_found() {
        let message = hello(b"shop.example");
        assert_eq!(client_hello(&message).unwrap().server_name.as_deref(), Some("shop.example"));
        assert_eq!(client_hello(&message[..60]).unwrap().server_name, None);
        assert_eq!(client_hello(&hello(b"a\x1b[2J")).unwrap().server_name, None);
        assert_eq!(client_hello(b"\x16\x03\x01"), None);
        assert_eq!(client_hello(b"GET / HTTP/1.1"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(at in 0usize..90, byte in any::<u8>(), cut in 0usize..90) {
            let mut message = hello(b"shop.example");
            let at = at.min(message.len() - 1);
            message[at] = byte;
            let _ = client_hello(&message[..cut.min(message.len())]);
        }
    }
}
