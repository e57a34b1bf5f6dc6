//! The closed vocabularies, as a reader who has never seen them meets them.

use stanch_model::{DataClass, DutyState, Effect, IdentityKind, Protection, timeline::Phase};

/// The kind of data as the first cell of a row.
pub(crate) fn class(class: DataClass) -> &'static str {
    match class {
        DataClass::Name => "Name",
        DataClass::Email => "E-mail address",
        DataClass::Phone => "Telephone number",
        DataClass::PostalAddress => "Postal address",
        DataClass::DateOfBirth => "Date of birth",
        DataClass::Gender => "Gender or form of address",
        DataClass::PasswordHash => "Password, one-way form",
        DataClass::PasswordPlain => "Password, readable",
        DataClass::PaymentCardFull => "Payment card, whole number",
        DataClass::PaymentCardPartial => "Payment card, part of it",
        DataClass::CardVerification => "Card security code",
        DataClass::BankAccount => "Bank account",
        DataClass::PaymentToken => "Payment provider’s token",
        DataClass::OrderHistory => "Order history",
        DataClass::NationalId => "National identity number",
        DataClass::DriverLicence => "Driving licence number",
        DataClass::Passport => "Passport number",
        DataClass::TaxId => "Tax number",
        DataClass::SessionToken => "Session key",
        DataClass::ApiSecret => "Program’s secret key",
        DataClass::IpAddress => "Network address",
        DataClass::Message => "Messages",
        DataClass::Unclassified => "Documents not yet classified",
    }
}

/// The kind of data inside a sentence: `1 204 people lost …`.
pub(crate) fn lost(class: DataClass) -> &'static str {
    match class {
        DataClass::Name => "their name",
        DataClass::Email => "their e-mail address",
        DataClass::Phone => "a telephone number",
        DataClass::PostalAddress => "a postal address",
        DataClass::DateOfBirth => "their date of birth",
        DataClass::Gender => "their gender or form of address",
        DataClass::PasswordHash => "a password in one-way form",
        DataClass::PasswordPlain => "a readable password",
        DataClass::PaymentCardFull => "a whole card number",
        DataClass::PaymentCardPartial => "part of their card data",
        DataClass::CardVerification => "a card security code",
        DataClass::BankAccount => "a bank account number",
        DataClass::PaymentToken => "a payment token",
        DataClass::OrderHistory => "their order history",
        DataClass::NationalId => "a national identity number",
        DataClass::DriverLicence => "a driving licence number",
        DataClass::Passport => "a passport number",
        DataClass::TaxId => "a tax number",
        DataClass::SessionToken => "a session key",
        DataClass::ApiSecret => "a program’s secret key",
        DataClass::IpAddress => "a network address",
        DataClass::Message => "messages",
        DataClass::Unclassified => "documents that nobody has classified yet",
    }
}

/// The classes that a person asks about first, the gravest first. Decides only what the opening sentence names.
pub(crate) const GRAVEST: [DataClass; 15] = [
    DataClass::PaymentCardFull,
    DataClass::CardVerification,
    DataClass::PasswordPlain,
    DataClass::BankAccount,
    DataClass::NationalId,
    DataClass::Passport,
    DataClass::DriverLicence,
    DataClass::TaxId,
    DataClass::PaymentCardPartial,
    DataClass::PasswordHash,
    DataClass::SessionToken,
    DataClass::DateOfBirth,
    DataClass::PostalAddress,
    DataClass::Email,
    DataClass::Name,
];

/// What happened to the data, as a heading.
pub(crate) fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Disclosed => "Read out",
        Effect::Altered => "Changed",
        Effect::Destroyed => "Deleted",
    }
}

/// In what form it stood.
pub(crate) fn protection(protection: Protection) -> &'static str {
    match protection {
        Protection::Plain => "readable as it is",
        Protection::Hashed => "hashed (one-way)",
        Protection::Encrypted => "encrypted, key not known to be taken",
        Protection::EncryptedKeyTaken => "encrypted, and the key was taken",
        Protection::Truncated => "truncated",
    }
}

/// What kind of mark an identity is, one and many.
pub(crate) fn identity(kind: IdentityKind) -> (&'static str, &'static str) {
    match kind {
        IdentityKind::Address => ("network address", "network addresses"),
        IdentityKind::Session => ("session", "sessions"),
        IdentityKind::Account => ("customer account", "customer accounts"),
        IdentityKind::ApiKey => ("API key", "API keys"),
        IdentityKind::DatabaseRole => ("database role", "database roles"),
        IdentityKind::UserAgent => ("user agent", "user agents"),
    }
}

/// Part of the story.
pub(crate) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Probing => "Probing",
        Phase::Entry => "Entry",
        Phase::Reading => "Reading",
        Phase::Altering => "Altering",
        Phase::Response => "Response",
    }
}

/// A sign that can be told apart without colour.
pub(crate) fn state_sign(state: DutyState) -> &'static str {
    match state {
        DutyState::Triggered => "●",
        DutyState::ToBeConfirmed => "◐",
        DutyState::NotTriggered => "○",
    }
}

/// A class name for the style sheet.
pub(crate) fn state_style(state: DutyState) -> &'static str {
    match state {
        DutyState::Triggered => "is-due",
        DutyState::ToBeConfirmed => "is-open",
        DutyState::NotTriggered => "is-not",
    }
}

/// Who must receive it, for a duty that names nobody: `supervisory_authority` → `supervisory authority`.
pub(crate) fn spaced(word: &str) -> String {
    word.replace('_', " ")
}
