//! How far the clocks of sources are apart, told by what two of them record of the same thing: a request under its id, a
//! session, a sign-in, a request as proxy and server log it, a statement.
//!
//! Nothing is moved by it. What a person states in the store file is applied when evidence is read, and original times stay
//! in evidence.

use crate::source;
use stanch_lake::EventRow;
use stanch_model::store::LogSource;
use stanch_model::timeline::{ClockSkew, SkewKind};
use stanch_model::{EventClass, EventFields, Instant, NumberField, TextField};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Keys that are followed at once. Where there are more, every second one is left out, by its hash, as often as needed.
const KEYS_MAX: usize = 1 << 18;
/// A key that a source has more often than that tells nothing.
const TIMES_MAX: usize = 3;
/// Differences that are looked at: any zone against any other, and a little.
const FAR_US: i64 = (14 * 3600 + 1800) * SECOND_US;
/// Pairs within so much of each other show the same difference: logs have whole seconds, and write at the beginning or
/// the end of a request.
const ALIKE_US: i64 = 3 * SECOND_US;
/// Pairs that must show a difference.
const PAIRS_MIN: u64 = 10;
/// And their share of all.
const SHARE_MIN: f64 = 0.5;
/// Clocks this close agree.
const AGREE_US: i64 = 2 * SECOND_US;
const HALF_HOUR_US: i64 = 1800 * SECOND_US;
const SECOND_US: i64 = 1_000_000;
/// A session name shorter than that is a number that any server gives.
const SESSION_LENGTH_MIN: usize = 8;

/// The columns that keys are made of.
pub(crate) const TEXTS: [TextField; 9] = [
    TextField::LogName,
    TextField::SrcIp,
    TextField::UserName,
    TextField::SessionUid,
    TextField::HttpMethod,
    TextField::Url,
    TextField::RequestUid,
    TextField::Query,
    TextField::Activity,
];

/// Events that have one.
pub(crate) const FILTER: &str =
    "http_request_uid IS NOT NULL OR actor_session_uid IS NOT NULL OR class_uid IN (3002, 4002, 6003, 6005)";

/// What a key is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Request,
    Session,
    SignIn,
    Line,
    Statement,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Request => "request id",
            Kind::Session => "session",
            Kind::SignIn => "sign-in",
            Kind::Line => "request",
            Kind::Statement => "statement",
        }
    }
}

/// Rare keys with their times in each source.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    keys: HashMap<u64, Key>,
    /// Keys whose hash has one of its lowest so many bits set are left out.
    left_out_bits: u32,
    sources: Vec<String>,
}

#[derive(Debug)]
struct Key {
    kind: Kind,
    /// Source and moment. Empty once a source had it too often.
    times: Vec<(u16, i64)>,
    is_common: bool,
}

