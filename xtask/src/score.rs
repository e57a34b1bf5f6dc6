//! Compares an exposure with what really happened, over cells of (person, data class, effect).

use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

/// How sure the recording is of a true cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// One of several equal rows was received; which one the log cannot tell.
    Tie,
    /// Only some characters were received.
    Partial,
    /// The value was received, or was changed.
    Exact,
}

/// A line of `truth/cells.csv`.
#[derive(Clone, Debug)]
pub struct TruthCell {
    /// E-mail, as recorded.
    pub email: String,
    /// Customer number; empty for guests.
    pub customer_id: String,
    /// Data class.
    pub class: String,
    /// `disclosed`, `altered` or `destroyed`.
    pub effect: String,
    /// Which step of the intrusion.
    pub step: String,
    /// How sure.
    pub certainty: Certainty,
}

/// A line of `exposure/exposure.csv`, as far as it matters here.
#[derive(Clone, Debug)]
pub struct ExposureCell {
    /// The person's id in the case.
    pub person: String,
    /// E-mail.
    pub email: String,
    /// Customer numbers.
    pub customer_ids: Vec<String>,
    /// Data class.
    pub class: String,
    /// Effect.
    pub effect: String,
    /// Grade.
    pub grade: String,
}

/// A part of a whole. Nothing of nothing counts as all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The part.
    pub part: u64,
    /// The whole.
    pub whole: u64,
}

impl Share {
    /// In percent.
    pub fn percent(self) -> f64 {
        if self.whole == 0 { 100.0 } else { self.part as f64 * 100.0 / self.whole as f64 }
    }

    /// Whether it reaches so many percent, without rounding.
    pub fn reaches(self, percent: u64) -> bool {
        self.part * 100 >= self.whole * percent
    }
}

/// Cells that are wrong in one and the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What they share: step and class, or grade and class.
    pub what: String,
    /// How many.
    pub count: u64,
    /// The first few, by customer number, guest number or the person's id in the case; never by e-mail.
    pub examples: Vec<String>,
}

/// The four figures, and what is behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// True cells that are in the ceiling. Must be all.
    pub ceiling_recall: Share,
    /// Cells of the floor that are true. Must be all.
    pub floor_precision: Share,
    /// Exactly known true cells that are in the floor. At least 95%.
    pub floor_recall: Share,
    /// Cells of the ceiling that are true. At least 90%.
    pub ceiling_precision: Share,
    /// True cells that are not in the ceiling, by step and class.
    pub missed: Vec<Group>,
    /// Cells of the floor that are not true, by class.
    pub false_floor: Vec<Group>,
    /// Exactly known true cells that are in the ceiling only, by step and class.
    pub only_ceiling: Vec<Group>,
    /// Cells of the ceiling, not of the floor, that are not true, by grade and class.
    pub too_much: Vec<Group>,
}

/// The bar: percent of ceiling recall, floor precision, floor recall and ceiling precision.
pub const BAR: [u64; 4] = [100, 100, 95, 90];
const EXAMPLES_MAX: usize = 20;

