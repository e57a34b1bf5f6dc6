//! Lines of the gem lograge: one for a whole request.

use super::head::Head;
use super::{NO_TIME, Rails};
use crate::harvest::Harvest;
use crate::json;
use crate::lines::Line;
use crate::reader::rules::Named;
use crate::targets::{Draft, Target};
use stanch_model::{NumberField, TextField};
use std::borrow::Cow;
use std::sync::Arc;

/// `method=GET path=/ status=200`
struct Pairs<'a>(&'a str);

impl Named for Pairs<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        let values = self.0.split(' ').filter_map(|pair| pair.split_once('='));
        values.into_iter().find(|(name, _)| *name == key).map(|(_, value)| Cow::Borrowed(value))
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
        let class = match &object {
            Some(object) => {
                for (key, raw) in object.0.iter().filter(|(key, _)| !rules.uses(key)) {
                    draft.unmapped_json(key, raw);
                }
                rules.fill(object, &mut draft)
            }
            None => {
                for (key, value) in
                    text.split(' ').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| !rules.uses(key))
                {
                    draft.unmapped_text(key, value);
                }
                rules.fill(&pairs, &mut draft)
            }
        };
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