impl Shared {
    pub(crate) fn observe(&mut self, row: &EventRow<'_>) {
        let name = source(row);
        let at = self.sources.iter().position(|s| s == name).unwrap_or_else(|| {
            self.sources.push(name.to_owned());
            self.sources.len() - 1
        });
        let Ok(at) = u16::try_from(at) else { return };
        let text = |field| row.text_of(field).filter(|value| !value.is_empty());
        if let Some(id) = text(TextField::RequestUid) {
            self.add(Kind::Request, hash(&[id]), at, row.time());
        }
        if let Some(session) = text(TextField::SessionUid).filter(|s| s.len() >= SESSION_LENGTH_MIN) {
            self.add(Kind::Session, hash(&[session]), at, row.time());
        }
        match row.class() {
            EventClass::Authentication => {
                if let (Some(user), Some(client)) = (text(TextField::UserName), text(TextField::SrcIp)) {
                    self.add(Kind::SignIn, hash(&[user, client]), at, row.time());
                }
            }
            EventClass::HttpActivity | EventClass::ApiActivity => {
                let parts = (text(TextField::HttpMethod), text(TextField::Url), text(TextField::SrcIp));
                if let (Some(method), Some(url), Some(client)) = parts {
                    let status = row.number(NumberField::HttpStatus).map_or(String::new(), |s| s.to_string());
                    self.add(Kind::Line, hash(&[method, url, client, &status]), at, row.time());
                }
            }
            EventClass::DatastoreActivity => {
                if let Some(statement) = text(TextField::Query) {
                    let user = text(TextField::UserName).unwrap_or_default();
                    self.add(Kind::Statement, hash(&[statement.trim_end_matches(';').trim(), user]), at, row.time());
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, kind: Kind, hash: u64, source: u16, time: Instant) {
        let hash = mixed(hash ^ kind as u64);
        if !self.is_followed(hash) {
            return;
        }
        let key = self.keys.entry(hash).or_insert_with(|| Key { kind, times: Vec::new(), is_common: false });
        if key.is_common {
            return;
        }
        key.times.push((source, time.0));
        if key.times.iter().filter(|(s, _)| *s == source).count() > TIMES_MAX {
            (key.is_common, key.times) = (true, Vec::new());
        }
        while self.keys.len() > KEYS_MAX {
            self.left_out_bits += 1;
            let bits = self.left_out_bits;
            self.keys.retain(|hash, _| hash.trailing_zeros() >= bits);
        }
    }

    fn is_followed(&self, hash: u64) -> bool {
        hash.trailing_zeros() >= self.left_out_bits
    }

    /// What the pairs show, for every two sources that share enough.
    pub(crate) fn skews(&self, logs: &[LogSource], time_zone: &str) -> Vec<ClockSkew> {
        let mut by_pair: BTreeMap<(&str, &str), Vec<Pair>> = BTreeMap::new();
        for (hash, key) in &self.keys {
            for (a, at_a) in &key.times {
                for (b, at_b) in &key.times {
                    let (name_a, name_b) = (&self.sources[usize::from(*a)], &self.sources[usize::from(*b)]);
                    let ahead = at_a.saturating_sub(*at_b);
                    if name_a < name_b && ahead.abs() <= FAR_US {
                        let pair = Pair { ahead, key: *hash, kind: key.kind, at: *at_b };
                        by_pair.entry((name_a, name_b)).or_default().push(pair);
                    }
                }
            }
        }
        let mut found: Vec<Estimate<'_>> =
            by_pair.into_iter().filter_map(|((a, b), pairs)| estimate(a, b, pairs)).collect();
        turn(&mut found);
        found.sort_by(|a, b| (a.source, a.against).cmp(&(b.source, b.against)));
        found.iter().map(|estimate| estimate.told(logs, time_zone)).collect()
    }
}

/// One key at one moment in each of two sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    /// By how much the first source's time is later.
    ahead: i64,
    key: u64,
    kind: Kind,
    at: i64,
}

#[derive(Clone, Debug)]
struct Estimate<'a> {
    source: &'a str,
    against: &'a str,
    ahead_us: i64,
    pairs: u64,
    share: f64,
    spread_us: i64,
    kinds: BTreeSet<Kind>,
    /// A moment at which it was so.
    at: Instant,
}

/// The difference that most keys show, if it is enough of them.
fn estimate<'a>(source: &'a str, against: &'a str, mut pairs: Vec<Pair>) -> Option<Estimate<'a>> {
    pairs.sort();
    let keys = |pairs: &[Pair]| pairs.iter().map(|p| p.key).collect::<BTreeSet<u64>>().len() as u64;
    let all = keys(&pairs);
    let (mut best, mut from) = (0..0, 0);
    for to in 0..pairs.len() {
        while pairs[to].ahead - pairs[from].ahead > ALIKE_US {
            from += 1;
        }
        let here = from..to + 1;
        // Of two as good, the one that is nearer to no difference at all.
        let far = |range: &std::ops::Range<usize>| (pairs[range.start].ahead + pairs[range.end - 1].ahead).abs();
        if here.len() > best.len() || here.len() == best.len() && far(&here) < far(&best) {
            best = here;
        }
    }
    let alike = &pairs[best];
    let count = keys(alike);
    #[expect(clippy::cast_precision_loss, reason = "a share, for people")]
    let share = count as f64 / all.max(1) as f64;
    if count < PAIRS_MIN || share < SHARE_MIN {
        return None;
    }
    let at = |percent: usize| alike[(alike.len() - 1) * percent / 100].ahead;
    Some(Estimate {
        source,
        against,
        ahead_us: at(50),
        pairs: count,
        share,
        spread_us: at(95) - at(5),
        kinds: alike.iter().map(|p| p.kind).collect(),
        at: Instant(alike[alike.len() / 2].at),
    })
}

/// Names the source first that disagrees with more others: it is more likely the wrong one.
fn turn(found: &mut [Estimate<'_>]) {
    let mut apart: BTreeMap<String, usize> = BTreeMap::new();
    for estimate in found.iter().filter(|e| e.kind() != SkewKind::Agree) {
        *apart.entry(estimate.source.to_owned()).or_default() += 1;
        *apart.entry(estimate.against.to_owned()).or_default() += 1;
    }
    let count = |source: &str| apart.get(source).copied().unwrap_or_default();
    for estimate in found {
        if count(estimate.against) > count(estimate.source) {
            std::mem::swap(&mut estimate.source, &mut estimate.against);
            estimate.ahead_us = -estimate.ahead_us;
        }
    }
}

impl Estimate<'_> {
    fn kind(&self) -> SkewKind {
        let hours = self.half_hours() * HALF_HOUR_US;
        match self.ahead_us {
            us if us.abs() <= AGREE_US => SkewKind::Agree,
            us if (us - hours).abs() <= AGREE_US => SkewKind::Zone,
            _ => SkewKind::Clock,
        }
    }

    fn half_hours(&self) -> i64 {
        (self.ahead_us + HALF_HOUR_US / 2).div_euclid(HALF_HOUR_US)
    }

    fn told(&self, logs: &[LogSource], time_zone: &str) -> ClockSkew {
        let kind = self.kind();
        let mut confirm = Vec::new();
        if kind != SkewKind::Agree {
            let zone = if kind == SkewKind::Zone { self.half_hours() * HALF_HOUR_US } else { 0 };
            for (name, ahead_us, zone_us) in [(self.source, self.ahead_us, zone), (self.against, -self.ahead_us, -zone)]
            {
                let log = logs.iter().find(|log| log.name == name);
                let own = log.and_then(|log| log.time_zone.as_deref()).unwrap_or(time_zone);
                let right = if zone_us == 0 { None } else { right_zone(own, time_zone, zone_us, self.at) };
                if let Some(right) = right {
                    confirm.push(format!("[[log]] {name:?}: time_zone = {right:?}"));
                }
                let stated = log.map_or(0, |log| log.clock_offset_s);
                let seconds = (ahead_us.abs() + SECOND_US / 2) / SECOND_US * ahead_us.signum();
                confirm.push(format!("[[log]] {name:?}: clock_offset_s = {}", stated - seconds));
            }
        }
        ClockSkew {
            source: self.source.to_owned(),
            against: self.against.to_owned(),
            ahead_us: self.ahead_us,
            pairs: self.pairs,
            share: self.share,
            spread_us: self.spread_us,
            by: self.kinds.iter().map(|kind| kind.word().to_owned()).collect(),
            looks_like: kind,
            confirm,
        }
    }
}

/// The zone in which times that were read in `own` and came out too late by so much were written: UTC, the store's own, or
/// one of a fixed offset.
fn right_zone(own: &str, store: &str, ahead_us: i64, at: Instant) -> Option<String> {
    let offset = |zone: &str| {
        let zone = jiff::tz::TimeZone::get(zone).ok()?;
        Some(i64::from(zone.to_offset(at.to_jiff()).seconds()))
    };
    let right_s = offset(own)? + ahead_us / SECOND_US;
    if right_s == 0 {
        return Some("UTC".to_owned());
    }
    if store != own && offset(store) == Some(right_s) {
        return Some(store.to_owned());
    }
    // These names count west of Greenwich as positive.
    let hours = right_s / 3600;
    (right_s % 3600 == 0 && (-14..=12).contains(&-hours)).then(|| format!("Etc/GMT{:+}", -hours))
}

/// FNV-1a: the same in every version, since results depend on it.
fn hash(parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for part in parts {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

/// Spreads a hash over all its bits, the lowest too (splitmix64's last step).
fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR_US: i64 = 3600 * SECOND_US;

    fn shared(list: &[(&str, &str, i64)]) -> Shared {
        let mut shared = Shared::default();
        for (source, id, time) in list {
            let at = shared.sources.iter().position(|s| s == source).unwrap_or_else(|| {
                shared.sources.push((*source).to_owned());
                shared.sources.len() - 1
            });
            shared.add(Kind::Request, hash(&[id]), u16::try_from(at).unwrap(), Instant(*time));
        }
        shared
    }

    /// Requests of a proxy and the server behind it, whose clock is so far ahead.
    fn requests(ahead_us: i64, count: i64) -> Vec<(&'static str, String, i64)> {
        let start = 1_772_486_045 * SECOND_US;
        (0..count)
            .flat_map(|n| {
                let (id, at) = (format!("request-{n}"), start + n * 7 * SECOND_US);
                [("proxy", id.clone(), at), ("shop", id, at + ahead_us + n % 5 * 90_000)]
            })
            .collect()
    }

    fn skews(list: &[(&'static str, String, i64)], logs: &[LogSource]) -> Vec<ClockSkew> {
        let list: Vec<(&str, &str, i64)> = list.iter().map(|(s, id, t)| (*s, id.as_str(), *t)).collect();
        shared(&list).skews(logs, "Europe/Berlin")
    }

    #[test]
    fn a_clock_that_goes_wrong_is_told_with_the_line_that_confirms_it() {
        let found = skews(&requests(42 * SECOND_US, 40), &[]);
        assert_eq!(found.len(), 1);
        let skew = &found[0];
        assert_eq!((skew.source.as_str(), skew.against.as_str(), skew.pairs), ("proxy", "shop", 40));
        assert!((-42_400_000..=-42_000_000).contains(&skew.ahead_us), "{}", skew.ahead_us);
        assert_eq!((skew.looks_like, skew.share), (SkewKind::Clock, 1.0));
        assert_eq!(
            skew.confirm,
            [r#"[[log]] "proxy": clock_offset_s = 42"#, r#"[[log]] "shop": clock_offset_s = -42"#]
        );
    }

    #[test]
    fn what_a_person_stated_already_is_counted_in() {
        let stated = LogSource { name: "shop".to_owned(), clock_offset_s: 100, ..LogSource::default() };
        let found = skews(&requests(42 * SECOND_US, 40), &[stated]);
        assert_eq!(found[0].confirm[1], r#"[[log]] "shop": clock_offset_s = 58"#);
    }

    #[test]
    fn a_whole_hour_looks_like_a_wrong_zone() {
        // The server writes UTC and was read as Berlin's winter time: an hour too early.
        let found = skews(&requests(-HOUR_US, 40), &[]);
        assert_eq!(found[0].looks_like, SkewKind::Zone);
        assert_eq!(
            found[0].confirm,
            [
                r#"[[log]] "proxy": time_zone = "Etc/GMT-2""#,
                r#"[[log]] "proxy": clock_offset_s = -3600"#,
                r#"[[log]] "shop": time_zone = "UTC""#,
                r#"[[log]] "shop": clock_offset_s = 3600"#,
            ]
        );
    }

    #[test]
    fn clocks_that_agree_need_no_line_and_few_or_scattered_pairs_show_nothing() {
        let found = skews(&requests(200_000, 40), &[]);
        assert_eq!((found[0].looks_like, found[0].confirm.len()), (SkewKind::Agree, 0));
        assert!(skews(&requests(HOUR_US, 9), &[]).is_empty());
        let mut scattered = requests(0, 40);
        scattered
            .iter_mut()
            .enumerate()
            .filter(|(i, _)| i % 2 == 1)
            .for_each(|(i, r)| r.2 += i as i64 * 60 * SECOND_US);
        assert!(skews(&scattered, &[]).is_empty());
    }

    #[test]
    fn the_source_that_disagrees_with_more_others_is_named_first() {
        let mut list = requests(HOUR_US, 40);
        let third: Vec<_> =
            list.iter().filter(|(s, ..)| *s == "proxy").map(|(_, id, t)| ("cache", id.clone(), *t)).collect();
        list.extend(third);
        let found: Vec<_> =
            skews(&list, &[]).into_iter().map(|s| (s.source, s.against, s.ahead_us / HOUR_US)).collect();
        let expect = [("cache", "proxy", 0), ("shop", "cache", 1), ("shop", "proxy", 1)];
        assert_eq!(found, expect.map(|(a, b, h)| (a.to_owned(), b.to_owned(), h)));
    }

    #[test]
    fn a_key_that_a_source_has_often_tells_nothing() {
        let mut list = requests(HOUR_US, 40);
        for n in 0..5 {
            list.extend((0..40).map(|r| ("shop", format!("request-{r}"), n * SECOND_US)));
        }
        assert!(skews(&list, &[]).is_empty());
    }

    #[test]
    fn memory_stays_bounded_and_what_is_left_still_tells() {
        let count = i64::try_from(KEYS_MAX).unwrap() + 1000;
        let found = skews(&requests(HOUR_US, count), &[]);
        assert_eq!(found[0].looks_like, SkewKind::Zone);
        assert!(found[0].pairs < u64::try_from(count).unwrap());
    }

    proptest! {
        #[test]
        fn the_order_of_events_does_not_matter(turn in 0usize..80, ahead in -20_000i64..20_000) {
            let mut list = requests(ahead * 1000, 40);
            let told = skews(&list, &[]);
            list.rotate_left(turn);
            prop_assert_eq!(skews(&list, &[]), told);
        }
    }
}
