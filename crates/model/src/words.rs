//! The closed vocabularies: data classes, effects, grades and protections.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A word outside its closed vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not a {vocabulary}; the words are: {allowed}")]
pub struct UnknownWord {
    /// What was found.
    pub word: String,
    /// Which vocabulary it should be from.
    pub vocabulary: &'static str,
    /// The words that are allowed, comma separated.
    pub allowed: String,
}

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident => $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every word, in the order that reports use.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word as it stands in packs, exports and the command line.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.word()) }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(s: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|w| w.word() == s).ok_or_else(|| UnknownWord {
                    word: s.to_owned(),
                    vocabulary: $what,
                    allowed: Self::ALL.iter().map(|w| w.word()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

vocabulary! {
    /// A kind of personal data. Laws, notices and counts are all stated in these.
    DataClass, "data class" {
        /// First, last or full name.
        Name => "name",
        /// E-mail address (also a user name that is one).
        Email => "email",
        /// Telephone number.
        Phone => "phone",
        /// Street address, or any line of one.
        PostalAddress => "postal_address",
        /// Date of birth.
        DateOfBirth => "date_of_birth",
        /// Gender or form of address.
        Gender => "gender",
        /// A password in a one-way form.
        PasswordHash => "password_hash",
        /// A password as typed.
        PasswordPlain => "password_plain",
        /// A whole payment card number.
        PaymentCardFull => "payment_card_full",
        /// A truncated card number, its expiry or holder.
        PaymentCardPartial => "payment_card_partial",
        /// The code printed on the card.
        CardVerification => "card_verification",
        /// A bank account number.
        BankAccount => "bank_account",
        /// A token with which a payment provider knows a card or account.
        PaymentToken => "payment_token",
        /// What was ordered, when, for how much.
        OrderHistory => "order_history",
        /// A national identification or social security number.
        NationalId => "national_id",
        /// A driving licence number.
        DriverLicence => "driver_licence",
        /// A passport number.
        Passport => "passport",
        /// A tax number.
        TaxId => "tax_id",
        /// A key that opens somebody's session.
        SessionToken => "session_token",
        /// A key with which a program acts for somebody.
        ApiSecret => "api_secret",
        /// A network address.
        IpAddress => "ip_address",
        /// Text that somebody wrote.
        Message => "message",
        /// Documents whose content has not been classified.
        Unclassified => "unclassified",
    }
}

vocabulary! {
    /// What happened to the data.
    Effect, "effect" {
        /// Its value was, or may have been, read out.
        Disclosed => "disclosed",
        /// It was, or may have been, changed.
        Altered => "altered",
        /// It was, or may have been, deleted.
        Destroyed => "destroyed",
    }
}

vocabulary! {
    /// How strongly the evidence supports an effect, weakest first, so that the strongest is the maximum.
    Grade, "grade" {
        /// Read inside the database or application and not returned.
        Handled => "handled",
        /// Only that the row exists, or satisfies a predicate.
        Membership => "membership",
        /// In some world that the evidence allows. Ceiling only.
        Possible => "possible",
        /// Some of its characters for certain. Floor and ceiling once identifying or usable, else ceiling.
        Partial => "partial",
        /// In every world that the evidence allows. Floor and ceiling.
        Certain => "certain",
    }
}

impl Grade {
    /// Counted in the floor.
    pub fn in_floor(self) -> bool {
        self == Grade::Certain
    }

    /// Counted in the ceiling.
    pub fn in_ceiling(self) -> bool {
        self >= Grade::Possible
    }

    /// DESIGN's name for this grade of the given effect: a certain disclosure is `disclosed`, a certain change
    /// `altered`, a certain deletion `destroyed`; the others keep their own name.
    pub fn named(self, effect: Effect) -> &'static str {
        match self {
            Grade::Certain => effect.word(),
            other => other.word(),
        }
    }
}

vocabulary! {
    /// In what form the value stood where it was taken from.
    Protection, "protection" {
        /// Readable as it is.
        Plain => "plain",
        /// One-way, the scheme in the cell's detail.
        Hashed => "hashed",
        /// Encrypted, the key not known to be taken.
        Encrypted => "encrypted",
        /// Encrypted, and the key was taken with it.
        EncryptedKeyTaken => "encrypted_key_taken",
        /// Shortened so that the rest cannot be known.
        Truncated => "truncated",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_and_a_foreign_one_names_the_vocabulary() {
        for c in DataClass::ALL {
            assert_eq!(c.word().parse::<DataClass>(), Ok(*c));
        }
        let e = "pasword_hash".parse::<DataClass>().expect_err("not a word");
        assert!(e.to_string().contains("password_hash"), "{e}");
    }

    #[test]
    fn grades_order_from_weak_to_strong() {
        assert!(Grade::Handled < Grade::Membership && Grade::Membership < Grade::Possible);
        assert!(Grade::Possible < Grade::Partial && Grade::Partial < Grade::Certain);
        assert!(Grade::Possible.in_ceiling() && !Grade::Membership.in_ceiling());
        assert_eq!(Grade::Certain.named(Effect::Altered), "altered");
    }
}
