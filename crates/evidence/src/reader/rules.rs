//! What a pack says of records with named values: which it is made for, when they happened, where each value goes,
//! what kind of event they are. The same for JSON, for columns and for patterns.

use crate::clock::{Clock, TimeFault};
use crate::harvest::Reason;
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
    /// together without anything between.
    #[serde(default)]
    pub map: BTreeMap<String, OneOrMany>,
    /// Texts that stand for no value, besides the empty one.
    #[serde(default)]
    pub absent: Vec<String>,
    /// Keys that say again what another says, and are left out.
    #[serde(default)]
    pub drop: Vec<String>,
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
}

/// What a value must be: `null` absent, `"*"` present, `">=400"`, `"<400"`, `"Failed*"`, `"*denied*"`, one text or a list
/// (with `null` in it: or absent).
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Wanted {
    /// Any of these.
    Any(Vec<Option<String>>),
    /// Yes or no.
    Flag(bool),
    /// That number.
    Number(i64),
    /// That text.
    Text(String),
    /// Absent.
    Absent(()),
}

/// Values under names, wherever they are kept.
pub(crate) trait Named {
    /// The value of that name, if it has one.
    fn value(&self, key: &str) -> Option<Cow<'_, str>>;
}

/// A pack's rules, compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    needs: Vec<Vec<String>>,
    only: Vec<(String, Test)>,
    time: Vec<String>,
    map: Vec<(Target, Vec<String>)>,
    absent: Vec<String>,
    class: EventClass,
    activity: Option<String>,
    kinds: Vec<Kind>,
    /// Keys whose whole value is used.
    used: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Kind {
    when: Vec<(String, Test)>,
    class: Option<EventClass>,
    activity: Option<String>,
    status: Option<String>,
}

#[derive(Clone, Debug)]
enum Test {
    Absent,
    Present,
    Is(Vec<Glob>),
    IsOrAbsent(Vec<Glob>),
    AtLeast(i64),
    Below(i64),
}

#[derive(Clone, Debug)]
enum Glob {
    Exact(String),
    Starts(String),
    Ends(String),
    Contains(String),
}

impl Rules {
    /// Compiles what a pack says.
    ///
    /// # Errors
    /// If a class, field or word does not exist. `shown` is the pack's place for the message.
    pub(crate) fn compile(shown: &str, pack: &RulesPack) -> Result<Rules, PackError> {
        let mut map = Vec::new();
        for (name, keys) in &pack.map {
            let target = Target::from_name(name).ok_or_else(|| {
                PackError::new(shown, format!("`map` names {name:?}, which is no event field"))
                    .with_hint(format!("an OCSF path such as src_endpoint.ip, or one of: {}", Target::WORDS.join(", ")))
            })?;
            map.push((target, keys.clone().into_vec()));
        }
        let class = |word: &Option<String>| match word {
            None => Ok(None),
            Some(word) => EventClass::from_word(word).map(Some).ok_or_else(|| {
                let words: Vec<&str> = EventClass::ALL.iter().map(|c| c.word()).collect();
                PackError::new(shown, format!("{word:?} is no event class")).with_hint(words.join(", "))
            }),
        };
        let kinds = pack.kinds.iter().map(|kind| {
            Ok(Kind {
                when: tests(&kind.when),
                class: class(&kind.class)?,
                activity: kind.activity.clone(),
                status: kind.status.clone(),
            })
        });
        let kinds = kinds.collect::<Result<_, PackError>>()?;
        let whole = map.iter().flat_map(|(_, keys)| keys).chain(&pack.time);
        let mut used: BTreeSet<String> = whole.flat_map(|key| key.split('+')).map(str::to_owned).collect();
        used.extend(pack.drop.iter().cloned());
        Ok(Rules {
            needs: pack.needs.iter().map(|n| n.clone().into_vec()).collect(),
            only: tests(&pack.only),
            time: pack.time.clone(),
            map,
            absent: pack.absent.clone(),
            class: class(&pack.class)?.unwrap_or(EventClass::Base),
            activity: pack.activity.clone(),
            kinds,
            used,
        })
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

    /// Puts a record's values in their places. The moment and the class come back; `unmapped` values are the caller's,
    /// who knows in which form they are kept: those for whose key [`Rules::uses`] is false.
    pub(crate) fn apply<'a>(
        &self,
        record: &'a impl Named,
        clock: &mut Clock,
        draft: &mut Draft<'a>,
    ) -> Result<(Instant, EventClass), TimeFault> {
        let mut time = Err(TimeFault::NotATime);
        for key in &self.time {
            let Some(written) = self.joined(record, key, " ") else { continue };
            time = clock.any(&written);
            if time.is_ok() {
                break;
            }
        }
        Ok((time?, self.fill(record, draft)))
    }

