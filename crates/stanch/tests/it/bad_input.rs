//! Bad input, whole runs: what is wrong is told or counted, and the good lines before and behind it still name the
//! persons whom they prove.

use crate::small_store::{ALL, RUN, Ran, STORE, Store, dump, requests};
use crate::stanch;
use serde_json::Value;
use stanch_model::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

fn set(ids: RangeInclusive<u64>) -> BTreeSet<u64> {
    ids.collect()
}

#[test]
fn an_empty_folder_is_refused_and_the_case_goes_on_once_that_is_mended() {
    let store = Store::new().with("evidence/access.log", requests(ALL));
    fs::create_dir(store.path("empty")).unwrap();
    let said = store.refused(&["run", "evidence", "empty", "--store", "store.toml"]);
    insta::assert_snapshot!(said, @"error: there is no file in empty; name the folder that holds the logs");
    assert!(!store.path("small.case").exists());
    store.edit("store.toml", r#"file = "before.sql""#, r#"folder = "empty""#);
    insta::assert_snapshot!(store.refused(RUN), @r"
    error: the snapshot `before` could not be loaded
      because: [here]/empty holds no table; a plain pg_dump, a folder of CSV or Parquet files, or a connection string is expected
    ");
    store.edit("store.toml", r#"folder = "empty""#, r#"file = "before.sql""#);
    assert_eq!(store.run().floor(), set(ALL));
}

#[test]
fn a_truncated_gzip_counts_up_to_where_it_breaks_and_says_so_beside_the_numbers() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(requests(11..=40).as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let cut = &packed[..packed.len() / 2];
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(cut).read_to_end(&mut out).unwrap_err();
    let text = String::from_utf8(out).unwrap();
    let store = Store::new().with("evidence/access.log.1.gz", cut).with("evidence/access.log.2", requests(1..=10));
    let ran = store.run();
    let [torn, whole] = ran.files.as_slice() else { panic!("{:?}", ran.files) };
    // A line that breaks off behind its status still says who got what.
    let read: Vec<&str> = text.lines().filter(|l| l.contains("\" 200 5")).collect();
    let counts = (text.lines().count() as u64, read.len() as u64);
    assert_eq!((torn.lines, torn.events), counts, "{torn:?}");
    assert_eq!((whole.lines, whole.events), (20, 20));
    let asked = |line: &&str| line.split("/api/customers/").nth(1)?.split('/').next()?.parse().ok();
    let named: BTreeSet<u64> = read.iter().filter_map(asked).chain(1..=10).collect();
    assert!(named.len() > 15, "{named:?}");
    assert_eq!(ran.floor(), named);
    let breaks = format!("access.log.1.gz: not whole: the compressed stream breaks off after {} bytes", text.len());
    assert!(ran.said("evidence").contains(&breaks), "{}", ran.said("evidence"));
    assert_eq!(ran.told["incomplete"].as_array().unwrap().len(), 1, "{}", ran.told);
}

#[test]
fn ten_thousand_lines_of_tls_in_the_middle_are_counted_and_nothing_else_is_lost() {
    // Longer than any window that is looked at, so that no good line is near.
    let garbage: Vec<u8> = (0..10_000u32)
        .flat_map(|n| [&[0x16, 3, 1, 2, 0, b'"', (n % 7) as u8][..], &[0xfe; 80], b"\n"].concat())
        .collect();
    let ran = Store::new().with_in_the_middle(&garbage).run();
    assert_eq!(ran.counts(), (10_080, 80, 10_000));
    assert_eq!(ran.floor(), set(ALL));
    insta::assert_snapshot!(ran.said("evidence"), @"access.log: 10 000 unread: binary bytes: a TLS record where a log line should be; the first is line 41");
}

#[test]
fn a_dump_cut_in_half_counts_whom_it_still_has_and_says_so_beside_the_numbers() {
    let whole = dump(ALL, "2026-03-01 03:00:00");
    let cut = &whole[..whole.find("customer21@").unwrap() + 4];
    let store = Store::new().with("evidence/access.log", requests(ALL)).with("before.sql", cut);
    let ran = store.run();
    assert_eq!(ran.counts(), (80, 80, 0));
    assert_eq!(ran.floor(), set(1..=20));
    let at = cut.len();
    let said = ran.said("snapshot").replace(&format!("byte {at}"), "byte [end]");
    insta::assert_snapshot!(said, @r#"
    before: 1 tables, 20 rows
    before: the dump ends inside table "customer", at byte [end]; the rows before were kept
    before, table customer: 1 unread: cut off
    after: the store file names none
    "#);
    let told = "people may be missing from every number, from the ceiling too";
    assert!(ran.told["incomplete"][0].as_str().unwrap().contains(told), "{}", ran.told);
    let page = fs::read_to_string(store.path("small.case/report/index.html")).unwrap();
    assert!(page.contains(told) && !page.contains("nobody beyond these"));
    // In words, and for one of those whom it lacks.
    assert!(store.done(RUN).contains("! The store’s data was not read whole"));
    let (code, _, err) = stanch(store.dir.path(), &["prove", "30"]);
    assert_eq!(code, 1, "{err}");
}

#[test]
fn a_dump_cut_before_its_first_table_is_refused_by_name() {
    let head = dump(ALL, "2026-03-01 03:00:00").split("CREATE").next().unwrap().to_owned();
    let store = Store::new().with("evidence/access.log", requests(ALL)).with("before.sql", head);
    insta::assert_snapshot!(store.refused(RUN), @r"
    error: the snapshot `before` could not be loaded
      because: [here]/before.sql holds no table; a plain pg_dump, a folder of CSV or Parquet files, or a connection string is expected
    ");
}

const APP_LOG: &str = r#"
[[log]]
name = "app"
files = "app.log"
time = "ts"
[log.fields]
actor_user_uid = "user"
"#;

#[test]
fn a_wrong_column_of_the_store_file_is_named_with_its_place_or_counted() {
    let line = |n| format!("{{\"ts\":\"2026-03-02T21:00:{n:02}Z\",\"user\":\"{n}\"}}\n");
    let log: String = (10..30).map(line).collect();
    let made = |from: &str, to: &str| {
        let file = format!("{STORE}{}", APP_LOG.replace(from, to));
        Store::new().with("evidence/access.log", requests(ALL)).with("evidence/app.log", &log).with("store.toml", file)
    };
    // No field of an event: known before anything is read.
    let store = made("actor_user_uid", "actor_user_id");
    insta::assert_snapshot!(store.refused(RUN), @r#"
    error: store.toml:17:17: events have no field "actor_user_id"
    hint: did you mean `actor_user_uid`?
    "#);
    assert!(!store.path("small.case").exists());
    // No time in the log's lines: each is counted, and the other log is read all the same.
    let ran = made("\"ts\"", "\"tss\"").run();
    assert_eq!((ran.files[1].events, ran.files[1].unread_lines(), ran.floor()), (0, 20, set(ALL)));
    insta::assert_snapshot!(ran.said("evidence"), @r#"
    ! no event is from the log "app" of the store file; files = "app.log" counts from the folder that was named
    app.log: 20 unread: not in format JSON lines: no time in "tss", where the store file says that it stands; the first is line 1
    "#);
    // No account in them: they are read, and somebody is told why they name nobody.
    let ran = made("\"user\"", "\"userid\"").run();
    assert_eq!((ran.files[1].events, ran.files[1].unread_lines(), ran.floor()), (20, 0, set(ALL)));
    insta::assert_snapshot!(ran.said("evidence"), @r#"! no event of the log "app" has actor_user_uid, which the store file takes from "userid""#);
}

#[test]
fn a_platform_pack_with_a_wrong_column_is_refused_with_who_can_mend_it() {
    let store = Store::new().with("evidence/access.log", requests(ALL));
    store.edit("platform.yaml", "{ email: email, name: name }", "{ e_mail: email, name: name }");
    insta::assert_snapshot!(store.refused(RUN), @r#"
    error: the store's data and its platform pack do not fit each other
      because: the platform pack maps column "e_mail" of table "customer", which the snapshot does not have
    hint: correct the pack that the store file names under [store] platform, or the snapshot under [snapshot]; `stanch snapshot` shows the tables that were read
    "#);
    store.edit("platform.yaml", "e_mail", "email");
    assert_eq!(store.run().floor(), set(ALL));
}

#[test]
fn two_files_with_the_same_content_are_read_once_and_count_once() {
    let log = requests(ALL);
    let store = Store::new().with("evidence/access.log", &log).with("evidence/copy.log", &log);
    let ran = store.run();
    assert_eq!(ran.counts(), (80, 80, 0));
    assert_eq!(ran.files[0].duplicates, ["copy.log"]);
    insta::assert_snapshot!(ran.said("evidence"), @"copy.log: the same bytes as access.log, read once");
    assert!(ran.cells.iter().all(|cell| cell["accesses"] == 1), "{:?}", ran.cells);
    assert_eq!(ran.floor(), set(ALL));
}

#[test]
fn a_clock_that_is_an_hour_off_is_put_right_and_with_it_who_was_there_to_be_read() {
    let after = format!("{STORE}\n[snapshot.after]\nfile = \"after.sql\"\n");
    let offset = "\n[[log]]\nname = \"web\"\nfiles = \"access.log\"\nclock_offset_s = 3600\n";
    let ran = [after.clone(), after + offset].map(|file| {
        let store = Store::new().with("after.sql", dump(1..=41, "2026-03-03 03:00:00")).with("store.toml", file);
        store.with("evidence/access.log", requests(1..=41)).run()
    });
    let [wrong, right] = &ran;
    // The forty-first customer was born half an hour after the request, as the log tells it.
    assert_eq!((wrong.floor(), right.floor()), (set(1..=40), set(1..=41)));
    let moment = |text: &Value| text.as_str().unwrap().parse::<Instant>().unwrap();
    let windows = |ran: &Ran| -> BTreeMap<(String, String), [Instant; 3]> {
        let key = |cell: &Value| (cell["person"].to_string(), cell["data_class"].to_string());
        let times = |cell: &Value| [&cell["first_at"], &cell["last_at"], &cell["proof"]["time"]].map(moment);
        ran.cells.iter().map(|cell| (key(cell), times(cell))).collect()
    };
    let (early, late) = (windows(wrong), windows(right));
    assert_eq!((early.len(), late.len()), (80, 82));
    let hour = |t: Instant| t.plus_us(3_600_000_000);
    assert!(early.iter().all(|(cell, times)| late[cell] == times.map(hour)));
    let [a, b] = ran.each_ref().map(|ran| ran.files[0].window.unwrap());
    assert_eq!((hour(a.from), hour(a.to), right.files[0].clock_offset_s), (b.from, b.to, 3_600));
}

#[test]
fn a_line_of_a_megabyte_is_one_line_and_its_neighbours_are_whole() {
    let long = "a".repeat(1 << 20);
    let request = format!("203.0.113.9 - - [02/Mar/2026:21:00:41 +0000] \"GET /{long} HTTP/1.1\" 414 0 \"-\" \"x\"\n");
    let ran = Store::new().with_in_the_middle(format!("{long}\n{request}").as_bytes()).run();
    assert_eq!(ran.counts(), (82, 81, 1));
    assert_eq!(ran.floor(), set(ALL));
    insta::assert_snapshot!(ran.said("evidence"), @"access.log: 1 unread: not in format access log (combined): no time in square brackets; the first is line 41");
}

#[test]
fn bytes_that_are_no_utf8_are_replaced_or_counted_in_logs_dumps_and_names_of_files() {
    let theirs = requests(20..=20).lines().nth(1).unwrap().as_bytes().to_vec();
    let at = theirs.iter().rposition(|b| *b == b'"').unwrap();
    let bad = [&theirs[..at], b" caf\xe9\"\n", b"\xff\xfe\xfd\xfc no text\n"].concat();
    let log = [requests(1..=19).as_bytes(), &bad, requests(21..=40).as_bytes()].concat();
    let dump = dump(ALL, "2026-03-01 03:00:00").replace("Ada 7", "Ren#").into_bytes();
    let dump: Vec<u8> = dump.into_iter().map(|b| if b == b'#' { 0xe9 } else { b }).collect();
    let store = Store::new().with("before.sql", dump).with("evidence/access.log", log);
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"caf\xe9.log");
        fs::rename(store.path("evidence/access.log"), store.path("evidence").join(name)).unwrap();
    }
    let ran = store.run();
    assert_eq!(ran.counts(), (80, 79, 1));
    assert_eq!(ran.floor(), set(ALL));
    let said = [ran.said("evidence"), ran.said("snapshot")].join("\n");
    insta::assert_snapshot!(said.replace("caf\u{fffd}.log", "access.log"), @r"
    access.log: 1 unread: binary bytes, not text; the first is line 40
    before: 1 tables, 40 rows
    before, table customer: 1 mended: a row with bytes that are not in the dump's encoding, these replaced
    after: the store file names none
    ");
    assert!(store.done(&["prove", "20"]).contains("GET /api/customers/20/"));
}

/// Everything below a folder.
fn tree(dir: &Path) -> BTreeSet<PathBuf> {
    let below = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    below.flat_map(|path| if path.is_dir() { tree(&path) } else { BTreeSet::from([path]) }).collect()
}

#[test]
fn a_path_that_leads_out_of_an_archive_is_a_name_and_nothing_is_written_by_it() {
    let store = Store::new();
    let escaped = format!("{}.log", store.dir.path().file_name().unwrap().display());
    let (up, absolute) = (format!("../../{escaped}"), store.path("absolute.log").display().to_string());
    let tar = |ids, names: &[&str]| {
        let mut archive = tar::Builder::new(Vec::new());
        let text = requests(ids);
        for (name, bytes) in names.iter().zip([text.as_bytes(), b"no log\n"]) {
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            archive.append(&header, bytes).unwrap();
        }
        archive.into_inner().unwrap()
    };
    let gzip = |name: &str, bytes: &[u8]| {
        let mut out = flate2::GzBuilder::new().filename(name).write(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(&up, zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(requests(21..=30).as_bytes()).unwrap();
    let store = store
        .with("evidence/a.tar", tar(1..=10, &[&up, &absolute]))
        .with("evidence/b.tgz", gzip("../b.tar", &tar(11..=20, &[&up])))
        .with("evidence/c.zip", zip.finish().unwrap().into_inner())
        .with("evidence/d.gz", gzip(&up, requests(31..=40).as_bytes()));
    let (here, case) = (store.dir.path(), store.path("small.case"));
    let before = tree(here);
    let ran = store.run_with(&["--copy"]);
    assert!(tree(here).difference(&before).all(|new| new.starts_with(&case)));
    assert!(here.ancestors().all(|dir| !dir.join(&escaped).exists()));
    let shown = |path: &str| path.replace(&absolute, "[absolute]").replace(&up, "[up]");
    let read: Vec<(String, u64, u64)> = ran.files.iter().map(|f| (shown(&f.path), f.lines, f.events)).collect();
    let expect = [
        ("a.tar", 0, 0),
        ("a.tar![up]", 20, 20),
        ("a.tar![absolute]", 1, 0),
        ("b.tgz", 0, 0),
        ("b.tgz![up]", 20, 20),
        ("c.zip", 0, 0),
        ("c.zip![up]", 20, 20),
        ("d.gz", 20, 20),
    ];
    assert_eq!(read, expect.map(|(path, lines, events)| (path.to_owned(), lines, events)));
    assert_eq!(ran.floor(), set(ALL));
    for id in [5, 15, 25, 35] {
        let proof = store.done(&["prove", &id.to_string()]);
        assert!(proof.contains(&format!("GET /api/customers/{id}/")), "{proof}");
    }
}
