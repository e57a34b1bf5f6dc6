//! Moments and spans of time, in microseconds since the Unix epoch, UTC.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A moment, in microseconds since 1970-01-01T00:00:00Z. Serialises as RFC 3339.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub i64);

impl Instant {
    /// The moment as a jiff timestamp; moments outside jiff's range clamp to its ends.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }

    /// This moment moved by `us` microseconds, saturating.
    pub fn plus_us(self, us: i64) -> Instant {
        Instant(self.0.saturating_add(us))
    }

    /// Whole seconds since the epoch, rounded down.
    pub fn second(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

impl From<jiff::Timestamp> for Instant {
    fn from(t: jiff::Timestamp) -> Self {
        Instant(t.as_microsecond())
    }
}

impl fmt::Display for Instant {
    /// RFC 3339 in UTC, to the microsecond only where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_jiff())
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not an RFC 3339 moment with its offset.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a moment such as 2026-03-02T21:14:05Z (the offset or Z is required)")]
pub struct NotAMoment {
    text: String,
}

impl FromStr for Instant {
    type Err = NotAMoment;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.trim().parse::<jiff::Timestamp>().map(Instant::from).map_err(|_| NotAMoment { text: s.to_owned() })
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A closed span of time: both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// First moment inside.
    pub from: Instant,
    /// Last moment inside.
    pub to: Instant,
}

impl Window {
    /// All of time.
    pub const ALWAYS: Window = Window { from: Instant(i64::MIN), to: Instant(i64::MAX) };

    /// Whether `t` lies inside.
    pub fn contains(&self, t: Instant) -> bool {
        self.from <= t && t <= self.to
    }

    /// Whether the two spans share a moment.
    pub fn overlaps(&self, other: &Window) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// The smallest span that holds both this one and `t`.
    pub fn stretched_to(self, t: Instant) -> Window {
        Window { from: self.from.min(t), to: self.to.max(t) }
    }
}
