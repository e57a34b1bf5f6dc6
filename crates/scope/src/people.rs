//! Persons: accounts and guest orders, merged by normalised e-mail.

use sha2::{Digest, Sha256};
use stanch_model::{Person, Personal, Residence};
use std::collections::{BTreeMap, HashMap};

/// Index of a person in the matrix.
pub(crate) type PersonIndex = u32;

/// Everybody that the store's data knows.
#[derive(Default)]
pub(crate) struct People {
    pub(crate) persons: Vec<Person>,
    by_account: HashMap<String, PersonIndex>,
    by_email: HashMap<String, PersonIndex>,
}

/// What is known of one account, latest snapshot last.
#[derive(Default)]
pub(crate) struct Gathered {
    accounts: BTreeMap<String, (Vec<String>, Option<String>)>,
    guests: std::collections::BTreeSet<String>,
}

/// E-mail addresses that differ in letter case or in space around them are one person's.
pub(crate) fn normalise(email: &str) -> Option<String> {
    let email = email.trim().to_lowercase();
    email.contains('@').then_some(email)
}

impl Gathered {
    /// Takes note of an account.
    pub(crate) fn account(&mut self, id: &str, email: Option<&str>, name: Option<String>) {
        let entry = self.accounts.entry(id.to_owned()).or_default();
        if let Some(email) = email.and_then(normalise) {
            entry.0.retain(|e| *e != email);
            entry.0.push(email);
        }
        entry.1 = name.or(entry.1.take());
    }

    /// Takes note of a guest's e-mail.
    pub(crate) fn guest(&mut self, email: &str) {
        self.guests.extend(normalise(email));
    }

    /// Merges all into persons, in the order of their ids.
    pub(crate) fn merge(self) -> People {
        // Accounts first: an account's latest e-mail names the person, its earlier ones lead there too.
        let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
        let mut leads: Vec<(String, String)> = Vec::new();
        let mut accounts: Vec<(String, String)> = Vec::new();
        for (id, (mut emails, name)) in self.accounts {
            let latest = emails.pop();
            let key = latest.clone().unwrap_or_else(|| format!("customer:{id}"));
            let draft = drafts.entry(key.clone()).or_default();
            draft.email = latest;
            draft.name = draft.name.take().or(name);
            draft.customer_ids.push(id.clone());
            leads.extend(emails.into_iter().map(|e| (e, key.clone())));
            accounts.push((id, key));
        }
        let known: std::collections::BTreeSet<String> = leads.iter().map(|(e, _)| e.clone()).collect();
        for guest in self.guests {
            if !known.contains(&guest) {
                let draft = drafts.entry(guest.clone()).or_default();
                draft.email = Some(guest);
            }
        }
        let mut persons: Vec<(String, String, Draft)> =
            drafts.into_iter().map(|(key, draft)| (person_id(&key), key, draft)).collect();
        persons.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let mut people = People::default();
        let mut by_key = HashMap::new();
        for (id, key, mut draft) in persons {
            let index = u32::try_from(people.persons.len()).expect("fewer than four thousand million persons");
            draft.customer_ids.sort_by_key(|id| (id.len(), id.clone()));
            if let Some(email) = &draft.email {
                people.by_email.insert(email.clone(), index);
            }
            by_key.insert(key, index);
            people.persons.push(Person {
                id,
                email: draft.email.map(Personal::new),
                name: draft.name.map(Personal::new),
                customer_ids: draft.customer_ids,
                residence: Residence { place: None, from: "no record".to_owned(), agreed: true },
            });
        }
        for (email, key) in leads {
            people.by_email.entry(email).or_insert(by_key[&key]);
        }
        people.by_account = accounts.into_iter().map(|(id, key)| (id, by_key[&key])).collect();
        people
    }
}

#[derive(Default)]
struct Draft {
    email: Option<String>,
    name: Option<String>,
    customer_ids: Vec<String>,
}

/// Stable across runs and cases: ten hexadecimal digits derived from what names the person.
fn person_id(key: &str) -> String {
    let digest = Sha256::digest(key.as_bytes());
    let digits: String = digest.iter().take(5).map(|b| format!("{b:02x}")).collect();
    format!("P-{digits}")
}

impl People {
    /// The person who has that customer number.
    pub(crate) fn of_account(&self, id: &str) -> Option<PersonIndex> {
        self.by_account.get(id).copied()
    }

    /// The person who has that e-mail, in whatever letter case.
    pub(crate) fn of_email(&self, email: &str) -> Option<PersonIndex> {
        self.by_email.get(&normalise(email)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_with_an_accounts_email_in_other_letters_is_that_person() {
        let mut gathered = Gathered::default();
        gathered.account("10", Some("Ada@example.org"), Some("Ada Byron".into()));
        gathered.account("9", Some("ada@example.org"), None);
        gathered.guest(" ADA@example.org ");
        gathered.guest("grace@example.org");
        let people = gathered.merge();
        assert_eq!(people.persons.len(), 2);
        let ada = people.of_email("aDa@EXAMPLE.org").expect("known");
        assert_eq!(people.of_account("9"), Some(ada));
        assert_eq!(people.of_account("10"), Some(ada));
        assert_eq!(people.persons[ada as usize].customer_ids, ["9", "10"]);
    }

    #[test]
    fn an_email_changed_between_snapshots_leads_to_one_person() {
        let mut gathered = Gathered::default();
        gathered.account("1", Some("old@example.org"), None);
        gathered.account("1", Some("new@example.org"), None);
        gathered.guest("old@example.org");
        let people = gathered.merge();
        assert_eq!(people.persons.len(), 1);
        assert_eq!(people.of_email("old@example.org"), people.of_email("new@example.org"));
    }

    #[test]
    fn accounts_without_email_are_persons_of_their_own() {
        let mut gathered = Gathered::default();
        gathered.account("1", None, None);
        gathered.account("2", Some("not an address"), None);
        assert_eq!(gathered.merge().persons.len(), 2);
    }
}
