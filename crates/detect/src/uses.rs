//! Where a key or a database role is at home, and where it turns up new.

use crate::example::Span;
use crate::names::{Name, Names};
use stanch_model::Instant;
use std::collections::HashMap;

/// Places above which a subject is at home everywhere, and no place is new.
const PLACES_MAX: usize = 64;
/// Uses from home before a place counts as new; with fewer, nobody knows where home is.
const BEFORE_MIN: u64 = 5;

/// Uses of subjects (keys, roles) from places (networks, client addresses), over all events.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    spans: HashMap<(Name, Name), Span>,
}

impl Uses {
    pub(crate) fn add(&mut self, subject: Name, place: Name, time: Instant) {
        self.spans.entry((subject, place)).or_default().add(time);
    }

    /// What a closer look is worth: the subjects with several places, but not everywhere.
    pub(crate) fn several(&self, places: &Names) -> Homes {
        let mut of: HashMap<Name, Vec<(Name, Span)>> = HashMap::new();
        for ((subject, place), span) in &self.spans {
            of.entry(*subject).or_default().push((*place, *span));
        }
        of.retain(|_, list| (2..=PLACES_MAX).contains(&list.len()));
        for list in of.values_mut() {
            list.sort_by(|a, b| (a.1.window.from, places.text(a.0)).cmp(&(b.1.window.from, places.text(b.0))));
        }
        let homes = of.into_iter().map(|(subject, list)| (subject, Home::new(list)));
        Homes { of: homes.collect() }
    }
}

/// The subjects with several places.
#[derive(Debug)]
pub(crate) struct Homes {
    of: HashMap<Name, Home>,
}

/// One subject's places, by first use.
#[derive(Debug)]
struct Home {
    places: Vec<(Name, Span)>,
    /// `before[a][b]`: uses from place b before the first from place a.
    before: Vec<Vec<u64>>,
}

impl Home {
    fn new(places: Vec<(Name, Span)>) -> Home {
        let before = vec![vec![0; places.len()]; places.len()];
        Home { places, before }
    }
}

/// A place that is new to its subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NewPlace {
    pub(crate) place: Name,
    pub(crate) span: Span,
    /// Uses from home before the first from here.
    pub(crate) before: u64,
    /// Uses from home after it.
    pub(crate) after: u64,
    /// Home is vouched for by somebody.
    pub(crate) own_known: bool,
}

impl Homes {
    /// Second reading: counts who came before whom.
    pub(crate) fn observe(&mut self, subject: Name, place: Name, time: Instant) {
        let Some(home) = self.of.get_mut(&subject) else { return };
        let Some(b) = home.places.iter().position(|(p, _)| *p == place) else { return };
        for (a, (_, span)) in home.places.iter().enumerate() {
            home.before[a][b] += u64::from(time < span.window.from);
        }
    }

    /// Whether a subject has several places.
    pub(crate) fn has(&self, subject: Name) -> bool {
        self.of.contains_key(&subject)
    }

    /// The subjects that have several places.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = Name> + use<'_> {
        self.of.keys().copied()
    }

    /// The places that are new to a subject. Home is where somebody vouches for it, else where it was first used; a place that joins
    /// before home has a habit is home too. Hostile places never are.
    pub(crate) fn new_places(
        &self,
        subject: Name,
        known: &dyn Fn(Name) -> bool,
        hostile: &dyn Fn(Name) -> bool,
    ) -> Vec<NewPlace> {
        let Some(home) = self.of.get(&subject) else { return Vec::new() };
        let mut own: Vec<usize> = (0..home.places.len()).filter(|i| known(home.places[*i].0)).collect();
        let own_known = !own.is_empty();
        if own.is_empty() {
            own.extend((0..home.places.len()).find(|i| !hostile(home.places[*i].0)));
        }
        let mut new = Vec::new();
        for (a, (place, span)) in home.places.iter().enumerate() {
            if own.contains(&a) {
                continue;
            }
            let before: u64 = own.iter().map(|b| home.before[a][*b]).sum();
            if before < BEFORE_MIN && !own_known && !hostile(*place) {
                own.push(a);
                continue;
            }
            let all: u64 = own.iter().map(|b| home.places[*b].1.events).sum();
            new.push(NewPlace { place: *place, span: *span, before, after: all - before, own_known });
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn homes(uses: &[(&str, i64)]) -> (Homes, Names) {
        let (mut all, mut places) = (Uses::default(), Names::default());
        for (place, time) in uses {
            all.add(0, places.number(place), Instant(*time));
        }
        let mut homes = all.several(&places);
        for (place, time) in uses {
            homes.observe(0, places.number(place), Instant(*time));
        }
        (homes, places)
    }

    fn new_names(uses: &[(&str, i64)], known: &str, hostile: &str) -> Vec<String> {
        let (homes, places) = homes(uses);
        let new = homes.new_places(0, &|p| places.text(p) == known, &|p| places.text(p) == hostile);
        new.iter().map(|n| format!("{} {}/{}", places.text(n.place), n.before, n.after)).collect()
    }

    #[test]
    fn the_place_that_comes_later_is_new() {
        let uses = [("home", 1), ("home", 2), ("home", 3), ("home", 4), ("home", 5), ("away", 6), ("home", 7)];
        assert_eq!(new_names(&uses, "", ""), ["away 5/1"]);
    }

    #[test]
    fn a_place_that_joins_at_once_is_home_too() {
        assert!(new_names(&[("a", 1), ("b", 2), ("a", 3), ("b", 4)], "", "").is_empty());
    }

    #[test]
    fn home_is_where_somebody_vouches_for_it_even_if_it_comes_later() {
        let uses = [("away", 1), ("away", 2), ("home", 7)];
        assert_eq!(new_names(&uses, "home", ""), ["away 0/1"]);
        assert_eq!(new_names(&uses, "", "away"), ["away 0/1"]);
    }
}
