//! One line of the audit log: its head, and its fields one by one.

use std::borrow::Cow;

/// What stands before a record's own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    /// The machine, where logs of several are put together.
    pub(crate) node: &'a str,
    /// The record's type: `SYSCALL`.
    pub(crate) kind: &'a str,
    /// Seconds since 1970 with a fraction.
    pub(crate) time: &'a str,
    pub(crate) serial: u64,
    pub(crate) body: &'a str,
}

/// The head of a line, if it is an audit record.
pub(crate) fn head(line: &str) -> Option<Head<'_>> {
    let (node, rest) = match line.strip_prefix("node=") {
        Some(rest) => rest.split_once(' ')?,
        None => ("", line),
    };
    let (kind, rest) = rest.strip_prefix("type=")?.split_once(" msg=audit(")?;
    let (stamp, rest) = rest.split_once(')')?;
    let (time, serial) = stamp.rsplit_once(':')?;
    let is_kind = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'[' | b']');
    if kind.is_empty() || !kind.bytes().all(is_kind) {
        return None;
    }
    let body = rest.strip_prefix(':').unwrap_or(rest);
    Some(Head { node, kind, time, serial: serial.parse().ok()?, body })
}

/// Who wrote a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The kernel: it can be trusted.
    Kernel,
    /// The program that sent the record, inside `msg='…'`.
    Program,
    /// The audit daemon, which adds names for numbers under the keys in capitals.
    Daemon,
}

/// One field as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written<'a> {
    pub(crate) by: By,
    pub(crate) key: Cow<'a, str>,
    pub(crate) value: &'a str,
    /// Unquoted values of some keys are hexadecimal.
    pub(crate) quoted: bool,
}

/// Hands out each field of a record's body; words that belong to no field go to `words`.
pub(crate) fn fields<'a>(body: &'a str, words: &mut String, mut each: impl FnMut(Written<'a>)) {
    // Neither quote nor separator can be in a value that the kernel or a program escapes, but both can be in one that
    // a program does not. The kernel's own fields stand before the message, the daemon's behind it.
    let (body, added) = body.rsplit_once('\u{1d}').unwrap_or((body, ""));
    match body.find("msg='") {
        Some(at) if at == 0 || body[..at].ends_with(' ') => {
            let inner = &body[at + 5..];
            let end = inner.rfind('\'').unwrap_or(inner.len());
            tokens(&body[..at], By::Kernel, words, &mut each);
            tokens(&inner[..end], By::Program, words, &mut each);
            tokens(inner.get(end + 1..).unwrap_or(""), By::Daemon, words, &mut each);
        }
        _ => tokens(body, By::Kernel, words, &mut each),
    }
    tokens(added, By::Daemon, words, &mut each);
}

fn tokens<'a>(text: &'a str, by: By, words: &mut String, each: &mut impl FnMut(Written<'a>)) {
    let b = text.as_bytes();
    let (mut at, mut before) = (0, "");
    loop {
        while at < b.len() && matches!(b[at], b' ' | b',' | b'\t') {
            at += 1;
        }
        let in_brackets = b.get(at) == Some(&b'(');
        while at < b.len() && b[at] == b'(' {
            at += 1;
        }
        if at >= b.len() {
            return;
        }
        let end = memchr::memchr2(b'=', b' ', &b[at..]).map_or(b.len(), |found| at + found);
        if end == at || b.get(end) != Some(&b'=') {
            // A word alone, or an equals sign without a name.
            let end = end.max(at + 1);
            let word = &text[at..end];
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word.trim_end_matches(','));
            (at, before) = (end, word);
            continue;
        }
        let (key, (value, quoted, behind)) = (&text[at..end], value(text, end + 1, in_brackets));
        // `old auid=4294967295 new auid=0`, as old kernels wrote it.
        let key = match before {
            "old" | "new" => Cow::Owned(format!("{before}_{key}")),
            _ => Cow::Borrowed(key),
        };
        each(Written { by, key, value, quoted });
        (at, before) = (behind, "");
    }
}

