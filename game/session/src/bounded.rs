//! A list with a bound that holds while it is being decoded, so that hostile bytes cannot make it allocate.

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess},
};
use std::{fmt, marker::PhantomData, ops::Deref};

/// A list of at most `MAX` items.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Bounded<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Bounded<T, MAX> {
    /// An empty list.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes a list; gives it back if it is longer than `MAX`.
    ///
    /// # Errors
    /// The list itself, when it is too long.
    pub fn try_from_vec(items: Vec<T>) -> Result<Self, Vec<T>> {
        if items.len() > MAX { Err(items) } else { Ok(Self(items)) }
    }

    /// Appends an item; gives it back if the list is full.
    ///
    /// # Errors
    /// The item itself, when the list is full.
    pub fn push(&mut self, item: T) -> Result<(), T> {
        if self.0.len() >= MAX {
            return Err(item);
        }
        self.0.push(item);
        Ok(())
    }

    /// Puts an item before the one at `at` (at the end if `at` is beyond it); gives it back if the list is full.
    ///
    /// # Errors
    /// The item itself, when the list is full.
    pub fn insert(&mut self, at: usize, item: T) -> Result<(), T> {
        if self.0.len() >= MAX {
            return Err(item);
        }
        self.0.insert(at.min(self.0.len()), item);
        Ok(())
    }

    /// Whether nothing more fits.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MAX
    }

    /// Keeps the items for which `keep` says so.
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.0.retain(keep);
    }

    /// The items, to be changed in place.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const MAX: usize> Deref for Bounded<T, MAX> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: fmt::Debug, const MAX: usize> fmt::Debug for Bounded<T, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Serialize, const MAX: usize> Serialize for Bounded<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T, const MAX: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> de::Visitor<'de> for Visitor<T, MAX> {
            type Value = Bounded<T, MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAX} items")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let claimed = items.size_hint().unwrap_or(0);
                if claimed > MAX {
                    return Err(de::Error::invalid_length(claimed, &self));
                }
                let mut kept = Vec::new();
                while let Some(item) = items.next_element()? {
                    if kept.len() == MAX {
                        return Err(de::Error::invalid_length(MAX + 1, &self));
                    }
                    kept.push(item);
                }
                Ok(Bounded(kept))
            }
        }
        deserializer.deserialize_seq(Visitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_longer_than_its_bound_is_refused_when_decoded() {
        let bytes = postcard::to_stdvec(&vec![7_u8; 5]).unwrap_or_default();
        assert!(postcard::from_bytes::<Bounded<u8, 5>>(&bytes).is_ok());
        assert!(postcard::from_bytes::<Bounded<u8, 4>>(&bytes).is_err());
    }

    #[test]
    fn a_full_list_gives_the_item_back() {
        let mut list = Bounded::<u8, 1>::new();
        assert_eq!(list.push(1), Ok(()));
        assert_eq!(list.push(2), Err(2));
    }
}
