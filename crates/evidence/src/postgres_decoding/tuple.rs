//! The grammar of test_decoding's lines: names, types and values of a row.

use crate::json;
use crate::postgres_decoding::Change;
use std::borrow::Cow;

/// The quote of a string or a name that goes on behind a text, if one does; `quote` was open before it. Both double
/// their own quote inside.
pub(crate) fn open_quote(mut quote: Option<u8>, text: &str) -> Option<u8> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        let found = match quote {
            Some(quote) => memchr::memchr(quote, &bytes[at..]),
            None => memchr::memchr2(b'\'', b'"', &bytes[at..]),
        };
        let Some(found) = found else { return quote };
        quote = if quote.is_some() { None } else { Some(bytes[at + found]) };
        at += found + 1;
    }
}

/// Reads `table public.t: INSERT: id[integer]:1 name[text]:'x'`.
pub(crate) fn change<'a>(text: &str, xid: &'a str) -> Option<Change<'a>> {
    let rest = text.strip_prefix("table ")?;
    let end = outside_names(rest, ':')?;
    let mut change = Change { activity: "change", table: plain_names(&rest[..end]), xid, ..Change::default() };
    let (word, row) = rest[end + 1..].strip_prefix(' ')?.split_once(':')?;
    change.command = ["INSERT", "UPDATE", "DELETE", "TRUNCATE"].into_iter().find(|c| *c == word)?;
    let row = row.strip_prefix(' ').unwrap_or(row);
    if row.starts_with('(') || change.command == "TRUNCATE" {
        if row != "(no-flags)" {
            json::push_member(&mut change.further, "flags", row.trim_matches(['(', ')']));
        }
        return Some(change);
    }
    match (row.strip_prefix("old-key: "), change.command) {
        (Some(old), _) => {
            let rest = columns(old, &mut change.before, &mut change.further)?;
            columns(rest.strip_prefix("new-tuple: ")?, &mut change.after, &mut change.further)?
        }
        (None, "DELETE") => columns(row, &mut change.before, &mut change.further)?,
        (None, _) => columns(row, &mut change.after, &mut change.further)?,
    };
    Some(change)
}

/// Reads `id[integer]:1 name[text]:'x'` as members; what follows the last column.
fn columns<'a>(mut rest: &'a str, members: &mut String, further: &mut String) -> Option<&'a str> {
    let mut unchanged = Vec::new();
    while !rest.is_empty() && !rest.starts_with("new-tuple: ") {
        let (name, after) = name(rest)?;
        let after = after.strip_prefix('[')?;
        let after = after[type_end(after)? + 1..].strip_prefix(':')?;
        let (value, after) = value(after)?;
        match value {
            Value::Text(text) => json::push_member(members, &name, &text),
            Value::Plain(word @ ("null" | "true" | "false")) => json::push_member_raw(members, &name, word),
            Value::Plain("unchanged-toast-datum") => unchanged.push(name),
            Value::Plain(text) => json::push_member_plain(members, &name, text),
        }
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    if !unchanged.is_empty() {
        // Long values that an update did not touch are not in the log.
        json::push_member(further, "unchanged", &unchanged.join(", "));
    }
    Some(rest)
}

