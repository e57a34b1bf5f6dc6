//! To whom something is encrypted, and with what it is opened, as it is typed.

use crate::exit::{BadInput, WrongUsage};
use anyhow::Context;
use clap::Args;
use stanch_case::{DecryptWith, EncryptTo};
use std::path::{Path, PathBuf};

/// To whom.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Encrypt {
    /// Encrypt to this age recipient (age1…); more than one may be named
    #[arg(long, value_name = "RECIPIENT", conflicts_with = "passphrase_file")]
    encrypt_to: Vec<String>,
    /// Encrypt with the passphrase in the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// With what.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Decrypt {
    /// The file with the age identity, as `age-keygen` made it
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    identity: Option<PathBuf>,
    /// The file with the passphrase in its first line
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Encrypt {
    /// To whom; none where nothing was said.
    pub(crate) fn to(&self) -> anyhow::Result<Option<EncryptTo>> {
        match &self.passphrase_file {
            Some(path) => of_file(path, EncryptTo::passphrase).map(Some),
            None if self.encrypt_to.is_empty() => Ok(None),
            None => Ok(Some(EncryptTo::recipients(&self.encrypt_to)?)),
        }
    }
}

impl Decrypt {
    /// With what.
    pub(crate) fn with(&self) -> anyhow::Result<DecryptWith> {
        match (&self.passphrase_file, &self.identity) {
            (Some(path), _) => of_file(path, DecryptWith::passphrase),
            (None, Some(path)) => of_file(path, |text| DecryptWith::identities(&text)),
            (None, None) => anyhow::bail!(WrongUsage(
                "nothing was named to decrypt it with\nhint: `--identity FILE` or `--passphrase-file FILE`".to_owned()
            )),
        }
    }
}

fn of_file<T, E>(path: &Path, make: impl FnOnce(String) -> Result<T, E>) -> anyhow::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let wrong = || BadInput(format!("{} could not be used", path.display()));
    make(std::fs::read_to_string(path).with_context(wrong)?).with_context(wrong)
}
