//! The confirmed identities, found by value, since an intruder may have thousands of sessions.

use stanch_lake::EventRow;
use stanch_model::{Identity, IdentityKind, Intruder};
use std::collections::HashMap;

/// The intruder's marks by kind and value.
#[derive(Debug)]
pub(crate) struct Claims<'a> {
    by_kind: Vec<(IdentityKind, HashMap<&'a str, Vec<&'a Identity>>)>,
}

impl<'a> Claims<'a> {
    pub(crate) fn new(intruder: &'a Intruder) -> Claims<'a> {
        let mut by_kind: Vec<(IdentityKind, HashMap<&str, Vec<&Identity>>)> = Vec::new();
        for identity in intruder.confirmed() {
            let at = by_kind.iter().position(|(kind, _)| *kind == identity.kind).unwrap_or_else(|| {
                by_kind.push((identity.kind, HashMap::new()));
                by_kind.len() - 1
            });
            by_kind[at].1.entry(identity.value.as_str()).or_default().push(identity);
        }
        Claims { by_kind }
    }

    /// Whether the event is the intruder's; the same answer as [`Intruder::claims`].
    pub(crate) fn claim(&self, row: &EventRow<'_>) -> bool {
        self.by_kind.iter().any(|(kind, by_value)| {
            row.text_of(kind.field())
                .and_then(|value| by_value.get(value))
                .is_some_and(|identities| identities.iter().any(|i| i.claims(row)))
        })
    }
}
