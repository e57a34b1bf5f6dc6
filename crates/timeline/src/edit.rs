//! What a person says about the intruder: yes to this mark, no to that, and one more.

use stanch_model::{Identity, IdentityKind, Intruder, Verdict, Window};

/// Why an edit of the intruder was not made. Nothing was changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such identity.
    #[error(
        "there is no {kind} {value:?} among the proposed identities; `stanch intruder` lists them, `stanch intruder add` adds one"
    )]
    NotThere {
        /// The kind asked for.
        kind: IdentityKind,
        /// The value asked for.
        value: String,
    },
    /// It is there already.
    #[error("the {kind} {value:?} is there already; `stanch intruder confirm` takes it")]
    ThereAlready {
        /// The kind.
        kind: IdentityKind,
        /// The value.
        value: String,
    },
    /// An address that is none.
    #[error("{value:?} is not an IP address")]
    NotAnAddress {
        /// What was given.
        value: String,
    },
    /// Nothing to go by.
    #[error("an identity needs a value")]
    Empty,
    /// A window that ends before it begins.
    #[error("the window ends before it begins; give the earlier moment first")]
    Backwards,
}

/// Takes every identity of that kind and value as the intruder's. Returns how many there were (one per presence).
///
/// # Errors
/// If there is none.
pub fn confirm(intruder: &mut Intruder, kind: IdentityKind, value: &str, by: &str) -> Result<usize, EditError> {
    say(intruder, kind, value, Verdict::Confirmed, by)
}

/// Says that no identity of that kind and value is the intruder. Returns how many there were.
///
/// # Errors
/// If there is none.
pub fn reject(intruder: &mut Intruder, kind: IdentityKind, value: &str, by: &str) -> Result<usize, EditError> {
    say(intruder, kind, value, Verdict::Rejected, by)
}

/// Adds an identity that no detection proposes, confirmed by whoever adds it, and keeps the order. Empty `only_from` means
/// from anywhere.
///
/// # Errors
/// If the value is empty or no address where there must be one, the window is backwards, or the same value is there with a window that
/// overlaps.
pub fn add(
    intruder: &mut Intruder,
    kind: IdentityKind,
    value: &str,
    only_from: &[String],
    window: Window,
    reason: &str,
    by: &str,
) -> Result<(), EditError> {
    if value.is_empty() {
        return Err(EditError::Empty);
    }
    let addresses = only_from.iter().map(String::as_str).chain((kind == IdentityKind::Address).then_some(value));
    if let Some(wrong) = addresses.into_iter().find(|a| a.parse::<std::net::IpAddr>().is_err()) {
        return Err(EditError::NotAnAddress { value: wrong.to_owned() });
    }
    if window.to < window.from {
        return Err(EditError::Backwards);
    }
    let same = |i: &Identity| i.kind == kind && i.value == value && i.window.overlaps(&window);
    if intruder.identities.iter().any(same) {
        return Err(EditError::ThereAlready { kind, value: value.to_owned() });
    }
    let mut only_from = only_from.to_vec();
    only_from.sort();
    only_from.dedup();
    intruder.identities.push(Identity {
        kind,
        value: value.to_owned(),
        only_from,
        window,
        confidence: 1.0,
        reasons: vec![reason.to_owned()],
        verdict: Verdict::Confirmed,
        by: Some(by.to_owned()),
    });
    intruder.identities.sort_by(|a, b| (a.kind, &a.value, a.window).cmp(&(b.kind, &b.value, b.window)));
    Ok(())
}

fn say(
    intruder: &mut Intruder,
    kind: IdentityKind,
    value: &str,
    verdict: Verdict,
    by: &str,
) -> Result<usize, EditError> {
    let mut found = 0;
    for identity in intruder.identities.iter_mut().filter(|i| i.kind == kind && i.value == value) {
        identity.verdict = verdict;
        identity.by = Some(by.to_owned());
        found += 1;
    }
    if found == 0 { Err(EditError::NotThere { kind, value: value.to_owned() }) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_model::Instant;

    #[test]
    fn a_person_adds_confirms_and_rejects() {
        let mut intruder = Intruder::default();
        let kind = IdentityKind::Address;
        add(&mut intruder, kind, "192.0.2.9", &[], Window::ALWAYS, "seen in the firewall", "R. Ito").unwrap();
        add(&mut intruder, kind, "192.0.2.7", &[], Window::ALWAYS, "the same", "R. Ito").unwrap();
        assert_eq!(intruder.identities[0].value, "192.0.2.7");
        assert_eq!(reject(&mut intruder, kind, "192.0.2.7", "R. Ito"), Ok(1));
        assert_eq!(confirm(&mut intruder, kind, "192.0.2.7", "R. Ito"), Ok(1));
        assert_eq!(intruder.confirmed().count(), 2);
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_hint() {
        let mut intruder = Intruder::default();
        let address = IdentityKind::Address;
        let mut try_add =
            |value: &str, window| add(&mut intruder, address, value, &[], window, "r", "me").map_err(|e| e.to_string());
        assert_eq!(try_add("192.0.2.7", Window::ALWAYS), Ok(()));
        let errors = [
            try_add("192.0.2.7", Window::ALWAYS),
            try_add("not-an-ip", Window::ALWAYS),
            try_add("", Window::ALWAYS),
            try_add("192.0.2.8", Window { from: Instant(2), to: Instant(1) }),
            confirm(&mut intruder, address, "192.0.2.99", "me").map(drop).map_err(|e| e.to_string()),
        ];
        insta::assert_snapshot!(errors.map(Result::unwrap_err).join("\n"), @r#"
        the address "192.0.2.7" is there already; `stanch intruder confirm` takes it
        "not-an-ip" is not an IP address
        an identity needs a value
        the window ends before it begins; give the earlier moment first
        there is no address "192.0.2.99" among the proposed identities; `stanch intruder` lists them, `stanch intruder add` adds one
        "#);
    }
}
