//! A player's picture: one of a fixed set, so that nobody has to look at what somebody else uploads.

use crate::limits::AVATARS_MAX;
use serde::{Deserialize, Deserializer, Serialize, de};

/// One of [`AVATARS_MAX`] pictures; what each looks like is the window's affair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Avatar(u8);

impl Avatar {
    /// A picture; `None` if there is none of that number.
    pub fn new(index: u8) -> Option<Self> {
        (index < AVATARS_MAX).then_some(Self(index))
    }

    /// Every picture.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..AVATARS_MAX).map(Self)
    }

    /// Its number, 0 … [`AVATARS_MAX`] − 1.
    pub fn index(self) -> u8 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Avatar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u8::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("a picture that is not there"))
    }
}
