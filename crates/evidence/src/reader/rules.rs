//! What a pack says of records with named values: which it is made for, when they happened, where each value goes,
//! what kind of event they are. The same for JSON, for columns and for patterns.

use crate::clock::{Clock, TimeFault};
use crate::harvest::Reason;
use crate::reader::conditions::{Test, Wanted, tests};
use crate::reader::delimited::{Written, plain};
use crate::targets::{Draft, Target};
use serde::Deserialize;
use stanch_model::{EventClass, Instant, TextField};
use stanch_packs::PackError;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// One word, or several of which any will do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several, the first that serves counts.
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMany::One(word) => vec![word],
            OneOrMany::Many(words) => words,
        }
    }
}

/// What a pack says of its records, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesPack {
    /// Keys that a record must have to be in this format; of a list, one.
    #[serde(default)]
    pub needs: Vec<OneOrMany>,
    /// Conditions that a record must meet to be in this format.
    #[serde(default)]
    pub only: BTreeMap<String, Wanted>,
    /// Keys of the time, the first that holds one counts; `date+time` puts two together.
    #[serde(default)]
    pub time: Vec<String>,
    /// Event field or word → the key, or the keys of which the first with a value counts; `path+query` puts two
    /// together without anything between, and adds durations up; `bucket+'/'+object` puts a text between where a value
    /// follows. Keys that are passed over are kept in `unmapped`, unless they say the same.
    #[serde(default)]
    pub map: BTreeMap<String, OneOrMany>,
    /// Texts that stand for no value, besides the empty one.
    #[serde(default)]
    pub absent: Vec<String>,
    /// Keys whose values were percent-encoded to be written here, whatever encoding they have themselves.
    #[serde(default)]
    pub percent_encoded: Vec<String>,
    /// Keys that say again what another says, and are left out.
    #[serde(default)]
    pub drop: Vec<String>,
    /// Keys (of columns too) that hold the record itself, as an object or as text that holds one: an export's envelope.
    /// Its keys come first, then those around it, which are kept as `envelope.key` where both have one.
    #[serde(default)]
    pub unpack: Vec<String>,
    /// JSON: the key of an array of which each element is an event of its own; paths through it mean the element at hand.
    #[serde(default)]
    pub each: Option<String>,
    /// Key → what its values mean where they are mapped: `protocol: { "6": tcp }`.
    #[serde(default)]
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// The IANA zone of times that carry none, where the format lays it down. The store file's word for a log goes first.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// The class where no kind says one.
    #[serde(default)]
    pub class: Option<String>,
    /// The activity where no kind says one.
    #[serde(default)]
    pub activity: Option<String>,
    /// Kinds of records: each that applies gives what those before it have left open.
    #[serde(default)]
    pub kinds: Vec<KindPack>,
}

impl RulesPack {
    /// These rules, and another's where they say nothing. Each of needs, conditions, and kinds is one saying.
    pub(crate) fn or(self, other: RulesPack) -> RulesPack {
        let list = |own: Vec<String>, others: Vec<String>| if own.is_empty() { others } else { own };
        RulesPack {
            needs: if self.needs.is_empty() { other.needs } else { self.needs },
            only: if self.only.is_empty() { other.only } else { self.only },
            time: list(self.time, other.time),
            map: other.map.into_iter().chain(self.map).collect(),
            absent: list(self.absent, other.absent),
            drop: list(self.drop, other.drop),
            percent_encoded: list(self.percent_encoded, other.percent_encoded),
            unpack: list(self.unpack, other.unpack),
            each: self.each.or(other.each),
            values: other.values.into_iter().chain(self.values).collect(),
            time_zone: self.time_zone.or(other.time_zone),
            class: self.class.or(other.class),
            activity: self.activity.or(other.activity),
            kinds: self.kinds.into_iter().chain(other.kinds).collect(),
        }
    }
}

/// One kind of record, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindPack {
    /// All of these must hold.
    pub when: BTreeMap<String, Wanted>,
    /// OCSF class by its word.
    #[serde(default)]
    pub class: Option<String>,
    /// Activity.
    #[serde(default)]
    pub activity: Option<String>,
    /// `success` or `failure`.
    #[serde(default)]
    pub status: Option<String>,
    /// Where values of such records go, before what is said for all.
    #[serde(default)]
    pub map: BTreeMap<String, OneOrMany>,
    /// Fields that such records have by being of this kind: event field → text.
    #[serde(default)]
    pub says: BTreeMap<String, String>,
}

