//! `stanch prove`: why one person is on the list.

use crate::args::Shared;
use crate::exit::AnswerIsNo;
use crate::instant;
use crate::screen;
use crate::session::Session;
use crate::view::Loaded;
use clap::Args;
use serde::Serialize;
use stanch_case::{Case, Manifest};
use stanch_evidence::{excerpt, split_member};
use stanch_ledger::On;
use stanch_model::{Cell, Person, Seal};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Show the chain of proof for one person, down to the raw line
///
/// Shows personal data; that somebody looked, and at whom, goes into the ledger (by the person's id).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stanch prove person@example.org
  stanch prove 4711                by customer number
  stanch prove P-1f0c22ab9d        by the id in exposure.csv")]
pub(crate) struct Prove {
    /// E-mail address, customer number, or id (P-…)
    person: String,
}

#[derive(Serialize)]
struct Answer<'a> {
    person: &'a Person,
    cells: Vec<&'a Cell>,
}

pub(crate) fn prove(prove: &Prove, shared: &Shared) -> anyhow::Result<()> {
    let session = Session::open(shared)?;
    let loaded = Loaded::of(&session, instant::now())?;
    let found = stanch_report::find_persons(&loaded.matrix, &prove.person);
    if found.is_empty() {
        anyhow::bail!(AnswerIsNo(
            "nobody in the store's data has that e-mail address, customer number or id\n\
             hint: an address that was changed since, or a customer deleted before the snapshot, is not found"
                .to_owned()
        ));
    }
    for person in &found {
        let on = On::nothing().reference("person", &loaded.matrix.persons[*person as usize].id);
        session.looked(instant::now(), "person.proved", on)?;
    }
    if session.json {
        let answers: Vec<Answer<'_>> = found
            .iter()
            .map(|index| Answer {
                person: &loaded.matrix.persons[*index as usize],
                cells: loaded.matrix.cells.iter().filter(|c| c.person == *index).collect(),
            })
            .collect();
        return screen::json(&answers);
    }
    let originals = Originals::of(&session.case)?;
    let raw = |seal: &Seal, offset: u64, length: u32| originals.bytes(seal, offset, length);
    for person in found {
        screen::summary(&stanch_report::prove(&loaded.view(), person, screen::width(), &raw))?;
    }
    Ok(())
}

/// Where the bytes of each text are: the file on disk, and the member inside it.
struct Originals {
    places: BTreeMap<Seal, (PathBuf, Option<String>)>,
}

impl Originals {
    fn of(case: &Case) -> anyhow::Result<Originals> {
        let files = Manifest::read(&case.evidence_dir())?.places(&case.evidence_dir());
        let mut places = BTreeMap::new();
        for kept in case.database().accounts()? {
            let member = (kept.account.seal != kept.source).then(|| split_member(&kept.account.path).1).flatten();
            if let Some(file) = files.get(&kept.source) {
                places.insert(kept.account.seal.clone(), (file.clone(), member.map(str::to_owned)));
            }
        }
        Ok(Originals { places })
    }

    /// The bytes, or nothing where the file is gone or is not what was sealed; `stanch verify` says which.
    fn bytes(&self, seal: &Seal, offset: u64, length: u32) -> Option<Vec<u8>> {
        let (file, member) = self.places.get(seal)?;
        excerpt(file, member.as_deref(), offset, length).ok()
    }
}
