//! Reads lines of `key=value` (logfmt) by a pack's rules.

use crate::clock::Clock;
use crate::harvest::Harvest;
use crate::json;
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::access::closing_quote;
use crate::reader::before::{Before, Headed};
use crate::reader::rules::{Named, Rules};
use crate::targets::Draft;
use std::borrow::Cow;
use std::sync::Arc;

/// Pairs of one line; what has more is no record.
const PAIRS_MAX: usize = 1_000;

/// The reader.
pub(crate) struct Pairs {
    clock: Clock,
    rules: Arc<Rules>,
    before: Option<Arc<Before>>,
}

impl Pairs {
    /// `before` is what may stand before the first key on its line.
    pub(crate) fn new(clock: Clock, rules: Arc<Rules>, before: Option<Arc<Before>>) -> Pairs {
        Pairs { clock, rules, before }
    }
}

/// A line's values under their keys. Of a key that comes twice, the last counts: what a client sends stands before what
/// the writer knows itself.
struct Values<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl Named for Values<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        self.0.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| Cow::Borrowed(value.as_ref()))
    }
}

impl Reader for Pairs {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let known = self.before.clone();
        let (head, text) = known.as_ref().map_or((Vec::new(), line.text), |before| before.split(line.text));
        let (values, words) = match pairs(text) {
            Ok(found) => found,
            Err(reason) => return harvest.unread(line, reason),
        };
        let values = Values(values);
        let record = Headed { head: &head, record: &values };
        if let Some(reason) = self.rules.refusal(&record) {
            return harvest.unread(line, reason);
        }
        let mut draft = Draft::default();
        let (time, class, used) = match self.rules.apply(&record, &mut self.clock, &mut draft) {
            Ok(found) => found,
            Err(fault) => return harvest.unread(line, fault.reason()),
        };
        let pairs = &values.0;
        for (i, (key, value)) in pairs.iter().enumerate().filter(|(_, (_, value))| !self.rules.is_absent(value)) {
            let is_last = !pairs[i + 1..].iter().any(|(later, _)| later == key);
            if !is_last || !self.rules.uses(used, key) {
                draft.unmapped_text(key, value);
            }
        }
        if !words.is_empty() {
            draft.unmapped_text("words", &words);
        }
        record.rest(&self.rules, used, &mut draft);
        draft.finish((time, class, line.position), |record| harvest.event(record, 1));
    }

    fn is_line_by_line(&self) -> bool {
        true
    }
}

/// A line's pairs in their order, and the words between them that belong to none.
#[expect(clippy::type_complexity, reason = "said once")]
fn pairs(text: &str) -> Result<(Vec<(&str, Cow<'_, str>)>, String), &'static str> {
    let mut values = Vec::with_capacity(16);
    let mut words = String::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if values.len() == PAIRS_MAX {
            return Err("more keys than a record has");
        }
        let end = rest.find(['=', ' ', '\t']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let Some(value) = after.strip_prefix('=').filter(|_| is_key(key)) else {
            let end = rest.find([' ', '\t']).unwrap_or(rest.len());
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(&rest[..end]);
            rest = rest[end..].trim_start();
            continue;
        };
        if let Some(quoted) = value.strip_prefix('"') {
            let close = closing_quote(quoted).ok_or("a quote that never closes")?;
            values.push((key, json::unescaped(&quoted[..close])));
            rest = quoted[close + 1..].trim_start();
        } else {
            let end = value.find([' ', '\t']).unwrap_or(value.len());
            values.push((key, Cow::Borrowed(&value[..end])));
            rest = value[end..].trim_start();
        }
    }
    Ok((values, words))
}

fn is_key(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'#' | b'@' | b'/');
    !text.is_empty() && text.len() <= 128 && text.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let (values, words) = pairs(text).unwrap();
        let words = (!words.is_empty()).then(|| ("words".to_owned(), words));
        values.into_iter().map(|(k, v)| (k.to_owned(), v.into_owned())).chain(words).collect()
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn pairs_come_apart_with_and_without_quotes() {
        assert_eq!(read(r#"at=info path="/a?b=c d" n=1"#), owned(&[("at", "info"), ("path", "/a?b=c d"), ("n", "1")]));
        assert_eq!(read(r##"m="a \"b\"" e= f="""##), owned(&[("m", "a \"b\""), ("e", ""), ("f", "")]));
        assert_eq!(read(r#"m="a \"b\" \u00e9""#), owned(&[("m", "a \"b\" é")]));
        assert_eq!(read("some words a=1 =x"), owned(&[("a", "1"), ("words", "some words =x")]));
        assert_eq!(pairs(r#"a="open"#).map(|_| ()), Err("a quote that never closes"));
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(text in "[a=\"\\\\ é]{0,40}") {
            let _ = pairs(&text);
        }
    }
}
