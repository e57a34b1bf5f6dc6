use crate::{Catalog, SnapshotAccount, SnapshotError, load};
use proptest::prelude::*;
use stanch_model::store::SnapshotSource;
use std::io::Write;
use std::path::Path;

fn load_bytes(folder: &Path, name: &str, bytes: &[u8]) -> Result<SnapshotAccount, SnapshotError> {
    std::fs::write(folder.join(name), bytes).unwrap();
    let source = SnapshotSource { file: Some(name.to_owned()), folder: None, postgres: None, taken_at: None };
    load(&source, folder, &folder.join("out"), &mut |_| {})
}

fn load_text(sql: &str) -> (SnapshotAccount, Catalog) {
    let folder = tempfile::tempdir().unwrap();
    let account = load_bytes(folder.path(), "dump.sql", sql.as_bytes()).unwrap();
    (account, Catalog::read(&folder.path().join("out")).unwrap())
}

/// An account in lines.
fn told(account: &SnapshotAccount) -> String {
    let mut text = format!("complete: {}\n", account.complete);
    for t in &account.tables {
        text +=
            &format!("{} ({}) rows {} bad {} keys {:?} cut {}\n", t.name, t.file, t.rows, t.bad_rows, t.keys, t.cut);
        for flaw in t.bad.iter().chain(&t.mended) {
            text += &format!("  {} × {}\n", flaw.count, flaw.reason);
        }
    }
    for remark in &account.remarks {
        text += &format!("{remark}\n");
    }
    text
}

const DUMP: &str = r#"--
-- PostgreSQL database dump
--

\restrict uWfXhN

-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

-- Started on 2026-03-01 03:00:00 UTC

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

CREATE SCHEMA crm;
CREATE TYPE public.order_state AS ENUM (
    'new',
    'paid'
);
CREATE DOMAIN public.money_cents AS bigint
	CONSTRAINT money_cents_check CHECK ((VALUE >= 0));

CREATE FUNCTION public.touch() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    AS $_$
BEGIN
  UPDATE public.customer SET note = 'a;b' WHERE id = $1; -- it's fine
  RETURN NEW;
END
$_$;

CREATE TABLE public.customer (
    id bigint NOT NULL,
    email character varying(254) NOT NULL,
    "Full Name" text,
    country character(4) DEFAULT 'DE'::bpchar,
    balance numeric(12,2) DEFAULT 0.00 NOT NULL,
    tags text[] DEFAULT ARRAY['a'::text, 'b'::text] NOT NULL,
    state public.order_state DEFAULT 'new'::public.order_state,
    cents public.money_cents,
    born date,
    exclude boolean,
    CONSTRAINT customer_check CHECK (((balance >= (0)::numeric) AND (id > 0)))
);
ALTER TABLE public.customer OWNER TO shop;

CREATE TABLE crm.contact (
    id integer NOT NULL,
    customer_id bigint,
    full_text text GENERATED ALWAYS AS ((('#'::text || (id)::text))) STORED
);

CREATE VIEW crm.people WITH (security_barrier='true') AS
 SELECT c.id,
    c.email
   FROM public.customer c
  WHERE (c.email <> ';'::text);

CREATE SEQUENCE public.customer_id_seq START WITH 1 INCREMENT BY 1;

COPY public.customer (id, email, "Full Name", country, balance, tags, state, cents, born, exclude) FROM stdin;
1	ann@example.org	Ann\nO'Hara\t\\	DE  	12.50	{a,b}	new	1250	1980-02-29	t
2	bob@example.org	\N	US  	0.00	{}	paid	0	1980-02-30	f
3	too	few
\.

COPY crm.contact (id, customer_id) FROM stdin;
1	1
2	2
\.

SELECT pg_catalog.setval('public.customer_id_seq', 3, true);

ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_email_key UNIQUE (email);
ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_pkey PRIMARY KEY (id);
ALTER TABLE ONLY crm.contact
    ADD CONSTRAINT contact_customer_fk FOREIGN KEY (customer_id) REFERENCES public.customer(id) DEFERRABLE INITIALLY DEFERRED;
CREATE UNIQUE INDEX contact_customer ON crm.contact USING btree (customer_id, id);
GRANT SELECT ON TABLE public.customer TO vendor;
GRANT SELECT(id),UPDATE(customer_id) ON TABLE crm.contact TO vendor;
GRANT USAGE ON SCHEMA crm TO vendor;

--
-- PostgreSQL database dump complete
--

\unrestrict uWfXhN
"#;

