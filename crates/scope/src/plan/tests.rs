//! What a statement shows of whom, statement by statement.

use crate::plan::{How, Plan, Role, Schema, parse, plan};
use crate::platform::{Platform, PlatformFile};
use insta::assert_snapshot;
use stanch_snapshot::Catalog;

const PACK: &str = r#"
title: A small shop
source: this test
tables:
  auth_user:
    owner: {account: id}
    columns: {email: email, first_name: name, password: {class: password_hash, protection: hashed, scheme_before: "$"}}
  order_order:
    owner: {account: user_id}
    columns: {number: order_history, total: order_history}
"#;

fn planned(sql: &str) -> Result<Plan, String> {
    let file: PlatformFile = stanch_packs::parse("test", PACK).expect("a pack");
    let platform = Platform::of(file);
    let mut catalog = Catalog::default();
    catalog.views.push(stanch_snapshot::catalog::View {
        name: "spenders".into(),
        sql: "SELECT u.id AS customer_id, u.email, sum(o.total) AS spent FROM auth_user u \
              LEFT JOIN order_order o ON o.user_id = u.id GROUP BY u.id"
            .into(),
        columns: Vec::new(),
        materialized: false,
        owner: None,
    });
    let parsed = parse(sql)?;
    plan(&parsed[0], &Schema { platform: &platform, catalog: &catalog })
}

/// Each block: where it goes, and which columns it shows how.
fn told(sql: &str) -> String {
    let plan = match planned(sql) {
        Ok(plan) => plan,
        Err(why) => return format!("not planned: {why}"),
    };
    let mut lines = Vec::new();
    for block in &plan.blocks {
        let role = match block.role {
            Role::Output => "output",
            Role::Cast => "error text",
            Role::Condition => "condition",
        };
        let flows = block.flows.iter().filter(|f| !f.column.is_empty());
        let flows: Vec<String> = flows
            .map(|f| {
                let how = match f.how {
                    How::Value => "shown",
                    How::Equality => "equal to a constant",
                    How::Part => "in part",
                    How::OneOfGroup => "one of a group",
                    How::Membership => "decides",
                };
                format!("{}.{} {how}", block.sources[f.source].table, f.column)
            })
            .collect();
        let doubts = if block.doubts.is_empty() { String::new() } else { format!(" [{}]", block.doubts.join(", ")) };
        lines.push(format!("{role}: {}{doubts}", flows.join("; ")));
    }
    for probe in &plan.probes {
        lines.push(format!("probe of {:?}", probe.test.about));
    }
    for write in &plan.writes {
        let columns: Vec<&str> = write.set.keys().map(String::as_str).collect();
        lines.push(format!("writes {} {}", write.table, columns.join(", ")));
    }
    if lines.is_empty() { "nothing personal".to_owned() } else { lines.join("\n") }
}

#[test]
fn a_select_shows_what_it_selects() {
    assert_snapshot!(told("SELECT email FROM auth_user WHERE id = 7"), @"output: auth_user.email shown");
    assert_snapshot!(told("SELECT * FROM auth_user"), @"
    output: auth_user.email shown; auth_user.first_name shown; auth_user.password shown
    ");
    assert_snapshot!(told("SELECT id FROM catalogue_product"), @"nothing personal");
}

#[test]
fn counting_and_filtering_decide_and_do_not_show() {
    assert_snapshot!(told("SELECT count(email) FROM auth_user"), @"output: auth_user.email decides");
    assert_snapshot!(told("SELECT id FROM auth_user WHERE email LIKE 'a%'"), @"output: auth_user.email decides");
}

#[test]
fn an_equality_with_a_row_returned_shows_that_column_too() {
    assert_snapshot!(told("SELECT id FROM auth_user WHERE email = 'a@example.org'"), @"
    output: auth_user.email equal to a constant; auth_user.email decides
    ");
}

#[test]
fn an_injected_union_shows_through_aggregates_and_concatenation() {
    let sql = "SELECT id FROM catalogue_product WHERE id = 1 UNION ALL SELECT STRING_AGG(CHR(113)||COALESCE(email::text,CHR(32)),'') FROM auth_user WHERE id BETWEEN 3 AND 9-- x ORDER BY 1";
    assert_snapshot!(told(sql), @"output: auth_user.email shown");
}

#[test]
fn a_failing_conversion_shows_the_value_in_its_error() {
    let sql = "SELECT id FROM catalogue_product WHERE id = 1 AND 7=CAST(CHR(113)||(SELECT email FROM auth_user ORDER BY id OFFSET 3 LIMIT 1)::text AS NUMERIC)";
    assert_snapshot!(told(sql), @"error text: auth_user.email shown");
}

#[test]
fn a_blind_probe_is_a_question_about_one_character() {
    let inner = "(SELECT COALESCE(CAST(password AS TEXT)::text,CHR(32)) FROM auth_user ORDER BY id OFFSET 3 LIMIT 1)";
    let of = |condition: &str| told(&format!("SELECT id FROM catalogue_product WHERE id = 1 AND {condition}"));
    assert_snapshot!(of(&format!("ASCII(SUBSTRING({inner}::text FROM 2 FOR 1))>64")), @"probe of Character(2)");
    assert_snapshot!(of(&format!("ASCII(SUBSTRING({inner}::text FROM 9 FOR 1)) IN (64,65)")), @"probe of Character(9)");
    assert_snapshot!(of(&format!("LENGTH({inner}::text)>12")), @"probe of Length");
    assert_snapshot!(of(&format!("{inner}=(CHR(97)||CHR(98))")), @"probe of Whole");
}

#[test]
fn a_view_with_groups_keeps_each_groups_rows() {
    assert_snapshot!(told("SELECT email, spent FROM spenders WHERE spent > 200"), @"
    output: auth_user.email shown; order_order.total decides
    ");
}

#[test]
fn writes_name_their_columns() {
    assert_snapshot!(told("UPDATE auth_user SET email = 'x@example.org' WHERE id = 3"), @"writes auth_user email");
    assert_snapshot!(told("COPY auth_user (email) TO STDOUT"), @"output: auth_user.email shown");
}

#[test]
fn what_cannot_be_planned_says_why() {
    assert_snapshot!(told("WITH RECURSIVE r AS (SELECT email FROM auth_user) SELECT * FROM r"), @"not planned: a recursive query");
    assert_snapshot!(told("SELECT email FROM auth_user FETCH FIRST 3 ROWS WITH TIES"), @"not planned: FETCH with ties or per cent");
    assert_snapshot!(told("SELECT (email FROM auth_user"), @"not planned: the parser does not understand it");
}
