//! Whole files, good and bad: what was read, what was not, and why.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use proptest::prelude::*;
use stanch_evidence::{
    Formats, Known, Limits, ReadOptions, Sink, SinkError, Source, excerpt, gather, is_whole, read, read_text, seal,
    seal_with_beginning, split_member,
};
use stanch_model::store::LogSource;
use stanch_model::{EventBatch, EventFields, FileAccount, Instant, NumberField, Position, TextField};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static FORMATS: LazyLock<Formats> =
    LazyLock::new(|| Formats::load(&stanch_packs::Packs::shipped()).expect("shipped packs load"));

/// Keeps what it receives, and that calls come in their order.
#[derive(Default)]
struct Kept {
    batches: Vec<EventBatch>,
    open: bool,
    ended: usize,
}

impl Sink for Kept {
    type Block = Vec<EventBatch>;

    fn begin(&mut self) -> Result<(), SinkError> {
        assert!(!self.open, "one text at a time");
        self.open = true;
        Ok(())
    }
    fn block(&mut self) -> Result<Vec<EventBatch>, SinkError> {
        assert!(self.open);
        Ok(Vec::new())
    }
    fn put(&mut self, block: Vec<EventBatch>) -> Result<(), SinkError> {
        assert!(self.open && block.iter().all(|batch| !batch.is_empty()));
        self.batches.extend(block);
        Ok(())
    }
    fn end(&mut self, _: &FileAccount) -> Result<(), SinkError> {
        assert!(self.open);
        self.open = false;
        self.ended += 1;
        Ok(())
    }
}

impl Kept {
    fn texts(&self, field: TextField) -> Vec<Option<String>> {
        self.batches.iter().flat_map(EventBatch::rows).map(|r| r.text(field).map(str::to_owned)).collect()
    }
    fn times(&self) -> Vec<Instant> {
        self.batches.iter().flat_map(EventBatch::rows).map(|r| r.time()).collect()
    }
    fn positions(&self) -> Vec<Position> {
        self.batches.iter().flat_map(EventBatch::rows).map(|r| r.position()).collect()
    }
}

fn options() -> ReadOptions<'static> {
    ReadOptions::new(&FORMATS, "UTC")
}

fn read_path(path: &Path, options: &ReadOptions<'_>) -> (Vec<FileAccount>, Kept) {
    let mut kept = Kept::default();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let accounts = read(&Source { name, path: path.to_owned() }, options, &mut kept).unwrap();
    for account in &accounts {
        assert_eq!(account.lines, account.lines_in_events + account.unread_lines(), "{account:#?}");
        assert!(account.events <= account.lines_in_events);
    }
    assert_eq!(kept.ended, accounts.len());
    assert_eq!(kept.positions().len() as u64, accounts.iter().map(|a| a.events).sum::<u64>());
    (accounts, kept)
}

fn read_named(name: &str, bytes: &[u8]) -> (Vec<FileAccount>, Kept) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    read_path(&path, &options())
}

fn read_one(bytes: &[u8]) -> (FileAccount, Kept) {
    let (mut accounts, kept) = read_named("file", bytes);
    assert_eq!(accounts.len(), 1);
    (accounts.remove(0), kept)
}

