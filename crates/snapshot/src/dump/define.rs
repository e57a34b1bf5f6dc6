//! What a dump's statements say about tables, keys, views, sequences, functions and rights.

use super::cursor::{Cursor, Qualified};
use super::lex::Token;
use crate::catalog::{Column, ForeignKey, Function, Grant, Sequence, Table, View};
use crate::tables::Tables;

/// Takes in one statement that is neither COPY nor INSERT. Statements that say nothing of use are passed over.
pub(super) fn statement(words: &mut Cursor<'_>, tables: &mut Tables) {
    // A statement that is not as expected is passed over: the catalog lacks it, no row is lost.
    let _ = if words.eat("CREATE") {
        create(words, tables)
    } else if words.eat("ALTER") {
        alter(words, tables)
    } else if words.eat("GRANT") {
        grant(words, tables)
    } else if words.eat("SELECT") {
        setval(words, tables)
    } else {
        None
    };
}

fn create(words: &mut Cursor<'_>, tables: &mut Tables) -> Option<()> {
    words.eat("OR REPLACE");
    while words.eat("UNLOGGED") || words.eat("GLOBAL") || words.eat("LOCAL") || words.eat("TEMPORARY") {}
    if words.eat("TABLE") {
        return table(words, tables, "table");
    }
    if words.eat("FOREIGN TABLE") {
        return table(words, tables, "foreign table");
    }
    words.eat("RECURSIVE");
    if words.eat("MATERIALIZED VIEW") {
        return view(words, tables, true);
    }
    if words.eat("VIEW") {
        return view(words, tables, false);
    }
    if words.eat("DOMAIN") {
        let name = words.qualified()?;
        words.eat("AS");
        let base = type_text(words)?;
        tables.domains.insert(name.shown(), base);
    } else if words.eat("SEQUENCE") {
        words.eat("IF NOT EXISTS");
        let name = words.qualified()?.shown();
        tables.catalog.sequences.push(Sequence { name, last_value: None });
    } else if words.eat("UNIQUE INDEX") {
        unique_index(words, tables)?;
    } else if words.eat("FUNCTION") || words.eat("PROCEDURE") {
        let name = words.qualified()?.shown();
        words.parens();
        let security_definer = words.skip_past("SECURITY") && words.is("DEFINER");
        tables.catalog.functions.push(Function { name, security_definer });
    }
    Some(())
}

fn table(words: &mut Cursor<'_>, tables: &mut Tables, kind: &str) -> Option<()> {
    words.eat("IF NOT EXISTS");
    let name = words.qualified()?;
    let mut about = Table { name: name.shown(), kind: kind.to_owned(), ..Table::default() };
    if words.eat("PARTITION OF") {
        let parent = words.qualified()?.shown();
        about.columns = tables.about(&parent)?.columns.clone();
        about.parents.push(parent);
        tables.define(about);
        return Some(());
    }
    if !words.eat_mark('(') {
        return None; // CREATE TABLE … AS, OF: pg_dump writes neither.
    }
    let mut inline_keys = Vec::new();
    while !words.done() && !words.eat_mark(')') {
        if !table_constraint(words, &mut about) {
            column(words, &mut about, &mut inline_keys);
        }
        words.skip_to(&[',', ')']);
        words.eat_mark(',');
    }
    if about.primary_key.is_empty() {
        about.primary_key = inline_keys;
    }
    if words.eat("INHERITS") && words.eat_mark('(') {
        while let Some(parent) = words.qualified() {
            let parent = parent.shown();
            let inherited = tables.about(&parent).map(|p| p.columns.clone()).unwrap_or_default();
            let own = std::mem::take(&mut about.columns);
            about.columns = inherited;
            for column in own {
                if !about.columns.iter().any(|c| c.name == column.name) {
                    about.columns.push(column);
                }
            }
            about.parents.push(parent);
            words.eat_mark(',');
        }
        words.eat_mark(')');
    }
    if words.eat("PARTITION BY") {
        about.kind = "partitioned table".to_owned();
    }
    tables.define(about);
    Some(())
}