    /// Puts a record's values in their places and tells its class.
    pub(crate) fn fill<'a>(&self, record: &'a impl Named, draft: &mut Draft<'a>) -> EventClass {
        for (target, keys) in &self.map {
            if let Some(value) = keys.iter().find_map(|key| self.joined(record, key, "")) {
                draft.put(*target, value);
            }
        }
        self.kind(record, draft)
    }

    /// Whether the whole value under a key is used, so that it need not be kept in `unmapped`.
    pub(crate) fn uses(&self, key: &str) -> bool {
        self.used.contains(key)
    }

    /// Whether a text stands for no value.
    pub(crate) fn is_absent(&self, text: &str) -> bool {
        text.is_empty() || self.absent.iter().any(|a| a == text)
    }

    fn kind<'a>(&self, record: &impl Named, draft: &mut Draft<'a>) -> EventClass {
        let (mut class, mut activity, mut status) = (None, None, None);
        for kind in &self.kinds {
            if (class.is_none() || activity.is_none() || status.is_none())
                && kind.when.iter().all(|(key, test)| test.holds(self.given(record, key).as_deref()))
            {
                class = class.or(kind.class);
                activity = activity.or(kind.activity.as_ref());
                status = status.or(kind.status.as_ref());
            }
        }
        let said = [(TextField::Activity, activity.or(self.activity.as_ref())), (TextField::Status, status)];
        for (field, word) in said {
            if let Some(word) = word.filter(|_| !draft.has(Target::Text(field))) {
                draft.put(Target::Text(field), word.clone());
            }
        }
        class.unwrap_or(self.class)
    }

    fn given<'a>(&self, record: &'a impl Named, key: &str) -> Option<Cow<'a, str>> {
        record.value(key).filter(|v| !self.is_absent(v))
    }

    /// The value under a key, or under several joined by `+`, with `between` between them.
    fn joined<'a>(&self, record: &'a impl Named, key: &str, between: &str) -> Option<Cow<'a, str>> {
        let Some((first, rest)) = key.split_once('+') else { return self.given(record, key) };
        let mut text = self.given(record, first)?.into_owned();
        for key in rest.split('+') {
            if let Some(part) = self.given(record, key) {
                text.push_str(between);
                text.push_str(&part);
            }
        }
        Some(Cow::Owned(text))
    }
}

fn tests(wanted: &BTreeMap<String, Wanted>) -> Vec<(String, Test)> {
    wanted.iter().map(|(key, wanted)| (key.clone(), Test::of(wanted))).collect()
}