fn access_lines(count: usize) -> String {
    (0..count)
        .map(|i| {
            format!(
                "192.0.2.{} - - [02/Mar/2026:21:{:02}:{:02} +0000] \"GET /p/{i} HTTP/1.1\" 200 {i} \"-\" \"agent\"\n",
                i % 250,
                i / 60 % 60,
                i % 60
            )
        })
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn reasons(account: &FileAccount) -> Vec<(String, u64)> {
    account.unread.iter().map(|g| (g.reason.clone(), g.lines)).collect()
}

#[test]
fn ten_thousand_lines_of_tls_garbage_in_the_middle_change_nothing_for_the_good_ones() {
    let garbage: Vec<u8> =
        (0..10_000u32).flat_map(|i| [0x16, 3, 1, (i % 9) as u8, 200, 0xff, 0, b'"', b'\n']).collect();
    for (before, after) in [(5_000, 5_000), (0, 9_000)] {
        let bytes = [access_lines(before).as_bytes(), &garbage, access_lines(after).as_bytes()].concat();
        let (account, _) = read_one(&bytes);
        assert_eq!(account.events, (before + after) as u64);
        assert_eq!(account.unread_lines(), 10_000);
        assert_eq!(account.format.as_deref(), Some("access_combined"));
        assert!((account.format_score - 1.0).abs() < 1e-9);
    }
}

#[test]
fn more_garbage_at_the_start_than_any_sample_holds_delays_recognition_only() {
    let garbage = "what is this line doing here\n".repeat(60_000);
    let (account, _) = read_one(format!("{garbage}{}", access_lines(20_000)).as_bytes());
    assert_eq!(account.format.as_deref(), Some("access_combined"));
    // The window in which the format is recognised is read by it, so nothing good is lost.
    assert_eq!(account.events, 20_000);
    assert!(account.remarks.iter().any(|r| r.starts_with("no format was recognised before about line")), "{account:?}");
}

#[test]
fn a_format_that_changes_in_the_middle_loses_no_line() {
    let json =
        "{\"msec\":\"1772486045.250\",\"remote_addr\":\"192.0.2.1\",\"request\":\"GET / HTTP/1.1\",\"status\":200}\n";
    let (account, _) = read_one(format!("{}{}", access_lines(4_000), json.repeat(20_000)).as_bytes());
    // A window in which both stand is read by the one that it begins with.
    assert!(account.events > 20_000, "{:?}", account.unread);
    assert_eq!(account.format.as_deref(), Some("nginx_json"));
    assert!(account.remarks[0].contains("in another format: nginx JSON"), "{:?}", account.remarks);
}

#[test]
fn a_truncated_gzip_gives_what_could_be_read_and_says_where_it_broke() {
    let whole = gzip(access_lines(50_000).as_bytes());
    let cut = &whole[..whole.len() / 2];
    let (account, kept) = read_one(cut);
    assert_eq!(account.container.as_deref(), Some("gzip"));
    assert!(account.events > 10_000, "{}", account.events);
    assert_eq!(account.bytes, cut.len() as u64);
    assert!(account.remarks.iter().any(|r| r.contains("breaks off after")), "{:?}", account.remarks);
    assert!(!is_whole(&account));
    assert_eq!(kept.texts(TextField::Url)[0].as_deref(), Some("/p/0"));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x"), cut).unwrap();
    assert_eq!(seal(&dir.path().join("x")).unwrap(), (account.seal, account.bytes));
}

#[test]
fn every_compression_is_read_whole_also_in_several_streams() {
    let text = access_lines(3_000);
    let (a, b) = text.split_at(text.len() / 3);
    let (account, _) = read_one(&[gzip(a.as_bytes()), gzip(b.as_bytes())].concat());
    assert_eq!((account.events, account.text_bytes), (3_000, text.len() as u64));
    let (account, _) = read_one(&zstd::encode_all(text.as_bytes(), 3).unwrap());
    assert_eq!((account.events, account.container.as_deref()), (3_000, Some("zstd")));
    assert!(is_whole(&account));
    let (account, _) = read_one(&[bzip2(a.as_bytes()), bzip2(b.as_bytes())].concat());
    assert_eq!((account.events, account.container.as_deref()), (3_000, Some("bzip2")));
    let (account, _) = read_one(&[xz(a.as_bytes()), xz(b.as_bytes())].concat());
    assert_eq!((account.events, account.container.as_deref()), (3_000, Some("xz")));
    assert!(is_whole(&account));
    let (account, _) = read_one(&xz(text.as_bytes())[..400]);
    assert!(!is_whole(&account));
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_damaged_bzip2_file_is_named_and_nothing_more() {
    // Found by fuzzing: a code length below nought.
    let packed = b"BZh11AY&SY\x02\xfa\x9f\xb7\x00\x00;\xdf\x80\x00\x10P\x0b\x7fw&@\x0c\x1a?\xef\xfe\xa0 \x00\x8a\x86\xaa~S\x14\xd3\xcahi\xe5\
        \x0d\xa4\x1a=5\x1e\x824h5=*~\x81!\xeah\x00dh\x00\xff\xff\xff";
    let (account, _) = read_one(packed);
    assert_eq!((account.lines, account.container.as_deref()), (0, Some("bzip2")));
    assert!(!is_whole(&account));
}

#[test]
fn a_damaged_xz_file_is_named_and_nothing_more() {
    // Found by fuzzing: properties that cannot be, behind which the decoder went on without end.
    let packed = b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4F\x02\0!\x01\x16\0\0\0t/\xe5\xa3\xe0\x02\x8b\x1f\x8b\x08\0\0";
    let (account, _) = read_one(packed);
    assert_eq!((account.lines, account.container.as_deref()), (0, Some("xz")));
    assert!(!is_whole(&account));
    // A head that is none is no empty file.
    let (account, _) = read_one(b"\x28\xb5\x2f\xfd\xff\xff\xff\xff");
    assert!(!is_whole(&account));
}

#[test]
fn a_record_of_many_elements_does_not_become_its_length_times_its_length() {
    let item = r#"{"NotificationRequestItem":{"eventCode":"REFUND","eventDate":"2026-03-02T21:14:05Z"}}"#;
    let many = |around: &str, count: usize| {
        format!(r#"{{"live":"true","x":"{around}","notificationItems":[{item}{}]}}"#, format!(",{item}").repeat(count))
    };
    let (account, _) = read_text("x", many("", 2_000).as_bytes(), &options());
    assert_eq!((account.events, account.unread_lines()), (2_001, 0));
    // Each event has what stands around its element.
    let (account, _) = read_text("x", many(&"y".repeat(60_000), 2_000).as_bytes(), &options());
    assert!(account.events < 300, "{} events", account.events);
    assert_eq!(
        reasons(&account),
        [("not in format Adyen webhooks: more elements than are read of one record".to_owned(), 1)]
    );
}

#[test]
fn a_line_of_a_megabyte_is_read_and_one_over_the_limit_is_one_unread_line() {
    let long =
        |n: usize| format!("192.0.2.1 - - [02/Mar/2026:21:00:00 +0000] \"GET /{} HTTP/1.1\" 200 1\n", "a".repeat(n));
    let text = format!("{}{}{}", long(10), long(1 << 20), long(10));
    assert_eq!(read_one(text.as_bytes()).0.events, 3);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    std::fs::write(&path, &text).unwrap();
    let limits = Limits { line_bytes_max: 4_096, ..Limits::default() };
    let (accounts, _) = read_path(&path, &ReadOptions { limits, ..options() });
    assert_eq!(accounts[0].events, 2);
    assert_eq!(reasons(&accounts[0]), [("longer than the limit for a line".to_owned(), 1)]);
}

#[test]
fn an_unknown_file_is_named_with_the_nearest_format_and_every_line_counted() {
    let (account, _) = read_one(b"hello\nworld\nno newline at the end");
    assert_eq!((account.lines, account.events, account.format.as_deref()), (3, 0, None));
    insta::assert_snapshot!(account.unread[0].reason, @"no format fits; nearest is access log (combined) (0.00), because no time in square brackets");
    let (account, _) = read_one(b"7z\xbc\xaf\x27\x1c\n");
    insta::assert_snapshot!(account.unread[0].reason, @"no format fits; it is a 7z archive; unpack it and add it again");
    let (account, _) = read_one(b"");
    assert_eq!((account.lines, account.unread.len()), (0, 0));
}

#[test]
fn byte_order_mark_carriage_returns_and_other_charsets_are_read_and_their_raw_bytes_found_again() {
    let mut bytes = b"\xef\xbb\xbf".to_vec();
    bytes.extend(b"192.0.2.1 - - [02/Mar/2026:21:00:00 +0000] \"GET /caf\xe9 HTTP/1.1\" 200 1\r\n");
    bytes.extend(b"192.0.2.2 - - [02/Mar/2026:21:00:00 +0000] \"GET / HTTP/1.1\" 200 1\r\n");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    std::fs::write(&path, &bytes).unwrap();
    let (accounts, kept) = read_path(&path, &options());
    assert_eq!(accounts[0].events, 2);
    assert_eq!(kept.texts(TextField::Url), [Some("/caf\u{fffd}".to_owned()), Some("/".to_owned())]);
    let p = kept.positions()[1];
    let raw = excerpt(&path, None, p.offset, p.length).unwrap();
    assert_eq!(raw, b"192.0.2.2 - - [02/Mar/2026:21:00:00 +0000] \"GET / HTTP/1.1\" 200 1\r");
    assert!(excerpt(&path, None, p.offset, p.length + 9).is_err());
    assert!(excerpt(&path, Some("m"), 0, 1).is_err());
}

fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn members_of_archives_are_files_of_their_own_and_no_name_inside_opens_anything() {
    let text = access_lines(100);
    let packed = gzip(text.as_bytes());
    let members: &[(&str, &[u8])] =
        &[("web/access.log.1.gz", &packed), ("../../etc/passwd", text.as_bytes()), ("/abs", b"x\n")];
    for (name, bytes) in [
        ("a.tar", tar_of(members)),
        ("a.tgz", gzip(&tar_of(members))),
        ("a.tar.bz2", bzip2(&tar_of(members))),
        ("a.tar.xz", xz(&tar_of(members))),
        ("a.zip", zip_of(members)),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let (accounts, _) = read_path(&path, &options());
        let summary: Vec<(String, u64, u64)> =
            accounts.iter().map(|a| (a.path.replace(name, "*"), a.events, a.lines)).collect();
        let expect =
            [("*", 0, 0), ("*!../../etc/passwd", 100, 100), ("*!/abs", 0, 1), ("*!web/access.log.1.gz", 100, 100)];
        assert_eq!(summary, expect.map(|(p, e, l)| (p.to_owned(), e, l)), "{name}");
        assert_eq!(accounts[3].container.as_deref(), Some("gzip"));
        assert_eq!(seal(&path).unwrap().0, accounts[0].seal);
        assert!(accounts.iter().all(is_whole));
        let (_, member) = split_member(&accounts[3].path);
        assert_eq!(excerpt(&path, member, 0, 9).unwrap(), b"192.0.2.0");
        assert!(excerpt(&path, Some("nowhere"), 0, 9).is_err());
    }
}

#[test]
fn broken_archives_give_what_can_be_read() {
    let text = access_lines(2_000);
    let members: &[(&str, &[u8])] = &[("a.log", text.as_bytes()), ("b.log", text.as_bytes())];
    let tar = tar_of(members);
    let (accounts, _) = read_named("a.tar", &tar[..tar.len() * 3 / 4]);
    assert_eq!(accounts.len(), 3);
    assert_eq!(accounts[1].events, 2_000);
    assert!(accounts[2].events > 500, "{:?}", accounts[2]);
    assert!(accounts[0].remarks.iter().any(|r| r.contains("breaks off")), "{:?}", accounts[0].remarks);
    assert!(!is_whole(&accounts[0]));
    let zip = zip_of(members);
    let (accounts, _) = read_named("a.zip", &zip[..zip.len() / 2]);
    assert!(accounts[0].remarks[0].contains("cannot be read"), "{:?}", accounts[0].remarks);
}

#[test]
fn a_bomb_stops_at_its_limit_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bomb.gz");
    std::fs::write(&path, gzip(&vec![b'\n'; 8 << 20])).unwrap();
    let limits = Limits { text_bytes_max: 2 << 20, ..Limits::default() };
    let (accounts, _) = read_path(&path, &ReadOptions { limits, ..options() });
    assert!(accounts[0].text_bytes <= 4 << 20);
    assert!(accounts[0].remarks[0].contains("reading stopped"), "{:?}", accounts[0].remarks);
    assert_eq!(accounts[0].seal, seal(&path).unwrap().0);
}

#[test]
fn a_stated_clock_offset_is_added_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    std::fs::write(&path, access_lines(2)).unwrap();
    let logs =
        [LogSource { name: "shop".into(), files: "access*".into(), clock_offset_s: -3_600, ..LogSource::default() }];
    let (accounts, kept) = read_path(&path, &ReadOptions { logs: &logs, ..options() });
    assert_eq!(accounts[0].clock_offset_s, -3_600);
    assert_eq!(accounts[0].window.unwrap().from.to_string(), "2026-03-02T20:00:00Z");
    assert_eq!(kept.texts(TextField::LogName)[0].as_deref(), Some("shop"));
}

#[test]
fn what_is_stated_of_a_clock_changes_the_event_and_not_the_evidence() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    std::fs::write(&path, access_lines(2)).unwrap();
    let logs = [LogSource { name: "shop".into(), files: "**".into(), clock_offset_s: -3_600, ..LogSource::default() }];
    let (accounts, kept) = read_path(&path, &ReadOptions { logs: &logs, ..options() });
    let (plain, before) = read_path(&path, &options());
    // The line that the event points at still has its own time, and so has the seal.
    assert_eq!((&accounts[0].seal, kept.positions()), (&plain[0].seal, before.positions()));
    let first = kept.positions()[0];
    let (from, to) = (usize::try_from(first.offset).unwrap(), first.offset as usize + first.length as usize);
    let text = std::fs::read(&path).unwrap();
    assert!(std::str::from_utf8(&text[from..to]).unwrap().contains("21:00:00 +0000"));
}