impl Figures {
    fn shares(&self) -> [(&'static str, Share); 4] {
        [
            ("recall of the ceiling", self.ceiling_recall),
            ("precision of the floor", self.floor_precision),
            ("recall of the floor", self.floor_recall),
            ("precision of the ceiling", self.ceiling_precision),
        ]
    }

    /// Whether all four reach the bar.
    pub fn pass(&self) -> bool {
        self.shares().iter().zip(BAR).all(|((_, share), bar)| share.reaches(bar))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((name, share), bar) in self.shares().into_iter().zip(BAR) {
            let verdict = if share.reaches(bar) { "ok" } else { "BELOW" };
            writeln!(
                f,
                "{name:<26}{:>8.2}%  {:>9} of {:<9} at least {bar}%  {verdict}",
                share.percent(),
                share.part,
                share.whole
            )?;
        }
        for (title, groups) in [
            ("missed: true, and not in the ceiling", &self.missed),
            ("false in the floor", &self.false_floor),
            ("true for certain, and only in the ceiling", &self.only_ceiling),
            ("too much in the ceiling", &self.too_much),
        ] {
            if groups.is_empty() {
                continue;
            }
            writeln!(f, "\n{title}")?;
            for group in groups {
                let more = if group.count > group.examples.len() as u64 { ", …" } else { "" };
                writeln!(f, "  {:>8}  {}  ({}{more})", group.count, group.what, group.examples.join(", "))?;
            }
        }
        Ok(())
    }
}

/// A cell's place: person, class, effect.
type Place = (String, String, String);

/// What the truth says of a cell.
struct True {
    certainty: Certainty,
    step: String,
    shown: String,
}

/// Compares. A cell counts once however many lines it has: with its strongest certainty, or its strongest grade.
pub fn score(truth: &[TruthCell], exposure: &[ExposureCell]) -> Figures {
    let people = People::of(exposure);
    let truth = people.place_truth(truth);
    let (floor, ceiling) = bounds(exposure);
    let is_true = |place: &&Place| truth.contains_key(*place);

    let count = |n: usize| n as u64;
    let exact = || truth.iter().filter(|(_, t)| t.certainty == Certainty::Exact);
    let mut missed = Groups::default();
    let mut only_ceiling = Groups::default();
    for (place, t) in &truth {
        if !ceiling.contains_key(place) {
            missed.add(format!("{} {} {}", t.step, place.1, place.2), &t.shown);
        } else if t.certainty == Certainty::Exact && !floor.contains(place) {
            only_ceiling.add(format!("{} {} {}", t.step, place.1, place.2), &t.shown);
        }
    }
    let mut false_floor = Groups::default();
    let mut too_much = Groups::default();
    for (place, grade) in ceiling.iter().filter(|(p, _)| !truth.contains_key(*p)) {
        let shown = people.shown(&place.0);
        if floor.contains(place) {
            false_floor.add(format!("{} {}", place.1, place.2), &shown);
        } else {
            too_much.add(format!("{grade} {} {}", place.1, place.2), &shown);
        }
    }
    Figures {
        ceiling_recall: Share {
            part: count(truth.keys().filter(|p| ceiling.contains_key(*p)).count()),
            whole: count(truth.len()),
        },
        floor_precision: Share { part: count(floor.iter().filter(is_true).count()), whole: count(floor.len()) },
        floor_recall: Share {
            part: count(exact().filter(|(p, _)| floor.contains(*p)).count()),
            whole: count(exact().count()),
        },
        ceiling_precision: Share { part: count(ceiling.keys().filter(is_true).count()), whole: count(ceiling.len()) },
        missed: missed.done(),
        false_floor: false_floor.done(),
        only_ceiling: only_ceiling.done(),
        too_much: too_much.done(),
    }
}

fn in_floor(grade: &str) -> bool {
    matches!(grade, "disclosed" | "altered" | "destroyed")
}

/// The floor's cells, and the ceiling's with their grade. `membership` and `handled` are in neither.
fn bounds(exposure: &[ExposureCell]) -> (BTreeSet<Place>, BTreeMap<Place, String>) {
    let mut floor = BTreeSet::new();
    let mut ceiling = BTreeMap::new();
    for cell in exposure {
        let place = (cell.person.clone(), cell.class.clone(), cell.effect.clone());
        if in_floor(&cell.grade) {
            floor.insert(place.clone());
        }
        if in_floor(&cell.grade) || matches!(cell.grade.as_str(), "partial" | "possible") {
            ceiling.insert(place, cell.grade.clone());
        }
    }
    (floor, ceiling)
}

/// Who is who in the exposure: by customer number first, then by e-mail.
struct People<'a> {
    by_customer: BTreeMap<&'a str, &'a str>,
    by_email: BTreeMap<String, &'a str>,
    customers: BTreeMap<&'a str, &'a str>,
}

