//! English names of places by their ISO code, from `data/places.tsv`.

/// `DE` → `Germany`, `US-CA` → `California`; a code that is not in the list stands for itself.
pub(crate) fn name(code: &str) -> &str {
    include_str!("../data/places.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .find(|(known, _)| *known == code)
        .map_or(code, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_states_and_the_unlisted_have_names() {
        assert_eq!(
            [name("DE"), name("US-CA"), name("GB"), name("XX")],
            ["Germany", "California", "United Kingdom", "XX"]
        );
    }
}
