//! Coverage packs: which events say that logging was switched off, or records erased or lost.

use super::{FIELDS, class};
use regex::Regex;
use serde::Deserialize;
use stanch_lake::{EventRow, EventRows};
use stanch_model::event::Record;
use stanch_model::{EventBatch, EventClass, EventFields, Instant, Position, Seal, TextField};
use stanch_packs::{PackError, Packs, Problem};
use std::collections::BTreeMap;
use std::fmt::Write;

/// One file below `packs/coverage/`, as it stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pack {
    /// What it is about, for people.
    title: String,
    /// What such events show, and what they do not.
    description: String,
    /// Where it is documented.
    references: Vec<String>,
    rules: Vec<RulePack>,
    /// Its own proof: events, and the rule that speaks of each.
    cases: Vec<Case>,
}

/// One kind of event about logging.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulePack {
    /// A name within the pack.
    id: String,
    /// What happened, for people; the moment is put behind it.
    says: String,
    effect: Effect,
    #[serde(default)]
    lasts: Lasts,
    /// Formats of the files in which such events stand; none: any.
    #[serde(default)]
    formats: Vec<String>,
    /// Formats of the logs that were switched off or erased; none: the log in which the event stands.
    #[serde(default)]
    of: Vec<String>,
    /// Fields that name the counter whose records were erased, as the format's `sequence` tells counters apart.
    #[serde(default)]
    counter: Vec<String>,
    when: When,
    /// The events that end it.
    #[serde(default)]
    until: Option<When>,
}

/// What an event must have. One that says that it failed is never meant.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    /// Class, by its word.
    #[serde(default)]
    class: Option<String>,
    /// Field → one of these values, whatever the case of their letters.
    #[serde(default)]
    is: BTreeMap<String, Vec<String>>,
    /// Field → text in it, whatever the case of its letters. Also tells which events are read at all, where no class does.
    #[serde(default)]
    has: BTreeMap<String, String>,
    /// Field → regular expression.
    #[serde(default)]
    matches: BTreeMap<String, String>,
}

/// What it did to records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Effect {
    /// No more were written from then on.
    Stops,
    /// Those before it were taken away.
    Erases,
    /// Some before it were never written.
    Loses,
}

/// How long logging stayed off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lasts {
    /// Until the log's next record.
    #[default]
    UntilNextRecord,
    /// Until an event says that it was switched on, since the log goes on with other records.
    UntilSwitchedOn,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The format of its file.
    format: String,
    class: String,
    /// Its fields.
    event: BTreeMap<String, String>,
    /// The rule that speaks of it; none, if none must.
    #[serde(default)]
    gives: Option<String>,
    /// Whether it ends it.
    #[serde(default)]
    ends: bool,
}

/// All rules at hand.
#[derive(Debug, Default)]
pub struct Rules {
    pub(super) rules: Vec<Rule>,
}

/// One rule, ready to look with.
#[derive(Debug)]
pub(super) struct Rule {
    id: String,
    pub(super) says: String,
    pub(super) effect: Effect,
    pub(super) lasts: Lasts,
    formats: Vec<String>,
    pub(super) of: Vec<String>,
    pub(super) counter: Vec<TextField>,
    when: Wanted,
    until: Option<Wanted>,
}

#[derive(Debug)]
struct Wanted {
    class: Option<EventClass>,
    is: Vec<(TextField, Vec<String>)>,
    has: Vec<(TextField, String)>,
    matches: Vec<(TextField, Regex)>,
}

impl Rules {
    /// Reads every pack below `coverage/`.
    ///
    /// # Errors
    /// The first pack that is not of its shape, or names a field or class that does not exist.
    pub fn load(packs: &Packs) -> Result<Rules, PackError> {
        let mut rules = Vec::new();
        for (name, _) in packs.files("coverage") {
            let pack: Pack = packs.load(name)?;
            let shown = packs.shown(name);
            for rule in pack.rules {
                rules.push(compile(&shown, rule)?);
            }
        }
        Ok(Rules { rules })
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// SQL over the event columns that every event fulfils of which a rule may speak; it only spares work.
    pub(crate) fn filter(&self) -> String {
        let wanted = self.rules.iter().flat_map(|rule| std::iter::once(&rule.when).chain(&rule.until));
        let mut parts: Vec<String> = wanted.map(Wanted::filter).collect();
        parts.sort();
        parts.dedup();
        if parts.is_empty() { "false".to_owned() } else { parts.join(" OR ") }
    }
}

impl Rule {
    /// Whether it speaks of an event: as one that switched off (false) or on again (true).
    pub(super) fn speaks_of(&self, row: &EventRow<'_>, format: Option<&str>) -> Option<bool> {
        let is_in = |format: &str| self.formats.iter().any(|f| f == format);
        if !self.formats.is_empty() && !format.is_some_and(is_in) {
            return None;
        }
        if row.text_of(TextField::Status) == Some("failure") {
            return None;
        }
        if self.when.fits(row) {
            return Some(false);
        }
        self.until.as_ref().is_some_and(|until| until.fits(row)).then_some(true)
    }

    /// Whether the event stands in the very log whose records were erased, so that its number tells what is missing.
    pub(super) fn is_own_counter(&self, row: &EventRow<'_>) -> bool {
        self.counter.last().is_some_and(|field| {
            let named = row.text_of(*field).unwrap_or_default();
            let own = row.text_of(TextField::Unmapped).unwrap_or_default();
            own.contains(&format!("\"Channel\":\"{named}\""))
        })
    }
}

impl Wanted {
    fn fits(&self, row: &EventRow<'_>) -> bool {
        let text = |field: &TextField| row.text_of(*field).unwrap_or_default();
        self.class.is_none_or(|class| row.class() == class)
            && self.is.iter().all(|(field, values)| values.iter().any(|v| v.eq_ignore_ascii_case(text(field))))
            && self.has.iter().all(|(field, part)| text(field).to_ascii_lowercase().contains(part))
            && self.matches.iter().all(|(field, regex)| regex.is_match(text(field)))
    }