/// The value that begins at a place, whether it stood in quotes, and where it has ended.
fn value(text: &str, at: usize, in_brackets: bool) -> (&str, bool, usize) {
    let b = text.as_bytes();
    let close = match b.get(at) {
        Some(b'"') => Some(b'"'),
        Some(b'{') => Some(b'}'),
        _ => None,
    };
    if let Some(length) = close.and_then(|close| memchr::memchr(close, &b[at + 1..])) {
        let inner = &text[at + 1..at + 1 + length];
        return (if b[at] == b'{' { inner.trim() } else { inner }, true, at + length + 2);
    }
    let end = memchr::memchr(b' ', &b[at..]).map_or(b.len(), |found| at + found);
    let value = text[at..end].trim_end_matches([',', '"']);
    // `(hostname=?, addr=?, terminal=cron res=success)`; but `(none)` is a value.
    let value =
        if value.ends_with(')') && (in_brackets || !value.contains('(')) { value.trim_end_matches(')') } else { value };
    (value, false, end)
}

/// What an unquoted value means that may be hexadecimal: the bytes that it stands for.
pub(crate) fn unescaped(value: &str) -> Cow<'_, str> {
    match bytes(value) {
        Some(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        None => Cow::Borrowed(value),
    }
}

/// The bytes of a text in capital hexadecimal digits, as the audit system writes them.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    };
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(body: &str) -> (Vec<(By, String, String)>, String) {
        let (mut words, mut found) = (String::new(), Vec::new());
        fields(body, &mut words, |f| found.push((f.by, f.key.into_owned(), f.value.to_owned())));
        (found, words)
    }

    fn of(found: &[(By, String, String)], by: By, key: &str) -> Option<String> {
        found.iter().find(|(b, k, _)| *b == by && k == key).map(|(.., v)| v.clone())
    }

    #[test]
    fn a_head_comes_apart_with_and_without_a_node() {
        let h = head("node=web1 type=SYSCALL msg=audit(1772486045.123:77): arch=c000003e").unwrap();
        assert_eq!((h.node, h.kind, h.time, h.serial), ("web1", "SYSCALL", "1772486045.123", 77));
        assert_eq!(h.body.trim(), "arch=c000003e");
        let h = head("type=DAEMON_CONFIG msg=audit(1772486045.123:7) config changed, auid=0").unwrap();
        assert_eq!(h.body, " config changed, auid=0");
        for no in
            ["", "type=X", "type=X msg=audit(1:2", "type=X msg=audit(1.2:x): a=b", "x type=X msg=audit(1.2:3): a=b"]
        {
            assert_eq!(head(no), None, "{no}");
        }
    }

    #[test]
    fn kernel_program_and_daemon_are_told_apart() {
        let (found, _) = read(
            "pid=9 uid=0 auid=1000 msg='op=login acct=\"o'neil' uid=7\" exe=\"/usr/sbin/sshd\" res=failed'\u{1d}UID=\"root\" SADDR={ saddr_fam=inet laddr=192.0.2.1 }",
        );
        assert_eq!(of(&found, By::Kernel, "uid").as_deref(), Some("0"));
        assert_eq!(of(&found, By::Program, "acct").as_deref(), Some("o'neil' uid=7"));
        assert_eq!(of(&found, By::Program, "res").as_deref(), Some("failed"));
        assert_eq!(of(&found, By::Daemon, "UID").as_deref(), Some("root"));
        assert_eq!(of(&found, By::Daemon, "SADDR").as_deref(), Some("saddr_fam=inet laddr=192.0.2.1"));
    }

    #[test]
    fn old_writings_are_understood() {
        let (found, words) = read("avc:  denied  { read } for  pid=1 comm=\"x\" old auid=4 new auid=0");
        assert_eq!(words, "avc: denied { read } for old new");
        assert_eq!(of(&found, By::Kernel, "new_auid").as_deref(), Some("0"));
        let (found, words) =
            read("msg='PAM: session open acct=root : exe=\"/x\" (hostname=?, addr=192.0.2.9, res=success)'");
        assert_eq!(of(&found, By::Program, "addr").as_deref(), Some("192.0.2.9"));
        assert_eq!(of(&found, By::Program, "res").as_deref(), Some("success"));
        assert_eq!(words, "PAM: session open :");
    }

    #[test]
    fn only_capital_hexadecimal_is_unescaped() {
        assert_eq!(unescaped("2F746D702F612062"), "/tmp/a b");
        assert_eq!(unescaped("root"), "root");
        assert_eq!(unescaped("ABC"), "ABC");
        assert_eq!(unescaped("FF"), "\u{fffd}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_hang(text in "[a-z=\"'(){},\u{1d} é:]{0,60}") {
            let _ = read(&text);
            let _ = head(&format!("type=A msg=audit({text}"));
        }
    }
}