impl<'a> People<'a> {
    fn of(exposure: &'a [ExposureCell]) -> People<'a> {
        let mut people = People { by_customer: BTreeMap::new(), by_email: BTreeMap::new(), customers: BTreeMap::new() };
        for cell in exposure {
            for id in &cell.customer_ids {
                people.by_customer.insert(id, &cell.person);
                people.customers.entry(&cell.person).or_insert(id);
            }
            if !cell.email.is_empty() {
                people.by_email.insert(normal(&cell.email), &cell.person);
            }
        }
        people
    }

    /// The true cells under the exposure's persons. People that it does not know stay apart under a name of their own.
    fn place_truth(&self, cells: &[TruthCell]) -> BTreeMap<Place, True> {
        let mut guests: BTreeMap<String, usize> = BTreeMap::new();
        let mut truth: BTreeMap<Place, True> = BTreeMap::new();
        for cell in cells {
            let email = normal(&cell.email);
            let known = self.by_customer.get(cell.customer_id.as_str()).or_else(|| self.by_email.get(&email));
            let shown = if cell.customer_id.is_empty() {
                let next = guests.len() + 1;
                format!("guest {}", guests.entry(email.clone()).or_insert(next))
            } else {
                format!("customer {}", cell.customer_id)
            };
            let person = match known {
                Some(person) => (*person).to_owned(),
                None if cell.customer_id.is_empty() => format!("?{email}"),
                None => format!("?{}", cell.customer_id),
            };
            let place = (person, cell.class.clone(), cell.effect.clone());
            let new = True { certainty: cell.certainty, step: cell.step.clone(), shown };
            match truth.get_mut(&place) {
                Some(old) if old.certainty >= new.certainty => {}
                Some(old) => *old = new,
                None => {
                    truth.insert(place, new);
                }
            }
        }
        truth
    }

    fn shown(&self, person: &str) -> String {
        self.customers.get(person).map_or_else(|| person.to_owned(), |id| format!("customer {id}"))
    }
}

/// E-mails compare in lower case; a spreadsheet's guard before a formula sign is no part of one.
fn normal(email: &str) -> String {
    email.trim().trim_start_matches('\'').to_lowercase()
}

#[derive(Default)]
struct Groups(BTreeMap<String, Group>);

impl Groups {
    fn add(&mut self, what: String, example: &str) {
        let group = self.0.entry(what.clone()).or_insert(Group { what, count: 0, examples: Vec::new() });
        group.count += 1;
        if group.examples.len() < EXAMPLES_MAX {
            group.examples.push(example.to_owned());
        }
    }

    /// Largest first.
    fn done(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.0.into_values().collect();
        groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.what.cmp(&b.what)));
        groups
    }
}

/// Scores `CASE/exposure/exposure.csv` against `TRUTH/cells.csv`; `truth` may also name the file itself.
///
/// # Errors
///
/// When a file or one of its columns is missing, or the truth is empty.
pub fn score_files(truth: &Path, case: &Path) -> Result<Figures> {
    let truth = if truth.is_dir() { truth.join("cells.csv") } else { truth.to_owned() };
    let truth = read_truth(&truth)?;
    let exposure = case.join("exposure").join("exposure.csv");
    let exposure = read_exposure(&exposure)?;
    if truth.is_empty() {
        bail!("the truth holds no cell, so there is nothing to score");
    }
    Ok(score(&truth, &exposure))
}

/// Reads `cells.csv`.
///
/// # Errors
///
/// When the file, a column or a certainty is not as expected.
pub fn read_truth(path: &Path) -> Result<Vec<TruthCell>> {
    let names = ["person_email", "customer_id", "data_class", "effect", "step", "certainty"];
    read(path, names, |line, [email, customer_id, class, effect, step, certainty]| {
        let certainty = match certainty {
            "exact" => Certainty::Exact,
            "partial" => Certainty::Partial,
            "tie" => Certainty::Tie,
            other => bail!("line {line}: {other:?} is not a certainty; the words are: exact, partial, tie"),
        };
        Ok(TruthCell {
            email: email.to_owned(),
            customer_id: customer_id.trim().to_owned(),
            class: class.to_owned(),
            effect: effect.to_owned(),
            step: step.to_owned(),
            certainty,
        })
    })
}

/// Reads `exposure.csv`.
///
/// # Errors
///
/// When the file or a column is not as expected.
pub fn read_exposure(path: &Path) -> Result<Vec<ExposureCell>> {
    let names = ["person", "email", "customer_ids", "data_class", "effect", "grade"];
    read(path, names, |_, [person, email, customer_ids, class, effect, grade]| {
        let ids = customer_ids.split([';', ' ', ',']).map(|id| id.trim_matches(['\'', '"']));
        Ok(ExposureCell {
            person: person.to_owned(),
            email: email.to_owned(),
            customer_ids: ids.filter(|id| !id.is_empty()).map(str::to_owned).collect(),
            class: class.to_owned(),
            effect: effect.to_owned(),
            grade: grade.to_owned(),
        })
    })
}

