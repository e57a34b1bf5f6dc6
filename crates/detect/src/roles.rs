//! Keys and database roles away from home, and what roles do there.

use crate::example::{Examples, Span};
use crate::names::{Name, Names};
use crate::network::Known;
use crate::rules::{Behaviour, Detection, Figure, Figures, Rules};
use crate::statement::habit;
use crate::survey::Survey;
use crate::trace::{count, list, propose};
use crate::uses::{Homes, NewPlace, Uses};
use stanch_lake::EventRow;
use stanch_model::{EventClass, EventFields, Finding, Identity, IdentityKind, TextField};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Names, tables and shapes kept per role and client.
const NAMES_MAX: usize = 512;
const SHAPES_MAX: usize = 4096;

/// First reading: what each role does from each client address.
#[derive(Debug, Default)]
pub(crate) struct RoleSurvey {
    pub(crate) roles: Names,
    pub(crate) uses: Uses,
    habits: HashMap<(Name, Name), Habits>,
}

#[derive(Debug, Default)]
struct Habits {
    span: Span,
    /// Lines that show a statement, and the audit's, which show the same again.
    statements: u64,
    audited: u64,
    commands: BTreeSet<String>,
    programs: BTreeSet<String>,
    tables: BTreeSet<String>,
    shapes: BTreeSet<u64>,
}

impl Habits {
    fn statements(&self) -> u64 {
        self.statements.max(self.audited)
    }
}

impl RoleSurvey {
    pub(crate) fn observe(&mut self, row: &EventRow<'_>, address: Name) {
        let Some(role) = database_role(row) else { return };
        let role = self.roles.number(role);
        self.uses.add(role, address, row.time());
        let habits = self.habits.entry((role, address)).or_default();
        habits.span.add(row.time());
        if let Some(program) = row.text_of(TextField::AppName).filter(|p| !p.is_empty()) {
            keep(&mut habits.programs, program.to_owned(), NAMES_MAX);
        }
        if row.class() != EventClass::DatastoreActivity {
            return;
        }
        let Some(query) = row.text_of(TextField::Query) else { return };
        let what = habit(query);
        match row.text_of(TextField::Activity) {
            Some("audit") => habits.audited += 1,
            _ => habits.statements += 1,
        }
        keep(&mut habits.commands, what.command, NAMES_MAX);
        keep(&mut habits.shapes, what.shape, SHAPES_MAX);
        what.tables.into_iter().for_each(|t| keep(&mut habits.tables, t, NAMES_MAX));
    }
}

/// The database role behind an event: of a statement, or of a login to a database.
pub(crate) fn database_role<'a>(row: &EventRow<'a>) -> Option<&'a str> {
    let of_database = match row.class() {
        EventClass::DatastoreActivity => true,
        EventClass::Authentication => {
            row.text_of(TextField::Database).is_some() || row.text_of(TextField::Activity) == Some("connect")
        }
        _ => false,
    };
    row.text_of(TextField::UserName).filter(|name| of_database && !name.is_empty())
}

fn keep<T: Ord>(set: &mut BTreeSet<T>, member: T, max: usize) {
    set.insert(member);
    if set.len() > max {
        set.pop_last();
    }
}

/// Second reading: examples of roles at new clients.
#[derive(Debug)]
pub(crate) struct RoleCloser {
    homes: Homes,
    examples: HashMap<(Name, Name), Examples>,
}

impl RoleCloser {
    pub(crate) fn new(survey: &Survey<'_>) -> RoleCloser {
        RoleCloser { homes: survey.roles.uses.several(&survey.addresses), examples: HashMap::new() }
    }

    pub(crate) fn observe(&mut self, survey: &Survey<'_>, row: &EventRow<'_>, address: Name) {
        let Some(role) = database_role(row).and_then(|r| survey.roles.roles.get(r)) else { return };
        self.homes.observe(role, address, row.time());
        if self.homes.has(role) {
            self.examples.entry((role, address)).or_default().add(row);
        }
    }

    /// Roles at new clients, and what they do there that they never did.
    pub(crate) fn findings(&self, survey: &Survey<'_>, rules: &Rules, known: &Known, out: &mut Vec<Finding>) {
        let covered = |a: Name| known.covers(survey.addresses.text(a));
        let hostile = |a: Name| survey.is_hostile(rules, a);
        let mut by_role = BTreeMap::new();
        for role in self.homes.subjects() {
            let new = self.homes.new_places(role, &covered, &hostile);
            let new: Vec<NewPlace> = new.into_iter().filter(|n| !covered(n.place)).collect();
            by_role.insert(survey.roles.roles.text(role), (role, new));
        }
        for (role, (name, new)) in by_role {
            for behaviour in [Behaviour::RoleFromNewClient, Behaviour::RoleOutsideHabits] {
                for detection in rules.behaviour(behaviour) {
                    let told = new.iter().filter_map(|n| self.told(survey, detection, name, n, &new));
                    out.extend(self.finding(survey, detection, (role, name), told.collect()));
                }
            }
        }
    }

