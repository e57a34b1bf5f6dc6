//! One row of a table: its columns under their names, and the JSON object that one of them may hold.

use crate::json;
use crate::reader::delimited::{Written, plain};
use crate::reader::heads::Head;
use crate::reader::rules::{Named, Rules, Used};
use crate::reader::tree::Tree;
use crate::targets::Draft;
use std::borrow::Cow;
use std::rc::Rc;

/// A record's columns under their names.
pub(super) struct Row<'a> {
    head: &'a Head,
    names: &'a [String],
    values: &'a [Cow<'a, str>],
    /// The column that holds the record itself as a JSON object, and that object.
    inner: Option<(usize, Tree<'a>)>,
}

impl Named for Row<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        if let Some(value) = self.inner.as_ref().and_then(|(_, tree)| tree.value(key)) {
            return Some(value);
        }
        if let Some((_, value)) = self.head.common.iter().find(|(name, _)| name == key) {
            return Some(Cow::Borrowed(value));
        }
        let at = self.names.iter().position(|name| name == key)?;
        self.values.get(at).map(|v| Cow::Borrowed(v.as_ref()))
    }
}

impl<'a> Row<'a> {
    pub(super) fn new(
        (head, names): (&'a Head, &'a [String]),
        values: &'a [Cow<'a, str>],
        inner: Option<(usize, Tree<'a>)>,
    ) -> Row<'a> {
        Row { head, names, values, inner }
    }

    /// The first of the columns that holds a JSON object.
    pub(super) fn inner(names: &[String], values: &'a [Cow<'a, str>], columns: &[String]) -> Option<(usize, Tree<'a>)> {
        columns.iter().find_map(|column| {
            let at = names.iter().position(|name| name == column)?;
            let members = json::members(values.get(at)?)?;
            Some((at, Tree::new(Rc::new(members), Vec::new())))
        })
    }

    /// Keeps what nobody used. `text` is the record's own, `ranges` say where its columns stand in it.
    pub(super) fn keep_the_rest(
        &self,
        (text, ranges, written): (&str, &[(usize, usize)], Written),
        rules: &Rules,
        used: Used,
        draft: &mut Draft<'_>,
    ) {
        for (name, value) in self.head.common.iter().filter(|(name, _)| !rules.uses(used, name)) {
            draft.unmapped_text(name, value);
        }
        let top = self.inner.iter().flat_map(|(_, tree)| tree.top());
        for (key, raw) in top.filter(|(key, raw)| !rules.uses(used, key) && !json::is_empty(raw)) {
            draft.unmapped_json(&key, raw);
        }
        for (i, value) in self.values.iter().enumerate().filter(|(_, value)| !rules.is_absent(value)) {
            let Some(name) = self.name(i).filter(|name| !rules.uses(used, name)) else { continue };
            match self.head.list(i).zip(ranges.get(i)) {
                Some((between, (from, to))) => {
                    draft.unmapped_json(&name, &list(&text[*from..*to], between, written));
                }
                None => draft.unmapped_text(&name, value),
            }
        }
    }

    /// The name to keep a column by: none for the object inside, another where that has one of the same name.
    fn name(&self, column: usize) -> Option<Cow<'_, str>> {
        Some(match (&self.inner, self.names.get(column)) {
            (_, None) => Cow::Owned(format!("further_{}", column + 1)),
            (Some((at, _)), _) if *at == column => return None,
            (Some((_, tree)), Some(name)) if tree.has(name) => Cow::Owned(format!("envelope.{name}")),
            (_, Some(name)) if name.is_empty() => Cow::Owned(format!("column_{}", column + 1)),
            (_, Some(name)) => Cow::Borrowed(name),
        })
    }
}

/// A column of several values as a JSON array.
fn list(raw: &str, between: &str, written: Written) -> String {
    let mut array = String::from("[");
    for (i, value) in raw.split(between).enumerate() {
        if i > 0 {
            array.push(',');
        }
        json::push_string(&mut array, &plain(value, written));
    }
    array.push(']');
    array
}
