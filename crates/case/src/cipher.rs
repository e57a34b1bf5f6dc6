//! Encryption by age: files that plain `age -d` opens.

use age::secrecy::SecretString;
use age::{Decryptor, Encryptor, scrypt, stream, x25519};
use std::fmt;
use std::io::{self, Read, Write};

/// Work that a passphrase costs whoever tries one: about a second and 256 MiB, as the age tool has it.
const WORK_FACTOR: u8 = 18;
/// The most that is done for a file that somebody else made: four times that.
const WORK_FACTOR_MAX: u8 = 20;

/// To whom something is encrypted.
pub struct EncryptTo(To);

enum To {
    Keys(Vec<x25519::Recipient>),
    Passphrase(SecretString),
}

/// With what it is decrypted.
pub struct DecryptWith(With);

enum With {
    Keys(Vec<x25519::Identity>),
    Passphrase(SecretString),
}

/// Somebody to encrypt to, or something to decrypt with, that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CipherError {
    /// No recipient.
    #[error("{given:?} is no age recipient\nhint: one begins with `age1` and is what `age-keygen -y KEY-FILE` prints")]
    NotARecipient {
        /// What was given.
        given: String,
    },
    /// Nobody to encrypt to.
    #[error("nobody was named to encrypt to")]
    Nobody,
    /// No passphrase.
    #[error("the passphrase is empty")]
    NoPassphrase,
    /// No identity.
    #[error("it holds no age identity\nhint: one begins with `AGE-SECRET-KEY-1` and is what `age-keygen` makes")]
    NotAnIdentity,
    /// The file is not one of age's.
    #[error("it is no file that age encrypted")]
    NotEncrypted,
    /// The file is for others.
    #[error("it was encrypted to somebody else, or with another passphrase")]
    NotForThis,
    /// The file asks for more work than is done.
    #[error("its passphrase asks for work that is not done for a file of unknown making (2^{required} rounds)")]
    TooMuchWork {
        /// What it asks for.
        required: u8,
    },
    /// The system failed.
    #[error("the encryption could not be begun")]
    Io(#[source] io::Error),
}

impl EncryptTo {
    /// To whoever has the key behind one of these.
    ///
    /// # Errors
    /// If there is none, or one is no recipient.
    pub fn recipients(given: &[String]) -> Result<EncryptTo, CipherError> {
        let parse = |text: &String| {
            text.trim().parse().map_err(|_| CipherError::NotARecipient { given: text.chars().take(80).collect() })
        };
        let keys = given.iter().map(parse).collect::<Result<Vec<x25519::Recipient>, _>>()?;
        if keys.is_empty() { Err(CipherError::Nobody) } else { Ok(EncryptTo(To::Keys(keys))) }
    }

    /// To whoever knows the passphrase: the first line of this text.
    ///
    /// # Errors
    /// If it is empty.
    pub fn passphrase(text: String) -> Result<EncryptTo, CipherError> {
        Ok(EncryptTo(To::Passphrase(first_line(text)?)))
    }

    /// A writer whose bytes come out encrypted, and what decrypts them again: so that what was written can be checked
    /// before the only other copy is removed. For recipients, whose keys are elsewhere, that is a further key made for
    /// this one file and kept nowhere.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn begin<W: Write>(&self, out: W) -> Result<(stream::StreamWriter<W>, DecryptWith), CipherError> {
        let (encryptor, check) = match &self.0 {
            To::Passphrase(passphrase) => {
                let mut recipient = scrypt::Recipient::new(passphrase.clone());
                recipient.set_work_factor(WORK_FACTOR);
                (encryptor(&[&recipient])?, With::Passphrase(passphrase.clone()))
            }
            To::Keys(keys) => {
                let check = x25519::Identity::generate();
                let own = check.to_public();
                let all: Vec<&dyn age::Recipient> = keys.iter().chain([&own]).map(|key| key as _).collect();
                (encryptor(&all)?, With::Keys(vec![check]))
            }
        };
        Ok((encryptor.wrap_output(out).map_err(CipherError::Io)?, DecryptWith(check)))
    }

    /// A writer whose bytes come out encrypted to these recipients and nobody else.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn begin_to_them_alone<W: Write>(&self, out: W) -> Result<stream::StreamWriter<W>, CipherError> {
        let encryptor = match &self.0 {
            To::Passphrase(_) => return Ok(self.begin(out)?.0),
            To::Keys(keys) => encryptor(&keys.iter().map(|key| key as _).collect::<Vec<&dyn age::Recipient>>())?,
        };
        encryptor.wrap_output(out).map_err(CipherError::Io)
    }

    /// In a word, for the record.
    pub fn word(&self) -> &'static str {
        match self.0 {
            To::Keys(_) => "age, recipients",
            To::Passphrase(_) => "age, passphrase",
        }
    }
}

fn encryptor(recipients: &[&dyn age::Recipient]) -> Result<Encryptor, CipherError> {
    let begun = Encryptor::with_recipients(recipients.iter().copied());
    begun.map_err(|e| CipherError::Io(io::Error::other(e.to_string())))
}

