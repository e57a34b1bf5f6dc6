//! What a stage is made from besides the stages before it, as one digest. (When one of those is done anew, the case
//! takes back the marks of all that is made from it.)

use stanch_case::Stage;
use stanch_ledger::sha256;
use stanch_packs::Packs;
use std::fmt::Write;

/// Grows by everything that a stage's result depends on.
pub(crate) struct Inputs {
    digest: String,
}

impl Inputs {
    /// Begins with the program itself.
    pub(crate) fn new(stage: Stage) -> Inputs {
        Inputs { digest: sha256(format!("{} {} {}", stage.word(), env!("CARGO_PKG_VERSION"), build()).as_bytes()) }
    }

    /// And some text: a value's JSON, part of the store file.
    #[must_use]
    pub(crate) fn and(self, text: &str) -> Inputs {
        Inputs { digest: sha256(format!("{}\n{text}", self.digest).as_bytes()) }
    }

    /// And a value.
    #[must_use]
    pub(crate) fn and_value(self, value: &impl serde::Serialize) -> Inputs {
        let text = serde_json::to_string(value).unwrap_or_default();
        self.and(&text)
    }

    /// And every pack of some kinds.
    #[must_use]
    pub(crate) fn and_packs(self, packs: &Packs, kinds: &[&str]) -> Inputs {
        let mut all = String::new();
        for (name, text) in kinds.iter().flat_map(|kind| packs.files(kind)) {
            // A string takes everything that is written to it.
            let _ = writeln!(all, "{name} {}", sha256(text.as_bytes()));
        }
        self.and(&all)
    }

    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }
}

/// A program under development changes without its version: then the file itself tells.
fn build() -> String {
    if !cfg!(debug_assertions) {
        return String::new();
    }
    let told = std::env::current_exe().and_then(std::fs::metadata).map(|m| (m.len(), m.modified().ok()));
    format!("{:?}", told.ok())
}
