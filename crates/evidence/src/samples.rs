//! Runs the samples of format packs: each must give exactly what its pack says.

use crate::formats::{FormatPack, Formats, Sample, Scalar, packs_of};
use crate::options::ReadOptions;
use crate::recognise::Context;
use crate::segment::Segment;
use crate::stream::TextStream;
use crate::targets::Target;
use crate::unpack::Ended;
use stanch_model::event::BatchRow;
use stanch_model::{EventBatch, EventFields, FileAccount, NumberField, Seal, TextField};
use stanch_packs::{Packs, Problem};

/// Bytes that a packed sample may have.
const SAMPLE_BYTES_MAX: usize = 1 << 20;

/// Checks every format pack: its fields exist, it has samples, one of them hostile, and each sample comes out as it says.
pub fn check(packs: &Packs) -> Vec<Problem> {
    let (formats, all) = match (Formats::load(packs), packs_of(packs)) {
        (Ok(formats), Ok(all)) => (formats, all),
        (Err(e), _) | (_, Err(e)) => return vec![e.into()],
    };
    let mut problems = Vec::new();
    for (name, pack) in &all {
        let shown = packs.shown(name);
        problems.extend(check_pack(name, pack, &formats).into_iter().map(|message| Problem::new(&shown, message)));
    }
    problems
}

pub(crate) fn check_pack(name: &str, pack: &FormatPack, formats: &Formats) -> Vec<String> {
    let mut problems = Vec::new();
    for field in pack.fields.keys() {
        if TextField::from_name(field).is_none() && NumberField::from_name(field).is_none() && field != "time" {
            problems.push(format!("`fields` names {field:?}, which is no event field"));
        }
    }
    if !pack.samples.iter().any(|s| s.hostile) {
        problems.push("it has no hostile sample".to_owned());
    }
    for sample in &pack.samples {
        let found = check_sample(name.trim_start_matches("formats/"), sample, formats);
        problems.extend(found.into_iter().map(|message| format!("sample {:?}: {message}", sample.name)));
    }
    problems
}

fn check_sample(format: &str, sample: &Sample, formats: &Formats) -> Vec<String> {
    let Some(bytes) = sample.bytes() else { return vec!["its text is no base64".to_owned()] };
    let logs: Vec<_> = sample.log.iter().cloned().collect();
    let options = ReadOptions { logs: &logs, ..ReadOptions::new(formats, "UTC") };
    let (account, events) = read_text("sample", &bytes, &options);
    let mut problems = Vec::new();
    let format = sample.format.as_deref().unwrap_or(format);
    if account.format.as_deref() != Some(format) {
        problems.push(format!("it is recognised as {}", account.format.as_deref().unwrap_or("no format")));
    }
    let rows: Vec<BatchRow<'_>> = events.iter().flat_map(EventBatch::rows).collect();
    if rows.len() != sample.gives.len() {
        problems.push(format!("{} events where `gives` has {}", rows.len(), sample.gives.len()));
    }
    for (i, (row, gives)) in rows.iter().zip(&sample.gives).enumerate() {
        for (name, expected) in gives {
            let found = value(row, name);
            if found != *expected {
                problems.push(format!("event {}: {name} is {}, not {}", i + 1, shown(&found), shown(expected)));
            }
        }
    }
    for (reason, lines) in &sample.unread {
        let found: u64 = account.unread.iter().filter(|g| g.reason.contains(reason.as_str())).map(|g| g.lines).sum();
        if found != *lines {
            problems.push(format!("{found} lines are unread for {reason:?}, not {lines}"));
        }
    }
    let (found, expected) = (account.unread_lines(), sample.unread.values().sum::<u64>());
    if found != expected {
        let reasons: Vec<&str> = account.unread.iter().map(|g| g.reason.as_str()).collect();
        problems.push(format!("{found} lines are unread in all, not {expected} ({})", reasons.join("; ")));
    }
    problems
}

impl Sample {
    /// The bytes that it stands for, unless it is no base64.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        if self.base64 {
            return base64(&self.text).map(unpacked);
        }
        if self.latin1 {
            return Some(self.text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect());
        }
        Some(self.text.clone().into_bytes())
    }
}

