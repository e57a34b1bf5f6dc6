//! YAML text to a value, strictly and within limits; errors with place and hint.

use crate::error::PackError;
use serde::de::DeserializeOwned;
use serde_saphyr::{DefaultMessageFormatter, DuplicateKeyPolicy, Error, MergeKeyPolicy, MessageFormatter, Options};
use stanch_model::spelling::nearest;

/// Reads one pack's text. `file` is only for messages. Unknown keys are refused where `T` denies them.
///
/// # Errors
/// If the text is not YAML, breaks a limit, or is not of that shape.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, PackError> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|e| explain(file, &e))
}

/// Facts kept by hand need no anchors to speak of, no merging, no great depth; whatever does is a bomb or a mistake.
fn options() -> Options {
    let mut alias_limits = Options::default().alias_limits;
    alias_limits.max_total_replayed_events = 20_000;
    alias_limits.max_replay_stack_depth = 8;
    alias_limits.max_alias_expansions_per_anchor = 200;
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 64,
            max_nodes: 500_000,
            max_events: 1_000_000,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_documents: 1,
            max_total_scalar_bytes: 16 << 20,
        },
        alias_limits: alias_limits,
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn explain(file: &str, error: &Error) -> PackError {
    let error = innermost(error);
    let explained = PackError::new(file, message(error));
    let explained = match error.location() {
        Some(place) if place.line() > 0 => explained.at(place.line(), place.column().max(1)),
        _ => explained,
    };
    match hint(error) {
        Some(hint) => explained.with_hint(hint),
        None => explained,
    }
}

fn innermost(error: &Error) -> &Error {
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => innermost(error),
        other => other,
    }
}

fn message(error: &Error) -> String {
    match error {
        Error::SerdeUnknownField { field, .. } => format!("unknown key `{field}`"),
        Error::SerdeMissingField { field, .. } => format!("the key `{field}` is missing"),
        Error::SerdeUnknownVariant { variant, .. } => format!("unknown word `{variant}`"),
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key `{key}` stands here twice"),
        Error::InvalidBooleanStrict { .. } => "neither `true` nor `false`".to_owned(),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } | Error::AliasExpansionLimitExceeded { .. } => {
            "larger or deeper than a pack may be".to_owned()
        }
        // The reader's own words, one line, control characters shown as escapes.
        other => DefaultMessageFormatter.format_message(other).chars().flat_map(shown).collect(),
    }
}

fn shown(c: char) -> Box<dyn Iterator<Item = char>> {
    if c.is_control() { Box::new(c.escape_default()) } else { Box::new(std::iter::once(c)) }
}

fn hint(error: &Error) -> Option<String> {
    match error {
        Error::SerdeUnknownField { field: word, expected, .. }
        | Error::SerdeUnknownVariant { variant: word, expected, .. } => {
            Some(match nearest(word, expected.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", expected.join(", ")),
            })
        }
        Error::MergeKeyNotAllowed { .. } => Some("write the keys out; `<<` is not used in packs".to_owned()),
        Error::MultipleDocuments { .. } => Some("one file holds one pack: take out the `---` in the middle".to_owned()),
        Error::Budget { .. } => Some("split the file, or write repeated parts out".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Law {
        title: String,
        days: u32,
        #[serde(default)]
        weekends: bool,
        #[serde(default)]
        place: Option<Place>,
        #[serde(default)]
        deeper: Vec<Law>,
    }

    #[derive(serde::Deserialize, Debug)]
    #[serde(rename_all = "snake_case")]
    enum Place {
        Germany,
        France,
    }

    fn refusal(text: &str) -> String {
        parse::<Law>("packs/laws/x.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_one() {
        insta::assert_snapshot!(refusal("title: X\ndeeper:\n  - title: Y\n    day: 3\n"), @r"
        packs/laws/x.yaml:4:5: unknown key `day`
        hint: did you mean `days`?
        ");
    }

    #[test]
    fn a_word_outside_its_vocabulary_is_refused_with_the_words() {
        insta::assert_snapshot!(refusal("title: X\ndays: 3\nplace: atlantis\n"), @r"
        packs/laws/x.yaml:3:8: unknown word `atlantis`
        hint: known here: germany, france
        ");
    }

    #[test]
    fn a_missing_key_a_wrong_type_and_a_key_twice_name_their_place() {
        insta::assert_snapshot!(refusal("title: X\n"), @"packs/laws/x.yaml:1:1: the key `days` is missing");
        insta::assert_snapshot!(refusal("title: X\ndays: many\n"), @"packs/laws/x.yaml:2:7: invalid u32");
        insta::assert_snapshot!(refusal("title: X\ndays: 3\ndays: 4\n"), @"packs/laws/x.yaml:3:1: the key `days` stands here twice");
        insta::assert_snapshot!(refusal("title: X\ndays: 3\nweekends: yes\n"), @"packs/laws/x.yaml:3:11: neither `true` nor `false`");
    }

    #[test]
    fn text_that_is_not_yaml_is_refused_with_its_place() {
        insta::assert_snapshot!(refusal("title: [X\ndays: 3\n"), @"packs/laws/x.yaml:1:8: expected string scalar");
    }

    #[test]
    fn a_yaml_bomb_is_refused() {
        let mut text = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (name, of) in ["b", "c", "d", "e", "f", "g", "h"].iter().zip(["a", "b", "c", "d", "e", "f", "g"]) {
            text.push_str(&format!("{name}: &{name} [*{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}]\n"));
        }
        let refused = parse::<std::collections::BTreeMap<String, serde::de::IgnoredAny>>("bomb.yaml", &text);
        assert!(refused.is_err());
        let deep = "[".repeat(2_000);
        assert!(parse::<serde::de::IgnoredAny>("deep.yaml", &deep).is_err());
    }
}
