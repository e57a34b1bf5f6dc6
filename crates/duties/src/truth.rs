//! Yes, no, or not known: the logic in which conditions are judged.

use stanch_model::DutyState;

/// An answer that may be unknown. Ordered, so that "and" is the least of several answers and "or" the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Truth {
    No,
    Unknown,
    Yes,
}

impl Truth {
    pub(crate) fn from_known(known: Option<bool>) -> Truth {
        known.map_or(Truth::Unknown, Truth::from)
    }

    pub(crate) fn known(self) -> Option<bool> {
        match self {
            Truth::No => Some(false),
            Truth::Unknown => None,
            Truth::Yes => Some(true),
        }
    }

    pub(crate) fn and(self, other: Truth) -> Truth {
        self.min(other)
    }

    pub(crate) fn or(self, other: Truth) -> Truth {
        self.max(other)
    }

    pub(crate) fn negated(self) -> Truth {
        match self {
            Truth::No => Truth::Yes,
            Truth::Unknown => Truth::Unknown,
            Truth::Yes => Truth::No,
        }
    }

    /// What a duty is whose conditions come out like this.
    pub(crate) fn state(self) -> DutyState {
        match self {
            Truth::No => DutyState::NotTriggered,
            Truth::Unknown => DutyState::ToBeConfirmed,
            Truth::Yes => DutyState::Triggered,
        }
    }
}

impl From<bool> for Truth {
    fn from(known: bool) -> Truth {
        if known { Truth::Yes } else { Truth::No }
    }
}

/// All must hold; nothing at all holds.
pub(crate) fn all(answers: impl IntoIterator<Item = Truth>) -> Truth {
    answers.into_iter().fold(Truth::Yes, Truth::and)
}

/// One must hold; of nothing at all, none does.
pub(crate) fn any(answers: impl IntoIterator<Item = Truth>) -> Truth {
    answers.into_iter().fold(Truth::No, Truth::or)
}