/// What zstd has made smaller as it was before: binary formats have much room in which nothing stands.
fn unpacked(bytes: Vec<u8>) -> Vec<u8> {
    const MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";
    if !bytes.starts_with(MAGIC) {
        return bytes;
    }
    zstd::bulk::decompress(&bytes, SAMPLE_BYTES_MAX).unwrap_or(bytes)
}

/// The bytes that base64 stands for. Blanks and what fills the end up count for nothing.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(text.len() * 3 / 4), 0u32, 0);
    for b in text.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'=') {
        let six = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

pub(crate) fn value(row: &BatchRow<'_>, name: &str) -> Option<Scalar> {
    match (name, Target::from_name(name)) {
        ("class", _) => Some(Scalar::Text(row.class().word().to_owned())),
        ("line", _) => i64::try_from(row.position().line).ok().map(Scalar::Number),
        (_, Some(Target::Time)) => Some(Scalar::Text(row.time().to_string())),
        (_, Some(Target::Text(field))) => row.text(field).map(|t| Scalar::Text(t.to_owned())),
        (_, Some(Target::Number(field))) => row.number(field).map(Scalar::Number),
        (_, Some(Target::Duration(1))) => row.number(NumberField::DurationUs).map(Scalar::Number),
        _ => Some(Scalar::Text("no such field".to_owned())),
    }
}

fn shown(value: &Option<Scalar>) -> String {
    match value {
        None => "absent".to_owned(),
        Some(Scalar::Number(n)) => n.to_string(),
        Some(Scalar::Text(text)) => format!("{text:?}"),
    }
}

/// Reads text that is at hand, as one of that name would be: nothing is sealed or unpacked.
///
/// # Panics
/// Never: keeping batches cannot fail.
pub fn read_text(name: &str, bytes: &[u8], options: &ReadOptions<'_>) -> (FileAccount, Vec<EventBatch>) {
    let mut kept = Vec::new();
    let context = Context::of(name, options);
    let mut stream = TextStream::new(context);
    let size = bytes.len() as u64;
    let ended = Ended { seal: Seal(String::new()), bytes: size, container: None, remarks: Vec::new(), blocks: None };
    let segment = Segment { chunks: vec![bytes.to_vec()], ..Segment::default() };
    let part = stream.read_segment(segment, &mut kept, |_| {}).and_then(|()| stream.finish(&mut kept));
    (part.expect("keeping batches cannot fail").account(name.to_owned(), &context, ended), kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_format_pack_gives_what_its_samples_say() {
        let problems: Vec<String> = check(&Packs::shipped()).iter().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    #[test]
    fn every_reader_has_a_fuzz_target() {
        let targets = include_str!("../../../fuzz/Cargo.toml");
        let packs = Packs::shipped();
        for (name, text) in packs.files("formats") {
            let reader = text.lines().find_map(|line| line.strip_prefix("reader: "));
            // What programs say to syslog is read, and fuzzed, through it.
            let target = reader.filter(|reader| *reader != "messages").map(|reader| format!("name = \"{reader}\""));
            assert!(target.is_none_or(|target| targets.contains(&target)), "{name} has a reader without fuzz target");
        }
    }

    #[test]
    fn base64_is_read_whatever_blanks_stand_in_it() {
        assert_eq!(base64("AAEC\n  /v8=").as_deref(), Some(&[0, 1, 2, 0xfe, 0xff][..]));
        assert_eq!(base64("/w==").as_deref(), Some(&[0xff][..]));
        assert_eq!(base64("a-b"), None);
    }

    #[test]
    fn a_pack_that_lies_about_its_sample_is_named() {
        let text = Packs::shipped()
            .text("formats/json_lines")
            .unwrap()
            .replace("T21:14:05.123Z\", class", "T21:14:06Z\", class");
        let problems = check(&Packs::shipped().with_text("formats/json_lines", &text));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].message.contains("event 1: time is"), "{problems:?}");
    }

    #[test]
    fn a_pack_that_maps_to_no_field_is_refused() {
        let name = "formats/access_combined_plus";
        let text = Packs::shipped().text(name).unwrap().replace("rt: duration_s", "rt: durations");
        let error = Formats::load(&Packs::shipped().with_text(name, &text)).unwrap_err();
        assert!(error.to_string().contains("`rt` goes to \"durations\""), "{error}");
    }
}
