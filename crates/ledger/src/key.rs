//! Keys that sign heads: ed25519, in the PEM that OpenSSL reads and writes.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// What stands before the 32 bytes of a private key (RFC 8410, PKCS #8).
const PRIVATE_DER: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// What stands before the 32 bytes of a public key (RFC 8410).
const PUBLIC_DER: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No private key.
    #[error("it is not an ed25519 private key in PEM, as `openssl genpkey -algorithm ed25519` makes them")]
    NotPrivate,
    /// No public key.
    #[error("it is not an ed25519 public key: 64 hexadecimal digits, or PEM as `openssl pkey -pubout` writes it")]
    NotPublic,
}

/// A private key. Does not print.
pub struct Key(SigningKey);

impl Key {
    /// The key that 32 random bytes make.
    pub fn from_seed(seed: &[u8; 32]) -> Key {
        Key(SigningKey::from_bytes(seed))
    }

    /// Reads a key from its PEM; text before and after it is left alone.
    ///
    /// # Errors
    /// If there is none.
    pub fn from_pem(text: &str) -> Result<Key, KeyError> {
        let bytes = from_pem(text, "PRIVATE KEY", &PRIVATE_DER).ok_or(KeyError::NotPrivate)?;
        Ok(Key::from_seed(&bytes))
    }

    /// The key as PEM.
    pub fn pem(&self) -> String {
        to_pem("PRIVATE KEY", &PRIVATE_DER, self.0.as_bytes())
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.0.sign(text).to_bytes()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.public())
    }
}

/// A public key; 64 hexadecimal digits where it is shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads a key from its PEM or its digits.
    ///
    /// # Errors
    /// If the text is neither.
    pub fn read(text: &str) -> Result<PublicKey, KeyError> {
        from_pem(text, "PUBLIC KEY", &PUBLIC_DER).map(PublicKey).map_or_else(|| text.trim().parse(), Ok)
    }

    /// The key as PEM.
    pub fn pem(&self) -> String {
        to_pem("PUBLIC KEY", &PUBLIC_DER, &self.0)
    }

    /// The first twelve digits, enough to tell the keys of one case apart.
    pub fn short(&self) -> String {
        hex(&self.0[..6])
    }

    pub(crate) fn signed(&self, text: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| key.verify_strict(text, &signature).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(digits: &str) -> Result<PublicKey, KeyError> {
        from_hex(digits).map(PublicKey).ok_or(KeyError::NotPublic)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<PublicKey, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from_digit(u32::from(four), 16).expect("four bits are one digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Bytes from lower-case hexadecimal, exactly so many.
pub(crate) fn from_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let digits = digits.as_bytes();
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A key as PEM. Both kinds fit one line of base64.
fn to_pem(label: &str, der: &[u8], key: &[u8; 32]) -> String {
    let bytes = [der, key].concat();
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = 0u32;
        for place in 0..3 {
            bits = bits << 8 | u32::from(group.get(place).copied().unwrap_or(0));
        }
        for place in 0..4 {
            let written = place <= group.len();
            let six = (bits >> (18 - 6 * place)) & 63;
            text.push(if written { char::from(BASE64[six as usize]) } else { '=' });
        }
    }
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn from_pem(text: &str, label: &str, der: &[u8]) -> Option<[u8; 32]> {
    let (_, after) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = after.split_once(&format!("-----END {label}-----"))?;
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0u32, 0);
    for letter in body.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'=') {
        bits = bits << 6 | u32::try_from(BASE64.iter().position(|known| *known == letter)?).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    bytes.strip_prefix(der)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout`.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";

    #[test]
    fn keys_are_those_of_openssl() {
        // The first key pair of RFC 8032, section 7.1.
        let seed = from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let key = Key::from_seed(&seed);
        assert_eq!(key.public().to_string(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert_eq!(key.pem(), PRIVATE);
        assert_eq!(key.public().pem(), PUBLIC);
        assert_eq!(Key::from_pem(&format!("a comment\n{PRIVATE}")).unwrap().public(), key.public());
        assert_eq!(PublicKey::read(PUBLIC).unwrap(), key.public());
        assert_eq!(PublicKey::read(&format!("{}\n", key.public())).unwrap(), key.public());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", PUBLIC, &PRIVATE.replace("MC4", "MC5"), &PRIVATE[..60], "-----BEGIN PRIVATE KEY-----"] {
            assert_eq!(Key::from_pem(text).unwrap_err(), KeyError::NotPrivate, "{text}");
        }
        for text in ["", PRIVATE, "D75A", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(PublicKey::read(text).unwrap_err(), KeyError::NotPublic, "{text}");
        }
    }
}
