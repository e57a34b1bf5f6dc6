//! What every number lacks: said beside the numbers, since a list of doubts is read last.

use stanch_model::exposure::{Doubt, INCOMPLETE_EVIDENCE, INCOMPLETE_SNAPSHOT, Matrix};

/// What the numbers of a matrix lack, a sentence each; nothing where all that was handed over was read.
pub fn lacking(matrix: &Matrix) -> Vec<&'static str> {
    let mut sentences = Vec::new();
    if matrix.lacks_people() {
        sentences.push(
            "The store’s data was not read whole: people may be missing from every number, from the ceiling too.",
        );
    }
    if lacks(matrix, INCOMPLETE_EVIDENCE) {
        sentences.push(
            "Some evidence is not whole: acts of the intruder may be missing, so that everybody counts as possible.",
        );
    }
    sentences
}

/// Whether the matrix has doubts of that kind.
pub(crate) fn lacks(matrix: &Matrix, kind: &str) -> bool {
    matrix.doubts.iter().any(|d| d.kind == kind)
}

/// Whether the doubt is one of those that no ceiling covers.
pub(crate) fn is_lack(doubt: &Doubt) -> bool {
    matches!(doubt.kind.as_str(), INCOMPLETE_SNAPSHOT | INCOMPLETE_EVIDENCE)
}