#[test]
fn what_a_files_bytes_show_of_cutting_is_in_its_account() {
    let whole = access_lines(40);
    assert!(read_one(whole.as_bytes()).0.tears.is_empty());
    let (cut, _) = read_one(&whole.as_bytes()[30..whole.len() - 30]);
    assert!(cut.tears.begins_inside && cut.tears.unfinished, "{:?}", cut.tears);
    let middle = whole.find('\n').unwrap() + 1;
    let block = [&whole.as_bytes()[..middle], &[0; 5000], &whole.as_bytes()[middle..]].concat();
    let (overwritten, _) = read_one(&block);
    let tears = &overwritten.tears;
    assert_eq!((tears.nul_runs, tears.nul_bytes, &tears.nul_at[..]), (1, 5000, &[middle as u64][..]));
}

#[test]
fn what_a_format_counts_is_in_the_account_of_its_files() {
    let line = "type=USER_LOGIN msg=audit(1772486046.001:510): pid=1200 uid=0 auid=4294967295 ses=4294967295 msg='op=login \
                acct=\"kim\" exe=\"/usr/sbin/sshd\" hostname=? addr=203.0.113.9 terminal=ssh res=failed'\n";
    let (account, _) = read_one(line.repeat(3).as_bytes());
    assert_eq!(account.format.as_deref(), Some("auditd"));
    assert_eq!(account.numbered.unwrap().by[0].field, "device.hostname");
    assert_eq!(read_one(access_lines(3).as_bytes()).0.numbered, None);
}

