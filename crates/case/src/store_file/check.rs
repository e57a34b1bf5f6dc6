//! What the shape of a store file cannot say: names that must exist, choices that exclude each other.

use stanch_model::place::Place;
use stanch_model::spelling::nearest;
use stanch_model::store::{LogSource, SnapshotSource, StoreFile};
use stanch_model::{EventClass, NumberField, TextField};

/// What `[log.fields]` may name besides event fields. The evidence stage reads them; a test of the binary holds the two
/// lists together.
pub const MAPPING_WORDS: &[&str] = &[
    "time",
    "request_line",
    "request_query",
    "whole_url",
    "whole_request_line",
    "last_address",
    "duration_s",
    "duration_ms",
    "duration_us",
    "duration_ns",
    "ignore",
];

/// One thing that cannot be meant, and the path of the key that says it.
pub(super) struct Wrong {
    pub(super) at: Vec<String>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Wrong {
    fn new(at: &[&str], message: String, hint: Option<String>) -> Wrong {
        Wrong { at: at.iter().map(|s| (*s).to_owned()).collect(), message, hint }
    }
}

/// The first thing that is wrong, in the order of the file's parts.
pub(super) fn first_wrong(file: &StoreFile) -> Option<Wrong> {
    zone(&["store", "time_zone"], &file.store.time_zone)
        .or_else(|| platform(file))
        .or_else(|| snapshot("before", file.snapshot.before.as_ref()))
        .or_else(|| snapshot("after", file.snapshot.after.as_ref()))
        .or_else(|| facts(file))
        .or_else(|| file.logs.iter().enumerate().find_map(|(n, log)| log_source(&n.to_string(), log)))
        .or_else(|| intruder(file))
}

fn zone(at: &[&str], name: &str) -> Option<Wrong> {
    if jiff::tz::TimeZone::get(name).is_ok() {
        return None;
    }
    let known: Vec<String> = jiff::tz::db().available().map(|n| n.as_str().to_owned()).collect();
    let hint = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write an IANA name such as `Europe/Berlin`, or `UTC`".to_owned(),
    };
    Some(Wrong::new(at, format!("there is no time zone {name:?}"), Some(hint)))
}

fn platform(file: &StoreFile) -> Option<Wrong> {
    let at = ["store", "platform"];
    if file.store.platform.is_empty() {
        let hint = "name a shipped pack, or a file beside the store file by `./path.yaml`".to_owned();
        return Some(Wrong::new(&at, "no platform is named".to_owned(), Some(hint)));
    }
    None
}

fn snapshot(role: &str, source: Option<&SnapshotSource>) -> Option<Wrong> {
    let source = source?;
    let given = [("file", &source.file), ("folder", &source.folder), ("postgres", &source.postgres)];
    let given: Vec<&str> = given.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| *name).collect();
    if given.len() == 1 {
        return None;
    }
    let message = match given.as_slice() {
        [] => format!("the snapshot `{role}` says nothing of where it is"),
        several => format!("the snapshot `{role}` is said to be in {} places: {}", several.len(), several.join(", ")),
    };
    let hint = "give exactly one of `file`, `folder`, `postgres`".to_owned();
    Some(Wrong::new(&["snapshot", role], message, Some(hint)))
}

fn facts(file: &StoreFile) -> Option<Wrong> {
    let facts = &file.facts;
    let lists = [
        ("established_in", &facts.established_in),
        ("offers_to", &facts.offers_to),
        ("business_in", &facts.business_in),
    ];
    for (key, places) in lists {
        for (n, place) in places.iter().flatten().enumerate() {
            if let Some(wrong) = place_name(&["facts", key, &n.to_string()], place) {
                return Some(wrong);
            }
        }
    }
    facts.lead_authority.as_ref().and_then(|place| place_name(&["facts", "lead_authority"], place))
}

/// `DE`, `US-CA`, `EU`: two capitals, then at most three capitals or digits.
fn place_name(at: &[&str], place: &Place) -> Option<Wrong> {
    let (country, state) = place.0.split_once('-').map_or((place.0.as_str(), None), |(c, s)| (c, Some(s)));
    let country_is_well_formed = country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
    let state_is_well_formed = state
        .is_none_or(|s| (1..=3).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
    if country_is_well_formed && state_is_well_formed {
        return None;
    }
    let hint = match country {
        "UK" => "the United Kingdom is `GB`".to_owned(),
        _ => "write `DE` for a country, `US-CA` for a state, in capitals".to_owned(),
    };
    Some(Wrong::new(at, format!("{:?} is not the code of a place", place.0), Some(hint)))
}

fn log_source(n: &str, log: &LogSource) -> Option<Wrong> {
    if let Some(name) = &log.time_zone
        && let Some(wrong) = zone(&["log", n, "time_zone"], name)
    {
        return Some(wrong);
    }
    for field in log.fields.keys() {
        let known = TextField::from_name(field).is_some() || NumberField::from_name(field).is_some();
        if known || MAPPING_WORDS.contains(&field.as_str()) {
            continue;
        }
        return Some(Wrong::new(
            &["log", n, "fields", field],
            format!("events have no field {field:?}"),
            Some(nearest_field(field)),
        ));
    }
    for (value, meaning) in log.kind.iter().flat_map(|k| &k.values) {
        if EventClass::from_word(&meaning.class).is_some() {
            continue;
        }
        let words = EventClass::ALL.iter().map(|c| c.word());
        let hint = match nearest(&meaning.class, words.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the classes are: {}", words.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("there is no event class {:?}", meaning.class);
        return Some(Wrong::new(&["log", n, "kind", "values", value, "class"], message, Some(hint)));
    }
    None
}

fn nearest_field(field: &str) -> String {
    let texts = TextField::ALL.iter().flat_map(|f| [f.column(), f.ocsf()]);
    let numbers = NumberField::ALL.iter().flat_map(|f| [f.column(), f.ocsf()]);
    match nearest(field, texts.chain(numbers).chain(MAPPING_WORDS.iter().copied())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`fields` maps an event's field to the file's: `src_endpoint_ip = \"remote_addr\"`; \
                 `stanch sql \"describe events\"` lists an event's fields"
            .to_owned(),
    }
}

fn intruder(file: &StoreFile) -> Option<Wrong> {
    let from = file.intruder.take_from;
    if (0.0..=1.0).contains(&from) {
        return None;
    }
    let hint = "1 takes only what is certain, 0 takes every proposal; 0.8 is usual".to_owned();
    Some(Wrong::new(&["intruder", "take_from"], format!("{from} is not between 0 and 1"), Some(hint)))
}