impl DecryptWith {
    /// With the identities in this text, as `age-keygen` writes them.
    ///
    /// # Errors
    /// If there is none.
    pub fn identities(text: &str) -> Result<DecryptWith, CipherError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let parsed: Result<Vec<x25519::Identity>, _> = lines.map(str::parse).collect();
        match parsed {
            Ok(keys) if !keys.is_empty() => Ok(DecryptWith(With::Keys(keys))),
            _ => Err(CipherError::NotAnIdentity),
        }
    }

    /// With a passphrase: the first line of this text.
    ///
    /// # Errors
    /// If it is empty.
    pub fn passphrase(text: String) -> Result<DecryptWith, CipherError> {
        Ok(DecryptWith(With::Passphrase(first_line(text)?)))
    }

    /// A reader of what is inside.
    ///
    /// # Errors
    /// If it is no encrypted file, or is for others.
    pub fn open<R: Read>(&self, encrypted: R) -> Result<stream::StreamReader<R>, CipherError> {
        let decryptor = Decryptor::new(encrypted).map_err(refused)?;
        match &self.0 {
            With::Keys(keys) => decryptor.decrypt(keys.iter().map(|key| key as _)),
            With::Passphrase(passphrase) => {
                let mut identity = scrypt::Identity::new(passphrase.clone());
                identity.set_max_work_factor(WORK_FACTOR_MAX);
                decryptor.decrypt(std::iter::once(&identity as _))
            }
        }
        .map_err(refused)
    }
}

fn refused(error: age::DecryptError) -> CipherError {
    use age::DecryptError::{ExcessiveWork, InvalidHeader, Io, UnknownFormat};
    match error {
        ExcessiveWork { required, .. } => CipherError::TooMuchWork { required },
        InvalidHeader | UnknownFormat => CipherError::NotEncrypted,
        // A header that ends too soon or is no text comes as a failure to read it.
        Io(e) if matches!(e.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) => {
            CipherError::NotEncrypted
        }
        Io(e) => CipherError::Io(e),
        _ => CipherError::NotForThis,
    }
}

fn first_line(text: String) -> Result<SecretString, CipherError> {
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() { Err(CipherError::NoPassphrase) } else { Ok(SecretString::from(line.to_owned())) }
}

impl fmt::Debug for EncryptTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptTo({})", self.word())
    }
}

impl fmt::Debug for DecryptWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecryptWith")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypted(to: &EncryptTo) -> (Vec<u8>, DecryptWith) {
        let mut out = Vec::new();
        let (mut writer, check) = to.begin(&mut out).unwrap();
        writer.write_all(b"hello").unwrap();
        writer.finish().unwrap();
        (out, check)
    }

    fn decrypted(bytes: &[u8], with: &DecryptWith) -> Result<Vec<u8>, CipherError> {
        let mut out = Vec::new();
        with.open(bytes)?.read_to_end(&mut out).unwrap();
        Ok(out)
    }

    fn identity() -> (DecryptWith, String) {
        use age::secrecy::ExposeSecret;
        let identity = x25519::Identity::generate();
        let text = format!("# created\n{}\n", identity.to_string().expose_secret());
        (DecryptWith::identities(&text).unwrap(), identity.to_public().to_string())
    }

    #[test]
    fn what_is_encrypted_to_somebody_opens_for_them_and_for_the_check() {
        let (mine, recipient) = identity();
        let (bytes, check) = encrypted(&EncryptTo::recipients(std::slice::from_ref(&recipient)).unwrap());
        assert_eq!(decrypted(&bytes, &mine).unwrap(), b"hello");
        assert_eq!(decrypted(&bytes, &check).unwrap(), b"hello");
        assert!(matches!(decrypted(&bytes, &identity().0), Err(CipherError::NotForThis)));
        let mut alone = Vec::new();
        EncryptTo::recipients(&[recipient]).unwrap().begin_to_them_alone(&mut alone).unwrap().finish().unwrap();
        assert_eq!(String::from_utf8_lossy(&alone).matches("-> X25519").count(), 1);
        assert_eq!(String::from_utf8_lossy(&bytes).matches("-> X25519").count(), 2);
    }

    #[test]
    fn a_passphrase_is_the_first_line() {
        let (bytes, _) = encrypted(&EncryptTo::passphrase("open sesame\n".to_owned()).unwrap());
        assert_eq!(
            decrypted(&bytes, &DecryptWith::passphrase("open sesame\nmore".to_owned()).unwrap()).unwrap(),
            b"hello"
        );
        assert!(matches!(
            decrypted(&bytes, &DecryptWith::passphrase("open sesam".to_owned()).unwrap()),
            Err(CipherError::NotForThis)
        ));
        assert!(matches!(EncryptTo::passphrase("\nx".to_owned()), Err(CipherError::NoPassphrase)));
    }

    #[test]
    fn what_is_none_of_it_is_named() {
        let mine = identity().0;
        for bytes in [&b""[..], b"age", b"age-encryption.org/v1\n-> ", b"\xff\xfe\0", &[b'a'; 4096]] {
            assert!(matches!(decrypted(bytes, &mine), Err(CipherError::NotEncrypted)), "{bytes:?}");
        }
        assert!(matches!(EncryptTo::recipients(&["age1x".to_owned()]), Err(CipherError::NotARecipient { .. })));
        assert!(matches!(EncryptTo::recipients(&[]), Err(CipherError::Nobody)));
        for text in ["", "# only a comment", "AGE-SECRET-KEY-1X"] {
            assert!(matches!(DecryptWith::identities(text), Err(CipherError::NotAnIdentity)));
        }
    }
}