/// Reads the named columns of a CSV file, wherever they stand.
fn read<T, const N: usize>(
    path: &Path,
    names: [&str; N],
    mut take: impl FnMut(u64, [&str; N]) -> Result<T>,
) -> Result<Vec<T>> {
    let of = || format!("reading {}", path.display());
    let mut reader = csv::Reader::from_path(path).with_context(of)?;
    let header = reader.headers().with_context(of)?.clone();
    let mut at = [0; N];
    for (place, name) in at.iter_mut().zip(names) {
        *place = header
            .iter()
            .position(|h| h.trim() == name)
            .with_context(|| format!("{} has no column {name:?}", path.display()))?;
    }
    let mut record = csv::StringRecord::new();
    let mut rows = Vec::new();
    while reader.read_record(&mut record).with_context(of)? {
        let line = record.position().map_or(0, csv::Position::line);
        rows.push(take(line, at.map(|i| record.get(i).unwrap_or(""))).with_context(of)?);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(lines: &str) -> Vec<TruthCell> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cells.csv");
        std::fs::write(&path, format!("person_email,customer_id,data_class,effect,step,certainty\n{lines}")).unwrap();
        read_truth(&path).unwrap()
    }

    fn exposure(lines: &str) -> Vec<ExposureCell> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("exposure.csv");
        let head =
            "person,email,customer_ids,data_class,effect,grade,protection,first_at,last_at,accesses,proof,residence";
        std::fs::write(&path, format!("{head}\n{lines}")).unwrap();
        read_exposure(&path).unwrap()
    }

    #[test]
    fn what_was_found_exactly_reaches_the_bar() {
        let truth =
            truth("Ann@Example.com,7,email,disclosed,api,exact\nann@example.com,7,email,disclosed,sqlmap,partial\n");
        let exposure = exposure("P-1,ann@example.com,7;9,email,disclosed,disclosed,plain,,,1,,DE\n");
        let figures = score(&truth, &exposure);
        assert!(figures.pass(), "{figures}");
        assert_eq!(figures.floor_recall, Share { part: 1, whole: 1 });
    }

    #[test]
    fn a_guest_is_matched_by_e_mail_and_a_customer_by_number_first() {
        let truth =
            truth("guest@example.com,,phone,disclosed,api,exact\nold@example.com,7,phone,disclosed,api,exact\n");
        let exposure = exposure(
            "P-1,GUEST@example.com,,phone,disclosed,disclosed,plain,,,1,,\nP-2,new@example.com,5 7,phone,disclosed,disclosed,plain,,,1,,\n",
        );
        assert!(score(&truth, &exposure).pass());
    }

    #[test]
    fn ties_and_partial_values_are_true_but_not_asked_of_the_floor() {
        let truth = truth("a@x.org,1,name,disclosed,list,tie\nb@x.org,2,name,disclosed,blind,partial\n");
        let exposure = exposure(
            "P-1,a@x.org,1,name,disclosed,disclosed,plain,,,1,,\nP-2,b@x.org,2,name,disclosed,possible,plain,,,1,,\n",
        );
        let figures = score(&truth, &exposure);
        assert!(figures.pass(), "{figures}");
        assert_eq!(figures.floor_recall, Share { part: 0, whole: 0 });
        assert_eq!(figures.floor_precision, Share { part: 1, whole: 1 });
    }

    #[test]
    fn what_is_wrong_is_listed_without_e_mails() {
        let truth = truth(
            "a@x.org,1,email,disclosed,api,exact\nb@x.org,2,email,disclosed,api,exact\ng@x.org,,email,disclosed,sqlmap,exact\n",
        );
        let exposure = exposure(
            "P-1,a@x.org,1,email,disclosed,possible,plain,,,1,,\nP-2,b@x.org,2,email,disclosed,membership,plain,,,1,,\n\
             P-3,c@x.org,3,email,disclosed,disclosed,plain,,,1,,\nP-4,d@x.org,,phone,altered,possible,plain,,,1,,\n",
        );
        let figures = score(&truth, &exposure);
        assert!(!figures.pass());
        assert!(!figures.to_string().contains('@'));
        insta::assert_snapshot!(figures.to_string(), @r#"
        recall of the ceiling        33.33%          1 of 3         at least 100%  BELOW
        precision of the floor        0.00%          0 of 1         at least 100%  BELOW
        recall of the floor           0.00%          0 of 3         at least 95%  BELOW
        precision of the ceiling     33.33%          1 of 3         at least 90%  BELOW

        missed: true, and not in the ceiling
                 1  api email disclosed  (customer 2)
                 1  sqlmap email disclosed  (guest 1)

        false in the floor
                 1  email disclosed  (customer 3)

        true for certain, and only in the ceiling
                 1  api email disclosed  (customer 1)

        too much in the ceiling
                 1  possible phone altered  (P-4)
        "#);
    }

    #[test]
    fn a_missing_column_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cells.csv");
        std::fs::write(&path, "person_email,customer_id\n").unwrap();
        let error = read_truth(&path).unwrap_err();
        assert!(format!("{error:#}").contains("data_class"), "{error:#}");
    }
}
