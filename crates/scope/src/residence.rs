//! Where each person lives, by the store's rule: the first record that says so wins, and conflicts are counted.

use crate::error::ScopeError;
use crate::platform::{Platform, ResidenceSource};
use crate::worlds::{World, Worlds};
use stanch_model::{Place, Residence};
use std::collections::HashMap;

/// Finds residences in the order of `rule`, whose words name sources of the platform pack.
pub(crate) fn settle(worlds: &mut Worlds<'_>, platform: &Platform, rule: &[String]) -> Result<(), ScopeError> {
    let mut found: HashMap<u32, Residence> = HashMap::new();
    for word in rule {
        let Some(source) = platform.residence.get(word) else { continue };
        if !worlds.load(&source.table)? {
            continue;
        }
        for (person, place) in places(worlds, platform, source)? {
            let name = word.replace('_', " ");
            let entry = found.entry(person).or_insert_with(|| Residence {
                place: Some(place.clone()),
                from: name,
                agreed: true,
            });
            if entry.place.as_ref() != Some(&place) && source.phone.is_none() {
                entry.agreed = false;
            }
        }
    }
    for (person, residence) in found {
        worlds.people.persons[person as usize].residence = residence;
    }
    Ok(())
}

/// Places of persons in one source, the preferred row of each person first.
fn places(worlds: &Worlds<'_>, platform: &Platform, source: &ResidenceSource) -> Result<Vec<(u32, Place)>, ScopeError> {
    let column = |name: &Option<String>| -> Result<HashMap<u32, String>, ScopeError> {
        let Some(name) = name else { return Ok(HashMap::new()) };
        let values = worlds.values(World::Late, &source.table, name)?;
        Ok(values.into_iter().filter_map(|(row, value)| Some((row, value?))).collect())
    };
    let (countries, states, phones, preferred) =
        (column(&source.country)?, column(&source.state)?, column(&source.phone)?, column(&source.prefer)?);
    let owners = &worlds.table(&source.table).expect("loaded by the caller").owners;
    let mut rows: Vec<(u32, bool, u32)> = owners
        .iter()
        .zip(0u32..)
        .filter_map(|(owner, row)| Some(((*owner)?, preferred.get(&row).is_none_or(|p| p != "true"), row)))
        .collect();
    rows.sort_unstable();
    Ok(rows
        .into_iter()
        .filter_map(|(person, _, row)| {
            let place = match countries.get(&row) {
                Some(country) => address(country, states.get(&row), platform)?,
                None => by_phone(phones.get(&row)?, platform)?,
            };
            Some((person, place))
        })
        .collect())
}

fn address(country: &str, state: Option<&String>, platform: &Platform) -> Option<Place> {
    let country = country.trim().to_uppercase();
    if country.is_empty() {
        return None;
    }
    let code = state.and_then(|s| platform.us_states.get(&s.trim().to_lowercase()));
    match (country.as_str(), code) {
        ("US", Some(code)) => Some(Place(format!("US-{code}"))),
        _ => Some(Place(country)),
    }
}

/// The longest prefix that is known.
fn by_phone(phone: &str, platform: &Platform) -> Option<Place> {
    let digits: String = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').take(6).collect();
    (2..=digits.len()).rev().find_map(|n| platform.phone_prefixes.get(&digits[..n])).map(|c| Place(c.clone()))
}
