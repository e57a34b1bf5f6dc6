//! Lines of the gem lograge: one for a whole request.

use super::head::Head;
use super::{NO_TIME, Rails};
use crate::harvest::Harvest;
use crate::json;
use crate::lines::Line;
use crate::reader::rules::{Named, Used};
use crate::targets::{Draft, Target};
use stanch_model::{NumberField, TextField};
use std::borrow::Cow;
use std::sync::Arc;

/// `method=GET path=/ status=200`
struct Pairs<'a>(&'a str);

impl<'a> Pairs<'a> {
    fn all(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.0.split(' ').filter_map(|pair| pair.split_once('='))
    }
}

impl Named for Pairs<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        self.all().find(|(name, _)| *name == key).map(|(_, value)| Cow::Borrowed(value))
    }
}

struct Object<'a>(json::Members<'a>);

impl Named for Object<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        json::at_path(&self.0, key).and_then(json::text)
    }
}

impl Rails {
    pub(super) fn whole_request(&mut self, head: &Head<'_>, text: &str, line: &Line<'_>, harvest: &mut Harvest) {
        let Some(time) = self.time_of(head) else { return harvest.unread(line, NO_TIME) };
        let rules = Arc::clone(&self.rules);
        let object = json::members(text.trim()).map(Object);
        let pairs = Pairs(text);
        let mut draft = Draft::default();
        let mut used = Used::default();
        let class = match &object {
            Some(object) => rules.fill(object, &mut used, &mut draft),
            None => rules.fill(&pairs, &mut used, &mut draft),
        };
        match &object {
            Some(object) => object.0.iter().filter(|(key, _)| !rules.uses(used, key)).for_each(|(key, raw)| {
                draft.unmapped_json(key, raw);
            }),
            None => pairs.all().filter(|(key, _)| !rules.uses(used, key)).for_each(|(key, value)| {
                draft.unmapped_text(key, value);
            }),
        }
        let request = Target::Text(TextField::RequestUid);
        if let Some(uid) = head.request.filter(|_| !draft.has(request)) {
            draft.put(request, uid);
        }
        if let Some(pid) = head.pid {
            draft.put(Target::Number(NumberField::Pid), pid);
        }
        draft.finish((time, class, line.position), |record| harvest.event(record, 1));
    }
}
