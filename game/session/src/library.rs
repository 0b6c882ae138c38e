//! The sound library's manifest: which sounds there are, and the groove that a new session starts with.
//!
//! Written by the synth, read by hosts (the starter grid) and players (which file to load). JSON, so that people can
//! read it.

use crate::{
    limits::{CLIP_BEATS_MAX, LIBRARY_SOUNDS_MAX, MANIFEST_BYTES_MAX, SCENES_MAX, SOUND_ID_BYTES_MAX, TRACKS_MAX},
    sample::SampleHash,
    time::{Beats, Tempo},
    values::Colour,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{collections::BTreeSet, fmt};
use thiserror::Error;

/// The manifest that this build ships with.
const BUILTIN: &str = include_str!("../../../assets/sounds/manifest.json");

/// Frames a second of every sound of the library.
const SAMPLE_RATE_HZ: f64 = 48_000.0;

/// Identity of a sound. One of the library has a name: 1–24 characters of `a–z`, `0–9` and `-`; a player's own is named by
/// its [`SampleHash`], 64 digits, which is too long for the library.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SoundId(Box<str>);

impl SoundId {
    /// Parses an identity; `None` if it is empty, too long or has other characters.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = !text.is_empty()
            && text.len() <= SOUND_ID_BYTES_MAX
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        (is_name || SampleHash::parse(text).is_some()).then(|| Self(text.into()))
    }

    /// The identity of a player's own sound.
    pub fn of_sample(hash: SampleHash) -> Self {
        Self(hash.to_string().into())
    }

    /// The sample that it is; `None` for a sound of the library.
    pub fn sample(&self) -> Option<SampleHash> {
        SampleHash::parse(&self.0)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SoundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SoundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SoundId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SoundId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = SoundId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "1 to {SOUND_ID_BYTES_MAX} characters of a-z, 0-9 and -, or a sample's hash")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<SoundId, E> {
                SoundId::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Other("another text"), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// What the library holds and what a new session plays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format: 1.
    pub version: u32,
    /// The key that all pitched sounds share, as musicians write it ("A minor").
    pub key: String,
    /// All sounds, at most [`LIBRARY_SOUNDS_MAX`].
    pub sounds: Vec<Sound>,
    /// The groove of a new session.
    pub starter: Starter,
}

/// One sound of the library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sound {
    /// Identity; the file is `{id}.ogg` beside the manifest.
    pub id: SoundId,
    /// What people read on the pad.
    pub name: String,
    /// Family: "drums", "bass", "hits" … Families are listed in the order of their first sounds.
    pub family: String,
    /// Length in beats, 1/16 … [`CLIP_BEATS_MAX`].
    pub beats: f64,
    /// Tempo of origin, BPM: at this tempo it plays as it was recorded, at another one faster or slower. Its
    /// [`frames`](Self::frames) are `beats × 60 / tempo_bpm × 48000`, to the nearest.
    pub tempo_bpm: f64,
    /// Whether it repeats; otherwise it sounds once.
    pub looped: bool,
    /// Length in frames at 48 kHz, as decoded.
    pub frames: u32,
    /// Channels: 1 or 2.
    pub channels: u16,
    /// Colour of the pad, `#rrggbb`.
    pub colour: Colour,
    /// SPDX licence of the sound.
    pub licence: String,
    /// Integrated loudness (ITU-R BS.1770), LUFS.
    pub loudness_lufs: f64,
    /// True peak, dBTP.
    pub peak_dbtp: f64,
}

impl Sound {
    /// Length in beats, exactly.
    pub fn length(&self) -> Beats {
        Beats::from_f64(self.beats)
    }
}

/// The groove of a new session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Starter {
    /// Tempo in BPM.
    pub tempo_bpm: f64,
    /// Number of scenes (rows).
    pub scenes: usize,
    /// Tracks (columns) from left to right.
    pub tracks: Vec<StarterTrack>,
}

/// A track of the starter groove.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StarterTrack {
    /// Name over the column.
    pub name: String,
    /// Colour of the column, `#rrggbb`.
    pub colour: Colour,
    /// Volume, decibels.
    pub gain_db: f64,
    /// Sounds from the first scene down; `null` is an empty pad. May be shorter than the number of scenes.
    pub slots: Vec<Option<SoundId>>,
}

/// Why a manifest is not usable.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// Larger than [`MANIFEST_BYTES_MAX`].
    #[error("the sound library's manifest is larger than {MANIFEST_BYTES_MAX} bytes")]
    TooLarge,
    /// Not the JSON that is expected.
    #[error("the sound library's manifest cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Read, but not sensible.
    #[error("the sound library's manifest is wrong: {0}")]
    Wrong(String),
}

impl Manifest {
    /// The manifest that this build ships with.
    ///
    /// # Errors
    /// When the shipped file is damaged, which a test of this crate would have caught.
    pub fn builtin() -> Result<Self, ManifestError> {
        Self::parse(BUILTIN.as_bytes())
    }

