//! Queries inside expressions, and among them the probes of a blind injection: a question about one character.

use crate::expr::constant;
use crate::plan::{Block, Role};
use sqlparser::ast::{
    BinaryOperator, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Join, JoinConstraint,
    JoinOperator, Query, Visit, Visitor,
};
use std::ops::ControlFlow;

/// A question about one character of a value, or its length.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) test: Test,
    /// The query whose value is asked about.
    pub(crate) block: Block,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) about: About,
    pub(crate) accept: Accept,
}

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum About {
    /// The code of the character at this position, from 1; 0 past the end.
    Character(u32),
    /// How many characters there are.
    Length,
    /// The whole value.
    Whole,
}

/// Which answers make the condition true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Accept {
    /// Numbers that compare so.
    Number(Compare, i64),
    /// Numbers of a list.
    OneOf(Vec<i64>),
    /// Exactly this text.
    Text(String),
}

/// How numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    Unequal,
}

impl Test {
    /// The answer where the character, or the length, is this number.
    pub(crate) fn holds(&self, number: i64) -> bool {
        match &self.accept {
            Accept::Number(Compare::Greater, with) => number > *with,
            Accept::Number(Compare::GreaterOrEqual, with) => number >= *with,
            Accept::Number(Compare::Less, with) => number < *with,
            Accept::Number(Compare::LessOrEqual, with) => number <= *with,
            Accept::Number(Compare::Equal, with) => number == *with,
            Accept::Number(Compare::Unequal, with) => number != *with,
            Accept::OneOf(list) => list.contains(&number),
            Accept::Text(_) => false,
        }
    }
}

/// A query found inside an expression.
pub(crate) enum Inner<'a> {
    Query(&'a Query, Role),
    Probe(Test, &'a Query),
}

/// The condition of a join, if it has one.
pub(crate) fn join_condition(join: &Join) -> Option<&Expr> {
    use JoinOperator as J;
    let (J::Join(c) | J::Inner(c) | J::Left(c) | J::LeftOuter(c) | J::Right(c) | J::RightOuter(c) | J::FullOuter(c)) =
        &join.join_operator
    else {
        return None;
    };
    match c {
        JoinConstraint::On(expr) => Some(expr),
        _ => None,
    }
}

/// The queries directly inside an expression, each with where its value goes.
pub(crate) fn inner_queries(expr: &Expr, role: Role) -> Vec<Inner<'_>> {
    let mut found = Vec::new();
    search(expr, role, &mut found);
    found
}

fn search<'a>(expr: &'a Expr, role: Role, found: &mut Vec<Inner<'a>>) {
    match expr {
        Expr::Subquery(query) => found.push(Inner::Query(query, role)),
        Expr::Exists { subquery, .. } => found.push(Inner::Query(subquery, Role::Condition)),
        Expr::InSubquery { expr, subquery, .. } => {
            search(expr, Role::Condition, found);
            found.push(Inner::Query(subquery, Role::Condition));
        }
        Expr::BinaryOp { left, op, right } => match comparison(op) {
            Some(compare) => {
                let probe = probe(left, compare, right).or_else(|| probe(right, mirrored(compare), left));
                match probe {
                    Some((test, query)) => found.push(Inner::Probe(test, query)),
                    None => {
                        search(left, condition(role), found);
                        search(right, condition(role), found);
                    }
                }
            }
            None => {
                search(left, role, found);
                search(right, role, found);
            }
        },
        Expr::Cast { expr, data_type, .. } => {
            let role = if is_number(data_type) && role == Role::Condition { Role::Cast } else { role };
            search(expr, role, found);
        }
        Expr::Nested(e)
        | Expr::UnaryOp { expr: e, .. }
        | Expr::Substring { expr: e, .. }
        | Expr::Trim { expr: e, .. }
        | Expr::Collate { expr: e, .. } => search(e, role, found),
        Expr::Function(function) => {
            if let FunctionArguments::List(list) = &function.args {
                for argument in &list.args {
                    if let FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) = argument {
                        search(e, role, found);
                    }
                }
            } else if let FunctionArguments::Subquery(query) = &function.args {
                found.push(Inner::Query(query, role));
            }
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            operand.iter().for_each(|e| search(e, Role::Condition, found));
            for when in conditions {
                search(&when.condition, Role::Condition, found);
                search(&when.result, role, found);
            }
            else_result.iter().for_each(|e| search(e, role, found));
        }
        Expr::InList { expr: asked, list, negated: false } => {
            let codes: Option<Vec<i64>> = list.iter().map(number).collect();
            match (codes, character_of_code(asked)) {
                (Some(codes), Some((position, query))) => {
                    let test = Test { about: About::Character(position), accept: Accept::OneOf(codes) };
                    found.push(Inner::Probe(test, query));
                }
                _ => outermost_queries(expr, condition(role), found),
            }
        }
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) => {}
        other => outermost_queries(other, condition(role), found),
    }
}

/// A value that is compared no longer shows, except in the text of a failing conversion.
fn condition(role: Role) -> Role {
    if role == Role::Output { Role::Condition } else { role }
}

