//! The invented customers: everything about one follows from its number, so nothing has to be remembered.

use super::chance::mix;

const FIRST: [&str; 16] = [
    "Ada", "Bela", "Carla", "Dario", "Elif", "Frank", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Luis", "Mara", "Noor",
    "Olga", "Petr",
];
const LAST: [&str; 16] = [
    "Albers", "Brandt", "Costa", "Dietz", "Evans", "Fischer", "Garcia", "Horvat", "Ivanov", "Jensen", "Keller",
    "Lopez", "Moreau", "Novak", "Olsen", "Pavlov",
];
const CITIES: [(&str, &str); 8] = [
    ("Berlin", "DE"),
    ("Lyon", "FR"),
    ("Austin", "US"),
    ("Leeds", "GB"),
    ("Porto", "PT"),
    ("Boston", "US"),
    ("Graz", "AT"),
    ("Malmo", "SE"),
];

/// The store's customers. The `k`-th has number `4 k + 1` to `4 k + 4`, so that of the numbers a scraper walks only one in
/// four exists.
#[derive(Clone, Copy)]
pub(super) struct People {
    pub(super) count: u64,
    pub(super) seed: u64,
}

/// One customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Customer {
    pub(super) id: u64,
    chance: u64,
}

impl People {
    pub(super) fn nth(self, k: u64) -> Customer {
        let chance = mix(self.seed.wrapping_add(k.wrapping_mul(0x9e37_79b9)));
        Customer { id: 4 * k + 1 + chance % 4, chance }
    }

    /// The customer of that number, if there is one.
    pub(super) fn by_id(self, id: u64) -> Option<Customer> {
        let k = id.checked_sub(1)? / 4;
        Some(self.nth(k)).filter(|c| k < self.count && c.id == id)
    }

    /// The highest number that can be.
    pub(super) fn last_id(self) -> u64 {
        4 * self.count
    }

    /// Those with numbers from `from` to `to`, both counted.
    pub(super) fn between(self, from: u64, to: u64) -> impl Iterator<Item = Customer> {
        let first = from.saturating_sub(1) / 4;
        let last = (to.saturating_sub(1) / 4 + 1).min(self.count);
        (first..last).map(move |k| self.nth(k)).filter(move |c| c.id >= from && c.id <= to)
    }
}

impl Customer {
    pub(super) fn first_name(self) -> &'static str {
        FIRST[(self.chance >> 8) as usize % 16]
    }

    pub(super) fn last_name(self) -> &'static str {
        LAST[(self.chance >> 12) as usize % 16]
    }

    pub(super) fn email(self) -> String {
        format!("{}.{}.{}@example.org", self.first_name(), self.last_name(), self.id).to_lowercase()
    }

    pub(super) fn phone(self) -> String {
        format!("+49 30 {:07}", self.id % 10_000_000)
    }

    pub(super) fn password(self) -> String {
        format!("pbkdf2_sha256$870000${:016x}${:016x}{:016x}=", mix(self.id), mix(self.chance), mix(self.chance ^ 7))
    }

    pub(super) fn street(self) -> String {
        format!("{} Street {}", LAST[(self.chance >> 16) as usize % 16], 1 + (self.chance >> 20) % 200)
    }

    pub(super) fn city(self) -> (&'static str, &'static str) {
        CITIES[(self.chance >> 28) as usize % 8]
    }

    pub(super) fn postcode(self) -> u64 {
        10_000 + (self.chance >> 32) % 89_999
    }

    /// One customer in nine keeps a card: its last four digits.
    pub(super) fn card(self) -> Option<u64> {
        (self.chance >> 40).is_multiple_of(9).then_some((self.chance >> 44) % 10_000)
    }

    /// Three in four have ordered: for how many cents.
    pub(super) fn order(self) -> Option<u64> {
        (!(self.chance >> 50).is_multiple_of(4)).then_some(500 + (self.chance >> 52) * 7)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_found_by_number_and_one_number_in_four_is_one() {
        let people = People { count: 1000, seed: 5 };
        let all: Vec<Customer> = (0..1000).map(|k| people.nth(k)).collect();
        assert!(all.iter().all(|c| people.by_id(c.id) == Some(*c)));
        assert_eq!((0..=people.last_id() + 4).filter(|id| people.by_id(*id).is_some()).count(), 1000);
        let some: Vec<Customer> = people.between(10, 60).collect();
        assert!(some.iter().all(|c| (10..=60).contains(&c.id)));
        assert_eq!(some.len(), (10..=60).filter(|id| people.by_id(*id).is_some()).count());
    }
}
