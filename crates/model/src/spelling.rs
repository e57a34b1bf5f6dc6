//! What somebody probably meant who wrote a word that is not known.

/// The candidate nearest to `word`, if one is near enough to be a slip of the pen: at most a third of its letters
/// changed, dropped, added or swapped. Of equally near ones the first in order of spelling.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let near_enough = (lower.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|c| (edits(&lower, &c.to_lowercase()), c))
        .min()
        .filter(|(distance, _)| *distance <= near_enough)
        .map(|(_, c)| c)
}

/// How many single-letter changes lead from one word to the other; two neighbours swapped count once.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_foreign_word_finds_none() {
        let words = ["time_zone", "taken_at", "platform", "name"];
        assert_eq!(nearest("timezone", words), Some("time_zone"));
        assert_eq!(nearest("plaftorm", words), Some("platform"));
        assert_eq!(nearest("Name", words), Some("name"));
        assert_eq!(nearest("colour", words), None);
        assert_eq!(nearest("", words), None);
    }
}
