//! A JSON record whose values are found under paths, each object on the way opened once.

use crate::json;
use crate::reader::rules::Named;
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

/// An object's names and values.
pub(crate) type Members<'a> = Vec<(Cow<'a, str>, &'a str)>;

/// An object and what surrounds it. In a path, dots go into objects, a number into an array, `[name=x]` to the element
/// of an array whose `name` is `x` in whatever case.
pub(crate) struct Tree<'a> {
    members: Rc<Members<'a>>,
    /// Names and values of the object around this one.
    around: Members<'a>,
    /// The key of an array, and that element of it which paths through the key mean.
    element: Option<(String, &'a str)>,
    opened: RefCell<Vec<(*const u8, Rc<Members<'a>>)>>,
}

impl Named for Tree<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        self.get(key).and_then(json::text)
    }

    fn is_nested(&self, key: &str) -> bool {
        self.get(key).is_some_and(|raw| raw.starts_with('{'))
    }
}

impl<'a> Tree<'a> {
    pub(crate) fn new(members: Rc<Members<'a>>, around: Members<'a>) -> Tree<'a> {
        Tree { members, around, element: None, opened: RefCell::default() }
    }

    /// The elements of the array under a key, if there is one that is not empty.
    pub(crate) fn elements(&self, key: &str) -> Option<Vec<&'a str>> {
        json::elements(self.get(key)?).filter(|elements| !elements.is_empty())
    }

    /// From now on paths through the key mean that element.
    pub(crate) fn stand_at(&mut self, key: &str, element: &'a str) {
        self.element = Some((key.to_owned(), element));
        // What was opened of the one before is not looked for again, and looking through it takes the longer the more it is.
        self.opened.borrow_mut().clear();
    }

    /// The top's names and values, those around it behind: where it has the same name, as `envelope.name`.
    pub(crate) fn top(&self) -> impl Iterator<Item = (Cow<'_, str>, &'a str)> {
        let own = self.members.iter().map(|(key, value)| match &self.element {
            Some((each, element)) if each == key => (Cow::Borrowed(key.as_ref()), *element),
            _ => (Cow::Borrowed(key.as_ref()), *value),
        });
        let around = self.around.iter().map(|(key, value)| {
            let key = if self.has(key) { Cow::Owned(format!("envelope.{key}")) } else { Cow::Borrowed(key.as_ref()) };
            (key, *value)
        });
        own.chain(around)
    }

    /// Whether the top itself has a value of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(own, _)| own == name)
    }

    fn get(&self, path: &str) -> Option<&'a str> {
        if let Some((key, element)) = &self.element
            && let Some(rest) = path.strip_prefix(key.as_str()).and_then(|rest| rest.strip_prefix('.'))
        {
            return self.inside(element, rest);
        }
        self.under(&self.members, path).or_else(|| self.under(&self.around, path))
    }

    fn under(&self, members: &Members<'a>, path: &str) -> Option<&'a str> {
        let value = |key: &str| members.iter().find(|(k, _)| k == key).map(|(_, value)| *value);
        value(path).or_else(|| {
            path.match_indices(['.', '[']).find_map(|(at, mark)| match mark {
                "." => self.inside(value(&path[..at])?, &path[at + 1..]),
                _ => self.picked(value(&path[..at])?, &path[at + 1..]),
            })
        })
    }

    fn inside(&self, value: &'a str, path: &str) -> Option<&'a str> {
        match value.as_bytes().first()? {
            b'{' => {
                let members = self.open(value)?;
                self.under(&members, path)
            }
            b'[' => {
                let (number, rest) = path.split_once('.').map_or((path, None), |(n, rest)| (n, Some(rest)));
                let element = *json::elements(value)?.get(number.parse::<usize>().ok()?)?;
                rest.map_or(Some(element), |rest| self.inside(element, rest))
            }
            _ => None,
        }
    }

    /// The element of an array that meets `name=x]`, and what lies behind.
    fn picked(&self, value: &'a str, path: &str) -> Option<&'a str> {
        let (condition, rest) = path.split_once(']')?;
        let (name, wanted) = condition.split_once('=')?;
        let meets = |element: &&'a str| {
            let members = self.open(element);
            let given = members.iter().flat_map(|m| m.iter()).find(|(key, _)| key == name);
            given.and_then(|(_, raw)| json::text(raw)).is_some_and(|v| v.eq_ignore_ascii_case(wanted))
        };
        let elements = if value.starts_with('[') { json::elements(value)? } else { return None };
        let element = elements.into_iter().find(meets)?;
        rest.strip_prefix('.').map_or(Some(element), |rest| self.inside(element, rest))
    }

    fn open(&self, object: &'a str) -> Option<Rc<Members<'a>>> {
        let place = object.as_ptr();
        if let Some((_, members)) = self.opened.borrow().iter().find(|(at, _)| *at == place) {
            return Some(Rc::clone(members));
        }
        let members = Rc::new(json::members(object)?);
        self.opened.borrow_mut().push((place, Rc::clone(&members)));
        Some(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_into_objects_arrays_and_named_elements() {
        let text =
            r#"{"a":{"b":{"c":"x"},"d.e":1},"list":[{"Name":"one","v":[1,2]},{"name":"Two","v":"2"}],"t":"[1]"}"#;
        let tree = Tree::new(Rc::new(json::members(text).unwrap()), Vec::new());
        for (path, expect) in [
            ("a.b.c", Some("x")),
            ("a.d.e", Some("1")),
            ("list.0.Name", Some("one")),
            ("list.0.v.1", Some("2")),
            ("list[Name=ONE].v.0", Some("1")),
            ("list[name=two].v", Some("2")),
            ("list[name=three].v", None),
            ("list.5", None),
            ("list[name", None),
            ("t[x=1]", None),
            ("a.b.c.d", None),
            ("a[b=c]", None),
        ] {
            assert_eq!(tree.value(path).as_deref(), expect, "{path}");
        }
    }

    #[test]
    fn what_is_inside_goes_before_what_is_around_and_an_element_before_its_array() {
        let (inner, outer) = (r#"{"id":1,"list":[{"v":1},{"v":2}]}"#, r#"{"id":2,"time":3}"#);
        let mut tree = Tree::new(Rc::new(json::members(inner).unwrap()), json::members(outer).unwrap());
        assert_eq!((tree.value("id").as_deref(), tree.value("time").as_deref()), (Some("1"), Some("3")));
        let last = tree.elements("list").unwrap()[1];
        tree.stand_at("list", last);
        assert_eq!(tree.value("list.v").as_deref(), Some("2"));
        let top: Vec<_> = tree.top().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(top, ["id=1", r#"list={"v":2}"#, "envelope.id=2", "time=3"]);
    }
}
