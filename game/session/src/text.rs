//! Short texts that people write: bounded, printable, trimmed.

use crate::limits::NAME_BYTES_MAX;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// A name of a player, track, scene or clip: at most [`NAME_BYTES_MAX`] bytes of UTF-8, no control characters, no
/// white space at its ends.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Name(Box<str>);

impl Name {
    /// Makes a name from anything: control characters are dropped, white space is trimmed, the rest is cut at the
    /// last character that fits.
    pub fn sanitised(text: &str) -> Self {
        let mut kept = String::with_capacity(NAME_BYTES_MAX);
        for character in text.trim().chars().filter(|c| is_printable(*c)) {
            if kept.len() + character.len_utf8() > NAME_BYTES_MAX {
                break;
            }
            kept.push(character);
        }
        Self(kept.trim().into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn parse(text: &str) -> Option<Self> {
        let fits = text.len() <= NAME_BYTES_MAX && text.trim() == text && text.chars().all(is_printable);
        fits.then(|| Self(text.into()))
    }
}

/// Control characters and the invisible marks that reverse or hide text are not printable.
fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Name;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a printable name of at most {NAME_BYTES_MAX} bytes")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name, E> {
                Name::parse(text)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Other("a longer or unprintable text"), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_cleaned_and_cut_at_a_character() {
        assert_eq!(Name::sanitised("  Ada \u{202e}\n").as_str(), "Ada");
        let long = Name::sanitised(&"ä".repeat(40));
        assert_eq!(long.as_str().len(), NAME_BYTES_MAX);
        assert_eq!(Name::sanitised("\u{7}\u{200b}"), Name::default());
    }

    #[test]
    fn a_name_that_is_too_long_or_unclean_is_refused_when_decoded() {
        for text in ["x".repeat(NAME_BYTES_MAX + 1), " x".into(), "x\ny".into()] {
            let bytes = postcard::to_stdvec(&text).unwrap_or_default();
            assert!(postcard::from_bytes::<Name>(&bytes).is_err(), "{text:?}");
        }
    }
}
