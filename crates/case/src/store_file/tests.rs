use super::*;

const GOOD: &str = r#"[store]
name = "Copperleaf"
platform = ["oscar", "./copperleaf.yaml"]
time_zone = "Europe/Berlin"

[snapshot.before]
file = "snapshot/before.sql.gz"
taken_at = 2026-03-01T02:00:00Z

[facts]
established_in = ["DE"]

[[log]]
name = "app"
files = "app/*.log*"
time = "ts"
[log.fields]
actor_user_uid = "user.id"
"#;

fn refusal(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    parse("store.toml", &GOOD.replace(from, to), Path::new("/cases")).unwrap_err().to_string()
}

#[test]
fn a_store_file_is_read_and_its_paths_start_beside_it() {
    let loaded = parse("store.toml", GOOD, Path::new("/cases/copperleaf")).unwrap();
    assert_eq!(loaded.file.store.name, "Copperleaf");
    assert_eq!(loaded.resolve("snapshot/before.sql.gz"), Path::new("/cases/copperleaf/snapshot/before.sql.gz"));
    let own: Vec<_> = loaded.own_platforms().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(own, ["./copperleaf.yaml"]);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    insta::assert_snapshot!(refusal("time_zone = \"Eu", "timezone = \"Eu"), @r"
    store.toml:4:1: unknown key `timezone`
    hint: did you mean `time_zone`?
    ");
    insta::assert_snapshot!(refusal("[facts]", "[fact]"), @r"
    store.toml:10:2: unknown key `fact`
    hint: did you mean `facts`?
    ");
    insta::assert_snapshot!(refusal("taken_at =", "colour ="), @r"
    store.toml:8:1: unknown key `colour`
    hint: known here: file, folder, postgres, taken_at
    ");
}

#[test]
fn a_time_without_its_offset_is_refused() {
    insta::assert_snapshot!(refusal("2026-03-01T02:00:00Z", "\"2026-03-01 02:00\""), @r#"store.toml:8:12: "2026-03-01 02:00" is not a moment such as 2026-03-02T21:14:05Z (the offset or Z is required)"#);
}

#[test]
fn a_zone_a_place_an_event_field_and_a_confidence_must_exist() {
    insta::assert_snapshot!(refusal("Europe/Berlin", "Europe/Berln"), @r#"
    store.toml:4:13: there is no time zone "Europe/Berln"
    hint: did you mean `Europe/Berlin`?
    "#);
    insta::assert_snapshot!(refusal("[\"DE\"]", "[\"DE\", \"UK-\"]"), @r#"
    store.toml:11:25: "UK-" is not the code of a place
    hint: the United Kingdom is `GB`
    "#);
    insta::assert_snapshot!(refusal("actor_user_uid", "actor_user_id"), @r#"
    store.toml:18:17: events have no field "actor_user_id"
    hint: did you mean `actor_user_uid`?
    "#);
    insta::assert_snapshot!(refusal("[facts]", "[intruder]\ntake_from = 80\n[facts]"), @r"
    store.toml:11:13: 80 is not between 0 and 1
    hint: 1 takes only what is certain, 0 takes every proposal; 0.8 is usual
    ");
}

#[test]
fn a_snapshot_is_in_exactly_one_place() {
    insta::assert_snapshot!(refusal("file = \"snapshot/before.sql.gz\"", "file = \"a\"\nfolder = \"b\""), @r"
    store.toml:6:11: the snapshot `before` is said to be in 2 places: file, folder
    hint: give exactly one of `file`, `folder`, `postgres`
    ");
    insta::assert_snapshot!(refusal("file = \"snapshot/before.sql.gz\"\n", ""), @r"
    store.toml:6:11: the snapshot `before` says nothing of where it is
    hint: give exactly one of `file`, `folder`, `postgres`
    ");
}

#[test]
fn text_that_is_not_toml_is_refused_with_its_place() {
    insta::assert_snapshot!(refusal("[facts]", "[facts"), @"store.toml:10:7: unclosed table, expected `]`");
    insta::assert_snapshot!(refusal("name = \"Copperleaf\"\n", ""), @"store.toml:1:1: the key `name` is missing");
}
