//! The literals of a shape: which vary, of what kind they are, and how lists and ranges of them are spread.
//!
//! A list of varying literals (`IN (…)`) becomes one row of the literals' table for each of its values. A range between
//! two varying whole numbers becomes one row for each bucket of numbers that it touches, so that a million ranges are a
//! hash join and not a million times a million comparisons.

use crate::expr::{LITERALS, column_name, fold, place_of};
use crate::plan::{Plan, Unplanned};
use crate::shape::{Literal, LiteralKind};
use crate::worlds::Worlds;
use sqlparser::ast::{
    Assignment, AssignmentTarget, BinaryOperator, Expr, Ident, SetExpr, Statement, Value, Visit, Visitor,
};
use stanch_lake::datafusion::arrow::datatypes::DataType;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// The column of the literals' table for values of a list and for buckets of a range.
pub(super) const SPREAD: &str = "x";

/// Literals that take more than one row of the table for a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spread {
    /// A list: these places.
    List(Vec<usize>),
    /// A range between two places, cut into buckets of this many numbers.
    Buckets { low: usize, high: usize, width: i64 },
}

/// Which literals differ between the questions. All must have the same number of them.
pub(super) fn varying(literals: &[Vec<Literal>]) -> Result<Vec<usize>, Unplanned> {
    let first = &literals[0];
    if literals.iter().any(|l| l.len() != first.len()) {
        return Err("literals of different number".to_owned());
    }
    Ok((0..first.len()).filter(|at| literals.iter().any(|l| l[*at].value != first[*at].value)).collect())
}

pub(super) fn template(text: &str, literals: &[Literal], varying: &[usize]) -> String {
    let mut template = String::with_capacity(text.len() + 16 * varying.len());
    let mut at = 0;
    for (number, literal) in literals.iter().enumerate() {
        if let Some(place) = varying.iter().position(|v| *v == number) {
            template.push_str(&text[at..literal.span.0]);
            template.push_str(&format!("{LITERALS}.p{place}"));
            at = literal.span.1;
        }
    }
    template.push_str(&text[at..]);
    template
}

/// Columns that an UPDATE sets to a varying literal, with its place.
pub(super) fn set_to_literals(statement: &Statement) -> BTreeMap<String, usize> {
    let Statement::Update(update) = statement else { return BTreeMap::new() };
    let of = |assignment: &Assignment| {
        let AssignmentTarget::ColumnName(column) = &assignment.target else { return None };
        let column = column.0.last()?.as_ident().map(fold)?;
        Some((column, place_of(&assignment.value)?))
    };
    update.assignments.iter().filter_map(of).collect()
}

/// What kind of value each literal is.
pub(super) struct Kinds<'k, 'l> {
    pub(super) worlds: &'k Worlds<'l>,
    pub(super) plan: &'k Plan,
    pub(super) literals: &'k [Vec<Literal>],
}

impl Kinds<'_, '_> {
    /// Which varying literals are whole numbers: those written as such, and quoted ones compared with a column of whole
    /// numbers. The others are text, and must be compared with text: with anything else, a date say, the engine's rules
    /// for a constant and for a column differ.
    pub(super) fn numeric(&self, statement: &Statement, varying: &[usize]) -> Result<Vec<(usize, bool)>, Unplanned> {
        let Compared { columns, patterns } = compared(statement);
        let set: Vec<usize> = set_to_literals(statement).into_values().collect();
        varying
            .iter()
            .enumerate()
            .map(|(place, at)| {
                let written_as_number = self.literals.iter().all(|l| l[*at].kind == LiteralKind::Number);
                let is = |kind| columns.get(&place).is_some_and(|column| self.is_of(column, kind));
                if written_as_number || is(&DataType::Int64) {
                    // A value that is no whole number would need the engine's own conversion rules.
                    let all = self.literals.iter().all(|l| l[*at].value.parse::<i64>().is_ok());
                    return if all { Ok((*at, true)) } else { Err("literals that are no whole numbers".to_owned()) };
                }
                if is(&DataType::Utf8) || patterns.contains(&place) || set.contains(&place) {
                    return Ok((*at, false));
                }
                Err("a literal that is compared with neither a number nor text".to_owned())
            })
            .collect()
    }

    /// Whether every column of that name in the tables at hand is of that type, and there is one.
    fn is_of(&self, column: &str, kind: &DataType) -> bool {
        let columns = self.plan.needs().filter_map(|t| self.worlds.table(t)).flat_map(|t| &t.columns);
        let mut kinds = columns.filter(|(name, _)| name == column).map(|(_, kind)| kind).peekable();
        kinds.peek().is_some() && kinds.all(|found| found == kind)
    }