/// Values under names, wherever they are kept.
pub(crate) trait Named {
    /// The value of that name, if it has one.
    fn value(&self, key: &str) -> Option<Cow<'_, str>>;

    /// Whether what stands under that name holds values under names of its own.
    fn is_nested(&self, _key: &str) -> bool {
        false
    }
}

/// A pack's rules, compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    needs: Vec<Vec<String>>,
    only: Vec<(String, Test)>,
    time: Vec<String>,
    map: Mapping,
    absent: Vec<String>,
    pub(crate) unpack: Vec<String>,
    pub(crate) each: Option<String>,
    values: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) time_zone: Option<String>,
    percent_encoded: Vec<String>,
    class: EventClass,
    activity: Option<String>,
    kinds: Vec<Kind>,
    /// Keys whose whole value may be used, each with its number.
    numbers: BTreeMap<String, u32>,
    /// Keys that say again what others say.
    dropped: BTreeSet<String>,
}

/// Where values go: each target with its keys.
type Mapping = Vec<(Target, Vec<String>)>;

/// Keys that a pack's rules may name.
const KEYS_MAX: usize = 256;

/// Which keys' values have gone into a record, by their numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used([u64; KEYS_MAX / 64]);

#[derive(Clone, Debug)]
struct Kind {
    when: Vec<(String, Test)>,
    class: Option<EventClass>,
    activity: Option<String>,
    status: Option<String>,
    map: Mapping,
    says: Vec<(Target, String)>,
}

impl Rules {
    /// Compiles what a pack says.
    ///
    /// # Errors
    /// If a class, field or word does not exist. `shown` is the pack's place for the message.
    pub(crate) fn compile(shown: &str, pack: &RulesPack) -> Result<Rules, PackError> {
        let map = mapping(shown, &pack.map)?;
        let class = |word: &Option<String>| match word {
            None => Ok(None),
            Some(word) => EventClass::from_word(word).map(Some).ok_or_else(|| {
                let words: Vec<&str> = EventClass::ALL.iter().map(|c| c.word()).collect();
                PackError::new(shown, format!("{word:?} is no event class")).with_hint(words.join(", "))
            }),
        };
        let kinds = pack.kinds.iter().map(|kind| {
            let says = kind.says.iter().map(|(name, text)| Ok((target(shown, "says", name)?, text.clone())));
            Ok(Kind {
                when: tests(&kind.when),
                class: class(&kind.class)?,
                activity: kind.activity.clone(),
                status: kind.status.clone(),
                map: mapping(shown, &kind.map)?,
                says: says.collect::<Result<_, PackError>>()?,
            })
        });
        let kinds: Vec<Kind> = kinds.collect::<Result<_, PackError>>()?;
        let maps = kinds.iter().flat_map(|kind: &Kind| &kind.map).chain(&map);
        let whole = maps.flat_map(|(_, keys)| keys).chain(&pack.time);
        let whole: BTreeSet<&str> = whole.flat_map(|key| key.split('+')).collect();
        if whole.len() > KEYS_MAX {
            return Err(PackError::new(shown, format!("`map` and `time` name more than {KEYS_MAX} keys")));
        }
        let numbers = whole.into_iter().map(str::to_owned).zip(0..).collect();
        Ok(Rules {
            needs: pack.needs.iter().map(|n| n.clone().into_vec()).collect(),
            only: tests(&pack.only),
            time: pack.time.clone(),
            map,
            absent: pack.absent.clone(),
            unpack: pack.unpack.clone(),
            each: pack.each.clone(),
            values: pack.values.clone(),
            time_zone: pack.time_zone.clone(),
            percent_encoded: pack.percent_encoded.clone(),
            class: class(&pack.class)?.unwrap_or(EventClass::Base),
            activity: pack.activity.clone(),
            kinds,
            numbers,
            dropped: pack.drop.iter().cloned().collect(),
        })
    }

    /// Whether a line may name columns of this format: it has the names that are needed somewhere.
    pub(crate) fn may_be_named_in(&self, line: &str) -> bool {
        self.needs.iter().all(|keys| keys.iter().any(|key| line.contains(key.as_str())))
    }

