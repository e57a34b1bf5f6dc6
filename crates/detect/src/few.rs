//! A small map that keeps its lowest keys, so that hostile variety costs nothing and the order of events does not matter: a key that is
//! among the lowest of all is among the lowest of any part, so what is kept of it is whole.

/// At most so many values by 64-bit key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Few<V> {
    kept: Vec<(u64, V)>,
}

impl<V: Default> Few<V> {
    /// The key's value, made now if it is new; nothing where `max` lower keys are there already.
    pub(crate) fn at(&mut self, key: u64, max: usize) -> Option<&mut V> {
        let at = match self.kept.binary_search_by_key(&key, |(k, _)| *k) {
            Ok(at) => at,
            Err(at) if at >= max => return None,
            Err(at) => {
                if self.kept.len() >= max {
                    self.kept.truncate(max - 1);
                }
                self.kept.reserve_exact(1);
                self.kept.insert(at, (key, V::default()));
                at
            }
        };
        Some(&mut self.kept[at].1)
    }

    /// Keys and values, by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        self.kept.iter().map(|(k, v)| (*k, v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counted(keys: &[u64]) -> Vec<(u64, u32)> {
        let mut few = Few::<u32>::default();
        for key in keys {
            if let Some(count) = few.at(*key, 3) {
                *count += 1;
            }
        }
        few.iter().map(|(k, v)| (k, *v)).collect()
    }

    proptest! {
        #[test]
        fn what_is_kept_is_whole_whatever_the_order(mut keys in proptest::collection::vec(0u64..9, 0..60)) {
            let straight = counted(&keys);
            keys.sort_unstable();
            prop_assert_eq!(&straight, &counted(&keys));
            keys.reverse();
            prop_assert_eq!(&straight, &counted(&keys));
        }
    }
}