    fn told(
        &self,
        survey: &Survey<'_>,
        detection: &Detection,
        role: Name,
        new: &NewPlace,
        all_new: &[NewPlace],
    ) -> Option<Told> {
        let at = |address| &survey.roles.habits[&(role, address)];
        let here = at(new.place);
        let own: Vec<&Habits> = survey
            .roles
            .habits
            .iter()
            .filter(|((r, address), _)| *r == role && all_new.iter().all(|n| n.place != *address))
            .map(|(_, habits)| habits)
            .collect();
        let commands = never(&here.commands, &own, |h| &h.commands);
        let programs = never(&here.programs, &own, |h| &h.programs);
        let tables = never(&here.tables, &own, |h| &h.tables);
        let shapes = never(&here.shapes, &own, |h| &h.shapes);
        let figures = Figures::from([
            (Figure::Before, new.before as f64),
            (Figure::After, new.after as f64),
            (Figure::OwnKnown, f64::from(u8::from(new.own_known))),
            (Figure::Statements, here.statements() as f64),
            (Figure::NewCommands, commands.len() as f64),
            (Figure::NewProgram, programs.len() as f64),
            (Figure::NewTables, tables.len() as f64),
            (Figure::NewShapes, shapes.len() as f64 / here.shapes.len().max(1) as f64),
        ]);
        let confidence = detection.judge(&figures)?;
        let mut what = vec![count(here.statements() as usize, "statement", "statements")];
        if !commands.is_empty() {
            what.push(format!("commands new to it: {}", list(commands.iter().map(|c| c.as_str()), 6)));
        }
        if !programs.is_empty() {
            what.push(format!("under a program name new to it: {}", list(programs.iter().map(|p| p.as_str()), 3)));
        }
        if !tables.is_empty() {
            what.push(format!("tables new to it: {}", list(tables.iter().map(|t| t.as_str()), 6)));
        }
        if matches!(detection.looks_at, crate::rules::LooksAt::Behaviour(Behaviour::RoleFromNewClient)) {
            what = vec![format!(
                "{} events from a client new to the role, after {} from its own and before {} more",
                here.span.events, new.before, new.after
            )];
        }
        Some(Told { address: new.place, span: here.span, confidence, what: what.join("; ") })
    }

    fn finding(
        &self,
        survey: &Survey<'_>,
        detection: &Detection,
        (role, name): (&str, Name),
        mut told: Vec<Told>,
    ) -> Option<Finding> {
        let text = |t: &Told| survey.addresses.text(t.address).to_owned();
        told.sort_by_key(text);
        let (mut span, mut examples) = (Span::default(), Examples::default());
        let mut proposes: Vec<Identity> = Vec::new();
        for t in &told {
            let (address, window) = (text(t), t.span.window);
            span.merge(&t.span);
            examples.merge(&self.examples[&(name, t.address)]);
            proposes.push(propose(IdentityKind::Address, &address, &[], window, t.confidence, t.what.clone()));
        }
        let confidence = told.iter().map(|t| t.confidence).reduce(f64::max)?;
        let from: Vec<String> = told.iter().map(text).collect();
        let from: Vec<&str> = from.iter().map(String::as_str).collect();
        let what = told.iter().map(|t| t.what.as_str()).collect::<Vec<_>>().join("; ");
        proposes.push(propose(IdentityKind::DatabaseRole, role, &from, span.window, confidence, what.clone()));
        Some(Finding {
            detection: detection.id.clone(),
            title: detection.title.clone(),
            detail: format!("role {role} from {}: {what}", count(told.len(), "client", "clients")),
            severity: detection.level,
            confidence,
            window: span.window,
            events: span.events,
            examples: examples.places(),
            proposes,
        })
    }
}

/// What is told about a role at one client.
struct Told {
    address: Name,
    span: Span,
    confidence: f64,
    what: String,
}

fn never<'a, T: Ord>(
    here: &'a BTreeSet<T>,
    own: &[&'a Habits],
    of: impl Fn(&'a Habits) -> &'a BTreeSet<T>,
) -> Vec<&'a T> {
    here.iter().filter(|x| own.iter().all(|h| !of(h).contains(x))).collect()
}