    /// Rewrites the first list or range of varying literals that the statement's condition demands.
    pub(super) fn spread(&self, statement: &mut Statement, varying: &[(usize, bool)]) -> Option<Spread> {
        let condition = match statement {
            Statement::Query(query) => match query.body.as_mut() {
                SetExpr::Select(select) => select.selection.as_mut()?,
                _ => return None,
            },
            Statement::Update(update) => update.selection.as_mut()?,
            Statement::Delete(delete) => delete.selection.as_mut()?,
            _ => return None,
        };
        let alike = |places: &[usize]| places.windows(2).all(|p| varying[p[0]].1 == varying[p[1]].1);
        if let Some(places) = list_in(condition, &alike) {
            return Some(Spread::List(places));
        }
        let (column, low, high) = range_in(condition)?;
        let (_, name) = column_name(&column)?;
        if !(varying[low].1 && varying[high].1 && self.is_of(&name, &DataType::Int64)) {
            return None;
        }
        let number = |literals: &[Literal], place: usize| literals[varying[place].0].value.parse::<i64>().unwrap_or(0);
        let widths = self.literals.iter().map(|l| number(l, high).saturating_sub(number(l, low)).max(0));
        let total = widths.fold(0i64, i64::saturating_add);
        let width = (total / i64::try_from(self.literals.len()).ok()?).max(1);
        let bucket = Expr::BinaryOp {
            left: Box::new(Expr::BinaryOp {
                left: Box::new(column),
                op: BinaryOperator::Divide,
                right: Box::new(Expr::value(Value::Number(width.to_string(), false))),
            }),
            op: BinaryOperator::Eq,
            right: Box::new(spread_column()),
        };
        let old = std::mem::replace(condition, Expr::value(Value::Null));
        *condition = Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(old))),
            op: BinaryOperator::And,
            right: Box::new(bucket),
        };
        Some(Spread::Buckets { low, high, width })
    }
}

fn spread_column() -> Expr {
    Expr::CompoundIdentifier(vec![Ident::new(LITERALS), Ident::new(SPREAD)])
}

/// A list of varying literals alone, among what must hold; it becomes an equality with the spread column.
fn list_in(condition: &mut Expr, alike: &impl Fn(&[usize]) -> bool) -> Option<Vec<usize>> {
    match condition {
        Expr::Nested(inner) => list_in(inner, alike),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            list_in(left, alike).or_else(|| list_in(right, alike))
        }
        Expr::InList { expr, list, negated: false } if column_name(expr).is_some() && list.len() > 1 => {
            let places = list.iter().map(place_of).collect::<Option<Vec<usize>>>().filter(|p| alike(p))?;
            let left = std::mem::replace(expr.as_mut(), Expr::value(Value::Null));
            let right = Box::new(spread_column());
            *condition = Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::Eq, right };
            Some(places)
        }
        _ => None,
    }
}

/// A column that must lie between two varying literals.
fn range_in(condition: &Expr) -> Option<(Expr, usize, usize)> {
    let (mut low, mut high) = (Vec::new(), Vec::new());
    bounds(condition, &mut low, &mut high);
    low.into_iter().find_map(|(column, from)| {
        let (_, to) = high.iter().find(|(other, _)| column_name(other) == column_name(&column))?;
        Some((column, from, *to))
    })
}

fn bounds(condition: &Expr, low: &mut Vec<(Expr, usize)>, high: &mut Vec<(Expr, usize)>) {
    use BinaryOperator::{And, Gt, GtEq, Lt, LtEq};
    let column = |expr: &Expr| (place_of(expr).is_none() && column_name(expr).is_some()).then(|| expr.clone());
    match condition {
        Expr::Nested(inner) => bounds(inner, low, high),
        Expr::BinaryOp { left, op: And, right } => {
            bounds(left, low, high);
            bounds(right, low, high);
        }
        Expr::BinaryOp { left, op: op @ (Gt | GtEq | Lt | LtEq), right } => {
            let above = matches!(op, Gt | GtEq);
            let (found, above) = match (column(left), place_of(right), place_of(left), column(right)) {
                (Some(column), Some(place), ..) => ((column, place), above),
                (.., Some(place), Some(column)) => ((column, place), !above),
                _ => return,
            };
            if above { low.push(found) } else { high.push(found) }
        }
        Expr::Between { expr, negated: false, low: from, high: to } => {
            if let (Some(column), Some(from), Some(to)) = (column(expr), place_of(from), place_of(to)) {
                low.push((column.clone(), from));
                high.push((column, to));
            }
        }
        _ => {}
    }
}

/// What varying literals are compared with.
#[derive(Default)]
struct Compared {
    /// Literal → the column.
    columns: BTreeMap<usize, String>,
    /// Literals that are patterns of LIKE.
    patterns: BTreeSet<usize>,
}

impl Compared {
    fn pair(&mut self, a: &Expr, b: &Expr) {
        if let (Some(place), None, Some((_, column))) = (place_of(a), place_of(b), column_name(b)) {
            self.columns.insert(place, column);
        }
    }
}

impl Visitor for Compared {
    type Break = ();
    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::BinaryOp { left, right, .. } => {
                self.pair(left, right);
                self.pair(right, left);
            }
            Expr::InList { expr, list, .. } => list.iter().for_each(|e| self.pair(e, expr)),
            Expr::Between { expr, low, high, .. } => {
                self.pair(low, expr);
                self.pair(high, expr);
            }
            Expr::Like { pattern, .. } | Expr::ILike { pattern, .. } => self.patterns.extend(place_of(pattern)),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn compared(statement: &Statement) -> Compared {
    let mut compared = Compared::default();
    let _ = statement.visit(&mut compared);
    compared
}