    /// Whether columns of these names can hold records of this format.
    pub(crate) fn could_have(&self, names: &[String]) -> bool {
        self.needs.iter().all(|keys| keys.iter().any(|key| names.contains(key)))
    }

    /// Where values go, by their keys.
    pub(crate) fn mapped(&self) -> impl Iterator<Item = (Target, &str)> {
        let all = self.kinds.iter().flat_map(|kind| &kind.map).chain(&self.map);
        all.flat_map(|(target, keys)| keys.iter().map(|key| (*target, key.as_str())))
    }

    /// Why a record is not in this format, if it is not.
    pub(crate) fn refusal(&self, record: &impl Named) -> Option<Reason> {
        let has = |key: &String| record.value(key).is_some();
        if let Some(keys) = self.needs.iter().find(|keys| !keys.iter().any(has)) {
            return Some(format!("it has no {}", keys.join(" or ")).into());
        }
        let failed = self.only.iter().find(|(key, test)| !test.holds(self.given(record, key).as_deref()))?;
        Some(format!("its {} is another than this format has", failed.0).into())
    }

    /// Puts a record's values in their places. The moment and the class come back, and which keys were used: `unmapped`
    /// values are the caller's, who knows in which form they are kept: those for whose key [`Rules::uses`] is false.
    pub(crate) fn apply<'a>(
        &'a self,
        record: &'a impl Named,
        clock: &mut Clock,
        draft: &mut Draft<'a>,
    ) -> Result<(Instant, EventClass, Used), TimeFault> {
        let mut used = Used::default();
        let mut time = Err(TimeFault::NotATime);
        for key in &self.time {
            let Some(written) = self.joined(record, key, " ") else { continue };
            time = clock.any(&written);
            if time.is_ok() {
                self.mark(&mut used, key);
                break;
            }
        }
        let class = self.fill(record, &mut used, draft);
        Ok((time?, class, used))
    }

    /// Puts a record's values in their places and tells its class.
    pub(crate) fn fill<'a>(&'a self, record: &'a impl Named, used: &mut Used, draft: &mut Draft<'a>) -> EventClass {
        let kinds: Vec<&Kind> = self.kinds.iter().filter(|kind| self.is_of(record, kind)).collect();
        for (target, keys) in kinds.iter().flat_map(|kind| &kind.map).chain(&self.map) {
            if !draft.has(*target) {
                self.put(record, *target, keys, used, draft);
            }
        }
        self.kind(&kinds, draft)
    }

    /// Puts the value of the first of several keys that has one.
    fn put<'a>(
        &'a self,
        record: &'a impl Named,
        target: Target,
        keys: &[String],
        used: &mut Used,
        draft: &mut Draft<'a>,
    ) {
        // Where one of several names will do, one that holds further names is not meant. A statement may be an object.
        let (is_choice, is_statement) = (keys.len() > 1, target == Target::Text(TextField::Query));
        let value = |key: &String| match target {
            _ if is_choice && !is_statement && record.is_nested(key) => None,
            Target::Duration(_) | Target::Nanoseconds if key.contains('+') => self.sum(record, key, target),
            _ => self.joined(record, key, "").map(|value| (target, value)),
        };
        let Some((at, (target, value))) = keys.iter().enumerate().find_map(|(i, key)| Some((i, value(key)?))) else {
            return;
        };
        // A list of addresses says more than the one that is taken from it.
        if target != Target::LastAddress || !value.contains(',') {
            self.mark(used, &keys[at]);
        }
        for other in &keys[at + 1..] {
            if !other.contains('+') && self.given(record, other).is_some_and(|v| v == value) {
                self.mark(used, other);
            }
        }
        draft.put(target, value);
    }

    /// Durations that make up one, in microseconds. Those below nothing, which stand for none, are left out.
    fn sum<'a>(&self, record: &'a impl Named, key: &str, unit: Target) -> Option<(Target, Cow<'a, str>)> {
        let part = |key: &str| unit.microseconds(&self.given(record, key)?).filter(|us| *us >= 0);
        let parts: Vec<i64> = key.split('+').filter_map(part).collect();
        let sum = parts.iter().fold(0i64, |sum, us| sum.saturating_add(*us));
        (!parts.is_empty()).then(|| (Target::Duration(1), Cow::Owned(sum.to_string())))
    }

    fn mark(&self, used: &mut Used, key: &str) {
        for number in key.split('+').filter_map(|part| self.numbers.get(part)) {
            let number = *number as usize;
            used.0[number / 64] |= 1 << (number % 64);
        }
    }

    /// The class where no kind says one.
    pub(crate) fn class(&self) -> EventClass {
        self.class
    }

    /// Whether the whole value under a key has been used, so that it need not be kept in `unmapped`.
    pub(crate) fn uses(&self, used: Used, key: &str) -> bool {
        self.dropped.contains(key)
            || self.numbers.get(key).is_some_and(|n| used.0[*n as usize / 64] & 1 << (*n % 64) != 0)
    }

    /// Whether a text stands for no value.
    pub(crate) fn is_absent(&self, text: &str) -> bool {
        text.is_empty() || self.absent.iter().any(|a| a == text)
    }

    fn is_of(&self, record: &impl Named, kind: &Kind) -> bool {
        kind.when.iter().all(|(key, test)| test.holds(self.given(record, key).as_deref()))
    }

    /// Puts in what a record's kinds say by themselves: each gives what those before it have left open.
    fn kind<'a>(&'a self, kinds: &[&'a Kind], draft: &mut Draft<'a>) -> EventClass {
        let activity = kinds.iter().find_map(|k| k.activity.as_ref()).or(self.activity.as_ref());
        let status = kinds.iter().find_map(|k| k.status.as_ref());
        let words = [(TextField::Activity, activity), (TextField::Status, status)];
        let words = words.into_iter().filter_map(|(field, word)| Some((Target::Text(field), word?)));
        let said = kinds.iter().flat_map(|k| &k.says).map(|(target, text)| (*target, text));
        for (target, text) in words.chain(said) {
            if !draft.has(target) {
                draft.put(target, text.as_str());
            }
        }
        kinds.iter().find_map(|k| k.class).unwrap_or(self.class)
    }

    fn given<'a>(&self, record: &'a impl Named, key: &str) -> Option<Cow<'a, str>> {
        let value = record.value(key).filter(|v| !self.is_absent(v))?;
        if self.percent_encoded.iter().any(|encoded| encoded == key) {
            return Some(Cow::Owned(plain(&value, Written::Percent).into_owned()));
        }
        Some(value)
    }

    /// The value under a key, or under several joined by `+`, with `between` between them. A part in single quotes is the
    /// text between those beside it.
    fn joined<'a>(&'a self, record: &'a impl Named, key: &str, between: &str) -> Option<Cow<'a, str>> {
        let Some((first, rest)) = key.split_once('+') else { return self.meant(record, key) };
        let mut text = self.meant(record, first)?.into_owned();
        let mut before = between;
        for key in rest.split('+') {
            if let Some(literal) = key.strip_prefix('\'').and_then(|k| k.strip_suffix('\'')) {
                before = literal;
            } else if let Some(part) = self.meant(record, key) {
                text.push_str(before);
                text.push_str(&part);
                before = between;
            }
        }
        Some(Cow::Owned(text))
    }

    /// The value under a key, in the word that it stands for.
    fn meant<'a>(&'a self, record: &'a impl Named, key: &str) -> Option<Cow<'a, str>> {
        let value = self.given(record, key)?;
        let word = self.values.get(key).and_then(|words| words.get(value.as_ref()));
        Some(word.map_or(value, |word| Cow::Borrowed(word.as_str())))
    }
}

