//! Bound parameters, as DETAIL and CONTEXT say them.

use crate::json;
use crate::postgres::words::Words;

/// What begins the line of a CONTEXT that has parameters.
const PORTALS: [&str; 3] = ["unnamed portal with", "portal \"", "extended query"];
/// Lines of a context that are looked at because they begin like that, each to the context's end.
const TRIES_MAX: u32 = 64;

/// The parameters of a DETAIL, as a JSON array into `out`. False, and nothing written, if it is something else, or if
/// they are cut off. `translated` is room for a DETAIL in another language.
pub(crate) fn of_detail(detail: &str, words: &Words, translated: &mut String, out: &mut String) -> bool {
    if detail.is_empty() {
        return false;
    }
    let list = |text: &'_ str| {
        let rest = text.strip_prefix(['p', 'P'])?.strip_prefix("arameters: ")?;
        rest.starts_with('$').then_some(text.len() - rest.len())
    };
    if let Some(at) = list(detail) {
        return parameter_list(&detail[at..], out);
    }
    if !detail.contains("$1 = ") || !words.translate(detail, translated) {
        return false;
    }
    list(translated).is_some_and(|at| parameter_list(&translated[at..], out))
}

/// The parameters of a CONTEXT, which the server writes last.
pub(crate) fn of_context(context: &str, words: &Words, translated: &mut String, out: &mut String) -> bool {
    if context.is_empty() || !context.contains("$1 = ") {
        return false;
    }
    let (mut from, mut tries) = (context.len(), TRIES_MAX);
    loop {
        // Backwards from line to line.
        let start = context[..from].rfind('\n').map_or(0, |at| at + 1);
        let text = &context[start..];
        let (is_portal, is_foreign) = (is_portal(text), words.may_translate(text));
        if is_portal && portal(text, out) {
            return true;
        }
        if is_foreign && words.translate(text, translated) && portal(translated, out) {
            return true;
        }
        tries -= u32::from(is_portal || is_foreign);
        if start == 0 || tries == 0 {
            return false;
        }
        from = start - 1;
    }
}

fn is_portal(text: &str) -> bool {
    PORTALS.iter().any(|p| text.starts_with(p))
}

fn portal(text: &str, out: &mut String) -> bool {
    is_portal(text)
        && text.find(" with parameters: $").is_some_and(|at| {
            let list = at + " with parameters: ".len();
            parameter_list(&text[list..], out)
        })
}

/// `$1 = 'x', $2 = NULL` to JSON. A query's parameters stand in auto_explain's plans too.
pub(crate) fn parameter_list(text: &str, out: &mut String) -> bool {
    let start = out.len();
    let read = read_list(text, out).is_some();
    if !read {
        out.truncate(start);
    }
    read
}

fn read_list(mut rest: &str, out: &mut String) -> Option<()> {
    out.push('[');
    let mut number = 1u32;
    let mut value = String::new();
    loop {
        let digits = rest.strip_prefix('$')?;
        let end = digits.find(|c: char| !c.is_ascii_digit())?;
        if digits[..end].parse() != Ok(number) {
            return None;
        }
        rest = digits[end..].strip_prefix(" = ")?;
        if number > 1 {
            out.push(',');
        }
        if let Some(after) = rest.strip_prefix("NULL") {
            out.push_str("null");
            rest = after;
        } else {
            rest = rest.strip_prefix('\'')?;
            value.clear();
            loop {
                let (part, after) = rest.split_once('\'')?;
                value.push_str(part);
                match after.strip_prefix('\'') {
                    Some(after) => {
                        value.push('\'');
                        rest = after;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
            json::push_string(out, &value);
        }
        match rest.strip_prefix(", ") {
            Some(after) => rest = after,
            None => break,
        }
        number += 1;
    }
    out.push(']');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use stanch_packs::Packs;
    use std::sync::LazyLock;

    fn words() -> &'static Words {
        static WORDS: LazyLock<Words> = LazyLock::new(|| Words::load(&Packs::shipped()).unwrap());
        &WORDS
    }

    #[test]
    fn parameters_become_json_with_quotes_and_nulls_as_they_were() {
        for (detail, expect) in [
            ("Parameters: $1 = 'O''Brien\n x', $2 = NULL, $3 = ''", r#"["O'Brien\n x",null,""]"#),
            ("parameters: $1 = '7'", r#"["7"]"#),
            ("Parameter: $1 = '7', $2 = 'a, $3 = b'", r#"["7","a, $3 = b"]"#),
            ("parameters: $1 = 'cut", ""),
            ("Failing row contains (1, parameters: $1 = 'x').", ""),
            ("", ""),
        ] {
            let mut out = String::new();
            assert_eq!(of_detail(detail, words(), &mut String::new(), &mut out), !expect.is_empty(), "{detail}");
            assert_eq!(out, expect);
        }
    }

    #[test]
    fn the_context_of_an_error_has_them_in_its_last_line() {
        for (context, expect) in [
            ("unnamed portal with parameters: $1 = 'a', $2 = NULL", r#"["a",null]"#),
            ("PL/pgSQL function f() line 3\nportal \"c1\" with parameters: $1 = 'a\nb'", r#"["a\nb"]"#),
            ("extended query \"q\" with parameters: $1 = 'a'", r#"["a"]"#),
            ("unbenanntes Portal mit Parametern: $1 = 'a'", r#"["a"]"#),
            ("SQL statement \"select 'unnamed portal with parameters: $1 = 'x''\"", ""),
        ] {
            let mut out = String::new();
            assert_eq!(of_context(context, words(), &mut String::new(), &mut out), !expect.is_empty(), "{context}");
            assert_eq!(out, expect);
        }
    }

    #[test]
    fn a_context_full_of_portals_is_looked_through_in_bounded_time() {
        let context = format!("{}$1 = ", "portal \"\n".repeat(400_000));
        assert!(!of_context(&context, words(), &mut String::new(), &mut String::new()));
    }

    proptest! {
        #[test]
        fn what_the_server_writes_reads_back(values in prop::collection::vec(prop::option::of("[a', $=\n12é]{0,8}"), 1..12)) {
            let written = values.iter().enumerate().map(|(i, v)| match v {
                Some(v) => format!("${} = '{}'", i + 1, v.replace('\'', "''")),
                None => format!("${} = NULL", i + 1),
            });
            let detail = format!("Parameters: {}", written.collect::<Vec<_>>().join(", "));
            let mut out = String::new();
            prop_assert!(of_detail(&detail, words(), &mut String::new(), &mut out));
            prop_assert_eq!(serde_json::from_str::<Vec<Option<String>>>(&out).unwrap(), values);
        }

        #[test]
        fn no_text_makes_it_panic(head in "(parameters: |Parameter: |portal \"|unnamed portal with parameters: )(\\$1 = )?", text in "[$1 ='\nNUL,é]{0,40}") {
            let mut out = String::new();
            let text = format!("{head}{text}");
            let had = of_detail(&text, words(), &mut String::new(), &mut out);
            prop_assert_eq!(had, !out.is_empty());
            out.clear();
            let had = of_context(&text, words(), &mut String::new(), &mut out);
            prop_assert_eq!(had, !out.is_empty());
        }
    }
}
