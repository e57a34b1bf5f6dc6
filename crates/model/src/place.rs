//! Where a person lives: ISO 3166-1 countries, with ISO 3166-2 for the United States.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A country (`DE`) or a state of one (`US-CA`), upper case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Place(pub String);

impl Place {
    /// The country part: `US` of `US-CA`.
    pub fn country(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }

    /// Whether this place is `other` or lies inside it: `US-CA` is in `US`.
    pub fn is_in(&self, other: &str) -> bool {
        self.0 == other || (self.country() == other && !other.contains('-'))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Where a person lives, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Residence {
    /// The place, or nothing where no record says.
    pub place: Option<Place>,
    /// Which records said so: `default address`, `billing address`, `shipping address`, `phone prefix`, `store rule`.
    pub from: String,
    /// Whether the records agree; where they do not, the first in the rule's order was taken.
    pub agreed: bool,
}