/// Lines with a local time and no zone.
fn local_lines(times: impl Iterator<Item = String>) -> String {
    times
        .map(|time| format!("{{\"time\":\"{time}\",\"message\":\"a line that is long enough to be cut\"}}\n"))
        .collect()
}

#[test]
fn times_in_an_hour_that_is_repeated_are_counted_and_the_second_run_is_told_by_going_back() {
    let hour = |h: u32| (0..60).map(move |m| format!("2026-10-25 {h:02}:{m:02}:00"));
    let text = local_lines(hour(1).chain(hour(2)).chain(hour(2)).chain(hour(3)));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    std::fs::write(&path, &text).unwrap();
    let options = ReadOptions { time_zone: "Europe/Berlin", ..options() };
    let (accounts, kept) = read_path(&path, &options);
    let times = kept.times();
    assert_eq!(times.len(), 240);
    assert!(times.windows(2).all(|pair| pair[1].0 - pair[0].0 == 60_000_000), "one minute after the other");
    let said = accounts[0].remarks.iter().find(|r| r.contains("repeats")).unwrap();
    assert!(said.starts_with("120 of its times") && said.contains("60 taken for its first run, 60"), "{said}");
    // However it is read, it says the same of the same pieces.
    let small = Limits { segment_bytes: 2000, ..Limits::default() };
    let by = |threads| read_path(&path, &ReadOptions { limits: small.clone(), threads, ..options.clone() });
    let (one, four) = (by(1), by(4));
    assert_eq!(one.0, four.0);
    assert_eq!(one.1.times(), four.1.times());
    assert!(one.0[0].remarks.iter().any(|r| r.starts_with("120 of its times")), "{:?}", one.0[0].remarks);
}

