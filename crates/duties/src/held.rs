//! What of one person was reached, as sets of data classes by the form they stood in.

use stanch_model::{Cell, DataClass, Effect, Protection};

/// A set of data classes, one bit each.
pub(crate) type ClassSet = u32;

const _: () = assert!(DataClass::ALL.len() <= ClassSet::BITS as usize, "a data class needs a bit");

pub(crate) fn class_bit(class: DataClass) -> ClassSet {
    1 << (class as u32)
}

pub(crate) fn class_set(classes: &[DataClass]) -> ClassSet {
    classes.iter().fold(0, |set, c| set | class_bit(*c))
}

/// One person's classes. Adding a cell only ever adds bits, on which every property of judging rests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Held {
    /// Disclosed as they are, or encrypted with their key taken.
    pub(crate) readable: ClassSet,
    /// Disclosed encrypted, the key not known to be taken.
    pub(crate) encrypted: ClassSet,
    /// Disclosed in a one-way form, where the class does not already mean one.
    pub(crate) hashed: ClassSet,
    /// Disclosed shortened, where the class does not already mean that.
    pub(crate) truncated: ClassSet,
    pub(crate) altered: ClassSet,
    pub(crate) destroyed: ClassSet,
}

impl Held {
    pub(crate) fn add(&mut self, cell: &Cell) {
        let set = match cell.effect {
            Effect::Altered => &mut self.altered,
            Effect::Destroyed => &mut self.destroyed,
            Effect::Disclosed => match (cell.class, cell.protection) {
                (_, Protection::Plain | Protection::EncryptedKeyTaken)
                | (DataClass::PasswordHash, Protection::Hashed)
                | (DataClass::PaymentCardPartial, Protection::Truncated) => &mut self.readable,
                (_, Protection::Encrypted) => &mut self.encrypted,
                (_, Protection::Hashed) => &mut self.hashed,
                (_, Protection::Truncated) => &mut self.truncated,
            },
        };
        *set |= class_bit(cell.class);
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Held::default()
    }
}
