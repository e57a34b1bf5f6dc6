//! JSON objects, one a line: their members as slices of the line, and the writing of `unmapped`.

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt::{self, Write};

/// An object's members: keys, and values as they stand.
pub(crate) type Members<'a> = Vec<(Cow<'a, str>, &'a str)>;

/// The members of a JSON object in their order, values unread. Nothing if the text is not one whole object.
pub(crate) fn members(text: &str) -> Option<Members<'_>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(MembersVisitor).ok()?;
    reader.end().ok()?;
    Some(members)
}

/// The items of a JSON list, unread. Nothing if the text is not one whole list.
pub(crate) fn items(text: &str) -> Option<Vec<&str>> {
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(items.into_iter().map(RawValue::get).collect())
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(16);
        while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            members.push((key, value.get()));
        }
        Ok(members)
    }
}

struct Key<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, s: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(s)))
            }
            fn visit_str<E>(self, s: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(s.to_owned())))
            }
        }
        d.deserialize_str(Text)
    }
}

/// A value as text: strings unescaped, numbers and the rest as they stand; `null` is nothing.
pub(crate) fn text(raw: &str) -> Option<Cow<'_, str>> {
    if raw == "null" {
        return None;
    }
    let Some(inner) = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')) else { return Some(Cow::Borrowed(raw)) };
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    match serde_json::from_str::<String>(raw) {
        Ok(s) => Some(Cow::Owned(s)),
        // A lone surrogate: valid JSON text, no character. Vec<stanch_model::EventBatch> as it stands.
        Err(_) => Some(Cow::Borrowed(inner)),
    }
}

/// Whether a value says nothing.
pub(crate) fn is_empty(raw: &str) -> bool {
    matches!(raw, "null" | "\"\"" | "{}" | "[]" | "\"-\"")
}

/// The elements of a JSON array, values unread.
pub(crate) fn elements(text: &str) -> Option<Vec<&str>> {
    let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(elements.into_iter().map(RawValue::get).collect())
}

/// What stands between the quotes of a JSON string, unescaped; as it stands if that cannot be done.
pub(crate) fn unescaped(inner: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    match serde_json::from_str::<String>(&format!("\"{inner}\"")) {
        Ok(text) => Cow::Owned(text),
        Err(_) => crate::reader::access::unescaped(inner),
    }
}

/// What a server meant that wrote an object by hand: bytes escaped in its own way (`\x22`) inside strings, a lone `-` or
/// nothing where a number was not there. Nothing if the text has neither.
pub(crate) fn repaired(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len() + 16);
    let (mut at, mut copied, mut in_string, mut is_changed) = (0, 0, false, false);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => in_string = !in_string,
            b'\\' if in_string && matches!(bytes.get(at + 1), Some(b'x' | b'v')) => {
                let end = escapes_end(bytes, at);
                out.push_str(&text[copied..at]);
                let mut quoted = String::new();
                push_string(&mut quoted, &crate::reader::access::unescaped(&text[at..end]));
                out.push_str(&quoted[1..quoted.len() - 1]);
                (copied, is_changed) = (end, true);
                at = end;
                continue;
            }
            b'\\' if in_string => at += 1,
            b':' if !in_string => {
                let after = text[at + 1..].trim_start();
                let none = after.strip_prefix('-').unwrap_or(after).trim_start();
                if none.starts_with([',', '}']) {
                    out.push_str(&text[copied..=at]);
                    out.push_str("null");
                    at = text.len() - none.len();
                    (copied, is_changed) = (at, true);
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    out.push_str(&text[copied..]);
    is_changed.then_some(out)
}

/// Where a run of `\xHH` and `\v` ends; at least one backslash and what follows it.
fn escapes_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        at += match bytes.get(at..at + 4) {
            Some([b'\\', b'x', a, b]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => 4,
            _ if bytes.get(at..at + 2) == Some(b"\\v") => 2,
            _ => break,
        };
    }
    // `\x` with no number behind it: the backslash alone.
    if at == from { from + 1 } else { at }
}

/// The value under a path whose dots go into objects, and with a number into arrays: `headers.User-Agent.0`. A key
/// that holds the dots itself comes first.
pub(crate) fn at_path<'a>(members: &[(Cow<'a, str>, &'a str)], path: &str) -> Option<&'a str> {
    if let Some((_, value)) = members.iter().find(|(key, _)| key == path) {
        return Some(value);
    }
    path.match_indices('.').find_map(|(dot, _)| {
        let (_, value) = members.iter().find(|(key, _)| *key == path[..dot])?;
        inside(value, &path[dot + 1..])
    })
}

/// The value under a path inside an object or array.
fn inside<'a>(value: &'a str, path: &str) -> Option<&'a str> {
    match value.as_bytes().first()? {
        b'{' => at_path(&members(value)?, path),
        b'[' => {
            let (number, rest) = path.split_once('.').map_or((path, None), |(number, rest)| (number, Some(rest)));
            let element = *elements(value)?.get(number.parse::<usize>().ok()?)?;
            rest.map_or(Some(element), |rest| inside(element, rest))
        }
        _ => None,
    }
}