#[test]
fn a_stated_pattern_that_cannot_be_compiled_is_named_and_the_file_read_by_content() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    std::fs::write(&path, access_lines(2)).unwrap();
    let pattern = Some("$time_local $http_referer$http_user_agent".to_owned());
    let logs = [LogSource { name: "shop".into(), files: "**".into(), pattern, ..LogSource::default() }];
    let (accounts, _) = read_path(&path, &ReadOptions { logs: &logs, ..options() });
    assert_eq!(accounts[0].events, 2);
    assert!(accounts[0].remarks[0].contains("nothing stands between"), "{:?}", accounts[0].remarks);
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_and_a_failing_sink_stops_reading() {
    struct Full;
    impl Sink for Full {
        fn begin(&mut self) -> Result<(), SinkError> {
            Ok(())
        }
        type Block = Vec<EventBatch>;

        fn block(&mut self) -> Result<Vec<EventBatch>, SinkError> {
            Ok(Vec::new())
        }
        fn put(&mut self, _: Vec<EventBatch>) -> Result<(), SinkError> {
            Err(SinkError::new("disk full"))
        }
        fn end(&mut self, _: &FileAccount) -> Result<(), SinkError> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let source = Source { name: "x".into(), path: path.clone() };
    assert!(matches!(read(&source, &options(), &mut Full), Err(stanch_evidence::ReadError::Open { .. })));
    std::fs::write(&path, access_lines(100_000)).unwrap();
    assert!(matches!(read(&source, &options(), &mut Full), Err(stanch_evidence::ReadError::Sink { .. })));
}

/// All that a reader of the case would see.
fn seen(account: &FileAccount, kept: &Kept) -> (FileAccount, Vec<Vec<String>>) {
    let row = |row: stanch_model::event::BatchRow<'_>| {
        let texts = TextField::ALL.iter().map(|f| row.text(*f).unwrap_or("∅").to_owned());
        texts.chain([format!("{:?} {} {:?}", row.position(), row.time(), row.class())]).collect()
    };
    (account.clone(), kept.batches.iter().flat_map(EventBatch::rows).map(row).collect())
}