impl Test {
    fn of(wanted: &Wanted) -> Test {
        let number = |text: &str| text.trim().parse::<i64>().ok();
        match wanted {
            Wanted::Absent(()) => Test::Absent,
            Wanted::Flag(flag) => Test::Is(vec![Glob::Exact(flag.to_string())]),
            Wanted::Number(n) => Test::Is(vec![Glob::Exact(n.to_string())]),
            Wanted::Any(texts) => {
                let globs = texts.iter().flatten().map(|t| Glob::of(t)).collect();
                if texts.contains(&None) { Test::IsOrAbsent(globs) } else { Test::Is(globs) }
            }
            Wanted::Text(text) if text == "*" => Test::Present,
            Wanted::Text(text) => {
                if let Some(n) = text.strip_prefix(">=").and_then(number) {
                    Test::AtLeast(n)
                } else if let Some(n) = text.strip_prefix('<').and_then(number) {
                    Test::Below(n)
                } else {
                    Test::Is(vec![Glob::of(text)])
                }
            }
        }
    }

    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(crate::targets::whole);
        match (self, value) {
            (Test::Absent, value) => value.is_none(),
            (Test::Present, value) => value.is_some(),
            (Test::Is(globs) | Test::IsOrAbsent(globs), Some(value)) => globs.iter().any(|g| g.matches(value)),
            (Test::Is(_), None) => false,
            (Test::IsOrAbsent(_), None) => true,
            (Test::AtLeast(n), _) => number().is_some_and(|v| v >= *n),
            (Test::Below(n), _) => number().is_some_and(|v| v < *n),
        }
    }
}

impl Glob {
    fn of(text: &str) -> Glob {
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (Some(rest), Some(_)) if rest.len() > 1 => Glob::Contains(rest[..rest.len() - 1].to_owned()),
            (None, Some(start)) => Glob::Starts(start.to_owned()),
            (Some(end), None) => Glob::Ends(end.to_owned()),
            _ => Glob::Exact(text.to_owned()),
        }
    }

    fn matches(&self, value: &str) -> bool {
        match self {
            Glob::Exact(text) => value == text,
            Glob::Starts(text) => value.starts_with(text.as_str()),
            Glob::Ends(text) => value.ends_with(text.as_str()),
            Glob::Contains(text) => value.contains(text.as_str()),
        }
    }
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

    fn holds(wanted: &str, value: Option<&'static str>) -> bool {
        Test::of(&Wanted::Text(wanted.to_owned())).holds(value)
    }

    #[test]
    fn conditions_say_what_they_mean() {
        assert!(holds("*", Some("x")) && !holds("*", None));
        assert!(holds(">=400", Some("404")) && !holds(">=400", Some("302")) && !holds(">=400", Some("x")));
        assert!(holds("<400", Some("302")) && !holds("<400", None));
        assert!(holds("Fail*", Some("Failed")) && holds("*den*", Some("was denied")) && holds("*ed", Some("denied")));
        assert!(Test::of(&Wanted::Absent(())).holds(None));
        let or_absent = Test::of(&Wanted::Any(vec![None, Some("a*".to_owned())]));
        assert!(or_absent.holds(None) && or_absent.holds(Some("ab")) && !or_absent.holds(Some("b")));
    }

    #[test]
    fn each_kind_gives_what_those_before_it_left_open() {
        let kind = |key: &str, class: Option<&str>, status: Option<&str>| KindPack {
            when: BTreeMap::from([(key.to_owned(), Wanted::Text("*".to_owned()))]),
            class: class.map(str::to_owned),
            activity: None,
            status: status.map(str::to_owned),
        };
        let kinds = vec![kind("error", None, Some("failure")), kind("login", Some("authentication"), Some("success"))];
        let pack = RulesPack { kinds, absent: vec!["-".to_owned()], ..RulesPack::default() };
        let rules = Rules::compile("x", &pack).unwrap();
        let mut draft = Draft::default();
        let class = rules.kind(&Pairs(&[("error", "1"), ("login", "1")]), &mut draft);
        assert_eq!((class, draft.text(Target::Text(TextField::Status))), (EventClass::Authentication, Some("failure")));
        let mut draft = Draft::default();
        let class = rules.kind(&Pairs(&[("error", "-"), ("login", "1")]), &mut draft);
        assert_eq!((class, draft.text(Target::Text(TextField::Status))), (EventClass::Authentication, Some("success")));
    }
}
