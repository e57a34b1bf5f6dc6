//! The chain of proof for one person, from the count down to the raw line.

use crate::escape::bytes_for_terminal;
use crate::figures::plain_of;
use crate::moments::Zone;
use crate::terminal::{Lines, Role, Summary};
use crate::{CaseView, places, words};
use stanch_model::exposure::{Matrix, Shape};
use stanch_model::{Cell, Person, Proof, Seal};

/// Fetches bytes of an evidence file, after decompression: file, first byte, length. Nothing where they cannot be had.
pub type RawBytes<'a> = &'a dyn Fn(&Seal, u64, u32) -> Option<Vec<u8>>;

/// Characters of a raw line or a statement that are shown; the location says where the rest is.
const SHOWN_MAX: usize = 600;
/// Bytes that are fetched to show them: the longest characters, and some more to know that there is more.
const FETCHED_MAX: u32 = 4096;

/// The persons whom `query` names, as indices into [`Matrix::persons`]: by their id (`P-…`), e-mail in any case, or customer number.
pub fn find_persons(matrix: &Matrix, query: &str) -> Vec<u32> {
    let query = query.trim();
    let named = |p: &Person| {
        p.id.eq_ignore_ascii_case(query)
            || p.email.as_ref().is_some_and(|e| e.reveal().to_lowercase() == query.to_lowercase())
            || p.customer_ids.iter().any(|id| id == query)
    };
    (0u32..).zip(&matrix.persons).filter(|(_, p)| named(p)).map(|(i, _)| i).collect()
}

/// One person's cells, each with its proof and the raw line that `raw` fetches. Holds personal data. A person that is not there gives no lines.
pub fn prove(view: &CaseView<'_>, person: u32, width: usize, raw: RawBytes<'_>) -> Summary {
    let mut page = Lines::new(width);
    let Some(who) = view.matrix.persons.get(person as usize) else { return page.finish() };
    let zone = Zone::named(view.time_zone);
    head(&mut page, who);
    // Not `cells_of`, which trusts the order: a chain of proof must not miss a cell.
    let cells: Vec<&Cell> = view.matrix.cells.iter().filter(|c| c.person == person).collect();
    page.gap();
    if cells.is_empty() {
        page.say(Role::Ok, "No access of the intruder reached this person’s data.");
    } else {
        let certain = cells.iter().filter(|c| c.grade.in_floor()).count() as u64;
        let all = plain_of(cells.len() as u64, "entry", "entries");
        page.say(Role::Plain, &format!("{all}, {certain} certain. Times are in {}.", zone.name));
    }
    for cell in cells {
        page.gap();
        describe(&mut page, view, &zone, cell, raw);
    }
    page.finish()
}

fn head(page: &mut Lines, who: &Person) {
    page.heading(&who.id);
    if let Some(name) = &who.name {
        page.entry(Role::Plain, "name", name.reveal());
    }
    page.entry(Role::Plain, "e-mail", who.email.as_ref().map_or("none recorded", |e| e.reveal()));
    let ids = if who.customer_ids.is_empty() { "none: guest".to_owned() } else { who.customer_ids.join(", ") };
    page.entry(Role::Plain, "customer no.", &ids);
    let disagree = if who.residence.agreed { "" } else { "; the records disagree" };
    match &who.residence.place {
        Some(p) => {
            let lives = format!("{} ({p}), by {}{disagree}", places::name(&p.0), words::spaced(&who.residence.from));
            page.entry(Role::Plain, "lives in", &lives);
        }
        None => page.entry(Role::Warn, "lives in", "not known"),
    }
}

fn describe(page: &mut Lines, view: &CaseView<'_>, zone: &Zone, cell: &Cell, raw: RawBytes<'_>) {
    let Proof { snapshot, table, row_key, because, .. } = &cell.proof;
    page.heading(&format!("{} · {}", words::class(cell.class), cell.grade.named(cell.effect)));
    let detail = cell.protection_detail.as_ref().map_or(String::new(), |d| format!(", {d}"));
    page.entry(Role::Plain, "effect", cell.effect.word());
    page.entry(Role::Plain, "form", &format!("{}{detail}", words::protection(cell.protection)));
    if let Some(because) = because {
        page.entry(Role::Warn, "because", because);
    }
    let (from, to) = zone.span(cell.window);
    let accesses = plain_of(cell.accesses, "access", "accesses");
    page.entry(Role::Plain, "reached by", &format!("{accesses}, {} to {}", from.text, to.text));
    statement(page, view.matrix.shapes.iter().find(|s| s.id == cell.proof.shape), &cell.proof.shape);
    let role = view.matrix.snapshots.iter().find(|s| s.seal == *snapshot);
    let role = role.map_or(String::new(), |s| format!(" ({}, {})", s.role, zone.when(s.taken_at).text));
    page.entry(Role::Plain, "replayed on", &format!("snapshot {}{role}", snapshot.short()));
    page.entry(Role::Plain, "row", &format!("{table} {row_key}"));
    location(page, view, zone, &cell.proof, raw);
}

fn statement(page: &mut Lines, shape: Option<&Shape>, id: &str) {
    let Some(shape) = shape else {
        page.entry(Role::Warn, "statement", &format!("{id}, whose text is not in this case"));
        return;
    };
    let words = shape.text.split_whitespace().collect::<Vec<_>>().join(" ");
    page.entry(Role::Plain, "statement", &format!("{id}  {}", shortened(&words, SHOWN_MAX)));
    page.entry(Role::Muted, "judged", &shape.judged);
}

fn location(page: &mut Lines, view: &CaseView<'_>, zone: &Zone, proof: &Proof, raw: RawBytes<'_>) {
    let path = view.files.iter().find(|f| f.seal == proof.evidence).map(|f| f.path.as_str());
    let path = path.unwrap_or("a file that is not among this case’s evidence");
    page.entry(Role::Plain, "first proof", &format!("{path}, line {}, {}", proof.line, zone.when(proof.time).text));
    let Proof { evidence, offset, length, .. } = proof;
    page.entry(Role::Muted, "", &format!("sha256:{evidence} offset {offset} length {length}"));
    match raw(evidence, *offset, (*length).min(FETCHED_MAX)) {
        Some(bytes) => {
            let whole = bytes.len() >= *length as usize;
            let mut shown = shortened(&bytes_for_terminal(&bytes), SHOWN_MAX);
            if !whole && !shown.ends_with('…') {
                shown.push('…');
            }
            page.entry(Role::Plain, "raw", &shown);
        }
        None => page.entry(Role::Warn, "raw", "could not be fetched; `stanch verify` tells why"),
    }
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