#[test]
fn segments_read_side_by_side_give_what_one_reader_gives() {
    let postgres = |n: usize| {
        (0..n).fold(String::new(), |text, i| {
            text + &format!(
                "2026-03-02 21:14:05.{i:03} UTC [97{}] u@d LOG:  statement: SELECT\n\t{i}\n\tFROM orders\n",
                i % 7
            )
        })
    };
    let garbage = "\x16\x03\x01\x02\n".repeat(300);
    let long = format!("{}\n", "x".repeat(9_000));
    let cri = access_lines(4_000)
        .lines()
        .fold(String::new(), |text, line| text + &format!("2026-03-02T21:14:05Z stdout F {line}\n"));
    for (name, text) in [
        ("one format", access_lines(9_000)),
        ("a change and back", format!("{}{garbage}{}{}", access_lines(4_000), postgres(4_000), access_lines(4_000))),
        ("records over lines", postgres(6_000)),
        ("long lines", format!("{}{long}{}{long}", access_lines(3_000), access_lines(3_000))),
        ("garbage first", format!("{}{}", garbage.repeat(90), access_lines(4_000))),
        ("wrapped", cri),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, &text).unwrap();
        let limits = |segment_bytes| Limits { segment_bytes, line_bytes_max: 4_096, ..Limits::default() };
        let with = |threads, segment_bytes| {
            let (accounts, kept) =
                read_path(&path, &ReadOptions { threads, limits: limits(segment_bytes), ..options() });
            seen(&accounts[0], &kept)
        };
        let whole = with(1, 1 << 30);
        let cut = with(1, 100_000);
        assert_eq!(cut, with(4, 100_000), "{name}: the number of threads");
        assert_eq!((cut.0.lines, cut.0.text_bytes), (whole.0.lines, whole.0.text_bytes), "{name}: lines");
        assert_eq!((cut.0.events, &cut.0.unread), (whole.0.events, &whole.0.unread), "{name}: events");
        assert_eq!(cut.1, whole.1, "{name}: every event");
    }
}