#[test]
fn a_dump_as_pg_dump_writes_it_is_read_whole() {
    let (account, catalog) = load_text(DUMP);
    insta::assert_snapshot!(told(&account), @r#"
        complete: true
        crm.contact (crm.contact.parquet) rows 2 bad 0 keys [] cut false
        customer (customer.parquet) rows 2 bad 1 keys ["id"] cut false
          1 × 3 cells where 10 were announced
          1 × column "born": not a value of date, kept as NULL
        "#);
    assert_eq!(account.taken_at.unwrap().to_string(), "2026-03-01T03:00:00Z");
    assert_eq!(catalog.server_version.as_deref(), Some("15.20 (Debian 15.20-0+deb12u1)"));
    let columns: Vec<String> = catalog
        .tables
        .iter()
        .flat_map(|t| &t.columns)
        .map(|c| format!("{}: {} as {}", c.name, c.declared, c.stored))
        .collect();
    insta::assert_snapshot!(columns.join("\n"), @r#"
        id: integer as int
        customer_id: bigint as int
        full_text: text as text
        id: bigint as int
        email: character varying(254) as text
        Full Name: text as text
        country: character(4) as text
        balance: numeric(12,2) as decimal(2)
        tags: text[] as text
        state: public.order_state as text
        cents: public.money_cents as int
        born: date as date
        exclude: boolean as bool
        "#);
}

#[test]
fn keys_views_sequences_functions_and_rights_stand_in_the_catalog() {
    let (_, mut catalog) = load_text(DUMP);
    for table in &mut catalog.tables {
        table.columns.clear();
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&catalog).unwrap(), @r#"
        {
          "kind": "pg_dump",
          "server_version": "15.20 (Debian 15.20-0+deb12u1)",
          "encoding": "UTF8",
          "tables": [
            {
              "name": "crm.contact",
              "file": "crm.contact.parquet",
              "columns": [],
              "primary_key": [],
              "unique": [
                [
                  "customer_id",
                  "id"
                ]
              ],
              "foreign_keys": [
                {
                  "columns": [
                    "customer_id"
                  ],
                  "table": "customer",
                  "references": [
                    "id"
                  ]
                }
              ],
              "parents": [],
              "owner": null,
              "kind": "table"
            },
            {
              "name": "customer",
              "file": "customer.parquet",
              "columns": [],
              "primary_key": [
                "id"
              ],
              "unique": [
                [
                  "email"
                ]
              ],
              "foreign_keys": [],
              "parents": [],
              "owner": "shop",
              "kind": "table"
            }
          ],
          "views": [
            {
              "name": "crm.people",
              "sql": "SELECT c.id,\n    c.email\n   FROM public.customer c\n  WHERE (c.email <> ';'::text)",
              "columns": [],
              "materialized": false,
              "owner": null
            }
          ],
          "sequences": [
            {
              "name": "customer_id_seq",
              "last_value": 3
            }
          ],
          "functions": [
            {
              "name": "touch",
              "security_definer": true
            }
          ],
          "grants": {
            "vendor": [
              {
                "object": "schema",
                "name": "crm",
                "privileges": [
                  "USAGE"
                ],
                "columns": []
              },
              {
                "object": "table",
                "name": "crm.contact",
                "privileges": [
                  "SELECT"
                ],
                "columns": [
                  "id"
                ]
              },
              {
                "object": "table",
                "name": "crm.contact",
                "privileges": [
                  "UPDATE"
                ],
                "columns": [
                  "customer_id"
                ]
              },
              {
                "object": "table",
                "name": "customer",
                "privileges": [
                  "SELECT"
                ],
                "columns": []
              }
            ]
          },
          "members": {}
        }
        "#);
}

#[test]
fn the_same_dump_gives_the_same_account_plain_and_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let plain = load_bytes(folder.path(), "a.sql", DUMP.as_bytes()).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(DUMP.as_bytes()).unwrap();
    let gzip = load_bytes(folder.path(), "b", &gz.finish().unwrap()).unwrap();
    let zst = load_bytes(folder.path(), "c", &zstd::encode_all(DUMP.as_bytes(), 1).unwrap()).unwrap();
    assert_eq!(plain.tables, gzip.tables);
    assert_eq!(plain.tables, zst.tables);
    assert_eq!(plain.seal.0.len(), 64);
    assert_ne!(plain.seal, gzip.seal);
}

#[test]
fn a_dump_cut_in_half_keeps_what_was_read_and_says_where_it_ends() {
    let cut = DUMP.find("0.00\t{}").unwrap();
    let (account, _) = load_text(&DUMP[..cut]);
    insta::assert_snapshot!(told(&account), @r#"
        complete: false
        crm.contact (crm.contact.parquet) rows 0 bad 0 keys [] cut true
        customer (customer.parquet) rows 1 bad 1 keys [] cut true
          1 × cut off
        the dump ends inside table "customer", at byte 1856; the rows before were kept
        "#);
    let between = DUMP.find("ALTER TABLE ONLY").unwrap();
    let (account, _) = load_text(&DUMP[..between]);
    assert!(!account.complete);
    assert!(account.remarks[0].contains("closing comment"), "{:?}", account.remarks);
}

#[test]
fn a_truncated_gzip_keeps_what_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gz.write_all(DUMP.as_bytes()).unwrap();
    let mut bytes = gz.finish().unwrap();
    bytes.truncate(DUMP.find("3\ttoo").unwrap()); // inside the second row
    let account = load_bytes(folder.path(), "dump.sql.gz", &bytes).unwrap();
    assert!(!account.complete);
    assert_eq!(account.table("customer").unwrap().rows, 1);
    assert!(account.table("customer").unwrap().cut);
}

#[test]
fn inserts_are_read_like_copied_rows() {
    let (account, _) = load_text(
        "CREATE TABLE public.t (id integer NOT NULL, name text, at timestamp with time zone, ok boolean, sum numeric(8,2));\n\
         INSERT INTO public.t VALUES (1, 'it''s; fine\nand (more)', '2026-03-02 21:14:05+00', true, -1.50);\n\
         INSERT INTO public.t (name, id) VALUES (E'tab\\there', 2), (NULL, 3), ('x'::text, now());\n\
         INSERT INTO public.t VALUES (4, 'short');\n",
    );
    insta::assert_snapshot!(told(&account), @r#"
        complete: true
        t (t.parquet) rows 4 bad 1 keys [] cut false
          1 × 2 cells where 5 were announced
          1 × an expression that only a server can compute, kept as NULL
        "#);
}

#[test]
fn hostile_names_and_bytes_stay_harmless() {
    let mut dump = b"CREATE TABLE public.\"../../evil \"\"x\"\"\" (\"a\tb\" text, n integer);\n\
        COPY public.\"../../evil \"\"x\"\"\" (\"a\tb\", n) FROM stdin;\nM\xfcller\t1\n"
        .to_vec();
    dump.extend(vec![b'x'; 1 << 20]);
    dump.extend(b"\t2\n\\N\tnot a number\n\\.\n");
    let folder = tempfile::tempdir().unwrap();
    let account = load_bytes(folder.path(), "dump.sql", &dump).unwrap();
    insta::assert_snapshot!(told(&account), @r#"
        complete: true
        ../../evil "x" (%2E.%2F..%2Fevil%20%22x%22.parquet) rows 3 bad 0 keys [] cut false
          1 × a row with bytes that are not in the dump's encoding, these replaced
          1 × column "n": not a value of integer, kept as NULL
        "#);
    let written: Vec<_> = std::fs::read_dir(folder.path().join("out")).unwrap().collect();
    assert_eq!(written.len(), 2);
}

#[test]
fn rows_of_a_partition_are_in_its_parent_too() {
    let (account, catalog) = load_text(
        "CREATE TABLE public.orders (id integer, placed date) PARTITION BY RANGE (placed);\n\
         CREATE TABLE public.orders_2026 (placed date, id integer);\n\
         ALTER TABLE ONLY public.orders ATTACH PARTITION public.orders_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');\n\
         COPY public.orders_2026 (placed, id) FROM stdin;\n2026-03-02\t1\n2026-03-03\t2\n\\.\n",
    );
    assert_eq!(account.table("orders").unwrap().rows, 2);
    assert_eq!(account.table("orders_2026").unwrap().rows, 2);
    assert_eq!(catalog.table("orders_2026").unwrap().parents, ["orders"]);
    assert!(account.complete, "{:?}", account.remarks);
}

#[test]
fn rows_that_were_left_out_are_missed() {
    let (account, _) = load_text(
        "CREATE TABLE public.a (id integer);\nCREATE TABLE public.secret (id integer);\n\
         COPY public.a (id) FROM stdin;\n\\.\n",
    );
    assert!(account.complete);
    assert!(account.remarks[0].contains("left out"), "{:?}", account.remarks);
    assert!(account.table("secret").unwrap().cut && !account.table("a").unwrap().cut);
}

#[test]
fn what_is_no_plain_dump_is_refused_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let archive = load_bytes(folder.path(), "a", b"PGDMP\x01\x0e").unwrap_err();
    assert!(archive.to_string().contains("pg_restore"), "{archive}");
    let nothing = load_bytes(folder.path(), "b", b"hello").unwrap_err();
    assert!(matches!(nothing, SnapshotError::NoTables { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_offered_are_rows_written_or_bad(lines in proptest::collection::vec("[a-z0-9\\\\\t .ü]{0,12}", 0..30)) {
        let lines: Vec<&String> = lines.iter().filter(|l| *l != "\\.").collect();
        let mut dump = "CREATE TABLE public.t (a integer, b text);\nCOPY public.t (a, b) FROM stdin;\n".to_owned();
        for line in &lines {
            dump += line;
            dump.push('\n');
        }
        dump += "\\.\n";
        let (account, _) = load_text(&dump);
        let table = account.table("t").unwrap();
        prop_assert_eq!(table.rows + table.bad_rows, lines.len() as u64);
        prop_assert_eq!(table.bad.iter().map(|f| f.count).sum::<u64>(), table.bad_rows);
    }

    #[test]
    fn any_bytes_in_place_of_a_dump_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut dump = b"CREATE TABLE t (a integer);\nINSERT INTO t VALUES (1);\n".to_vec();
        dump.extend(&bytes);
        let folder = tempfile::tempdir().unwrap();
        let account = load_bytes(folder.path(), "dump.sql", &dump).unwrap();
        prop_assert!(account.table("t").unwrap().rows >= 1);
    }
}