/// Appends `"name":"value"` to an object's members.
pub(crate) fn push_member(out: &mut String, name: &str, value: &str) {
    key(out, name);
    push_string(out, value);
}

/// Appends `"name":value`, the value being JSON already.
pub(crate) fn push_member_raw(out: &mut String, name: &str, value: &str) {
    key(out, name);
    out.push_str(value);
}

/// Appends `"name":value`, the value a number where it is written as one, else a string.
pub(crate) fn push_member_plain(out: &mut String, name: &str, value: &str) {
    if is_number(value) { push_member_raw(out, name, value) } else { push_member(out, name, value) }
}

/// Whether a text is a number as JSON writes them.
pub(crate) fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && text.ends_with(|c: char| c.is_ascii_digit())
        && serde_json::from_str::<&RawValue>(text).is_ok()
}

fn key(out: &mut String, name: &str) {
    if !out.is_empty() {
        out.push(',');
    }
    push_string(out, name);
    out.push(':');
}

/// Appends a JSON string.
pub(crate) fn push_string(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    let mut from = 0;
    for (at, b) in text.bytes().enumerate() {
        if b >= 0x20 && b != b'"' && b != b'\\' {
            continue;
        }
        out.push_str(&text[from..at]);
        from = at + 1;
        match b {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => {
                out.push_str("\\u00");
                out.push(char::from(HEX[usize::from(b >> 4)]));
                out.push(char::from(HEX[usize::from(b & 15)]));
            }
        }
    }
    out.push_str(&text[from..]);
    out.push('"');
}

/// An object whose members are written one after the other, each into the room of the last.
#[derive(Debug, Default)]
pub(crate) struct Object(String);

impl Object {
    /// Begins anew.
    pub(crate) fn begin(&mut self) {
        self.0.clear();
        self.0.push('{');
    }

    /// Writes a member's name; its value is to be written behind it, as JSON.
    pub(crate) fn name(&mut self, name: &str) -> &mut String {
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        push_string(&mut self.0, name);
        self.0.push(':');
        &mut self.0
    }

    /// A member whose value is text.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        push_string(self.name(name), value);
    }

    /// A member whose value is written as it stands: a number, `true`, JSON.
    pub(crate) fn raw(&mut self, name: &str, value: impl fmt::Display) {
        let _ = write!(self.name(name), "{value}");
    }

    /// Whether it is still of a size that goes with one event.
    pub(crate) fn has_room(&self) -> bool {
        self.0.len() < 64 << 10
    }

    /// Ends it. Nothing if it has no member.
    pub(crate) fn finish(&mut self) -> Option<&str> {
        if self.0.len() < 2 {
            return None;
        }
        self.0.push('}');
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_come_as_slices_and_paths_go_into_objects() {
        let m = members(r#"{"a":1,"b":{"c":{"d":"x\"y"}},"e.f":null}"#).unwrap();
        assert_eq!(at_path(&m, "a"), Some("1"));
        assert_eq!(at_path(&m, "b.c.d").and_then(text).as_deref(), Some("x\"y"));
        assert_eq!(at_path(&m, "e.f").and_then(text), None);
        assert_eq!(at_path(&m, "b.x"), None);
        let m = members(r#"{"a":["x",{"b":[1,2]}],"c":"[1]"}"#).unwrap();
        assert_eq!(at_path(&m, "a.0"), Some(r#""x""#));
        assert_eq!(at_path(&m, "a.1.b.1"), Some("2"));
        assert_eq!((at_path(&m, "a.2"), at_path(&m, "a.x"), at_path(&m, "c.0")), (None, None, None));
        assert!(members("[1]").is_none() && members(r#"{"a":1} x"#).is_none() && members("{").is_none());
    }

    #[test]
    fn what_a_server_wrote_by_hand_is_made_whole() {
        let repair = |text| {
            repaired(text).and_then(|t| {
                members(&t)
                    .map(|m| m.iter().filter_map(|(_, raw)| super::text(raw).map(Cow::into_owned)).collect::<Vec<_>>())
            })
        };
        assert_eq!(repair(r#"{"a":"x\x22\xc3\xa9","b":-,"c": ,"d":2}"#).unwrap(), ["x\"é", "2"]);
        assert_eq!(repair(r#"{"a":"\xzz\\x41:,"}"#).unwrap(), [r"\xzz\x41:,"]);
        assert_eq!(repaired(r#"{"a":"b:,"}"#), None);
        assert_eq!(repair(r#"{"a":"\x"#), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_repair_panic(text in "[{}\":,x\\\\0-9é -]{0,40}") {
            let _ = repaired(&text);
        }

        #[test]
        fn what_is_written_reads_back(name in "\\PC{0,10}", value in any::<String>()) {
            let mut out = String::new();
            push_member(&mut out, &name, &value);
            let object = format!("{{{out}}}");
            let m = members(&object).unwrap();
            prop_assert_eq!(m[0].0.as_ref(), name.as_str());
            prop_assert_eq!(text(m[0].1).unwrap(), value);
        }
    }
}
