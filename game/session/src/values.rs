//! Small values of the mixer and the palette, each within its bounds.

use crate::limits::{GAIN_MAX_CENTI_DB, GAIN_MIN_CENTI_DB};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// Volume in centi-decibels, −60 … +6 dB, or silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Gain(i16);

impl Gain {
    /// Nothing is heard.
    pub const SILENCE: Self = Self(GAIN_MIN_CENTI_DB - 1);
    /// As recorded: 0 dB.
    pub const UNITY: Self = Self(0);

    /// The nearest gain to a number of decibels: below −60 silence, at most +6; `None` when it is not a number.
    pub fn from_db(db: f64) -> Option<Self> {
        if db.is_nan() {
            return None;
        }
        let centi = (db * 100.0).round();
        Some(if centi < f64::from(GAIN_MIN_CENTI_DB) {
            Self::SILENCE
        } else {
            Self(centi.min(f64::from(GAIN_MAX_CENTI_DB)) as i16)
        })
    }

    /// Decibels; −∞ for silence.
    pub fn db(self) -> f64 {
        if self == Self::SILENCE { f64::NEG_INFINITY } else { f64::from(self.0) / 100.0 }
    }
}

impl<'de> Deserialize<'de> for Gain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let centi = i16::deserialize(deserializer)?;
        if (Self::SILENCE.0..=GAIN_MAX_CENTI_DB).contains(&centi) {
            Ok(Self(centi))
        } else {
            Err(de::Error::custom("a gain outside -60 to +6 dB"))
        }
    }
}

/// Position between the speakers, −100 (left) … 100 (right).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Pan(i8);

impl Pan {
    /// The middle.
    pub const CENTRE: Self = Self(0);

    /// A position; `None` outside −100 … 100.
    pub fn new(percent: i8) -> Option<Self> {
        (-100..=100).contains(&percent).then_some(Self(percent))
    }

    /// −1 (left) … 1 (right).
    pub fn as_f32(self) -> f32 {
        f32::from(self.0) / 100.0
    }
}

impl<'de> Deserialize<'de> for Pan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i8::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("a pan outside -100 to 100"))
    }
}

/// An sRGB colour. `#rrggbb` where people read it, three bytes on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// Parses `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let value = u32::from_str_radix(digits, 16).ok()?;
        let [_, red, green, blue] = value.to_be_bytes();
        Some(Self([red, green, blue]))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Serialize for Colour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            Self::parse(&text).ok_or_else(|| de::Error::custom("a colour that is not #rrggbb"))
        } else {
            Deserialize::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_are_bounded_and_not_numbers_are_refused() {
        assert_eq!(Gain::from_db(f64::NAN), None);
        assert_eq!(Gain::from_db(-61.0), Some(Gain::SILENCE));
        assert_eq!(Gain::from_db(40.0).map(Gain::db), Some(6.0));
        assert_eq!(Gain::SILENCE.db(), f64::NEG_INFINITY);
        assert!(postcard::from_bytes::<Gain>(&postcard::to_stdvec(&601_i16).unwrap_or_default()).is_err());
    }

    #[test]
    fn a_colour_reads_as_people_write_it() {
        assert_eq!(Colour::parse("#ff8001"), Some(Colour([255, 128, 1])));
        assert_eq!(Colour([255, 128, 1]).to_string(), "#ff8001");
        assert_eq!(Colour::parse("#ff80"), None);
        assert_eq!(Colour::parse("ff8001"), None);
    }
}
