//! The invented breach from events to the intruder and the timeline.

#[path = "../../detect/tests/story/mod.rs"]
#[allow(dead_code, reason = "two test crates share it, and each uses a part")]
mod story;

use stanch_detect::{Rules, detect};
use stanch_lake::EventRows;
use stanch_model::store::{IntruderRule, KnownNetwork, Moments};
use stanch_model::timeline::Phase;
use stanch_model::{Finding, IdentityKind, Intruder, Timeline};
use stanch_packs::Packs;
use stanch_timeline::{Given, accept, propose, timeline};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use story::{OPERATOR, SCRAPERS, START_S, Story, THIEF_DB, exits};

fn intruder_of(batches: &[EventRows], rule: &IntruderRule) -> (Vec<Finding>, Intruder) {
    let rules = Rules::load(&Packs::shipped()).expect("shipped packs are right");
    let events = &mut |_: &_| Ok(batches.iter().cloned().map(Ok));
    let Ok(findings) = detect::<_, Infallible>(events, &rules, &rule.known_networks);
    let mut intruder = propose(&findings, rule);
    accept(&mut intruder, rule.take_from, "run (confidence ≥ 0.80)");
    (findings, intruder)
}

fn told(batches: &[EventRows], findings: &[Finding], intruder: &Intruder) -> Timeline {
    let moments =
        Moments { discovered: Some(stanch_model::Instant((START_S + 90_000) * 1_000_000)), ..Moments::default() };
    let rules = stanch_timeline::Rules::load(&Packs::shipped()).expect("shipped packs are right");
    let given = Given {
        findings,
        intruder,
        moments: &moments,
        files: &[],
        logs: &[],
        time_zone: "Europe/Berlin",
        rules: &rules,
    };
    let Ok(timeline) = timeline::<_, Infallible>(&mut |_| Ok(batches.iter().cloned().map(Ok)), &given);
    timeline
}

#[test]
fn the_intruder_is_found_and_nobody_else() {
    let known: KnownNetwork =
        KnownNetwork { net: "198.51.100.0/24".parse().unwrap(), owner: "vendor and staff".to_owned() };
    for known_networks in [Vec::new(), vec![known]] {
        let rule = IntruderRule { known_networks, ..IntruderRule::default() };
        let (_, intruder) = intruder_of(&Story::told().batches(1000), &rule);
        let mut by_kind: BTreeMap<IdentityKind, BTreeSet<&str>> = BTreeMap::new();
        intruder.confirmed().for_each(|i| by_kind.entry(i.kind).or_default().extend([i.value.as_str()]));
        let exits = exits();
        let mut addresses: BTreeSet<&str> = exits.iter().map(String::as_str).collect();
        addresses.extend([OPERATOR, SCRAPERS[0], SCRAPERS[1], THIEF_DB]);
        assert_eq!(by_kind[&IdentityKind::Address], addresses);
        let accounts = BTreeSet::from(["1001", "1003", "1005", "1007", "1009"]);
        assert_eq!(by_kind[&IdentityKind::Account], accounts);
        assert_eq!(by_kind[&IdentityKind::ApiKey], BTreeSet::from(["vx-1"]));
        assert_eq!(by_kind[&IdentityKind::DatabaseRole], BTreeSet::from(["vendor_x"]));
        assert!(["db.thief0", "db.thief1", "db.thief2"].iter().all(|s| by_kind[&IdentityKind::Session].contains(s)));
    }
}

#[test]
fn an_ordinary_day_has_no_intruder() {
    let (_, intruder) = intruder_of(&Story::quiet().batches(1000), &IntruderRule::default());
    assert_eq!(intruder.confirmed().count(), 0, "{intruder:#?}");
}

#[test]
fn the_story_is_told_in_its_order() {
    let batches = Story::told().batches(1000);
    let (findings, intruder) = intruder_of(&batches, &IntruderRule::default());
    let timeline = told(&batches, &findings, &intruder);
    let minute = |us: i64| (us / 1_000_000 - START_S) / 60;
    let lines: Vec<String> = timeline
        .moments
        .iter()
        .map(|m| format!("{:>4} {:?}: {} ({})", minute(m.window.from.0), m.phase, m.title, m.detail))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
      60 Probing: Burst of failed logins for many accounts (595 failures for 595 user names from 25 addresses within 4 minutes; usual are 0 a minute)
      60 Entry: An account opened in a burst of failed logins (5 logins to 5 accounts went through from 5 of the burst's 25 addresses)
      60 Reading: Pages of 5 opened accounts read (11 requests, 11 answered with content)
      66 Probing: A tool for attacks names itself (300 requests by sqlmap from 1 address)
      66 Entry: SQL written into requests (300 requests from 1 address, 300 of them beyond doubt: union select, comparison of constants, character read by comparison, value in an error message, text built from character codes, inner select)
      71 Entry: A key used from a network where it never was (key vx-1: 128 uses from 2 networks new to the key, after 54 from its own and before 36 more)
      71 Reading: Records read one after another (120 ids of /api/v1/customers/{n}/, 100 % in a row, 30 of them not there, 8 pages of /api/v1/orders/; 128 requests from 2 addresses)
      71 Reading: Records read through the API with key vx-1 (128 requests, 98 answered with content)
      78 Entry: A database role does what it never did (role vendor_x from 1 client: 3 statements; commands new to it: COPY, UPDATE; under a program name new to it: psql; tables new to it: order_billingaddress, order_order, payment_bankcard)
      78 Entry: A database role used from a client where it never was (role vendor_x from 1 client: 3 events from a client new to the role, after 562 from its own and before 138 more)
      78 Reading: COPY in the database as role vendor_x (1 statement in 1 session)
      78 Reading: SELECT in the database as role vendor_x (1 statement in 1 session)
      78 Altering: UPDATE in the database as role vendor_x (1 statement in 1 session)
    1500 Response: The store discovered that something was wrong ()
    ");
    assert!(timeline.moments.iter().any(|m| m.phase == Phase::Altering));
}

#[test]
fn lanes_share_their_buckets_and_gaps_bear_on_the_intrusion() {
    let story = Story::told();
    let mut batches = story.batches(50);
    // The store's log from the middle of the intrusion on is lost.
    let cut = stanch_model::Instant((START_S + 4000) * 1_000_000);
    let is_lost = |rows: &EventRows| {
        use stanch_model::EventFields;
        rows.row(0).text_of(stanch_model::TextField::LogName) == Some("store") && rows.row(0).time() > cut
    };
    let whole = told(&batches, &intruder_of(&batches, &IntruderRule::default()).0, &Intruder::default());
    assert!(whole.gaps.is_empty(), "{:#?}", whole.gaps);
    batches.retain(|rows| !is_lost(rows));
    let (findings, intruder) = intruder_of(&batches, &IntruderRule::default());
    let timeline = told(&batches, &findings, &intruder);
    let gaps: Vec<_> = timeline.gaps.iter().map(|g| (g.source.as_str(), g.why.as_str(), g.in_intrusion)).collect();
    assert!(
        gaps.iter().any(|(source, why, inside)| *source == "store" && why.starts_with("ends ") && *inside),
        "{gaps:?}"
    );
    let first = &timeline.lanes[0];
    assert_eq!(timeline.lanes.len(), 4);
    assert!((60..=240).contains(&first.total.len()));
    assert!(
        timeline
            .lanes
            .iter()
            .all(|l| (l.from, l.bucket_us, l.total.len()) == (first.from, first.bucket_us, first.total.len()))
    );
    assert!(timeline.lanes.iter().all(|l| l.intruder.iter().zip(&l.total).all(|(mine, all)| mine <= all)));
}
