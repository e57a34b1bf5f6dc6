//! Reading expressions: which columns show through, which only decide.

use crate::plan::{Block, Cut, How, Unplanned};
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, LimitClause,
    Query, Select, SelectItem, UnaryOperator, Value, Visit, VisitMut, Visitor, VisitorMut,
};
use std::ops::ControlFlow;

/// A column as written: its qualifier, its name.
pub(crate) type ColumnName = (Option<String>, String);

/// An identifier as PostgreSQL folds it.
pub(crate) fn fold(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// The column that an expression is, if it is just one.
pub(crate) fn column_name(expr: &Expr) -> Option<ColumnName> {
    match expr {
        Expr::Identifier(name) => Some((None, fold(name))),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [.., table, name] => Some((Some(fold(table)), fold(name))),
            [name] => Some((None, fold(name))),
            [] => None,
        },
        Expr::Nested(inner) => column_name(inner),
        _ => None,
    }
}

/// Every column of an expression, outside subqueries, and how it reaches the expression's value.
pub(crate) fn uses(expr: &Expr, how: How) -> Vec<(ColumnName, How)> {
    let mut found = Vec::new();
    collect(expr, how, &mut found);
    found
}

fn collect(expr: &Expr, how: How, found: &mut Vec<(ColumnName, How)>) {
    if let Some(column) = column_name(expr) {
        found.push((column, how));
        return;
    }
    let decides = How::Membership;
    match expr {
        Expr::Nested(e)
        | Expr::Cast { expr: e, .. }
        | Expr::Collate { expr: e, .. }
        | Expr::AtTimeZone { timestamp: e, .. }
        | Expr::Trim { expr: e, .. } => collect(e, how, found),
        Expr::UnaryOp { op: UnaryOperator::Not, expr: e } => collect(e, decides, found),
        Expr::UnaryOp { expr: e, .. } => collect(e, how, found),
        Expr::BinaryOp { left, op, right } => {
            let shows = matches!(
                op,
                BinaryOperator::StringConcat
                    | BinaryOperator::Plus
                    | BinaryOperator::Minus
                    | BinaryOperator::Multiply
                    | BinaryOperator::Divide
                    | BinaryOperator::Arrow
                    | BinaryOperator::LongArrow
                    | BinaryOperator::HashArrow
                    | BinaryOperator::HashLongArrow
            );
            let how = if shows { how } else { decides };
            collect(left, how, found);
            collect(right, how, found);
        }
        Expr::Substring { expr: e, .. } | Expr::Extract { expr: e, .. } => collect(e, part(how), found),
        Expr::Function(function) => collect_function(function, how, found),
        Expr::Case { operand, conditions, else_result, .. } => {
            operand.iter().for_each(|e| collect(e, decides, found));
            for when in conditions {
                collect(&when.condition, decides, found);
                collect(&when.result, how, found);
            }
            else_result.iter().for_each(|e| collect(e, how, found));
        }
        Expr::Tuple(list) => list.iter().for_each(|e| collect(e, how, found)),
        Expr::Array(array) => array.elem.iter().for_each(|e| collect(e, how, found)),
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::Value(_) | Expr::TypedString(_) => {}
        Expr::InSubquery { expr: e, .. }
        | Expr::IsNull(e)
        | Expr::IsNotNull(e)
        | Expr::IsTrue(e)
        | Expr::IsNotTrue(e)
        | Expr::IsFalse(e)
        | Expr::IsNotFalse(e) => collect(e, decides, found),
        Expr::Between { expr: e, low, high, .. } => [e, low, high].into_iter().for_each(|e| collect(e, decides, found)),
        Expr::Like { expr: e, pattern, .. } | Expr::ILike { expr: e, pattern, .. } => {
            collect(e, decides, found);
            collect(pattern, decides, found);
        }
        Expr::InList { expr: e, list, .. } => {
            collect(e, decides, found);
            list.iter().for_each(|e| collect(e, decides, found));
        }
        // Anything else: its columns may show, so they count as showing.
        other => every_column(other, how, found),
    }
}

fn part(how: How) -> How {
    if how == How::Value { How::Part } else { how }
}

fn collect_function(function: &Function, how: How, found: &mut Vec<(ColumnName, How)>) {
    let name = function.name.to_string().to_lowercase();
    let how = match name.rsplit('.').next().unwrap_or_default() {
        "count" | "sum" | "avg" | "stddev" | "variance" | "bool_and" | "bool_or" | "every" | "length"
        | "char_length" | "character_length" | "octet_length" | "ascii" | "row_number" | "rank" | "dense_rank"
        | "ntile" | "md5" | "sha256" | "strpos" | "position" => How::Membership,
        "min" | "max" if how == How::Value => How::OneOfGroup,
        "substr" | "substring" | "left" | "right" | "split_part" | "date_trunc" | "date_part" | "get_byte" => part(how),
        _ => how,
    };
    each_argument(function, |e| collect(e, how, found));
    if let Some(filter) = &function.filter {
        collect(filter, How::Membership, found);
    }
}