    /// Parses and checks a manifest.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        if json.len() > MANIFEST_BYTES_MAX {
            return Err(ManifestError::TooLarge);
        }
        let manifest: Self = serde_json::from_slice(json)?;
        manifest.check().map_err(ManifestError::Wrong)?;
        Ok(manifest)
    }

    /// The sound with this identity.
    pub fn sound(&self, id: &SoundId) -> Option<&Sound> {
        self.sounds.iter().find(|sound| sound.id == *id)
    }

    fn check(&self) -> Result<(), String> {
        if self.version != 1 {
            return Err(format!("version {} is not known", self.version));
        }
        if self.sounds.len() > LIBRARY_SOUNDS_MAX {
            return Err(format!("{} sounds, at most {LIBRARY_SOUNDS_MAX} are allowed", self.sounds.len()));
        }
        let mut seen = BTreeSet::new();
        for sound in &self.sounds {
            let id = &sound.id;
            if id.sample().is_some() {
                return Err(format!("{id} is the name of a player's own sound"));
            }
            if !seen.insert(id) {
                return Err(format!("{id} is there twice"));
            }
            if !sound.beats.is_finite() || sound.beats < 1.0 / 16.0 || sound.beats > CLIP_BEATS_MAX as f64 {
                return Err(format!("{id} is {} beats long", sound.beats));
            }
            if sound.frames == 0 || !(1..=2).contains(&sound.channels) {
                return Err(format!("{id} has {} frames in {} channels", sound.frames, sound.channels));
            }
            let frames = sound.beats * 60.0 / sound.tempo_bpm * SAMPLE_RATE_HZ;
            if Tempo::from_bpm(sound.tempo_bpm).is_none() || (frames - f64::from(sound.frames)).abs() > 1.0 {
                return Err(format!(
                    "{id} has {} beats at {} BPM in {} frames",
                    sound.beats, sound.tempo_bpm, sound.frames
                ));
            }
        }
        let starter = &self.starter;
        if Tempo::from_bpm(starter.tempo_bpm).is_none() {
            return Err(format!("the starter's tempo is {}", starter.tempo_bpm));
        }
        if starter.tracks.len() > TRACKS_MAX || starter.scenes == 0 || starter.scenes > SCENES_MAX {
            return Err(format!("a starter of {} tracks and {} scenes", starter.tracks.len(), starter.scenes));
        }
        for track in &starter.tracks {
            if track.slots.len() > starter.scenes {
                return Err(format!("the starter's track {} has {} slots", track.name, track.slots.len()));
            }
            if let Some(unknown) = track.slots.iter().flatten().find(|id| !seen.contains(id)) {
                return Err(format!("the starter's track {} names {unknown}, which is not there", track.name));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_is_of_the_library_or_a_sample() -> Result<(), ManifestError> {
        let hash = SampleHash::of(b"abc");
        let own = SoundId::of_sample(hash);
        assert_eq!((own.sample(), SoundId::parse(own.as_str())), (Some(hash), Some(own.clone())));
        assert_eq!(SoundId::parse("drums").and_then(|id| id.sample()), None);
        for text in ["", "Drums", &"a".repeat(25), &own.as_str()[1..], &own.as_str().to_uppercase()] {
            assert_eq!(SoundId::parse(text), None, "{text}");
        }
        let mut manifest = Manifest::builtin()?;
        manifest.sounds[0].id = own;
        assert!(manifest.check().is_err_and(|why| why.contains("own sound")));
        Ok(())
    }

    #[test]
    fn the_builtin_manifest_is_sound() -> Result<(), ManifestError> {
        let manifest = Manifest::builtin()?;
        let clips = manifest.starter.tracks.iter().flat_map(|track| track.slots.iter().flatten()).count();
        assert!(clips >= 24, "the starter groove has {clips} clips");
        Ok(())
    }

    #[test]
    fn a_manifest_that_names_a_missing_sound_is_refused() {
        let json = br##"{"version":1,"key":"A minor","sounds":[],"starter":{"tempo_bpm":112.0,"scenes":8,
            "tracks":[{"name":"Drums","colour":"#ff8040","gain_db":0.0,"slots":["drums-none"]}]}}"##;
        assert!(matches!(Manifest::parse(json), Err(ManifestError::Wrong(why)) if why.contains("drums-none")));
    }

    #[test]
    fn a_manifest_whose_tempo_does_not_fit_the_length_is_refused() -> Result<(), ManifestError> {
        let manifest = Manifest::builtin()?;
        for tempo_bpm in [0.0, -112.0, f64::NAN, 112.01, 224.0] {
            let mut manifest = manifest.clone();
            manifest.sounds[0].tempo_bpm = tempo_bpm;
            let why = manifest.check().expect_err("another tempo than the frames say");
            assert!(why.contains("BPM"), "{why}");
        }
        Ok(())
    }

    #[test]
    fn a_manifest_that_is_not_json_or_too_large_is_refused() {
        assert!(matches!(Manifest::parse(b"{"), Err(ManifestError::Malformed(_))));
        assert!(matches!(Manifest::parse(&vec![b' '; MANIFEST_BYTES_MAX + 1]), Err(ManifestError::TooLarge)));
    }
}
