//! `SHA256SUMS`, as `sha256sum -c` reads it.

use stanch_model::Seal;
use std::path::Path;

/// The line for a file.
pub(super) fn line(seal: &Seal, name: &Path) -> Vec<u8> {
    let name = name.as_os_str().as_encoded_bytes();
    let odd = name.iter().any(|b| matches!(b, b'\\' | b'\n' | b'\r'));
    let mut line = Vec::new();
    if odd {
        // Coreutils marks a line in which a name is escaped.
        line.push(b'\\');
    }
    line.extend_from_slice(seal.0.as_bytes());
    line.extend_from_slice(b"  ");
    for byte in name {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            other => line.push(*other),
        }
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_escaped_as_coreutils_does() {
        let seal = Seal("ab".to_owned());
        assert_eq!(line(&seal, Path::new("a b.txt")), b"ab  a b.txt\n");
        assert_eq!(line(&seal, Path::new("a\\b\nc")), b"\\ab  a\\\\b\\nc\n");
    }
}