/// A file that grew, read where it ended, gives what reading it whole gives; where that cannot be, it says so.
#[test]
fn a_file_that_grew_is_read_on_behind_its_beginning() {
    let garbage = "\x16\x03\x01\x02\n".repeat(300);
    let json = (0..3_000).fold(String::new(), |text, i| {
        text + &format!("{{\"time\":\"2026-03-02T21:14:05Z\",\"level\":\"info\",\"msg\":\"order {i}\"}}\n")
    });
    let postgres = "2026-03-02 21:14:05.123 UTC [97] u@d LOG:  statement: SELECT\n\t1\n".repeat(500);
    for (name, text, reads_on) in [
        ("one format", access_lines(9_000), true),
        ("garbage among it", format!("{}{garbage}{}", access_lines(2_000), access_lines(3_000)), true),
        ("objects", json, true),
        ("records over lines", postgres, false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        for part in [1, 2, 5] {
            let at = text[..text.len() / 6 * part].rfind('\n').unwrap() + 1;
            std::fs::write(&path, &text[..at]).unwrap();
            let (mut beginning, mut events) = read_path(&path, &options());
            let beginning = beginning.remove(0);
            assert_eq!(!beginning.reads_on_in.is_empty(), reads_on, "{name}");
            std::fs::write(&path, &text).unwrap();
            let (seal, blocks, sealed_before) = seal_with_beginning(&path, at as u64).unwrap();
            assert_eq!((&sealed_before, blocks.bytes), (&beginning.seal, text.len() as u64));
            let known = Some(Known { seal, bytes: blocks.bytes });
            let (whole, all) = read_path(&path, &ReadOptions { known: known.clone(), ..options() });
            if !reads_on {
                continue;
            }
            let mut behind = Kept::default();
            let source = Source { name: "x".to_owned(), path: path.clone() };
            let options = ReadOptions { known, beginning: Some(&beginning), threads: 2, ..options() };
            let accounts = read(&source, &options, &mut behind).unwrap();
            events.batches.extend(behind.batches);
            assert_eq!(events.positions(), all.positions(), "{name}");
            assert_eq!(events.texts(TextField::Url), all.texts(TextField::Url), "{name}");
            assert_eq!(events.texts(TextField::LogName), all.texts(TextField::LogName), "{name}");
            assert_eq!(accounts, whole, "{name}");
        }
        // A line that is not whole yet is nothing to go on behind.
        std::fs::write(&path, text.trim_end()).unwrap();
        assert!(read_path(&path, &options()).0[0].reads_on_in.is_empty());
    }
}

/// Pieces that real and hostile logs are made of.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        &b"192.0.2.1 - - [02/Mar/2026:21:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"x\""[..],
        b"192.0.2.1 - - [02/Mar/2026:21:00:00 +0000] \"GET /\\",
        b"2026-03-02 21:14:05.123 UTC,\"u\",\"d\",972,\"192.0.2.30:41\",69.3,7,\"x\",2026-03-02 21:13:53 UTC,3/1,0,LOG,00000,\"statement: SELECT",
        b"\",,,,,,,,,\"recs\",\"client backend\",,0",
        b"2026-03-02 21:14:05.123 UTC [972] u@d LOG:  duration: 1 ms  statement: SELECT 1",
        b"2026-03-02 21:14:05.123 UTC [972] u@d STATEMENT:  x",
        b"\tmore",
        b"{\"timestamp\":\"2026-03-02 21:14:05 UTC\",\"error_severity\":\"LOG\",\"message\":\"AUDIT: SESSION,1,1,\"}",
        b"{\"msec\":\"1772486045.250\",\"request\":\"GET / HTTP/1.1\",\"status\":200}",
        b"{\"ts\":1}",
        b"\n",
        b"\r\n",
        b"\0\0\0",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        b"PK\x03\x04",
    ];
    prop_oneof![
        4 => prop::sample::select(known.to_vec()).prop_map(<[u8]>::to_vec),
        3 => Just(b"\n".to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn every_line_of_any_file_is_in_an_event_or_unread_and_raw_records_are_found_again(
        pieces in prop::collection::vec(piece(), 0..30), limit in prop_oneof![Just(64usize), Just(16 << 20)]
    ) {
        let bytes = pieces.concat();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, &bytes).unwrap();
        let limits = Limits { line_bytes_max: limit, ..Limits::default() };
        let (accounts, kept) = read_path(&path, &ReadOptions { limits, ..options() });
        let account = &accounts[0];
        if account.container.is_none() {
            let newlines = bytes.iter().filter(|b| **b == b'\n').count() as u64;
            let open = u64::from(!bytes.is_empty() && !bytes.ends_with(b"\n"));
            prop_assert_eq!(account.lines, newlines + open);
            prop_assert_eq!(account.text_bytes, bytes.len() as u64);
            for p in kept.positions() {
                let raw = excerpt(&path, None, p.offset, p.length).unwrap();
                let from = usize::try_from(p.offset).unwrap();
                prop_assert_eq!(&raw[..], &bytes[from..from + p.length as usize]);
            }
        }
    }
}

