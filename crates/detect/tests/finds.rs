//! The invented breach: what is found, and that the order of events does not matter.

#[allow(dead_code, reason = "two test crates share it, and each uses a part")]
mod story;

use proptest::prelude::*;
use stanch_detect::{Rules, detect};
use stanch_lake::EventRows;
use stanch_model::{Finding, IdentityKind};
use stanch_packs::Packs;
use std::convert::Infallible;
use story::Story;

fn found(batches: &[EventRows]) -> Vec<Finding> {
    let rules = Rules::load(&Packs::shipped()).expect("shipped packs are right");
    let Ok(findings) = detect::<_, Infallible>(&mut |_| Ok(batches.iter().cloned().map(Ok)), &rules, &[]);
    findings
}

#[test]
fn each_step_of_the_intruder_is_found_with_its_numbers() {
    let shown: Vec<String> = found(&Story::told().batches(1000))
        .iter()
        .map(|f| format!("{:.2} {}: {}", f.confidence, f.detection, f.detail))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    0.50 web/attack_tools: 1 request by zgrab from 1 address
    0.50 api/record_scraping: 40 ids of /dashboard/orders/{n}/, 100 % in a row; 40 requests from 1 address
    0.92 logins/failure_burst: 595 failures for 595 user names from 25 addresses within 4 minutes; usual are 0 a minute
    0.90 logins/account_opened: 5 logins to 5 accounts went through from 5 of the burst's 25 addresses
    0.70 web/attack_tools: 300 requests by sqlmap from 1 address
    0.95 web/sql_injection_in_requests: 300 requests from 1 address, 300 of them beyond doubt: union select, comparison of constants, character read by comparison, value in an error message, text built from character codes, inner select
    0.75 api/key_from_new_network: key vx-1: 128 uses from 2 networks new to the key, after 54 from its own and before 36 more
    0.90 api/record_scraping: 120 ids of /api/v1/customers/{n}/, 100 % in a row, 30 of them not there, 8 pages of /api/v1/orders/; 128 requests from 2 addresses
    0.70 database/role_from_new_client: role vendor_x from 1 client: 3 events from a client new to the role, after 562 from its own and before 138 more
    0.70 database/role_outside_habits: role vendor_x from 1 client: 3 statements; commands new to it: COPY, UPDATE; under a program name new to it: psql; tables new to it: order_billingaddress, order_order, payment_bankcard
    ");
}

#[test]
fn an_ordinary_day_leaves_nothing_to_act_on() {
    let found = found(&Story::quiet().batches(1000));
    let surest = found.iter().flat_map(|f| &f.proposes).map(|i| i.confidence).fold(0.0, f64::max);
    assert!(surest <= 0.5, "{found:#?}");
}

#[test]
fn what_an_owner_uses_too_is_only_proposed_from_the_intruders_addresses() {
    for finding in found(&Story::told().batches(1000)) {
        for identity in &finding.proposes {
            if matches!(identity.kind, IdentityKind::Account | IdentityKind::ApiKey | IdentityKind::DatabaseRole) {
                assert!(!identity.only_from.is_empty(), "{identity:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]
    #[test]
    fn the_order_of_events_does_not_matter(
        order in Just((0..400usize).collect::<Vec<_>>()).prop_shuffle(),
        size in 20usize..400,
    ) {
        let told = Story::told();
        let straight = found(&told.batches(1000));
        let mut batches: Vec<(usize, EventRows)> = order.into_iter().cycle().zip(told.batches(size)).collect();
        batches.sort_by_key(|(key, _)| *key);
        let shuffled: Vec<EventRows> = batches.into_iter().map(|(_, rows)| rows).collect();
        prop_assert_eq!(straight, found(&shuffled));
    }
}