fn outermost_queries<'a>(expr: &'a Expr, role: Role, found: &mut Vec<Inner<'a>>) {
    // The visitor lends queries for the visit only, so the known containers are taken apart by hand.
    let children: Vec<&Expr> = match expr {
        Expr::Between { expr, low, high, .. } => vec![expr, low, high],
        Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. } => vec![expr, pattern],
        Expr::IsNull(e) | Expr::IsNotNull(e) | Expr::IsTrue(e) | Expr::IsNotTrue(e) | Expr::IsFalse(e) => vec![e],
        Expr::InList { expr, list, .. } => std::iter::once(expr.as_ref()).chain(list).collect(),
        Expr::Tuple(list) => list.iter().collect(),
        Expr::Array(array) => array.elem.iter().collect(),
        _ => Vec::new(),
    };
    children.into_iter().for_each(|e| search(e, role, found));
}

/// Whether an expression holds a query in a place that [`inner_queries`] does not look into.
pub(crate) fn hides_queries(expr: &Expr) -> bool {
    struct Count(usize, usize);
    impl Visitor for Count {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 += usize::from(self.1 == 0);
            self.1 += 1;
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.1 -= 1;
            ControlFlow::Continue(())
        }
    }
    let mut count = Count(0, 0);
    let _ = expr.visit(&mut count);
    count.0 != inner_queries(expr, Role::Output).len()
}

fn comparison(op: &BinaryOperator) -> Option<Compare> {
    Some(match op {
        BinaryOperator::Gt => Compare::Greater,
        BinaryOperator::GtEq => Compare::GreaterOrEqual,
        BinaryOperator::Lt => Compare::Less,
        BinaryOperator::LtEq => Compare::LessOrEqual,
        BinaryOperator::Eq => Compare::Equal,
        BinaryOperator::NotEq => Compare::Unequal,
        _ => return None,
    })
}

fn mirrored(compare: Compare) -> Compare {
    match compare {
        Compare::Greater => Compare::Less,
        Compare::GreaterOrEqual => Compare::LessOrEqual,
        Compare::Less => Compare::Greater,
        Compare::LessOrEqual => Compare::GreaterOrEqual,
        same => same,
    }
}

fn is_number(data_type: &DataType) -> bool {
    let text = data_type.to_string().to_uppercase();
    ["NUMERIC", "INT", "DECIMAL", "DOUBLE", "FLOAT", "REAL", "BIGINT", "SMALLINT"].iter().any(|n| text.starts_with(n))
}

/// `ASCII(SUBSTRING((SELECT …)::text FROM 3 FOR 1)) > 64`, `SUBSTR((SELECT …), 3, 1) = 'a'`, `LENGTH((SELECT …)) > 9`,
/// `(SELECT …) = 'guessed'`.
fn probe<'a>(asked: &'a Expr, compare: Compare, with: &'a Expr) -> Option<(Test, &'a Query)> {
    let accept = |number: i64| Accept::Number(compare, number);
    if let Some((position, query)) = character_of_code(asked) {
        return Some((Test { about: About::Character(position), accept: accept(number(with)?) }, query));
    }
    if let Some((position, query)) = character_of(asked) {
        let text = constant(with)?;
        let mut letters = text.chars();
        let code = letters.next().map_or(0, |c| i64::from(u32::from(c)));
        let test = Test { about: About::Character(position), accept: accept(code) };
        return letters.next().is_none().then_some((test, query));
    }
    match bare(asked) {
        Expr::Function(function) => {
            let name = function.name.to_string().to_lowercase();
            let arguments = arguments(function);
            let [value] = arguments.as_slice() else { return None };
            let measures = matches!(name.as_str(), "length" | "char_length" | "character_length");
            let query = query_of(value).filter(|_| measures)?;
            Some((Test { about: About::Length, accept: accept(number(with)?) }, query))
        }
        Expr::Subquery(query) if compare == Compare::Equal => {
            Some((Test { about: About::Whole, accept: Accept::Text(constant(with)?) }, query))
        }
        _ => None,
    }
}

fn character_of_code(expr: &Expr) -> Option<(u32, &Query)> {
    let Expr::Function(function) = bare(expr) else { return None };
    let name = function.name.to_string().to_lowercase();
    match arguments(function).as_slice() {
        [character] if matches!(name.as_str(), "ascii" | "ord" | "unicode") => character_of(character),
        _ => None,
    }
}

fn character_of(expr: &Expr) -> Option<(u32, &Query)> {
    let (value, from, length) = match bare(expr) {
        Expr::Substring { expr, substring_from: Some(from), substring_for: Some(length), .. } => {
            (expr.as_ref(), from.as_ref(), length.as_ref())
        }
        Expr::Function(function) => {
            let name = function.name.to_string().to_lowercase();
            match arguments(function).as_slice() {
                [value, from, length] if matches!(name.as_str(), "substr" | "substring" | "mid") => {
                    (*value, *from, *length)
                }
                _ => return None,
            }
        }
        _ => return None,
    };
    let position = u32::try_from(number(from)?).ok()?;
    (number(length)? == 1).then_some((position, query_of(value)?))
}

fn query_of(expr: &Expr) -> Option<&Query> {
    match bare(expr) {
        Expr::Subquery(query) => Some(query),
        _ => None,
    }
}

/// An expression without the parentheses and conversions to text around it.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => bare(inner),
        Expr::Cast { expr: inner, data_type, .. } if !is_number(data_type) => bare(inner),
        other => other,
    }
}

fn number(expr: &Expr) -> Option<i64> {
    constant(expr)?.parse().ok()
}

fn arguments(function: &sqlparser::ast::Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    list.args
        .iter()
        .filter_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}
