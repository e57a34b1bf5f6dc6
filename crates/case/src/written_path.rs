//! Paths in JSON and TOML: text, or their bytes where they are no UTF-8. Names of files may be in any charset, and
//! evidence comes from old machines.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::path::{Path, PathBuf};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes(Vec<u8>),
}

pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    match path.to_str() {
        Some(text) => Written::Text(text.to_owned()),
        None => Written::Bytes(path.as_os_str().as_encoded_bytes().to_vec()),
    }
    .serialize(to)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    match Written::deserialize(from)? {
        Written::Text(text) => Ok(PathBuf::from(text)),
        Written::Bytes(bytes) => from_bytes(bytes).ok_or_else(|| serde::de::Error::custom("a path of another system")),
    }
}

#[cfg(unix)]
fn from_bytes(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Some(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

#[cfg(not(unix))]
fn from_bytes(_: Vec<u8>) -> Option<PathBuf> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Held {
        #[serde(with = "super")]
        place: PathBuf,
    }

    #[test]
    fn a_path_in_any_charset_reads_back() {
        for bytes in [b"/logs/access.log".to_vec(), b"/logs/caf\xe9.log".to_vec()] {
            let held = Held { place: from_bytes(bytes).unwrap() };
            let (json, toml) = (serde_json::to_string(&held).unwrap(), toml::to_string(&held).unwrap());
            assert_eq!(serde_json::from_str::<Held>(&json).unwrap(), held);
            assert_eq!(toml::from_str::<Held>(&toml).unwrap(), held);
        }
    }
}