fn target(shown: &str, word: &str, name: &str) -> Result<Target, PackError> {
    Target::from_name(name).ok_or_else(|| {
        PackError::new(shown, format!("`{word}` names {name:?}, which is no event field"))
            .with_hint(format!("an OCSF path such as src_endpoint.ip, or one of: {}", Target::WORDS.join(", ")))
    })
}

fn mapping(shown: &str, map: &BTreeMap<String, OneOrMany>) -> Result<Mapping, PackError> {
    map.iter().map(|(name, keys)| Ok((target(shown, "map", name)?, keys.clone().into_vec()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pairs(&'static [(&'static str, &'static str)]);

    impl Named for Pairs {
        fn value(&self, key: &str) -> Option<Cow<'_, str>> {
            self.0.iter().find(|(k, _)| *k == key).map(|(_, v)| Cow::Borrowed(*v))
        }
    }

    #[test]
    fn what_is_passed_over_is_kept_unless_it_says_the_same_and_durations_add_up() {
        let keys = |names: &[&str]| OneOrMany::Many(names.iter().map(|n| (*n).to_owned()).collect());
        let map = BTreeMap::from([
            ("src_endpoint.ip".to_owned(), keys(&["client", "peer", "edge"])),
            ("duration_s".to_owned(), keys(&["queue+target+send"])),
            ("last_address".to_owned(), keys(&["via"])),
        ]);
        let pack =
            RulesPack { map, time: vec!["t".to_owned()], drop: vec!["again".to_owned()], ..RulesPack::default() };
        let rules = Rules::compile("x", &pack).unwrap();
        let record = Pairs(&[
            ("t", "1700000000"),
            ("client", "192.0.2.1"),
            ("peer", "198.51.100.1"),
            ("edge", "192.0.2.1"),
            ("queue", "-1"),
            ("target", "0.25"),
            ("send", "0.5"),
            ("via", "203.0.113.1, 198.51.100.1"),
        ]);
        let mut draft = Draft::default();
        let mut clock = Clock::new(jiff::tz::TimeZone::UTC, std::sync::Arc::default());
        let (.., used) = rules.apply(&record, &mut clock, &mut draft).unwrap();
        let kept = ["client", "peer", "edge", "queue", "via", "again", "t"].map(|key| rules.uses(used, key));
        assert_eq!(kept, [true, false, true, true, false, true, true]);
        assert_eq!(draft.text(Target::Duration(1)), Some("750000"));
    }

    fn applied(text: &str, pairs: &'static [(&'static str, &'static str)]) -> (EventClass, Vec<String>, Vec<String>) {
        let mut pack: RulesPack = serde_json::from_str(text).unwrap();
        (pack.time, pack.absent) = (vec!["t".to_owned()], vec!["-".to_owned()]);
        let rules = Rules::compile("x", &pack).unwrap();
        let (record, mut draft) = (Pairs(pairs), Draft::default());
        let mut clock = Clock::new(jiff::tz::TimeZone::UTC, std::sync::Arc::default());
        let (_, class, used) = rules.apply(&record, &mut clock, &mut draft).unwrap();
        let fields = [TextField::Status, TextField::Resource, TextField::Protocol, TextField::UserName];
        let texts = fields.map(|f| draft.text(Target::Text(f)).unwrap_or("").to_owned()).to_vec();
        let left = pairs.iter().filter(|(key, _)| !rules.uses(used, key)).map(|(key, _)| (*key).to_owned());
        (class, texts, left.collect())
    }

    #[test]
    fn each_kind_gives_what_those_before_it_left_open() {
        let pack = r#"{"kinds":[{"when":{"error":"*"},"status":"failure","map":{"actor.user.name":"who"}},
            {"when":{"login":"*"},"class":"authentication","status":"success"}]}"#;
        let (class, texts, left) =
            applied(pack, &[("t", "1700000000"), ("error", "1"), ("login", "1"), ("who", "kim")]);
        assert_eq!((class, texts[0].as_str(), texts[3].as_str()), (EventClass::Authentication, "failure", "kim"));
        assert_eq!(left, ["error", "login"]);
        let (class, texts, left) =
            applied(pack, &[("t", "1700000000"), ("error", "-"), ("login", "1"), ("who", "kim")]);
        assert_eq!((class, texts[0].as_str(), texts[3].as_str()), (EventClass::Authentication, "success", ""));
        assert_eq!(left, ["error", "login", "who"]);
    }

    #[test]
    fn values_are_joined_and_put_into_words() {
        let pack = r#"{"map":{"resource.name":"bucket+'/'+object","connection_info.protocol_name":"p"},
            "values":{"p":{"6":"tcp"}}}"#;
        let (_, texts, _) = applied(pack, &[("t", "1700000000"), ("bucket", "x"), ("object", "y"), ("p", "6")]);
        assert_eq!(texts[1..3], ["x/y", "tcp"]);
        let (_, texts, _) = applied(pack, &[("t", "1700000000"), ("bucket", "x"), ("object", "-"), ("p", "50")]);
        assert_eq!(texts[1..3], ["x", "50"]);
    }
}