fn each_argument(function: &Function, mut visit: impl FnMut(&Expr)) {
    if let FunctionArguments::List(list) = &function.args {
        for argument in &list.args {
            let (FunctionArg::Unnamed(value)
            | FunctionArg::Named { arg: value, .. }
            | FunctionArg::ExprNamed { arg: value, .. }) = argument;
            if let FunctionArgExpr::Expr(expr) = value {
                visit(expr);
            }
        }
    }
}

fn every_column(expr: &Expr, how: How, found: &mut Vec<(ColumnName, How)>) {
    struct Columns<'a>(&'a mut Vec<(ColumnName, How)>, How);
    impl Visitor for Columns<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if let Some(column) = column_name(expr) {
                self.0.push((column, self.1));
            }
            ControlFlow::Continue(())
        }
    }
    let _ = expr.visit(&mut Columns(found, how));
}

/// Columns that must equal a constant for the condition to hold.
pub(crate) fn equalities(condition: &Expr) -> Vec<ColumnName> {
    match condition {
        Expr::Nested(inner) => equalities(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut found = equalities(left);
            found.extend(equalities(right));
            found
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            let fixed = |expr: &Expr| constant(expr).is_some() || place_of(expr).is_some();
            match (column_name(left), column_name(right)) {
                (Some(column), _) if fixed(right) => vec![column],
                (_, Some(column)) if fixed(left) => vec![column],
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// The table whose columns stand for the literals in which statements of one shape differ. No store's table starts with
/// two underscores and this word.
pub(crate) const LITERALS: &str = "__literals";

/// The place of a varying literal, if the expression is one: `__literals.p0` is the first.
pub(crate) fn place_of(expr: &Expr) -> Option<usize> {
    match column_name(expr)? {
        (Some(table), name) if table == LITERALS => name.strip_prefix('p')?.parse().ok(),
        _ => None,
    }
}

/// The text of a constant, casts and parentheses undone; nothing where the expression is no constant.
pub(crate) fn constant(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => Some(text.clone()),
            Value::Boolean(truth) => Some(truth.to_string()),
            other => other.clone().into_string(),
        },
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => constant(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => constant(expr).map(|n| format!("-{n}")),
        // Text put together from codes, as tools write it to do without quotes.
        Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => Some(constant(left)? + &constant(right)?),
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("chr") => {
            let mut code = None;
            each_argument(function, |e| code = constant(e));
            char::from_u32(code?.parse().ok()?).map(String::from)
        }
        _ => None,
    }
}

const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "string_agg",
    "array_agg",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "xmlagg",
    "bool_and",
    "bool_or",
    "every",
    "stddev",
    "variance",
    "group_concat",
    "json_arrayagg",
    "json_objectagg",
];

/// Whether an expression aggregates, outside subqueries and windows.
pub(crate) fn contains_aggregate(expr: &Expr) -> bool {
    let mut depth = 0usize;
    struct Search<'a> {
        depth: &'a mut usize,
        found: bool,
    }
    impl Visitor for Search<'_> {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            *self.depth += 1;
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            *self.depth -= 1;
            ControlFlow::Continue(())
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if let Expr::Function(function) = expr
                && *self.depth == 0
                && function.over.is_none()
            {
                let name = function.name.to_string().to_lowercase();
                self.found |= AGGREGATES.contains(&name.rsplit('.').next().unwrap_or_default());
            }
            ControlFlow::Continue(())
        }
    }
    let mut search = Search { depth: &mut depth, found: false };
    let _ = expr.visit(&mut search);
    search.found
}

/// Whether a SELECT aggregates.
pub(crate) fn has_aggregates(select: &Select) -> bool {
    select.having.is_some()
        || select.projection.iter().any(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => contains_aggregate(expr),
            _ => false,
        })
}

/// How many expressions it groups by.
pub(crate) fn group_count(group_by: &GroupByExpr) -> usize {
    match group_by {
        GroupByExpr::Expressions(list, modifiers) => list.len() + modifiers.len(),
        GroupByExpr::All(_) => 1,
    }
}

/// The expressions that it groups by.
pub(crate) fn group_expressions(group_by: &GroupByExpr) -> Result<Vec<String>, Unplanned> {
    match group_by {
        GroupByExpr::Expressions(list, modifiers) if modifiers.is_empty() => {
            Ok(list.iter().map(ToString::to_string).collect())
        }
        _ => Err("groups of an unusual form".to_owned()),
    }
}