/// The folder of real logs that nobody here wrote, if this machine has it.
fn shared() -> Option<PathBuf> {
    let stated = std::env::var_os("STANCH_SHARED").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    stated.or(Some(beside)).map(|p| p.join("data")).filter(|p| p.is_dir())
}

#[test]
fn real_logs_are_accounted_for_to_the_line() {
    let Some(root) = shared() else {
        println!("skipped: no folder of shared real logs here (STANCH_SHARED)");
        return;
    };
    let mut report = String::new();
    for source in gather(&[root]).unwrap() {
        let mut kept = Kept::default();
        for a in read(&source, &options(), &mut kept).unwrap() {
            assert_eq!(a.lines, a.lines_in_events + a.unread_lines(), "{}", a.path);
            report += &format!(
                "{} {} {:.2} lines {} events {} unread {} {:?} {:?}\n",
                a.path,
                a.format.as_deref().unwrap_or("-"),
                a.format_score,
                a.lines,
                a.events,
                a.unread_lines(),
                a.unread.first().map(|g| (g.lines, g.reason.as_str())),
                a.remarks
            );
        }
    }
    if let Some(to) = std::env::var_os("STANCH_SHARED_REPORT") {
        std::fs::write(to, report).unwrap();
    }
}

#[test]
fn real_logs_of_the_formats_that_are_read_are_read() {
    let Some(root) = shared() else {
        println!("skipped: no folder of shared real logs here (STANCH_SHARED)");
        return;
    };
    // (file, format, most unread lines)
    for (file, format, unread) in [
        ("elastic/apache_combined.log", "access_combined", 0),
        ("pgbadger/anonymize.log", "postgresql_csvlog", 0),
        ("pgbadger/weeknumber.log", "postgresql_csvlog", 0),
        ("pgbadger/csv_statement_without_duration.log", "postgresql_csvlog", 0),
        ("pgbadger/begin_end.log", "postgresql_stderr", 0),
        ("pgbadger/multiline_param.log", "postgresql_stderr", 0),
        ("pgbadger/pg-timezones.log", "postgresql_stderr", 0),
        ("pgbadger/pg_rawcsv.log", "postgresql_stderr", 2),
        ("pgbadger/postgresql_param_range.log", "postgresql_stderr", 0),
        // Edited by hand: two empty lines and a result pasted in.
        ("pgbadger/queryid.log.gz", "postgresql_stderr", 2),
        ("pgbadger/stmt_type.log", "postgresql_stderr", 0),
        ("pgbadger/tempfile_only.log.gz", "postgresql_stderr", 0),
        ("pgbadger/pg_vacuums.log.gz", "postgresql_stderr", 0),
        ("pgbadger/pg_vacuums.json.gz", "postgresql_jsonlog", 0),
        ("crowdsec/pgsql-logs/pgsql-logs.log", "postgresql_stderr", 1),
    ] {
        let (accounts, _) = read_path(&root.join(file), &options());
        let a = &accounts[0];
        assert_eq!(a.format.as_deref(), Some(format), "{file}: {a:#?}");
        assert!(a.unread_lines() <= unread, "{file}: {:?}", a.unread);
    }
}

#[test]
fn the_shipped_recording_is_read_to_the_last_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/copperleaf/evidence");
    if !root.is_dir() {
        println!("skipped: the recording is not there");
        return;
    }
    for source in gather(&[root]).unwrap() {
        let mut kept = Kept::default();
        for a in read(&source, &options(), &mut kept).unwrap() {
            assert_eq!(a.unread_lines(), 0, "{}: {:?}", a.path, a.unread);
            assert!(a.events > 0 && a.format.is_some(), "{a:?}");
            let expected = if a.path.starts_with("db/") {
                "postgresql_csvlog"
            } else if a.path.starts_with("web/") {
                "access_combined_plus"
            } else if a.path.starts_with("vendor/access") {
                "nginx_json"
            } else {
                "json_lines"
            };
            assert_eq!(a.format.as_deref(), Some(expected), "{}", a.path);
            if a.path.starts_with("web/") {
                let mut rows = kept.batches.iter().flat_map(EventBatch::rows);
                let whole = |r: &stanch_model::event::BatchRow<'_>| {
                    r.text(TextField::RequestUid).is_some() && r.number(NumberField::DurationUs).is_some()
                };
                assert!(rows.all(|r| whole(&r)), "{}", a.path);
            }
        }
    }
}
