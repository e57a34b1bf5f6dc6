//! Works out patterns for lines of text that nobody has described.

mod pieces;
mod shape;

use super::names::Names;
use super::plan::{Columns, Plan, sign_in};
use super::values::Column;
use crate::clock::Clock;
use pieces::{Kind, Piece, pieces};
use shape::{Place, Shape, shapes, value_regex};
use std::collections::BTreeSet;

/// Lines that are aligned.
const LINES_MAX: usize = 400;
/// Pieces within which a line's time must stand for it to begin a record.
const TIME_WITHIN: usize = 20;
/// Bytes above which a line is not looked at.
const LINE_BYTES_MAX: usize = 8 << 10;

/// What a draft says of text.
pub(super) struct TextPlan {
    pub(super) patterns: Vec<PatternLine>,
    pub(super) continues: Option<String>,
    /// Whether any line goes on with the record above it.
    pub(super) has_spans: bool,
    pub(super) plan: Plan,
    /// Lines that show each pattern, by number.
    pub(super) shown: Vec<usize>,
    /// Names of people found in them.
    pub(super) people: BTreeSet<String>,
    /// The patterns' own words, which masking leaves as they are.
    pub(super) constants: BTreeSet<String>,
}

/// One pattern of a draft.
pub(super) struct PatternLine {
    pub(super) regex: String,
    /// How many of the lines that were looked at have it.
    pub(super) lines: usize,
    pub(super) class: Option<&'static str>,
    pub(super) activity: Option<&'static str>,
    pub(super) status: Option<&'static str>,
}

