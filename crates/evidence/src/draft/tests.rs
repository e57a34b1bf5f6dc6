use super::*;
use crate::formats::{FormatPack, packs_of};
use stanch_packs::Packs;

fn formats() -> Formats {
    Formats::load(&Packs::shipped()).unwrap()
}

fn drafted(sample: &str) -> String {
    match draft_format(sample.as_bytes(), &formats(), "drafted") {
        Ok(pack) => pack,
        Err(fault) => format!("no draft: {fault}"),
    }
}

#[test]
fn a_draft_of_objects_one_a_line() {
    let lines = (1..30).map(|n| {
        let outcome = if n % 3 == 0 { "login.failed" } else { "login.ok" };
        format!(
            "{{\"at\":\"2026-03-02 21:14:{n:02}\",\"remote\":\"93.184.216.{n}\",\"who\":{{\"mail\":\"a{n}@corp.test\",\"name\":\"anna{n}\"}},\"what\":\"{outcome}\",\"card\":\"4111111111111{n:03}\"}}\n"
        )
    });
    insta::assert_snapshot!(drafted(&lines.collect::<String>()));
}

#[test]
fn a_draft_of_a_document_that_keeps_its_records() {
    let records = (1..5).map(|n| {
        format!(
            "{{\"ts\":177248604{n}250,\"op\":\"GET\",\"target\":\"/p?id={n}\",\"peer\":\"93.184.216.{n}\",\"took_ms\":{n}}}"
        )
    });
    let records: Vec<String> = records.collect();
    insta::assert_snapshot!(drafted(&format!("{{\"next\":null,\"entries\":[{}]}}", records.join(","))));
}

#[test]
fn a_draft_of_columns_with_a_head() {
    let rows = (1..20).map(|n| format!("2026-03-02 21:14:{n:02};anna{n};93.184.216.{n};\"export; all\";{n}\n"));
    let text = format!("Zeitpunkt;Benutzer;IP;Vorgang;Anzahl\n{}", rows.collect::<String>());
    insta::assert_snapshot!(drafted(&text));
}

#[test]
fn a_draft_of_columns_without_a_head() {
    let rows =
        (1..20).map(|n| format!("{n}\t2026-03-02T21:14:{n:02}Z\t93.184.216.{n}\tSELECT name FROM t WHERE id = {n}\n"));
    insta::assert_snapshot!(drafted(&rows.collect::<String>()));
}

#[test]
fn a_draft_of_text_with_several_shapes_and_a_trace() {
    let users = ["anna", "bert", "carl", "dora"];
    let mut text = String::new();
    for n in 1..60 {
        let user = users[n % 4];
        let time = format!("<2026-03-02 21:14:{:02}.123> gw[{}] ", n % 60, 800 + n % 3);
        text += &match n % 4 {
            0 => format!("{time}login failed for user {user} from 93.184.216.{n}\n"),
            1 => format!("{time}request GET /p?id={n} status=200 took 1{n} ms\n"),
            2 => format!("{time}cache flushed\n"),
            _ => format!("{time}unhandled error: no stock\n    at Cart.add(Cart.x:{n})\n"),
        };
    }
    insta::assert_snapshot!(drafted(&text));
}

#[test]
fn what_cannot_be_drafted_is_said_in_words() {
    let fault = |sample: &[u8]| draft_format(sample, &formats(), "x").unwrap_err();
    assert_eq!(fault(b""), DraftFault::Empty);
    assert_eq!(fault(b"\0\0\0\x01\0\0"), DraftFault::Binary);
    assert!(matches!(fault(b"hello\nworld\n"), DraftFault::NoTime { .. }));
    assert!(matches!(fault(b"{\"a\":1}\n{\"a\":2}\n"), DraftFault::NoTime { .. }));
    let access = b"203.0.113.9 - - [02/Mar/2026:21:14:05 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"x\"\n";
    assert!(matches!(fault(access), DraftFault::Known { .. }));
    assert!(matches!(draft_format(b"x", &formats(), "../x").unwrap_err(), DraftFault::Name(_)));
}

/// Lines of all of a pack's samples that are no attack.
fn sample_of(pack: &FormatPack) -> String {
    let honest = pack.samples.iter().filter(|s| !s.hostile && !s.latin1 && s.log.is_none());
    honest.map(|s| s.text.trim_end_matches('\n').to_owned() + "\n").collect()
}

/// For each shipped pack: with it and those that read the same removed, a draft reads what its samples hold, or says why
/// not.
#[test]
fn the_samples_of_every_pack_can_be_drafted_from_or_it_is_said_why_not() {
    let packs = Packs::shipped();
    let all = formats();
    let (mut drafted, mut told) = (Vec::new(), Vec::new());
    for (name, pack) in packs_of(&packs).unwrap() {
        let name = name.trim_start_matches("formats/");
        let sample = sample_of(&pack);
        let mut without = all.clone();
        without.formats.retain(|f| f.name != name);
        match draft_format(sample.as_bytes(), &without, "drafted") {
            Ok(text) => {
                let with = without.with_pack("drafted", &text).unwrap();
                let problems = with.problems_of("drafted", &text);
                assert!(problems.is_empty(), "{name}: {problems:?}\n{text}");
                let (account, _) = read_text("sample", sample.as_bytes(), &ReadOptions::new(&with, "UTC"));
                assert!(share(&account) >= MOST, "{name}: {} {:?}\n{text}", share(&account), account.unread);
                drafted.push(name.to_owned());
            }
            Err(fault) => told.push(format!("{name}: {fault}")),
        }
    }
    println!("drafted: {}\ntold:\n  {}", drafted.join(", "), told.join("\n  "));
    assert!(drafted.len() * 2 > drafted.len() + told.len(), "{}", told.join("\n"));
}

proptest::proptest! {
    #[test]
    fn no_sample_makes_it_panic(sample in "([a-z]{1,6}|[ ,;=\"\\[\\]{}:\n\t]|2026-03-02 21:14:05|203\\.0\\.113\\.9|/p\\?a=1|\\PC){0,60}") {
        static FORMATS: std::sync::LazyLock<Formats> = std::sync::LazyLock::new(formats);
        if let Ok(text) = draft_format(sample.as_bytes(), &FORMATS, "drafted") {
            let with = FORMATS.with_pack("drafted", &text).unwrap();
            proptest::prop_assert_eq!(with.problems_of("drafted", &text), Vec::<String>::new());
        }
    }
}

#[test]
fn a_sample_of_many_columns_is_drafted_or_refused_in_bounded_time() {
    let columns = |value: &dyn Fn(usize) -> String| (0..30_000).map(value).collect::<Vec<_>>().join(",");
    let (head, row) = (columns(&|n| format!("c{n}")), columns(&|n| n.to_string()));
    let record = columns(&|n| format!("\"key{n}\":{n}"));
    drafted(&format!("{head}\n{row}\n{row}\n"));
    drafted(&format!("{{{record}}}\n{{{record}}}\n"));
}