    fn filter(&self) -> String {
        let mut parts: Vec<String> = self.class.iter().map(|class| format!("class_uid = {}", class.uid())).collect();
        for (field, part) in &self.has {
            let mut pattern = String::new();
            // `_` stands for any letter there, which is no less than asked for.
            for c in part.chars() {
                let _ =
                    if c.is_ascii_alphanumeric() || c == ' ' { write!(pattern, "{c}") } else { write!(pattern, "_") };
            }
            parts.push(format!("{} ILIKE '%{pattern}%'", field.column()));
        }
        format!("({})", if parts.is_empty() { "true".to_owned() } else { parts.join(" AND ") })
    }
}

fn compile(shown: &str, pack: RulePack) -> Result<Rule, PackError> {
    let fault = |said: String| PackError::new(shown, format!("rule `{}`: {said}", pack.id));
    if pack.lasts == Lasts::UntilSwitchedOn && pack.until.is_none() {
        return Err(fault("it lasts until logging is switched on, and has no `until`".to_owned()));
    }
    let field = |name: &String| {
        let known = TextField::from_name(name).filter(|field| FIELDS.contains(field));
        known.ok_or_else(|| fault(format!("{name:?} is no field that these rules look at")))
    };
    let wanted = |when: &When| -> Result<Wanted, PackError> {
        let named = |word: &String| class(word).ok_or_else(|| fault(format!("{word:?} is no class")));
        let regex = |written: &String| Regex::new(written).map_err(|e| fault(format!("{written:?}: {e}")));
        if when.class.is_none() && when.has.is_empty() {
            return Err(fault("it needs a `class`, or a `has`, so that not every event must be read".to_owned()));
        }
        Ok(Wanted {
            class: when.class.as_ref().map(named).transpose()?,
            is: when.is.iter().map(|(f, v)| Ok((field(f)?, v.clone()))).collect::<Result<_, PackError>>()?,
            has: when
                .has
                .iter()
                .map(|(f, t)| Ok((field(f)?, t.to_ascii_lowercase())))
                .collect::<Result<_, PackError>>()?,
            matches: when.matches.iter().map(|(f, t)| Ok((field(f)?, regex(t)?))).collect::<Result<_, PackError>>()?,
        })
    };
    Ok(Rule {
        when: wanted(&pack.when)?,
        until: pack.until.as_ref().map(wanted).transpose()?,
        counter: pack.counter.iter().map(field).collect::<Result<_, _>>()?,
        id: pack.id.clone(),
        says: pack.says.clone(),
        effect: pack.effect,
        lasts: pack.lasts,
        formats: pack.formats.clone(),
        of: pack.of.clone(),
    })
}

/// Runs every coverage pack against its own cases. What is wrong is returned; nothing means that all is well.
pub fn check(packs: &Packs) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, _) in packs.files("coverage") {
        let shown = packs.shown(name);
        match packs.load::<Pack>(name) {
            Ok(pack) => problems.extend(check_pack(&shown, pack)),
            Err(error) => problems.push(error.into()),
        }
    }
    problems
}

fn check_pack(shown: &str, pack: Pack) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut report = |said: String| problems.push(Problem::new(shown, said));
    if [&pack.title, &pack.description].into_iter().any(|text| text.trim().is_empty()) || pack.references.is_empty() {
        report("a coverage pack needs a title, a description and a reference".to_owned());
    }
    let mut rules = Vec::new();
    for rule in pack.rules {
        match compile(shown, rule) {
            Ok(rule) => rules.push(rule),
            Err(error) => return vec![error.into()],
        }
    }
    for (i, case) in pack.cases.iter().enumerate() {
        let n = i + 1;
        let Some(class) = class(&case.class) else {
            report(format!("case {n}: {:?} is no class", case.class));
            continue;
        };
        let mut record = Record::new(Instant(0), class, Position { line: 1, offset: 0, length: 1 });
        for (name, value) in &case.event {
            match TextField::from_name(name) {
                Some(field) => record.set_text(field, value),
                None => report(format!("case {n}: {name:?} is no text field of events")),
            }
        }
        let mut batch = EventBatch::default();
        batch.push(&record);
        let rows = EventRows::from_batch(&Seal("case".to_owned()), batch);
        let row = rows.row(0);
        let spoken = rules.iter().filter_map(|r| Some((r.id.as_str(), r.speaks_of(&row, Some(&case.format))?)));
        let spoken: Vec<(&str, bool)> = spoken.collect();
        let expected: Vec<(&str, bool)> = case.gives.iter().map(|id| (id.as_str(), case.ends)).collect();
        if spoken != expected {
            report(format!("case {n} should give {expected:?} and gives {spoken:?} (rule, whether it ends it)"));
        }
    }
    for rule in &rules {
        if !pack.cases.iter().any(|case| case.gives.as_deref() == Some(&rule.id) && !case.ends) {
            report(format!("no case for the rule `{}`", rule.id));
        }
    }
    if pack.cases.iter().all(|case| case.gives.is_some()) {
        problems.push(Problem::new(shown, "no case that no rule may speak of").with_hint("add a near miss"));
    }
    problems
}