fn column(words: &mut Cursor<'_>, about: &mut Table, keys: &mut Vec<String>) -> Option<()> {
    let name = words.name()?;
    let declared = type_text(words)?;
    let mut column = Column { name: name.clone(), declared, stored: String::new(), not_null: false, generated: None };
    while !words.done() && !words.is_mark(',') && !words.is_mark(')') {
        if words.eat("NOT NULL") {
            column.not_null = true;
        } else if words.eat("PRIMARY KEY") {
            keys.push(name.clone());
        } else if words.eat("UNIQUE") {
            about.unique.push(vec![name.clone()]);
        } else if words.eat("REFERENCES") {
            let table = words.qualified()?.shown();
            let references = words.names_in_parens().unwrap_or_default();
            about.foreign_keys.push(ForeignKey { columns: vec![name.clone()], table, references });
        } else if words.eat("GENERATED ALWAYS AS") && words.is_mark('(') {
            column.generated = words.parens().map(str::to_owned);
        } else if words.eat_mark('[') {
            words.skip_to(&[']']);
            words.eat_mark(']');
        } else if words.parens().is_none() {
            words.next();
        }
    }
    about.columns.push(column);
    Some(())
}

/// The words after which a column's type is over.
const AFTER_TYPE: [&str; 14] = [
    "NOT",
    "NULL",
    "DEFAULT",
    "GENERATED",
    "COLLATE",
    "CONSTRAINT",
    "PRIMARY",
    "UNIQUE",
    "REFERENCES",
    "CHECK",
    "STORAGE",
    "COMPRESSION",
    "OPTIONS",
    "USING",
];

/// A type as written: `character varying(254)`, `public.order_state`, `integer[]`.
fn type_text(words: &mut Cursor<'_>) -> Option<String> {
    let from = words.place();
    while !words.done() && !words.is_mark(',') && !words.is_mark(')') && !AFTER_TYPE.iter().any(|w| words.is(w)) {
        if words.parens().is_none() {
            words.next();
        }
    }
    let text = words.between(from, words.place());
    let one_line: Vec<&str> = text.split_whitespace().collect();
    (!text.is_empty()).then(|| one_line.join(" "))
}

/// `[CONSTRAINT name] PRIMARY KEY | UNIQUE | FOREIGN KEY | CHECK | EXCLUDE …`. False if it is none, with nothing taken.
fn table_constraint(words: &mut Cursor<'_>, about: &mut Table) -> bool {
    if words.eat("CONSTRAINT") {
        words.name();
    }
    if words.eat("PRIMARY KEY") {
        about.primary_key = words.names_in_parens().unwrap_or_default();
    } else if words.eat("UNIQUE") {
        let _ = words.eat("NULLS NOT DISTINCT") || words.eat("NULLS DISTINCT");
        about.unique.extend(words.names_in_parens());
    } else if words.eat("FOREIGN KEY") {
        let key = (|| {
            let columns = words.names_in_parens()?;
            words.eat("REFERENCES");
            let table = words.qualified()?.shown();
            Some(ForeignKey { columns, table, references: words.names_in_parens().unwrap_or_default() })
        })();
        about.foreign_keys.extend(key);
    } else {
        return words.is("CHECK") || words.eat("EXCLUDE USING") || words.is("LIKE");
    }
    true
}

fn unique_index(words: &mut Cursor<'_>, tables: &mut Tables) -> Option<()> {
    words.skip_past("ON");
    words.eat("ONLY");
    let table = words.qualified()?.shown();
    if words.eat("USING") {
        words.name();
    }
    let columns = words.names_in_parens()?; // An expression is no set of columns.
    if !words.skip_past("WHERE") {
        tables.about(&table)?.unique.push(columns);
    }
    Some(())
}

fn view(words: &mut Cursor<'_>, tables: &mut Tables, materialized: bool) -> Option<()> {
    words.eat("IF NOT EXISTS");
    let name = words.qualified()?.shown();
    let columns = words.names_in_parens().unwrap_or_default();
    if words.eat("WITH") {
        words.parens();
    }
    if words.eat("TABLESPACE") {
        words.name();
    }
    if !words.eat("AS") {
        return None;
    }
    let mut sql = words.rest();
    if materialized {
        sql = sql.strip_suffix("WITH NO DATA").unwrap_or(sql).trim_end();
    }
    // pg_dump writes a view twice where views depend on each other: first a stand-in of NULLs.
    tables.catalog.views.retain(|v| v.name != name);
    tables.catalog.views.push(View { name, sql: sql.to_owned(), columns, materialized, owner: None });
    Some(())
}

fn alter(words: &mut Cursor<'_>, tables: &mut Tables) -> Option<()> {
    words.eat("MATERIALIZED");
    words.eat("FOREIGN");
    if !words.eat("TABLE") && !words.eat("VIEW") {
        return None;
    }
    words.eat("IF EXISTS");
    words.eat("ONLY");
    let name = words.qualified()?.shown();
    if words.eat("OWNER TO") {
        let owner = words.name();
        match tables.about(&name) {
            Some(table) => table.owner = owner,
            None => {
                let view = tables.catalog.views.iter_mut().find(|v| v.name == name)?;
                view.owner = owner;
            }
        }
    } else if words.eat("ATTACH PARTITION") {
        let child = words.qualified()?.shown();
        tables.about(&child)?.parents.push(name);
    } else if words.eat("INHERIT") {
        let parent = words.qualified()?.shown();
        tables.about(&name)?.parents.push(parent);
    } else if words.eat("ADD") {
        table_constraint(words, tables.about(&name)?);
    }
    Some(())
}