/// An expression with each aggregate made a window function over the group, so that every row of the group has it.
pub(crate) fn over_group(expr: &Expr, group: &[String]) -> String {
    struct Over<'a>(&'a [String]);
    impl VisitorMut for Over<'_> {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Expr::Function(function) = expr
                && function.over.is_none()
            {
                let name = function.name.to_string().to_lowercase();
                if AGGREGATES.contains(&name.rsplit('.').next().unwrap_or_default()) {
                    let partition = match self.0 {
                        [] => String::new(),
                        some => format!("PARTITION BY {}", some.join(", ")),
                    };
                    *expr = Expr::Identifier(Ident::new(format!("{function} OVER ({partition})")));
                }
            }
            ControlFlow::Continue(())
        }
    }
    let mut expr = expr.clone();
    let _ = VisitMut::visit(&mut expr, &mut Over(group));
    expr.to_string()
}

/// The name of an output column.
pub(crate) fn output_name(item: &SelectItem, at: usize) -> String {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => fold(alias),
        SelectItem::UnnamedExpr(expr) => match (column_name(expr), expr) {
            (Some((_, name)), _) => name,
            (None, Expr::Function(function)) => function.name.to_string().to_lowercase(),
            _ => format!("column{at}"),
        },
        _ => format!("column{at}"),
    }
}

/// An ORDER BY entry that names an output, by position or alias, stands for that output's expression.
pub(crate) fn resolve_output(expr: &Expr, select: &Select) -> String {
    let outputs: Vec<(String, &Expr)> = select
        .projection
        .iter()
        .enumerate()
        .filter_map(|(at, item)| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                Some((output_name(item, at), expr))
            }
            _ => None,
        })
        .collect();
    if let Some(position) = constant(expr).and_then(|c| c.parse::<usize>().ok())
        && let Some((_, found)) = position.checked_sub(1).and_then(|p| outputs.get(p))
    {
        return found.to_string();
    }
    let named = column_name(expr).filter(|(table, _)| table.is_none());
    match named.and_then(|(_, name)| outputs.iter().find(|(output, _)| *output == name)) {
        Some((_, found)) => found.to_string(),
        None => expr.to_string(),
    }
}

/// LIMIT, OFFSET and FETCH FIRST, where they are constants.
pub(crate) fn cut_of(query: &Query) -> Result<Option<Cut>, Unplanned> {
    let number = |expr: &Expr| match expr {
        Expr::Value(value) if matches!(value.value, Value::Null) => Ok(None),
        other => constant(other)
            .and_then(|n| n.parse::<u64>().ok())
            .map(Some)
            .ok_or_else(|| "a LIMIT that is no constant".to_owned()),
    };
    let mut cut = Cut { offset: 0, limit: None };
    match &query.limit_clause {
        None => {}
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            cut.limit = limit.as_ref().map(number).transpose()?.flatten();
            cut.offset = offset.as_ref().map(|o| number(&o.value)).transpose()?.flatten().unwrap_or(0);
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
            (cut.offset, cut.limit) = (number(offset)?.unwrap_or(0), number(limit)?);
        }
    }
    if let Some(fetch) = &query.fetch {
        if fetch.percent || fetch.with_ties {
            return Err("FETCH with ties or per cent".to_owned());
        }
        cut.limit = Some(fetch.quantity.as_ref().map(number).transpose()?.flatten().unwrap_or(1));
    }
    Ok((cut.limit.is_some() || cut.offset > 0).then_some(cut))
}

/// MIN and MAX show only the rows that attain them.
pub(crate) fn extremum(select: &Select, block: &mut Block) {
    let mut attained = Vec::new();
    for item in &select.projection {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else { continue };
        struct Extremes(Vec<(String, String)>);
        impl Visitor for Extremes {
            type Break = ();
            fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
                if let Expr::Function(function) = expr {
                    let name = function.name.to_string().to_lowercase();
                    if name == "min" || name == "max" {
                        each_argument(function, |e| self.0.push((name.clone(), e.to_string())));
                    }
                }
                ControlFlow::Continue(())
            }
        }
        let mut extremes = Extremes(Vec::new());
        let _ = expr.visit(&mut extremes);
        attained.extend(extremes.0);
    }
    match attained.as_slice() {
        [] => {}
        [(name, of)] if group_count(&select.group_by) == 0 && select.projection.len() == 1 => {
            let conditions = block.conditions.join(" AND ");
            let conditions = if conditions.is_empty() { conditions } else { format!(" WHERE {conditions}") };
            block.conditions.push(format!("({of}) = (SELECT {name}({of}) FROM {}{conditions})", block.from));
            for flow in block.flows.iter_mut().filter(|f| f.how == How::OneOfGroup) {
                flow.how = How::Value;
            }
        }
        _ => {}
    }
}
