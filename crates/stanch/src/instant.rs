//! The one place that asks for the time.

use stanch_model::Instant;

/// Now, by the system's clock.
pub(crate) fn now() -> Instant {
    Instant::from(jiff::Timestamp::now())
}

/// A length of time for people: `0.4 s`, `12 s`, `3 min 20 s`.
pub(crate) fn length(us: i64) -> String {
    let seconds = us / 1_000_000;
    match seconds {
        0..10 => format!("{}.{} s", seconds, us / 100_000 % 10),
        10..120 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::length;

    #[test]
    fn lengths_read_as_people_say_them() {
        assert_eq!(length(449_999), "0.4 s");
        assert_eq!(length(12_700_000), "12 s");
        assert_eq!(length(200_000_000), "3 min 20 s");
    }
}