/// Works out patterns. None if no line has a time near its beginning. `simple` asks for the common beginning only.
pub(super) fn text_plan(lines: &[&str], names: &Names, clock: &mut Clock, simple: bool) -> Option<TextPlan> {
    let looked_at = lines.iter().enumerate().filter(|(_, l)| !l.trim().is_empty() && l.len() <= LINE_BYTES_MAX);
    let cut: Vec<(usize, Vec<Piece<'_>>)> = looked_at.take(LINES_MAX).map(|(i, l)| (i, pieces(l, clock))).collect();
    let begins = |p: &[Piece<'_>]| p.iter().take(TIME_WITHIN).any(|p| matches!(p.kind, Kind::Time(_)));
    let (records, others): (Vec<_>, Vec<_>) = cut.into_iter().partition(|(_, p)| begins(p) && !starts_blank(p));
    if records.is_empty() {
        return None;
    }
    let mut shapes = shapes(&records);
    shapes.retain(|shape| shape.places.iter().any(|p| matches!(p, Place::Value { kind: Kind::Time(_), .. })));
    if simple {
        shapes = shapes.into_iter().filter_map(simplified).collect();
        shapes.dedup_by(|a, b| a.places == b.places);
    }
    if shapes.is_empty() {
        return None;
    }
    let named = Named::of(&shapes, clock);
    let plan = Plan::of(&named.columns, names, &[], None);
    let patterns = shapes.iter().zip(&named.names).map(|(shape, names)| pattern(shape, names, &plan)).collect();
    let continues = continues(&others, lines);
    let people = named.columns.iter().filter(|(name, _)| plan.people.contains(name));
    Some(TextPlan {
        patterns,
        has_spans: others.len() * 20 > records.len(),
        continues,
        shown: shown(&shapes),
        people: people.flat_map(|(_, column)| column.distinct.keys().cloned()).collect(),
        constants: constants(&shapes),
        plan,
    })
}

fn starts_blank(pieces: &[Piece<'_>]) -> bool {
    pieces.first().is_some_and(|p| p.kind == Kind::Space)
}

/// The shape up to its first time, and the rest as it comes.
fn simplified(shape: Shape) -> Option<Shape> {
    let at = shape.places.iter().position(|p| matches!(p, Place::Value { kind: Kind::Time(_), .. }))?;
    let places = shape.places.into_iter().take(at + 1).chain([Place::Rest]).map(|place| match place {
        Place::Value { kind, may_lack, hint, .. } => Place::Value { kind, may_lack, hint, values: Vec::new() },
        other => other,
    });
    Some(Shape { places: places.collect(), lines: shape.lines })
}

fn shown(shapes: &[Shape]) -> Vec<usize> {
    let mut shown: BTreeSet<usize> = shapes.iter().filter_map(|shape| shape.lines.first().copied()).collect();
    if let Some(general) = shapes.last() {
        shown.extend(general.lines.iter().take(2));
    }
    shown.into_iter().collect()
}

fn constants(shapes: &[Shape]) -> BTreeSet<String> {
    let places = shapes.iter().flat_map(|shape| &shape.places);
    places.filter_map(|place| if let Place::Constant(text) = place { Some(text.clone()) } else { None }).collect()
}

/// The names that the values of shapes are given, and what is known of each.
struct Named {
    /// For each shape, the name of each of its places.
    names: Vec<Vec<String>>,
    columns: Columns,
}

impl Named {
    fn of(shapes: &[Shape], clock: &mut Clock) -> Named {
        let mut named = Named { names: Vec::new(), columns: Vec::new() };
        for shape in shapes {
            let mut own: Vec<String> = Vec::new();
            for place in &shape.places {
                let name = match place {
                    Place::Value { kind, hint, .. } => unique(&base_name(*kind, hint), &own),
                    _ => String::new(),
                };
                if let Place::Value { values, .. } = place {
                    named.add(&name, values, clock);
                }
                own.push(name);
            }
            named.names.push(own);
        }
        named
    }

    fn add(&mut self, name: &str, values: &[String], clock: &mut Clock) {
        let at = self.columns.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
            self.columns.push((name.to_owned(), Column::default()));
            self.columns.len() - 1
        });
        for value in values {
            self.columns[at].1.add(value, clock);
        }
    }
}

fn base_name(kind: Kind, hint: &str) -> String {
    let hint: String =
        hint.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let hint = hint.trim_matches('_').to_owned();
    let is_name = (2..=32).contains(&hint.len()) && hint.starts_with(|c: char| c.is_ascii_alphabetic());
    match kind {
        Kind::Time(_) => "moment".to_owned(),
        _ if is_name => hint,
        Kind::Ip => "ip".to_owned(),
        Kind::Number => "number".to_owned(),
        Kind::Quoted => "text".to_owned(),
        Kind::Path => "path".to_owned(),
        _ => "word".to_owned(),
    }
}

fn unique(name: &str, taken: &[String]) -> String {
    if !taken.iter().any(|t| t == name) {
        return name.to_owned();
    }
    (2..).map(|n| format!("{name}_{n}")).find(|n| !taken.contains(n)).unwrap_or_default()
}

fn pattern(shape: &Shape, names: &[String], plan: &Plan) -> PatternLine {
    let mut regex = String::new();
    let mut used: Vec<String> = Vec::new();
    let mut words = String::new();
    for (i, (place, name)) in shape.places.iter().zip(names).enumerate() {
        match place {
            Place::Constant(text) => {
                regex.push_str(&regex::escape(text));
                words.push_str(text);
            }
            Place::Blanks(many) => regex.push_str(if *many { r"\s+" } else { " " }),
            Place::Rest => regex.push_str("(?P<message>.*)"),
            Place::Value { kind, may_lack, .. } => {
                let before_colon =
                    matches!(shape.places.get(i + 1), Some(Place::Constant(c)) if c.starts_with([':', '.']));
                let inner = value_regex(*kind, before_colon);
                let inner = if *may_lack { format!("-|{inner}") } else { inner };
                let group = unique(&group_name(name, *kind, plan, &used), &used);
                let quote = if *kind == Kind::Quoted { "\"" } else { "" };
                regex.push_str(&format!("{quote}(?P<{group}>{inner}){quote}"));
                used.push(group);
            }
        }
    }
    let said = sign_in(&words);
    PatternLine {
        regex,
        lines: shape.lines.len(),
        class: said.map(|_| "authentication"),
        activity: said.map(|(activity, _)| activity),
        status: said.and_then(|(_, status)| status),
    }
}

/// The group that puts a value into its field; without a field, under its own name.
fn group_name(name: &str, kind: Kind, plan: &Plan, used: &[String]) -> String {
    if matches!(kind, Kind::Time(_)) {
        return if used.iter().any(|u| u == "time") { "further_time".to_owned() } else { "time".to_owned() };
    }
    let field =
        plan.map.iter().find(|(_, names)| names.first().is_some_and(|n| n == name)).map(|(field, _)| field.as_str());
    let Some(field) = field else {
        // A name of its own must not be taken for a field or a word.
        let is_known = crate::targets::Target::from_name(name).is_some();
        return if is_known { format!("{name}_") } else { name.to_owned() };
    };
    let text = stanch_model::TextField::from_name(field).map(stanch_model::TextField::column);
    let number = || stanch_model::NumberField::from_name(field).map(stanch_model::NumberField::column);
    text.or_else(number).unwrap_or(field).to_owned()
}

/// How lines begin that go on with a record.
fn continues(others: &[(usize, Vec<Piece<'_>>)], lines: &[&str]) -> Option<String> {
    if others.is_empty() {
        return None;
    }
    let mut beginnings: BTreeSet<String> = BTreeSet::new();
    for (number, pieces) in others {
        let first = pieces.first().map_or("", |p| p.text);
        let is_blank = lines[*number].starts_with([' ', '\t']);
        beginnings.insert(if is_blank { r"\s".to_owned() } else { regex::escape(first) });
    }
    const BEGINNINGS_MAX: usize = 8;
    let few: Vec<String> = beginnings.into_iter().filter(|b| !b.is_empty()).take(BEGINNINGS_MAX).collect();
    (!few.is_empty()).then(|| format!("^({})", few.join("|")))
}
