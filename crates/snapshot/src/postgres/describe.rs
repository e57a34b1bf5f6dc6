//! What a live PostgreSQL says about its tables, in the catalog's words.

use crate::catalog::{Column, ForeignKey, Function, Grant, Sequence, Table, View};
use crate::names;
use crate::tables::Tables;
use stanch_model::Instant;
use std::collections::BTreeMap;
use tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

/// A table whose rows are to be read.
pub(super) struct Relation {
    schema: String,
    name: String,
    pub(super) columns: Vec<String>,
    key: Vec<String>,
    readable: bool,
    hides_rows: bool,
    foreign: bool,
}

/// What [`describe`] finds beside the catalog.
pub(super) struct Described {
    pub(super) relations: Vec<Relation>,
    pub(super) now: Option<Instant>,
}

impl Relation {
    pub(super) fn shown(&self) -> String {
        names::shown(&self.schema, &self.name)
    }

    /// Why its rows cannot be read, if so.
    pub(super) fn unreadable(&self) -> Option<&'static str> {
        if self.foreign {
            Some("it is a foreign table, its rows are kept elsewhere")
        } else if !self.readable {
            Some("the role may not read it; grant it SELECT (pg_read_all_data gives all)")
        } else if self.hides_rows {
            Some("a row security policy hides rows of it from the role; use its owner or a role with BYPASSRLS")
        } else {
            None
        }
    }

    /// Its rows in the order of its key, else of their text, so that the same rows give the same bytes.
    pub(super) fn copy_sql(&self) -> String {
        let list = |names: &[String]| names.iter().map(|n| format!("t.{}", quoted(n))).collect::<Vec<_>>().join(", ");
        let order = if self.key.is_empty() { "t::text COLLATE pg_catalog.\"C\"".to_owned() } else { list(&self.key) };
        let (schema, name) = (quoted(&self.schema), quoted(&self.name));
        format!("COPY (SELECT {} FROM ONLY {schema}.{name} AS t ORDER BY {order}) TO STDOUT", list(&self.columns))
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The store's own schemas.
const OURS: &str = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'";

async fn ask(client: &Client, sql: &str) -> Result<Vec<SimpleQueryRow>, Error> {
    let messages = client.simple_query(&sql.replace("{ours}", OURS)).await?;
    Ok(messages
        .into_iter()
        .filter_map(|m| match m {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .collect())
}

fn text(row: &SimpleQueryRow, at: usize) -> String {
    row.get(at).unwrap_or("").to_owned()
}

fn yes(row: &SimpleQueryRow, at: usize) -> bool {
    row.get(at) == Some("t")
}

/// A JSON array of names, as the queries below give lists.
fn list(row: &SimpleQueryRow, at: usize) -> Vec<String> {
    row.get(at).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// Fills the catalog and defines every table.
pub(super) async fn describe(client: &Client, tables: &mut Tables) -> Result<Described, Error> {
    let now = server(client, tables).await?;
    let mut found = relations(client).await?;
    columns(client, &mut found).await?;
    keys(client, &mut found).await?;
    parents(client, &mut found).await?;
    let mut relations = Vec::new();
    // Partitions after their parents, so that rows find their way up.
    for (_, (relation, about)) in found {
        tables.define(about);
        if let Some(relation) = relation {
            relations.push(relation);
        }
    }
    relations.sort_by_key(Relation::shown);
    views(client, tables).await?;
    rights(client, tables).await?;
    Ok(Described { relations, now })
}

/// Tables by object id: how to read them (partitioned ones have no rows of their own), and what is known of them.
type Found = BTreeMap<u32, (Option<Relation>, Table)>;

async fn server(client: &Client, tables: &mut Tables) -> Result<Option<Instant>, Error> {
    let sql = "SELECT to_char(now(), 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), current_setting('server_version'), \
               pg_encoding_to_char(encoding) FROM pg_catalog.pg_database WHERE datname = current_database()";
    let rows = ask(client, sql).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    tables.catalog.server_version = Some(text(row, 1));
    tables.catalog.encoding = Some(text(row, 2));
    Ok(text(row, 0).parse().ok())
}

async fn relations(client: &Client) -> Result<Found, Error> {
    let sql = "SELECT c.oid, n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner), \
               has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), row_security_active(c.oid) \
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND {ours}";
    let mut found = Found::new();
    for row in ask(client, sql).await? {
        let kind = match row.get(3) {
            Some("p") => "partitioned table",
            Some("f") => "foreign table",
            _ => "table",
        };
        let relation = Relation {
            schema: text(&row, 1),
            name: text(&row, 2),
            columns: Vec::new(),
            key: Vec::new(),
            readable: yes(&row, 5),
            hides_rows: yes(&row, 6),
            foreign: kind == "foreign table",
        };
        let about =
            Table { name: relation.shown(), kind: kind.to_owned(), owner: Some(text(&row, 4)), ..Table::default() };
        let oid = text(&row, 0).parse().unwrap_or_default();
        found.insert(oid, ((kind != "partitioned table").then_some(relation), about));
    }
    Ok(found)
}

async fn columns(client: &Client, found: &mut Found) -> Result<(), Error> {
    let sql = "SELECT a.attrelid, a.attname, \
               CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END, \
               a.attnotnull, CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END \
               FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
               JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
               WHERE c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND {ours} \
               ORDER BY a.attrelid, a.attnum";
    for row in ask(client, sql).await? {
        let Some((relation, about)) = found.get_mut(&text(&row, 0).parse().unwrap_or_default()) else { continue };
        about.columns.push(Column {
            name: text(&row, 1),
            declared: text(&row, 2),
            stored: String::new(),
            not_null: yes(&row, 3),
            generated: row.get(4).map(str::to_owned),
        });
        if let Some(relation) = relation {
            relation.columns.push(text(&row, 1));
        }
    }
    Ok(())
}

async fn keys(client: &Client, found: &mut Found) -> Result<(), Error> {
    let names = |relation: &str, numbers: &str| {
        format!(
            "(SELECT json_agg(a.attname ORDER BY k.i) FROM unnest({numbers}) WITH ORDINALITY k(n, i) \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = {relation} AND a.attnum = k.n)"
        )
    };
    let unique = format!(
        "SELECT x.indrelid, x.indisprimary, {} FROM pg_catalog.pg_index x \
         WHERE x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL ORDER BY x.indexrelid",
        names("x.indrelid", "(x.indkey::int2[])[0:x.indnkeyatts - 1]")
    );
    for row in ask(client, &unique).await? {
        let Some((relation, about)) = found.get_mut(&text(&row, 0).parse().unwrap_or_default()) else { continue };
        if !yes(&row, 1) {
            about.unique.push(list(&row, 2));
            continue;
        }
        about.primary_key = list(&row, 2);
        if let Some(relation) = relation {
            relation.key = list(&row, 2);
        }
    }
    let foreign = format!(
        "SELECT f.conrelid, {}, f.confrelid, {} FROM pg_catalog.pg_constraint f WHERE f.contype = 'f' AND f.conparentid = 0 ORDER BY f.oid",
        names("f.conrelid", "f.conkey"),
        names("f.confrelid", "f.confkey")
    );
    for row in ask(client, &foreign).await? {
        let Some(table) = found.get(&text(&row, 2).parse().unwrap_or_default()).map(|(_, t)| t.name.clone()) else {
            continue;
        };
        if let Some((_, about)) = found.get_mut(&text(&row, 0).parse().unwrap_or_default()) {
            about.foreign_keys.push(ForeignKey { columns: list(&row, 1), table, references: list(&row, 3) });
        }
    }
    Ok(())
}

async fn parents(client: &Client, found: &mut Found) -> Result<(), Error> {
    for row in ask(client, "SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits ORDER BY inhrelid, inhseqno").await?
    {
        let parent = found.get(&text(&row, 1).parse().unwrap_or_default()).map(|(_, t)| t.name.clone());
        if let (Some(parent), Some((_, about))) = (parent, found.get_mut(&text(&row, 0).parse().unwrap_or_default())) {
            about.parents.push(parent);
        }
    }
    Ok(())
}

async fn views(client: &Client, tables: &mut Tables) -> Result<(), Error> {
    let sql = "SELECT n.nspname, c.relname, c.relkind, pg_get_viewdef(c.oid), pg_get_userbyid(c.relowner), \
               (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0) \
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('v', 'm') AND {ours}";
    for row in ask(client, sql).await? {
        tables.catalog.views.push(View {
            name: names::shown(&text(&row, 0), &text(&row, 1)),
            sql: text(&row, 3).trim().trim_end_matches(';').to_owned(),
            columns: list(&row, 5),
            materialized: row.get(2) == Some("m"),
            owner: Some(text(&row, 4)),
        });
    }
    let sql = "SELECT schemaname, sequencename, last_value FROM pg_catalog.pg_sequences";
    for row in ask(client, sql).await? {
        let last_value = row.get(2).and_then(|v| v.parse().ok());
        tables.catalog.sequences.push(Sequence { name: names::shown(&text(&row, 0), &text(&row, 1)), last_value });
    }
    let sql = "SELECT n.nspname, p.proname, p.prosecdef FROM pg_catalog.pg_proc p \
               JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE {ours}";
    for row in ask(client, sql).await? {
        let name = names::shown(&text(&row, 0), &text(&row, 1));
        tables.catalog.functions.push(Function { name, security_definer: yes(&row, 2) });
    }
    Ok(())
}

async fn rights(client: &Client, tables: &mut Tables) -> Result<(), Error> {
    let role = "CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee)::text END";
    let sql = format!(
        "SELECT {role}, n.nspname, c.relname, c.relkind, json_agg(g.privilege_type ORDER BY g.privilege_type), NULL \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         CROSS JOIN LATERAL aclexplode(c.relacl) g WHERE {{ours}} GROUP BY 1, 2, 3, 4 \
         UNION ALL \
         SELECT {role}, n.nspname, c.relname, c.relkind, json_build_array(g.privilege_type), \
                json_agg(a.attname ORDER BY a.attnum) \
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         CROSS JOIN LATERAL aclexplode(a.attacl) g WHERE {{ours}} GROUP BY 1, 2, 3, 4, g.privilege_type"
    );
    for row in ask(client, &sql).await? {
        let object = if row.get(3) == Some("S") { "sequence" } else { "table" };
        tables.catalog.grants.entry(text(&row, 0)).or_default().push(Grant {
            object: object.to_owned(),
            name: names::shown(&text(&row, 1), &text(&row, 2)),
            privileges: list(&row, 4),
            columns: list(&row, 5),
        });
    }
    let sql = "SELECT pg_get_userbyid(member), pg_get_userbyid(roleid) FROM pg_catalog.pg_auth_members";
    for row in ask(client, sql).await? {
        tables.catalog.members.entry(text(&row, 0)).or_default().push(text(&row, 1));
    }
    Ok(())
}

#[cfg(test)]
impl Relation {
    pub(super) fn for_test(schema: &str, name: &str, columns: &[&str], key: &[&str]) -> Relation {
        let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        Relation {
            schema: schema.to_owned(),
            name: name.to_owned(),
            columns: owned(columns),
            key: owned(key),
            readable: true,
            hides_rows: false,
            foreign: false,
        }
    }
}
