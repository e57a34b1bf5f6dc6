//! The benchmark store's files: its dump, its platform pack, its store file.

use super::people::People;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

const HEAD: &str = "--
-- PostgreSQL database dump
--

-- Dumped from database version 17.2
-- Dumped by pg_dump version 17.2

-- Started on 2026-03-01 03:00:00 UTC

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

CREATE TABLE public.customer (
    id bigint NOT NULL,
    email character varying(254) NOT NULL,
    first_name character varying(100) NOT NULL,
    last_name character varying(100) NOT NULL,
    phone character varying(40),
    password character varying(128) NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.address (
    id bigint NOT NULL,
    customer_id bigint NOT NULL,
    street character varying(200) NOT NULL,
    city character varying(100) NOT NULL,
    postcode character varying(20) NOT NULL,
    country character varying(2) NOT NULL
);

CREATE TABLE public.payment_card (
    id bigint NOT NULL,
    customer_id bigint NOT NULL,
    brand character varying(20) NOT NULL,
    last4 character varying(4) NOT NULL,
    expiry character varying(7) NOT NULL
);

CREATE TABLE public.orders (
    id bigint NOT NULL,
    customer_id bigint NOT NULL,
    total numeric(12,2) NOT NULL,
    placed_at timestamp with time zone NOT NULL
);

";

const FOOT: &str = "ALTER TABLE ONLY public.customer ADD CONSTRAINT customer_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.address ADD CONSTRAINT address_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.payment_card ADD CONSTRAINT payment_card_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.address ADD CONSTRAINT address_customer FOREIGN KEY (customer_id) REFERENCES public.customer(id);
ALTER TABLE ONLY public.payment_card ADD CONSTRAINT card_customer FOREIGN KEY (customer_id) REFERENCES public.customer(id);
ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES public.customer(id);
GRANT SELECT,UPDATE ON TABLE public.customer TO reports;
GRANT SELECT ON TABLE public.address TO reports;
GRANT SELECT ON TABLE public.payment_card TO reports;
GRANT SELECT ON TABLE public.orders TO reports;

--
-- PostgreSQL database dump complete
--
";

/// Writes `before.sql`, `platform.yaml` and `store.toml` into `out`.
pub(super) fn write(out: &Path, people: People) -> Result<()> {
    let path = out.join("before.sql");
    let of = || format!("writing {}", path.display());
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&path).with_context(of)?);
    tables(&mut file, people).with_context(of)?;
    file.flush().with_context(of)?;
    let named = |name: &str| format!("writing {name}");
    std::fs::write(out.join("platform.yaml"), PLATFORM).with_context(|| named("platform.yaml"))?;
    std::fs::write(out.join("store.toml"), STORE).with_context(|| named("store.toml"))
}

fn tables(file: &mut impl Write, people: People) -> std::io::Result<()> {
    let all = || (0..people.count).map(|k| people.nth(k));
    file.write_all(HEAD.as_bytes())?;
    writeln!(file, "COPY public.customer (id, email, first_name, last_name, phone, password, created_at) FROM stdin;")?;
    for c in all() {
        let (id, email, phone, password) = (c.id, c.email(), c.phone(), c.password());
        let (first, last) = (c.first_name(), c.last_name());
        writeln!(file, "{id}\t{email}\t{first}\t{last}\t{phone}\t{password}\t2024-05-06 07:08:09+00")?;
    }
    writeln!(file, "\\.\n\nCOPY public.address (id, customer_id, street, city, postcode, country) FROM stdin;")?;
    for c in all() {
        let (city, country) = c.city();
        writeln!(file, "{}\t{}\t{}\t{city}\t{}\t{country}", c.id + 7, c.id, c.street(), c.postcode())?;
    }
    writeln!(file, "\\.\n\nCOPY public.payment_card (id, customer_id, brand, last4, expiry) FROM stdin;")?;
    for c in all() {
        if let Some(last4) = c.card() {
            writeln!(file, "{}\t{}\tvisa\t{last4:04}\t04/2029", c.id + 11, c.id)?;
        }
    }
    writeln!(file, "\\.\n\nCOPY public.orders (id, customer_id, total, placed_at) FROM stdin;")?;
    for c in all() {
        if let Some(cents) = c.order() {
            let (whole, rest) = (cents / 100, cents % 100);
            writeln!(file, "{}\t{}\t{whole}.{rest:02}\t2025-11-12 13:14:15+00", c.id + 13, c.id)?;
        }
    }
    writeln!(file, "\\.\n")?;
    file.write_all(FOOT.as_bytes())
}

const PLATFORM: &str = "title: Benchmark store
source: made up by cargo xtask bench
accounts: { table: customer, key: id, email: email, name: [first_name, last_name] }
tables:
  customer:
    key: id
    owner: { account: id }
    columns:
      email: email
      first_name: name
      last_name: name
      phone: phone
      password: { class: password_hash, protection: hashed, scheme_before: '$' }
  address:
    key: id
    owner: { account: customer_id }
    columns: { street: postal_address, city: postal_address, postcode: postal_address }
  payment_card:
    key: id
    owner: { account: customer_id }
    columns:
      brand: payment_card_partial
      last4: { class: payment_card_partial, protection: truncated }
      expiry: payment_card_partial
  orders:
    key: id
    owner: { account: customer_id }
    columns: { id: order_history, total: order_history, placed_at: order_history }
residence:
  default_address: { table: address, country: country }
";

const STORE: &str = "[store]
name = \"Benchmark store\"
platform = [\"./platform.yaml\"]
time_zone = \"UTC\"
residence = [\"default_address\"]

[snapshot.before]
file = \"before.sql\"
taken_at = \"2026-03-01T03:00:00Z\"
";