enum Value<'a> {
    Text(Cow<'a, str>),
    Plain(&'a str),
}

/// A name, with or without quotes, and what follows it.
fn name(text: &str) -> Option<(Cow<'_, str>, &str)> {
    match text.strip_prefix('"') {
        Some(inner) => quoted(inner, '"'),
        None => {
            let (name, after) = text.split_at(text.find('[')?);
            (!name.is_empty()).then_some((Cow::Borrowed(name), after))
        }
    }
}

/// Where the bracket is that ends a type: `text[]`, `"my]type"`.
fn type_end(text: &str) -> Option<usize> {
    let (mut depth, mut in_quotes) = (0u32, false);
    for (at, b) in text.bytes().enumerate() {
        match b {
            b'"' => in_quotes = !in_quotes,
            b'[' if !in_quotes => depth += 1,
            b']' if !in_quotes && depth == 0 => return Some(at),
            b']' if !in_quotes => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A value, and what follows it. Bit strings are `B'101'`.
fn value(text: &str) -> Option<(Value<'_>, &str)> {
    if let Some(inner) = text.strip_prefix('\'').or_else(|| text.strip_prefix("B'")) {
        let (value, after) = quoted(inner, '\'')?;
        return Some((Value::Text(value), after));
    }
    let (value, after) = text.split_at(text.find(' ').unwrap_or(text.len()));
    (!value.is_empty()).then_some((Value::Plain(value), after))
}

/// Text up to its closing quote, doubled ones made single, and what follows.
fn quoted(text: &str, quote: char) -> Option<(Cow<'_, str>, &str)> {
    let mut from = 0;
    loop {
        let end = from + text[from..].find(quote)?;
        let after = &text[end + 1..];
        if !after.starts_with(quote) {
            let inner = &text[..end];
            let doubled: String = [quote, quote].iter().collect();
            let value = if from > 0 { Cow::Owned(inner.replace(&doubled, &quote.to_string())) } else { inner.into() };
            return Some((value, after));
        }
        from = end + 2;
    }
}

/// The first place of a sign outside quoted names.
fn outside_names(text: &str, sign: char) -> Option<usize> {
    let mut in_quotes = false;
    text.char_indices().find_map(|(at, c)| {
        in_quotes ^= c == '"';
        (c == sign && !in_quotes).then_some(at)
    })
}

/// Names of tables without the quotes that some need.
fn plain_names(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, inner)) = rest.split_once('"') {
        out.push_str(before);
        let Some((name, after)) = quoted(inner, '"') else { break };
        out.push_str(&name);
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_with_every_kind_of_value() {
        let c = change(
            r#"table "we""ird"."t able": UPDATE: old-key: a[integer]:1 "c: ol"[text[]]:'it''s' new-tuple: a[numeric]:-12.50 b[bit]:B'101' c[boolean]:true d[text]:null e[text]:unchanged-toast-datum"#,
            "7",
        )
        .unwrap();
        assert_eq!((c.command, c.table.as_str()), ("UPDATE", "we\"ird.t able"));
        assert_eq!(c.before, r#""a":1,"c: ol":"it's""#);
        assert_eq!(c.after, r#""a":-12.50,"b":"101","c":true,"d":null"#);
        assert_eq!(c.further, r#""unchanged":"e""#);
        let c = change("table public.a, public.b: TRUNCATE: restart_seqs cascade", "").unwrap();
        assert_eq!((c.table.as_str(), c.further.as_str()), ("public.a, public.b", r#""flags":"restart_seqs cascade""#));
        assert_eq!(change("table public.a: DELETE: (no-tuple-data)", "").unwrap().command, "DELETE");
        for cut in [
            "table public.a",
            "table public.a: INSERT: id[integer]",
            "table a: INSERT: x[text]:'cut",
            "table a: SELECT: x",
        ] {
            assert!(change(cut, "").is_none(), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn a_text_value_comes_back_as_it_was(text in "[a'\"\\[\\]: é\n]{0,30}") {
            let line = format!("table t: INSERT: x[text]:'{}' y[text]:'z'", text.replace('\'', "''"));
            prop_assert_eq!(open_quote(None, &line), None);
            let change = change(&line, "").unwrap();
            let object = format!("{{{}}}", change.after);
            let members = json::members(&object).unwrap();
            prop_assert_eq!(json::text(members[0].1).unwrap(), text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "(table )?[a'\"\\[\\]:, é]{0,20}(: (INSERT|UPDATE|TRUNCATE): )?[a'\"\\[\\]: é]{0,30}") {
            let _ = (change(&text, ""), open_quote(None, &text));
        }
    }
}