fn grant(words: &mut Cursor<'_>, tables: &mut Tables) -> Option<()> {
    let mut privileges: Vec<(String, Vec<String>)> = Vec::new();
    while !words.done() && !words.is("ON") && !words.is("TO") {
        let from = words.place();
        while !words.done() && !words.is("ON") && !words.is("TO") && !words.is_mark(',') && !words.is_mark('(') {
            words.next();
        }
        let what = words.between(from, words.place()).to_owned();
        let columns = words.names_in_parens().unwrap_or_default();
        words.eat_mark(',');
        privileges.push((what, columns));
    }
    if words.eat("TO") {
        for member in names_in_list(words) {
            let roles = privileges.iter().map(|(role, _)| role.trim_matches('"').to_owned());
            tables.catalog.members.entry(member).or_default().extend(roles);
        }
        return Some(());
    }
    words.eat("ON");
    let object = object_kind(words);
    let mut names = Vec::new();
    loop {
        names.push(words.qualified()?);
        words.parens(); // A function's arguments.
        if !words.eat_mark(',') {
            break;
        }
    }
    if !words.eat("TO") {
        return None;
    }
    for role in names_in_list(words) {
        for name in &names {
            record(tables, &role, object, name, &privileges);
        }
    }
    Some(())
}

/// One grant a set of columns; those on the whole object together.
fn record(tables: &mut Tables, role: &str, object: &str, name: &Qualified, privileges: &[(String, Vec<String>)]) {
    let shown = if matches!(object, "schema" | "database") { name.name.clone() } else { name.shown() };
    let granted = tables.catalog.grants.entry(role.to_owned()).or_default();
    let of = |columns: &[String], what: Vec<String>| Grant {
        object: object.to_owned(),
        name: shown.clone(),
        privileges: what,
        columns: columns.to_vec(),
    };
    let whole: Vec<String> = privileges.iter().filter(|(_, c)| c.is_empty()).map(|(p, _)| p.clone()).collect();
    if !whole.is_empty() {
        granted.push(of(&[], whole));
    }
    for (what, columns) in privileges.iter().filter(|(_, c)| !c.is_empty()) {
        granted.push(of(columns, vec![what.clone()]));
    }
}

fn object_kind(words: &mut Cursor<'_>) -> &'static str {
    let kinds: [(&str, &str); 9] = [
        ("TABLE", "table"),
        ("SEQUENCE", "sequence"),
        ("SCHEMA", "schema"),
        ("DATABASE", "database"),
        ("FUNCTION", "function"),
        ("PROCEDURE", "function"),
        ("TYPE", "type"),
        ("LANGUAGE", "language"),
        ("FOREIGN SERVER", "server"),
    ];
    kinds.iter().find(|(keyword, _)| words.eat(keyword)).map_or("table", |(_, kind)| kind)
}

fn names_in_list(words: &mut Cursor<'_>) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let public = words.is("PUBLIC");
        match words.name() {
            Some(_) if public => names.push("PUBLIC".to_owned()),
            Some(name) => names.push(name),
            None => return names,
        }
        if !words.eat_mark(',') {
            return names;
        }
    }
}

/// `SELECT pg_catalog.setval('public.customer_id_seq', 42, true)`
fn setval(words: &mut Cursor<'_>, tables: &mut Tables) -> Option<()> {
    if words.qualified()?.name != "setval" || !words.eat_mark('(') {
        return None;
    }
    let Some(Token::Text(name)) = words.next() else { return None };
    let name = name.to_string();
    words.eat_mark(',');
    let Some(Token::Number(value)) = words.next() else { return None };
    let value = value.parse().ok();
    words.eat_mark(',');
    let called = !words.is("false");
    let mut inner = Cursor::new(&name, "", false);
    let shown = inner.qualified()?.shown();
    let last_value = value.filter(|_| called);
    match tables.catalog.sequences.iter_mut().find(|s| s.name == shown) {
        Some(sequence) => sequence.last_value = last_value,
        // An identity column's: it is made with its table.
        None => tables.catalog.sequences.push(Sequence { name: shown, last_value }),
    }
    Some(())
}
