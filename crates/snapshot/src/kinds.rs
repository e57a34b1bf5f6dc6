//! What a declared SQL type is kept as.

use stanch_lake::ColumnKind;
use std::collections::BTreeMap;

/// How a column is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) kind: ColumnKind,
    /// `character(n)` compares without its trailing blanks, so they are dropped.
    pub(crate) trims: bool,
}

impl Stored {
    fn plain(kind: ColumnKind) -> Stored {
        Stored { kind, trims: false }
    }
}

/// The kind's word in the catalog.
pub(crate) fn word(kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Bool => "bool".into(),
        ColumnKind::Int => "int".into(),
        ColumnKind::Decimal { scale } => format!("decimal({scale})"),
        ColumnKind::Float => "float".into(),
        ColumnKind::Text => "text".into(),
        ColumnKind::Date => "date".into(),
        ColumnKind::Timestamp => "timestamp".into(),
        ColumnKind::Bytes => "bytes".into(),
    }
}

/// What a declared PostgreSQL type is kept as. Domains are followed to what they stand for; arrays, enums, and every type not
/// known here stay text, in PostgreSQL's own text form.
pub(crate) fn stored(declared: &str, domains: &BTreeMap<String, String>) -> Stored {
    let mut declared = declared;
    for _ in 0..8 {
        match domains.get(bare_name(declared).as_str()) {
            Some(base) => declared = base,
            None => break,
        }
    }
    let lower = declared.to_ascii_lowercase();
    let lower = lower.trim_start_matches("pg_catalog.");
    if lower.ends_with(']') || lower.contains(" array") {
        return Stored::plain(ColumnKind::Text);
    }
    let (name, arguments) = match lower.split_once('(') {
        Some((name, rest)) => (name.trim_end(), rest.split(')').next().unwrap_or("")),
        None => (lower, ""),
    };
    let kind = match name {
        "boolean" | "bool" => ColumnKind::Bool,
        "smallint" | "integer" | "bigint" | "int" | "int2" | "int4" | "int8" | "oid" | "smallserial" | "serial"
        | "bigserial" => ColumnKind::Int,
        "numeric" | "decimal" => decimal(arguments),
        "real" | "double precision" | "float4" | "float8" | "float" => ColumnKind::Float,
        "date" => ColumnKind::Date,
        "bytea" => ColumnKind::Bytes,
        _ if name.starts_with("timestamp") => ColumnKind::Timestamp,
        "character" | "char" | "bpchar" => return Stored { kind: ColumnKind::Text, trims: true },
        _ => ColumnKind::Text,
    };
    Stored::plain(kind)
}

/// Exact where the declaration bounds it. A bare `numeric` has any scale and no type in Parquet holds it exactly: floating point
/// keeps it comparable as a number.
fn decimal(arguments: &str) -> ColumnKind {
    let mut parts = arguments.split(',').map(|p| p.trim().parse::<i8>());
    match (parts.next(), parts.next()) {
        (Some(Ok(precision)), None) if precision <= 38 => ColumnKind::Decimal { scale: 0 },
        (Some(Ok(precision)), Some(Ok(scale))) if precision <= 38 && (0..=38).contains(&scale) => {
            ColumnKind::Decimal { scale }
        }
        _ => ColumnKind::Float,
    }
}

/// A type's name without `public.`, quotes and arguments, as domains are kept by.
pub(crate) fn bare_name(declared: &str) -> String {
    let name = declared.split('(').next().unwrap_or("").trim();
    name.strip_prefix("public.").unwrap_or(name).trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(declared: &str) -> String {
        word(
            stored(
                declared,
                &BTreeMap::from([
                    ("email".to_owned(), "public.citext".to_owned()),
                    ("cents".to_owned(), "bigint".to_owned()),
                ]),
            )
            .kind,
        )
    }

    #[test]
    fn declared_types_become_the_closest_kind_and_unknown_ones_stay_text() {
        let declared = [
            "bigint",
            "numeric(12,2)",
            "numeric(10)",
            "numeric",
            "numeric(60,2)",
            "timestamp(3) without time zone",
            "timestamp with time zone",
            "date",
            "time without time zone",
            "double precision",
            "bytea",
            "boolean",
            "integer[]",
            "character varying(254)",
            "public.order_state",
            "public.cents",
            "public.email",
            "uuid",
            "jsonb",
        ];
        let kinds: Vec<String> = declared.iter().map(|d| format!("{d}: {}", kind(d))).collect();
        insta::assert_snapshot!(kinds.join("\n"), @r#"
        bigint: int
        numeric(12,2): decimal(2)
        numeric(10): decimal(0)
        numeric: float
        numeric(60,2): float
        timestamp(3) without time zone: timestamp
        timestamp with time zone: timestamp
        date: date
        time without time zone: text
        double precision: float
        bytea: bytes
        boolean: bool
        integer[]: text
        character varying(254): text
        public.order_state: text
        public.cents: int
        public.email: text
        uuid: text
        jsonb: text
        "#);
    }

    #[test]
    fn fixed_width_text_loses_its_padding() {
        assert!(stored("character(2)", &BTreeMap::new()).trims);
        assert!(!stored("character varying(2)", &BTreeMap::new()).trims);
    }
}
